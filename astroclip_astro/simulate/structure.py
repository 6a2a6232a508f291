"""What a galaxy looks like: bulge, disc, arms, by its type, mass and redshift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astroclip_astro.simulate.spectra import StellarPopulation

# Radii against the relations below, so that the light outside a fibre is that of real galaxies
# (docs/simulation.md); relations of half-light radii at 5000 Angstrom miss the faint outskirts.
EARLY_SCALE, LATE_SCALE = 1.62, 1.36


@dataclass(frozen=True)
class Structure:
    """The shape of one galaxy.

    Parameters
    ----------
    early : bool
        Whether it is quiescent: a spheroid with a faint smooth disc.
    bulge_fraction : float
        Part of the mass in the bulge, 0 to 1.
    bulge_index, disc_index : float
        Sersic indices.
    bulge_radius, disc_radius : float
        Half-light radius along the major axis, arcsec.
    bulge_ratio, disc_ratio : float
        Minor over major axis.
    angle : float
        Of the major axis, radians from the x axis of the image.
    arms : int
        Number of spiral arms; 0 for none.
    arm_strength : float
        Contrast of the arms, 0 to 1.
    pitch : float
        Of the arms, radians; the sign says which way they wind.
    phase : float
        Of the arms, radians.
    clumps : float
        Strength of clumps and dust patches.
    bar : float
        Part of the disc's light in a bar.
    lane : float
        Depth of the dust lane of a disc seen edge-on.
    """

    early: bool
    bulge_fraction: float
    bulge_index: float
    bulge_radius: float
    bulge_ratio: float
    disc_index: float
    disc_radius: float
    disc_ratio: float
    angle: float
    arms: int
    arm_strength: float
    pitch: float
    phase: float
    clumps: float
    bar: float
    lane: float


def draw_structure(
    stars: StellarPopulation,
    log_mass: float,
    redshift: float,
    kpc_per_arcsec: float,
    rng: np.random.Generator,
) -> Structure:
    """Draw the shape of a galaxy.

    Parameters
    ----------
    stars : StellarPopulation
        Its star formation rate says which kind it is.
    log_mass : float
        log10 of the stellar mass in solar masses.
    redshift : float
        Galaxies of one mass were smaller once.
    kpc_per_arcsec : float
        Proper kpc.
    rng : numpy.random.Generator
        For the scatter of every relation.

    Returns
    -------
    Structure
        Sizes by mass and type near van der Wel et al. (2014, ApJ 788, 28), table 1, with more
        scatter and with the flattening of small early galaxies, times `EARLY_SCALE` and
        `LATE_SCALE`; inclinations at random.
    """
    early = stars.log_ssfr < -11.0
    tilt = rng.random()  # cosine of the inclination
    thickness = rng.uniform(0.12, 0.28)
    if early:
        kpc = 10 ** (0.60 + 0.70 * max(log_mass - 10.7, -0.9) + rng.normal(0, 0.14))
        kpc *= EARLY_SCALE * (1 + redshift) ** -0.9
        steep = np.interp(log_mass, [9.5, 10.5, 11.3], [2.2, 3.6, 4.6])
        flat = float(np.sqrt((1 - 0.35**2) * tilt**2 + 0.35**2))
        return Structure(
            early=True,
            bulge_fraction=float(np.clip(rng.normal(0.75, 0.2), 0.3, 1.0)),
            bulge_index=float(np.clip(rng.normal(steep, 0.8), 1.2, 6.0)),
            bulge_radius=0.8 * kpc / kpc_per_arcsec,
            bulge_ratio=float(np.clip(1 - abs(rng.normal(0, 0.28)), 0.45, 1)),
            disc_index=1.0,
            disc_radius=1.5 * kpc / kpc_per_arcsec,
            disc_ratio=max(flat, 0.3),
            angle=float(rng.uniform(0, np.pi)),
            arms=0,
            arm_strength=0.0,
            pitch=0.3,
            phase=0.0,
            clumps=0.0,
            bar=0.0,
            lane=0.0,
        )
    kpc = 10 ** (0.86 + 0.25 * (log_mass - 10.7) + rng.normal(0, 0.18))
    kpc *= LATE_SCALE * (1 + redshift) ** -0.6
    bulge = float(rng.beta(1.1, 4.5) * 1.6 * np.interp(log_mass, [9, 10, 11], [0.25, 0.8, 1.5]))
    if log_mass < 9.3 and rng.random() < 0.7:
        bulge = 0.0
    disc_ratio = float(np.sqrt((1 - thickness**2) * tilt**2 + thickness**2))
    return Structure(
        early=False,
        bulge_fraction=float(np.clip(bulge, 0, 0.75)),
        bulge_index=float(np.clip(rng.normal(2.5, 0.9), 0.8, 4.5)),
        bulge_radius=kpc * rng.uniform(0.12, 0.30) / kpc_per_arcsec,
        bulge_ratio=float(rng.uniform(0.6, 1)),
        disc_index=float(np.clip(rng.normal(1.0, 0.15), 0.6, 1.4)),
        disc_radius=1.05 * kpc / kpc_per_arcsec,
        disc_ratio=disc_ratio,
        angle=float(rng.uniform(0, np.pi)),
        arms=int(rng.choice([1, 2, 3, 4], p=[0.17, 0.5, 0.17, 0.16])),
        arm_strength=float(
            rng.uniform(0.15, 1.0) * np.interp(log_mass, [9, 9.8, 10.5], [0.35, 0.8, 1])
        ),
        pitch=float(np.radians(rng.uniform(10, 32)) * rng.choice([-1, 1])),
        phase=float(rng.uniform(0, 2 * np.pi)),
        clumps=float(rng.uniform(0.1, 0.5) * np.interp(log_mass, [9, 10.5], [1.3, 0.8])),
        bar=float(rng.uniform(0.04, 0.14)) if rng.random() < 0.3 and log_mass > 9.5 else 0.0,
        lane=float(rng.uniform(0, 0.55)) if disc_ratio < 0.38 else 0.0,
    )


def velocity_dispersion(log_mass: float, rng: np.random.Generator) -> float:
    """Return a stellar velocity dispersion, km/s.

    Parameters
    ----------
    log_mass : float
        log10 of the stellar mass in solar masses.
    rng : numpy.random.Generator
        For the scatter of 0.07 dex.

    Returns
    -------
    float
        Zahid et al. (2016, ApJ 832, 203), eq. 5 and table 1.

    Examples
    --------
    >>> 100 < velocity_dispersion(10.26, np.random.default_rng(0)) < 140
    True
    """
    slope = 0.403 if log_mass < 10.26 else 0.293
    return float(10 ** (2.073 + slope * (log_mass - 10.26) + rng.normal(0, 0.07)))
