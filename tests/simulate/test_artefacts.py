"""What goes wrong: a bit and a rate for each, and nothing twice."""

import numpy as np
import pytest
from scipy import stats

from astroclip_astro.simulate.artefacts import RATES, Artefact, drawn


def test_every_artefact_has_a_rate():
    assert set(RATES) == set(Artefact)


def test_every_artefact_has_a_bit_of_its_own():
    bits = [artefact.value for artefact in Artefact]
    assert all(bit & (bit - 1) == 0 for bit in bits)
    assert len(set(bits)) == len(bits)
    assert max(bits) < 2**31


@pytest.mark.parametrize("artefact", Artefact, ids=lambda artefact: artefact.name)
def test_artefacts_happen_at_their_rates(artefact):
    rng = np.random.default_rng(artefact.value)
    times = sum(drawn(artefact, rng) for _ in range(20_000))
    assert stats.binomtest(times, 20_000, RATES[artefact][0]).pvalue > 1e-4


def test_one_number_is_drawn():
    one, other = np.random.default_rng(0), np.random.default_rng(0)
    drawn(Artefact.GRADIENT, one)
    other.random()
    assert one.random() == other.random()
