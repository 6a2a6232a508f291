"""What was predicted of galaxies against what is true, a panel for each pair of modalities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.figures.panels import (
    counted,
    finite_pairs,
    known_among,
    legend_below,
    panel_grid,
    write_note,
)
from astroclip_astro.figures.style import COLOURS, DENSITY, blank_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure


SIDE = 4.5  # inches, of a panel
FEW = 1_000  # galaxies that are drawn one by one; more are counted in hexagons
ACROSS = 40  # hexagons
OUTER = (0.1, 99.9)  # per cent of predictions that the axes hold, besides all true values
EACH = 25  # galaxies for each bin of the running median
FEWEST = 10  # in one that is drawn
MAX_POINTS = 24  # bins
BAND = (16, 50, 84)  # per cent


def predictions_figure(
    pairs: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    title: str,
    label: str,
    notes: Mapping[str, str] | None = None,
) -> Figure:
    """Draw predicted against true values, as the paper's Figs. 4 and 5.

    Parameters
    ----------
    pairs : mapping of str to tuple of ndarray
        For each panel true and predicted values, float (n,) each; galaxies without one of them are
        left out. A name such as ``"image -> spectrum"`` says what is looked up, and among what.
    title : str
        Above all panels; say here what is simulated.
    label : str
        What is predicted, with its unit: ``"redshift"``, ``"log10 stellar mass [solar masses]"``.
    notes : mapping of str to str, optional
        Words in the upper left of a panel, such as its R2 and scatter.

    Returns
    -------
    matplotlib.figure.Figure
        Axes are the same in all panels, both ways. Up to 1,000 galaxies are points, more are
        counted in hexagons of one colour scale. Lines are the one-to-one line and, for 50 galaxies
        or more, the running median with what holds 68 % about it.

    Raises
    ------
    InputError
        Where there are no pairs, or true and predicted values differ in shape.

    Notes
    -----
    Lanusse et al. 2023 (arXiv:2310.03024), Figs. 4 and 5.

    Examples
    --------
    >>> import numpy as np
    >>> true = np.linspace(0, 0.5, 60)
    >>> pairs = {"image -> image": (true, true + 0.01)}
    >>> figure = predictions_figure(pairs, title="SIMULATED", label="redshift")
    >>> figure.axes[0].get_ylabel()
    'predicted redshift'
    """
    notes = known_among(notes, pairs, "Notes")
    across = 2 if len(pairs) < 5 else 3
    figure, every = panel_grid(pairs, title=title, across=across, size=(SIDE, SIDE + 0.3))
    # Panels are square: with other layouts those of the next row would run into their labels.
    figure.set_layout_engine("compressed", w_pad=0.06, h_pad=0.07)
    clean = {name: finite_pairs(*pair, f"Values of {name!r}") for name, pair in pairs.items()}
    ends = _limits(list(clean.values()))
    hexagons = []
    for axes, (name, (true, found)) in zip(every, clean.items(), strict=True):
        hexagons += _draw_panel(axes, true, found, ends, label=label, note=notes.get(name, ""))
    if hexagons:
        _share_colours(figure, every, hexagons)
    legend_below(figure, every, columns=3)
    return figure


def running_band(
    true: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return percentiles of predictions along the true value.

    In a bin they are those of the difference from the truth, so that a bin's width does not count.

    Parameters
    ----------
    true, predicted : ndarray
        float (n,) each, finite.

    Returns
    -------
    centre, low, median, high : ndarray
        float64 (places,) each: the mean true value in a bin, and the 16th, 50th and 84th percentile
        of what is predicted there. Bins are of one width; those with fewer than 10 galaxies are
        left out. Nothing where there are fewer than 50 galaxies.

    Examples
    --------
    >>> import numpy as np
    >>> true = np.arange(50.0)
    >>> [values.tolist() for values in running_band(true, true + 1)][::2]
    [[12.0, 37.0], [13.0, 38.0]]
    """
    places = min(MAX_POINTS, len(true) // EACH)
    if places < 2:
        return (np.empty(0),) * 4
    edges = np.linspace(true.min(), true.max(), places + 1)
    place = np.searchsorted(edges[1:-1], true, side="right")  # (n,), from 0 to places - 1
    inside = [place == one for one in range(places)]
    inside = [some for some in inside if some.sum() >= FEWEST]
    if not inside:
        return (np.empty(0),) * 4
    centre = np.array([true[some].mean() for some in inside])
    spread = np.array([np.percentile(predicted[some] - true[some], BAND) for some in inside])
    return centre, *(centre + spread.T)


def _limits(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """Return the ends of both axes."""
    true = np.concatenate([pair[0] for pair in pairs])
    found = np.concatenate([pair[1] for pair in pairs])
    if len(true) == 0:
        return 0.0, 1.0
    ends = np.percentile(found, OUTER)
    low, high = min(true.min(), ends[0]), max(true.max(), ends[1])
    margin = 0.04 * (high - low) or 0.5
    return float(low - margin), float(high + margin)


def _draw_panel(
    axes: Axes,
    true: np.ndarray,
    found: np.ndarray,
    ends: tuple[float, float],
    *,
    label: str,
    note: str,
) -> list[PolyCollection]:
    """Draw a panel's galaxies, and return their hexagons where there are too many for points."""
    axes.set_xlabel(f"true {label}", fontsize=9)
    axes.set_ylabel(f"predicted {label}", fontsize=9)
    if len(true) == 0:
        blank_axes(axes, "no galaxy with both values")
        axes.set_box_aspect(1)
        return []
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    many = len(true) > FEW
    hexagons = [_draw_hexagons(axes, true, found, ends)] if many else []
    if not many:
        size = 14 if len(true) < 200 else 6
        axes.scatter(true, found, s=size, color=COLOURS["blue"], alpha=0.6, linewidths=0, zorder=2)
    _draw_lines(axes, true, found, outlined=many)
    write_note(axes, note)
    beyond = int(((found < ends[0]) | (found > ends[1])).sum())
    words = counted(len(true)) + f"\n{beyond:,} beyond the axes" * (beyond > 0)
    write_note(axes, words, corner="lower right")
    return hexagons


def _draw_hexagons(
    axes: Axes, true: np.ndarray, found: np.ndarray, ends: tuple[float, float]
) -> PolyCollection:
    """Count galaxies in regular hexagons, and return these."""
    down = round(ACROSS / np.sqrt(3))
    return axes.hexbin(
        true,
        found,
        gridsize=(ACROSS, down),
        extent=(*ends, *ends),
        mincnt=1,
        cmap=DENSITY,
        linewidths=0.1,
        zorder=1,
    )


def _share_colours(figure: Figure, every: list[Axes], panels: list[PolyCollection]) -> None:
    """Give all hexagons one logarithmic scale, and draw it."""
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FuncFormatter

    norm = LogNorm(1, np.concatenate([[2], *(hexagons.get_array() for hexagons in panels)]).max())
    for hexagons in panels:
        hexagons.set_norm(norm)
    bar = figure.colorbar(panels[0], ax=every, shrink=0.6, aspect=32, pad=0.015)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    bar.ax.tick_params(labelsize=8)
    bar.set_label("galaxies in a hexagon", fontsize=9)


def _draw_lines(axes: Axes, true: np.ndarray, found: np.ndarray, *, outlined: bool) -> None:
    """Draw the one-to-one line and the running median with its band."""
    from matplotlib.patheffects import withStroke

    axes.axline(
        (0, 0), slope=1, color="black", lw=0.9, ls=(0, (5, 3)), label="one to one", zorder=3
    )
    centre, low, median, high = running_band(true, found)
    if len(centre) == 0:
        return
    outline = [withStroke(linewidth=3, foreground="white")] if outlined else []
    colour = COLOURS["vermilion"]
    axes.plot(
        centre,
        median,
        color=colour,
        lw=1.7,
        label="running median",
        path_effects=outline,
        zorder=4,
    )
    for edge, words in ((low, "16 and 84 %"), (high, None)):
        axes.plot(
            centre, edge, color=colour, lw=1, ls=":", label=words, path_effects=outline, zorder=4
        )
