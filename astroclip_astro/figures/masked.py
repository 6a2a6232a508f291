"""Mask-filling: a spectrum of which parts were hidden, and what was put in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.figures.lines import mark_lines
from astroclip_astro.figures.spectra import FLUX_UNIT, draw_spectrum, smooth
from astroclip_astro.figures.style import COLOURS, new_figure
from astroclip_astro.records import WAVELENGTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec


ACROSS = 3  # insets in a row
SMOOTHED, SMOOTHED_INSET = 7, 3  # pixels of 0.8 Angstrom
TALLEST, TALLEST_INSET = 99.98, 99.8  # per cent of the samples, so that tips of lines are seen
MARGIN = 0.25  # of a hidden stretch, shown at either side in its inset
OBSERVED, RECONSTRUCTED, SHADE = "0.55", COLOURS["vermilion"], COLOURS["sky"]


def masked_figure(
    flux: np.ndarray,
    ivar: np.ndarray | None,
    reconstructed: np.ndarray,
    masked_spans: np.ndarray,
    *,
    redshift: float | None = None,
    title: str = "",
) -> Figure:
    """Draw a spectrum, what of it was hidden, and how that was filled in.

    Parameters
    ----------
    flux, ivar : ndarray
        (7781,) each, 1e-17 erg/s/cm2/Angstrom and its inverse variance, which may be None.
    reconstructed : ndarray
        (7781,), the reconstruction, in the unit of ``flux``; NaN where there is none.
    masked_spans : ndarray
        float (stretches, 2), first and last wavelength of each hidden stretch, Angstrom, at least
        one of them.
    redshift : float, optional
        Where lines are marked; by default none are.
    title : str
        Above everything; say here what is simulated.

    Returns
    -------
    matplotlib.figure.Figure
        The whole spectrum above, hidden stretches shaded and numbered; below, an inset of each.

    Notes
    -----
    After Parker et al. 2024 (arXiv:2310.03024, figures 8 to 12).

    Examples
    --------
    >>> flux = np.ones(7781)
    >>> len(masked_figure(flux, None, flux, np.array([[4000, 4400], [6000, 6400]])).axes)
    3
    """
    across = min(ACROSS, len(masked_spans))
    down = -(-len(masked_spans) // across)
    figure = new_figure(9, 3.3 + 2.4 * down)
    grid = figure.add_gridspec(1 + down, across, height_ratios=(1.5, *[1] * down))
    top = figure.add_subplot(grid[0, :])
    _draw_whole(top, flux, ivar, reconstructed, masked_spans)
    insets = _draw_insets(figure, grid, flux, ivar, reconstructed, masked_spans)
    if redshift is not None:
        for axes in (top, *insets):
            mark_lines(axes, redshift)
    key(figure, redshift is not None)
    figure.suptitle(title, fontsize=9)
    return figure


def shade(axes: Axes, hidden: np.ndarray) -> None:
    """Shade hidden stretches."""
    for low, high in hidden:
        axes.axvspan(low, high, facecolor=SHADE, alpha=0.22, edgecolor="none", zorder=0)


def _draw_whole(
    axes: Axes,
    flux: np.ndarray,
    ivar: np.ndarray | None,
    reconstructed: np.ndarray,
    masked_spans: np.ndarray,
) -> None:
    """Draw the whole spectrum and its reconstruction, hidden stretches shaded and numbered."""
    draw_spectrum(axes, flux, ivar, colour=OBSERVED, pixels=SMOOTHED, tallest=TALLEST)
    axes.plot(WAVELENGTH, reconstructed, color=RECONSTRUCTED, linewidth=0.8)
    shade(axes, masked_spans)
    for number, span in enumerate(masked_spans, start=1):
        axes.text(
            np.mean(span), 0.97, f"{number}", transform=axes.get_xaxis_transform(),
            ha="center", va="top", fontsize=8, fontweight="bold",
        )  # fmt: skip
    axes.set_ylabel(f"flux, mean of {SMOOTHED} pixels\n[{FLUX_UNIT}]", fontsize=8)


def _draw_insets(
    figure: Figure,
    grid: GridSpec,
    flux: np.ndarray,
    ivar: np.ndarray | None,
    reconstructed: np.ndarray,
    masked_spans: np.ndarray,
) -> list[Axes]:
    """Draw an inset of each hidden stretch below the whole spectrum, and return their axes."""
    across, insets = grid.ncols, []
    for number, span in enumerate(masked_spans):
        axes = figure.add_subplot(grid[1 + number // across, number % across])
        draw_inset(axes, flux, ivar, reconstructed, span)
        shade(axes, masked_spans)
        axes.text(0.02, 0.97, f"{number + 1}", transform=axes.transAxes, ha="left", va="top",
                  fontsize=8, fontweight="bold")  # fmt: skip
        if number >= len(masked_spans) - across:
            axes.set_xlabel("observed wavelength [Å]", fontsize=8)
        if number % across == 0:
            axes.set_ylabel(f"flux, mean of {SMOOTHED_INSET} pixels", fontsize=8)
        insets.append(axes)
    return insets


def draw_inset(
    axes: Axes, flux: np.ndarray, ivar: np.ndarray | None, filled: np.ndarray, span: np.ndarray
) -> None:
    """Draw a hidden stretch and what is beside it, scaled by both curves."""
    margin = MARGIN * (span[1] - span[0])
    low, high = span[0] - margin, span[1] + margin
    inside = (low <= WAVELENGTH) & (high >= WAVELENGTH)
    observed = smooth(flux, ivar, pixels=SMOOTHED_INSET)[inside]
    axes.plot(WAVELENGTH[inside], observed, color=OBSERVED, linewidth=0.7)
    axes.plot(WAVELENGTH[inside], filled[inside], color=RECONSTRUCTED, linewidth=1.2)
    axes.set_xlim(low, high)
    axes.tick_params(labelsize=7)
    noisy = np.isfinite(observed)
    if noisy.any():
        bottom, top = np.percentile(observed[noisy], (0.5, TALLEST_INSET))
        known = filled[inside][np.isfinite(filled[inside])]
        bottom, top = min([bottom, *known]), max([top, *known])
        extra = 0.12 * (top - bottom) or 1
        axes.set_ylim(bottom - extra, top + 1.5 * extra)


def key(figure: Figure, lines: bool) -> None:
    """Say below everything which curve is which."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Line2D([], [], color=OBSERVED, label="observed"),
        Line2D([], [], color=RECONSTRUCTED, label="reconstruction"),
        Patch(facecolor=SHADE, alpha=0.22, label="hidden"),
    ]
    if lines:
        handles += [
            Line2D([], [], color="0.6", linewidth=0.8, label="line of gas"),
            Line2D([], [], color="0.6", linewidth=0.8, linestyle="--", label="of stars"),
        ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8,
                  frameon=False)  # fmt: skip
