"""What comes with the package: weights, reference and demo belong together and are honest."""

from functools import reduce
from operator import or_

import numpy as np
import pytest

from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.flags import Flag
from astroclip_astro.models.card import sha256
from astroclip_astro.models.checkpoint import load_weights
from astroclip_astro.resources import folder
from astroclip_astro.zeroshot.reference_file import load_reference


@pytest.fixture(scope="module")
def demo():
    """The demo catalogue, annotated from the stand-in by the clients of the archives."""
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


@pytest.mark.slow
def test_demo_galaxies_are_not_in_the_reference(demo):
    reference = load_reference("compact")
    cosine = np.asarray(demo["astroclip_image"].filled(0)) @ reference.image.T
    assert cosine.max() < 1 - 1e-6


FAILED_IMAGE = Flag.NO_IMAGE | Flag.SOURCE_FAILED
LOST = Flag.NO_IMAGE | Flag.NO_SPECTRUM
WRONG = {
    40: Flag.INCOMPLETE_IMAGE,
    41: Flag.INCOMPLETE_IMAGE,
    42: Flag.NO_SPECTRUM | Flag.BAD_SPECTRUM,
    43: Flag.BAD_SPECTRUM,
    44: Flag.NO_IMAGE,
    45: Flag.NO_IMAGE,
    46: Flag.NO_SPECTRUM,
    47: Flag.NO_SPECTRUM,
    48: Flag.NO_SPECTRUM,
    49: FAILED_IMAGE,
    50: Flag.BAD_SPECTRUM,
    51: Flag.SEVERAL_SPECTRA,
    52: LOST | Flag.BAD_COORDINATES,
    53: LOST | Flag.BAD_COORDINATES,
    54: LOST | Flag.SOURCE_FAILED,  # the viewer's error outside every brick
    55: LOST | Flag.OUTSIDE_IMAGING,
}
TROUBLE = reduce(or_, WRONG.values())


@pytest.mark.parametrize(("row", "flags"), WRONG.items())
def test_demo_rows_that_go_wrong_are_flagged(demo, row, flags):
    assert demo["astroclip_flags"][row] & TROUBLE == flags


def test_at_least_forty_demo_galaxies_are_whole(demo):
    whole = [row for row in range(len(demo)) if row not in WRONG]
    assert len(whole) >= 40
    assert not (demo["astroclip_flags"][whole] & TROUBLE).any()
    for column in ("z", "z_image", "z_spectrum", "desi_z"):
        assert not np.ma.getmaskarray(demo[f"astroclip_{column}"])[whole].any()


def test_demo_comes_over_the_wire_as_from_a_folder(demo):
    table = read_catalogue(folder("catalogs") / "demo.fits")
    local = table.astroclip.annotate(source=folder("catalogs") / "demo_sky", device="cpu")
    only_online = int(Flag.OUTSIDE_IMAGING | Flag.SOURCE_FAILED | Flag.BAD_SPECTRUM)
    for name in local.colnames:
        ours, theirs = (np.ma.getdata(t[name]) for t in (demo, local))
        if name == "astroclip_flags":
            ours, theirs = ours & ~only_online, theirs & ~only_online
        if ours.dtype.kind == "f":
            assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-5, equal_nan=True), name
        else:
            assert (ours == theirs).all(), name


def test_row_that_repeats_another_has_its_values(demo):
    for name in demo.colnames:
        if name != "name":
            first, again = (np.ma.getdata(demo[name])[row] for row in (0, 56))
            np.testing.assert_array_equal(first, again, name)


def test_demo_redshifts_are_better_than_chance(demo):
    both = ~np.ma.getmaskarray(demo["astroclip_z_spectrum"])
    both &= ~np.ma.getmaskarray(demo["astroclip_desi_z"])
    ours = np.asarray(demo["astroclip_z_spectrum"][both])
    true = np.asarray(demo["astroclip_desi_z"][both])
    assert np.corrcoef(ours, true)[0, 1] > 0.7
