"""A library of star formation histories, metallicities and dust, with colours by redshift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astroclip_astro.simulate.filters import Filters
from astroclip_astro.simulate.stellar_grid import AGE_EDGES, METALLICITIES, StellarGrid
from astroclip_astro.simulate.wavelengths import REST

COUNT = 16_000
REDSHIFTS = np.linspace(0.005, 0.62, 56)
YOUNG_BINS = 2  # ages below 10 Myr still sit in their birth clouds
BIRTH_CLOUD = 0.8  # extra attenuation there, in units of the diffuse one


@dataclass(frozen=True)
class Library:
    """Stellar populations to choose from, spread evenly rather than as nature has them.

    Parameters
    ----------
    log_ssfr : ndarray
        float32 (n,), log10 of present star formation rate per mass formed, 1/yr.
    start : ndarray
        float32 (n,), look-back time of the first stars, Gyr.
    log_metallicity : ndarray
        float32 (n,), log10 of solar.
    attenuation : ndarray
        float32 (n,), A_V of the diffuse dust, magnitudes.
    slope : ndarray
        float32 (n,), of a power law of wavelength times the Calzetti curve.
    ages : ndarray
        float32 (n, 20), part of the mass that was formed in each bin of age.
    surviving : ndarray
        float32 (n,), mass today per mass formed.
    magnitudes : ndarray
        float32 (redshifts, 3, n), g, r, z of one solar mass formed, at each of `REDSHIFTS`, were
        its light not dimmed by distance.
    """

    log_ssfr: np.ndarray
    start: np.ndarray
    log_metallicity: np.ndarray
    attenuation: np.ndarray
    slope: np.ndarray
    ages: np.ndarray
    surviving: np.ndarray
    magnitudes: np.ndarray

    def at(self, redshift: float, dimming: float) -> np.ndarray:
        """Return g, r, z magnitudes of one solar mass of each, float32 (3, n).

        Parameters
        ----------
        redshift : float
            From 0.005 to 0.62.
        dimming : float
            By distance, see `Distances.dimming`.
        """
        place = np.interp(redshift, REDSHIFTS, np.arange(len(REDSHIFTS)))
        below = min(int(place), len(REDSHIFTS) - 2)
        part = np.float32(place - below)
        near = (1 - part) * self.magnitudes[below] + part * self.magnitudes[below + 1]  # (3, n)
        return near - np.float32(2.5 * np.log10(dimming))


def build_library(stars: StellarGrid, filters: Filters) -> Library:
    """Make the library; always the same one.

    Parameters
    ----------
    stars : StellarGrid
        Spectra to mix.
    filters : Filters
        Bands of the magnitudes.

    Returns
    -------
    Library
        Of 16,000 populations. Star formation rises or falls exponentially from ``start`` to now;
        dust is Calzetti et al. (2000, ApJ 533, 682), eq. 4, tilted by ``slope``, thicker for stars
        below 10 Myr (Charlot & Fall 2000, ApJ 539, 718).
    """
    rng = np.random.default_rng(20_000)
    log_ssfr = rng.uniform(-13.0, -8.3, COUNT)
    start = rng.uniform(0.5, 13.4, COUNT)
    log_metallicity = rng.uniform(np.log10(METALLICITIES[0]), np.log10(METALLICITIES[-1]), COUNT)
    attenuation = 3.0 * rng.random(COUNT) ** 2
    slope = rng.normal(0.0, 0.2, COUNT)
    ages = exponential_ages(log_ssfr, start)  # (n, 20)
    metals = metallicity_weights(log_metallicity)  # (n, 5)
    magnitudes = np.empty((len(REDSHIFTS), 3, COUNT), np.float32)
    for row, redshift in enumerate(REDSHIFTS):
        weights = filters.weights(REST * (1 + redshift))
        basis = np.einsum("maw,bw->bma", stars.spectra, weights, optimize=True)  # (3, 5, 20)
        for band in range(3):
            rest = filters.effective[band] / (1 + redshift)
            diffuse = attenuation * attenuation_curve(rest, slope)  # (n,)
            flux = metals * (ages[:, YOUNG_BINS:] @ basis[band, :, YOUNG_BINS:].T)
            young = metals * (ages[:, :YOUNG_BINS] @ basis[band, :, :YOUNG_BINS].T)
            seen = flux.sum(axis=1) + young.sum(axis=1) * 10 ** (-0.4 * BIRTH_CLOUD * diffuse)
            magnitudes[row, band] = 22.5 - 2.5 * np.log10(seen) + diffuse
    surviving = np.sum(metals * (ages @ stars.surviving.T), axis=1)  # (n,)
    fields = (log_ssfr, start, log_metallicity, attenuation, slope, ages, surviving, magnitudes)
    return Library(*(values.astype(np.float32, copy=False) for values in fields))


def exponential_ages(log_ssfr: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the part of the mass formed in each bin of age, float64 (n, 20).

    The rate goes as exp(k t) with look-back time t up to ``start`` (Gyr), and k such that the
    rate today, per mass formed, is the one wanted.
    """
    start = start * 1e9
    growth = np.linspace(-80, 24, 8000)  # k times start
    spread = np.where(
        np.abs(growth) < 1e-6, 1.0, np.expm1(growth) / np.where(growth == 0, 1, growth)
    )
    rate = np.interp(-np.log(10.0**log_ssfr * start), np.log(spread), growth) / start
    rate = np.where(np.abs(rate) < 1e-16, 1e-16, rate)[:, None]
    old = np.minimum(AGE_EDGES[1:], start[:, None])
    young = np.minimum(AGE_EDGES[:-1], start[:, None])
    formed = (np.expm1(rate * old) - np.expm1(rate * young)) / rate  # (n, 20)
    return formed / formed.sum(axis=1, keepdims=True)


def metallicity_weights(log_metallicity: np.ndarray) -> np.ndarray:
    """Return weights that interpolate between `METALLICITIES`, float64 (n, 5)."""
    grid = np.log10(METALLICITIES)
    place = np.interp(log_metallicity, grid, np.arange(len(grid)))
    return np.clip(1 - np.abs(place[:, None] - np.arange(len(grid))), 0, 1)  # (n, 5)


def attenuation_curve(wavelength: float | np.ndarray, slope: float | np.ndarray) -> np.ndarray:
    """Return attenuation in units of A_V: Calzetti (2000) times (wavelength / 5500) ** slope.

    Parameters
    ----------
    wavelength : float or ndarray
        Rest frame, Angstrom, 1200 to 22000.
    slope : float or ndarray
        Of the tilt; 0 is Calzetti's curve, negative is steeper.

    Returns
    -------
    ndarray
        1 at 5500 Angstrom.

    Examples
    --------
    >>> float(np.round(attenuation_curve(5500.0, -0.3), 3))
    1.0
    """
    x = 1e4 / np.asarray(wavelength, float)
    blue = 2.659 * (-2.156 + 1.509 * x - 0.198 * x**2 + 0.011 * x**3) + 4.05
    red = 2.659 * (-1.857 + 1.040 * x) + 4.05
    curve = np.where(x > 1 / 0.63, blue, np.maximum(red, 0.05))
    v = 1e4 / 5500.0
    visual = 2.659 * (-2.156 + 1.509 * v - 0.198 * v**2 + 0.011 * v**3) + 4.05
    return curve / visual * (np.asarray(wavelength) / 5500.0) ** slope
