"""SIMULATED spectra of stars: Planck's law, a few lines and bands, and what blankets the blue."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from astroclip_astro.simulate.spectra import LIGHT_SPEED
from astroclip_astro.simulate.stellar_grid import air_to_vacuum
from astroclip_astro.simulate.wavelengths import OBSERVED

TEMPERATURES = (3000.0, 12000.0)  # kelvin: M5 to B8
SPEED = 50.0  # km/s, rms of radial velocities
SECOND_CONSTANT = 1.438777e8  # Angstrom kelvin, h c / k
RYDBERG = 1.0967758e-3  # 1 / Angstrom, of hydrogen
BALMER = tuple(range(3, 17))  # upper levels
HOTTEST_BALMER, BALMER_RANGE = 9500.0, 0.28  # kelvin, and its spread in ln T
# Which lines: Gray & Corbally (2009, Stellar Spectral Classification, chapters 4 to 9). Wavelength
# in air and width (Angstrom), optical depth at the centre when it is fully there, temperature
# (kelvin) below which it is. Depths are near those of the three real DESI stars at hand.
LINES = (
    (3834.0, 6.0, 0.7, 6300),  # Mg I, Fe I
    (3868.0, 12.0, 0.5, 5300),  # CN
    (3933.66, 5.0, 1.8, 7400), (3968.47, 5.0, 1.6, 7400),  # Ca II K, H
    (4045.8, 2.5, 0.4, 6500), (4063.6, 2.5, 0.4, 6500), (4143.9, 2.5, 0.3, 6000),  # Fe I
    (4226.73, 3.0, 0.8, 5000),  # Ca I
    (4271.8, 2.0, 0.3, 6200), (4325.8, 2.0, 0.3, 6200), (4383.5, 2.5, 0.4, 6500),  # Fe I
    (4404.8, 2.0, 0.3, 6200), (4668.0, 12.0, 0.1, 5200),  # Fe I, C2
    (5145.0, 28.0, 0.25, 5000),  # MgH
    (5167.3, 2.2, 0.5, 6000), (5172.7, 2.2, 0.6, 6000), (5183.6, 2.2, 0.6, 6000),  # Mg b
    (5269.5, 2.5, 0.25, 6200), (5328.0, 2.5, 0.2, 6200),  # Fe I
    (5889.95, 2.2, 0.7, 5000), (5895.92, 2.2, 0.6, 5000),  # Na D
    (6122.2, 2.0, 0.15, 5000), (6162.2, 2.0, 0.15, 5000),  # Ca I
    (7664.9, 3.0, 0.4, 3700), (7699.0, 3.0, 0.3, 3700),  # K I
    (8183.3, 3.0, 0.4, 3700), (8194.8, 3.0, 0.5, 3700),  # Na I
    (8498.0, 1.8, 0.35, 7200), (8542.1, 2.2, 0.6, 7200), (8662.1, 2.2, 0.5, 7200),  # Ca II
)  # fmt: skip
CH = (4304.0, 9.0, 0.5, (4300, 6300))  # the G band: between these temperatures
# Heads in air of TiO, and CaH at 6750 (Kirkpatrick, Henry & McCarthy 1991, ApJS 77, 417), how far
# to the red they reach (Angstrom), and optical depth as in a real DESI spectrum of an M dwarf.
BANDS = (
    (4761, 120, 0.5), (4954, 130, 0.7), (5167, 160, 0.9), (5448, 220, 0.75), (5847, 300, 1.1),
    (6158, 330, 1.0), (6651, 150, 0.5), (6750, 250, 0.6), (7053, 260, 0.9), (7589, 250, 0.7),
    (8432, 180, 0.25), (8859, 180, 0.15),
)  # fmt: skip
COOL, FULL = 4100.0, 3100.0  # kelvin: bands begin, bands are as deep as `BANDS` says
WEAK = 500  # lines of metals, each too weak to be named
WEAK_RANGE = (3500.0, 5600.0)  # Angstrom


def draw_star(rng: np.random.Generator) -> tuple[np.ndarray, float, float]:
    """Draw a SIMULATED star.

    Parameters
    ----------
    rng : numpy.random.Generator
        Temperature (evenly in its logarithm), radial velocity and strength of the metals' lines.

    Returns
    -------
    spectrum : ndarray
        float32 (w,), on `OBSERVED`, in units of its mean.
    temperature : float
        Kelvin, within `TEMPERATURES`.
    redshift : float
        Radial velocity over that of light.
    """
    low, high = np.log(TEMPERATURES)
    temperature = float(np.exp(rng.uniform(low, high)))
    redshift = float(rng.normal(0, SPEED)) / LIGHT_SPEED
    metals = float(np.exp(rng.normal(-0.1, 0.25)))
    return star_spectrum(temperature, redshift=redshift, metals=metals), temperature, redshift


def star_spectrum(temperature: float, *, redshift: float = 0.0, metals: float = 1.0) -> np.ndarray:
    """Return the spectrum of a SIMULATED star.

    Parameters
    ----------
    temperature : float
        Kelvin.
    redshift : float
        Radial velocity over that of light.
    metals : float
        Factor on the depth of all lines and bands but hydrogen's.

    Returns
    -------
    ndarray
        float32 (w,), per Angstrom on `OBSERVED`, in units of its mean: Planck's law times
        absorption by the lines and bands named in Gray & Corbally (2009). Stars that hydrogen
        rules have the colour of a law up to 35 per cent hotter, as Vega has.

    Examples
    --------
    >>> hot, cool = star_spectrum(9500.0), star_spectrum(3300.0)
    >>> bool(OBSERVED[hot.argmax()] < 4500 and OBSERVED[cool.argmax()] > 7000)
    True
    """
    colour = temperature * (1 + 0.35 * np.clip((temperature - 7000) / 2500, 0, 1))
    light = OBSERVED**-5.0 / np.expm1(SECOND_CONSTANT / (OBSERVED * colour))
    depth = hydrogen(temperature) + metals * (
        named_lines(temperature)
        + bands(temperature)
        + blanket(temperature)
        + 0.25 * below(temperature, 6000) * weak_lines()
    )
    light = light * np.exp(-depth)
    light = np.interp(OBSERVED / (1 + redshift), OBSERVED, light)
    return (light / light.mean()).astype(np.float32)  # (w,)


def below(temperature: float, edge: float, softness: float = 0.07) -> float:
    """Return how far a star is below a temperature, softly, from 0 to 1."""
    return float(1 / (1 + np.exp(np.log(temperature / edge) / softness)))


def hydrogen(temperature: float) -> np.ndarray:
    """Return the optical depth of the Balmer series and its jump, (w,); most at A0."""
    away = np.log(temperature / HOTTEST_BALMER) / BALMER_RANGE
    strength = float(np.exp(-0.5 * away**2))
    wing = 1.5 + 7.5 * strength  # Angstrom; Stark effect
    depth = np.zeros(len(OBSERVED))
    for upper in BALMER:
        centre = 1 / (RYDBERG * (0.25 - 1 / upper**2))
        part = (0.8 if upper == 3 else 1.1) * min(1.0, (8 / upper) ** 1.5)
        depth += part * strength / (1 + ((OBSERVED - centre) / wing) ** 2)
    return depth + 0.9 * strength / (1 + np.exp((OBSERVED - 3690.0) / 12))


def named_lines(temperature: float) -> np.ndarray:
    """Return the optical depth of `LINES` and the G band, (w,)."""
    depth = np.zeros(len(OBSERVED))
    for air, width, most, edge in LINES:
        away = (OBSERVED - air_to_vacuum(np.float64(air))) / width
        depth += most * below(temperature, edge) * np.exp(-0.5 * away**2)
    air, width, most, (low, high) = CH
    part = most * below(temperature, high) * (1 - below(temperature, low))
    return depth + part * np.exp(-0.5 * ((OBSERVED - air_to_vacuum(np.float64(air))) / width) ** 2)


def bands(temperature: float) -> np.ndarray:
    """Return the optical depth of molecules, (w,): sharp heads that fade to the red."""
    strength = np.clip((COOL - temperature) / (COOL - FULL), 0, 1.15) ** 1.3
    depth = np.zeros(len(OBSERVED))
    if strength == 0:
        return depth
    for air, reach, most in BANDS:
        away = OBSERVED - air_to_vacuum(np.float64(air))
        head = 1 / (1 + np.exp(-np.clip(away / 4.0, -50, 50)))
        depth += most * strength * head * np.exp(-np.maximum(away, 0) / reach)
    return depth


def blanket(temperature: float) -> np.ndarray:
    """Return the optical depth of all the lines too many to name, (w,): more to the blue."""
    blue = np.clip((4600.0 - OBSERVED) / 1000.0, 0, 1.2)
    return 0.7 * below(temperature, 5000, 0.08) * blue


@lru_cache(maxsize=1)
def weak_lines() -> np.ndarray:
    """Return a fixed pattern of weak lines, (w,), denser to the blue; the same for every star."""
    rng = np.random.default_rng(4861)
    low, high = WEAK_RANGE
    depth = np.zeros(len(OBSERVED))
    for _ in range(WEAK):
        centre = low + (high - low) * rng.random() ** 1.6
        away = (OBSERVED - centre) / rng.uniform(1.2, 2.5)
        depth += rng.exponential(0.5) * np.exp(-0.5 * np.minimum(away**2, 100))
    return depth * np.clip((high - OBSERVED) / 1200.0, 0, 1)
