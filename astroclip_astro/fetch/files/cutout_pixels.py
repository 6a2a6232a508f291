"""Pixels of local image cutouts: a crop on the native grid, interpolation from any other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from scipy.ndimage import binary_opening, map_coordinates

from astroclip_astro.fetch.files.cutout_files import CutoutFile
from astroclip_astro.fetch.files.fits_file import HDU, reading
from astroclip_astro.fetch.files.image_layers import BANDS, Layer
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


Opened: TypeAlias = Mapping[Path, fits.HDUList]


def read_cutout(
    opened: Opened, file: CutoutFile, ra: float, dec: float, size: int
) -> Cutout | None:
    """Read the field around a position; only its part of the files is read.

    On the native grid (0.262 arcsec, north up, east left, within 0.5 %) the field is the crop
    whose centre is nearest to the position; of two equally near, the lower and left one, which is
    where a centre crop starts: ``(side - size) // 2``. Any other grid is interpolated linearly
    onto a native tangent-plane grid centred on the position. Values are surface brightness per
    native pixel whatever the pixel, as the viewer writes them, and are not scaled.

    Parameters
    ----------
    opened : mapping of pathlib.Path to astropy.io.fits.HDUList
        The open files, all in ``file.paths``.
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
    >>> from astroclip_astro.fetch.files.cutout_files import recognise_cutouts
    >>> path = Path(tempfile.mkdtemp()) / "cutout.fits"
    >>> header = native_grid(150, 2).to_header()
    >>> header.update(BANDS="grz", CRPIX1=50.5, CRPIX2=50.5)
    >>> fits.writeto(path, np.ones((3, 100, 100), "f4"), header)
    >>> with fits.open(path) as hdus:
    ...     [file] = recognise_cutouts(path, list(hdus))
    ...     cutout = read_cutout({path: hdus}, file, 150, 2, 96)
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
        if not file.of(band):
            complete = False
            continue
        if native:
            bad = _crop(opened, file, band, corner, image[index])
        else:
            bad = _resample(opened, file, band, samples, image[index])
        complete &= not bad
    if not image.any():
        return None
    return Cutout(image, complete, str(file.path))


def _crop(opened: Opened, file: CutoutFile, band: str, corner: list[int], out: np.ndarray) -> bool:
    """Copy the pixels from a corner (y, x) on into a plane; say whether some have no data."""
    size = len(out)
    held = [
        slice(max(0, start), min(side, start + size))
        for start, side in zip(corner, file.shape, strict=True)
    ]
    values, bad = _pixels(opened, file, band, *held)
    target = tuple(
        slice(part.start - start, part.stop - start)
        for part, start in zip(held, corner, strict=True)
    )
    out[target] = np.where(bad, 0, values)
    return bool(bad.any()) or values.shape != out.shape


def _resample(
    opened: Opened, file: CutoutFile, band: str, samples: np.ndarray, out: np.ndarray
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
    values, bad = _pixels(opened, file, band, *map(slice, low, high))
    points -= low[:, None, None]
    smooth = map_coordinates(np.where(bad, 0, values), points, order=1, mode="nearest")
    touched = map_coordinates(bad.astype(np.float32), points, order=1, mode="nearest") > 1e-6
    blocks = (size, fine, size, fine)
    empty = (touched | outside).reshape(blocks).any(axis=(1, 3))  # (size, size)
    out[:] = np.where(empty, 0, smooth.reshape(blocks).mean(axis=(1, 3)))
    return bool(empty.any())


def _pixels(
    opened: Opened, file: CutoutFile, band: str, rows: slice, columns: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a window of the field, float32, and where there are no data."""
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    values, empty = np.zeros(shape, np.float32), np.ones(shape, bool)
    weights = file.of(band, invvar=True)
    for layer in file.of(band):
        part, held = _window(opened, layer, rows, columns)
        bad = ~held | ~np.isfinite(part) | _zeros(opened[layer.path][layer.hdu], part)
        if weights:
            # Its own inverse variance, or where other files have it, whatever covers the pixel.
            place = (layer.top, layer.left, layer.shape)
            own = [one for one in weights if (one.top, one.left, one.shape) == place]
            invvar = np.zeros(shape, np.float32)
            for weight in own[:1] or weights:
                known, _ = _window(opened, weight, rows, columns)
                np.copyto(invvar, known, where=~(invvar > 0))
            bad |= ~np.isfinite(invvar) | (invvar <= 0)
        fill = empty & ~bad
        values[fill], empty[fill] = part[fill], False
    return values, empty


def _zeros(hdu: HDU, values: np.ndarray) -> np.ndarray:
    """Return where a value of 0 means that there are no data.

    Compression that rounds to steps, without dither, makes single zeros of small values: there
    only zeros that fill a square of three pixels count.
    """
    zero = values == 0
    rounded = (
        isinstance(hdu, fits.CompImageHDU)
        and hdu.quantize_method == fits.hdu.compressed.NO_DITHER
        and not hdu.compression_type.startswith("GZIP")
    )
    return binary_opening(zero, np.ones((3, 3), bool)) if rounded else zero


def _window(
    opened: Opened, layer: Layer, rows: slice, columns: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Return a window of the field from one layer, float32, and which of its pixels it has."""
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    values, held = np.zeros(shape, np.float32), np.zeros(shape, bool)
    starts = (layer.top, layer.left)
    inner = [
        slice(max(part.start, start), min(part.stop, start + side))
        for part, start, side in zip((rows, columns), starts, layer.shape, strict=True)
    ]
    if any(part.start >= part.stop for part in inner):
        return values, held
    y, x = (
        slice(part.start - start, part.stop - start)
        for part, start in zip(inner, starts, strict=True)
    )
    target = tuple(
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(inner, (rows, columns), strict=True)
    )
    with reading(layer.path), np.errstate(over="ignore"):
        hdu = opened[layer.path][layer.hdu]
        key = (y,) if layer.plane is None else (layer.plane, y)
        if isinstance(hdu, fits.CompImageHDU):
            values[target] = hdu.section[(*key, x)]
        else:
            # Whole rows are one read; astropy reads parts of rows one by one.
            values[target] = hdu.section[key][..., x]
    held[target] = True
    return values, held


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
