"""One way to ask for nearest neighbours, exact or approximate."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import K, Neighbours, find, parse_rows, parse_vectors

__all__ = ["make_index"]

METHODS = ("exact", "approximate")
MIN_POINTS_PER_LIST = 39  # below so many points a list, faiss does not trust its centres
SEARCHED = 16  # one list of so many is searched for a query
BLOCK = 1 << 20  # numbers measured again at a time


class Index(Protocol):
    """Points among which neighbours are looked for."""

    def find(
        self, queries: np.ndarray, *, k: int = K, exclude: np.ndarray | None = None
    ) -> Neighbours:
        """Return the k nearest points of every query; see `neighbours.find`."""


class ExactIndex:
    """All points are compared with every query, by one matrix product a block.

    Parameters
    ----------
    points : ndarray
        float32 (m, width) unit vectors; rows with NaN are never found.

    Examples
    --------
    >>> ExactIndex(np.eye(3)).find([[0.6, 0.8, 0]], k=2).index
    array([[1, 0]])
    """

    def __init__(self, points: np.ndarray) -> None:
        self.points = points

    def find(
        self, queries: np.ndarray, *, k: int = K, exclude: np.ndarray | None = None
    ) -> Neighbours:
        """Return the k nearest points of every query; see `neighbours.find`."""
        return find(self.points, queries, k=k, exclude=exclude)


class ApproximateIndex:
    """faiss's inverted file: points are sorted into lists, of which a query sees the nearest.

    faiss only nominates; distances are those of `ExactIndex`, to the last bit, and ties are broken
    by row number. What it may miss are neighbours in lists that were not searched: measure that
    with `recall`. The same points give the same index. Worth its making for many queries among
    millions of points; a single query is faster done exactly.

    Parameters
    ----------
    points : ndarray
        float32 (m, width) unit vectors; rows with NaN are never found.
    lists : int, optional
        Number of lists, four times the root of m by default.
    probes : int, optional
        Number of lists that a query sees, a sixteenth of them by default; more find more.

    Raises
    ------
    InputError
        Where faiss is not installed, or vectors are not of unit length.
    """

    def __init__(
        self, points: np.ndarray, *, lists: int | None = None, probes: int | None = None
    ) -> None:
        try:
            import faiss
        except ImportError:
            raise InputError(
                "Approximate search needs faiss, which is not installed: "
                "pip install 'astroclip-astro[scale]'; or search exactly."
            ) from None
        self.points = np.asarray(points, np.float32)
        _, good = parse_vectors(self.points, "points")
        self._rows = np.flatnonzero(good)
        count, width = len(self._rows), self.points.shape[1]
        if not count:
            raise InputError("None of the points is finite, expected at least 1; embed some first.")
        most = max(1, count // MIN_POINTS_PER_LIST)
        self.lists = min(most, round(4 * count**0.5)) if lists is None else lists
        self.probes = max(1, self.lists // SEARCHED) if probes is None else probes
        if not (1 <= self.lists <= count and 1 <= self.probes <= self.lists):
            raise InputError(
                f"lists = {self.lists} and probes = {self.probes}, expected 1 <= probes <= lists "
                f"<= {count}, the number of points."
            )
        centres = faiss.IndexFlatL2(width)
        self._faiss = faiss.IndexIVFFlat(centres, width, self.lists)
        if self.lists > most:  # asked for; faiss would print a warning
            self._faiss.cp.min_points_per_centroid = 1
        finite = self.points if good.all() else self.points[self._rows]
        self._faiss.train(finite)
        self._faiss.add(finite)
        self._faiss.nprobe = self.probes

    def find(
        self, queries: np.ndarray, *, k: int = K, exclude: np.ndarray | None = None
    ) -> Neighbours:
        """Return k near points of every query, nearest first; see `neighbours.find`."""
        queries, good = parse_vectors(queries, "queries")
        spare = 0 if exclude is None else 1  # neighbours to ask for beyond k
        usable = len(self._rows) - spare
        if queries.shape[1] != self.points.shape[1] or not 1 <= k <= usable:
            find(self.points, queries, k=k, exclude=exclude)  # says what is wrong
        if exclude is not None:
            exclude = parse_rows(exclude, len(queries), len(self.points))
        index = np.full((len(queries), k), -1, np.int64)
        distance = np.full((len(queries), k), np.nan, np.float32)
        rows = np.flatnonzero(good)
        if not len(rows):
            return Neighbours(index, distance)
        _, place = self._faiss.search(queries[rows], k + spare)  # (n, k + spare), -1 for none
        point = np.where(place < 0, -1, self._rows[place])
        if exclude is not None:
            point[point == exclude[rows, None]] = -1
        full = (point >= 0).sum(axis=1) >= k
        index[rows[full]], distance[rows[full]] = self._measure(queries[rows[full]], point[full], k)
        short = rows[~full]  # their lists hold fewer than k
        if len(short):
            out = None if exclude is None else exclude[short]
            exact = find(self.points, queries[short], k=k, exclude=out)
            index[short], distance[short] = exact.index, exact.distance
        return Neighbours(index, distance)

    def _measure(
        self, queries: np.ndarray, point: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the k nearest of nominated points (n, nominated), -1 for none, as `find` does."""
        distance = np.full(point.shape, np.inf, np.float32)
        step = max(1, BLOCK // (point.shape[1] * queries.shape[1]))
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            near = self.points[point[part]].astype(float)  # (step, nominated, width)
            squared = np.square(near - queries[part, None]).sum(axis=2)
            distance[part] = np.where(point[part] < 0, np.inf, np.sqrt(squared))
        best = np.lexsort((point, distance))[:, :k]  # along the last axis
        return np.take_along_axis(point, best, axis=1), np.take_along_axis(distance, best, axis=1)


def make_index(points: np.ndarray, method: str = "exact") -> Index:
    """Return an index of points.

    Parameters
    ----------
    points : ndarray
        float32 (m, width) unit vectors; rows with NaN are never found.
    method : {"exact", "approximate"}
        ``exact`` serves up to a million points and more; ``approximate`` needs the extra
        ``[scale]``.

    Returns
    -------
    Index

    Raises
    ------
    InputError
        For another method, or where faiss is wanted and not installed.

    Examples
    --------
    >>> make_index(np.eye(3)).find(np.eye(3)[:1], k=1).distance
    array([[0.]], dtype=float32)
    """
    if method not in METHODS:
        raise InputError(f"Unknown method {method!r}, expected one of {', '.join(METHODS)}.")
    return ExactIndex(points) if method == "exact" else ApproximateIndex(points)


def recall(found: Neighbours, exact: Neighbours) -> float:
    """Return the fraction of the exact neighbours that were found.

    Points as far away as the k-th exact neighbour count as found, so that ties do no harm.

    Parameters
    ----------
    found, exact : Neighbours
        Of the same queries and points, with the same k.

    Returns
    -------
    float
        From 0 to 1; NaN where no query is finite.

    Examples
    --------
    >>> exact = find(np.eye(3), np.eye(3)[:1], k=2)
    >>> recall(exact, exact)
    1.0
    """
    if found.index.shape != exact.index.shape:
        raise InputError(
            f"Neighbours have shapes {found.index.shape} and {exact.index.shape}; compare those "
            "of the same queries, with the same k."
        )
    rows = exact.valid
    if not rows.any():
        return float("nan")
    return float((found.distance[rows] <= exact.distance[rows, -1:]).mean())
