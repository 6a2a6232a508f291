"""Total magnitudes measured from simulated images by fitting profiles, as catalogues have them.

Imported by simulated_survey.py. Nothing but the image, its seeing and its reddening is used.
"""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from scipy import ndimage

from astroclip_astro.records import PIXEL_SCALE
from astroclip_astro.simulate.images import EXTINCTION
from astroclip_astro.simulate.profiles import blur, sersic

HALF = 32  # pixels; the fitted window is 64 wide
SEEING_STEP = 0.1  # arcsec, of the banks
RADII = np.geomspace(0.3, 8.0, 16)  # arcsec
RATIOS = (0.25, 0.4, 0.6, 0.8, 1.0)
ANGLES = np.arange(6) * np.pi / 6
# Index and relative radius of two profiles on top of each other: disc and bulge, spheroid and halo.
PAIRS = (((1.0, 1.0), (2.5, 0.22)), ((3.5, 1.0), (1.0, 1.9)))
WINDOW = slice(76 - HALF, 76 + HALF)


@cache
def profiles() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the unblurred pairs of the bank, each profile of unit flux."""
    pairs = [
        [
            sersic(
                index, max(radius * part, 0.1), max(ratio, 0.6 * (part < 0.5)), angle, (0.0, 0.0)
            )
            for index, part in pair
        ]
        for pair in PAIRS
        for radius in RADII
        for ratio in RATIOS
        for angle in (ANGLES if ratio < 1 else ANGLES[:1])
    ]
    return tuple(zip(*pairs, strict=True))


@lru_cache(maxsize=40)
def bank(step: int) -> np.ndarray:
    """Return all pairs as seen with one seeing, float32 (2, pairs, 64 x 64)."""
    return np.stack(
        [
            np.stack(
                [blur(profile, step * SEEING_STEP)[WINDOW, WINDOW].ravel() for profile in part]
            )
            for part in profiles()
        ]
    )


def exact_pair(best: int, seeing: float) -> np.ndarray:
    """Return one pair of the bank as seen with the exact seeing, float32 (2, 64 x 64)."""
    seen = [blur(part[best], float(seeing))[WINDOW, WINDOW].ravel() for part in profiles()]
    return np.stack(seen)


def fit(
    pairs: np.ndarray, image: np.ndarray, good: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit each pair and a flat sky by least squares, without negative light.

    Returns
    -------
    gain : ndarray
        (pairs,), how much the squared error shrinks.
    light : ndarray
        (2, pairs), fluxes of the two profiles.
    sky : ndarray
        (pairs,), of a pixel.
    """
    weight = good.astype(np.float32)
    count = weight.sum()
    sums, data = pairs @ weight, pairs @ (image * weight)  # (2, pairs)
    mean = (image * weight).sum() / count
    first, second = pairs
    a, b, c = (
        (x * y) @ weight - sx * sy / count
        for x, y, sx, sy in (
            (first, first, sums[0], sums[0]),
            (first, second, sums[0], sums[1]),
            (second, second, sums[1], sums[1]),
        )
    )
    d, e = data - sums * mean
    both = np.stack([c * d - b * e, a * e - b * d]) / np.maximum(a * c - b * b, 1e-12)
    alone = np.stack([np.maximum(d, 0) / a, np.maximum(e, 0) / c])
    gains = np.stack([alone[0] * d, alone[1] * e])
    single = np.where(gains[0] >= gains[1], [alone[0], 0 * d], [0 * d, alone[1]])
    positive = (both >= 0).all(axis=0)
    light = np.where(positive, both, single)
    gain = np.where(positive, both[0] * d + both[1] * e, gains.max(axis=0))
    return gain, light, mean - (light * sums).sum(axis=0) / count


def total_flux(profile: np.ndarray, image: np.ndarray, good: np.ndarray) -> float:
    """Return the flux of a profile of unit flux on a flat sky, by least squares."""
    weight = good.astype(np.float32)
    shape = (profile - (profile @ weight) / weight.sum()) * weight
    return float((shape @ image) / (shape @ shape))


def one_sided(image: np.ndarray) -> np.ndarray:
    """Return where an image is brighter than on the other side of its middle, bool, dilated.

    Galaxies look alike from both sides; neighbours do not.
    """
    smooth = ndimage.gaussian_filter(image, 1.2)
    opposite = smooth[::-1, ::-1]
    sigma = 1.4826 * np.median(np.abs(smooth - np.median(smooth)))
    excess = smooth - opposite > 4 * sigma + 0.4 * np.maximum(opposite, 0)
    return ndimage.binary_dilation(excess, iterations=3)


def measure(images: np.ndarray, seeing: np.ndarray, ebv: float) -> np.ndarray:
    """Return dereddened g, r, z magnitudes of the galaxy in the middle, float64 (3,).

    The pair that fits r best (z or g where r is blank) is scaled to each band. Pixels that stand
    5 sigma off the fit belong to somebody else and are left out. A blank band has magnitude 25.
    """
    centre = images[:, 71:81, 71:81]
    lead = next(band for band in (1, 2, 0) if images[band].any())
    smooth = ndimage.gaussian_filter(np.asarray(centre[lead], float), 1.0)
    smooth = np.clip(smooth - np.median(images[lead]), 0, None) ** 2
    total = max(smooth.sum(), 1e-12)
    offset = [4.5 - (smooth.sum(axis=1 - axis) @ np.arange(10)) / total for axis in (0, 1)]
    moved = [ndimage.shift(image, offset, order=3, mode="nearest") for image in images]
    cut = np.stack([image[WINDOW, WINDOW].ravel() for image in moved]).astype(np.float32)
    steps = np.round(np.maximum(seeing, 0.7) / SEEING_STEP).astype(int)
    rows = np.arange(2 * HALF) - HALF + 0.5
    away = np.hypot(rows[:, None], rows[None]).ravel() * PIXEL_SCALE
    good = ~one_sided(cut[lead].reshape(2 * HALF, -1)).ravel() | (away < 0.8)
    for _ in range(2):
        gain, light, sky = fit(bank(steps[lead]), cut[lead], good)
        best = int(np.argmax(gain))
        residual = cut[lead] - light[:, best] @ bank(steps[lead])[:, best] - sky[best]
        sigma = 1.4826 * np.median(np.abs(residual[good]))
        other = ndimage.binary_dilation((residual > 5 * sigma).reshape(2 * HALF, -1), iterations=2)
        good &= ~other.ravel() | (away < 0.8)
    pairs = [exact_pair(best, width) for width in seeing]
    _, light, _ = fit(pairs[lead][:, None], cut[lead], good)
    mix = light[:, 0] / light[:, 0].sum()
    flux = np.zeros(3)
    for band in range(3):
        if images[band].any():
            flux[band] = total_flux(mix @ pairs[band], cut[band], good)
    return 22.5 - 2.5 * np.log10(np.maximum(flux, 0.1)) - EXTINCTION * ebv
