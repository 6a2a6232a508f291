"""SIMULATED damage far worse than the survey's own artefacts: little of the galaxy is left."""

from __future__ import annotations

import numpy as np

from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate.field import flux, point, star_colours
from astroclip_astro.simulate.images import PHOTONS
from astroclip_astro.simulate.instrument import BORDERS, CAMERAS, sky_residuals
from astroclip_astro.simulate.profiles import FRAME, SIZE, blur

IN_IMAGES = ("star", "trails", "block", "bands")
IN_SPECTRA = ("cameras", "cosmic rays", "step", "sky", "masked")
TRAIL = 0.0006  # of a saturated star's light, in each pixel of its bleed trail


def damage_image(
    image: np.ndarray, seeing: np.ndarray, rng: np.random.Generator, *, kind: str | None = None
) -> str:
    """Spoil a SIMULATED image where it matters, in place.

    Parameters
    ----------
    image : ndarray
        float32 (3, 152, 152), nanomaggies a pixel.
    seeing : ndarray
        float64 (3,), FWHM in g, r, z, arcsec.
    rng : numpy.random.Generator
        What happens, where and how badly.
    kind : str, optional
        One of `IN_IMAGES`: a saturated star of r = 9 to 12.5 within 2.6 arcsec of the centre with
        its bleed trail, three to six satellites one of them over the centre, a block of zeros over
        the centre in all bands, or two bands that are 0; drawn if None.

    Returns
    -------
    str
        What happened.
    """
    kind = kind or IN_IMAGES[rng.integers(len(IN_IMAGES))]
    if kind == "star":
        light = flux(rng.uniform(9, 12.5), *star_colours(rng))
        scene = np.zeros((3, FRAME, FRAME), np.float32)
        point(scene, light, (FRAME - 1) / 2 + rng.uniform(-10, 10, 2))
        row, column = np.unravel_index(scene[0].argmax(), (FRAME, FRAME))
        length, wide = rng.integers(20, 80), rng.integers(2, 6)
        trail = slice(max(row - length, 0), row + length), slice(column, column + wide)
        for band in range(3):
            scene[(band, *trail)] += np.float32(TRAIL * light[band])
            seen = blur(scene[band], seeing[band])
            noise = rng.standard_normal(seen.shape, np.float32)
            image[band] += seen + noise * np.sqrt(np.maximum(seen, 0) / np.float32(PHOTONS[band]))
    elif kind == "trails":
        noise = 1.5 * np.median(np.abs(image - np.median(image, axis=(1, 2), keepdims=True)))
        for number in range(rng.integers(3, 7)):
            place = rng.uniform(-40, 40, 2) if number else rng.uniform(-2, 2, 2)
            row, column = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2 - place[:, None, None]
            turn = rng.uniform(0, np.pi)
            away = row * np.cos(turn) - column * np.sin(turn)
            height = noise * 30 * 10 ** rng.random()
            profile = height * np.exp(-0.5 * (away / rng.uniform(1.5, 5)) ** 2)
            image[rng.integers(3)] += profile.astype(np.float32)
    elif kind == "block":
        low, high = SIZE // 2 - rng.integers(12, 70, 2), SIZE // 2 + rng.integers(12, 70, 2)
        image[:, low[0] : high[0], low[1] : high[1]] = 0
    else:
        image[rng.permutation(3)[:2]] = 0
    return kind


def damage_spectrum(
    spectrum: np.ndarray, ivar: np.ndarray, rng: np.random.Generator, *, kind: str | None = None
) -> str:
    """Spoil a SIMULATED spectrum, in place.

    Parameters
    ----------
    spectrum, ivar : ndarray
        float32 (7781,), 1e-17 erg/s/cm2/Angstrom and inverse variance.
    rng : numpy.random.Generator
        What happens, where and how badly.
    kind : str, optional
        One of `IN_SPECTRA`: one camera left alive, 40 to 120 cosmic rays, one camera scaled by a
        factor 2 to 5 against the others, sky subtracted so badly that a pedestal of 2 to 6 times
        the noise and lines of 5 to 20 times (rms) are left, or 6 to 12 stretches of 200 to 900
        pixels masked; drawn if None.

    Returns
    -------
    str
        What happened.
    """
    kind = kind or IN_SPECTRA[rng.integers(len(IN_SPECTRA))]
    good = ivar > 0
    variance = np.where(good, 1 / np.where(good, ivar, 1), np.median(1 / ivar[good]))
    sigma = np.sqrt(variance)
    if kind == "cameras":
        alive = [whole for whole, alone in CAMERAS.values() if ivar[within(*alone)].any()]
        dead = ~within(*alive[rng.integers(len(alive))])
        spectrum[dead] = ivar[dead] = 0
    elif kind == "cosmic rays":
        for _ in range(rng.integers(40, 121)):
            first, length = int(rng.integers(0, len(spectrum) - 12)), int(rng.integers(1, 12))
            height = 10 * 30 ** rng.random() * sigma[first]
            spectrum[first : first + length] += height * rng.uniform(0.3, 1, length)
        spectrum[~good] = 0
    elif kind == "step":
        factor = rng.uniform(2, 5) ** rng.choice([-1, 1])
        chosen = np.searchsorted(BORDERS, WAVELENGTH, side="right") == rng.integers(3)
        spectrum[chosen] *= factor
        ivar[chosen] /= factor**2
    elif kind == "sky":
        residual, _ = sky_residuals(variance, rng)
        residual *= rng.uniform(5, 20) / max(residual.std(), 1e-9)
        pedestal = rng.choice([-1, 1]) * rng.uniform(2, 6)
        spectrum += ((residual + pedestal) * np.median(sigma)).astype(np.float32)
        spectrum[~good] = 0
    else:
        for _ in range(rng.integers(6, 13)):
            length = int(rng.integers(200, 900))
            first = int(rng.integers(0, len(spectrum) - length))
            spectrum[first : first + length] = ivar[first : first + length] = 0
    return kind


def within(low: float, high: float) -> np.ndarray:
    """Return which pixels of a spectrum lie between two wavelengths (Angstrom), bool (7781,)."""
    return (low <= WAVELENGTH) & (high > WAVELENGTH)
