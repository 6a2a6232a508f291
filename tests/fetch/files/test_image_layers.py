"""What an image shows, in which band and unit, by whatever cards say it."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.fetch.files.fits_file import DamagedFileError
from astroclip_astro.fetch.files.image_layers import (
    bands_of,
    check_flux,
    describe_unused,
    is_picture,
    kind_of,
)


def image(shape=(4, 4), name=None, **cards):
    return fits.ImageHDU(np.ones(shape, "f4"), fits.Header(cards), name=name)


@pytest.mark.parametrize(
    ("hdu", "kind"),
    [
        (image(IMAGETYP="INVVAR"), "invvar"),
        (image(IMTYPE="invvar"), "invvar"),
        (image(IMTYPE="galdepth"), "galdepth"),
        (image(IMAGETYP="image", name="MASK"), "image"),
        (image(name="invvar_g"), "invvar"),
        (image(name="IVAR"), "invvar"),
        (image(name="g-WEIGHT"), "invvar"),
        (image(name="PSF"), "psf"),
        (image(name="MASKBITS_R"), "maskbits"),
        (image(name="chi2_z"), "chi2"),
        (image(name="image_g"), "image"),
        (image(), "image"),
    ],
)
def test_kind_is_read_from_header_or_name(hdu, kind):
    assert kind_of(hdu, Path("a.fits")) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("legacysurvey-1502p020-image-g.fits.fz", "image"),
        ("legacysurvey-1502p020-invvar-g.fits.fz", "invvar"),
        ("legacysurvey-1502m020-psfsize-g.fits.fz", "psfsize"),
        ("legacysurvey-1502p020-maskbits.fits.fz", "maskbits"),
        ("invvar.fits", "image"),
    ],
)
def test_kind_is_read_from_the_name_of_a_bricks_file(name, kind):
    assert kind_of(image(), Path(name)) == kind


@pytest.mark.parametrize(
    ("cards", "bands"),
    [
        ({"BAND": "g"}, ("g",)),
        ({"BAND": "DES-r"}, ("r",)),
        ({"BANDS": "g", "FILTER": "r"}, ("g",)),
        ({"BAND0": "z"}, ("z",)),
        ({"FILTERX": "z"}, ("z",)),
        ({"FILTER": "r DECam SDSS c0002 6415.0 1480.0"}, ("r",)),
        ({"FILTER": "zd", "FILTERX": "z"}, ("z",)),
        ({"FILTER": "W1"}, ("w1",)),
        ({"FILTER": "zd"}, ("zd",)),
        ({"FILTER": "clear"}, ("clear",)),
        ({}, ()),
    ],
)
def test_band_is_read_from_any_of_its_cards(cards, bands):
    assert bands_of(image(**cards)) == bands


@pytest.mark.parametrize("bands", ["grz", "griz", "ugrizY", "g,r,i,z"])
def test_planes_are_named_in_order(bands):
    letters = [letter for letter in bands.lower() if letter.isalpha()]
    assert bands_of(image((len(letters), 4, 4), BANDS=bands)) == tuple(letters)


def test_filter_names_no_planes_of_a_cube():
    assert bands_of(image((3, 4, 4), FILTER="g")) == ()


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ({"BAND": "g", "BUNIT": "Jy"}, r"'Jy' \(BUNIT\), expected nanomaggies"),
        ({"BAND": "g", "BUNIT": "nanomaggy/arcsec2"}, "expected nanomaggies"),
        ({"BAND": "g", "MAGZERO": 25.0}, r"MAGZERO = 25, expected .*10 \*\* \(0.4 \* \(22.5 - 25"),
        ({"FILTER": "g DECam"}, "image without unit"),
        ({"FILTER": "g", "BUNIT": "adu"}, "'adu'"),
    ],
)
def test_other_fluxes_are_refused(cards, words):
    with pytest.raises(DamagedFileError, match=words):
        check_flux(image(**cards))


@pytest.mark.parametrize(
    "cards",
    [
        {"BAND": "g"},
        {"FILTER": "g", "BUNIT": "nanomaggy"},
        {"FILTERX": "g", "MAGZERO": 22.5},
        {"BANDS": "g", "BUNIT": "nanomaggies"},
    ],
)
def test_nanomaggies_are_taken(cards):
    check_flux(image(**cards))


@pytest.mark.parametrize(
    ("hdus", "words"),
    [
        ([fits.PrimaryHDU()], "no image and no spectrum"),
        ([fits.PrimaryHDU(), fits.BinTableHDU()], "no image and no spectrum"),
        ([fits.PrimaryHDU(), image(name="PSF")], "of kind psf"),
        ([image(IMTYPE="nexp")], "of kind nexp"),
        ([fits.PrimaryHDU(), image(name="B_FLUX")], "spectra without a table FIBERMAP"),
        ([fits.PrimaryHDU(), fits.BinTableHDU(name="FIBERMAP")], "without spectra of a camera"),
        ([image()], "no image with named bands"),
        ([image(FILTERX="W1")], "an image in band w1, expected some of g, r, z"),
    ],
)
def test_what_is_passed_over_has_its_reason(hdus, words):
    assert words in describe_unused(hdus, Path("a.fits"))


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4, 4)])
def test_a_line_or_a_hypercube_is_no_picture(shape):
    assert not is_picture(image(shape))
