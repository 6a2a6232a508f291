"""DESI spectra -> the float32 arrays the spectrum encoder takes, and what is wrong with them."""

from __future__ import annotations

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.records import WAVELENGTH

# What each of DESI's cameras covers, Angstrom.
CAMERAS = {"B": (3600, 5800), "R": (5760, 7620), "Z": (7520, 9824)}


def clean_spectra(flux: np.ndarray, ivar: np.ndarray | None = None) -> np.ndarray:
    """Set samples without data to 0.

    A sample has no data where its flux is not finite or masked, or its inverse variance is not
    finite, masked, 0 or negative.

    Parameters
    ----------
    flux : ndarray
        (n, 7781), 1e-17 erg/s/cm2/Angstrom on the grid 3600 + 0.8 i Angstrom; may be masked.
    ivar : ndarray, optional
        Inverse variance, same shape; all samples count without it.

    Returns
    -------
    ndarray
        float32 (n, 7781), a copy.

    Raises
    ------
    InputError
        Where a shape is another, or the values are not numbers.

    Examples
    --------
    >>> import numpy as np
    >>> flux = np.full((1, 7781), 2.0)
    >>> flux[0, 0] = np.nan
    >>> clean_spectra(flux)[0, :3]
    array([0., 2., 2.], dtype=float32)
    """
    values, good = _numbers(flux, "flux")
    if ivar is not None:
        good = good & _weights(ivar, values.shape)[1]
    return np.where(good, values, np.float32(0))  # (n, 7781)


def median_snr(flux: np.ndarray, ivar: np.ndarray) -> np.ndarray:
    """Measure the signal-to-noise ratio of spectra.

    Parameters
    ----------
    flux, ivar : ndarray
        (n, 7781) each, as for `clean_spectra`.

    Returns
    -------
    ndarray
        float32 (n,), median of flux * sqrt(ivar) over the samples with data, each 0.8 Angstrom
        wide; NaN where none has.

    Raises
    ------
    InputError
        As for `clean_spectra`.

    Examples
    --------
    >>> import numpy as np
    >>> median_snr(np.full((1, 7781), 2.0), np.full((1, 7781), 4.0))
    array([4.], dtype=float32)
    """
    values, good = _numbers(flux, "flux")
    weights, weighed = _weights(ivar, values.shape)
    good &= weighed
    median = np.full(len(values), np.nan, np.float32)
    for row in np.flatnonzero(good.any(axis=1)):
        used = good[row]
        median[row] = np.median(values[row, used] * np.sqrt(weights[row, used]))
    return median  # (n,)


def has_data(flux: np.ndarray) -> np.ndarray:
    """Say which spectra have something in them.

    Parameters
    ----------
    flux : ndarray
        (n, 7781), as `clean_spectra` returns it.

    Returns
    -------
    ndarray
        bool (n,), False where a sample is not finite, or all are 0 or any other constant.

    Raises
    ------
    InputError
        As for `clean_spectra`.

    Examples
    --------
    >>> import numpy as np
    >>> has_data(np.stack([np.zeros(7781), np.arange(7781)]))
    array([False,  True])
    """
    values, good = _numbers(flux, "flux")
    return good.all(axis=1) & (values != values[:, :1]).any(axis=1)


def lacks_camera(ivar: np.ndarray) -> np.ndarray:
    """Say which spectra lack half a camera or more.

    Parameters
    ----------
    ivar : ndarray
        (n, 7781), inverse variance, 0 without data.

    Returns
    -------
    ndarray
        bool (n,), True where at least half the samples of the stretch of any of the cameras
        (B 3600-5800, R 5760-7620, Z 7520-9824 Angstrom) have no data.

    Raises
    ------
    InputError
        As for `clean_spectra`.

    Examples
    --------
    >>> import numpy as np
    >>> ivar = np.ones((2, 7781))
    >>> ivar[1, :1400] = 0
    >>> lacks_camera(ivar)
    array([False,  True])
    """
    good = _weights(ivar)[1]
    lacking = np.zeros(len(good), bool)
    for low, high in CAMERAS.values():
        # Half a step of slack, because 3600 + 0.8 i does not hit 5760 to the last bit.
        stretch = (low - 0.4 < WAVELENGTH) & (high + 0.4 > WAVELENGTH)
        lacking |= 2 * good[:, stretch].sum(axis=1) <= stretch.sum()
    return lacking


def _weights(
    ivar: np.ndarray, shape: tuple[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return inverse variance as float32 (n, 7781), and where it says that there are data."""
    values, good = _numbers(ivar, "ivar")
    if shape not in (None, values.shape):
        raise InputError(f"ivar has shape {values.shape}, expected {shape} as flux has.")
    return values, good & (values > 0)


def _numbers(array: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return an array as float32 (n, 7781), and where it is finite and not masked."""
    try:
        with np.errstate(over="ignore"):
            values = np.array(np.ma.getdata(array), dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be read as numbers: {error}") from error
    if values.ndim != 2 or values.shape[1] != len(WAVELENGTH):
        raise InputError(
            f"{name}: expected (n, {len(WAVELENGTH)}), got {values.shape}; spectra go on the grid "
            "3600 + 0.8 i Angstrom, one a row."
        )
    return values, np.isfinite(values) & ~np.ma.getmaskarray(array)
