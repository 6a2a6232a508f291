"""Pixels of local image cutouts: a crop on the native grid, interpolation from any other."""

from __future__ import annotations

import math

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from scipy.ndimage import map_coordinates

from astroclip_astro.fetch.files.cutout_files import BANDS, CutoutFile, Plane
from astroclip_astro.fetch.files.pixel_grid import (
    crop_start,
    inside,
    is_native,
    native_grid,
    native_matrix,
)
from astroclip_astro.records import Cutout

# Above this many file pixels across a native one, a single point would ignore most of them.
FINE = 1.5


def read_cutout(
    hdus: fits.HDUList, file: CutoutFile, ra: float, dec: float, size: int
) -> Cutout | None:
    """Read the field around a position; only its part of the file is read.

    On the native grid (0.262 arcsec, north up, east left, within 0.5 %) the field is the crop
    whose centre is nearest to the position; of two equally near, the lower and left one, which is
    where a centre crop starts: ``(side - size) // 2``. Any other grid is interpolated linearly
    onto a native tangent-plane grid centred on the position. Values are surface brightness per
    native pixel whatever the pixel, as the viewer writes them, and are not scaled.

    Parameters
    ----------
    hdus : astropy.io.fits.HDUList
        The open file.
    file : CutoutFile
        What its headers say.
    ra, dec : float
        Position inside the image, degrees.
    size : int
        Side of the field, native pixels.

    Returns
    -------
    Cutout or None
        None where no pixel of the field has data.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from astroclip_astro.fetch.files.cutout_files import recognise_cutout
    >>> path = Path(tempfile.mkdtemp()) / "cutout.fits"
    >>> header = native_grid(150, 2).to_header()
    >>> header.update(BANDS="grz", CRPIX1=50.5, CRPIX2=50.5)
    >>> fits.writeto(path, np.ones((3, 100, 100), "f4"), header)
    >>> with fits.open(path) as hdus:
    ...     cutout = read_cutout(hdus, recognise_cutout(path, list(hdus)), 150, 2, 96)
    >>> cutout.image.shape, cutout.complete
    ((3, 96, 96), True)
    """
    image = np.zeros((len(BANDS), size, size), np.float32)
    matrix = native_matrix(file.wcs, ra, dec)
    native = is_native(matrix)
    if native:
        x, y = file.wcs.world_to_pixel_values(ra, dec)
        corner = [int(crop_start(centre, size)) for centre in (y, x)]
    else:
        samples = _sample_points(file.wcs, ra, dec, size, matrix)
    complete = True
    for index, band in enumerate(BANDS):
        if band not in file.image:
            complete = False
            continue
        if native:
            bad = _crop(hdus, file, band, corner, image[index])
        else:
            bad = _resample(hdus, file, band, samples, image[index])
        complete &= not bad
    if not image.any():
        return None
    return Cutout(image, complete, str(file.path))


def _crop(
    hdus: fits.HDUList, file: CutoutFile, band: str, corner: list[int], out: np.ndarray
) -> bool:
    """Copy the pixels from a corner (y, x) on into a plane; say whether some have no data."""
    size = len(out)
    held = [
        slice(max(0, start), min(side, start + size))
        for start, side in zip(corner, file.shape, strict=True)
    ]
    values, bad = _pixels(hdus, file, band, *held)
    target = tuple(
        slice(part.start - start, part.stop - start)
        for part, start in zip(held, corner, strict=True)
    )
    out[target] = np.where(bad, 0, values)
    return bool(bad.any()) or values.shape != out.shape


def _resample(
    hdus: fits.HDUList, file: CutoutFile, band: str, samples: np.ndarray, out: np.ndarray
) -> bool:
    """Interpolate at sample points into a plane; say whether some pixels have no data.

    A native pixel that a pixel without data touches has none itself.
    """
    size, fine = len(out), samples.shape[1] // len(out)
    outside = ~inside(samples[1], samples[0], file.shape)  # (size * fine, size * fine)
    # The outer half of an edge pixel has no neighbour to interpolate with: it has its value.
    points = np.stack(
        [
            np.clip(np.nan_to_num(axis), 0, side - 1)
            for axis, side in zip(samples, file.shape, strict=True)
        ]
    )
    low = np.floor(points.min(axis=(1, 2))).astype(int)
    high = np.ceil(points.max(axis=(1, 2))).astype(int) + 1
    values, bad = _pixels(hdus, file, band, *map(slice, low, high))
    points -= low[:, None, None]
    smooth = map_coordinates(np.where(bad, 0, values), points, order=1, mode="nearest")
    touched = map_coordinates(bad.astype(np.float32), points, order=1, mode="nearest") > 1e-6
    blocks = (size, fine, size, fine)
    empty = (touched | outside).reshape(blocks).any(axis=(1, 3))  # (size, size)
    out[:] = np.where(empty, 0, smooth.reshape(blocks).mean(axis=(1, 3)))
    return bool(empty.any())


def _pixels(
    hdus: fits.HDUList, file: CutoutFile, band: str, rows: slice, columns: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a window, float32, and where there are no data."""

    def window(plane: Plane) -> np.ndarray:
        hdu, index = hdus[plane[0]], plane[1]
        key = (rows,) if index is None else (index, rows)
        if isinstance(hdu, fits.CompImageHDU):
            part = hdu.section[(*key, columns)]
        else:
            # Whole rows are one read; astropy reads parts of rows one by one.
            part = hdu.section[key][..., columns]
        with np.errstate(over="ignore"):
            return np.array(part, np.float32)

    values = window(file.image[band])
    bad = ~np.isfinite(values) | (values == 0)
    if band in file.invvar:
        invvar = window(file.invvar[band])
        bad |= ~np.isfinite(invvar) | (invvar <= 0)
    return values, bad


def _sample_points(wcs: WCS, ra: float, dec: float, size: int, matrix: np.ndarray) -> np.ndarray:
    """Return pixel coordinates y, x in the file of points across the native field.

    One point a native pixel, or n x n of them where the file's pixels are finer: their mean
    averages the noise of all the pixels a native one covers, where a single point would keep the
    noise of at most four and make the image look noisier than the sky it comes from.
    """
    finest = np.linalg.norm(matrix, axis=0).max()
    fine = math.ceil(finest) if finest > FINE else 1
    axis = (np.arange(size * fine) + 0.5) / fine - size / 2
    x, y = np.meshgrid(axis, axis)
    sky = native_grid(ra, dec).wcs_pix2world(x.ravel(), y.ravel(), 0)
    x, y = wcs.world_to_pixel_values(*sky)
    return np.stack([y, x]).reshape(2, size * fine, size * fine)
