"""Strips: how numbers of several kinds are distributed, one kind below the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.figures.panels import tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


QUANTILES = (5, 16, 50, 84, 95)  # per cent, of a strip's box
STRIP_LEGEND = "circle: median; bar: 16 to 84 %; line: 5 to 95 %"


def draw_strip(axes: Axes, place: int, values: np.ndarray, colour: str, *, most: int) -> None:
    """Draw at most so many points that stand for sorted values, and a box."""
    shown = values[np.unique(np.linspace(0, len(values) - 1, most).round().astype(int))]
    jitter = 0.6 * ((np.arange(len(shown)) * 0.618034) % 1 - 0.5)  # even, without chance
    axes.scatter(shown, place + jitter, s=7, color=colour, alpha=0.45, linewidths=0, zorder=2)
    ends = np.percentile(values, QUANTILES)
    axes.plot(ends[[0, 4]], [place, place], color="black", lw=1, zorder=3)
    axes.plot(ends[[1, 3]], [place, place], color="black", lw=5, solid_capstyle="butt", zorder=3)
    axes.plot(ends[2], place, color="white", mec="black", marker="o", ms=6, zorder=4)


def name_strips(axes: Axes, labels: Sequence[str], remarks: Sequence[str]) -> None:
    """Order strips from the top, each with its name to the left and a remark to the right.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With a strip at 0, 1, ... of the vertical axis.
    labels, remarks : sequence of str
        One for each strip; an empty remark is none.
    """
    tidy(axes)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), labels, fontsize=8.5)
    if any(remarks):
        right = axes.secondary_yaxis("right")
        right.set_yticks(range(len(remarks)), remarks, fontsize=8.5)
        right.tick_params(length=0)
        right.spines["right"].set_visible(False)
