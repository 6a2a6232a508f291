"""Finished chunks on disk, so that an interrupted run goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np

from astroclip_astro.errors import OutputError
from astroclip_astro.records import Targets
from astroclip_astro.storage.atomic import scratch_path, whole_file, why


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
    """Return whether any interrupted run that was to write ``output`` has left finished chunks."""
    output = Path(output)
    return any(output.parent.glob(f"{scratch_path(output, '*').name}/*.npy"))


class ChunkStore:
    """A folder beside the output that holds one file for each finished chunk.

    The folder carries the run's fingerprint in its name: a run with another catalogue or other
    options never finds, and never destroys, these chunks. The output's name is there as a hash,
    so that any name that the disk allows will do.

    Parameters
    ----------
    output : path
        File the run will write.
    name : str
        From `fingerprint`.
    """

    def __init__(self, output: str | os.PathLike, name: str) -> None:
        self.output = Path(output)
        self.folder = scratch_path(self.output, name)

    def _file(self, number: int) -> Path:
        """Return the file of one chunk."""
        return self.folder / f"{number:08d}.npy"

    def load(self, number: int, count: int, dtype: np.dtype) -> np.ndarray | None:
        """Return a finished chunk, None where there is none or it is not whole.

        Parameters
        ----------
        number : int
            Number of the chunk.
        count : int
            Rows it must have.
        dtype : dtype
            What a row must look like.
        """
        try:
            rows = np.load(self._file(number), allow_pickle=False)
        except (FileNotFoundError, ValueError, EOFError):
            return None
        except OSError as error:
            raise self._failure(error) from None
        return rows if rows.dtype == dtype and rows.shape == (count,) else None

    def save(self, number: int, rows: np.ndarray) -> None:
        """Keep a finished chunk; it appears whole or not at all.

        Raises
        ------
        OutputError
            Where it cannot be written; the chunks before it stay.
        """
        try:
            self.folder.mkdir(exist_ok=True)
            with (
                whole_file(self._file(number), sync=False) as scratch,
                scratch.open("wb") as file,
            ):
                np.save(file, rows, allow_pickle=False)
        except OSError as error:
            raise self._failure(error) from None

    def _failure(self, error: OSError) -> OutputError:
        """Return what to say when the folder cannot be used."""
        return OutputError(
            f"Cannot keep finished chunks in {self.folder} ({why(error)}). What is there stays; "
            "mend that, then run the same command again."
        )

    def rows(self) -> int:
        """Return how many rows are finished."""
        count = 0
        for path in self.folder.glob("*.npy"):
            try:
                count += len(np.load(path, mmap_mode="r", allow_pickle=False))
            except (ValueError, EOFError, OSError):
                continue
        return count

    def clear(self) -> None:
        """Remove this run's chunks."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def clear_all(self) -> None:
        """Remove what every run that was to write this output has left: it is written now."""
        for path in self.output.parent.glob(scratch_path(self.output, "*").name):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)  # half an output, of a run that was killed
