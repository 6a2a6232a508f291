"""Locks of the operating system: whoever holds one loses it with its process, however it ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from warnings import warn

from astroclip_astro.errors import OutputError, UnlockedOutputWarning
from astroclip_astro.storage.atomic import scratch_path, why

if os.name == "nt":  # not tried: the tests have never run there
    import msvcrt

    BEYOND = 1 << 30  # the byte that is locked; Windows lets nobody read one that is

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, BEYOND, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except PermissionError as error:
            raise BlockingIOError(*error.args) from None

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock_path(output: str | os.PathLike) -> Path:
    """Return the file whose lock a run holds while it works on an output.

    Examples
    --------
    >>> lock_path("galaxies.fits").name
    '.astroclip-33edc62c-lock.part'
    """
    return scratch_path(output, "lock")


@contextmanager
def output_lock(output: str | os.PathLike) -> Iterator[bool]:
    """Let no other run work on an output until the end of the block.

    Parameters
    ----------
    output : str or path
        The file that will be written; its folder exists.

    Yields
    ------
    bool
        False where the file system has no locks.

    Raises
    ------
    OutputError
        Where another run works on it, naming its process and host; or where the disk takes no
        lock file.

    Warns
    -----
    UnlockedOutputWarning
        Where the file system has no locks: another run would not be noticed.

    Examples
    --------
    >>> import tempfile
    >>> output = Path(tempfile.mkdtemp()) / "galaxies.fits"
    >>> with output_lock(output) as locked:
    ...     print(locked, lock_path(output).exists())
    True True
    >>> lock_path(output).exists()
    False
    """
    path = lock_path(output)
    try:
        file = _acquire(path)
    except BlockingIOError:
        raise OutputError(
            f"Output {output} is being written by another run ({_holder(path)}); wait until it has "
            "finished, stop it, or choose another output."
        ) from None
    except OSError as error:
        raise OutputError(
            f"Output {output} cannot be locked ({why(error)}); make room or choose another place."
        ) from None
    if file is None:
        warn(
            f"The file system of {output} has no locks, so another run with the same output would "
            "not be noticed; start only one.",
            UnlockedOutputWarning,
            stacklevel=3,
        )
        yield False
        return
    try:
        yield True
    finally:
        if os.name == "nt":  # what is open cannot be removed
            file.close()
        with suppress(OSError):
            path.unlink()
        file.close()


@contextmanager
def open_scratch(path: Path) -> Iterator[BinaryIO]:
    """Open a new file for writing, locked as long as it is open: `is_abandoned` says no to it.

    Parameters
    ----------
    path : Path
        Of a name that nobody else has.

    Yields
    ------
    binary file
        Open for writing.
    """
    while True:
        with path.open("wb") as stream:
            with suppress(OSError):  # without locks the name alone protects it
                _lock(stream.fileno())
                stream.seek(0)
            if path.exists():  # nobody has taken it for abandoned before it was locked
                yield stream
                return


def is_abandoned(path: Path) -> bool:
    """Return whether nobody writes to a file from `open_scratch` any more.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
        False also where that cannot be found out.
    """
    try:
        with path.open("r+b") as stream:
            _lock(stream.fileno())
    except OSError:
        return False
    return True


def _acquire(path: Path) -> BinaryIO | None:
    """Return a locked file that names this process, None where there are no locks."""
    while True:
        # It must not be emptied before it is locked: somebody may be named in it.
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
        try:
            _lock(file.fileno())
        except BlockingIOError:
            file.close()
            raise
        except OSError:
            file.close()
            with suppress(OSError):
                path.unlink()
            return None
        try:
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.seek(0)
                file.truncate()
                file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
                return file
        except FileNotFoundError:
            pass
        except OSError:
            file.close()
            raise
        file.close()  # it was removed by its last holder while this one waited for it


def _holder(path: Path) -> str:
    """Return who holds a lock, as the file says it."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    return " ".join(text.split())[:100] or "its process is not known"
