"""Zero-shot properties of a galaxy: what its neighbours in the reference have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import Neighbours
from astroclip_astro.zeroshot.bimodality import split

__all__ = ["Estimates", "estimate"]

SMALLEST_DISTANCE = 1e-6  # a neighbour nearer than this weighs no more


@dataclass(frozen=True)
class Estimates:
    """One property of n galaxies, as their neighbours have it.

    Parameters
    ----------
    value : ndarray
        float64 (n,), in the labels' unit; NaN where a galaxy has no neighbours.
    scatter : ndarray
        float64 (n,), of the neighbours' labels about the value: how much they agree. It is no
        error until `astroclip_astro.zeroshot.conformal` makes one of it.
    other : ndarray
        float64 (n,), the second peak where the neighbours fall into two groups, else NaN.
    """

    value: np.ndarray
    scatter: np.ndarray
    other: np.ndarray

    def __len__(self) -> int:
        """Return the number of galaxies."""
        return len(self.value)

    def __getitem__(self, rows: slice | np.ndarray) -> Estimates:
        """Return some galaxies."""
        return Estimates(self.value[rows], self.scatter[rows], self.other[rows])


def estimate(neighbours: Neighbours, labels: np.ndarray, *, peaked: bool = False) -> Estimates:
    """Estimate a property of every query from its neighbours' labels.

    Neighbours weigh 1 / max(distance, 1e-6).

    Parameters
    ----------
    neighbours : Neighbours
        The k nearest galaxies of the reference.
    labels : ndarray
        (m,), the property of every galaxy of the reference, finite.
    peaked : bool
        Whether the labels are redshifts, which may have two peaks: the value is then that of the
        heavier group of neighbours, not a mean in between, where nobody is.

    Returns
    -------
    Estimates
        Weighted mean, weighted scatter about it, second peak.

    Raises
    ------
    InputError
        Where labels are not finite, or do not go with the neighbours.

    Notes
    -----
    The mean is k-nearest-neighbour regression as in the zero-shot tests of Lanusse et al. 2023
    (arXiv:2310.03024).

    Examples
    --------
    >>> import numpy as np
    >>> from astroclip_astro.search.exact import Neighbours
    >>> neighbours = Neighbours(np.array([[2, 0, 1]]), np.array([[0.1, 0.2, 0.2]]))
    >>> found = estimate(neighbours, [0.1, 0.3, 0.2])
    >>> found.value.round(3), found.scatter.round(3), found.other
    (array([0.2]), array([0.071]), array([nan]))
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
    value, scatter, other = np.full((3, len(neighbours)), np.nan)
    found = neighbours.found
    near = labels[neighbours.index[found]]  # (found, k)
    weights = 1 / np.maximum(neighbours.distance[found].astype(float), SMALLEST_DISTANCE)
    weights /= weights.sum(axis=1, keepdims=True)
    mean = (weights * near).sum(axis=1)
    if peaked:
        first, other[found] = split(near, weights)
        mean = np.where(np.isnan(first), mean, first)
    value[found] = mean
    scatter[found] = np.sqrt((weights * (near - mean[:, None]) ** 2).sum(axis=1))
    return Estimates(value, scatter, other)
