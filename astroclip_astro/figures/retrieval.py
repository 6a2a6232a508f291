"""Retrieval: what is found for a few galaxies, and at which place the partners of many come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.figures.panels import arrowed, entitle, finite, legend_below, panel_grid, tidy
from astroclip_astro.figures.spectra import smooth
from astroclip_astro.figures.style import COLOURS, blank_axes, new_figure
from astroclip_astro.records import WAVELENGTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec, SubplotSpec


WIDTH = 9.0  # inches, about the width of a page
LARGEST = 1.5  # inches of a tile's side
GAP = 0.12  # between the query and the rest, in tiles
STRIP = 0.6  # height of a spectrum below an image, in tiles
SMOOTHED = 31  # pixels of 0.8 Angstrom, 25 Angstrom
NOISY = 4000  # Angstrom; shortward of it noise does not set the scale
TICKS = (4000, 6000, 8000)  # Angstrom
QUERY, PARTNER = COLOURS["vermilion"], COLOURS["blue"]
SPECTRA = (
    "Spectra: flux against observed wavelength in vacuum [Å],\n"
    f"mean of {0.8 * SMOOTHED:.0f} Å, each on a scale of its own; grey: zero"
)
DIRECTIONS = ("blue", "vermilion", "green", "purple", "orange")  # colours of their recall
DASHES = ("-", (0, (5, 2)), (0, (1, 1)), (0, (5, 1, 1, 1)))
MARKED = (1, 10, 100)  # places with a point


@dataclass(frozen=True, eq=False)
class Tile:
    """One galaxy of the picture.

    Parameters
    ----------
    image : ndarray or None
        float (h, w, 3), red, green and blue within 0-1, the first row lowest: north up, east left.
    flux : ndarray or None
        float (7781,), 1e-17 erg/s/cm2/Angstrom on the grid of `astroclip_astro.records.WAVELENGTH`;
        NaN without data. Below the image, where there are both.
    description : str
        Above it, such as similarity and redshift.
    marked : bool
        Whether it is the query's own galaxy.
    """

    image: np.ndarray | None = None
    flux: np.ndarray | None = None
    description: str = ""
    marked: bool = False


def retrieval_figure(rows: Sequence[Sequence[Tile]], *, title: str) -> Figure:
    """Draw queries and what was found for them, as the paper's Figs. 2, 3 and 6.

    Parameters
    ----------
    rows : sequence of sequence of Tile
        For each query the query itself, then its matches in order. Rows may differ in length.
    title : str
        Above all of them; say here what is simulated.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each query, which has a frame of its own; so has its partner among the matches.

    Raises
    ------
    InputError
        Where there is no tile, or an image or spectrum has another shape.

    Notes
    -----
    Lanusse et al. 2023 (arXiv:2310.03024), Figs. 2, 3 and 6. Spectra are running means of 25
    Angstrom, each on a scale of its own.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.full((8, 8, 3), 0.5)
    >>> row = [Tile(image, description="query"), Tile(image, description="0.98", marked=True)]
    >>> figure = retrieval_figure([row], title="SIMULATED")
    >>> [axes.get_title() for axes in figure.axes]
    ['query', '0.98']
    """
    across = max((len(row) for row in rows), default=0)
    if across == 0:
        raise InputError(f"Figure {title!r} has nothing to show; expected one query at least.")
    heights = [1 + STRIP * any(_is_both(tile) for tile in row) for row in rows]
    side = min(LARGEST, WIDTH / (across + GAP))
    figure = new_figure(
        max(3.5, side * (across + GAP)), side * sum(heights) + 0.3 * len(rows) + 0.8
    )
    figure.set_layout_engine("constrained", w_pad=0.03, h_pad=0.04, wspace=0.01, hspace=0.01)
    grid = figure.add_gridspec(
        len(rows),
        across + 1,
        width_ratios=[1, GAP] + [1] * (across - 1),
        height_ratios=heights,
    )
    lowest: dict[int, Axes] = {}  # of each column, the last spectrum
    for down, row in enumerate(rows):
        lowest |= _draw_row(figure, grid, down, row)
    entitle(figure, title)
    for one in lowest.values():
        one.tick_params(labelbottom=True)
    _explain(figure, any(tile.marked for row in rows for tile in row[1:]), spectra=bool(lowest))
    return figure


def _draw_row(figure: Figure, grid: GridSpec, down: int, row: Sequence[Tile]) -> dict[int, Axes]:
    """Draw a query and its matches in a row, and return the axes of their spectra by place."""
    spectra = {}
    for place, tile in enumerate(row):
        axes = _tile_axes(figure, grid[down, place + (place > 0)], tile)
        axes[0].set_title(arrowed(tile.description), fontsize=7.5, pad=3)
        for one in axes:
            _frame(one, QUERY if place == 0 else PARTNER if tile.marked else None)
        if tile.flux is not None:
            spectra[place] = axes[-1]
    return spectra


def ranks_figure(ranks: Mapping[str, np.ndarray], *, total: int, title: str) -> Figure:
    """Draw which fraction of queries has its partner within the first N.

    Parameters
    ----------
    ranks : mapping of str to ndarray
        For each direction, such as ``"image -> spectrum"``, the places of partners from 1, (n,);
        NaN is left out.
    total : int
        Number of galaxies that were looked among.
    title : str
        Above it; say here what is simulated.

    Returns
    -------
    matplotlib.figure.Figure
        Recall at N over N, with points at 1, 10 and 100, and what chance would give.

    Raises
    ------
    InputError
        Where there are no directions, or places are not from 1 to ``total``.

    Examples
    --------
    >>> import numpy as np
    >>> ranks = {"image -> spectrum": np.array([1, 2, 2, 50])}
    >>> figure = ranks_figure(ranks, total=100, title="SIMULATED")
    >>> figure.axes[0].get_xlabel()
    'first N of 100 galaxies'
    """
    if not ranks:
        raise InputError(f"Figure {title!r} has nothing to show; expected ranks of one direction.")
    if total < 1:
        raise InputError(f"{total} galaxies were looked among, expected 1 or more.")
    figure, (axes,) = panel_grid([""], title=title, across=1, size=(6, 3.9))
    from matplotlib.ticker import FuncFormatter

    for number, (name, values) in enumerate(ranks.items()):
        values = finite(values, f"Ranks of {name!r}")
        if len(values) and not (values.min() >= 1 and values.max() <= total):
            raise InputError(
                f"Ranks of {name!r} go from {values.min():.0f} to {values.max():.0f}, expected "
                f"places from 1 to {total}."
            )
        if len(values):
            _draw_recall(axes, number, name, values, total)
    by_chance = np.unique(np.geomspace(1, total, 200))
    axes.plot(by_chance, by_chance / total, color="0.45", lw=1, ls="--", label="chance: N / all")
    axes.set_xscale("log")
    axes.set(xlim=(0.9, 1.1 * max(total, 2)), ylim=(-0.02, 1.03))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:,.0f}"))
    axes.set_xlabel(f"first N of {total:,} galaxies", fontsize=9)
    axes.set_ylabel("fraction of partners among them", fontsize=9)
    tidy(axes)
    legend_below(figure, [axes], columns=1)
    return figure


def _draw_recall(axes: Axes, number: int, name: str, ranks: np.ndarray, total: int) -> None:
    """Draw the recall of one direction, the ``number``-th of the figure, over the place."""
    colour = COLOURS[DIRECTIONS[number % len(DIRECTIONS)]]
    dashes = DASHES[number % len(DASHES)]
    places, fractions = recall(ranks, total)
    words = f"{arrowed(name)} (median rank {np.median(ranks):,.5g})"
    axes.step(places, fractions, where="post", ls=dashes, lw=1.8, label=words, color=colour)
    points = [place for place in MARKED if place <= total]
    shown = fractions[np.searchsorted(places, points, side="right") - 1]
    axes.plot(points, shown, ls="", marker="o", ms=5, color=colour)


def recall(ranks: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the fraction of partners at some place or before.

    Parameters
    ----------
    ranks : ndarray
        (n,), from 1, finite, one at least.
    total : int
        The last place.

    Returns
    -------
    places, fractions : ndarray
        float64 (m,) each: where the fraction grows, the first place and the last.

    Examples
    --------
    >>> import numpy as np
    >>> [values.tolist() for values in recall(np.array([2, 2, 5, 9]), 10)]
    [[1.0, 2.0, 5.0, 9.0, 10.0], [0.0, 0.5, 0.75, 1.0, 1.0]]
    """
    ranks = np.sort(np.asarray(ranks, float))
    places = np.unique([1.0, *ranks, float(total)])
    return places, np.searchsorted(ranks, places, side="right") / len(ranks)


