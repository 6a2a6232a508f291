"""Image cutouts in local FITS files: what their headers say. `cutout_pixels` reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from astropy.coordinates import FK5, ICRS, angular_separation
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

from astroclip_astro.fetch.files.fits_file import DamagedFileError, overrun
from astroclip_astro.fetch.files.pixel_grid import crop_start, inside, is_native, native_matrix
from astroclip_astro.records import PIXEL_SCALE

BANDS = "grz"
# No survey's pixels are this many times finer or coarser than native: the WCS is wrong.
SCALE_RANGE = 10
# Degrees. A header that lies about its size lies about the sky it covers: a damaged file wider
# than any coadd is not allowed to claim the rows in it.
WIDEST = 1.0
Image: TypeAlias = fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU
Plane = tuple[int, int | None]  # HDU, and plane where the HDU is a cube


@dataclass(frozen=True, eq=False)
class CutoutFile:
    """What the headers of a cutout file say.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    image, invvar : dict
        Where each of the bands g, r, z is: HDU number, and plane where the HDU is a cube.
    wcs : astropy.wcs.WCS
        Celestial, ICRS or J2000.
    shape : tuple of int
        Height and width, pixels.
    ra, dec : float
        Centre, degrees.
    radius : float
        Of a circle around the centre that holds the whole image, degrees.
    matrix : ndarray
        float64 (2, 2), file pixels per native pixel at the centre; see `pixel_grid.native_matrix`.
    damage : str or None
        Why it cannot be read, None where it can as far as headers tell.
    """

    path: Path
    image: dict[str, Plane]
    invvar: dict[str, Plane]
    wcs: WCS
    shape: tuple[int, int]
    ra: float
    dec: float
    radius: float
    matrix: np.ndarray
    damage: str | None

    def locate(self, ra: np.ndarray, dec: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Say which positions the image holds, and around which it holds the whole field.

        Parameters
        ----------
        ra, dec : ndarray
            float64 (n,), degrees.
        size : int
            Side of the field, native pixels.

        Returns
        -------
        held, covered : ndarray
            bool (n,) each.
        """
        x, y = self.wcs.world_to_pixel_values(ra, dec)  # (n,) each
        if is_native(self.matrix):
            starts = [crop_start(centre, size) for centre in (y, x)]
            covered = np.logical_and.reduce(
                [
                    (start >= 0) & (start + size <= side)
                    for start, side in zip(starts, self.shape, strict=True)
                ]
            )
        else:
            reach = np.abs(self.matrix).sum(axis=1) * size / 2 - 0.5  # to the outermost centres
            low = inside(x - reach[0], y - reach[1], self.shape)
            covered = low & inside(x + reach[0], y + reach[1], self.shape)
        return inside(x, y, self.shape), covered


def recognise_cutout(path: Path, hdus: Sequence) -> CutoutFile | None:
    """Recognise a cutout from headers; no pixel is read.

    Two layouts: a cube (band, y, x) or one band (y, x) with its bands in ``BANDS`` or ``BAND0``,
    ``BAND1``, ...; or an HDU per band with ``BAND``. Inverse variance is an HDU whose
    ``IMAGETYP`` says so; HDUs of other types (masks, models) are passed over.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    hdus : sequence of HDU
        All its HDUs.

    Returns
    -------
    CutoutFile or None
        None where no HDU is an image with named bands.

    Raises
    ------
    DamagedFileError
        Where it is a cutout that cannot be used: other units than nanomaggies, none of g, r, z,
        no celestial WCS, bands on different grids.

    Examples
    --------
    >>> from astropy.io import fits
    >>> recognise_cutout(Path("flat.fits"), [fits.PrimaryHDU(np.ones((8, 8)))]) is None
    True
    """
    kinds: dict[str, dict[str, Plane]] = {"image": {}, "invvar": {}}
    first: Image | None = None
    damage: str | None = None
    bands: tuple[str, ...] = ()
    for number, hdu in enumerate(hdus):
        if not isinstance(hdu, Image) or len(hdu.shape) not in (2, 3):
            continue
        kind = str(hdu.header.get("IMAGETYP", "image")).strip().lower()
        # Inverse variance may leave the bands to the image before it.
        named = _bands(hdu) or (bands if kind == "invvar" else ())
        if kind not in kinds or not named:
            continue
        planes = hdu.shape[0] if len(hdu.shape) == 3 else 1
        if len(named) != planes:
            raise DamagedFileError(f"{planes} planes for the bands {', '.join(named)}")
        if kind == "image":
            _check_unit(hdu.header)
            bands = named
        first = first or hdu
        if not _same_grid(first, hdu):
            raise DamagedFileError("bands or inverse variance on different pixel grids")
        for index, band in enumerate(named):
            if band in BANDS:
                kinds[kind].setdefault(band, (number, index if len(hdu.shape) == 3 else None))
        damage = damage or overrun(hdu, path)
    if first is None or not bands:
        return None
    if not kinds["image"]:
        raise DamagedFileError(f"bands {', '.join(bands)}, expected some of g, r, z")
    wcs, shape = _celestial(first.header), first.shape[-2:]
    ra, dec, radius = _circle(wcs, shape)
    if damage and radius > WIDEST:
        raise DamagedFileError(damage)
    matrix = native_matrix(wcs, ra, dec)
    scale = PIXEL_SCALE / math.sqrt(abs(np.linalg.det(matrix)) or math.inf)
    if not PIXEL_SCALE / SCALE_RANGE <= scale <= PIXEL_SCALE * SCALE_RANGE:
        raise DamagedFileError(f"pixels of {scale:.3g} arcsec, expected about {PIXEL_SCALE}")
    return CutoutFile(
        path, kinds["image"], kinds["invvar"], wcs, shape, ra, dec, radius, matrix, damage
    )


