"""What was fetched, kept on disk: a folder of small files with a limit on their total size."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from astropy.config.paths import get_cache_dir

from astroclip_astro.errors import InputError, OutputError
from astroclip_astro.storage.atomic import whole_file

MAGIC = b"astroclip-astro cache 1\n"
DIGEST = hashlib.sha256().digest_size
SUFFIX, SCRATCH = ".kept", ".part"
# A user may name a folder that has other files: only what has our names is ever touched.
OUR_FOLDER, OUR_FILE = (
    re.compile("[0-9a-f]{2}"),
    re.compile(r"[0-9a-f]{64}(\.kept|-\d+-[0-9a-f]{8}\.part)"),
)
ABANDONED = 3600  # seconds after which a half-written file belongs to nobody
ROOM = 0.9  # of the limit is what is left after old entries were removed
SHARE = 0.01  # of the limit may be written before the folder is looked at again


def default_folder() -> Path:
    """Return where fetched data are kept when nothing is said: astropy's cache folder for us."""
    return Path(get_cache_dir("astroclip_astro", ensure_exists=False)) / "archives"


class DiskCache:
    """Bytes by key, safe against killed processes and against several at once.

    An entry is one file, written under another name and then renamed, so it is there as a whole
    or not at all. It carries its key and a checksum: a damaged one is as good as none. When the
    limit is reached, what was not used for longest is removed. There is no index and no lock, so
    it also works on network file systems, where databases do not.

    Parameters
    ----------
    folder : path
        Made with the first entry.
    limit : int
        Bytes that all entries together may take.

    Raises
    ------
    InputError
        Where there is a file in its place.

    Examples
    --------
    >>> import tempfile
    >>> cache = DiskCache(tempfile.mkdtemp(), limit=10**6)
    >>> cache.put(("cutout", 150.0, 2.0), b"pixels")
    >>> cache.get(("cutout", 150.0, 2.0))
    b'pixels'
    >>> ("cutout", 150.0, 3.0) in cache
    False
    """

    def __init__(self, folder: str | os.PathLike, *, limit: int) -> None:
        self.folder = Path(folder)
        self.limit = limit
        self._unseen = 0  # bytes written since the folder was looked at
        self._known: int | None = None  # bytes in the folder then
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(
                f"Cache {str(folder)!r} is a file, expected a folder; pass another with --cache, "
                "or --cache none (cache=... in Python)."
            )

    def __contains__(self, key: tuple) -> bool:
        """Return whether there is an entry; whether it is whole is seen when it is read."""
        return self._file(key).exists()

    def get(self, key: tuple) -> bytes | None:
        """Return the bytes kept under a key.

        Parameters
        ----------
        key : tuple
            Strings and numbers.

        Returns
        -------
        bytes or None
            None where there is no entry, or a damaged one, which is removed.
        """
        path = self._file(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failure(error) from error
        head = MAGIC + _name(key) + b"\n"
        value = content[len(head) + DIGEST :]
        if content[: len(head) + DIGEST] != head + hashlib.sha256(value).digest():
            self.remove(key)
            return None
        with contextlib.suppress(OSError):  # removed by another process, or a read-only folder
            os.utime(path)  # used now
        return value

    def put(self, key: tuple, value: bytes) -> None:
        """Keep bytes under a key; make room where there is too little.

        Parameters
        ----------
        key : tuple
            Strings and numbers.
        value : bytes
            What is kept. Larger than the whole limit, it is not.

        Raises
        ------
        OutputError
            Where the disk is full or the folder cannot be written.
        """
        content = MAGIC + _name(key) + b"\n" + hashlib.sha256(value).digest() + value
        if len(content) > self.limit:
            return
        self._make_room(len(content))
        path = self._file(key)
        scratch = path.with_name(f"{path.stem}-{os.getpid()}-{secrets.token_hex(4)}{SCRATCH}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path, scratch=scratch, sync=False):
                scratch.write_bytes(content)
        except OSError as error:
            raise self._failure(error) from error
        self._unseen += len(content)

    def remove(self, key: tuple) -> None:
        """Forget what is kept under a key."""
        _unlink(self._file(key))

    def size(self) -> int:
        """Return how many bytes the entries take."""
        return sum(size for _, size, path in self._entries() if path.endswith(SUFFIX))

    def _make_room(self, size: int) -> None:
        """Remove the entries not used for longest, where one more would go beyond the limit.

        Other processes write too, so the folder is looked at again after every hundredth of the
        limit that this one wrote.
        """
        expected = (self._known or 0) + self._unseen + size
        stale = self._known is None or self._unseen > SHARE * self.limit
        if expected <= self.limit and not stale:
            return
        entries, total = [], 0
        for used, bytes_taken, path in self._entries():
            if path.endswith(SCRATCH) and time.time() - used > ABANDONED:
                _unlink(path)
                continue
            total += bytes_taken
            if path.endswith(SUFFIX):
                entries.append((used, bytes_taken, path))
        if total + size > self.limit:
            for _, bytes_taken, path in sorted(entries):
                if total + size <= ROOM * self.limit:
                    break
                _unlink(path)
                total -= bytes_taken
        self._known, self._unseen = total, 0

    def _entries(self) -> Iterator[tuple[float, int, str]]:
        """Yield when each file was last used, its bytes, and its path."""
        try:
            with os.scandir(self.folder) as entries:
                folders = [
                    entry.path
                    for entry in entries
                    if OUR_FOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
                ]
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._failure(error) from error
        for folder in folders:
            try:
                with os.scandir(folder) as files:
                    for file in files:
                        if OUR_FILE.fullmatch(file.name) and file.is_file(follow_symlinks=False):
                            facts = file.stat(follow_symlinks=False)
                            yield facts.st_mtime, facts.st_size, file.path
            except (FileNotFoundError, PermissionError):
                continue  # removed by another process just now, or another user's

    def _file(self, key: tuple) -> Path:
        """Return the file of a key; 256 folders keep each of them short."""
        name = _name(key).decode()
        return self.folder / name[:2] / f"{name}{SUFFIX}"

    def _failure(self, error: OSError) -> OutputError:
        """Return what to say where the folder cannot be used."""
        return OutputError(
            f"Cannot keep fetched data in {self.folder} ({error.strerror}). Mend that, or pass "
            "another folder with --cache, or --cache none; what was fetched so far is kept."
        )


class NoCache:
    """A cache that keeps nothing.

    Examples
    --------
    >>> NO_CACHE.put(("a",), b"")
    >>> NO_CACHE.get(("a",)) is None
    True
    """

    folder = None

    def __contains__(self, key: tuple) -> bool:
        """Return False."""
        return False

    def get(self, key: tuple) -> None:
        """Return None."""

    def put(self, key: tuple, value: bytes) -> None:
        """Keep nothing."""

    def remove(self, key: tuple) -> None:
        """Forget nothing."""


NO_CACHE = NoCache()


def _name(key: tuple) -> bytes:
    """Return the name of a key: 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(key).encode()).hexdigest().encode()


def _unlink(path: str | os.PathLike) -> None:
    """Remove a file that another process may have removed already."""
    with contextlib.suppress(OSError):
        os.unlink(path)
