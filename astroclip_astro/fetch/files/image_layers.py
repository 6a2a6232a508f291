"""Layers of images: of what kind and band each plane of an HDU is, as its header says it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from astropy.io import fits

from astroclip_astro.fetch.files.fits_file import DamagedFileError

BANDS = "grz"
UNUSED = "not used: "  # how the reason begins why a file is passed over
ZERO_POINT = 22.5  # magnitude of one nanomaggy
Image: TypeAlias = fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU
KIND_CARDS = ("IMAGETYP", "IMTYPE")  # of the viewer and of the coadds of bricks
FILTER_CARDS = ("FILTERX", "FILTER")
INVVAR = {"invvar", "ivar", "wtmap", "weight", "wht"}
# Words for what is made beside images; in the name of an HDU or of a file they say what it is.
OTHERS = (
    *("maskbits", "mask", "wisemask", "dq", "model", "blobmodel", "resid", "residual", "chi2"),
    *("depth", "galdepth", "nexp", "psfsize", "psf", "psfdepth", "sky", "rms", "err", "error"),
    *("blobs", "ccds", "segmentation"),
)
INSTRUMENTS = "des|decam|legacysurvey|legacy|ls|bass|mzls|90prime|mosaic"
# One letter, or a letter and a digit, alone or behind the name of an instrument.
BAND_NAME = re.compile(rf"(?:(?:{INSTRUMENTS})[-_. ]+)?([a-z]\d?)(?![a-z0-9])")
BRICK_FILE = re.compile(r"legacysurvey-\d{4}[pm]\d{3}-([a-z0-9]+)(?:-[a-z0-9]+)?\.fits", re.I)


class Layer(NamedTuple):
    """One plane of pixels of one band.

    Parameters
    ----------
    band : str
        In small letters.
    invvar : bool
        Whether the plane is inverse variance, not flux.
    path : pathlib.Path
        The file.
    hdu : int
        HDU number.
    plane : int or None
        Plane of a cube, None where the HDU is one image.
    top, left : int
        Where its first pixel is on the grid of the field that it is part of.
    shape : tuple of int
        Height and width, pixels.
    """

    band: str
    invvar: bool
    path: Path
    hdu: int
    plane: int | None
    top: int
    left: int
    shape: tuple[int, int]


def is_picture(hdu: object) -> bool:
    """Say whether an HDU is an image or a cube of images."""
    return isinstance(hdu, Image) and len(hdu.shape) in (2, 3) and 0 not in hdu.shape


def kind_of(hdu: Image, path: Path) -> str:
    """Return what an image shows.

    Parameters
    ----------
    hdu : astropy.io.fits image HDU
        The image.
    path : pathlib.Path
        Its file, whose name counts where no header says it.

    Returns
    -------
    str
        ``image``, ``invvar``, or the word for something else.

    Examples
    --------
    >>> kind_of(fits.ImageHDU(name="INVVAR_G"), Path("a.fits"))
    'invvar'
    >>> kind_of(fits.PrimaryHDU(), Path("legacysurvey-1502p020-maskbits.fits.fz"))
    'maskbits'
    """
    for card in KIND_CARDS:
        if word := str(hdu.header.get(card, "")).strip().lower():
            return "invvar" if word in INVVAR else word
    for word in re.findall(r"[a-z]+2?", hdu.name.lower()):
        if word in INVVAR:
            return "invvar"
        if word in OTHERS:
            return word
    if match := BRICK_FILE.match(path.name):
        word = match.group(1).lower()
        return "invvar" if word in INVVAR else word
    return "image"


def bands_of(hdu: Image) -> tuple[str, ...]:
    """Return the bands of an image, one a plane, as far as its header names them.

    Parameters
    ----------
    hdu : astropy.io.fits image HDU
        The image.

    Returns
    -------
    tuple of str
        In small letters, empty where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> header = fits.Header({"FILTER": "r DECam SDSS c0002 6415.0 1480.0"})
    >>> bands_of(fits.ImageHDU(np.ones((2, 2)), header))
    ('r',)
    """
    header = hdu.header
    flat = len(hdu.shape) == 2 or hdu.shape[0] == 1
    if "BAND" in header and flat:
        return (_band(header["BAND"]),)
    if "BANDS" in header:
        return tuple(letter for letter in str(header["BANDS"]).lower() if letter.isalpha())
    if names := [_band(header[f"BAND{i}"]) for i in range(10) if f"BAND{i}" in header]:
        return tuple(names)
    filters = [_band(header[card]) for card in FILTER_CARDS if flat and header.get(card)]
    return tuple(filters[:1])


def named_by_filter(hdu: Image) -> bool:
    """Say whether only a FILTER card, which any camera writes, names the band of an image."""
    cards = ("BAND", "BANDS", *(f"BAND{i}" for i in range(10)))
    return not any(card in hdu.header for card in cards)


def check_flux(hdu: Image) -> None:
    """Raise unless an image is in nanomaggies a pixel, which the viewer leaves unsaid.

    Parameters
    ----------
    hdu : astropy.io.fits image HDU
        The image.

    Raises
    ------
    DamagedFileError
        For another unit or zero point, and where an image of any camera says neither.

    Examples
    --------
    >>> check_flux(fits.ImageHDU(header=fits.Header({"BAND": "g", "BUNIT": "nanomaggy"})))
    """
    unit = str(hdu.header.get("BUNIT", "")).strip().lower()
    if unit and (not unit.startswith(("nanomagg", "nmgy")) or "arcsec" in unit):
        raise DamagedFileError(
            f"image in {hdu.header['BUNIT']!r} (BUNIT), expected nanomaggies a pixel"
        )
    zero = hdu.header.get("MAGZERO")
    if isinstance(zero, int | float) and abs(zero - ZERO_POINT) > 1e-3:
        raise DamagedFileError(
            f"image with zero point MAGZERO = {zero:g}, expected nanomaggies a pixel "
            f"({ZERO_POINT}): multiply by 10 ** (0.4 * ({ZERO_POINT} - {zero:g}))"
        )
    if not unit and zero is None and named_by_filter(hdu):
        raise DamagedFileError(
            "image without unit, expected BUNIT = 'nanomaggy' beside FILTER; any camera writes "
            "FILTER, in units of its own"
        )


def describe_unused(hdus: Sequence, path: Path) -> str:
    """Say why a file is neither cutout nor coadd nor redrock file.

    Parameters
    ----------
    hdus : sequence of HDU
        All of it.
    path : pathlib.Path
        The file.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> describe_unused([fits.PrimaryHDU()], Path("a.fits"))
    'not used: no image and no spectrum in it'
    """
    names = {hdu.name.strip().upper() for hdu in hdus}
    if any(name.endswith(("_FLUX", "_WAVELENGTH")) for name in names):
        return f"{UNUSED}spectra without a table FIBERMAP that says whose they are"
    if "FIBERMAP" in names:
        return f"{UNUSED}a FIBERMAP without spectra of a camera (B_FLUX and the like)"
    pictures = [hdu for hdu in hdus if is_picture(hdu)]
    if not pictures:
        return f"{UNUSED}no image and no spectrum in it"
    kinds = sorted({kind_of(hdu, path) for hdu in pictures} - {"image", "invvar"})
    if kinds:
        return f"{UNUSED}an image of kind {', '.join(kinds)}, not of the sky"
    if bands := sorted({band for hdu in pictures for band in bands_of(hdu)}):
        return f"{UNUSED}an image in band {', '.join(bands)}, expected some of g, r, z"
    return f"{UNUSED}no image with named bands (BAND, BANDS, BAND0, FILTERX or FILTER cards)"


def _band(name: object) -> str:
    """Return the band that a card names, in small letters; the whole word where it is no band."""
    word = str(name).strip().lower()
    match = BAND_NAME.match(word)
    return match.group(1) if match else word
