"""Spectra as they are drawn: smoothed, on the axis of wavelength, scaled by what is not noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.records import WAVELENGTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes


NOISY = 4000  # Angstrom; shortward of it noise does not set the scale
SMOOTHED = 15  # pixels of 0.8 Angstrom
FLUX_UNIT = "1e-17 erg/s/cm²/Å"
WAVELENGTH_LABEL = "observed wavelength in vacuum [Å]"


def smooth(flux: np.ndarray, ivar: np.ndarray | None, *, pixels: int = SMOOTHED) -> np.ndarray:
    """Return the running mean of a spectrum, weighted by inverse variance.

    Parameters
    ----------
    flux : ndarray
        (7781,)
    ivar : ndarray or None
        (7781,), 0 without data; None weighs all finite samples alike.
    pixels : int
        Length of the mean, samples.

    Returns
    -------
    ndarray
        float64 (7781,), NaN where no sample near has data.

    Examples
    --------
    >>> bool(np.allclose(smooth(np.full(50, 2.0), None), 2))
    True
    """
    flux = np.asarray(flux, float)
    weight = np.where(np.isfinite(flux), 1.0 if ivar is None else ivar, 0)
    window = np.ones(pixels)
    total = np.convolve(weight, window, "same")
    weighted = np.convolve(weight * np.where(weight > 0, flux, 0), window, "same")
    return np.divide(weighted, total, out=np.full(len(flux), np.nan), where=total > 0)


def draw_spectrum(
    axes: Axes,
    flux: np.ndarray | None,
    ivar: np.ndarray | None,
    *,
    colour: str,
    pixels: int = SMOOTHED,
    tallest: float = 99.9,
) -> None:
    """Draw a smoothed spectrum over the whole range of DESI, or say that there is none.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The panel that the spectrum is drawn in.
    flux, ivar : ndarray or None
        As `smooth` takes them; no flux is no spectrum.
    colour : str
        Of the line.
    pixels : int
        Over which it is smoothed.
    tallest : float
        Percentage of the samples that have to fit below the top; the rest are tips of lines, or
        bad.
    """
    axes.set_xlim(WAVELENGTH[0], WAVELENGTH[-1])
    axes.tick_params(labelsize=7)
    smoothed = None if flux is None else smooth(flux, ivar, pixels=pixels)
    if smoothed is None or not np.isfinite(smoothed).any():
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no spectrum", ha="center", va="center", transform=axes.transAxes)
        return
    quiet = smoothed[WAVELENGTH > NOISY]
    quiet = quiet if np.isfinite(quiet).any() else smoothed
    low, high = np.nanpercentile(quiet, (0.5, tallest))
    margin = 0.1 * (high - low) or 1
    axes.plot(WAVELENGTH, smoothed, color=colour, linewidth=0.7)
    axes.set_ylim(min(0, low - margin), high + margin)
