import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings, strategies as st

from astroclip_astro.fetch.files.cutout_files import recognise_cutouts
from astroclip_astro.fetch.files.fits_file import DamagedFileError, open_fits
from astroclip_astro.records import PIXEL_SCALE

IMAGE = np.ones((3, 40, 50))


def recognise(path):
    with open_fits(path) as hdus:
        return next(iter(recognise_cutouts(path, list(hdus))), None)


def places(file, *, invvar=False):
    """HDU number and plane of each band."""
    return {one.band: (one.hdu, one.plane) for one in file.layers if one.invvar == invvar}


@pytest.fixture
def fields(tmp_path):
    """Return a function that writes HDUs and recognises what is in them."""

    def recognise_all(hdus):
        path = tmp_path / "fields.fits"
        fits.HDUList(hdus).writeto(path)
        with open_fits(path) as opened:
            return recognise_cutouts(path, list(opened))

    return recognise_all


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
    assert places(file) == {"g": (0, 0), "r": (0, 1), "z": (0, 2)}
    assert (places(file, invvar=True), file.shape, file.damage) == ({}, (40, 50), None)
    assert (file.ra, file.dec) == pytest.approx((150, 2))


@pytest.mark.parametrize("bands", ["zrg", "grz", "griz", "ugrzy", "gz", "GRZ"])
def test_planes_follow_bands(cutout, bands):
    file = cutout(np.ones((len(bands), 40, 50)), bands=bands)
    assert places(file) == {band: (0, i) for i, band in enumerate(bands.lower()) if band in "grz"}


def test_numbered_band_cards_are_understood(cutout):
    file = cutout(cards={"BAND0": "z", "BAND1": "r", "BAND2": "g"}, drop=["BANDS"])
    assert places(file) == {"z": (0, 0), "r": (0, 1), "g": (0, 2)}


def test_one_band_may_be_flat(cutout):
    assert places(cutout(IMAGE[0], bands="r")) == {"r": (0, None)}


def test_an_hdu_per_band_is_recognised(cutout):
    file = cutout(layout="bands", invvar=IMAGE)
    assert places(file) == {"g": (1, None), "r": (2, None), "z": (3, None)}
    assert places(file, invvar=True) == {"g": (4, None), "r": (5, None), "z": (6, None)}


def test_inverse_variance_of_a_cube_is_recognised(cutout):
    assert places(cutout(invvar=IMAGE), invvar=True) == {"g": (1, 0), "r": (1, 1), "z": (1, 2)}


def test_tiled_cube_is_recognised(cutout):
    assert places(cutout(layout="tiled")) == {"g": (1, 0), "r": (1, 1), "z": (1, 2)}


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
        hdus[2].header["CRPIX1"] += 0.5
    with pytest.raises(DamagedFileError, match="different pixel grids"):
        recognise(path)


def planes(*parts):
    """A file with a plane for each part: band, kind, rows, columns."""
    grid = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0})
    grid.update(CD1_1=-PIXEL_SCALE / 3600, CD1_2=0.0, CD2_1=0.0, CD2_2=PIXEL_SCALE / 3600)
    hdus = [fits.PrimaryHDU()]
    for band, kind, rows, columns in parts:
        header = grid.copy()
        header.update(BAND=band, IMAGETYP=kind)
        header.update(CRPIX1=30.5 - columns.start, CRPIX2=30.5 - rows.start)
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        hdus.append(fits.ImageHDU(np.ones(shape, "f4"), header))
    return hdus


WHOLE = slice(0, 60)


def test_planes_of_two_bricks_are_one_field(fields):
    parts = [
        (band, "image", rows, WHOLE) for rows in (slice(0, 50), slice(40, 60)) for band in "grz"
    ]
    [file] = fields(planes(*parts))
    assert (file.shape, file.bands) == ((60, 60), "grz")
    assert [(one.top, one.shape) for one in file.of("r")] == [(0, (50, 60)), (40, (20, 60))]
    assert (file.ra, file.dec) == pytest.approx((150, 2))


def test_field_begins_where_its_first_plane_does(fields):
    parts = [("g", "image", slice(5, 60), WHOLE), ("r", "image", WHOLE, slice(-3, 60))]
    [file] = fields(planes(*parts))
    assert file.shape == (60, 63)
    assert [(one.top, one.left) for one in file.layers] == [(5, 3), (0, 0)]
    assert file.wcs.wcs.crpix.tolist() == [33.5, 30.5]


def test_field_is_covered_where_all_bands_reach(fields):
    parts = [("g", "image", WHOLE, WHOLE), ("r", "image", slice(0, 45), WHOLE)]
    [file] = fields(planes(*parts))
    place = np.array([150.0]), np.array([2.0])
    assert [file.locate(*place, size)[1].tolist() for size in (30, 32)] == [[True], [False]]


def test_images_of_two_grids_are_two_fields(fields):
    hdus = planes(*((band, "image", WHOLE, WHOLE) for band in "grzgrz"))
    for hdu in hdus[4:]:
        hdu.header["CRVAL2"] += 0.01
    files = fields(hdus)
    assert [(file.bands, len(file.layers)) for file in files] == [("grz", 3), ("grz", 3)]


def test_plane_without_wcs_must_be_as_large_as_the_one_before(fields):
    hdus = planes(("g", "image", WHOLE, WHOLE), ("g", "invvar", slice(0, 59), WHOLE))
    for card in ("CTYPE1", "CTYPE2"):
        del hdus[2].header[card]
    with pytest.raises(DamagedFileError, match="HDU 2 has no WCS and another size"):
        fields(hdus)


@pytest.mark.parametrize("scale", [0.396, 0.2637])
def test_filter_alone_goes_with_native_pixels_only(tmp_path, cutout, scale):
    cards = {"FILTER": "r", "BUNIT": "nanomaggy"}
    assert cutout(IMAGE[0], bands="r", cards=cards, drop=["BANDS"]) is not None
    (tmp_path / "cutout.fits").unlink()
    with pytest.raises(DamagedFileError, match=f"pixels of {scale:.3g} arcsec, expected 0.262"):
        cutout(IMAGE[0], bands="r", cards=cards, drop=["BANDS"], scale=scale)


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
