"""What all figures share: colours that everybody tells apart, sizes, and how they are saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from astroclip_astro.errors import InputError, OutputError
from astroclip_astro.storage.atomic import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Okabe & Ito 2008, told apart with any colour vision; black is left for axes and truth.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "grey": "#777777",
}
DENSITY = "cividis"  # for counts: even in brightness, and alike in any colour vision
FORMATS = ("png", "pdf")
DPI = 150


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure that no window knows of.

    Parameters
    ----------
    width, height : float
        Inches.

    Raises
    ------
    InputError
        Where matplotlib is not installed.

    Examples
    --------
    >>> [float(side) for side in new_figure(4, 3).get_size_inches()]
    [4.0, 3.0]
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError(
            "A figure needs matplotlib, which is not installed: "
            "pip install 'astroclip-astro[plot]'."
        ) from None
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def blank_axes(axes: Axes, words: str) -> None:
    """Say on axes that there is nothing to show.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The panel that stays empty.
    words : str
        What is missing, such as ``"no image"``.
    """
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, words, ha="center", va="center", transform=axes.transAxes, fontsize=8)


def save_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Save a figure in all of `FORMATS`; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure that is saved.
    folder : Path
        An existing folder.
    name : str
        Name of the files, without suffix.

    Returns
    -------
    list of pathlib.Path
        The files.

    Raises
    ------
    OutputError
        Where they cannot be written.
    """
    paths = [Path(folder) / f"{name}.{kind}" for kind in FORMATS]
    nothing = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Producer": None}}
    for path, kind in zip(paths, FORMATS, strict=True):
        try:
            with whole_file(path) as scratch:
                figure.savefig(scratch, format=kind, metadata=nothing[kind])
        except OSError as error:
            raise OutputError(f"Figure {path} cannot be written: {error}.") from error
    return paths
