"""Cutout -> the float32 image the image encoder takes."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from array_api_compat import array_namespace, device

from astroclip_astro.errors import InputError

# Softening of the asinh stretch in g, r, z: about three times the sky noise of a DR9 pixel.
SOFTENING = (0.01, 0.015, 0.03)
# Lupton et al. 2004 as the viewer and AstroCLIP v2 use it: scales in g, r, z; offset; Q.
RGB_SCALES = (6.0, 3.4, 2.2)
RGB_OFFSET, RGB_Q = 0.03, 20.0

Array = TypeVar("Array")  # of any library of the array API standard


def clean_images(images: np.ndarray) -> np.ndarray:
    """Set pixels without data to 0, as the archives do.

    Parameters
    ----------
    images : ndarray
        Any shape, numbers; masked pixels, and those not finite in float32, have no data.

    Returns
    -------
    ndarray
        float32, same shape.

    Raises
    ------
    InputError
        For anything but real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> clean_images(np.array([1.0, np.nan, 1e300])).tolist()
    [1.0, 0.0, 0.0]
    """
    images = np.asanyarray(images)
    if images.dtype.kind not in "fiub":
        raise InputError(f"Images hold {images.dtype}, expected real numbers in nanomaggies.")
    with np.errstate(over="ignore"):
        plain = np.ma.filled(images.astype(np.float32), 0)
    return np.where(np.isfinite(plain), plain, np.float32(0))


def stretch(images: Array, name: str) -> Array:
    """Compress the brightness of images as a set of weights wants them.

    Parameters
    ----------
    images : ndarray or Tensor
        grz images, (..., 3, h, w), nanomaggies a pixel; of any library of the array API standard.
    name : {"raw", "rgb", "stein", "asinh"}
        ``raw`` as they are (AstroCLIP v1); ``rgb`` the composite of AstroCLIP v2, bands reversed
        (z, r, g) and within 0-1; ``stein`` the same with the misplaced bracket of Stein et al.
        2021's code; ``asinh`` an inverse hyperbolic sine softened at three times the sky noise
        (the compact weights).

    Returns
    -------
    ndarray or Tensor
        float32, same shape, of the same library and on the same device.

    Examples
    --------
    >>> import numpy as np
    >>> stretch(np.zeros((3, 2, 2)), "asinh").shape
    (3, 2, 2)
    """
    xp = array_namespace(images)
    pixels = xp.astype(images, xp.float32, copy=False)

    def bands(values: tuple[float, ...]) -> Any:
        shaped = xp.asarray(values, dtype=xp.float32, device=device(pixels))
        return xp.reshape(shaped, (3, 1, 1))

    if name == "raw":
        return pixels
    if name == "asinh":
        return xp.asinh(pixels / bands(SOFTENING))
    if name not in ("rgb", "stein"):
        raise ValueError(f"Unknown stretch {name!r}, expected 'raw', 'rgb', 'stein' or 'asinh'.")
    scales = bands(RGB_SCALES)
    lifted = xp.clip(pixels * scales + RGB_OFFSET, 0, None)
    intensity = xp.mean(lifted, axis=-3, keepdims=True)
    intensity = xp.where(intensity == 0, xp.asarray(1e-6, dtype=xp.float32), intensity)
    gain = xp.asinh(RGB_Q * intensity) / (RGB_Q**0.5 * intensity)
    if name == "rgb":
        colours = (pixels * scales + RGB_OFFSET) * gain
    else:
        colours = pixels * (scales + RGB_OFFSET * gain)
    return xp.flip(xp.clip(colours, 0, 1), axis=-3)


def centre_crop(images: np.ndarray, size: int) -> np.ndarray:
    """Cut the middle out of images.

    The crop starts at ``(side - size) // 2`` along either axis, so where one pixel too many is
    left it stays on the high side; `fetch` cuts a local cutout centred on its galaxy the same way.

    Parameters
    ----------
    images : ndarray
        grz images, (n, 3, h, w).
    size : int
        Side of the crop, pixels.

    Returns
    -------
    ndarray
        (n, 3, size, size), a view of ``images``.

    Raises
    ------
    InputError
        Where the images are smaller, or not (n, 3, h, w).

    Examples
    --------
    >>> import numpy as np
    >>> centre_crop(np.zeros((2, 3, 152, 160)), 96).shape
    (2, 3, 96, 96)
    """
    images = np.asanyarray(images)
    if images.ndim != 4 or images.shape[1] != 3:
        raise InputError(
            f"Images have shape {images.shape}, expected (n, 3, h, w) with the bands g, r, z; "
            "give one image as image[None]."
        )
    height, width = images.shape[2:]
    if min(height, width) < size:
        raise InputError(
            f"Images are {height} x {width} pixels, expected at least {size} x {size}; "
            f"fetch cutouts of {size} pixels at 0.262 arcsec."
        )
    top, left = (height - size) // 2, (width - size) // 2
    return images[:, :, top : top + size, left : left + size]  # (n, 3, size, size)
