"""What goes wrong with images and spectra, and how often."""

from __future__ import annotations

from enum import IntFlag

import numpy as np


class Artefact(IntFlag):
    """Bits of the survey's column ``artefacts``.

    Examples
    --------
    >>> Artefact(5)
    <Artefact.BLANK_BAND|SATURATED_STAR: 5>
    """

    BLANK_BAND = 1
    BAD_PIXELS = 2
    SATURATED_STAR = 4
    GRADIENT = 8
    TRAIL = 16
    DEAD_CAMERA = 32
    COSMIC_RAY = 64
    MASKED_STRETCH = 128
    CAMERA_STEP = 256
    SKY_RESIDUALS = 512
    STRONG_TILT = 1024
    MERGER = 2048


# Part of all galaxies, and what happens; more often than in real data, on purpose.
RATES: dict[Artefact, tuple[float, str]] = {
    Artefact.BLANK_BAND: (0.005, "one band of the image is 0 throughout"),
    Artefact.BAD_PIXELS: (0.03, "a block, row or column of the image is 0 in one band"),
    Artefact.SATURATED_STAR: (0.03, "a star of r = 11 to 16 with bleed trail in the field"),
    Artefact.GRADIENT: (0.10, "the background of each band slopes"),
    Artefact.TRAIL: (0.01, "a satellite crosses one band"),
    Artefact.DEAD_CAMERA: (0.01, "one camera of the spectrum is 0, with ivar 0"),
    Artefact.COSMIC_RAY: (0.20, "one to four spikes of up to 100 sigma that nobody masked"),
    Artefact.MASKED_STRETCH: (
        0.05,
        "one to three stretches of 10 to 400 pixels are 0, with ivar 0",
    ),
    Artefact.CAMERA_STEP: (0.10, "one camera is scaled by 3 to 15 per cent against the others"),
    Artefact.SKY_RESIDUALS: (0.15, "bright sky lines are left over at several sigma"),
    Artefact.STRONG_TILT: (0.05, "flux calibration tilts by 10 to 30 per cent end to end"),
    Artefact.MERGER: (0.04, "a second galaxy of like brightness, close enough to touch"),
}


def drawn(artefact: Artefact, rng: np.random.Generator) -> bool:
    """Return whether an artefact happens to a galaxy, at its rate.

    Parameters
    ----------
    artefact : Artefact
        One of the keys of `RATES`.
    rng : numpy.random.Generator
        One number is drawn.

    Returns
    -------
    bool
        True at the rate stated.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> 70 < sum(drawn(Artefact.GRADIENT, rng) for _ in range(1000)) < 130
    True
    """
    return bool(rng.random() < RATES[artefact][0])
