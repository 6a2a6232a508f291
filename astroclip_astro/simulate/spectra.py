"""The stars and dust of one galaxy: chosen to match its colours, then mixed into its spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from astroclip_astro.errors import InputError
from astroclip_astro.simulate.library import BIRTH_CLOUD, YOUNG_BINS, metallicity_weights
from astroclip_astro.simulate.population import Properties
from astroclip_astro.simulate.stellar_grid import AGE_EDGES
from astroclip_astro.simulate.templates import Templates
from astroclip_astro.simulate.wavelengths import OBSERVED, STEP, redshift_rows

# Label less the mass these templates need for the same light, dex: median over the population
# (docs/simulation.md). PROVABGS counts surviving mass of a Chabrier initial mass function too, but
# its star formation histories are older.
MASS_OFFSET = 0.2
MASS_SCATTER = 0.2  # dex; how softly the mass-to-light ratio is asked for
COLOUR_SCATTER = 0.025  # magnitudes; what is left is closed by `match_photometry`
# log10 mass, log10 of the stars' metallicity over solar: near Gallazzi et al. (2005, MNRAS 362, 41)
MASS_METALLICITY = (
    (8.0, 9.0, 9.5, 10.0, 10.5, 11.0, 11.5),
    (-1.1, -0.8, -0.6, -0.35, -0.1, 0.05, 0.1),
)
ROUNDS = 60  # of `match_photometry`; ordinary colours take 4
SEGREGATION = 0.35  # how much older the bulge is than the disc: 0 alike, 1 no young stars
LIGHT_SPEED = 299792.458  # km/s
MILES_RESOLUTION = 64.0  # km/s at 5000 Angstrom, dispersion


@dataclass(frozen=True)
class StellarPopulation:
    """The star formation history, metallicity and dust of one galaxy.

    Parameters
    ----------
    log_mass_formed : float
        log10 of all stars ever formed, solar masses, so that r is the one wanted.
    log_ssfr : float
        log10 of present star formation rate per mass formed, 1/yr.
    ages : ndarray
        float32 (20,), part of the mass formed in each bin of age.
    log_metallicity : float
        log10 of solar.
    attenuation : float
        A_V of the diffuse dust, magnitudes.
    slope : float
        Of the dust curve, see `attenuation_curve`.
    log_mass_model : float
        log10 of the mass surviving in this model; the label is the drawn mass, not this one.
    mismatch : ndarray
        float64 (2,), g - r and r - z wanted less those of the library, magnitudes.
    """

    log_mass_formed: float
    log_ssfr: float
    ages: np.ndarray
    log_metallicity: float
    attenuation: float
    slope: float
    log_mass_model: float
    mismatch: np.ndarray

    @property
    def star_formation_rate(self) -> float:
        """Present rate, solar masses a year."""
        return 10 ** (self.log_mass_formed + self.log_ssfr)


def choose_stars(
    templates: Templates, properties: Properties, rng: np.random.Generator
) -> StellarPopulation:
    """Draw stars and dust that have the galaxy's colours, and softly its mass-to-light ratio.

    Parameters
    ----------
    templates : Templates
        Its library is chosen from.
    properties : Properties
        Redshift, mass, magnitude and colours wanted.
    rng : numpy.random.Generator
        Picks one of the populations, in proportion to their probability.

    Returns
    -------
    StellarPopulation
        Scaled to the r magnitude.

    Notes
    -----
    The probability of each is that of its colours (Gaussian, `COLOUR_SCATTER`) and mass (Gaussian,
    `MASS_SCATTER`) times what is known of galaxies of this mass and redshift: `expectations`.
    """
    library = templates.library
    g, r, z = library.at(
        properties.redshift, templates.distances.dimming(properties.redshift)
    )  # (n,) each
    log_mass_formed = 0.4 * (r - np.float32(properties.r))
    log_mass = log_mass_formed + np.log10(library.surviving)
    blue, red = np.float32(properties.g_r) - (g - r), np.float32(properties.r_z) - (r - z)
    wanted = np.float32(properties.log_stellar_mass - MASS_OFFSET)
    score = expectations(templates, properties.redshift, float(wanted))
    score -= 0.5 * (blue**2 + red**2) / np.float32(COLOUR_SCATTER**2)
    score -= 0.5 * ((log_mass - wanted) / np.float32(MASS_SCATTER)) ** 2
    chance = np.cumsum(np.exp(score - score.max(), dtype=np.float64))
    row = min(int(np.searchsorted(chance, rng.random() * chance[-1])), len(chance) - 1)
    return StellarPopulation(
        log_mass_formed=float(log_mass_formed[row]),
        log_ssfr=float(library.log_ssfr[row]),
        ages=library.ages[row],
        log_metallicity=float(library.log_metallicity[row]),
        attenuation=float(library.attenuation[row]),
        slope=float(library.slope[row]),
        log_mass_model=float(log_mass[row]),
        mismatch=np.array([blue[row], red[row]], float),
    )


def main_sequence(log_mass: float, redshift: float) -> float:
    """Return log10 specific star formation rate (1/yr) of star-forming galaxies.

    Near Salim et al. (2007, ApJS 173, 267), eq. 11, flatter, bent above 10.5 as massive discs are,
    and rising with redshift.
    """
    rate = -10.02 - 0.15 * (log_mass - 10) - 0.18 * max(log_mass - 10.5, 0)
    return rate + 2.6 * np.log10((1 + redshift) / 1.05)


def expectations(templates: Templates, redshift: float, log_mass: float) -> np.ndarray:
    """Return the log-probability of each library population at a mass, before its colours, (n,).

    Star formation is a mixture of the main sequence, quiescent galaxies and the valley between,
    metallicity follows mass (`MASS_METALLICITY`), and dust follows mass
    where stars form (Garn & Best 2010, MNRAS 409, 421).
    """
    library = templates.library
    quiescent = 0.06 + 0.91 / (1 + np.exp(-(log_mass - 10.65 - 0.55 * redshift) / 0.22))
    valley = 0.13 if log_mass > 9.6 else 0.03
    kinds = (
        ((1 - quiescent) * (1 - valley), main_sequence(log_mass, redshift), 0.35),
        ((1 - quiescent) * valley + 0.05, -11.1, 0.4),
        (quiescent, -12.2, 0.45),
    )
    density = sum(
        np.float32(part / width)
        * np.exp(-0.5 * ((library.log_ssfr - np.float32(mean)) / width) ** 2)
        for part, mean, width in kinds
    )
    score = np.log(density + np.float32(1e-6))
    metals = np.interp(log_mass, *MASS_METALLICITY)
    score -= 0.5 * ((library.log_metallicity - np.float32(metals)) / np.float32(0.22)) ** 2
    forming = library.log_ssfr > -11.0
    typical = np.where(forming, np.clip(0.5 + 0.4 * (log_mass - 10), 0.1, 0.9), 0.12)
    ratio = (library.attenuation + np.float32(0.02)) / typical.astype(np.float32)
    # A gamma distribution of order 2; the library is denser at small attenuation.
    score += np.log(ratio) - 1.6 * ratio + 0.5 * np.log(library.attenuation + np.float32(1e-4))
    lag = np.float32(templates.distances.age_at(redshift)) - library.start  # Gyr after the Big Bang
    score -= np.where(lag > 0.3, lag / np.float32(3.0), np.float32(60.0))
    return score  # (n,)


def stellar_continuum(
    templates: Templates, stars: StellarPopulation, redshift: float, bulge_part: float
) -> np.ndarray:
    """Return the spectra of bulge and disc.

    Parameters
    ----------
    templates : Templates
        Stars and distances.
    stars : StellarPopulation
        What to mix.
    redshift : float
        From 0.01 to 0.6.
    bulge_part : float
        Part of the mass that the bulge takes, more of the old stars than of the young; 0 to 1.

    Returns
    -------
    ndarray
        float32 (2, w), 1e-17 erg/s/cm2/Angstrom on `OBSERVED`; their sum does not depend on
        ``bulge_part``.
    """
    first, part = redshift_rows(redshift)
    age = 0.5 * (AGE_EDGES[1:] + AGE_EDGES[:-1])
    old = 1 / (1 + (3e9 / age) ** 2)
    older = old / max(float(stars.ages @ old), 1e-12)  # mean 1 over the mass
    share = np.clip(bulge_part * (1 - SEGREGATION + SEGREGATION * older), 0, 1)  # (20,)
    mass = stars.ages * np.stack([share, 1 - share])  # (2, 20)
    mass = mass * 10**stars.log_mass_formed * templates.distances.dimming(redshift)
    weights = np.zeros((4, mass.shape[1]), np.float32)  # old and young, of bulge and disc
    weights[:2, YOUNG_BINS:], weights[2:, :YOUNG_BINS] = mass[:, YOUNG_BINS:], mass[:, :YOUNG_BINS]
    window = slice(first, first + len(OBSERVED) + 1)
    light = np.zeros((4, len(OBSERVED) + 1), np.float32)
    for metals, spectra in zip(
        metallicity_weights(np.array([stars.log_metallicity]))[0],
        templates.stars.spectra,
        strict=True,
    ):
        if metals > 0:
            light += np.float32(metals) * (weights @ spectra[:, window])  # (4, w + 1)
    tilt = np.exp(np.float32(stars.slope) * templates.log_dust_pivot[window])
    diffuse = np.float32(-0.921034 * stars.attenuation) * templates.dust[window] * tilt
    seen = (light[:2] + light[2:] * np.exp(np.float32(BIRTH_CLOUD) * diffuse)) * np.exp(diffuse)
    return seen[:, :-1] * np.float32(1 - part) + seen[:, 1:] * np.float32(part)  # (2, w)


def smooth_by_velocity(spectra: np.ndarray, dispersion: float) -> np.ndarray:
    """Return spectra on `OBSERVED` as stars with a velocity dispersion show them.

    Parameters
    ----------
    spectra : ndarray
        float32 (..., w), at the resolution of MILES.
    dispersion : float
        km/s; what MILES has already is taken off in quadrature.

    Returns
    -------
    ndarray
        float32 (..., w).
    """
    width = np.sqrt(max(dispersion**2 - MILES_RESOLUTION**2, 100.0)) / (LIGHT_SPEED * STEP)
    return gaussian_filter1d(spectra, width, axis=-1, mode="nearest", truncate=3.5)


def match_photometry(templates: Templates, spectra: np.ndarray, flux: np.ndarray) -> np.ndarray:
    """Return the smooth factor that gives a spectrum exactly the fluxes wanted.

    Parameters
    ----------
    templates : Templates
        Bands, and the three smooth curves the factor is made of.
    spectra : ndarray
        float32 (w,), all light of the galaxy, 1e-17 erg/s/cm2/Angstrom on `OBSERVED`.
    flux : ndarray
        float64 (3,), nanomaggies in g, r, z.

    Returns
    -------
    ndarray
        float32 (w,), the factor; 1 where the library matched perfectly.

    Raises
    ------
    InputError
        If the colours are out of reach of any smooth factor.
    """
    logs = np.zeros(3)
    factor = np.ones_like(spectra)
    for _ in range(ROUNDS):
        miss = np.log(flux / (templates.band_weights @ (spectra * factor)))  # (3,)
        logs += miss
        factor = np.exp(logs.astype(np.float32) @ templates.bumps)  # (w,)
        if np.abs(miss).max() < 1e-4:
            return factor
    raise InputError(
        f"No smooth factor gives this galaxy the fluxes {flux.round(3)} nanomaggies in g, r, z; "
        "colours g - r of -0.5 to 3 and r - z of -0.5 to 2 can be reached."
    )
