"""Where an output may go, found out before any work; and how it appears there: whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import OutputError

__all__ = ["check_destination", "whole_file"]


def check_destination(path: str | os.PathLike, *, overwrite: bool) -> Path:
    """Make sure that a file can be written.

    Parameters
    ----------
    path : str or path
        The file; messages name it as it is given.
    overwrite : bool
        Whether it may be there already.

    Returns
    -------
    pathlib.Path
        Absolute, links followed: a link stays a link.

    Raises
    ------
    OutputError
        If it is a folder, exists without ``overwrite``, or its folder is absent or cannot be
        written.

    Examples
    --------
    >>> check_destination("result.fits", overwrite=False).name
    'result.fits'
    >>> check_destination("nowhere/result.fits", overwrite=False)
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.OutputError: Folder ...nowhere of the output does not exist; make it ...
    """
    path = Path(path)
    try:
        place = path.resolve()
        if place.is_dir():
            raise OutputError(f"Output {path} is a folder; name a file.")
        if place.exists() and not overwrite:
            raise OutputError(
                f"Output {path} exists; choose another name, or allow it to be replaced "
                "(--overwrite, overwrite=True)."
            )
        if not place.parent.is_dir():
            raise OutputError(f"Folder {place.parent} of the output does not exist; make it first.")
    except OSError as error:
        raise OutputError(
            f"Output {path} cannot be used ({error.strerror}); choose another."
        ) from None
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise OutputError(f"Folder {place.parent} of the output cannot be written; choose another.")
    return place


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a place to write to; what is written there takes its name when it is complete.

    Parameters
    ----------
    path : Path
        The file. Whatever ends the block early, what was there stays, and nothing is left beside
        it.

    Yields
    ------
    Path
        A hidden file in the same folder.

    Raises
    ------
    OSError
        Where it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with whole_file(path) as scratch:
    ...     _ = scratch.write_text("all of it")
    ...     print(path.exists())
    False
    >>> path.read_text()
    'all of it'
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield scratch
        with scratch.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        with suppress(OSError):
            scratch.unlink()
