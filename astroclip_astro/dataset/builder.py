"""From a plan to the HDF5 file of a training set, in parts that outlive an interruption."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from astroclip_astro.dataset.galaxies import Fetched, fetch_galaxies
from astroclip_astro.dataset.plan import Plan
from astroclip_astro.dataset.training_file import IMAGE_PIXELS, describe, training_fields
from astroclip_astro.errors import AstroclipError, InputError, SourceError
from astroclip_astro.storage.hdf5 import SHARD_ROWS, check_hdf5_output
from astroclip_astro.storage.lock import output_lock
from astroclip_astro.storage.shard import Shard
from astroclip_astro.storage.shards import Shards
from astroclip_astro.version import __version__

if TYPE_CHECKING:
    from astroclip_astro.fetch.archive import ArchiveSource

FAILED = "the source failed"


@dataclass(frozen=True)
class Outcome:
    """What has come of a build.

    Parameters
    ----------
    path : Path
        The file, absolute.
    galaxies : int
        How many are in it.
    rejected : mapping of str to int
        How many of the selection are not, by reason.
    """

    path: Path
    galaxies: int
    rejected: Mapping[str, int]


def build_training_set(
    path: str | os.PathLike,
    plan: Plan,
    source: ArchiveSource,
    *,
    size: int = IMAGE_PIXELS,
    skip_failed: bool = False,
    resume: bool = True,
    overwrite: bool = False,
    progress: Callable[[int, int], object] = lambda done, made: None,
) -> Outcome:
    """Fetch the galaxies of a plan, and write the complete ones to an HDF5 file.

    What is settled is kept in ``PATH.partial`` until all is; whatever ends a build, the same
    call goes on from there, and a file called ``path`` is always complete. A failure of the
    source settles nothing: the next call asks for those galaxies, and only those, again.

    Parameters
    ----------
    path : str or path
        Output, ``.h5`` or ``.hdf5``. While working, the disk must hold it twice.
    plan : Plan
        Which galaxies.
    source : ArchiveSource
        Where images and spectra come from; of the plan's release.
    size : int
        Side of the images, pixels.
    skip_failed : bool
        Whether to leave out galaxies that the source has failed for.
    resume, overwrite : bool
        Whether to go on with what an interrupted build has settled, which is removed otherwise;
        whether an existing output may be replaced.
    progress : callable
        Called before the work and after each part with the number of settled galaxies, and how
        many of them were settled by this call.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        Where not one galaxy is complete, or the source has another release.
    OutputError
        Where the output exists, cannot be written, or another build is in the way.
    SourceError
        Where the source is down, or has failed for some galaxies. The others are kept.
    KeyboardInterrupt
        When interrupted, saying how much is kept.
    """
    output = check_hdf5_output(Path(path), overwrite=overwrite)
    parts = _parts(output, plan, source, size)
    with output_lock(output):
        parts.open_folder(resume=resume)
        with _counted(parts, progress) as count:
            parts.check_room()
            _settle_all(parts, plan, source, size, count, skip_failed=skip_failed)
            check_hdf5_output(output, overwrite=overwrite)
            return _join(parts, plan, source)


class _Count:
    """How many galaxies are settled, and how many of them now."""

    def __init__(self, progress: Callable[[int, int], object]) -> None:
        self.done = self.made = 0
        self._progress = progress
        progress(0, 0)

    def add(self, done: int, made: int) -> None:
        """Count the galaxies of a part."""
        self.done, self.made = self.done + done, self.made + made
        self._progress(self.done, self.made)


@contextmanager
def _counted(parts: Shards, progress: Callable[[int, int], object]) -> Iterator[_Count]:
    """Count settled galaxies; when interrupted, say how many are kept, and drop an empty folder."""
    count = _Count(progress)
    try:
        yield count
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{count.done} of {parts.n} galaxies are completed; the same command continues"
        ) from None
    finally:
        with suppress(OSError):
            parts.folder.rmdir()  # where nothing is in it


def _parts(output: Path, plan: Plan, source: ArchiveSource, size: int) -> Shards:
    """Return the parts of a build, known by all that decides what is in them."""
    if find_spec("h5py") is None:
        raise AstroclipError(
            "Training sets need the package 'h5py', which is not installed; "
            "run: pip install 'astroclip-astro[train]'"
        )
    releases = ", ".join(source.sparcl.releases)
    if releases != plan.description["release"]:
        raise InputError(
            f"The source has {releases}, the plan is of {plan.description['release']}; open the "
            "source with the plan's release."
        )
    fields = training_fields(size, plan.fields)
    facts = {"version": __version__, "source": source.identity, **plan.description}
    facts |= {"galaxies and labels": plan.digest}
    facts |= {
        f"dataset {name}": f"{field.dtype} {tuple(field.shape)} {field.unit}".strip()
        for name, field in fields.items()
    }
    return Shards(output, fields, len(plan), facts, sample_name="training set")


def _settle_all(
    parts: Shards,
    plan: Plan,
    source: ArchiveSource,
    size: int,
    count: _Count,
    *,
    skip_failed: bool,
) -> None:
    """Settle every galaxy; leave out those that the source fails for, or raise for them."""
    source.start_run(("image", "spectrum"))
    failed = _settle_parts(parts, plan, source, size, count)
    if failed and not skip_failed:
        raise SourceError(
            f"{len(failed)} of {len(plan)} galaxies could not be fetched (the first: "
            f"{next(iter(failed.values()))}); the others are kept. The same command asks for "
            "these again, and only for these; --skip-failed (skip_failed=True) leaves them "
            "out."
        )
    _give_up(parts, failed)


def _settle_parts(
    parts: Shards, plan: Plan, source: ArchiveSource, size: int, count: _Count
) -> dict[int, str]:
    """Settle every part that is not, and return what failed, by row of the plan."""
    failed: dict[int, str] = {}
    for number in range(parts.count):
        first = number * SHARD_ROWS
        part = parts.load(number)
        before = len(part)
        settled = {*part.galaxies, *part.rejected}
        places = [place for place in range(parts.rows(number)) if place not in settled]
        if places:
            rows = first + np.array(places)
            try:
                fetched = fetch_galaxies(source, plan.targets[rows], plan.redshift[rows], size=size)
            except SourceError as error:
                raise SourceError(
                    f"{error} {count.done} of {len(plan)} galaxies are completed and kept."
                ) from error
            failed |= {int(rows[row]): reason for row, reason in fetched.failed.items()}
            part = _extend(part, fetched, plan, rows, first)
            parts.save(number, part)
        count.add(len(part), len(part) - before)
    return failed


def _extend(part: Shard, fetched: Fetched, plan: Plan, rows: np.ndarray, first: int) -> Shard:
    """Return a part with what was fetched for some rows of the plan."""
    galaxies = {
        int(rows[row]) - first: {**values, **_catalogued(plan, int(rows[row]))}
        for row, values in fetched.galaxies.items()
    }
    left_out = {int(rows[row]) - first: reason for row, reason in fetched.rejected.items()}
    return Shard({**part.galaxies, **galaxies}, {**part.rejected, **left_out})


def _catalogued(plan: Plan, row: int) -> dict[str, Any]:
    """Return what is known of a galaxy without fetching it, by dataset."""
    return {
        "targetid": np.int64(plan.targets.targetid[row]),
        "redshift": np.float32(plan.redshift[row]),
        **{name: values[row] for name, values in plan.labels.items()},
    }


def _give_up(parts: Shards, failed: Mapping[int, str]) -> None:
    """Leave out what the source has failed for."""
    for number in sorted({row // SHARD_ROWS for row in failed}):
        part = parts.load(number)
        places = {row % SHARD_ROWS for row in failed if row // SHARD_ROWS == number}
        parts.save(number, Shard(part.galaxies, {**part.rejected, **dict.fromkeys(places, FAILED)}))


def _join(parts: Shards, plan: Plan, source: ArchiveSource) -> Outcome:
    """Write the file, and forget the parts."""
    galaxies, dropped = parts.totals()
    left_out = dict((Counter(plan.rejected) + Counter(dropped)).most_common())
    if not galaxies:
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise InputError(f"None of {len(plan)} galaxies is complete ({why}); choose others.")
    provenance = {"source": source.name, "layer": source.viewer.layer, **plan.description}
    attributes = describe(
        galaxies=galaxies, left_out=left_out, provenance=provenance, simulated=plan.simulated
    )
    parts.join(attributes)
    parts.clear()
    return Outcome(parts.output, galaxies, left_out)
