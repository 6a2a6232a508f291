"""Zero-shot properties of a galaxy: what its neighbours in the reference have."""

from __future__ import annotations

import numpy as np

from astroclip_astro.errors import InputError

from .neighbours import Neighbours

__all__ = ["estimate"]

SMALLEST_DISTANCE = 1e-6  # a neighbour nearer than this weighs no more
CENTRAL_68 = (0.16, 0.84)


def estimate(neighbours: Neighbours, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Estimate a property of every query from its neighbours' labels.

    Neighbours weigh 1 / max(distance, 1e-6).

    Parameters
    ----------
    neighbours : Neighbours
        The k nearest galaxies of the reference.
    labels : ndarray
        (m,), the property of every galaxy of the reference, finite.

    Returns
    -------
    value, error : ndarray
        float32 (n,), in the labels' unit: weighted mean of the labels, and half the distance from
        their weighted 16th to 84th percentile (inverted cumulative distribution). NaN where the
        query has no neighbours.

    Raises
    ------
    InputError
        Where labels are not finite, or do not go with the neighbours.

    Notes
    -----
    The mean is k-nearest-neighbour regression as in the zero-shot tests of Lanusse et al. 2023
    (arXiv:2310.03024). The error is the neighbours' scatter, not a calibrated one: it
    is 0 where one neighbour outweighs the others, as a query's own copy in the reference does.

    Examples
    --------
    >>> import numpy as np
    >>> from astroclip_astro.search.neighbours import Neighbours
    >>> neighbours = Neighbours(np.array([[2, 0, 1]]), np.array([[0.1, 0.2, 0.2]]))
    >>> estimate(neighbours, [0.1, 0.3, 0.2])
    (array([0.2], dtype=float32), array([0.1], dtype=float32))
    """
    labels = np.asarray(labels, float)
    if labels.ndim != 1 or neighbours.index.max(initial=-1) >= len(labels):
        raise InputError(
            f"Labels have shape {labels.shape}, expected one for each of the reference's galaxies, "
            f"at least {neighbours.index.max(initial=-1) + 1}."
        )
    wrong = np.flatnonzero(~np.isfinite(labels))
    if len(wrong):
        raise InputError(
            f"{len(wrong)} of {len(labels)} labels are not finite, the first is row {wrong[0]}; "
            "leave such galaxies out of the reference."
        )
    value = np.full(len(neighbours), np.nan, np.float32)
    error = np.full(len(neighbours), np.nan, np.float32)
    found = neighbours.found
    near = labels[neighbours.index[found]]  # (found, k)
    weights = 1 / np.maximum(neighbours.distance[found].astype(float), SMALLEST_DISTANCE)
    value[found] = (weights * near).sum(axis=1) / weights.sum(axis=1)
    low, high = (_weighted_quantile(near, weights, fraction) for fraction in CENTRAL_68)
    error[found] = (high - low) / 2
    return value, error


def _weighted_quantile(values: np.ndarray, weights: np.ndarray, fraction: float) -> np.ndarray:
    """Return a weighted quantile of each row, (n, k) -> (n,).

    It is numpy.quantile(..., weights=..., method="inverted_cdf"), which loops over rows in Python.
    """
    order = np.argsort(values, axis=1, kind="stable")
    cumulative = np.take_along_axis(weights, order, axis=1).cumsum(axis=1)  # (n, k)
    below = (cumulative / cumulative[:, -1:] < fraction).sum(axis=1, keepdims=True)  # (n, 1)
    chosen = np.take_along_axis(order, below, axis=1)  # (n, 1)
    return np.take_along_axis(values, chosen, axis=1)[:, 0]  # (n,)
