"""SIMULATED objects that are no galaxies of the survey, to test scores of novelty on.

They are seen through the same atmosphere, telescopes and artefacts as the galaxies of
`simulate_galaxy`, so that only the object differs. All are simple: see ``docs/simulation.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.records import PIXEL_SCALE, WAVELENGTH
from astroclip_astro.simulate.damage import damage_image, damage_spectrum
from astroclip_astro.simulate.distant import make_distant
from astroclip_astro.simulate.field import point
from astroclip_astro.simulate.galaxy import Galaxy, draw_place, simulate_galaxy, streams
from astroclip_astro.simulate.images import GalaxyModel, observe_image
from astroclip_astro.simulate.instrument import draw_visit, observe_spectrum
from astroclip_astro.simulate.population import draw_properties
from astroclip_astro.simulate.profiles import FRAME, SIZE
from astroclip_astro.simulate.quasars import draw_quasar
from astroclip_astro.simulate.stars import draw_star
from astroclip_astro.simulate.templates import Templates
from astroclip_astro.simulate.threads import one_thread
from astroclip_astro.simulate.wavelengths import OBSERVED

KINDS = {
    "star": "a star of 3000 to 12000 K and r = 15 to 20",
    "quasar": "a quasar at redshift 0.3 to 3.5 and r = 16.5 to 22",
    "blank": "sky without an object, in the image and in the fibre",
    "artefact": "a galaxy of the survey with image and spectrum ruined",
    "distant": "a galaxy at redshift 0.8 to 1.6 and r = 20.5 to 22.5",
    "noise": "white noise as bright as a galaxy of the survey",
}
STAR_MAGNITUDES, QUASAR_MAGNITUDES = (15.0, 20.0), (16.5, 22.0)  # r, more of them faint
SHIFT = 0.5  # pixels, at most, from the middle of the image
NOISE_RADIUS = 2.0  # arcsec; a galaxy's flux over this circle is the rms of "noise"
NOISE_IN_FIBRE = 0.3  # of the flux, about what a fibre takes in of a galaxy


@dataclass(frozen=True)
class PointSource:
    """A point of light, or none at all, that can be observed as a galaxy is.

    Parameters
    ----------
    spectrum : ndarray
        float32 (w,), 1e-17 erg/s/cm2/Angstrom on `OBSERVED`, before Galactic dust.
    light : ndarray
        float64 (2, 3), nanomaggies in g, r, z, all of it in the first row.
    model : GalaxyModel
        One point.
    """

    spectrum: np.ndarray
    light: np.ndarray
    model: GalaxyModel

    def in_fibre(self, seeing: float) -> np.ndarray:
        """Return the light a fibre takes in, float32 (w,); seeing (FWHM) in arcsec."""
        return np.float32(self.model.fibre_fractions(seeing)[0]) * self.spectrum


def make_point(
    templates: Templates, spectrum: np.ndarray, r: float, rng: np.random.Generator
) -> PointSource:
    """Return a point source of given r magnitude whose image has the colours of its spectrum."""
    light = (templates.band_weights @ spectrum).astype(float)  # (3,)
    factor = 10 ** (0.4 * (22.5 - r)) / light[1]
    return PointSource(
        spectrum=spectrum * np.float32(factor),
        light=np.stack([light * factor, np.zeros(3)]),
        model=point_model(rng),
    )


def point_model(rng: np.random.Generator) -> GalaxyModel:
    """Return a point near the middle of the frame, unit flux."""
    image = np.zeros((1, FRAME, FRAME), np.float32)
    point(image, np.ones(1), (FRAME - 1) / 2 + rng.uniform(-SHIFT, SHIFT, 2))
    return GalaxyModel(image[0], np.broadcast_to(image, (3, FRAME, FRAME)))


def magnitude(limits: tuple[float, float], rng: np.random.Generator) -> float:
    """Return a magnitude between limits, in proportion to its distance from the brighter."""
    bright, faint = limits
    return float(bright + (faint - bright) * np.sqrt(rng.random()))


def simulate_star(templates: Templates, seed: np.random.SeedSequence) -> dict[str, Any]:
    """Return a star, observed."""
    rng = np.random.default_rng(streams(seed, 1)[0])
    spectrum, _, redshift = draw_star(rng)
    source = make_point(templates, spectrum, magnitude(STAR_MAGNITUDES, rng), rng)
    return observe(templates, source, redshift, seed)


def simulate_quasar(templates: Templates, seed: np.random.SeedSequence) -> dict[str, Any]:
    """Return a quasar, observed."""
    rng = np.random.default_rng(streams(seed, 1)[0])
    spectrum, redshift = draw_quasar(rng)
    source = make_point(templates, spectrum, magnitude(QUASAR_MAGNITUDES, rng), rng)
    return observe(templates, source, redshift, seed)


def simulate_blank(templates: Templates, seed: np.random.SeedSequence) -> dict[str, Any]:
    """Return empty sky, observed; faint neighbours may lie anywhere, the middle included."""
    dark = PointSource(
        spectrum=np.zeros(len(OBSERVED), np.float32),
        light=np.zeros((2, 3)),
        model=point_model(np.random.default_rng(streams(seed, 1)[0])),
    )
    return observe(templates, dark, np.nan, seed)


def simulate_distant(templates: Templates, seed: np.random.SeedSequence) -> dict[str, Any]:
    """Return a galaxy more distant than the survey's, observed."""
    galaxy = make_distant(templates, streams(seed, 1)[0])
    return observe(
        templates, galaxy, galaxy.properties.redshift, seed, radius=galaxy.structure.disc_radius
    )


