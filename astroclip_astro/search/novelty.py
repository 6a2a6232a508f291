"""How unlike the reference a galaxy is."""

from __future__ import annotations

import numpy as np

from astroclip_astro.errors import InputError

from .neighbours import K, Neighbours, find

__all__ = ["Novelty"]


class Novelty:
    """Novelty against one set of reference embeddings.

    A galaxy's measure is the mean cosine distance to its k nearest galaxies of the reference. Its
    novelty is the fraction of the reference whose own measure, with the galaxy itself left out, is
    no larger: uniform between 0 and 1 for more of the same, 1 for what is farther than all.

    Parameters
    ----------
    embeddings : ndarray
        (m, width) unit vectors of the reference. Rows with NaN are not used.
    k : int
        Number of neighbours.

    Attributes
    ----------
    k : int
        Number of neighbours.
    distances : ndarray
        float64, the reference's own measures in ascending order, one for each usable row.

    Raises
    ------
    InputError
        Where the reference has no more than k usable rows, or rows that are not unit vectors.

    Examples
    --------
    >>> import numpy as np
    >>> from astroclip_astro.search.neighbours import find
    >>> angle = np.radians([0, 10, 20, 30, 40])
    >>> reference = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> novelty = Novelty(reference, k=2)
    >>> novelty.score(find(reference, [[0, 1], [np.nan, 0]], k=2))
    array([ 1., nan], dtype=float32)
    """

    def __init__(self, embeddings: np.ndarray, *, k: int = K):
        rows = np.arange(len(embeddings))
        # Left out by row number: a galaxy's twin in the reference counts, at distance 0.
        own = find(embeddings, embeddings, k=k, leave_out=rows)
        self.k = k
        self.distances = np.sort(_mean_cosine_distance(own)[own.found])

    def score(self, neighbours: Neighbours) -> np.ndarray:
        """Return the novelty of every query.

        Parameters
        ----------
        neighbours : Neighbours
            The k nearest galaxies of the same reference.

        Returns
        -------
        ndarray
            float32 (n,) in [0, 1]; NaN where the query has no neighbours.

        Raises
        ------
        InputError
            Where the number of neighbours is not that of the reference's own distances.
        """
        if neighbours.k != self.k:
            raise InputError(
                f"Found {neighbours.k} neighbours of each query, expected {self.k}: novelty "
                "compares with the reference's own distances to as many."
            )
        nearer = np.searchsorted(self.distances, _mean_cosine_distance(neighbours), side="right")
        score = (nearer / len(self.distances)).astype(np.float32)
        return np.where(neighbours.found, score, np.float32(np.nan))


def _mean_cosine_distance(neighbours: Neighbours) -> np.ndarray:
    """Return the mean over the k neighbours, float64 (n,)."""
    return neighbours.cosine_distance.mean(axis=1)