def _is_both(tile: Tile) -> bool:
    """Whether a tile has an image and a spectrum."""
    return tile.image is not None and tile.flux is not None


def _tile_axes(figure: Figure, cell: SubplotSpec, tile: Tile) -> list[Axes]:
    """Draw a tile, and return its axes from the top."""
    if _is_both(tile):
        halves = cell.subgridspec(2, 1, height_ratios=(1, STRIP), hspace=0.02)
        axes = [figure.add_subplot(halves[0]), figure.add_subplot(halves[1])]
    else:
        axes = [figure.add_subplot(cell)]
    if tile.image is not None:
        _draw_image(axes[0], tile.image)
    if tile.flux is not None:
        _draw_spectrum(axes[-1], tile.flux)
        axes[-1].set_box_aspect(STRIP - 0.05 if _is_both(tile) else 1)
    if _is_both(tile):  # close together, whatever room there is
        axes[0].set_anchor("S")
        axes[1].set_anchor("N")
    if tile.image is None and tile.flux is None:
        blank_axes(axes[0], "no data")
        axes[0].set_box_aspect(1)
    return axes


def _draw_image(axes: Axes, image: np.ndarray) -> None:
    """Draw a thumbnail."""
    image = np.asarray(image, float)
    if image.ndim != 3 or image.shape[2] != 3:
        raise InputError(
            f"Image of a tile has shape {image.shape}, expected (h, w, 3): red, green, blue in 0-1."
        )
    axes.imshow(np.clip(np.nan_to_num(image), 0, 1), origin="lower", interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def _draw_spectrum(axes: Axes, flux: np.ndarray) -> None:
    """Draw a smoothed spectrum on a scale of its own."""
    if np.shape(flux) != WAVELENGTH.shape:
        raise InputError(f"Flux of a tile has shape {np.shape(flux)}, expected {WAVELENGTH.shape}.")
    flux = smooth(flux, None, pixels=SMOOTHED)
    if not np.isfinite(flux).any():
        blank_axes(axes, "no spectrum")
        return
    quiet = flux[(WAVELENGTH > NOISY) & np.isfinite(flux)]
    low, high = np.percentile(quiet if len(quiet) else flux[np.isfinite(flux)], (0.5, 99.9))
    low, high = min(0, low), max(0, high)
    margin = 0.08 * (high - low) or 1
    axes.axhline(0, color="0.8", lw=0.6)
    axes.plot(WAVELENGTH, flux, color="black", lw=0.6)
    axes.set(xlim=(WAVELENGTH[0], WAVELENGTH[-1]), ylim=(low - margin, high + margin))
    axes.set(xticks=TICKS, yticks=[])
    axes.tick_params(labelsize=6.5, length=2, labelbottom=False)


def _frame(axes: Axes, colour: str | None) -> None:
    """Draw a thick frame of a colour, or a faint one."""
    axes.spines[:].set(color=colour or "0.7", linewidth=2.6 if colour else 0.6)


def _explain(figure: Figure, marked: bool, *, spectra: bool) -> None:
    """Say below the figure what frames and axes mean."""
    from matplotlib.patches import Patch

    meanings = {"query": QUERY} | ({"the same galaxy": PARTNER} if marked else {})
    figure.legend(
        handles=[
            Patch(facecolor="none", edgecolor=colour, linewidth=2, label=words)
            for words, colour in meanings.items()
        ],
        loc="outside lower center",
        ncols=2,
        fontsize=8.5,
        frameon=False,
        title=SPECTRA if spectra else None,
        title_fontsize=8,
    )
