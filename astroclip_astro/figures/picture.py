"""Pictures of the user's own: where they may go, and how they are saved."""

from __future__ import annotations

import os
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from astroclip_astro.errors import InputError, OutputError
from astroclip_astro.storage.atomic import check_destination, whole_file, why

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FORMATS = (".png", ".pdf", ".svg")


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


def save_picture(figure: Figure, path: str | os.PathLike) -> None:
    """Save a figure; the file appears when it is complete.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure that is written or shown.
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


def finish_picture(figure: Figure, path: str | os.PathLike | None) -> Figure:
    """Save a figure where asked for, and let a notebook show it."""
    # A figure that pyplot has not made is only a line of text in a notebook without this.
    figure._repr_png_ = partial(_png, figure)  # type: ignore[attr-defined]  # IPython's, not theirs
    if path is not None:
        save_picture(figure, path)
    return figure


def _png(figure: Figure) -> bytes:
    """Return a figure as a PNG."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
