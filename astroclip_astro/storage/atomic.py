"""Where an output may go, found out before any work; and how it appears there: whole."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from astroclip_astro.errors import InputError, OutputError, described


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
    except (OSError, RuntimeError) as error:  # the latter for links that lead to themselves
        reason = getattr(error, "strerror", None) or os.strerror(errno.ELOOP)
        raise OutputError(f"Output {path} cannot be used ({reason}); choose another.") from None
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise OutputError(f"Folder {place.parent} of the output cannot be written; choose another.")
    return place


@contextmanager
def whole_file(path: Path, *, scratch: Path | None = None, sync: bool = True) -> Iterator[Path]:
    """Give a place to write to; what is written there takes its name when it is complete.

    Parameters
    ----------
    path : Path
        The file. Whatever ends the block early, what was there stays, and nothing is left beside
        it.
    scratch : Path, optional
        Where it is written, on the same disk; by default a hidden file in the same folder.
    sync : bool
        Whether to wait until it is on the disk; not needed for what can be made again.

    Yields
    ------
    Path
        The place to write to.

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
    if scratch is None:
        scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield scratch
        if sync:
            with scratch.open("r+b") as file:
                os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        with suppress(OSError):
            scratch.unlink()


def scratch_path(output: str | os.PathLike, name: str) -> Path:
    """Return where something unfinished stands until an output is complete: hidden, beside it.

    Parameters
    ----------
    output : str or path
        The output. Its name is kept as a hash: the longest name has room for no more letters.
    name : str
        What tells it from others of the same output.

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> scratch_path("galaxies.fits", "0a1b").name
    '.astroclip-33edc62c-0a1b.part'
    """
    output = Path(output).resolve()
    stem = hashlib.sha256(os.fsencode(output.name)).hexdigest()[:8]
    return output.with_name(f".astroclip-{stem}-{name}.part")


def why(problem: OSError) -> str:
    """Return the reason of a failure in a few words; libraries word a full disk in many ways.

    Examples
    --------
    >>> why(OSError("Not enough space on disk: requested 2326000, available 0."))
    'No space left on device'
    """
    if problem.errno == errno.ENOSPC or "space" in str(problem) or "to write" in str(problem):
        return os.strerror(errno.ENOSPC)
    return problem.strerror or str(problem)


def check_path(value: object, option: str) -> str | os.PathLike:
    """Refuse values where a name or a path is expected.

    Parameters
    ----------
    value : object
        What was passed.
    option : str
        The option it was passed as, ``weights`` for example.

    Returns
    -------
    str or path
        The same.

    Raises
    ------
    InputError
        For anything else than a string or a path.

    Examples
    --------
    >>> check_path(None, "weights")
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.InputError: weights is None, expected a string or a path.
    """
    if isinstance(value, str | os.PathLike):
        return value
    raise InputError(f"{option} is {described(value)}, expected a string or a path.")
