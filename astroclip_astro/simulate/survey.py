"""A simulated survey in one HDF5 file: any number of galaxies, on all cores, resumable."""

from __future__ import annotations

import math
import operator
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, SupportsIndex

from astroclip_astro.errors import AstroclipError, InputError
from astroclip_astro.simulate.galaxy import FIELDS, simulate_galaxy
from astroclip_astro.simulate.templates import Templates, load_templates
from astroclip_astro.simulate.threads import one_thread
from astroclip_astro.storage.hdf5 import GRIDS, SHARD_ROWS, check_hdf5_output
from astroclip_astro.storage.interrupts import interrupts_held
from astroclip_astro.storage.lock import output_lock
from astroclip_astro.storage.shard import Shard
from astroclip_astro.storage.shards import Shards
from astroclip_astro.version import __version__

SHARDS_IN_FLIGHT = 2  # for each worker: one in work, one waiting


@dataclass(frozen=True)
class Maker:
    """All that a process needs to make a part.

    Parameters
    ----------
    simulate : callable
        `astroclip_astro.simulate.galaxy.simulate_galaxy`.
    templates : Templates
        Its first argument.
    seed : int
        Its second.
    shards : Shards
        Where finished parts go.
    """

    simulate: Callable[[Templates, int, int], dict[str, Any]]
    templates: Templates
    seed: int
    shards: Shards

    def make(self, number: int) -> tuple[int, bool]:
        """Make a part unless it is there; return its galaxies, and whether it had to be made."""
        rows, first = self.shards.rows(number), number * SHARD_ROWS
        if self.shards.whole(number):
            return rows, False
        with one_thread():
            galaxies = {
                row: self.simulate(self.templates, self.seed, first + row) for row in range(rows)
            }
        self.shards.save(number, Shard(galaxies, {}))
        return rows, True


