"""A query and its matches: thumbnails and spectra in rows, or a grid of thumbnails."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.figures.picture import save_picture
from astroclip_astro.figures.spectra import FLUX_UNIT, SMOOTHED, WAVELENGTH_LABEL, draw_spectrum
from astroclip_astro.figures.style import COLOURS, blank_axes, new_figure
from astroclip_astro.prepare.images import centre_crop, clean_images, stretch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


THUMBNAIL_PIXELS = 96  # pixels of a thumbnail's side


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
    if min(image.shape[1:]) > THUMBNAIL_PIXELS:
        image = centre_crop(image[None], THUMBNAIL_PIXELS)[0]  # (3, 96, 96)
    colours = np.moveaxis(stretch(clean_images(image), "rgb"), 0, -1)  # (h, w, 3)
    axes.imshow(colours, origin="lower", interpolation="nearest")
