"""Exact nearest neighbours among unit vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astroclip_astro.errors import InputError

K = 16  # as in public reproductions of the paper's zero-shot tests
UNIT_TOLERANCE = 1e-3  # how far the length of an embedding may be from 1

PAIRS_PER_BLOCK = (
    1 << 20
)  # query-point pairs at a time, which bounds the memory whatever the number of rows
MIN_QUERIES_PER_BLOCK = (
    48  # queries at a time: among a million points, one by one would take four times as long
)
# Rounding of 1 - a.b in float32 stays below width * 2**-24 for unit vectors (Higham 2002, section
# 3.1), whatever the order in which a matrix product adds. Two such errors, the point's and that of
# the k-th neighbour it is compared with, count twice in the squared distance; 8 is 4 with room.
ROUNDING_SLACK = 8 * 2.0**-24


@dataclass(frozen=True)
class Neighbours:
    """The k nearest points of every query, nearest first.

    Parameters
    ----------
    index : ndarray
        int64 (n, k), rows of the points; -1 where the query is not finite.
    distance : ndarray
        float32 (n, k), Euclidean distance in [0, 2]; NaN where the query is not finite.
    """

    index: np.ndarray
    distance: np.ndarray

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.index)

    @property
    def k(self) -> int:
        """Number of neighbours of each query."""
        return self.index.shape[1]

    @property
    def valid(self) -> np.ndarray:
        """Whether each query was finite, so that it has neighbours, bool (n,)."""
        return np.isfinite(self.distance).all(axis=1)

    @property
    def cosine_distance(self) -> np.ndarray:
        """1 minus the cosine of the angle, float64 (n, k) in [0, 2].

        For unit vectors this is half the squared Euclidean distance.
        """
        return np.square(self.distance, dtype=float) / 2

    @property
    def mean_cosine_distance(self) -> np.ndarray:
        """Mean cosine distance to the k neighbours, float64 (n,); NaN where there are none."""
        return self.cosine_distance.mean(axis=1)


def find(
    points: np.ndarray, queries: np.ndarray, *, k: int = K, exclude: np.ndarray | None = None
) -> Neighbours:
    """Find the k nearest points of every query, exactly.

    A query's neighbours are the same to the last bit whatever other queries are in the call. Of
    points at one distance, those of lower row number come first.

    Parameters
    ----------
    points : ndarray
        (m, width) unit vectors, taken as float32. Rows with NaN or infinity are never neighbours.
    queries : ndarray
        (n, width) unit vectors, taken as float32. Rows with NaN or infinity get no neighbours.
    k : int
        Number of neighbours.
    exclude : ndarray, optional
        int (n,), for each query one row of ``points`` that must not be its neighbour; itself,
        where the queries are the points.

    Returns
    -------
    Neighbours
        Rows and distances, (n, k).

    Raises
    ------
    InputError
        Where shapes do not go together, vectors are not of unit length (to `UNIT_TOLERANCE`) or
        there are fewer than k points to be found.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[1, 0], [0, 1], [-1, 0]])
    >>> neighbours = find(points, [[0.6, 0.8], [np.nan, 1]], k=2)
    >>> neighbours.index
    array([[ 1,  0],
           [-1, -1]])
    >>> neighbours.cosine_distance[0].round(3)
    array([0.2, 0.4])
    """
    points, point_is_good = parse_vectors(points, "points")
    queries, query_is_good = parse_vectors(queries, "queries")
    _check_findable(points, queries, k, int(point_is_good.sum()) - (exclude is not None))
    if exclude is not None:
        exclude = parse_rows(exclude, len(queries), len(points))
    squares = np.where(point_is_good, np.square(points).sum(axis=1), np.float32(np.inf))
    index = np.full((len(queries), k), -1, np.int64)
    distance = np.full((len(queries), k), np.nan, np.float32)
    rows = np.flatnonzero(query_is_good)
    step = max(MIN_QUERIES_PER_BLOCK, PAIRS_PER_BLOCK // len(points))
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        # |b - a|^2 without the query's own |a|^2, which does not change the order
        squared = squares - 2 * (queries[block] @ points.T)  # (block, m)
        if exclude is not None:
            squared[np.arange(len(block)), exclude[block]] = np.inf
        index[block], distance[block] = _nearest_in_block(points, queries[block], squared, k)
    return Neighbours(index, distance)


def _check_findable(points: np.ndarray, queries: np.ndarray, k: int, usable: int) -> None:
    """Raise unless points and queries are equally wide, and k neighbours can be found."""
    if points.shape[1] != queries.shape[1]:
        raise InputError(
            f"Queries are {queries.shape[1]} wide, expected {points.shape[1]} as the points are; "
            "embed both with the same weights."
        )
    if not 1 <= k <= usable:
        raise InputError(
            f"k = {k} neighbours of {usable} usable points were asked for; "
            "expected at least 1 and no more than there are points."
        )


def _nearest_in_block(
    points: np.ndarray, queries: np.ndarray, squared: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and distances of the k nearest; distances are given to `ROUNDING_SLACK`.

    A matrix product rounds differently for different block sizes. So it only nominates: whatever
    could be among the k nearest is measured again, each pair by itself, and then sorted.
    """
    kth = np.partition(squared, k - 1, axis=1)[:, k - 1 : k]  # (block, 1)
    query, point = np.nonzero(
        squared <= kth + ROUNDING_SLACK * points.shape[1]
    )  # (candidates,) each
    distance = np.empty(len(query), np.float32)
    step = max(1, PAIRS_PER_BLOCK // points.shape[1])
    for start in range(0, len(query), step):
        pairs = slice(start, start + step)
        difference = points[point[pairs]].astype(float) - queries[query[pairs]]
        distance[pairs] = np.sqrt(np.square(difference).sum(axis=1))
    order = np.lexsort((point, distance, query))
    first = np.searchsorted(query, np.arange(len(queries)))  # np.nonzero goes row by row
    best = order[first[:, None] + np.arange(k)]  # (block, k)
    return point[best], distance[best]


def parse_rows(rows: np.ndarray, queries: int, points: int) -> np.ndarray:
    """Return the rows to leave out, one for each query, after a look at their range."""
    rows = np.asarray(rows)
    if rows.shape != (queries,) or rows.dtype.kind not in "iu":
        raise InputError(
            f"exclude has shape {rows.shape} and dtype {rows.dtype}, expected ({queries},) "
            "integers: one row of the points for each query."
        )
    if queries and not (rows.min() >= 0 and rows.max() < points):
        raise InputError(
            f"exclude runs from {rows.min()} to {rows.max()}, expected rows 0 to {points - 1}."
        )
    return rows


def parse_vectors(vectors: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 vectors with 0 in rows that are not finite, and which rows are finite."""
    vectors = np.asarray(vectors, np.float32)
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise InputError(f"The {name} have shape {vectors.shape}, expected (number, width).")
    good = np.isfinite(vectors).all(axis=1)
    vectors = np.where(good[:, None], vectors, np.float32(0))
    length = np.sqrt(np.square(vectors, dtype=float).sum(axis=1))
    wrong = np.flatnonzero(good & (np.abs(length - 1) > UNIT_TOLERANCE))
    if len(wrong):
        raise InputError(
            f"{len(wrong)} of {len(vectors)} {name} are not unit vectors, the first is row "
            f"{wrong[0]} of length {length[wrong[0]]:.4g}; divide each embedding by its length."
        )
    return vectors, good
