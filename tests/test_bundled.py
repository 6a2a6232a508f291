"""What comes with the package: weights, reference and demo belong together and are honest."""

import numpy as np
import pytest

from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.columns import Flag
from astroclip_astro.models.checkpoint import load_weights, sha256
from astroclip_astro.resources import folder
from astroclip_astro.search.reference import load_reference


@pytest.fixture(scope="module")
def demo():
    """The demo catalogue, annotated from the demo sky."""
    table = read_catalogue(folder("catalogs") / "demo.fits")
    return table.astroclip.annotate(source="demo", device="cpu")


def test_card_and_reference_are_of_these_weights():
    checksum = sha256(folder("weights") / "compact.safetensors")
    assert load_weights("compact")[1]["sha256"] == checksum
    assert load_reference("compact").weights_sha256 == checksum


def test_reference_is_large_enough_and_says_it_is_simulated():
    reference = load_reference("compact")
    assert len(reference) >= 10_000
    assert reference.simulated is True
    assert "SIMULATED" in reference.description
    assert {"redshift", "log_stellar_mass"} <= set(reference.labels)


def test_weights_have_learned_something():
    scores = load_weights("compact")[1]["scores"]
    assert scores["spectrum_r2_redshift"] > 0.8
    assert scores["image_r2_redshift"] > 0.5


def test_demo_galaxies_are_not_in_the_reference(demo):
    reference = load_reference("compact")
    cosine = np.asarray(demo["astroclip_image"].filled(0)) @ reference.image.T
    assert cosine.max() < 1 - 1e-6


@pytest.mark.parametrize(
    ("row", "flag"),
    [
        (3, Flag.INCOMPLETE_IMAGE),
        (5, Flag.INCOMPLETE_IMAGE),
        (7, Flag.NO_SPECTRUM | Flag.BAD_SPECTRUM),
        (8, Flag.BAD_SPECTRUM),
        (10, Flag.NO_IMAGE),
        (11, Flag.NO_IMAGE),
        (13, Flag.NO_IMAGE | Flag.SOURCE_FAILED),
        (15, Flag.NO_SPECTRUM),
        (19, Flag.BAD_SPECTRUM),
        (40, Flag.BAD_COORDINATES | Flag.NO_IMAGE | Flag.NO_SPECTRUM),
        (41, Flag.BAD_COORDINATES | Flag.NO_IMAGE | Flag.NO_SPECTRUM),
        (42, Flag.NO_IMAGE | Flag.NO_SPECTRUM),
    ],
)
def test_demo_rows_that_go_wrong_are_flagged(demo, row, flag):
    assert demo["astroclip_flags"][row] & flag == flag


def test_other_demo_rows_are_whole(demo):
    wrong = {3, 5, 7, 8, 10, 11, 13, 15, 16, 17, 19, 40, 41, 42}
    whole = [row for row in range(43) if row not in wrong]
    trouble = (
        Flag.NO_IMAGE | Flag.NO_SPECTRUM | Flag.INCOMPLETE_IMAGE | Flag.BAD_SPECTRUM
    ) | Flag.SOURCE_FAILED
    assert not (demo["astroclip_flags"][whole] & trouble).any()
    assert not np.ma.getmaskarray(demo["astroclip_z"])[whole].any()


def test_demo_redshifts_are_better_than_chance(demo):
    both = ~np.ma.getmaskarray(demo["astroclip_z_spectrum"])
    both &= ~np.ma.getmaskarray(demo["astroclip_desi_z"])
    ours = np.asarray(demo["astroclip_z_spectrum"][both])
    true = np.asarray(demo["astroclip_desi_z"][both])
    assert np.corrcoef(ours, true)[0, 1] > 0.7
