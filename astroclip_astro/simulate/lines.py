"""Emission lines: star-forming gas by its metallicity, and nuclei of two kinds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy import constants
from scipy.special import erf

from astroclip_astro.simulate.library import attenuation_curve
from astroclip_astro.simulate.spectra import LIGHT_SPEED, StellarPopulation
from astroclip_astro.simulate.wavelengths import OBSERVED, STEP

# Vacuum wavelengths in Angstrom (NIST Atomic Spectra Database).
LINES = {
    "OII_3726": 3727.10, "OII_3729": 3729.86, "NEIII_3869": 3869.86, "H8": 3890.17,
    "HEPSILON": 3971.20, "SII_4070": 4069.75, "HDELTA": 4102.90, "HGAMMA": 4341.69,
    "OIII_4363": 4364.44, "HBETA": 4862.69, "OIII_4959": 4960.30, "OIII_5007": 5008.24,
    "HEI_5876": 5877.25, "OI_6300": 6302.05, "OI_6364": 6365.54, "NII_6548": 6549.86,
    "HALPHA": 6564.63, "NII_6584": 6585.27, "SII_6716": 6718.29, "SII_6731": 6732.67,
    "HEI_7065": 7067.14, "ARIII_7136": 7137.77, "SIII_9069": 9071.10, "SIII_9531": 9533.20,
}  # fmt: skip
NAMES = tuple(LINES)
REST_WAVELENGTHS = np.array(list(LINES.values()))
# Balmer lines over H beta for case B at 10,000 K (Storey & Hummer 1995, MNRAS 272, 41).
BALMER = {
    "HALPHA": 2.86,
    "HBETA": 1.0,
    "HGAMMA": 0.468,
    "HDELTA": 0.259,
    "HEPSILON": 0.159,
    "H8": 0.105,
}
# Ratios against metallicity x = 12 + log O/H - 8.69: Curti et al. (2020, MNRAS 491, 944), table 2.
OIII_HBETA = (-0.277, -3.549, -3.593, -0.981)
OII_HBETA = (0.435, -1.362, -5.655, -4.851, -0.478, 0.736)
NII_HALPHA = (-0.489, 1.513, -2.554, -5.293, -2.867)
SII_HALPHA = (-0.442, -0.360, -6.271, -8.339, -3.559)
# H alpha in erg/s of one solar mass a year: Kennicutt & Evans (2012, ARA&A 50, 531), table 1.
HALPHA_PER_RATE = 10**41.27
SOLAR = constants.L_sun.to_value("erg/s")
# How much more than the stars by diffuse dust nebulae are dimmed, a little less than the 2.3 of
# Calzetti et al. (2000), eq. 3; its scatter; and dust that even galaxies without any have.
NEBULAR_DUST, NEBULAR_SCATTER, LEAST_DUST = 1.9, 0.25, 0.1
# What medians of real equivalent widths ask for beyond these relations (docs/simulation.md), dex.
CALIBRATION = {
    "HALPHA": -0.08,
    "HBETA": -0.06,
    "OIII": -0.18,
    "OII": -0.13,
    "NII": -0.03,
    "SII": -0.12,
}


@dataclass(frozen=True)
class EmissionLines:
    """Line luminosities of one galaxy after its dust.

    Parameters
    ----------
    disc, nucleus : ndarray
        float64 (24,), solar luminosities, in the order of `LINES`.
    width : float
        Velocity dispersion of the gas, km/s.
    nucleus_kind : str
        ``"none"``, ``"liner"`` or ``"seyfert"``.
    """

    disc: np.ndarray
    nucleus: np.ndarray
    width: float
    nucleus_kind: str


def draw_lines(
    stars: StellarPopulation,
    log_mass: float,
    dispersion: float,
    continuum: float,
    rng: np.random.Generator,
) -> EmissionLines:
    """Draw the lines that go with a stellar population.

    Parameters
    ----------
    stars : StellarPopulation
        Its star formation rate and dust set the strength of the lines.
    log_mass : float
        log10 of the stellar mass in solar masses.
    dispersion : float
        Velocity dispersion of the stars, km/s; gas moves more slowly.
    continuum : float
        Solar luminosities per Angstrom at H alpha; nuclei shine in proportion.
    rng : numpy.random.Generator
        For the scatter of every relation.

    Returns
    -------
    EmissionLines
        At source; the fibre sees a part of the disc.
    """
    rate = stars.star_formation_rate
    oxygen = gas_metallicity(log_mass, np.log10(max(rate, 1e-4)), rng)
    halpha = rate * HALPHA_PER_RATE / SOLAR * 10 ** rng.normal(0.0, 0.1)
    scatter = rng.normal(size=4)
    disc = assemble(
        halpha,
        oiii=10 ** (ratio(OIII_HBETA, oxygen) + 0.12 * scatter[0]),
        oii=10 ** (ratio(OII_HBETA, oxygen) + 0.10 * scatter[1] - 0.05 * scatter[0]),
        nii=10 ** (ratio(NII_HALPHA, oxygen) + 0.08 * scatter[2]),
        sii=10 ** (ratio(SII_HALPHA, oxygen) + 0.07 * scatter[3]),
        oi=0.03,
        sii_ratio=float(np.clip(rng.normal(1.35, 0.08), 0.6, 1.44)),
    )
    nebular = stars.attenuation * NEBULAR_DUST * np.exp(rng.normal(0, NEBULAR_SCATTER)) + LEAST_DUST
    disc = disc * 10 ** (-0.4 * nebular * attenuation_curve(REST_WAVELENGTHS, -0.2))
    disc = disc * 10 ** np.array([CALIBRATION.get(name.split("_")[0], 0.0) for name in NAMES])
    nucleus, kind = draw_nucleus(stars, log_mass, continuum, rng)
    width = float(np.clip(dispersion * rng.uniform(0.5, 0.95), 35, 260))
    return EmissionLines(disc, nucleus, width, kind)


def gas_metallicity(log_mass: float, log_rate: float, rng: np.random.Generator) -> float:
    """Return 12 + log O/H - 8.69 by mass and star formation rate.

    Curti et al. (2020, MNRAS 491, 944), eq. 5 and table 6, with 0.06 dex of scatter.
    """
    turnover = 10.11 + 0.56 * log_rate
    oxygen = 8.779 - 0.31 / 2.1 * np.log10(1 + 10 ** (-2.1 * (log_mass - turnover)))
    return float(np.clip(oxygen + rng.normal(0.0, 0.06), 7.9, 8.83)) - 8.69


def ratio(coefficients: tuple[float, ...], oxygen: float) -> float:
    """Return log10 of a line ratio at 12 + log O/H - 8.69."""
    return float(np.polynomial.polynomial.polyval(oxygen, coefficients))


def assemble(
    halpha: float, *, oiii: float, oii: float, nii: float, sii: float, oi: float, sii_ratio: float
) -> np.ndarray:
    """Return all lines from H alpha and the ratios to H beta (O) or H alpha (N, S), (24,)."""
    hbeta = halpha / BALMER["HALPHA"]
    lines = {name: hbeta * part for name, part in BALMER.items()}
    lines |= {
        "OIII_5007": hbeta * oiii,
        "OIII_4959": hbeta * oiii / 2.98,
        "OIII_4363": hbeta * oiii * 0.005,
        "OII_3726": hbeta * oii * 0.42,
        "OII_3729": hbeta * oii * 0.58,
        "NII_6584": halpha * nii,
        "NII_6548": halpha * nii / 3.05,
        "SII_6716": halpha * sii * sii_ratio / (1 + sii_ratio),
        "SII_6731": halpha * sii / (1 + sii_ratio),
        "SII_4070": halpha * sii * 0.02,
        "OI_6300": halpha * oi,
        "OI_6364": halpha * oi / 3.0,
        "NEIII_3869": hbeta * oiii * 0.09,
        "HEI_5876": hbeta * 0.12,
        "HEI_7065": hbeta * 0.02,
        "ARIII_7136": hbeta * 0.07,
        "SIII_9069": hbeta * 0.14,
        "SIII_9531": hbeta * 0.35,
    }
    return np.array([lines[name] for name in NAMES])


def draw_nucleus(
    stars: StellarPopulation, log_mass: float, continuum: float, rng: np.random.Generator
) -> tuple[np.ndarray, str]:
    """Return the lines of a nucleus, (24,), and its kind.

    Two thirds of quiescent galaxies have faint LINER-like lines, one in thirty a Seyfert nucleus;
    of massive star-forming ones a few in a hundred have the latter. Ratios lie in the usual places
    of the diagram of Kewley et al. (2006, MNRAS 372, 961).
    """
    quiescent = stars.log_ssfr < -10.8
    seyfert = 0.03 if quiescent else 0.05 * float(np.clip(log_mass - 9.7, 0, 1.5))
    chance = rng.random()
    if chance < seyfert:
        width, (oiii, oii, nii, sii), oi, kind = 8.0, (6.0, 3.0, 0.85, 0.55), 0.09, "seyfert"
    elif quiescent and chance < 0.7:
        width, (oiii, oii, nii, sii), oi, kind = 0.5, (1.9, 4.5, 1.2, 1.0), 0.15, "liner"
    else:
        return np.zeros(len(NAMES)), "none"
    spread = np.exp(rng.normal(size=5) * (0.7, 0.35, 0.35, 0.3, 0.25))
    lines = assemble(
        continuum * width * spread[0],
        oiii=oiii * spread[1],
        oii=oii * spread[2],
        nii=nii * spread[3],
        sii=sii * spread[4],
        oi=oi,
        sii_ratio=1.13,
    )
    dust = rng.uniform(0.0, 0.6)
    return lines * 10 ** (-0.4 * dust * attenuation_curve(REST_WAVELENGTHS, -0.2)), kind


def line_spectrum(luminosity: np.ndarray, width: float, redshift: float) -> np.ndarray:
    """Return lines as a spectrum of luminosity density on `OBSERVED`.

    Parameters
    ----------
    luminosity : ndarray
        float64 (24,), in the order of `LINES`, any unit.
    width : float
        Velocity dispersion, km/s.
    redshift : float
        Of the gas.

    Returns
    -------
    ndarray
        float32 (w,), the unit of ``luminosity`` per Angstrom of the rest frame, so that it adds to
        a continuum there.
    """
    spectrum = np.zeros(len(OBSERVED), np.float32)
    sigma = width / (LIGHT_SPEED * STEP)  # cells
    centre = (np.log(REST_WAVELENGTHS * (1 + redshift)) - np.log(OBSERVED[0])) / STEP  # (24,)
    reach = int(np.ceil(5 * sigma)) + 1
    cell = np.round(centre).astype(int)[:, None] + np.arange(-reach, reach + 1)  # (24, cells)
    edge = (cell - centre[:, None]) / (sigma * np.sqrt(2))
    half = 0.5 / (sigma * np.sqrt(2))
    density = luminosity[:, None] * 0.5 * (erf(edge + half) - erf(edge - half))
    inside = (cell >= 0) & (cell < len(OBSERVED))
    width_of_cell = OBSERVED[cell[inside]] / (1 + redshift) * STEP  # Angstrom, rest frame
    np.add.at(spectrum, cell[inside], (density[inside] / width_of_cell).astype(np.float32))
    return spectrum
