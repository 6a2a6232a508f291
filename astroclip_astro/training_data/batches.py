"""Batches of a training set, larger than memory or not, read ahead of time in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.training_data.training_set import CHUNK_CACHE, TrainingSet, rows_of

AHEAD = 4  # batches read before they are asked for
NEIGHBOURS = 4  # galaxies that lie in one compressed chunk of a survey
POOL = 1024  # galaxies among which an order is random; their chunks are uncompressed once


def batches(
    training_set: TrainingSet,
    rows: np.ndarray,
    names: Sequence[str],
    *,
    size: int,
    seed: int,
    first: int = 0,
    part: slice = slice(None),
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
    part : slice
        What is read of each batch, where several processes share it.

    Returns
    -------
    context manager
        Of an iterator over dict of str to ndarray (size, ...), as stored. The thread ends with
        the block.

    Raises
    ------
    InputError
        If there are fewer rows than a batch has; from the iterator, if the file cannot be read.
    """
    if len(rows) < size:
        raise InputError(f"{len(rows)} galaxies to train on, fewer than a batch of {size}.")
    places = {name: training_set.stored.get(name, name) for name in names}
    return _reading(training_set.path, np.asarray(rows), places, size, seed, first, part)


@contextmanager
def _reading(
    path: Path,
    rows: np.ndarray,
    places: dict[str, str],
    size: int,
    seed: int,
    first: int,
    part: slice,
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
            with h5py.File(path, rdcc_nbytes=CHUNK_CACHE, rdcc_nslots=100_003) as file:
                number = first
                while not stop.is_set():
                    chosen = chosen_rows(rows, size, seed, number)[part]
                    put({name: rows_of(file[place], chosen) for name, place in places.items()})
                    number += 1
        except Exception as error:  # handed to whoever reads the batches
            put(error)

    def take() -> Iterator[dict[str, np.ndarray]]:
        while True:
            item = ready.get()
            if isinstance(item, (OSError, KeyError)):
                raise InputError(f"{path} cannot be read: {item}; is it complete?") from item
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
    """Return the order of an epoch, int64 (count,).

    Neighbours in the file are drawn into the same pool, and mixed with all others there: random
    rows one by one would have every chunk uncompressed again for each galaxy in it.
    """
    rng = np.random.default_rng([seed, epoch])
    groups = rng.permutation(-(-count // NEIGHBOURS))
    order = (groups[:, None] * NEIGHBOURS + np.arange(NEIGHBOURS)).ravel()
    order = order[order < count]
    for start in range(0, count, POOL):
        rng.shuffle(order[start : start + POOL])
    return order
