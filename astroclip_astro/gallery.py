"""Pictures of similar galaxies: thumbnails and spectra, the query first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Table

from .catalogue import why
from .destination import check_destination, whole_file
from .errors import InputError, OutputError
from .figures.spectra import FLUX_UNIT, SMOOTHED, WAVELENGTH_LABEL, draw_spectrum
from .figures.style import COLOURS, blank_axes, new_figure
from .prepare.images import centre_crop, clean_images, stretch
from .query import Query
from .records import Cutout, Source, Spectrum, Targets
from .sky import find_targets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Panel",
    "check_picture",
    "collect_panels",
    "draw_gallery",
    "gallery_figure",
    "heading",
    "match_title",
    "save_picture",
]

FORMATS = (".png", ".pdf", ".svg")
MOST = 20  # matches that are drawn
SIZE = 96  # pixels of a thumbnail's side
QUERY_COLOUR, MATCH_COLOUR = COLOURS["vermilion"], COLOURS["blue"]  # and told apart by titles


@dataclass(frozen=True, eq=False)
class Panel:
    """One galaxy of the picture.

    Parameters
    ----------
    title : str
        What it is.
    image : ndarray or None
        float32 (3, h, w), nanomaggies.
    flux, ivar : ndarray or None
        float (7781,) each; ivar may be None where flux is not.
    """

    title: str
    image: np.ndarray | None = None
    flux: np.ndarray | None = None
    ivar: np.ndarray | None = None


def check_picture(path: str | os.PathLike | None, *, overwrite: bool = False) -> None:
    """Make sure that a picture can be drawn there, before anything is computed for it.

    Parameters
    ----------
    path : str, path or None
        Its file; None for a picture that is only shown.
    overwrite : bool
        Whether it may be there already.

    Raises
    ------
    InputError
        Where matplotlib is not installed.
    OutputError
        For another suffix, an existing file, a folder that is absent.

    Examples
    --------
    >>> check_picture("similar.jpg")
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.OutputError: Picture similar.jpg: expected a suffix of .png, .pdf, .svg.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError(
            "A picture needs matplotlib, which is not installed: "
            "pip install 'astroclip-astro[plot]'."
        ) from None
    if path is None:
        return
    if Path(path).suffix.lower() not in FORMATS:
        raise OutputError(f"Picture {path}: expected a suffix of {', '.join(FORMATS)}.")
    check_destination(path, overwrite=overwrite)


def collect_panels(
    query: Query,
    found: Table,
    table: Table,
    source: Source,
    *,
    match_radius: float = 1.0,
    ra: str | None = None,
    dec: str | None = None,
) -> list[Panel]:
    """Fetch what there is of the query and its matches, the first `MOST` of them.

    Parameters
    ----------
    query : Query
        The galaxy asked for.
    found : Table
        Matches within ``table``: ``row``, ``similarity``.
    table : Table
        Where positions are.
    source : Source
        Where images and spectra come from.
    match_radius : float
        Largest distance of a spectrum from its row, arcsec.
    ra, dec : str, optional
        Names of the position columns.

    Returns
    -------
    list of Panel
        The query, then the matches in order.
    """
    found = found[:MOST]
    targets = find_targets(table, ra=ra, dec=dec)
    rows = np.asarray(found["row"], int)
    titles = [
        f"row {row}, similarity {similarity:.3f}"
        for row, similarity in zip(rows.tolist(), found["similarity"], strict=True)
    ]
    place = None  # where the query is
    if query.row is not None:
        place = targets[[query.row]]
    elif query.position is not None:
        at = (np.array([value]) for value in query.position)
        place = Targets(*at, np.zeros(1, np.int64), np.zeros(1, bool))
    panels = [Panel(f"query: {query.words}", query.image, query.flux, query.ivar)]
    if place is not None:
        panels = _fetch_panels([panels[0].title], place, source, match_radius)
    return [*panels, *_fetch_panels(titles, targets[rows], source, match_radius)]


def _fetch_panels(
    titles: list[str], targets: Targets, source: Source, radius: float
) -> list[Panel]:
    """Return panels of targets, with what the source has of them."""
    return [
        Panel(
            title,
            image=cutout.image if isinstance(cutout, Cutout) else None,
            flux=spectrum.flux if isinstance(spectrum, Spectrum) else None,
            ivar=spectrum.ivar if isinstance(spectrum, Spectrum) else None,
        )
        for title, spectrum, cutout in zip(titles, *_fetch(targets, source, radius), strict=True)
    ]


