"""SIMULATED spectra of quasars: a broken power law, broad lines, and the Lyman alpha forest."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter1d

from astroclip_astro.simulate.spectra import LIGHT_SPEED
from astroclip_astro.simulate.wavelengths import OBSERVED, STEP

REDSHIFTS = (0.3, 3.5)
# Wavelength (vacuum, shifts as they are on average), equivalent width and width sigma, all in
# Angstrom of the rest frame: Vanden Berk et al. (2001, AJ 122, 549), table 2. The first is with
# Lyman beta, Si IV with O IV].
LINES = {
    "OVI": (1033.03, 9.77, 7.76), "LYALPHA": (1216.25, 92.91, 19.46),
    "NV": (1239.85, 1.11, 2.71), "SIIV": (1396.76, 8.13, 14.26),
    "CIV": (1546.15, 23.78, 14.33), "CIII]": (1905.97, 21.19, 23.58),
    "MGII": (2800.26, 32.28, 34.95), "[OII]": (3729.66, 1.56, 3.32),
    "[NEIII]": (3869.77, 1.38, 5.31), "HDELTA": (4102.73, 5.05, 18.62),
    "HGAMMA": (4346.42, 12.62, 20.32), "HBETA": (4853.13, 46.21, 40.44),
    "[OIII]4959": (4960.36, 3.50, 3.85), "[OIII]5007": (5008.22, 13.23, 6.04),
    "HEI": (5877.41, 4.94, 23.45), "HALPHA": (6564.93, 194.52, 47.39),
}  # fmt: skip
BLUE_SLOPE, RED_SLOPE, BREAK = -0.44, -2.45, 5000.0  # of f_nu in nu; Angstrom; section 4 there
SLOPE_SCATTER = 0.25
FAR_SLOPE, FAR_BREAK = -1.57, 1200.0  # Telfer et al. (2002, ApJ 565, 773), without radio emission
CORE, WINGS = 0.5, 1.32  # widths of the two halves of a line against its sigma, whose rms is 1
# Balmer continuum and Fe II, as Gaussians: centre, sigma (Angstrom), height over the power law.
# After the "small blue bump" of Wills, Netzer & Wills (1985, ApJ 288, 94).
BUMPS = ((2500.0, 130.0, 0.18), (3050.0, 330.0, 0.16), (4570.0, 60.0, 0.07), (5250.0, 90.0, 0.06))
LYMAN_ALPHA, LYMAN_LIMIT = 1215.67, 911.75  # Angstrom
FOREST = (0.0023, 3.65)  # effective optical depth at z = 0, and its power of 1 + z
CLUMPINESS = 1.7  # rms of the logarithm of the optical depth
CLOUD = 60.0  # km/s, over which it is smooth
LIMIT_DEPTH = 2.0  # optical depth beyond the Lyman limit


def draw_quasar(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Draw a SIMULATED quasar.

    Parameters
    ----------
    rng : numpy.random.Generator
        Redshift (evenly), slope, strength and width of the lines, and the forest.

    Returns
    -------
    spectrum : ndarray
        float32 (w,), on `OBSERVED`, in units of its mean.
    redshift : float
        Within `REDSHIFTS`.
    """
    redshift = float(rng.uniform(*REDSHIFTS))
    slope = float(rng.normal(BLUE_SLOPE, SLOPE_SCATTER))
    strength = np.exp(rng.normal(0, 0.3) + rng.normal(0, 0.15, len(LINES)))
    width = float(np.exp(rng.normal(-0.1, 0.25)))
    light = quasar_spectrum(redshift, slope=slope, strength=strength, width=width)
    light = light * forest(redshift, rng)
    return (light / light.mean()).astype(np.float32), redshift


def quasar_spectrum(
    redshift: float,
    *,
    slope: float = BLUE_SLOPE,
    strength: np.ndarray | float = 1.0,
    width: float = 1.0,
) -> np.ndarray:
    """Return the spectrum of a SIMULATED quasar before anything absorbs it.

    Parameters
    ----------
    redshift : float
        Of the lines.
    slope : float
        Power of the frequency that f_nu follows short of 5000 Angstrom.
    strength : float or ndarray
        Factor on the equivalent widths of `LINES`, of all or float64 (16,) of each.
    width : float
        Factor on the widths of the broad lines.

    Returns
    -------
    ndarray
        float64 (w,), per Angstrom on `OBSERVED`, in units of the power law at 5000 Angstrom rest
        frame: Vanden Berk et al. (2001), section 4 and table 2.

    Examples
    --------
    >>> light = quasar_spectrum(2.0)
    >>> float(OBSERVED[light.argmax()].round(-1))  # Lyman alpha
    3650.0
    """
    rest = OBSERVED / (1 + redshift)
    # f_nu as nu ** a is f_lambda as wavelength ** -(a + 2)
    continuum = (rest / BREAK) ** np.where(rest < BREAK, -(slope + 2), -(RED_SLOPE + 2))
    continuum *= np.minimum(rest / FAR_BREAK, 1) ** (slope - FAR_SLOPE)
    above = np.ones(len(rest))  # in units of the continuum
    for centre, sigma, height in BUMPS:
        above += height * np.exp(-0.5 * ((rest - centre) / sigma) ** 2)
    factors = np.broadcast_to(strength, len(LINES))
    for (name, (centre, area, sigma)), factor in zip(LINES.items(), factors, strict=True):
        broad = sigma * (1.0 if name.startswith("[") else width)
        for part in (CORE * broad, WINGS * broad):
            height = 0.5 * factor * area / (part * np.sqrt(2 * np.pi))
            above += height * np.exp(-0.5 * ((rest - centre) / part) ** 2)
    return continuum * above


def forest(redshift: float, rng: np.random.Generator) -> np.ndarray:
    """Return what SIMULATED gas on the way to a quasar lets through.

    Parameters
    ----------
    redshift : float
        Of the quasar.
    rng : numpy.random.Generator
        Places of the clouds.

    Returns
    -------
    ndarray
        float64 (w,), 1 beyond Lyman alpha at the quasar's redshift. Optical depths are log-normal
        and smooth over 60 km/s; the mean is exp(-0.0023 (1 + z)**3.65), Kim et al. (2007, MNRAS
        382, 1657). Below the Lyman limit little is left.
    """
    clouds = gaussian_filter1d(rng.standard_normal(len(OBSERVED)), CLOUD / (LIGHT_SPEED * STEP))
    clouds /= clouds.std()
    amplitude, power = FOREST
    effective = amplitude * (OBSERVED / LYMAN_ALPHA) ** power
    scales, depths = forest_scales()
    scale = np.interp(effective, depths, scales)
    rest = OBSERVED / (1 + redshift)
    through = np.exp(-scale * np.exp(CLUMPINESS * clouds))
    through = np.where(rest < LYMAN_ALPHA, through, 1.0)
    return through * np.where(rest < LYMAN_LIMIT, np.exp(-LIMIT_DEPTH), 1.0)


@lru_cache(maxsize=1)
def forest_scales() -> tuple[np.ndarray, np.ndarray]:
    """Return factors on log-normal optical depths, and the effective depths they give."""
    scales = np.geomspace(1e-4, 10, 200)
    normal = np.linspace(-6, 6, 601)
    weight = np.exp(-0.5 * normal**2) / np.exp(-0.5 * normal**2).sum()
    mean = np.exp(-scales[:, None] * np.exp(CLUMPINESS * normal)) @ weight  # (200,)
    return scales, -np.log(mean)
