"""Losses of the stages of training, a panel each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.figures.panels import finite_pairs, known_among, legend_below, panel_grid, tidy
from astroclip_astro.figures.style import COLOURS, blank_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


PLACES = 100  # of the running mean, about
WIDE = 2.0  # largest loss over smallest, above which the axis is logarithmic

Curve = tuple[np.ndarray, np.ndarray]


def losses_figure(
    logs: Mapping[str, Curve], *, title: str, validation: Mapping[str, Curve] | None = None
) -> Figure:
    """Draw the loss over the steps of each stage.

    Parameters
    ----------
    logs : mapping of str to tuple of ndarray
        For each stage the steps and the loss after them, (n,) each; NaN is left out.
    title : str
        Above all panels; say here what is simulated.
    validation : mapping of str to tuple of ndarray, optional
        Of some of the stages, the same of galaxies held out.

    Returns
    -------
    matplotlib.figure.Figure
        Every step, a running mean, and what was held out. The axis of a stage is logarithmic where
        its losses are positive and the largest is more than twice the smallest.

    Raises
    ------
    InputError
        Where there are no stages, steps and loss differ in shape, or ``validation`` has a stage
        that is not in ``logs``.

    Examples
    --------
    >>> import numpy as np
    >>> steps = np.arange(1, 301)
    >>> figure = losses_figure({"align": (steps, 9 / steps)}, title="SIMULATED")
    >>> figure.axes[0].get_title(), figure.axes[0].get_yscale()
    ('align', 'log')
    """
    validation = known_among(validation, logs, "Validation losses")
    across = min(3, max(1, len(logs)))
    figure, every = panel_grid(logs, title=title, across=across, size=(max(3.0, 6 / across), 3.2))
    for axes, (stage, curve) in zip(every, logs.items(), strict=True):
        steps, loss = finite_pairs(*curve, f"Steps and losses of {stage!r}")
        axes.set_xlabel("step", fontsize=9)
        axes.set_ylabel("loss", fontsize=9)
        if len(loss) == 0:
            blank_axes(axes, "no finite loss")
            continue
        _draw_loss(axes, steps, loss)
        drawn = loss
        if stage in validation:
            steps, held_out = validation[stage]
            steps, held_out = finite_pairs(
                steps, held_out, f"Steps and losses of {stage!r}, held out"
            )
            axes.plot(
                steps, held_out, color=COLOURS["orange"], marker="o", ms=3.5, lw=1.4,
                label="held out",
            )  # fmt: skip
            drawn = np.concatenate([loss, held_out])
        _scale(axes, drawn)
        tidy(axes)
    legend_below(figure, every, columns=3)
    return figure


def _draw_loss(axes: Axes, steps: np.ndarray, loss: np.ndarray) -> None:
    """Draw every step and, of many, the mean of those up to each."""
    marker = "." if len(loss) == 1 else ""
    axes.plot(steps, loss, color="0.75", lw=0.8, marker=marker, label="each step")
    width = len(loss) // PLACES
    if width > 1:
        mean = np.convolve(loss, np.ones(width) / width, "valid")
        axes.plot(
            steps[width - 1 :],
            mean,
            color=COLOURS["blue"],
            lw=1.5,
            label="mean of 1 % of the steps",
        )


def _scale(axes: Axes, loss: np.ndarray) -> None:
    """Choose the scales, with ticks that do not run into each other."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, StrMethodFormatter

    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if loss.min() > 0 and loss.max() > WIDE * loss.min():
        axes.set_yscale("log")
        decades = np.log10(loss.max() / loss.min())
        digits = "23456789" if decades < 0.8 else "25" if decades < 2.5 else ""
        axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:g}"))
        axes.yaxis.set_minor_formatter(
            FuncFormatter(lambda loss, _: f"{loss:g}" if f"{loss:e}"[0] in digits else "")
        )
        axes.tick_params(which="both", labelsize=8)