def simulate_artefact(templates: Templates, seed: np.random.SeedSequence) -> dict[str, Any]:
    """Return a galaxy of the survey with image and spectrum ruined."""
    made, ruined = streams(seed, 2)
    number = int(made.generate_state(1, np.uint64)[0] >> np.uint64(1))
    galaxy = simulate_galaxy(templates, number, 0)
    rng = np.random.default_rng(ruined)
    image = galaxy["images"].astype(np.float32)
    damage_image(image, galaxy["psf_size"].astype(float), rng)
    damage_spectrum(galaxy["spectrum"], galaxy["ivar"], rng)
    return {
        "images": image.astype(np.float16),
        "spectrum": galaxy["spectrum"],
        "ivar": galaxy["ivar"],
        "redshift": galaxy["redshift"],
    }


def simulate_noise(templates: Templates, seed: np.random.SeedSequence) -> dict[str, Any]:
    """Return white noise, as strong in each band as a galaxy of the survey is bright."""
    rng = np.random.default_rng(streams(seed, 1)[0])
    flux = draw_properties(templates.population, rng).flux
    pixels = np.pi * (NOISE_RADIUS / PIXEL_SCALE) ** 2
    image = rng.standard_normal((3, SIZE, SIZE)) * (flux / pixels)[:, None, None]
    # A spectrum as bright at every wavelength as the galaxy is in r.
    level = NOISE_IN_FIBRE * flux[1] / float(templates.band_weights[1].sum())
    spectrum = rng.standard_normal(len(WAVELENGTH)) * level
    return {
        "images": image.astype(np.float16),
        "spectrum": spectrum.astype(np.float32),
        "ivar": np.full(len(WAVELENGTH), level**-2, np.float32),
        "redshift": np.float32(np.nan),
    }


def observe(
    templates: Templates,
    target: PointSource | Galaxy,
    redshift: float,
    seed: np.random.SeedSequence,
    radius: float = 1.0,
) -> dict[str, Any]:
    """Return what the surveys see of a target; the first stream of its seed has made it."""
    _, sky, night, fibre, camera = map(np.random.default_rng, streams(seed, 5))
    _, _, ebv, conditions = draw_place(sky)
    visit = draw_visit(templates.spectrographs, night)
    spectrum = observe_spectrum(
        templates.spectrographs, target.in_fibre(visit.seeing), visit, ebv=ebv, rng=fibre
    )
    image, _ = observe_image(
        target.model, target.light, conditions, ebv=ebv, rng=camera, radius=radius
    )
    return {
        "images": image.astype(np.float16),
        "spectrum": spectrum.flux,
        "ivar": spectrum.ivar,
        "redshift": np.float32(redshift),
    }


SIMULATORS: dict[str, Callable[[Templates, np.random.SeedSequence], dict[str, Any]]] = {
    "star": simulate_star,
    "quasar": simulate_quasar,
    "blank": simulate_blank,
    "artefact": simulate_artefact,
    "distant": simulate_distant,
    "noise": simulate_noise,
}


@one_thread()
def simulate_ood_object(templates: Templates, kind: str, seed: int, index: int) -> dict[str, Any]:
    """Simulate one object that is no galaxy of the survey; all of it is SIMULATED.

    Parameters
    ----------
    templates : Templates
        From `load_templates`.
    kind : str
        One of `KINDS`.
    seed, index : int
        As for `simulate_galaxy`; with the kind, nothing else decides what comes out.

    Returns
    -------
    dict of str to ndarray or numpy scalar
        ``images`` float16 (3, 152, 152), nanomaggies a pixel; ``spectrum`` and ``ivar`` float32
        (7781,), 1e-17 erg/s/cm2/Angstrom; ``redshift`` float32, NaN for blank sky and noise, that
        of the radial velocity for stars. As in `FIELDS`.

    Raises
    ------
    InputError
        If there is no such kind.

    Examples
    --------
    >>> from astroclip_astro import simulate
    >>> templates = simulate.load_templates()
    >>> quasar = simulate.simulate_ood_object(templates, "quasar", seed=1, index=0)
    >>> quasar["images"].shape, quasar["spectrum"].shape, bool(quasar["redshift"] > 0.3)
    ((3, 152, 152), (7781,), True)
    """
    if kind not in SIMULATORS:
        raise InputError(f"No kind of object {kind!r}; choose one of {', '.join(KINDS)}.")
    # By name, so that a new kind does not change the others.
    key = int.from_bytes(kind.encode(), "big")
    return SIMULATORS[kind](templates, np.random.SeedSequence(seed, spawn_key=(key, index)))


def simulate_ood_objects(
    templates: Templates, kind: str, count: int, seed: int
) -> dict[str, np.ndarray]:
    """Simulate a number of objects of one kind; all of it is SIMULATED.

    Parameters
    ----------
    templates : Templates
        From `load_templates`.
    kind : str
        One of `KINDS`.
    count : int
        How many, at least 1.
    seed : int
        More objects of one seed begin with the same ones.

    Returns
    -------
    dict of str to ndarray
        The values of `simulate_ood_object`, stacked: ``images`` (count, 3, 152, 152), and so on.

    Raises
    ------
    InputError
        If there is no such kind, or ``count`` is less than 1.

    Examples
    --------
    >>> from astroclip_astro import simulate
    >>> blanks = simulate.simulate_ood_objects(simulate.load_templates(), "blank", 2, seed=1)
    >>> blanks["images"].shape, blanks["redshift"]
    ((2, 3, 152, 152), array([nan, nan], dtype=float32))
    """
    if count < 1:
        raise InputError(f"{count} objects were asked for; ask for at least 1.")
    objects = [simulate_ood_object(templates, kind, seed, index) for index in range(count)]
    return {name: np.stack([found[name] for found in objects]) for name in objects[0]}
