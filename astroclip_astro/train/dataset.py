"""Training sets: HDF5 files larger than memory, split by sky, read in batches ahead of time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from astroclip_astro.errors import InputError

__all__ = ["TrainingSet", "batches", "held_out", "open_training_set", "sky_groups"]

# What may be in a training set, and the shape of one galaxy's value; None is any length.
KNOWN = {
    "images": (3, None, None),
    "spectrum": (7781,),
    "ivar": (7781,),
    "clean_spectrum": (7781,),
    "psf_size": (3,),
    "redshift": (),
    "log_stellar_mass": (),
    "flux": (3,),
    "ebv": (),
    "ra": (),
    "dec": (),
    "targetid": (),
}
NSIDE = 8  # of sky groups: 768 of 54 square degrees
AHEAD = 4  # batches read before they are asked for


@dataclass(frozen=True)
class TrainingSet:
    """An HDF5 file with one galaxy a row.

    Parameters
    ----------
    path : Path
        The file: of ``astroclip-simulate``, of Stein et al., or of your own by their names.
    names : frozenset of str
        Which of the known datasets it has.
    rows : int
        Number of galaxies.
    simulated : bool
        Whether the file says that its galaxies are SIMULATED.
    """

    path: Path
    names: frozenset[str]
    rows: int
    simulated: bool

    def column(self, name: str) -> np.ndarray:
        """Return a whole column; for numbers, not for images or spectra."""
        import h5py

        with h5py.File(self.path) as file:
            return file[name][:]


def open_training_set(path: Path, needed: Sequence[str] = ()) -> TrainingSet:
    """Look at a training set, without reading images or spectra.

    Parameters
    ----------
    path : Path
        An HDF5 file.
    needed : sequence of str
        Datasets that must be there.

    Returns
    -------
    TrainingSet
        All its known datasets have the same number of rows, and the right shapes.

    Raises
    ------
    InputError
        If it is no HDF5 file, lacks a dataset, or one has the wrong shape.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        raise InputError(f"No training set {path}; make one with astroclip-simulate.")
    try:
        with h5py.File(path) as file:
            shapes = {name: file[name].shape for name in KNOWN if name in file}
            simulated = bool(file.attrs.get("SIMULATED", False))
    except OSError as error:
        raise InputError(f"{path} cannot be read as HDF5 ({error}); is it complete?") from None
    missing = [name for name in needed if name not in shapes]
    if missing:
        raise InputError(
            f"Training set {path} has no dataset {', '.join(missing)}, only "
            f"{', '.join(sorted(shapes)) or 'none that is known'}; this stage needs it."
        )
    for name, shape in shapes.items():
        right = len(shape) == len(KNOWN[name]) + 1 and all(
            expected in (None, found)
            for expected, found in zip(KNOWN[name], shape[1:], strict=True)
        )
        if not right:
            wanted = ", ".join("any" if one is None else str(one) for one in ("n", *KNOWN[name]))
            raise InputError(f"{name} of {path} has shape {shape}, expected ({wanted}).")
    lengths = {shape[0] for shape in shapes.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise InputError(
            f"Datasets of {path} have {sorted(lengths) or 'no'} rows; expected one number for all."
        )
    return TrainingSet(path, frozenset(shapes), lengths.pop(), simulated)


def sky_groups(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return the part of the sky that each galaxy lies in.

    Parameters
    ----------
    ra, dec : ndarray
        float64 (n,), ICRS degrees.

    Returns
    -------
    ndarray
        int64 (n,), HEALPix pixel of 54 square degrees (nside 8, nested).

    Examples
    --------
    >>> sky_groups(np.array([10.0, 10.1, 200.0]), np.array([5.0, 5.1, -3.0])).shape
    (3,)
    """
    from astropy import units
    from astropy_healpix import lonlat_to_healpix

    return np.asarray(lonlat_to_healpix(ra * units.deg, dec * units.deg, NSIDE, order="nested"))


def held_out(groups: np.ndarray, fraction: float, *, seed: int = 0) -> np.ndarray:
    """Choose whole groups to hold out, so that neighbours never help each other's test.

    Parameters
    ----------
    groups : ndarray
        (n,), any labels: sky pixels, rosettes, tiles.
    fraction : float
        Of the galaxies to hold out, between 0 and 1; whole groups come close to it.
    seed : int
        Of the order in which groups are taken.

    Returns
    -------
    ndarray
        bool (n,), True where held out.

    Raises
    ------
    InputError
        If the fraction is not between 0 and 1, or there are fewer than two groups.

    Examples
    --------
    >>> out = held_out(np.array([1, 1, 2, 3, 3, 4]), 0.4, seed=1)
    >>> bool(out[0] == out[1] and 0 < out.sum() < 6)
    True
    """
    labels, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if not 0 < fraction < 1:
        raise InputError(f"Fraction to hold out is {fraction}, expected a number between 0 and 1.")
    if len(labels) < 2:
        raise InputError(
            f"All {len(groups)} galaxies are in one group ({labels}); nothing can be held out. "
            "Split by another column."
        )
    order = np.random.default_rng(seed).permutation(len(labels))
    before = np.cumsum(sizes[order]) - sizes[order]
    taken = order[before + 0.5 * sizes[order] < fraction * len(groups)]
    if len(taken) == 0:
        taken = order[:1]
    return np.isin(members, taken[: len(labels) - 1])


def batches(
    training_set: TrainingSet,
    rows: np.ndarray,
    names: Sequence[str],
    *,
    size: int,
    seed: int,
    first: int = 0,
) -> AbstractContextManager[Iterator[dict[str, np.ndarray]]]:
    """Read batches without end, in a thread of their own.

    Parameters
    ----------
    training_set : TrainingSet
        Where from.
    rows : ndarray
        int64 (n,), the galaxies to use, in any order.
    names : sequence of str
        Datasets of each batch.
    size : int
        Galaxies in a batch. What is left of an epoch when no batch is full is left out of it.
    seed : int
        Of the order; each epoch has its own.
    first : int
        Number of the first batch: a resumed training sees what an uninterrupted one would.

    Returns
    -------
    context manager
        Of an iterator over dict of str to ndarray (size, ...), as stored. The thread ends with
        the block.

    Raises
    ------
    InputError
        If there are fewer rows than a batch has.
    """
    if len(rows) < size:
        raise InputError(f"{len(rows)} galaxies to train on, fewer than a batch of {size}.")
    return _reading(training_set.path, np.asarray(rows), tuple(names), size, seed, first)


@contextmanager
def _reading(
    path: Path, rows: np.ndarray, names: tuple[str, ...], size: int, seed: int, first: int
) -> Iterator[Iterator[dict[str, np.ndarray]]]:
    """Run the reading thread for as long as the block lasts."""
    ready: queue.Queue = queue.Queue(maxsize=AHEAD)
    stop = threading.Event()

    def put(item: object) -> None:
        while not stop.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except queue.Full:
                continue

    def read() -> None:
        import h5py

        try:
            with h5py.File(path) as file:
                number = first
                while not stop.is_set():
                    chosen = chosen_rows(rows, size, seed, number)
                    put({name: rows_of(file[name], chosen) for name in names})
                    number += 1
        except Exception as error:  # handed to whoever reads the batches
            put(error)

    def take() -> Iterator[dict[str, np.ndarray]]:
        while True:
            item = ready.get()
            if isinstance(item, Exception):
                raise item
            yield item

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stop.set()
        thread.join()


def chosen_rows(rows: np.ndarray, size: int, seed: int, number: int) -> np.ndarray:
    """Return the rows of a batch by its number, int64 (size,)."""
    epoch, place = divmod(number, len(rows) // size)
    order = epoch_order(len(rows), seed, epoch)
    return rows[order[place * size : (place + 1) * size]]


@lru_cache(maxsize=2)
def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order of an epoch, int64 (count,)."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def rows_of(dataset: object, rows: np.ndarray) -> np.ndarray:
    """Return some rows in the order asked for; HDF5 reads them in theirs."""
    order = np.argsort(rows)
    values = np.empty((len(rows), *dataset.shape[1:]), dataset.dtype)
    for place in order:  # one by one is faster than h5py's lists of rows
        values[place] = dataset[rows[place]]
    return values
