"""Scores are those of scikit-learn and of the definitions; intervals cover what they should."""

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import r2_score

from astroclip_astro.errors import InputError
from astroclip_astro.evaluate.scores import bootstrap, label_scores
from astroclip_astro.zeroshot.metrics import r2, sigma_nmad

LENGTHS = st.integers(2, 30)
NUMBERS = st.floats(-1, 5, width=32)


@st.composite
def pairs(draw):
    n = draw(LENGTHS)
    return [draw(arrays(np.float64, n, elements=NUMBERS)) for _ in range(2)]


@settings(deadline=None)
@given(pairs())
def test_r2_is_that_of_scikit_learn(pair):
    true, found = pair
    variance = np.square(true - true.mean()).sum()
    assume(variance == 0 or variance > 1e-6)
    assert r2(true, found) == pytest.approx(r2_score(true, found), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("found", "expected"), [([0.2, 0.2], 1.0), ([0.2, 0.3], 0.0)])
def test_r2_without_variance_is_a_number(found, expected):
    assert r2(np.array([0.2, 0.2]), np.array(found)) == expected


def test_scores_go_along_the_last_axis():
    true, found = np.random.default_rng(1).normal(size=(2, 4, 50))
    np.testing.assert_allclose(
        r2(true, found), [r2(a, b) for a, b in zip(true, found, strict=True)]
    )
    np.testing.assert_allclose(sigma_nmad(true), [sigma_nmad(one) for one in true])


@settings(deadline=None)
@given(pairs(), st.randoms(use_true_random=False))
def test_order_of_galaxies_does_not_matter(pair, random):
    order = list(range(len(pair[0])))
    random.shuffle(order)
    true, found = np.abs(pair[0]), pair[1]
    assume(np.square(true - true.mean()).sum() > 1e-6)
    for label in ("redshift", "log_stellar_mass"):
        one = label_scores(label, true, found, resamples=0)
        other = label_scores(label, true[order], found[order], resamples=0)
        for name in one:
            assert one[name].value == pytest.approx(other[name].value, rel=1e-9, abs=1e-9), name


def test_scores_of_redshift_are_those_of_the_definitions():
    rng = np.random.default_rng(1)
    true = rng.uniform(0, 1, 500)
    found = true + (1 + true) * rng.standard_t(2, 500) * 0.05 + 0.02
    error = (found - true) / (1 + true)
    scores = {name: one.value for name, one in label_scores("redshift", true, found).items()}
    assert scores["r2"] == pytest.approx(r2_score(true, found))
    assert scores["bias"] == pytest.approx(np.median(error))
    spread = np.median(np.abs(error - np.median(error)))
    assert scores["sigma_nmad"] == pytest.approx(1.4826 * spread)
    assert scores["outliers_0.05"] == np.mean(np.abs(error) > 0.05)
    assert scores["outliers_0.15"] == np.mean(np.abs(error) > 0.15)
    assert list(scores) == ["r2", "sigma_nmad", "bias", "outliers_0.05", "outliers_0.15"]


def test_scores_of_mass_are_in_dex():
    rng = np.random.default_rng(1)
    true = rng.uniform(8, 12, 4000)
    found = true + rng.normal(0.1, 0.3, 4000)
    scores = label_scores("log_stellar_mass", true, found, resamples=0)
    assert list(scores) == ["r2", "scatter", "bias"]
    assert scores["scatter"].value == pytest.approx(0.3, rel=0.05)
    assert scores["bias"].value == pytest.approx(0.1, abs=0.02)


def test_interval_is_that_of_theory():
    values = np.random.default_rng(3).normal(5, 2, 400)
    mean = bootstrap({"mean": lambda x: x.mean(axis=-1)}, values, resamples=4000)["mean"]
    half = 1.96 * values.std() / np.sqrt(400)
    assert mean.value == pytest.approx(values.mean())
    assert mean.high - values.mean() == pytest.approx(half, rel=0.1)
    assert values.mean() - mean.low == pytest.approx(half, rel=0.1)


def test_interval_holds_the_truth_as_often_as_it_says():
    rng, held = np.random.default_rng(4), 0
    for seed in range(200):
        values = rng.normal(0, 1, 100)
        found = bootstrap({"m": lambda x: x.mean(axis=-1)}, values, resamples=300, seed=seed)["m"]
        held += found.low < 0 < found.high
    assert 180 <= held <= 199


def test_blocks_of_draws_do_not_matter(monkeypatch):
    values = np.random.default_rng(5).normal(size=70)
    whole = bootstrap({"m": lambda x: x.mean(axis=-1)}, values, resamples=100)
    monkeypatch.setattr("astroclip_astro.evaluate.scores.BLOCK", 70 * 7)
    assert bootstrap({"m": lambda x: x.mean(axis=-1)}, values, resamples=100) == whole


def test_seed_decides_the_interval():
    values = np.random.default_rng(5).normal(size=70)
    one, same, other = (
        bootstrap({"m": lambda x: x.mean(axis=-1)}, values, seed=seed)["m"] for seed in (1, 1, 2)
    )
    assert one == same
    assert one.low != other.low
    assert one.value == other.value


def test_without_draws_there_is_no_interval():
    found = label_scores("redshift", np.array([0.1, 0.2]), np.array([0.1, 0.3]), resamples=0)
    assert all(np.isnan([one.low, one.high]).all() for one in found.values())


@pytest.mark.parametrize(
    ("true", "found", "resamples", "message"),
    [
        ([0.1, 0.2], [0.1], 10, "expected one each"),
        ([], [], 10, "no galaxy"),
        ([0.1], [0.1], -1, "expected 0 or more"),
    ],
)
def test_mistakes_are_refused(true, found, resamples, message):
    with pytest.raises(InputError, match=message):
        label_scores("redshift", np.array(true), np.array(found), resamples=resamples)
