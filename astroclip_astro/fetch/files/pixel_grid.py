"""The native pixel grid of the Legacy Surveys, and how other grids lie to it and to each other."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from astroclip_astro.records import PIXEL_SCALE

# How far a file's grid may be from the native one and still be cropped, never interpolated:
# a quarter of a pixel at the edge of a 96-pixel field.
NATIVE_TOLERANCE = 0.005
# A position of six decimals is up to 0.007 pixel off: a tie between two pixels is one within this.
TIE = 0.01
WHOLE = 0.01  # pixels: how far from a whole number two grids may be shifted and still be one
GRID_CARDS = (
    *(f"{name}{axis}" for name in ("CTYPE", "CUNIT", "CRVAL", "CDELT") for axis in (1, 2)),
    *(f"{name}{i}_{j}" for name in ("CD", "PC") for i in (1, 2) for j in (1, 2)),
    *("RADESYS", "EQUINOX", "LONPOLE", "LATPOLE"),
)
Grid: TypeAlias = tuple[object, ...]  # the WCS but for where the first pixel is


def native_grid(ra: float, dec: float) -> WCS:
    """Make the native grid around a position: tangent plane, 0.262 arcsec, north up, east left.

    Parameters
    ----------
    ra, dec : float
        Where pixel (0, 0) is, degrees.

    Returns
    -------
    astropy.wcs.WCS
        Two axes, ICRS.

    Examples
    --------
    >>> ra, dec = native_grid(150, 2).wcs_pix2world(0, 1000, 0)
    >>> round(float(dec) - 2, 4)
    0.0728
    """
    grid = WCS(naxis=2)
    grid.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    grid.wcs.crval = [ra, dec]
    grid.wcs.crpix = [1, 1]
    grid.wcs.cdelt = [-PIXEL_SCALE / 3600, PIXEL_SCALE / 3600]
    grid.wcs.lonpole = 180  # the default turns the grid round at the pole itself
    return grid


def native_matrix(wcs: WCS, ra: float, dec: float) -> np.ndarray:
    """Compare a grid with the native one at a position.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Celestial.
    ra, dec : float
        Position, degrees.

    Returns
    -------
    ndarray
        float64 (2, 2), pixels of the grid (x, y) per native pixel (to the west, to the north);
        the identity where the grids agree.

    Examples
    --------
    >>> bool(np.allclose(native_matrix(native_grid(150, 2), 150, 2), np.eye(2)))
    True
    """
    step = 10  # native pixels, far above rounding and far below any distortion
    sky = native_grid(ra, dec).wcs_pix2world([-step, step, 0, 0], [0, 0, -step, step], 0)
    x, y = wcs.world_to_pixel_values(*sky)
    return np.array([[v[1] - v[0], v[3] - v[2]] for v in (x, y)]) / (2 * step)


def is_native(matrix: np.ndarray) -> bool:
    """Say whether a grid is the native one, so that it is cropped and never interpolated.

    Parameters
    ----------
    matrix : ndarray
        From `native_matrix`.

    Returns
    -------
    bool
        Within 0.5 % in scale and as much in direction.

    Examples
    --------
    >>> is_native(np.eye(2) * 1.004), is_native(np.eye(2)[::-1])
    (True, False)
    """
    return bool(np.abs(matrix - np.eye(2)).max() < NATIVE_TOLERANCE)


def crop_start(centre: np.ndarray, size: int) -> np.ndarray:
    """Choose where a crop begins whose centre is nearest to a pixel coordinate.

    Parameters
    ----------
    centre : ndarray or float
        Pixel coordinates, from 0 at the centre of the first pixel.
    size : int
        Side of the crop, pixels.

    Returns
    -------
    ndarray or int64
        First pixel; the lower of two equally near, ``(side - size) // 2`` about the middle.

    Examples
    --------
    >>> [int(crop_start((side - 1) / 2, 96)) for side in (162, 101)]
    [33, 2]
    """
    return np.ceil(np.asarray(centre) - size / 2 - TIE).astype(int)


def inside(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Say which pixel coordinates are in an image.

    Parameters
    ----------
    x, y : ndarray
        float64, from 0 at the centre of the first pixel.
    shape : tuple of int
        Height and width.

    Returns
    -------
    ndarray
        bool, True on the edge, False for NaN.

    Examples
    --------
    >>> inside(np.array([-0.5, -0.6, np.nan]), np.zeros(3), (10, 10))
    array([ True, False, False])
    """
    slack = 0.5 + 1e-6
    return (x >= -slack) & (x <= shape[1] - 1 + slack) & (y >= -slack) & (y <= shape[0] - 1 + slack)


def grid_of(header: fits.Header) -> Grid:
    """Return what images have in common whose pixels are those of one grid, shifted or not.

    Parameters
    ----------
    header : astropy.io.fits.Header
        Of an image.

    Returns
    -------
    tuple
        Cards of the WCS to ten digits, and at the end the fraction of a pixel that CRPIX has, x and
        y, in hundredths: it is no whole shift.

    Examples
    --------
    >>> header = native_grid(150, 2).to_header()
    >>> shifted = header.copy()
    >>> shifted["CRPIX1"] += 7
    >>> grid_of(header) == grid_of(shifted)
    True
    """
    cards = (header.get(card) for card in GRID_CARDS)
    steps = round(1 / WHOLE)
    return (
        *(float(f"{card:.10g}") if isinstance(card, float) else card for card in cards),
        *(round(float(header.get(f"CRPIX{axis}", 0)) % 1 * steps) % steps for axis in (1, 2)),
    )


def grid_fraction(grid: Grid) -> np.ndarray:
    """Return which fraction of a pixel CRPIX has on a grid, float64 (2,), x and y."""
    return np.array(grid[-2:], float) * WHOLE


def whole_shift(header: fits.Header, first: fits.Header) -> tuple[int, int]:
    """Return where an image's first pixel (y, x) is in another image of one grid.

    Parameters
    ----------
    header, first : astropy.io.fits.Header
        Of the image, and of the other.

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> whole_shift(fits.Header({"CRPIX1": -9.5}), fits.Header({"CRPIX1": 0.5}))
    (0, 10)
    """
    left, top = (
        round(float(first.get(f"CRPIX{axis}", 0)) - float(header.get(f"CRPIX{axis}", 0)))
        for axis in (1, 2)
    )
    return top, left