def _fetch(targets: Targets, source: Source, radius: float) -> tuple[list, list]:
    """Return spectra and cutouts of targets, None or a gap where there are none."""
    answers: dict[str, list] = {"spectra": [None] * len(targets), "cutouts": [None] * len(targets)}
    for what, good, number in (
        ("spectra", targets.good, radius),
        ("cutouts", targets.has_position, SIZE),
    ):
        rows = np.flatnonzero(good)
        if len(rows):
            for row, answer in zip(rows, getattr(source, what)(targets[rows], number), strict=True):
                answers[what][row] = answer
    return answers["spectra"], answers["cutouts"]


def heading(found: Table) -> str:
    """Return what was compared with what, such as ``"image among spectra"``.

    Parameters
    ----------
    found : Table
        Matches, with what was asked in its header.
    """
    things = {"image": "images", "spectrum": "spectra"}[found.meta["ACAMONG"]]
    return f"{found.meta['ACBY']} among {things}"


def match_title(found: Table, panels: list[Panel]) -> str:
    """Return the title of a picture of matches, of which not all may be drawn.

    Parameters
    ----------
    found : Table
        All matches.
    panels : list of Panel
        What is drawn, the query first.
    """
    shown = len(panels) - 1
    some = f", the first {shown}" if shown < len(found) else ""
    return f"Most similar by {heading(found)}{some}"


def draw_gallery(panels: list[Panel], path: str | os.PathLike, *, title: str = "") -> None:
    """Draw galaxies and save the picture: `gallery_figure`, then `save_picture`.

    Parameters
    ----------
    panels, title
        As `gallery_figure` has them.
    path : str or path
        As `save_picture` has it.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    save_picture(gallery_figure(panels, title=title), path)


def gallery_figure(panels: list[Panel], *, title: str = "") -> Figure:
    """Draw galaxies one below the other, or in a grid where none has a spectrum.

    Parameters
    ----------
    panels : list of Panel
        The query first.
    title : str
        Above everything; say here what is simulated.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> len(gallery_figure([Panel("query", flux=np.arange(7781)), Panel("row 1")]).axes)
    4
    """
    nothing = all(panel.flux is None for panel in panels)
    figure = _grid(panels) if nothing else _rows(panels)
    figure.suptitle(title, fontsize=9)
    return figure


def save_picture(figure: Figure, path: str | os.PathLike) -> None:
    """Save a figure; the file appears when it is complete.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Which.
    path : str or path
        Its suffix says the format: .png, .pdf or .svg.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    path = Path(path).resolve()
    try:
        with whole_file(path) as scratch:
            figure.savefig(scratch, format=path.suffix[1:].lower())
    except OSError as error:
        raise OutputError(f"Picture {path} cannot be written ({why(error)}).") from None


def _rows(panels: list[Panel]) -> Figure:
    """Return a figure with a thumbnail and a spectrum in each row."""
    figure = new_figure(9, 0.9 + 1.25 * len(panels))
    axes = figure.subplots(len(panels), 2, squeeze=False, width_ratios=(1, 6))
    for number, (panel, (left, right)) in enumerate(zip(panels, axes, strict=True)):
        _draw_image(left, panel.image)
        right.set_title(panel.title, loc="left", fontsize=8)
        colour = QUERY_COLOUR if number == 0 else MATCH_COLOUR
        draw_spectrum(right, panel.flux, panel.ivar, colour=colour)
        if number < len(panels) - 1:
            right.set_xticklabels([])
    axes[-1, 1].set_xlabel(
        f"{WAVELENGTH_LABEL}; flux in {FLUX_UNIT}, mean of {SMOOTHED} pixels", fontsize=8
    )
    return figure


def _grid(panels: list[Panel]) -> Figure:
    """Return a figure with thumbnails only."""
    across = min(5, len(panels))
    down = -(-len(panels) // across)
    figure = new_figure(1.9 * across, 0.6 + 2.1 * down)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for axis, panel in zip(axes, panels, strict=False):
        _draw_image(axis, panel.image)
        axis.set_title(panel.title.replace(", ", "\n").replace(": ", ":\n"), fontsize=7)
    return figure


def _draw_image(axes: Axes, image: np.ndarray | None) -> None:
    """Draw a colour composite of g, r, z, north up and east left."""
    if image is None:
        blank_axes(axes, "no image")
        axes.set_box_aspect(1)
        return
    axes.set_xticks([])
    axes.set_yticks([])
    if min(image.shape[1:]) > SIZE:
        image = centre_crop(image[None], SIZE)[0]  # (3, 96, 96)
    colours = np.moveaxis(stretch(clean_images(image), "rgb"), 0, -1)  # (h, w, 3)
    axes.imshow(colours, origin="lower", interpolation="nearest")
