"""The demo sky is what its files hold; the painted sky can be recognised."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from hypothesis import given, strategies as st

from astroclip_astro.errors import InputError
from astroclip_astro.fetch.files.coadd_files import read_spectra, recognise_coadd
from astroclip_astro.fetch.files.fits_file import open_fits
from astroclip_astro.resources import folder
from astroclip_astro.standin.objects import Nearest, UnreadableImageError, zpix
from astroclip_astro.standin.sky import (
    demo_sky,
    painted_number,
    painted_number_of_flux,
    painted_sky,
)

FOLDER = folder("catalogs") / "demo_sky"
PAINTED = painted_sky(200)


@pytest.fixture(scope="module")
def demo():
    return demo_sky()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("coadd-*.fits")), ids=lambda path: path.stem)
def test_demo_spectra_are_those_of_the_package_reader(demo, path):
    with open_fits(path) as hdus:
        coadd = recognise_coadd(path, list(hdus))
    with fits.open(path) as hdus:
        program = hdus["FIBERMAP"].data["PROGRAM"]
    table = demo.spectra[demo.spectra["data_release"] == "DESI-DR1"]
    expected = read_spectra(coadd, range(len(coadd)))
    for row, targetid in enumerate(coadd.targetid):
        same = (table["targetid"] == targetid) & (table["program"] == program[row].strip())
        (place,) = np.flatnonzero(same)
        served = demo.flux_ivar(place + np.sum(demo.spectra["data_release"] == "DESI-EDR"))
        for ours, theirs in zip(served, expected[row], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=2e-6)


def test_demo_images_are_the_files_exactly(demo):
    path = FOLDER / "cutout-20.fits"
    with fits.open(path) as hdus:
        header, pixels = hdus[0].header, hdus[0].data
        patch = demo.image(header["CRVAL1"], header["CRVAL2"])
        assert (patch.pixels == pixels).all()


def test_demo_damaged_image_is_an_error(demo):
    path = min(FOLDER.glob("cutout-*.fits"), key=lambda path: path.stat().st_size)
    with path.open("rb") as file:
        header = fits.Header.fromfile(file)
    with pytest.raises(UnreadableImageError):
        demo.image(header["CRVAL1"], header["CRVAL2"])


@pytest.mark.parametrize(
    ("dec", "inside"), [(-5.0, True), (-5.019, True), (-5.021, False), (60.0, False)]
)
def test_demo_brick_ends_at_a_fiftieth_of_a_degree(demo, dec, inside):
    assert (demo.image(359.9, dec) is not None) is inside


def test_demo_bad_fibre_has_a_redshift_warning(demo):
    bad = demo.spectra[demo.spectra["coadd_fiberstatus"] != 0]
    assert len(bad) > 0
    assert (np.asarray(bad["redshift_warning"]) == 1 << 11).all()


def test_demo_each_target_has_one_primary_spectrum_a_release(demo):
    first = demo.spectra[np.asarray(demo.spectra["specprimary"]).astype(bool)]
    for release in ("DESI-EDR", "DESI-DR1"):
        part = first[first["data_release"] == release]
        assert len(part) == len(set(part["targetid"])) > 20


def test_demo_one_target_was_observed_twice(demo):
    late = demo.spectra[demo.spectra["data_release"] == "DESI-DR1"]
    assert len(late) == len(set(late["targetid"])) + 1


@pytest.mark.parametrize("sky", [demo_sky(), PAINTED], ids=["demo", "painted"])
def test_early_release_is_survey_sv3_and_all_in_the_later_one(sky):
    early, late = (zpix(sky, release) for release in ("DESI-EDR", "DESI-DR1"))
    assert set(early["survey"]) == {"sv3"}
    assert set(early["targetid"]) <= set(late["targetid"])
    assert late["zwarn"].dtype == late["sv_primary"].dtype == late["targetid"].dtype == np.int64


@given(st.integers(0, 199))
def test_painted_data_carry_their_number(number):
    image = PAINTED.image(PAINTED.ra[number], PAINTED.dec[number]).pixels
    (row, *_) = np.flatnonzero(PAINTED.spectra["targetid"] == 800_000_000_000_000 + number)
    flux, ivar = PAINTED.flux_ivar(row)
    assert painted_number(image) == painted_number_of_flux(flux) == number
    assert painted_number_of_flux(ivar / 4) == number


def test_painted_numbers_survive_blank_pixels():
    image = PAINTED.image(PAINTED.ra[5], PAINTED.dec[5]).pixels.copy()
    image[1, 3:50] = 0
    assert painted_number(image) == 5


def test_painted_flux_of_the_last_number_is_exact():
    sky = painted_sky(3)
    flux = sky.flux_ivar(0)[0] + np.float32((2**20 - 1) / 2**20)
    assert painted_number_of_flux(flux) == 2**20 - 1


def swapped_bands():
    return PAINTED.image(PAINTED.ra[5], PAINTED.dec[5]).pixels[::-1]


def mixed_objects():
    pixels = [PAINTED.image(PAINTED.ra[n], PAINTED.dec[n]).pixels for n in (5, 6)]
    return np.where(np.arange(192) < 30, *pixels)


@pytest.mark.parametrize(
    "make", [lambda: np.zeros((3, 4, 4)), lambda: np.ones((3, 4, 4)), swapped_bands, mixed_objects]
)
def test_painted_number_refuses_what_is_not_one_object(make):
    with pytest.raises(InputError, match="not that of one"):
        painted_number(make())


def test_painted_positions_cross_zero_and_reach_both_poles():
    assert PAINTED.dec.max() == 89.99
    assert PAINTED.dec.min() == -89.99
    around = PAINTED.ra[np.abs(PAINTED.dec) < 10]
    assert around.min() < 0.2
    assert around.max() > 359.8
    assert ((around < 5) | (around > 355)).all()


def test_painted_objects_stand_apart():
    sky = painted_sky(3000, seed=5)
    places = SkyCoord(sky.ra, sky.dec, unit="deg")
    assert places.match_to_catalog_sky(places, 2)[1].arcsec.min() > 29


def test_painted_seed_moves_objects():
    assert (painted_sky(5, seed=1).ra != painted_sky(5, seed=2).ra).all()
    assert (painted_sky(5, seed=1).ra == painted_sky(5, seed=1).ra).all()


def test_painted_second_spectra_are_not_primary():
    second = PAINTED.spectra[PAINTED.spectra["program"] == "dark"]
    assert set(second["targetid"] % 10) == {4}
    assert not np.any(second["specprimary"])


@pytest.mark.parametrize("count", [0, -1, 2**20 + 1])
def test_painted_count_out_of_range_is_refused(count):
    with pytest.raises(InputError, match="expected 1 to 1048576"):
        painted_sky(count)


@given(st.floats(0, 360), st.floats(-90, 90))
def test_nearest_agrees_with_sky_coordinates(ra, dec):
    row, separation = Nearest(PAINTED.ra, PAINTED.dec)(ra, dec)
    there = SkyCoord(PAINTED.ra[row], PAINTED.dec[row], unit="deg")
    assert SkyCoord(ra, dec, unit="deg").separation(there).deg == pytest.approx(
        separation, abs=1e-9
    )
