"""How bright images and spectra are: what errors and novelty depend on besides the embedding."""

from __future__ import annotations

import numpy as np

from .images import centre_crop, clean_images
from .photometry import measure_images
from .spectra import median_snr

__all__ = ["image_brightness", "spectrum_brightness"]


def image_brightness(images: np.ndarray, size: int) -> np.ndarray:
    """Measure the brightness of images.

    Parameters
    ----------
    images : ndarray
        (n, 3, h, w), grz nanomaggies a pixel of 0.262 arcsec; h and w at least ``size``.
    size : int
        Side of what the encoder is shown, pixels.

    Returns
    -------
    ndarray
        float64 (n,), r flux within 3 arcsec of the centre, nanomaggies.

    Examples
    --------
    >>> import numpy as np
    >>> image_brightness(np.full((1, 3, 40, 40), 0.01), 32).round(2)
    array([4.08])
    """
    return measure_images(clean_images(centre_crop(images, size)))["aperture_flux_r"]


def spectrum_brightness(flux: np.ndarray, ivar: np.ndarray | None) -> np.ndarray:
    """Measure the brightness of spectra against their noise.

    Parameters
    ----------
    flux, ivar : ndarray
        (n, 7781) each, as `astroclip_astro.prepare.spectra.clean_spectra` takes them; ivar None
        where nothing is known of the noise.

    Returns
    -------
    ndarray
        float64 (n,), median signal-to-noise ratio of samples of 0.8 Angstrom; NaN where unknown.

    Examples
    --------
    >>> import numpy as np
    >>> spectrum_brightness(np.full((1, 7781), 2.0), np.full((1, 7781), 4.0))
    array([4.])
    >>> spectrum_brightness(np.ones((1, 7781)), None)
    array([nan])
    """
    if ivar is None:
        return np.full(len(flux), np.nan)
    return median_snr(flux, ivar).astype(float)
