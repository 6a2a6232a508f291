"""Linear algebra on one thread, so that a galaxy's last bit is the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import scipy.linalg.blas  # noqa: F401  loaded here, so that the controller knows it
from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def controller() -> ThreadpoolController:
    """Return what controls the threads of the libraries that numpy and scipy have loaded.

    Finding the libraries takes milliseconds, so it is done once in a process.
    """
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep linear algebra to one thread, as a context manager or as a decorator.

    Notes
    -----
    A sum that is shared by several threads is rounded differently for each number of threads, so
    that a simulated galaxy would not be the same on every machine. The limit holds for the
    libraries that numpy and scipy have loaded; it ends with the block.

    Examples
    --------
    >>> import numpy as np
    >>> with one_thread():
    ...     total = np.ones((2, 3)) @ np.ones(3)
    >>> total
    array([3., 3.])
    """
    with controller().limit(limits=1):
        yield
