"""Attention maps: a spectrum, and below it how much each head looks at each part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.figures.lines import mark_lines
from astroclip_astro.figures.spectra import FLUX_UNIT, WAVELENGTH_LABEL, draw_spectrum
from astroclip_astro.figures.style import COLOURS, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


HEADS = ("blue", "vermilion", "green", "purple")
SMOOTHED = 7  # pixels of 0.8 Angstrom
TALLEST = 99.98  # per cent of the samples, so that tips of lines are seen


def attention_figure(
    flux: np.ndarray,
    ivar: np.ndarray | None,
    weights: np.ndarray,
    spans: np.ndarray,
    *,
    redshift: float | None = None,
    title: str = "",
) -> Figure:
    """Draw which parts of a spectrum the heads of the cross-attention look at.

    Parameters
    ----------
    flux, ivar : ndarray
        (7781,) each, 1e-17 erg/s/cm2/Angstrom and its inverse variance, which may be None.
    weights : ndarray
        float (heads, tokens), those of a head sum to 1.
    spans : ndarray
        float (tokens, 2), first and last wavelength of each token, Angstrom, ascending; NaN for
        the token of mean and deviation. As `Model.attention` returns both.
    redshift : float, optional
        Where lines are marked; by default none are.
    title : str
        Above everything; say here what is simulated.

    Returns
    -------
    matplotlib.figure.Figure
        The spectrum and a panel for each head. A weight is drawn as a step in the middle of its
        token, as wide as tokens are apart; the dotted line is what each would be were all alike.

    Notes
    -----
    After Parker et al. 2024 (arXiv:2310.03024, figure 7).

    Examples
    --------
    >>> spans = np.array([[np.nan, np.nan], [3600, 6400], [5000, 7800], [6400, 9200]])
    >>> figure = attention_figure(np.ones(7781), None, np.full((4, 4), 0.25), spans)
    >>> len(figure.axes)
    5
    """
    figure = new_figure(9, 2.9 + 0.95 * len(weights))
    top, *panels = figure.subplots(
        1 + len(weights), 1, sharex=True, height_ratios=(2.2, *[1] * len(weights))
    )
    draw_spectrum(top, flux, ivar, colour="0.2", pixels=SMOOTHED, tallest=TALLEST)
    top.set_ylabel(f"flux, mean of {SMOOTHED} pixels\n[{FLUX_UNIT}]", fontsize=8)
    for number, (axes, shares) in enumerate(zip(panels, 100 * weights, strict=True)):
        _draw_head(axes, number, shares, spans)
    if redshift is not None:
        for axes in (top, *panels):
            mark_lines(axes, redshift, names=axes is top)
    guides = "" if redshift is None else "; guides: lines of gas drawn through, of stars dashed"
    panels[-1].set_xlabel(f"{WAVELENGTH_LABEL}; dotted: all tokens alike{guides}", fontsize=8)
    figure.align_ylabels()
    figure.suptitle(title, fontsize=9)
    return figure


def _draw_head(axes: Axes, number: int, shares: np.ndarray, spans: np.ndarray) -> None:
    """Draw how much one head, counted from 0, looks at each token, in per cent."""
    placed = np.isfinite(spans).all(axis=1)
    edges = step_edges(spans[placed])
    colour = COLOURS[HEADS[number % len(HEADS)]]
    axes.stairs(shares[placed], edges, color=colour, fill=True, alpha=0.35)
    axes.stairs(shares[placed], edges, color=colour, linewidth=0.9)
    axes.axhline(100 / len(spans), color="black", linestyle=":", linewidth=0.8)
    axes.set_ylim(0, 1.3 * max(shares[placed].max(), 100 / len(spans)))
    axes.tick_params(labelsize=7)
    axes.set_ylabel(f"head {number + 1}\n[%]", fontsize=8)
    if not placed.all():
        words = f"on mean and deviation: {shares[~placed].sum():.1f} %"
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        axes.text(0.995, 0.94, words, ha="right", va="top", fontsize=7, bbox=box,
                  transform=axes.transAxes)  # fmt: skip


def step_edges(spans: np.ndarray) -> np.ndarray:
    """Return where the steps of overlapping windows (n, 2) meet, float64 (n + 1,)."""
    centres = spans.mean(axis=1)
    between = (centres[1:] + centres[:-1]) / 2
    if not len(between):
        return spans[0].astype(float)
    ends = 2 * centres[0] - between[0], 2 * centres[-1] - between[-1]
    return np.concatenate([ends[:1], between, ends[1:]])
