"""Pictures of similar galaxies: thumbnails and spectra, the query first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table

from .catalogue import why
from .destination import check_destination, whole_file
from .errors import InputError, OutputError
from .prepare.images import centre_crop, clean_images, stretch
from .query import Query
from .records import WAVELENGTH, Cutout, Source, Spectrum, Targets
from .sky import find_targets

__all__ = ["Panel", "check_picture", "collect_panels", "draw_gallery"]

FORMATS = (".png", ".pdf", ".svg")
MOST = 20  # matches that are drawn
SIZE = 96  # pixels of a thumbnail's side
NOISY = 4000  # Angstrom; shortward of it noise does not set the scale
SMOOTHED = 15  # pixels of 0.8 Angstrom
# Told apart with any colour vision, and by their titles: Okabe & Ito 2008.
QUERY_COLOUR, MATCH_COLOUR = "#D55E00", "#0072B2"


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


def check_picture(path: str | os.PathLike, *, overwrite: bool = False) -> None:
    """Make sure that a picture can be drawn there, before anything is computed for it.

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


def draw_gallery(panels: list[Panel], path: str | os.PathLike, *, title: str = "") -> None:
    """Draw galaxies one below the other, or in a grid where none has a spectrum.

    Parameters
    ----------
    panels : list of Panel
        The query first.
    path : str or path
        Its suffix says the format: .png, .pdf or .svg. The file appears when it is complete.
    title : str
        Above everything; say here what is simulated.

    Raises
    ------
    OutputError
        Where the file cannot be written.
    """
    from matplotlib.figure import Figure

    if all(panel.flux is None for panel in panels):
        figure = _grid(Figure, panels)
    else:
        figure = _rows(Figure, panels)
    figure.suptitle(title, fontsize=9)
    path = Path(path).resolve()
    try:
        with whole_file(path) as scratch:
            figure.savefig(scratch, format=path.suffix[1:].lower(), dpi=150)
    except OSError as error:
        raise OutputError(f"Picture {path} cannot be written ({why(error)}).") from None


def _rows(figure_class: type, panels: list[Panel]):
    """Return a figure with a thumbnail and a spectrum in each row."""
    figure = figure_class(figsize=(9, 0.9 + 1.25 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 2, squeeze=False, width_ratios=(1, 6))
    for number, (panel, (left, right)) in enumerate(zip(panels, axes, strict=True)):
        _draw_image(left, panel.image)
        right.set_title(panel.title, loc="left", fontsize=8)
        _draw_spectrum(right, panel, QUERY_COLOUR if number == 0 else MATCH_COLOUR)
        if number < len(panels) - 1:
            right.set_xticklabels([])
    axes[-1, 1].set_xlabel(
        f"observed wavelength in vacuum [Å]; flux in 1e-17 erg/s/cm²/Å, mean of {SMOOTHED} pixels",
        fontsize=8,
    )
    return figure


def _grid(figure_class: type, panels: list[Panel]):
    """Return a figure with thumbnails only."""
    across = min(5, len(panels))
    down = -(-len(panels) // across)
    figure = figure_class(figsize=(1.9 * across, 0.6 + 2.1 * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for axis, panel in zip(axes, panels, strict=False):
        _draw_image(axis, panel.image)
        axis.set_title(panel.title.replace(", ", "\n").replace(": ", ":\n"), fontsize=7)
    return figure


def _draw_image(axis, image: np.ndarray | None) -> None:
    """Draw a colour composite of g, r, z, north up and east left."""
    axis.set_xticks([])
    axis.set_yticks([])
    if image is None:
        axis.text(0.5, 0.5, "no image", ha="center", va="center", fontsize=8)
        axis.set_box_aspect(1)
        return
    if min(image.shape[1:]) > SIZE:
        image = centre_crop(image[None], SIZE)[0]  # (3, 96, 96)
    colours = np.moveaxis(stretch(clean_images(image), "rgb"), 0, -1)  # (h, w, 3)
    axis.imshow(colours, origin="lower", interpolation="nearest")


def _draw_spectrum(axis, panel: Panel, colour: str) -> None:
    """Draw a smoothed spectrum."""
    axis.set_xlim(WAVELENGTH[0], WAVELENGTH[-1])
    axis.tick_params(labelsize=7)
    flux = None if panel.flux is None else smooth(panel.flux, panel.ivar)
    if flux is None or not np.isfinite(flux).any():
        axis.text(0.5, 0.5, "no spectrum", ha="center", va="center", transform=axis.transAxes)
        axis.set_yticks([])
        return
    quiet = flux[WAVELENGTH > NOISY] if np.isfinite(flux[WAVELENGTH > NOISY]).any() else flux
    low, high = np.nanpercentile(quiet, (0.5, 99.9))
    margin = 0.1 * (high - low) or 1
    axis.plot(WAVELENGTH, flux, color=colour, linewidth=0.7)
    axis.set_ylim(min(0, low - margin), high + margin)


def smooth(flux: np.ndarray, ivar: np.ndarray | None) -> np.ndarray:
    """Return the running mean of a spectrum, weighted by inverse variance.

    Parameters
    ----------
    flux : ndarray
        (7781,)
    ivar : ndarray or None
        (7781,), 0 without data; None weighs all finite samples alike.

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
    window = np.ones(SMOOTHED)
    total = np.convolve(weight, window, "same")
    weighted = np.convolve(weight * np.where(weight > 0, flux, 0), window, "same")
    return np.divide(weighted, total, out=np.full(len(flux), np.nan), where=total > 0)
