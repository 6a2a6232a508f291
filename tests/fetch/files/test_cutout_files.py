import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings, strategies as st

from astroclip_astro.fetch.files.cutout_files import recognise_cutout
from astroclip_astro.fetch.files.fits_file import DamagedFileError, open_fits
from astroclip_astro.records import PIXEL_SCALE

IMAGE = np.ones((3, 40, 50))


def recognise(path):
    with open_fits(path) as hdus:
        return recognise_cutout(path, list(hdus))


@pytest.fixture
def cutout(tmp_path, write_cutout):
    """Return a function that writes a cutout with other cards, and recognises it."""

    def make(image=IMAGE, *, cards=(), drop=(), **options):
        path = write_cutout(tmp_path / "cutout.fits", image, **options)
        with fits.open(path, mode="update") as hdus:
            for hdu in hdus:
                hdu.header.update(cards)
                for name in drop:
                    hdu.header.remove(name, ignore_missing=True)
        return recognise(path)

    return make


def test_cube_is_recognised(cutout):
    file = cutout()
    assert file.image == {"g": (0, 0), "r": (0, 1), "z": (0, 2)}
    assert (file.invvar, file.shape, file.damage) == ({}, (40, 50), None)
    assert (file.ra, file.dec) == pytest.approx((150, 2))


@pytest.mark.parametrize("bands", ["zrg", "grz", "griz", "ugrzy", "gz", "GRZ"])
def test_planes_follow_bands(cutout, bands):
    file = cutout(np.ones((len(bands), 40, 50)), bands=bands)
    assert file.image == {band: (0, i) for i, band in enumerate(bands.lower()) if band in "grz"}


def test_numbered_band_cards_are_understood(cutout):
    file = cutout(cards={"BAND0": "z", "BAND1": "r", "BAND2": "g"}, drop=["BANDS"])
    assert file.image == {"z": (0, 0), "r": (0, 1), "g": (0, 2)}


def test_one_band_may_be_flat(cutout):
    assert cutout(IMAGE[0], bands="r").image == {"r": (0, None)}


def test_an_hdu_per_band_is_recognised(cutout):
    file = cutout(layout="bands", invvar=IMAGE)
    assert file.image == {"g": (1, None), "r": (2, None), "z": (3, None)}
    assert file.invvar == {"g": (4, None), "r": (5, None), "z": (6, None)}


def test_inverse_variance_of_a_cube_is_recognised(cutout):
    assert cutout(invvar=IMAGE).invvar == {"g": (1, 0), "r": (1, 1), "z": (1, 2)}


def test_tiled_cube_is_recognised(cutout):
    assert cutout(layout="tiled").image == {"g": (1, 0), "r": (1, 1), "z": (1, 2)}


@pytest.mark.parametrize("kind", ["MASKBITS", "model", "resid"])
def test_images_of_other_kinds_are_passed_over(cutout, kind):
    assert cutout(cards={"IMAGETYP": kind}) is None


def test_image_without_bands_is_passed_over(cutout):
    assert cutout(drop=["BANDS"]) is None


@pytest.mark.parametrize("unit", ["nanomaggy", "nanomaggies", "nmgy", "nanomaggy/pixel", ""])
def test_nanomaggies_are_taken(cutout, unit):
    assert cutout(cards={"BUNIT": unit}) is not None


@pytest.mark.parametrize("unit", ["Jy", "adu", "mag/arcsec2", "nanomaggy/arcsec2", "MJy/sr"])
def test_other_units_are_refused(cutout, unit):
    with pytest.raises(DamagedFileError, match="expected nanomaggies"):
        cutout(cards={"BUNIT": unit})


def test_bands_that_are_not_ours_are_refused(cutout):
    with pytest.raises(DamagedFileError, match="bands u, i, y, expected some of g, r, z"):
        cutout(bands="uiy")


