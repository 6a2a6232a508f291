"""Finished chunks on disk, so that an interrupted run goes on where it was."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from astroclip_astro.errors import OutputError
from astroclip_astro.records import Targets
from astroclip_astro.storage.atomic import scratch_path, whole_file, why
from astroclip_astro.storage.lock import is_abandoned, lock_path, output_lock

CHECKSUM_BYTES = 32  # SHA-256, behind the rows


def fingerprint(targets: Targets, run_metadata: dict[str, object]) -> str:
    """Return a short name for what decides the values of a run.

    Parameters
    ----------
    targets : Targets
        The rows.
    run_metadata : dict of str to object
        Options, checksums of weights and reference, source, version; plain values.

    Returns
    -------
    str
        16 hexadecimal digits; another catalogue or option gives another name.
    """
    digest = hashlib.sha256(json.dumps(run_metadata, sort_keys=True, default=str).encode())
    arrays = [targets.ra, targets.dec, targets.targetid, targets.has_targetid]
    for values in [*arrays, *([] if targets.bad_targetid is None else [targets.bad_targetid])]:
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]


def any_finished(output: str | os.PathLike) -> bool:
    """Return whether any interrupted run has left finished chunks in the folder of ``output``."""
    return any(Path(output).parent.glob(f"{_any_output('*')}/*.npy"))


class ChunkStore:
    """A folder beside the output that holds one file for each finished chunk.

    The folder carries the run's fingerprint in its name: a run with another catalogue or other
    options never finds, and never destroys, these chunks. The output's name is there as a hash,
    so that any name that the disk allows will do. Chunks that a run of the same fingerprint has
    finished for another output in the same folder, of another format say, are found too.

    Each file ends with a checksum over the fingerprint, the number of the chunk and the rows: what
    has been damaged, cut, renamed or put there from elsewhere is computed again.

    Parameters
    ----------
    output : path
        File the run will write.
    name : str
        From `fingerprint`.
    resume : bool
        Whether chunks that an interrupted run has finished are used.
    """

    def __init__(self, output: str | os.PathLike, name: str, *, resume: bool = True) -> None:
        self.output, self.name, self.resume = Path(output), name, resume
        self.folder = scratch_path(self.output, name)
        self._locked = False

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Let no other run work on the output until the end of the block.

        Chunks of an earlier run are removed first where they are not to be used.

        Yields
        ------
        bool
            False where the file system has no locks.

        Raises
        ------
        OutputError
            Where another run works on it; nothing has been changed.
        """
        with output_lock(self.output) as self._locked:
            if not self.resume:
                self.clear()
            try:
                yield self._locked
            finally:
                self._locked = False

    def load(self, number: int, count: int, dtype: np.dtype) -> np.ndarray | None:
        """Return a finished chunk, None where there is none or it is not as it was written.

        Parameters
        ----------
        number : int
            Number of the chunk.
        count : int
            Rows it must have.
        dtype : dtype
            What a row must look like.
        """
        for folder in self._folders():
            rows = self._read(folder, number)
            if rows is not None and rows.dtype == dtype and rows.shape == (count,):
                return rows
        return None

    def save(self, number: int, rows: np.ndarray) -> None:
        """Keep a finished chunk; it is on the disk, whole, before it appears.

        Raises
        ------
        OutputError
            Where it cannot be written; the chunks before it stay.
        """
        buffer = io.BytesIO()
        np.save(buffer, rows, allow_pickle=False)
        content = buffer.getvalue()
        try:
            self.folder.mkdir(exist_ok=True)
            with whole_file(self.folder / _file_name(number)) as scratch:
                scratch.write_bytes(content + self._checksum(number, content))
        except OSError as error:
            raise OutputError(
                f"Cannot keep finished chunks in {self.folder} ({why(error)}). What is there "
                "stays; mend that, then run the same command again."
            ) from None

    def rows(self) -> int:
        """Return how many rows are finished, in chunks that are as they were written."""
        finished: dict[int, int] = {}
        for folder in self._folders():
            for path in folder.glob("*.npy"):
                if path.stem.isdigit() and int(path.stem) not in finished:
                    rows = self._read(folder, int(path.stem))
                    if rows is not None:
                        finished[int(path.stem)] = len(rows)
        return sum(finished.values())

    def clear(self) -> None:
        """Remove this run's chunks."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def clear_all(self) -> None:
        """Remove what every run that was to write this output has left: it is written now.

        Chunks of this run's fingerprint for other outputs go too. What another run is using
        stays, and where the file system has no locks, so that this is not known, all but this
        run's own chunks stays.
        """
        self.clear()
        if not self._locked:
            return
        for path in self.output.parent.glob(scratch_path(self.output, "*").name):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path != lock_path(self.output) and is_abandoned(path):
                path.unlink(missing_ok=True)  # half an output, of a run that was killed
        for folder in self._others():
            lock = folder.with_name(folder.name.replace(self.name, "lock"))
            if not lock.exists() or is_abandoned(lock):
                shutil.rmtree(folder, ignore_errors=True)

    def _others(self) -> list[Path]:
        """Return the folders that runs of the same fingerprint have left for other outputs."""
        found = sorted(self.output.parent.glob(_any_output(self.name)))
        return [folder for folder in found if folder.name != self.folder.name]

    def _folders(self) -> list[Path]:
        """Return where finished chunks may be, this output's own first."""
        return [self.folder, *(self._others() if self.resume else [])]

    def _checksum(self, number: int, content: bytes) -> bytes:
        """Return what tells whether a chunk is this one, and unchanged."""
        return hashlib.sha256(f"{self.name} {number} ".encode() + content).digest()

    def _read(self, folder: Path, number: int) -> np.ndarray | None:
        """Return the rows of a file, None where it is absent or not as it was written."""
        try:
            content = (folder / _file_name(number)).read_bytes()
            rows, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
            if checksum != self._checksum(number, rows):
                return None
            return np.load(io.BytesIO(rows), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None  # in doubt it is computed again


def _file_name(number: int) -> str:
    """Return the name of the file of one chunk."""
    return f"{number:08d}.npy"


def _any_output(name: str) -> str:
    """Return the pattern of the folders of a fingerprint, whatever their outputs are called."""
    return f".astroclip-*-{name}.part"
