"""The parts of an HDF5 file of galaxies, on disk until all are settled, then joined."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from astroclip_astro.errors import OutputError
from astroclip_astro.storage.atomic import whole_file
from astroclip_astro.storage.hdf5 import SHARD_ROWS, Disk, Field, new_file, storage
from astroclip_astro.storage.interrupts import interrupts_held
from astroclip_astro.storage.shard import (
    Shard,
    copy_rows,
    pack_shard,
    read_places,
    read_rejected,
    read_shard,
)

if TYPE_CHECKING:
    import h5py


SHARD_NAME, SCRATCH_NAME = re.compile(r"\d{8}\.h5"), re.compile(r"(\d{8}|joined)\.\d+\.tmp")

# Libraries notice damage in many ways; what is damaged is made again.
DAMAGE = (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError)
NEXT_STEPS = (
    "give the command it came from to go on with that, drop it (--no-resume, resume=False), or "
    "choose another output."
)


@dataclass(frozen=True)
class Shards:
    """A folder beside the output with one file for each part that is settled, or begun.

    Parameters
    ----------
    output : Path
        The file that the parts are joined to, absolute.
    fields : mapping of str to Field
        Every dataset.
    n : int
        Galaxies to be settled.
    run_metadata : mapping of str to str or int
        What decides the numbers: seed, versions, fields. The number of galaxies is not among
        them: a longer survey begins with a shorter one.
    sample_name : str
        What the output is called.
    """

    output: Path
    fields: Mapping[str, Field]
    n: int
    run_metadata: Mapping[str, str | int]
    sample_name: str = "survey"

    @property
    def folder(self) -> Path:
        """Where the parts are."""
        return self.output.with_name(f"{self.output.name}.partial")

    @property
    def count(self) -> int:
        """Number of parts."""
        return -(-self.n // SHARD_ROWS)

    @property
    def identity(self) -> str:
        """What each part carries to be known again by."""
        return json.dumps(self.run_metadata, sort_keys=True)

    def rows(self, number: int) -> int:
        """Return the number of galaxies to be settled in a part."""
        return min(SHARD_ROWS, self.n - number * SHARD_ROWS)

    def path(self, number: int) -> Path:
        """Return the file of a part."""
        return self.folder / f"{number:08d}.h5"

    def completed(self) -> int:
        """Return how many galaxies are finished, parts that are begun counted as whole."""
        numbers = (int(path.stem) for path in self.folder.glob("*.h5"))
        return sum(self.rows(number) for number in numbers if number < self.count)

    def disk_bytes(self) -> int:
        """Return what is still to be written at most: parts, and the output beside them."""
        size = sum(
            np.dtype(field.dtype).itemsize * math.prod(field.shape)
            for field in self.fields.values()
        )
        return size * (2 * self.n - self.completed())

    def open_folder(self, *, resume: bool) -> None:
        """Make the folder, or make sure that what is in it belongs to this output.

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
                elif not SHARD_NAME.fullmatch(path.name):
                    raise OutputError(
                        f"{path} is not a part of a {self.sample_name}, and {self.folder} holds "
                        "nothing else; move it away, or choose another output."
                    )
                elif not resume:
                    path.unlink()
                else:
                    self._check_origin(path)
        except OSError as error:
            raise self._failure(error) from error

    def check_room(self) -> None:
        """Raise where the disk has no room for what is still to be written."""
        needed, free = self.disk_bytes(), shutil.disk_usage(self.folder).free
        if needed > free:
            raise OutputError(
                f"{self.n} galaxies need up to {needed / 1e9:.2f} GB beside {self.output} (parts, "
                f"and the {self.sample_name} they are joined to), and {free / 1e9:.2f} GB are "
                "free; make room, choose another place, or ask for fewer."
            )

    def whole(self, number: int) -> bool:
        """Return whether a part is there, of this output, settled and undamaged."""
        return len(self.load(number)) == self.rows(number)

    def load(self, number: int) -> Shard:
        """Return what is settled of a part, nothing where it is absent or damaged."""
        try:
            with self._opened(number) as file:
                part = read_shard(file, self.fields, self.n)
        except DAMAGE:
            return Shard({}, {})
        strange = {*part.galaxies, *part.rejected} - {*range(self.rows(number))}
        return Shard({}, {}) if strange else part

    def save(self, number: int, part: Shard) -> None:
        """Keep a part; it appears whole or not at all.

        Parameters
        ----------
        number : int
            Number of the shard, from 0.
        part : Shard
            What is settled of it. It is taken up again where that is not all.

        Raises
        ------
        OutputError
            Where it cannot be written; the parts before it stay.
        AstroclipError
            Where a galaxy is not as the fields say.
        """
        content = pack_shard(part, self.fields, self.n, run_metadata=self.identity)
        scratch = self.path(number).with_suffix(f".{os.getpid()}.tmp")
        try:
            with whole_file(self.path(number), scratch=scratch):
                scratch.write_bytes(content)
        except OSError as error:
            raise self._failure(error) from error

    def totals(self) -> tuple[int, dict[str, int]]:
        """Return how many galaxies the settled parts hold, and how many are left out by reason."""
        galaxies = 0
        left_out: Counter[str] = Counter()
        for number in range(self.count):
            with self._opened(number) as part:
                galaxies += len(read_places(part))
                left_out.update(read_rejected(part).values())
        return galaxies, dict(left_out.most_common())

    def join(self, attributes: Mapping[str, object]) -> None:
        """Write the output from its parts, chunk by chunk; it appears whole or not at all.

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
            galaxies = self.totals()[0]
            with (
                whole_file(self.output, scratch=scratch),
                new_file(scratch) as (file, disk),
            ):
                self._fill(file, disk, attributes, galaxies)
        except OSError as error:
            raise self._failure(error) from error

    def clear(self) -> None:
        """Remove the parts: they are joined."""
        with suppress(OSError):
            for number in range(self.count):
                self.path(number).unlink(missing_ok=True)
            self.folder.rmdir()

    def _fill(
        self, file: h5py.File, disk: Disk, attributes: Mapping[str, object], galaxies: int
    ) -> None:
        """Write attributes and all parts, in order, to the output."""
        with interrupts_held():
            file.attrs.update(attributes)
            for name, field in self.fields.items():
                shape = (galaxies, *field.shape)
                dataset = file.create_dataset(
                    name, shape=shape, dtype=field.dtype, **storage(field, galaxies)
                )
                dataset.attrs.update({"unit": field.unit, "description": field.description})
        first = 0
        for number in range(self.count):
            with interrupts_held():
                first += self._copy_part(number, file, first)
            disk.check()

    def _copy_part(self, number: int, file: h5py.File, first: int) -> int:
        """Copy one part to the output, from a row on; return how many galaxies it has."""
        with self._opened(number) as part:
            rows = len(read_places(part))
            for name in self.fields:
                copy_rows(part[name], file[name], first, rows)
        return rows

    @contextmanager
    def _opened(self, number: int) -> Iterator[h5py.File]:
        """Open a settled part; another run, at the same time, may have changed it."""
        import h5py

        with h5py.File(self.path(number)) as part:
            if part.attrs.get("facts") != self.identity:
                raise self._foreign(self.path(number), part.attrs.get("facts"))
            yield part

    def _check_origin(self, path: Path) -> None:
        """Raise where a part belongs to another output; damaged ones will be made again."""
        import h5py

        try:
            with h5py.File(path) as file:
                found = file.attrs.get("facts")
        except OSError:
            return
        if found != self.identity:
            raise self._foreign(path, found)
        if int(path.stem) >= self.count:
            raise OutputError(
                f"{self.folder} holds this {self.sample_name}'s galaxies beyond the first "
                f"{self.n}; {NEXT_STEPS}"
            )

    def _foreign(self, path: Path, found: Any) -> OutputError:
        """Return what to say about a part of another output."""
        try:
            facts = json.loads(found)
            different = [
                f"its {name}: {facts.get(name)}, expected: {self.run_metadata.get(name)}"
                for name in self.run_metadata | facts
                if facts.get(name) != self.run_metadata.get(name)
            ]
        except (TypeError, ValueError, AttributeError):
            different = ["it does not say of which"]
        return OutputError(
            f"{path} is part of another {self.sample_name} ({'; '.join(different[:3])}); "
            f"{NEXT_STEPS}"
        )

    def _failure(self, error: OSError) -> OutputError:
        """Return what to say when parts or output cannot be written."""
        reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
        return OutputError(
            f"{self.sample_name.capitalize()} {self.output} cannot be written ({reason}). What is "
            f"finished stays in {self.folder}; mend that, then run the same command again."
        )