def test_other_number_of_planes_than_bands_is_refused(cutout):
    with pytest.raises(DamagedFileError, match="3 planes for the bands g, r"):
        cutout(cards={"BANDS": "gr"})


def test_bands_on_different_grids_are_refused(tmp_path, write_cutout):
    path = write_cutout(tmp_path / "a.fits", IMAGE, layout="bands")
    with fits.open(path, mode="update") as hdus:
        hdus[2].header["CRPIX1"] += 1
    with pytest.raises(DamagedFileError, match="different pixel grids"):
        recognise(path)


@pytest.mark.parametrize(
    ("cards", "drop", "words"),
    [
        ({}, ["CTYPE1", "CTYPE2"], "no celestial WCS"),
        (
            {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 2, "CRVAL2": 9},
            [],
            "RA on the first axis",
        ),
        ({"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}, [], "galactic"),
        ({"RADESYS": "FK5", "EQUINOX": 1975.0}, [], "expected ICRS or J2000"),
        ({"CD1_1": -1e-6, "CD2_2": 1e-6}, [], "arcsec, expected about 0.262"),
        ({"CD1_1": -1e-2, "CD2_2": 1e-2}, [], "arcsec, expected about 0.262"),
        ({"CRVAL2": 200.0}, [], "Error"),
        ({"CD1_1": 0.0, "CD2_2": 0.0}, [], "arcsec"),
    ],
)
def test_unusable_wcs_is_refused(cutout, cards, drop, words):
    with pytest.raises(DamagedFileError, match=words):
        cutout(cards=cards, drop=drop)


def test_j2000_is_taken(cutout):
    assert cutout(cards={"RADESYS": "FK5", "EQUINOX": 2000.0}) is not None


def test_cutout_cut_short_keeps_its_place(tmp_path, write_cutout):
    path = write_cutout(tmp_path / "a.fits", IMAGE, ra=10, dec=-5)
    with path.open("r+b") as stream:
        stream.truncate(8000)
    file = recognise(path)
    assert "cut short" in file.damage
    assert (file.ra, file.dec) == pytest.approx((10, -5))


def test_header_that_lies_about_its_size_claims_no_sky(tmp_path, write_cutout):
    path = write_cutout(tmp_path / "a.fits", IMAGE)
    content = path.read_bytes()
    path.write_bytes(
        content.replace(b"NAXIS1  =                   50", b"NAXIS1  =              5000000")
    )
    with pytest.raises(DamagedFileError, match="cut short or header wrong"):
        recognise(path)


@settings(max_examples=40, deadline=None)
@given(
    ra=st.one_of(st.floats(0, 359.99), st.just(0.0)),
    dec=st.one_of(st.floats(-90, 90), st.sampled_from([90.0, -90.0, 89.999])),
    rotation=st.floats(0, 360),
)
def test_circle_holds_the_image_anywhere(tmp_path_factory, write_cutout, ra, dec, rotation):
    path = tmp_path_factory.mktemp("cutout") / "a.fits"
    file = recognise(write_cutout(path, IMAGE, ra, dec, rotation=rotation))
    corner = np.hypot(20, 25) * PIXEL_SCALE / 3600
    assert corner < file.radius < 1.1 * corner
    held, _ = file.locate(np.array([ra]), np.array([dec]), 10)
    assert held.all()


@pytest.mark.parametrize(
    ("size", "expected"), [(40, True), (41, False), (30, True)], ids=["just", "not", "easily"]
)
def test_field_is_covered_or_not(cutout, size, expected):
    _, covered = cutout().locate(np.array([150.0]), np.array([2.0]), size)
    assert covered.tolist() == [expected]


def test_position_beyond_the_edge_is_not_held(cutout):
    north = 2 + np.array([19.9, 20.1]) * PIXEL_SCALE / 3600
    held, _ = cutout().locate(np.full(2, 150.0), north, 10)
    assert held.tolist() == [True, False]
