"""The Legacy Surveys observe one galaxy: seeing, depth, sky noise, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astroclip_astro.simulate.artefacts import Artefact, drawn
from astroclip_astro.simulate.field import (
    add_companion,
    add_neighbours,
    add_saturated_star,
    add_stars,
)
from astroclip_astro.simulate.profiles import FRAME, SIZE, blur, fibre_part, sersic, spiral_disc
from astroclip_astro.simulate.structure import Structure

# A / E(B-V) of SFD in DECam's g, r, z: Schlafly & Finkbeiner (2011, ApJ 737, 103), as in DR9.
EXTINCTION = np.array([3.214, 2.165, 1.211])
# Median FWHM of the seeing in g, r, z (arcsec), and rms of the sky in a pixel (nanomaggies): DECam
# in the south; BASS and MzLS in the north (Dey et al. 2019, AJ 157, 168; rms of real cutouts).
SEEING = {"S": (1.29, 1.18, 1.11), "N": (1.61, 1.47, 1.01)}
SKY = {"S": (0.0020, 0.0029, 0.0093), "N": (0.0030, 0.0046, 0.0125)}
PHOTONS = (2600.0, 2600.0, 2300.0)  # electrons a nanomaggy, of all exposures together


@dataclass(frozen=True)
class Conditions:
    """How well a field was observed.

    Parameters
    ----------
    hemisphere : {"N", "S"}
        Which cameras.
    seeing : ndarray
        float64 (3,), FWHM in g, r, z, arcsec.
    sky : ndarray
        float64 (3,), rms of the sky, nanomaggies a pixel.
    correlation : float
        Of the noise of neighbouring pixels, from resampling, about twice this number.
    """

    hemisphere: str
    seeing: np.ndarray
    sky: np.ndarray
    correlation: float


@dataclass(frozen=True)
class GalaxyModel:
    """A galaxy before the atmosphere.

    Parameters
    ----------
    bulge : ndarray
        float32 (192, 192), unit flux.
    disc : ndarray
        float32 (3, 192, 192), unit flux in g, r, z.
    """

    bulge: np.ndarray
    disc: np.ndarray

    def fibre_fractions(self, seeing: float) -> tuple[float, float]:
        """Return the parts of bulge and disc that a DESI fibre takes in, against a star's."""
        return fibre_part(self.bulge, seeing), fibre_part(self.disc[1], seeing)


def draw_conditions(dec: float, galactic_north: bool, rng: np.random.Generator) -> Conditions:
    """Draw seeing and depth.

    Parameters
    ----------
    dec : float
        Degrees; above 32.375 and north of the Galactic plane the cameras are BASS and MzLS.
    galactic_north : bool
        Whether the Galactic latitude is positive.
    rng : numpy.random.Generator
        For the scatter.

    Returns
    -------
    Conditions
        Around the medians of DR9.
    """
    hemisphere = "N" if dec > 32.375 and galactic_north else "S"
    common = rng.normal(0, 0.08)
    seeing = np.array(SEEING[hemisphere]) * np.exp(common + rng.normal(0, 0.06, 3))
    depth = rng.normal(0, 0.18)
    sky = np.array(SKY[hemisphere]) * np.exp(depth + rng.normal(0, 0.12, 3))
    return Conditions(hemisphere, np.clip(seeing, 0.7, 2.4), sky, float(rng.uniform(0.04, 0.14)))


def model_galaxy(structure: Structure, rng: np.random.Generator) -> GalaxyModel:
    """Lay a galaxy out on the pixels.

    Parameters
    ----------
    structure : Structure
        Its shape.
    rng : numpy.random.Generator
        For its place within half a pixel of the middle, its clumps and its companion.

    Returns
    -------
    GalaxyModel
        Bulge and disc.
    """
    centre = tuple(rng.uniform(-0.13, 0.13, 2))
    bulge = sersic(
        structure.bulge_index,
        structure.bulge_radius,
        structure.bulge_ratio,
        structure.angle,
        centre,
    )
    disc = sersic(
        structure.disc_index, structure.disc_radius, structure.disc_ratio, structure.angle, centre
    )
    if structure.arms and structure.disc_radius > 0.5:
        return GalaxyModel(bulge, spiral_disc(disc, structure, centre, rng))
    return GalaxyModel(bulge, np.broadcast_to(disc, (3, *disc.shape)))