def simulate_survey(
    path: str | os.PathLike,
    n: int,
    *,
    seed: int = 0,
    jobs: int | None = None,
    resume: bool = True,
    overwrite: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Path:
    """Simulate galaxies, and write their images, spectra and labels to an HDF5 file.

    The file holds, bit for bit, the same whatever ``jobs``, and a survey begins with any shorter
    one of the same seed. Galaxies are made in parts of 64, kept in ``PATH.partial`` until the
    last one is done: whatever ends a run, the same call goes on from there, and a file called
    ``path`` is always complete. In a script, call this under ``if __name__ == "__main__":``,
    because each worker process reads the script too.

    Parameters
    ----------
    path : str or path
        Output, ``.h5`` or ``.hdf5``. While working, the disk must hold it twice.
    n : int
        Galaxies, at least 1.
    seed : int
        In [0, 2**63).
    jobs : int, optional
        Processes, at least 1; by default as many as there are cores.
    resume : bool
        Whether to go on with what an interrupted run has finished; otherwise that is removed.
    overwrite : bool
        Whether an existing output may be replaced.
    progress : callable, optional
        Called before the work and after each part with the number of finished galaxies, and how
        many of them this call has simulated.

    Returns
    -------
    pathlib.Path
        The output, absolute. Its datasets are
        `astroclip_astro.simulate.galaxy.FIELDS`, each with n rows; its attributes say that it is
        simulated, and with what.

    Raises
    ------
    InputError
        For a number out of range.
    OutputError
        Where the output exists or cannot be written, where the disk has too little room or fills,
        where parts of another survey are in the way. Finished parts are kept.
    AstroclipError
        Where packages are missing, or a worker process died. Finished parts are kept.
    KeyboardInterrupt
        When interrupted, saying how much is kept.

    Examples
    --------
    >>> simulate_survey("survey.fits", 1000)
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.OutputError: Output survey.fits has no suffix .h5 or .hdf5; ...
    """
    n = whole_number("Number of galaxies", n, 1)
    seed = whole_number("seed", seed, 0, 2**63)
    jobs = available_cores() if jobs is None else whole_number("jobs", jobs, 1)
    output = check_hdf5_output(Path(path), overwrite=overwrite)
    require("h5py")
    templates = load_templates()
    packages = dict(templates.versions) | {name: version(name) for name in ("numpy", "scipy")}
    facts: dict[str, str | int] = {"seed": seed, "version": __version__}
    facts |= {f"package {name}": found for name, found in packages.items()}
    facts |= {
        f"field {name}": f"{field.dtype} {tuple(field.shape)} {field.unit}".strip()
        for name, field in FIELDS.items()
    }
    parts = Shards(output, FIELDS, n, facts)
    with output_lock(output):
        parts.open_folder(resume=resume)
        try:
            parts.check_room()
            run(Maker(simulate_galaxy, templates, seed, parts), jobs, progress or (lambda *_: None))
            check_hdf5_output(output, overwrite=overwrite)
            parts.join(describe(n, seed, packages))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{completed(parts)}; the same command continues") from None
        except BrokenProcessPool as error:
            raise AstroclipError(
                "A worker process died: it was killed, perhaps because memory ran out, or could "
                f"not start (a script must call simulate_survey under if __name__ == '__main__':). "
                f"{completed(parts)}; use fewer jobs, then the same command continues."
            ) from error
        finally:
            with suppress(OSError):
                parts.folder.rmdir()  # where nothing is in it
        parts.clear()
    return output


def whole_number(name: str, given: object, least: int, beyond: float = math.inf) -> int:
    """Return a whole number in ``[least, beyond)``; anything else raises."""
    number: int | None = None
    if isinstance(given, SupportsIndex):
        with suppress(TypeError):  # an array of several numbers
            number = operator.index(given)
    if number is None or isinstance(given, bool) or not least <= number < beyond:
        limit = "" if beyond == math.inf else f" and below {beyond}"
        raise InputError(f"{name} is {given!r}, expected a whole number, {least} or more{limit}.")
    return number


def require(package: str) -> None:
    """Raise where a package of the ``[simulate]`` extra is not installed."""
    if find_spec(package) is None:
        raise AstroclipError(
            f"Simulating needs the package {package!r}, which is not installed; "
            "run: pip install 'astroclip-astro[simulate]'"
        )


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # batch systems give some of the machine's
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def completed(parts: Shards) -> str:
    """Return how much is finished, in words."""
    return f"{parts.completed()} of {parts.n} galaxies are completed"


def describe(n: int, seed: int, packages: dict[str, str]) -> dict[str, object]:
    """Return the attributes of the file."""
    return {
        "SIMULATED": True,
        "description": "SIMULATED galaxies, not observed ones: images as the Legacy Surveys and "
        "spectra as DESI's Bright Galaxy Survey would have them.",
        "n": n,
        "seed": seed,
        "creator": "astroclip-astro",
        "version": __version__,
        "packages": ", ".join(f"{name} {found}" for name, found in sorted(packages.items())),
    } | GRIDS


def run(maker: Maker, jobs: int, progress: Callable[[int, int], object]) -> None:
    """Make every part that is not there, here or in several processes."""
    done = made = 0

    def report(rows: int, fresh: bool) -> None:
        nonlocal done, made
        done, made = done + rows, made + rows * fresh
        progress(done, made)

    progress(done, made)
    if min(jobs, maker.shards.count) == 1:
        for number in range(maker.shards.count):
            report(*maker.make(number))
    else:
        run_processes(maker, min(jobs, maker.shards.count), report)


def run_processes(maker: Maker, jobs: int, report: Callable[[int, bool], None]) -> None:
    """Make parts in several processes, a few at a time, so that memory does not grow with n."""
    pool = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=start_worker, initargs=(maker,)
    )
    numbers = iter(range(maker.shards.count))
    running: set[Future] = set()
    try:
        while True:
            with interrupts_held():
                for number in islice(numbers, SHARDS_IN_FLIGHT * jobs - len(running)):
                    running.add(pool.submit(make_shard, number))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                report(*future.result())
    finally:
        with interrupts_held():  # a second Ctrl-C here would leave the processes waiting for ever
            pool.shutdown(cancel_futures=True)  # what is in work is finished, a second or two


def start_worker(maker: Maker) -> None:
    """Prepare a worker process: it keeps its maker, and ends only with its parent."""
    global _maker
    _maker = maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """End this process when its parent is gone; a killed parent cannot tell its workers."""
    parent = parent_process()
    if parent is not None:  # as in every worker process
        parent.join()
        os._exit(1)


_maker: Maker  # of a worker process, from its start on


def make_shard(number: int) -> tuple[int, bool]:
    """Make a part in a worker process."""
    return _maker.make(number)
