"""What else is in the field: faint galaxies, stars, a companion."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv

from astroclip_astro.records import PIXEL_SCALE
from astroclip_astro.simulate.profiles import FRAME

AREA = (FRAME * PIXEL_SCALE / 60) ** 2  # square arcmin
GALAXIES, STARS = 22.0, 2.2  # a square arcmin, to r = 24.2 and 24
COUNT_SLOPE = 0.33  # of log10 of the number of galaxies, a magnitude
FARTHEST = 60.0  # pixels; companions of large galaxies are still in the image
COUNT_RANGE = 6.2  # magnitudes


def add_neighbours(images: np.ndarray, rng: np.random.Generator) -> None:
    """Add faint galaxies to a field, in place.

    Parameters
    ----------
    images : ndarray
        float32 (3, 192, 192), g, r, z in nanomaggies a pixel, before the seeing.
    rng : numpy.random.Generator
        Numbers as galaxy counts have them, r from 18 to 24.2.
    """
    for _ in range(rng.poisson(GALAXIES * AREA)):
        part = rng.random() * (1 - 10 ** (-COUNT_SLOPE * COUNT_RANGE))
        r = 24.2 + np.log10(1 - part) / COUNT_SLOPE
        g_r = float(np.clip(rng.normal(0.95 - 0.04 * (r - 21), 0.38), -0.1, 2.0))
        r_z = float(np.clip(rng.normal(0.55 + 0.15 * (g_r - 0.8), 0.25), -0.1, 1.8))
        radius = max(10 ** rng.normal(-0.30 - 0.10 * (r - 21.5), 0.2), 0.12)
        stamp(
            images,
            flux(r, g_r, r_z),
            index=2.5 if rng.random() < 1 / 3 else 1.0,
            radius=radius,
            ratio=rng.uniform(0.3, 1),
            angle=rng.uniform(0, np.pi),
            place=rng.uniform(0, FRAME - 1, 2),
        )


def add_stars(images: np.ndarray, rng: np.random.Generator) -> None:
    """Add stars of r = 16.5 to 24 to a field, in place; arguments as for `add_neighbours`."""
    for _ in range(rng.poisson(STARS * AREA)):
        r = 16.5 + 7.5 * rng.random() ** 0.75
        point(images, flux(r, *star_colours(rng)), rng.uniform(0, FRAME - 2, 2))


def add_saturated_star(images: np.ndarray, rng: np.random.Generator) -> None:
    """Add a star of r = 11 to 16 with its bleed trail, in place; as for `add_neighbours`."""
    light = flux(rng.uniform(11, 16), *star_colours(rng))
    place = rng.uniform(0, FRAME - 2, 2)
    if np.hypot(*(place - FRAME / 2)) < 25:  # pixels; such galaxies are not in catalogues
        place = (place + FRAME / 3) % (FRAME - 2)
    point(images, light, place)
    row, column = place.astype(int)
    length = rng.integers(4, 40)
    wide = rng.integers(1, 4)
    bleed = images[:, max(row - length, 0) : row + length, column : column + wide]
    bleed += (light[:, None, None] * 0.002).astype(np.float32)


def add_companion(
    images: np.ndarray, light: np.ndarray, radius: float, rng: np.random.Generator
) -> None:
    """Add a galaxy that touches the central one, in place.

    Parameters
    ----------
    images : ndarray
        float32 (3, 192, 192), nanomaggies a pixel.
    light : ndarray
        float64 (3,), of the central galaxy, nanomaggies.
    radius : float
        Of the central galaxy, arcsec.
    rng : numpy.random.Generator
        Brightness, place and shape.
    """
    away = min(rng.uniform(1.2, 3.0) * max(radius, 0.6) / PIXEL_SCALE, FARTHEST)
    turn = rng.uniform(0, 2 * np.pi)
    stamp(
        images,
        light * rng.uniform(0.15, 0.8) * np.exp(rng.normal(0, 0.08, 3)),
        index=float(rng.choice([1.0, 2.5, 4.0])),
        radius=radius * rng.uniform(0.4, 1.1),
        ratio=rng.uniform(0.4, 1),
        angle=rng.uniform(0, np.pi),
        place=(FRAME - 1) / 2 + away * np.array([np.sin(turn), np.cos(turn)]),
    )


def star_colours(rng: np.random.Generator) -> tuple[float, float]:
    """Return g - r and r - z of a star of the disc or an M dwarf."""
    g_r = (0.5 if rng.random() < 0.45 else 1.45) + rng.normal(0, 0.15)
    return g_r, 0.28 * g_r + (rng.uniform(0, 1) if g_r > 1.1 else 0.0) + rng.normal(0, 0.04)


def flux(r: float, g_r: float, r_z: float) -> np.ndarray:
    """Return nanomaggies in g, r, z, float64 (3,)."""
    return 10 ** (0.4 * (22.5 - np.array([r + g_r, r, r - r_z])))


def point(images: np.ndarray, light: np.ndarray, place: np.ndarray) -> None:
    """Add a point source, shared among four pixels, in place."""
    (row, column), (down, right) = place.astype(int), place % 1
    share = np.outer([1 - down, down], [1 - right, right])
    images[:, row : row + 2, column : column + 2] += (light[:, None, None] * share).astype(
        np.float32
    )


def stamp(
    images: np.ndarray,
    light: np.ndarray,
    *,
    index: float,
    radius: float,
    ratio: float,
    angle: float,
    place: np.ndarray,
) -> None:
    """Add a small Sersic profile sampled at the centres of pixels, in place."""
    major = radius / PIXEL_SCALE
    reach = int(np.clip(5 * major, 4, 60))
    y0, x0 = place
    rows = slice(max(int(y0) - reach, 0), min(int(y0) + reach + 2, FRAME))
    columns = slice(max(int(x0) - reach, 0), min(int(x0) + reach + 2, FRAME))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return  # all of it is outside
    y = (np.arange(rows.start, rows.stop) - y0)[:, None].astype(np.float32)
    x = (np.arange(columns.start, columns.stop) - x0)[None].astype(np.float32)
    cos, sin = np.float32(np.cos(angle) / major), np.float32(np.sin(angle) / major)
    along, across = x * cos + y * sin, (y * cos - x * sin) / np.float32(ratio)
    soft = np.float32(0.1 / major**2)  # a pixel averages the cusp
    shape = np.float32(-gammaincinv(2 * index, 0.5))
    profile = np.exp(shape * (along**2 + across**2 + soft) ** np.float32(0.5 / index))
    profile /= profile.sum()
    images[:, rows, columns] += light.astype(np.float32)[:, None, None] * profile
