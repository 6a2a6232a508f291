"""Surface brightness on the pixels of an image: Sersic profiles, spiral discs, and the seeing."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter
from scipy.special import gamma, gammainc, gammaincinv

from astroclip_astro.records import PIXEL_SCALE
from astroclip_astro.simulate.structure import Structure

SIZE = 152  # pixels of the finished image
MARGIN = 20  # more on each side, so that what lies just outside shines in
FRAME = SIZE + 2 * MARGIN
REACH = 8.0  # half-light radii; profiles end there, as the Legacy Surveys' do
PADDED = 216  # for Fourier transforms: light that leaves on one side must not come in on another
WINGS = 40  # pixels; the seeing's wings end there
FINE = 7  # samples across a pixel near the centre
CORE = 5  # pixels on each side of the centre that are sampled finely
MOFFAT = 3.0  # index of the wings
FIBRE_DIAMETER = 1.5  # arcsec


def sersic(
    index: float, radius: float, ratio: float, angle: float, centre: tuple[float, float]
) -> np.ndarray:
    """Return a Sersic profile of unit flux, averaged over the pixels near its centre.

    Parameters
    ----------
    index : float
        Sersic index, 0.5 to 6.
    radius : float
        Half-light radius along the major axis, arcsec, of the whole profile; that of the light
        within its end at 8 of them is up to a tenth smaller where the index is high.
    ratio : float
        Minor over major axis.
    angle : float
        Of the major axis, radians from the x axis.
    centre : (float, float)
        x and y from the middle of the frame, arcsec.

    Returns
    -------
    ndarray
        float32 (192, 192); the part of the flux outside the frame is missing.
    """
    shape = gammaincinv(2 * index, 0.5)
    major = max(radius, 0.03) / PIXEL_SCALE  # pixels
    x0, y0 = (value / PIXEL_SCALE + (FRAME - 1) / 2 for value in centre)
    reach = int(np.ceil(REACH * major)) + 1
    rows = slice(max(int(y0) - reach, 0), min(int(y0) + reach + 2, FRAME))
    columns = slice(max(int(x0) - reach, 0), min(int(x0) + reach + 2, FRAME))
    image = np.zeros((FRAME, FRAME), np.float32)
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return image
    cos, sin = np.cos(angle), np.sin(angle)

    def brightness(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        along = (x * cos + y * sin).astype(np.float32)
        across = ((y * cos - x * sin) / ratio).astype(np.float32)
        distance2 = (along**2 + across**2) * np.float32(1 / major**2)
        light = np.exp(np.float32(-shape) * distance2 ** np.float32(0.5 / index))
        return np.where(distance2 < REACH**2, light, np.float32(0))

    y = np.arange(rows.start, rows.stop) - y0
    x = np.arange(columns.start, columns.stop) - x0
    image[rows, columns] = brightness(y[:, None], x[None])
    core = [
        np.arange(max(round(place) - CORE, 0), min(round(place) + CORE + 1, FRAME))
        for place in (y0, x0)
    ]
    if min(map(len, core)) > 0:
        offset = (np.arange(FINE) - (FINE - 1) / 2) / FINE
        fine_y = (core[0][:, None] + offset - y0).ravel()
        fine_x = (core[1][:, None] + offset - x0).ravel()
        light = brightness(fine_y[:, None], fine_x[None])
        mean = light.reshape(len(core[0]), FINE, len(core[1]), FINE).mean(axis=(1, 3))
        image[core[0][0] : core[0][-1] + 1, core[1][0] : core[1][-1] + 1] = mean
    inside = rows.stop - rows.start > 2 * reach and columns.stop - columns.start > 2 * reach
    total = image.sum(dtype=np.float64) if inside else sersic_flux(index, shape, major, ratio)
    return image / np.float32(total)


def sersic_flux(index: float, shape: float, major: float, ratio: float) -> float:
    """Return the flux of exp(-shape (r/major)^(1/index)) within 8 half-light radii."""
    whole = 2 * np.pi * index * major**2 * ratio * shape ** (-2 * index) * gamma(2 * index)
    return float(whole * gammainc(2 * index, shape * REACH ** (1 / index)))


def spiral_disc(
    disc: np.ndarray, structure: Structure, centre: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Return a disc in g, r, z with arms, clumps, bar and dust lane.

    Parameters
    ----------
    disc : ndarray
        float32 (192, 192), the smooth disc.
    structure : Structure
        How strong everything is.
    centre : (float, float)
        As for `sersic`.
    rng : numpy.random.Generator
        For the clumps.

    Returns
    -------
    ndarray
        float32 (3, 192, 192); the same sum in every band as ``disc``.
    """
    major = structure.disc_radius / PIXEL_SCALE  # pixels
    half = int(np.clip(4.5 * major, 8, FRAME // 2))
    x0, y0 = (value / PIXEL_SCALE + (FRAME - 1) / 2 for value in centre)
    window = slice(FRAME // 2 - half, FRAME // 2 + half)
    x = (np.arange(window.start, window.stop) - x0)[None].astype(np.float32)
    y = (np.arange(window.start, window.stop) - y0)[:, None].astype(np.float32)
    cos, sin = np.float32(np.cos(structure.angle)), np.float32(np.sin(structure.angle))
    along = (x * cos + y * sin) / np.float32(major)
    across = (y * cos - x * sin) / np.float32(major)
    up = across / np.float32(max(structure.disc_ratio, 0.15))  # in the plane of the disc
    radius = np.sqrt(along**2 + up**2) + np.float32(1e-3)  # half-light radii
    noise = rng.standard_normal(radius.shape, np.float32)
    width = float(np.clip(0.06 * major, 0.7, 4.0))
    clumps = sum(
        field / np.float32(field.std() + 1e-9)
        for field in (
            gaussian_filter(noise, width * part, mode="wrap", truncate=2.5) for part in (1.0, 2.6)
        )
    ) * np.float32(0.7)
    seen = np.float32(np.clip((structure.disc_ratio - 0.25) / 0.25, 0, 1))  # no arms edge-on
    turn = np.arctan2(up, along) - np.log(radius) / np.float32(np.tan(structure.pitch))
    wave = np.cos(structure.arms * (turn + np.float32(0.25) * clumps) + np.float32(structure.phase))
    ridge = 2 * np.exp(np.float32(1.6) * (wave - 1)) - np.float32(0.75)
    fade = np.clip(1.5 * radius, 0, 1) * np.exp(-((radius / np.float32(3.2)) ** 4))
    arms = np.float32(structure.arm_strength) * seen * ridge * fade
    smooth = disc[window, window]
    bands = np.repeat(disc[None], 3, axis=0)  # (3, 192, 192)
    for band, (contrast, patch, dust) in enumerate(
        ((0.85, 1.0, 1.0), (0.62, 0.8, 0.7), (0.42, 0.55, 0.42))
    ):
        light = smooth * np.maximum(1 + np.float32(contrast) * arms, np.float32(0.08))
        light *= np.exp(np.clip(np.float32(patch * structure.clumps) * clumps, -0.9, 1.1))
        if structure.bar:
            turned = np.float32(structure.phase)
            long = along * np.cos(turned) + up * np.sin(turned)
            wide = up * np.cos(turned) - along * np.sin(turned)
            bar = np.exp(-((long / np.float32(0.5)) ** 4) - (wide / np.float32(0.15)) ** 2)
            light += (
                np.float32(structure.bar * (0.8 + 0.12 * band))
                * light.sum()
                * bar
                / (bar.sum() + np.float32(1e-6))
            )
        if structure.lane:
            light *= 1 - np.float32(dust * structure.lane) * np.exp(
                -0.5 * ((across - np.float32(0.04)) / np.float32(0.10)) ** 2
                - (along / np.float32(1.6)) ** 2
            )
        bands[band, window, window] = light * (smooth.sum() / light.sum())
    return bands


@lru_cache(maxsize=128)
def moffat(step: int) -> np.ndarray:
    """Return a Moffat of FWHM 0.02 arcsec times ``step``, its centre at [0, 0], unit sum."""
    width = 0.02 * step / PIXEL_SCALE / (2 * np.sqrt(2 ** (1 / MOFFAT) - 1))
    place = np.minimum(np.arange(PADDED), PADDED - np.arange(PADDED))
    distance2 = place[:, None] ** 2 + place[None] ** 2
    light = np.where(distance2 < WINGS**2, (1 + distance2 / width**2) ** -MOFFAT, 0)
    return (light / light.sum()).astype(np.float32)


@lru_cache(maxsize=128)
def transfer(step: int) -> np.ndarray:
    """Return the Fourier transform of `moffat`, float32 (216, 109); it is real."""
    return fft.rfft2(moffat(step)).real


def convolved(image: np.ndarray, step: int) -> np.ndarray:
    """Return an image convolved with `moffat`, float32 (216, 216); the image is at its start."""
    shape = (PADDED, PADDED)
    return fft.irfft2(fft.rfft2(image, shape) * transfer(step), shape)


def blur(image: np.ndarray, seeing: float) -> np.ndarray:
    """Return an image as seen through a Moffat of index 3.

    Parameters
    ----------
    image : ndarray
        float32 (192, 192).
    seeing : float
        FWHM in arcsec, rounded to 0.02.

    Returns
    -------
    ndarray
        float32 (152, 152), without the margin.
    """
    seen = convolved(image, round(seeing / 0.02))
    return seen[MARGIN : MARGIN + SIZE, MARGIN : MARGIN + SIZE]


@lru_cache(maxsize=64)
def fibre_kernel(step: int) -> np.ndarray:
    """Return the part of a point's light that enters the central fibre, by position, (192, 192)."""
    offset = (np.arange(5) - 2) / 5
    place = ((np.arange(FRAME) - (FRAME - 1) / 2)[:, None] + offset).ravel() * PIXEL_SCALE
    hole = np.hypot(place[:, None], place[None]) < FIBRE_DIAMETER / 2
    hole = hole.reshape(FRAME, 5, FRAME, 5).mean(axis=(1, 3)).astype(np.float32)
    return convolved(hole, step)[:FRAME, :FRAME]


def fibre_part(image: np.ndarray, seeing: float, *, of_point: bool = True) -> float:
    """Return the part of an object's light that a fibre of 1.5 arcsec takes in.

    Parameters
    ----------
    image : ndarray
        float32 (192, 192), before the seeing, unit flux.
    seeing : float
        FWHM in arcsec.
    of_point : bool
        Whether to divide by what a star would send in, as DESI's flux calibration does.

    Returns
    -------
    float
        From 0 to 1.
    """
    kernel = fibre_kernel(round(seeing / 0.04) * 2)
    part = float(np.vdot(image, kernel))
    if not of_point:
        return part
    middle = FRAME // 2
    return min(part / float(kernel[middle - 1 : middle + 1, middle - 1 : middle + 1].mean()), 1.0)
