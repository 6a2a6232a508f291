"""DESI observes one spectrum: fibre, resolution, Galactic dust, noise, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate.artefacts import Artefact, drawn
from astroclip_astro.simulate.exposures import Spectrographs

# Camera: where it begins and ends, and where no other camera sees; Angstrom.
CAMERAS = {
    "B": ((3600, 5800), (3600, 5760)),
    "R": ((5760, 7620), (5800, 7520)),
    "Z": ((7520, 9824.1), (7620, 9824.1)),
}
BORDERS = (5780.0, 7570.0)  # in the middle of what two cameras see, Angstrom
VISITS = (0.60, 0.25, 0.15)  # chances of one, two or three exposures
# Depth against the nominal one, so that R-camera S/N of real bright-programme spectra of the same
# continuum is reproduced (docs/simulation.md).
DEPTH = 1.2
SHARES = (0.10, 0.27, 0.63)  # of B, R and Z in TSNR2_BGS
MOON_BANDS = (4770.0, 6420.0, 9170.0)  # Angstrom, of the sky brightnesses
LOSSES = 0.62  # of counts in atmosphere and fibre, beyond `Spectrographs.counts`
CALIBRATION_ERROR = (0.02, 0.02, 0.015)  # of level, slope and curvature


@dataclass(frozen=True)
class Visit:
    """The exposures one galaxy gets.

    Parameters
    ----------
    ivar : ndarray
        float64 (7781,), inverse variance of the sky alone.
    exposure_time : float
        Seconds, for the galaxy's own photons.
    seeing : float
        FWHM in arcsec.
    """

    ivar: np.ndarray
    exposure_time: float
    seeing: float


@dataclass(frozen=True)
class ObservedSpectrum:
    """A spectrum as DESI's pipeline hands it out.

    Parameters
    ----------
    flux, ivar : ndarray
        float32 (7781,), 1e-17 erg/s/cm2/Angstrom and inverse variance; both 0 where masked.
    clean : ndarray
        float32 (7781,), the same flux without noise and artefacts.
    artefacts : Artefact
        What went wrong.
    """

    flux: np.ndarray
    ivar: np.ndarray
    clean: np.ndarray
    artefacts: Artefact


def draw_visit(spectrographs: Spectrographs, rng: np.random.Generator) -> Visit:
    """Draw one to three real exposures of the bright programme.

    Parameters
    ----------
    spectrographs : Spectrographs
        The exposures, and noise per effective second.
    rng : numpy.random.Generator
        Chooses them.

    Returns
    -------
    Visit
        Noise of real dark coadds, scaled to the exposures' effective times and tilted by their
        moonlight.
    """
    nights = rng.integers(0, len(spectrographs.effective_time), 1 + rng.choice(3, p=VISITS))
    ivar = np.zeros(len(WAVELENGTH))
    for night in nights:
        mix = rng.random()
        depth = spectrographs.depth[0] ** mix * spectrographs.depth[1] ** (1 - mix)
        moon = spectrographs.moonlight[night] * (
            0.55,
            0.70,
            0.80,
        )  # fibres see less than the camera
        power = 0.35 + 0.65 * mix
        colour = (1 + np.interp(WAVELENGTH, MOON_BANDS, moon)) ** -power
        level = np.dot(SHARES, (1 + moon) ** -power)
        ivar += DEPTH * depth * spectrographs.effective_time[night] * colour / level
    return Visit(
        ivar=ivar,
        exposure_time=float(spectrographs.exposure_time[nights].sum()),
        seeing=float(np.median(spectrographs.seeing[nights])),
    )


def observe_spectrum(
    spectrographs: Spectrographs,
    spectrum: np.ndarray,
    visit: Visit,
    *,
    ebv: float,
    rng: np.random.Generator,
    artefacts: bool = True,
) -> ObservedSpectrum:
    """Observe the light that enters a fibre.

    Parameters
    ----------
    spectrographs : Spectrographs
        Resolution and throughput.
    spectrum : ndarray
        float32 (w,), 1e-17 erg/s/cm2/Angstrom on `OBSERVED`, before Galactic dust.
    visit : Visit
        Depth.
    ebv : float
        E(B-V) of Schlegel, Finkbeiner & Davis (1998) in front of the galaxy, magnitudes.
    rng : numpy.random.Generator
        Noise and artefacts.
    artefacts : bool
        False for an observation where nothing goes wrong but noise.

    Returns
    -------
    ObservedSpectrum
        On DESI's grid, 3600 + 0.8 i Angstrom.
    """
    clean = spectrographs.resolution @ spectrum  # (7781,)
    clean = clean * 10 ** (-0.4 * ebv * spectrographs.reddening)
    photons = spectrographs.counts * visit.exposure_time * LOSSES
    variance = 1 / visit.ivar + np.maximum(clean, 0) / photons
    noise = rng.standard_normal(len(variance)) * np.sqrt(variance)
    flux, ivar, wrong = clean, 1 / variance, Artefact(0)
    if artefacts:
        factor, wrong = calibration(rng)
        flux = flux * factor
        residual, more = sky_residuals(variance, rng)
        flux, wrong = flux + residual, wrong | more
    flux = flux + noise
    if artefacts:
        wrong |= add_cosmic_rays(flux, variance, rng)
        wrong |= mask_pixels(flux, ivar, rng)
    return ObservedSpectrum(
        flux.astype(np.float32), ivar.astype(np.float32), clean.astype(np.float32), wrong
    )


def calibration(rng: np.random.Generator) -> tuple[np.ndarray, Artefact]:
    """Return the factor by which flux calibration errs, (7781,), and what went wrong."""
    x = (WAVELENGTH - 6712.0) / 3112.0  # -1 to 1
    level, slope, bend = rng.normal(size=3) * CALIBRATION_ERROR
    wrong = Artefact(0)
    if drawn(Artefact.STRONG_TILT, rng):
        wrong |= Artefact.STRONG_TILT
        slope = rng.choice([-1, 1]) * rng.uniform(0.05, 0.15)
    factor = 1 + level + slope * x + bend * x**2
    step = rng.normal(size=3) * 0.005  # cameras never agree perfectly
    if drawn(Artefact.CAMERA_STEP, rng):
        wrong |= Artefact.CAMERA_STEP
        step[rng.integers(3)] = rng.choice([-1, 1]) * rng.uniform(0.03, 0.15)
    camera = np.searchsorted(BORDERS, WAVELENGTH, side="right")  # (7781,), 0 to 2
    return factor * (1 + step)[camera], wrong


def sky_residuals(variance: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Artefact]:
    """Return what sky subtraction leaves, (7781,), in proportion to the lines of the sky.

    The bright lines are where the variance stands above its median within 311 Angstrom; what is
    left there keeps its sign over a few hundred Angstrom, as when a fibre's throughput is off.
    """
    wrong = Artefact(0)
    strength = abs(rng.normal(0, 0.7))  # of the noise, at a line ten times the sky between lines
    if drawn(Artefact.SKY_RESIDUALS, rng):
        wrong = Artefact.SKY_RESIDUALS
        strength = rng.uniform(1.5, 5.0)
    blocks = np.median(variance[:7780].reshape(20, 389), axis=1)  # 311 Angstrom each
    quiet = np.interp(np.arange(len(variance)), np.arange(20) * 389 + 194, blocks)
    excess = np.clip(variance / quiet - 1.3, 0, 20) / 9.0
    knots = rng.normal(size=12)
    sign = np.interp(np.arange(len(variance)), np.linspace(0, len(variance), 12), knots)
    return strength * sign * excess * np.sqrt(quiet * 10), wrong


def add_cosmic_rays(flux: np.ndarray, variance: np.ndarray, rng: np.random.Generator) -> Artefact:
    """Add spikes to a spectrum, in place, and return what went wrong."""
    if not drawn(Artefact.COSMIC_RAY, rng):
        return Artefact(0)
    for _ in range(rng.integers(1, 5)):
        first, length = rng.integers(0, len(flux) - 6), rng.integers(1, 6)
        height = 5 * 20 ** rng.random() * np.sqrt(variance[first])
        flux[first : first + length] += height * rng.uniform(0.3, 1, length)
    return Artefact.COSMIC_RAY


def mask_pixels(flux: np.ndarray, ivar: np.ndarray, rng: np.random.Generator) -> Artefact:
    """Set stretches and cameras to 0, in place, and return what went wrong."""
    wrong = Artefact(0)
    if drawn(Artefact.MASKED_STRETCH, rng):
        wrong |= Artefact.MASKED_STRETCH
        for _ in range(rng.integers(1, 4)):
            length = int(10 * 40 ** rng.random())
            first = rng.integers(0, len(flux) - length)
            flux[first : first + length] = ivar[first : first + length] = 0
    if drawn(Artefact.DEAD_CAMERA, rng):
        wrong |= Artefact.DEAD_CAMERA
        low, high = list(CAMERAS.values())[rng.integers(3)][1]
        dead = (low <= WAVELENGTH) & (high > WAVELENGTH)
        flux[dead] = ivar[dead] = 0
    return wrong
