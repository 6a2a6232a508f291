"""The panels of a figure: their layout, the words on them, the numbers they take."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.figures.style import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LETTERS = 11.5  # of a title, in an inch


def panel_grid(
    names: Collection[str], *, title: str, across: int, size: tuple[float, float]
) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for each name.

    Parameters
    ----------
    names : collection of str
        What the panels are called.
    title : str
        Above all of them.
    across : int
        Largest number of panels side by side.
    size : tuple of float
        Width and height of a panel, inches, with its labels.

    Returns
    -------
    figure : matplotlib.figure.Figure
        With its title.
    axes : list of matplotlib.axes.Axes
        One for each name, in order.

    Raises
    ------
    InputError
        Where there is no name, or no matplotlib.

    Examples
    --------
    >>> figure, axes = panel_grid(["a", "b", "c"], title="Three", across=2, size=(3, 2))
    >>> [one.get_title() for one in axes], len(figure.axes)
    (['a', 'b', 'c'], 3)
    """
    if not names:
        raise InputError(f"Figure {title!r} has nothing to show; expected one panel at least.")
    across = min(across, len(names))
    down = -(-len(names) // across)
    figure = new_figure(size[0] * across, size[1] * down + 0.4)
    figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.07)
    every = figure.subplots(down, across, squeeze=False).ravel().tolist()
    axes, spare = every[: len(names)], every[len(names) :]
    for one, name in zip(axes, names, strict=True):
        one.set_title(arrowed(name), fontsize=9.5)
        one.tick_params(labelsize=8)
    for one in spare:
        one.remove()
    entitle(figure, title)
    return figure, axes


def entitle(figure: Figure, title: str) -> None:
    """Put a title above a figure, in as many lines as its width asks for.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure that gets a title.
    title : str
        Lines of its own stay.

    Examples
    --------
    >>> figure = new_figure(3, 3)
    >>> entitle(figure, "Retrieval among 1,000 SIMULATED galaxies left out")
    >>> figure.get_suptitle().splitlines()
    ['Retrieval among 1,000 SIMULATED', 'galaxies left out']
    """
    letters = max(12, int(LETTERS * figure.get_figwidth()))
    lines = [textwrap.fill(line, letters) for line in title.splitlines()]
    figure.suptitle("\n".join(lines), fontsize=11)


def legend_below(figure: Figure, every: list[Axes], *, columns: int) -> None:
    """Draw one legend for all panels below them, each label once.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure that gets a legend.
    every : list of matplotlib.axes.Axes
        Its panels; nothing is drawn where none has a label.
    columns : int
        Largest number of labels side by side.
    """
    handles: dict[str, object] = {}
    for axes in every:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        figure.legend(
            handles=[*handles.values()],
            loc="outside lower center",
            ncols=min(columns, len(handles)),
            fontsize=8.5,
            frameon=False,
        )


def tidy(axes: Axes) -> None:
    """Take away the lines that say nothing, and add a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)


def write_note(axes: Axes, words: str, *, corner: str = "upper left") -> None:
    """Write words into a corner of axes, on a ground that keeps them legible.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The panel that the text is written in.
    words : str
        What; nothing is drawn for no words.
    corner : {"upper left", "upper right", "lower left", "lower right"}
        The corner that the text stands in.
    """
    if not words:
        return
    vertical, horizontal = corner.split()
    axes.text(
        {"left": 0.03, "right": 0.97}[horizontal],
        {"lower": 0.03, "upper": 0.97}[vertical],
        words,
        ha=horizontal,
        va={"lower": "bottom", "upper": "top"}[vertical],
        transform=axes.transAxes,
        fontsize=8.5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
        zorder=5,
    )


def arrowed(name: str) -> str:
    """Return a name with an arrow where there is ``->``.

    Examples
    --------
    >>> arrowed("image -> spectrum")
    'image → spectrum'
    """
    return name.replace("->", "→")


def counted(number: int) -> str:
    """Return how many galaxies, in words.

    Examples
    --------
    >>> counted(1), counted(12000)
    ('1 galaxy', '12,000 galaxies')
    """
    return "1 galaxy" if number == 1 else f"{number:,} galaxies"


def known_among(some: Mapping[str, object] | None, names: Collection[str], what: str) -> dict:
    """Return what there is for some of the names; an error if it is for others.

    Raises
    ------
    InputError
        For a name that is not among them, which would be left out in silence.

    Examples
    --------
    >>> known_among({"image": "R2 0.7"}, ["image", "spectrum"], "Notes")
    {'image': 'R2 0.7'}
    >>> known_among(None, ["image"], "Notes")
    {}
    """
    some = dict(some or {})
    strange = [name for name in some if name not in names]
    if strange:
        raise InputError(
            f"{what} of {', '.join(strange)} have no panel; expected names among "
            f"{', '.join(names) or 'none'}."
        )
    return some


def finite(values: np.ndarray, what: str) -> np.ndarray:
    """Return the numbers that are finite, in order.

    Parameters
    ----------
    values : ndarray
        (n,)
    what : str
        What an error calls them.

    Returns
    -------
    ndarray
        float64 (m,)

    Raises
    ------
    InputError
        For another shape.

    Examples
    --------
    >>> import numpy as np
    >>> finite(np.array([1, np.nan, 3]), "redshifts")
    array([1., 3.])
    """
    values = np.asarray(values, float)
    if values.ndim != 1:
        raise InputError(f"{what} have shape {values.shape}, expected (galaxies,).")
    return values[np.isfinite(values)]


def finite_pairs(x: np.ndarray, y: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of which both numbers are finite, in order.

    Parameters
    ----------
    x, y : ndarray
        (n,) each.
    what : str
        What an error calls them.

    Returns
    -------
    x, y : ndarray
        float64 (m,) each.

    Raises
    ------
    InputError
        Where shapes differ or are others.

    Examples
    --------
    >>> import numpy as np
    >>> finite_pairs(np.array([1, np.nan, 3]), np.array([4, 5, 6]), "redshifts")
    (array([1., 3.]), array([4., 6.]))
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError(
            f"{what} have shapes {x.shape} and {y.shape}, expected the same, of one axis."
        )
    kept = np.isfinite(x) & np.isfinite(y)
    return x[kept], y[kept]
