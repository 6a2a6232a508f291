"""Brightness and extent of what the encoders are shown, to tell what they were trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from astroclip_astro.prepare.images import centre_crop, clean_images
from astroclip_astro.prepare.spectra import median_snr
from astroclip_astro.records import PIXEL_SCALE

APERTURE = 3.0  # arcsec, radius
FRAME = 4  # pixels
R = 1  # index of the r band in grz

MEASURES = {
    "aperture_flux_r": "r flux within 3 arcsec of the centre, nanomaggies",
    "frame_brightness_r": "median r pixel of the outermost 4 pixels, nanomaggies a pixel",
    "median_flux": "median of the spectrum's samples with data, 1e-17 erg/s/cm2/Angstrom",
}


def measure_images(images: np.ndarray) -> dict[str, np.ndarray]:
    """Measure the central flux and the light at the edge of images.

    Parameters
    ----------
    images : ndarray
        (n, 3, size, size), grz nanomaggies a pixel of 0.262 arcsec.

    Returns
    -------
    dict of str to ndarray
        ``aperture_flux_r`` and ``frame_brightness_r``, float64 (n,). The second is well above the
        sky where a galaxy is larger than the image.

    Examples
    --------
    >>> import numpy as np
    >>> float(measure_images(np.ones((1, 3, 96, 96)))["frame_brightness_r"][0])
    1.0
    """
    band = np.asarray(images, np.float64)[:, R]  # (n, size, size)
    size = band.shape[-1]
    offset = (np.arange(size) - (size - 1) / 2) * PIXEL_SCALE
    inside = np.hypot(*np.meshgrid(offset, offset)) <= APERTURE
    frame = np.ones((size, size), bool)
    frame[FRAME:-FRAME, FRAME:-FRAME] = False
    return {
        "aperture_flux_r": band[:, inside].sum(1),
        "frame_brightness_r": np.median(band[:, frame], axis=1),
    }


def measure_spectra(flux: np.ndarray) -> dict[str, np.ndarray]:
    """Measure the brightness of spectra.

    Parameters
    ----------
    flux : ndarray
        (n, 7781), 1e-17 erg/s/cm2/Angstrom, 0 where there are no data.

    Returns
    -------
    dict of str to ndarray
        ``median_flux``, float64 (n,); NaN where a spectrum holds nothing.
    """
    flux = np.asarray(flux, np.float64)
    medians = [np.median(row[row != 0]) if row.any() else np.nan for row in flux]
    return {"median_flux": np.array(medians, np.float64)}


def beyond(measures: Mapping[str, np.ndarray], limits: Mapping[str, Sequence[float]]) -> np.ndarray:
    """Say which rows lie outside the range the encoders were trained on.

    Parameters
    ----------
    measures : mapping of str to ndarray
        From `measure_images` or `measure_spectra`, each (n,).
    limits : mapping of str to (low, high)
        Range of the training set, from the weights' card; measures it lacks are not compared.

    Returns
    -------
    ndarray
        bool (n,).

    Examples
    --------
    >>> import numpy as np
    >>> beyond({"median_flux": np.array([0.5, 900.0])}, {"median_flux": [0.0, 80.0]}).tolist()
    [False, True]
    """
    outside = np.zeros(len(next(iter(measures.values()))), bool)
    for name, values in measures.items():
        if name in limits:
            low, high = limits[name]
            outside |= (values < low) | (values > high)
    return outside


def aperture_flux_r(images: np.ndarray, size: int) -> np.ndarray:
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
    >>> aperture_flux_r(np.full((1, 3, 40, 40), 0.01), 32).round(2)
    array([4.08])
    """
    return measure_images(clean_images(centre_crop(images, size)))["aperture_flux_r"]


def spectrum_snr(flux: np.ndarray, ivar: np.ndarray | None) -> np.ndarray:
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
    >>> spectrum_snr(np.full((1, 7781), 2.0), np.full((1, 7781), 4.0))
    array([4.])
    >>> spectrum_snr(np.ones((1, 7781)), None)
    array([nan])
    """
    if ivar is None:
        return np.full(len(flux), np.nan)
    return median_snr(flux, ivar).astype(float)
