"""Finished parts of a survey on disk, and the file they are joined to."""

from __future__ import annotations

import json
import math
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.errors import AstroclipError, OutputError
from astroclip_astro.hdf5_file import FORMAT, PART_ROWS, Disk, Field, new_file, storage
from astroclip_astro.interrupts import interrupts_held

if TYPE_CHECKING:
    import h5py

__all__ = ["Parts"]

PART_NAME, SCRATCH_NAME = re.compile(r"\d{8}\.h5"), re.compile(r"(\d{8}|joined)\.\d+\.tmp")

WAY_ON = (
    "give the command it came from to go on with that, drop it (--no-resume, resume=False), or "
    "choose another output."
)


@dataclass(frozen=True)
class Parts:
    """A folder beside the output with one file for each finished part.

    Parameters
    ----------
    output : Path
        The file that the parts are joined to, absolute.
    fields : mapping of str to Field
        Every dataset.
    n : int
        Galaxies in the survey.
    facts : mapping of str to str or int
        What decides the numbers: seed, versions, fields. The number of galaxies is not among
        them: a longer survey begins with a shorter one.
    """

    output: Path
    fields: Mapping[str, Field]
    n: int
    facts: Mapping[str, str | int]

    @property
    def folder(self) -> Path:
        """Where the parts are."""
        return self.output.with_name(f"{self.output.name}.partial")

    @property
    def count(self) -> int:
        """Number of parts."""
        return -(-self.n // PART_ROWS)

    @property
    def identity(self) -> str:
        """What each part carries to be known again by."""
        return json.dumps(self.facts, sort_keys=True)

    def rows(self, number: int) -> int:
        """Return the number of galaxies in a part."""
        return min(PART_ROWS, self.n - number * PART_ROWS)

    def path(self, number: int) -> Path:
        """Return the file of a part."""
        return self.folder / f"{number:08d}.h5"

    def kept(self) -> int:
        """Return how many galaxies are finished."""
        numbers = (int(path.stem) for path in self.folder.glob("*.h5"))
        return sum(self.rows(number) for number in numbers if number < self.count)

    def disk_bytes(self) -> int:
        """Return what is still to be written at most: parts, and the survey beside them."""
        size = sum(
            np.dtype(field.dtype).itemsize * math.prod(field.shape)
            for field in self.fields.values()
        )
        return size * (2 * self.n - self.kept())

    def open_folder(self, *, resume: bool) -> None:
        """Make the folder, or make sure that what is in it belongs to this survey.

        Parameters
        ----------
        resume : bool
            Whether finished parts may be used; otherwise they are removed.

        Raises
        ------
        OutputError
            Where the folder cannot be made, or holds anything else.
        """
        try:
            self.folder.mkdir(exist_ok=True)
            for path in sorted(self.folder.iterdir()):
                if SCRATCH_NAME.fullmatch(path.name):
                    path.unlink()  # of a run that was killed
                elif not PART_NAME.fullmatch(path.name):
                    raise OutputError(
                        f"{path} is not a part of a survey, and {self.folder} holds nothing "
                        "else; move it away, or choose another output."
                    )
                elif not resume:
                    path.unlink()
                else:
                    self._check_origin(path)
        except OSError as error:
            raise self._failure(error) from error

    def whole(self, number: int) -> bool:
        """Return whether a part is there, of this survey, complete and undamaged."""
        import h5py

        try:
            with h5py.File(self.path(number)) as file:
                return file.attrs.get("survey") == self.identity and all(
                    self._intact(file[name], name, self.rows(number)) for name in self.fields
                )
        except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError):
            return False  # libraries notice damage in many ways; the part is made again

    def save(self, number: int, galaxies: Sequence[Mapping[str, np.ndarray]]) -> None:
        """Keep a finished part; it appears whole or not at all.

        Parameters
        ----------
        number : int
            Which.
        galaxies : sequence of mapping
            Each galaxy's value for every field, of exactly the field's shape and dtype.

        Raises
        ------
        OutputError
            Where it cannot be written; the parts before it stay.
        AstroclipError
            Where a galaxy is not as the fields say.
        """
        import h5py

        # Built in memory: HDF5 does not survive a disk that fills while it writes.
        with h5py.File("part", "w", driver="core", backing_store=False, libver=FORMAT) as file:
            file.attrs["survey"] = self.identity
            for name, field in self.fields.items():
                values = np.stack([galaxy[name] for galaxy in galaxies])  # (rows, ...)
                if values.dtype != field.dtype or values.shape[1:] != tuple(field.shape):
                    raise AstroclipError(
                        f"Simulated {name} is {values.dtype} {values.shape[1:]}, expected "
                        f"{field.dtype} {tuple(field.shape)}."
                    )
                stored = np.zeros((self._stored_rows(name, len(values)), *field.shape), field.dtype)
                stored[: len(values)] = values
                dataset = file.create_dataset(name, data=stored, **storage(field, self.n))
                dataset.attrs["crc32"] = zlib.crc32(stored)
            file.flush()
            content = file.id.get_file_image()
        scratch = self.path(number).with_suffix(f".{os.getpid()}.tmp")
        try:
            with scratch.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(scratch, self.path(number))
        except OSError as error:
            scratch.unlink(missing_ok=True)
            raise self._failure(error) from error

    def join(self, attributes: Mapping[str, object]) -> None:
        """Write the survey from its parts, chunk by chunk; it appears whole or not at all.

        Parameters
        ----------
        attributes : mapping of str to object
            Of the whole file.

        Raises
        ------
        OutputError
            Where it cannot be written; the parts stay.
        """
        scratch = self.folder / f"joined.{os.getpid()}.tmp"
        try:
            with new_file(scratch) as (file, disk):
                self._fill(file, disk, attributes)
            os.replace(scratch, self.output)
        except OSError as error:
            raise self._failure(error) from error
        finally:
            scratch.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the parts: they are joined."""
        with suppress(OSError):
            for number in range(self.count):
                self.path(number).unlink(missing_ok=True)
            self.folder.rmdir()

    def _fill(self, file: h5py.File, disk: Disk, attributes: Mapping[str, object]) -> None:
        """Write attributes and all parts, in order, to the survey's file."""
        with interrupts_held():
            file.attrs.update(attributes)
            for name, field in self.fields.items():
                dataset = file.create_dataset(
                    name, shape=(self.n, *field.shape), dtype=field.dtype, **storage(field, self.n)
                )
                dataset.attrs.update({"unit": field.unit, "description": field.description})
        for number in range(self.count):
            with interrupts_held():
                self._copy_part(number, file)
            disk.check()

    def _copy_part(self, number: int, file: h5py.File) -> None:
        """Copy one part to the survey's file."""
        import h5py

        with h5py.File(self.path(number)) as part:
            if part.attrs.get("survey") != self.identity:  # of another run, at the same time
                raise self._foreign(self.path(number), part.attrs.get("survey"))
            for name in self.fields:
                self._copy(part[name], file[name], number)

    def _copy(self, part: h5py.Dataset, survey: h5py.Dataset, number: int) -> None:
        """Copy a dataset of one part to its place."""
        first, rows = number * PART_ROWS, self.rows(number)
        if survey.chunks is None:
            survey[first : first + rows] = part[:rows]
            return
        rest = (0,) * (survey.ndim - 1)
        for row in range(0, rows, survey.chunks[0]):
            mask, chunk = part.id.read_direct_chunk((row, *rest))
            survey.id.write_direct_chunk((first + row, *rest), chunk, mask)

    def _stored_rows(self, name: str, rows: int) -> int:
        """Return the rows of a part's dataset: whole chunks, the last one filled with zeros."""
        step = storage(self.fields[name], self.n).get("chunks", (1,))[0]
        return -(-rows // step) * step

    def _intact(self, dataset: h5py.Dataset, name: str, rows: int) -> bool:
        """Return whether a part's dataset is laid out as it must be and can be read."""
        field = self.fields[name]
        return (
            dataset.shape == (self._stored_rows(name, rows), *field.shape)
            and dataset.dtype == field.dtype
            and dataset.chunks == storage(field, self.n).get("chunks")
            and zlib.crc32(dataset[()]) == dataset.attrs["crc32"]
        )

    def _check_origin(self, path: Path) -> None:
        """Raise where a part belongs to another survey; damaged ones will be made again."""
        import h5py

        try:
            with h5py.File(path) as file:
                found = file.attrs.get("survey")
        except OSError:
            return
        if found != self.identity:
            raise self._foreign(path, found)
        if int(path.stem) >= self.count:
            raise OutputError(
                f"{self.folder} holds this survey's galaxies beyond the first {self.n}; {WAY_ON}"
            )

    def _foreign(self, path: Path, found: object) -> OutputError:
        """Return what to say about a part of another survey."""
        try:
            facts = json.loads(found)
            different = [
                f"its {name}: {facts.get(name)}, expected: {self.facts.get(name)}"
                for name in self.facts | facts
                if facts.get(name) != self.facts.get(name)
            ]
        except (TypeError, ValueError, AttributeError):
            different = ["it does not say of which"]
        return OutputError(
            f"{path} is part of another survey ({'; '.join(different[:3])}); {WAY_ON}"
        )

    def _failure(self, error: OSError) -> OutputError:
        """Return what to say when parts or survey cannot be written."""
        reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
        return OutputError(
            f"Survey {self.output} cannot be written ({reason}). What is finished stays in "
            f"{self.folder}; mend that, then run the same command again."
        )