def _bands(hdu: Image) -> tuple[str, ...]:
    """Return the names of an image's bands in order, empty where it has none."""
    header = hdu.header
    if "BAND" in header and (len(hdu.shape) == 2 or hdu.shape[0] == 1):
        return (str(header["BAND"]).strip().lower(),)
    if "BANDS" in header:
        return tuple(letter for letter in str(header["BANDS"]).lower() if letter.isalpha())
    names = [str(header[f"BAND{i}"]).strip().lower() for i in range(10) if f"BAND{i}" in header]
    return tuple(names)


def _check_unit(header: fits.Header) -> None:
    """Raise unless an image is in nanomaggies a pixel, which the viewer leaves unsaid."""
    unit = str(header.get("BUNIT", "")).strip().lower()
    if unit and (not unit.startswith(("nanomagg", "nmgy")) or "arcsec" in unit):
        raise DamagedFileError(f"image in {header['BUNIT']!r}, expected nanomaggies a pixel")


def _same_grid(first: Image, hdu: Image) -> bool:
    """Return whether two images have the same size and, where both have one, the same WCS."""
    if first.shape[-2:] != hdu.shape[-2:]:
        return False
    cards = [f"{name}{axis}" for name in ("CTYPE", "CRVAL", "CRPIX", "CDELT") for axis in (1, 2)]
    cards += [f"{name}{i}_{j}" for name in ("CD", "PC") for i in (1, 2) for j in (1, 2)]
    return "CTYPE1" not in hdu.header or all(
        first.header.get(card) == hdu.header.get(card) for card in cards
    )


def _celestial(header: fits.Header) -> WCS:
    """Return the celestial WCS of an image, or raise."""
    wcs = WCS(header)
    if not wcs.has_celestial or (wcs.wcs.lng, wcs.wcs.lat) != (0, 1):
        raise DamagedFileError("no celestial WCS with RA on the first axis and Dec on the second")
    frame = wcs_to_celestial_frame(wcs.celestial)
    if not isinstance(frame, ICRS) and not (
        isinstance(frame, FK5) and frame.equinox.jyear_str == "J2000.000"
    ):
        raise DamagedFileError(f"coordinates in {frame.name}, expected ICRS or J2000")
    return wcs.celestial


def _circle(wcs: WCS, shape: tuple[int, int]) -> tuple[float, float, float]:
    """Return centre and radius of a circle that holds an image, degrees."""
    height, width = shape
    x = np.array([0.5, 0, 0.5, 1, 0, 1, 0, 0.5, 1]) * width - 0.5  # centre, then around
    y = np.array([0.5, 0, 0, 0, 0.5, 0.5, 1, 1, 1]) * height - 0.5
    sky = np.radians(wcs.pixel_to_world_values(x, y))  # (2, 9)
    radius = np.degrees(angular_separation(*sky[:, :1], *sky[:, 1:]).max())
    if not np.isfinite(radius):
        raise DamagedFileError("the WCS gives no positions at the image's corners")
    ra, dec = np.degrees(sky[:, 0]).tolist()
    return ra, dec, float(radius) * 1.01 + 1e-4