def observe_image(
    model: GalaxyModel,
    light: np.ndarray,
    conditions: Conditions,
    *,
    ebv: float,
    rng: np.random.Generator,
    radius: float = 1.0,
    artefacts: bool = True,
) -> tuple[np.ndarray, Artefact]:
    """Observe a galaxy and its field.

    Parameters
    ----------
    model : GalaxyModel
        Its shape.
    light : ndarray
        float64 (2, 3), of bulge and disc in g, r, z, nanomaggies before Galactic dust.
    conditions : Conditions
        Seeing and depth.
    ebv : float
        E(B-V) of Schlegel, Finkbeiner & Davis (1998), magnitudes.
    rng : numpy.random.Generator
        Field, noise and artefacts.
    radius : float
        Half-light radius of the galaxy, arcsec; a companion is placed by it.
    artefacts : bool
        False for an image where nothing goes wrong but noise.

    Returns
    -------
    image : ndarray
        float32 (3, 152, 152), nanomaggies a pixel of 0.262 arcsec.
    artefacts : Artefact
        What went wrong.
    """
    scene = np.zeros((3, FRAME, FRAME), np.float32)
    wrong = Artefact(0)
    if artefacts and drawn(Artefact.MERGER, rng):
        wrong |= Artefact.MERGER
        add_companion(scene, light.sum(axis=0), radius, rng)
    add_neighbours(scene, rng)
    add_stars(scene, rng)
    if artefacts and drawn(Artefact.SATURATED_STAR, rng):
        wrong |= Artefact.SATURATED_STAR
        add_saturated_star(scene, rng)
    dust = 10 ** (-0.4 * ebv * EXTINCTION)
    image = np.empty((3, SIZE, SIZE), np.float32)
    for band in range(3):
        bulge, disc = (np.float32(part) for part in light[:, band])
        before = scene[band] + bulge * model.bulge + disc * model.disc[band]
        seen = blur(before, conditions.seeing[band]) * np.float32(dust[band])
        image[band] = seen + sky_noise(seen, conditions, band, rng)
    if artefacts:
        wrong |= spoil(image, conditions, rng)
    return image, wrong


def sky_noise(
    seen: np.ndarray, conditions: Conditions, band: int, rng: np.random.Generator
) -> np.ndarray:
    """Return noise of sky and photons, correlated between neighbouring pixels, (152, 152)."""
    noise = rng.standard_normal((SIZE + 2, SIZE + 2), np.float32)
    side = np.float32(conditions.correlation)
    noise = noise[1:-1] + side * (noise[:-2] + noise[2:])
    noise = noise[:, 1:-1] + side * (noise[:, :-2] + noise[:, 2:])
    variance = np.float32(conditions.sky[band] ** 2) + np.maximum(seen, 0) / np.float32(
        PHOTONS[band]
    )
    return noise / (1 + 2 * side**2) * np.sqrt(variance)


def spoil(image: np.ndarray, conditions: Conditions, rng: np.random.Generator) -> Artefact:
    """Damage an image in place, and return what went wrong."""
    wrong = Artefact(0)
    if drawn(Artefact.GRADIENT, rng):
        wrong |= Artefact.GRADIENT
        x = np.linspace(-1, 1, SIZE, dtype=np.float32)
        for band in range(3):
            across, down = rng.normal(0, 0.9, 2) * conditions.sky[band]
            image[band] += np.float32(across) * x + np.float32(down) * x[:, None]
    if drawn(Artefact.TRAIL, rng):
        wrong |= Artefact.TRAIL
        band, turn = int(rng.integers(3)), rng.uniform(0, np.pi)
        row, column = np.mgrid[:SIZE, :SIZE] - rng.uniform(0.2, 0.8, 2)[:, None, None] * SIZE
        distance = row * np.cos(turn) - column * np.sin(turn)
        height = conditions.sky[band] * rng.uniform(3, 40)
        image[band] += (height * np.exp(-0.5 * (distance / rng.uniform(1.5, 4)) ** 2)).astype("f4")
    if drawn(Artefact.BAD_PIXELS, rng):
        wrong |= Artefact.BAD_PIXELS
        band, first = int(rng.integers(3)), rng.integers(0, SIZE - 40, 2)
        height, width = [(1, SIZE), (SIZE, 1), (SIZE, 2), tuple(rng.integers(2, 40, 2))][
            rng.integers(4)
        ]
        first = np.where(np.array([height, width]) == SIZE, 0, first)
        image[band, first[0] : first[0] + height, first[1] : first[1] + width] = 0
    if drawn(Artefact.BLANK_BAND, rng):
        wrong |= Artefact.BLANK_BAND
        image[rng.integers(3)] = 0
    return wrong
