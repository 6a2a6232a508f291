"""How unlike the reference a galaxy is."""

from __future__ import annotations

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import K, Neighbours


class Novelty:
    """Novelty against one set of reference embeddings.

    A galaxy is unusual by its mean cosine distance to its k nearest galaxies of the reference, and
    by its covariate (aperture flux or S/N), where that is known: smaller or larger than that of
    almost all of them. Each of the two gives the fraction of the reference's galaxies that are as
    unusual, and the smaller fraction decides. Novelty is the fraction of the reference that is no
    more unusual in this sense: uniform between 0 and 1 for more of the same, 1 for what is more
    unusual than all.

    Parameters
    ----------
    distances : ndarray
        float64 (m,), mean cosine distance of the reference's galaxies to their k nearest others
        (leave-one-out); NaN where a galaxy has no embedding.
    covariate : ndarray, optional
        float64 (m,), of the same galaxies, any measure; NaN where unknown.
    k : int
        Number of neighbours.

    Attributes
    ----------
    distances : ndarray
        float64, the reference's own mean distances in ascending order, one for each usable row.

    Examples
    --------
    >>> import numpy as np
    >>> from astroclip_astro.search.exact import find
    >>> angle = np.radians([0, 10, 20, 30, 40])
    >>> reference = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> own = find(reference, reference, k=2, exclude=np.arange(5)).mean_cosine_distance
    >>> novelty = Novelty(own, k=2)
    >>> novelty.score(find(reference, [[0, 1], [np.nan, 0]], k=2))
    array([ 1., nan], dtype=float32)
    """

    def __init__(
        self, distances: np.ndarray, covariate: np.ndarray | None = None, *, k: int = K
    ) -> None:
        self.k = k
        usable = np.isfinite(distances)
        self.distances = np.sort(distances[usable])
        self.covariate = np.array([])
        if covariate is not None:
            lit = usable & np.isfinite(covariate)
            self.covariate = np.sort(np.asarray(covariate, float)[lit])
        self._rarity = np.sort(self._fraction_as_unusual(distances, covariate)[usable])
        self._rarity_by_distance = np.sort(self._fraction_as_unusual(distances, None)[usable])

    def score(self, neighbours: Neighbours, covariate: np.ndarray | None = None) -> np.ndarray:
        """Return the novelty of every query.

        Parameters
        ----------
        neighbours : Neighbours
            The k nearest galaxies of the same reference.
        covariate : ndarray, optional
            float64 (n,), of the queries.

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
        rare = self._fraction_as_unusual(neighbours.mean_cosine_distance, covariate)
        as_rare = np.searchsorted(self._rarity_by_distance, rare, side="left")  # by distance alone
        if covariate is not None and len(self.covariate):
            lit = np.searchsorted(self._rarity, rare, side="left")
            as_rare = np.where(np.isfinite(covariate), lit, as_rare)
        score = (1 - as_rare / max(len(self._rarity), 1)).astype(np.float32)
        return np.where(neighbours.valid, score, np.float32(np.nan))

    def _fraction_as_unusual(
        self, distance: np.ndarray, covariate: np.ndarray | None
    ) -> np.ndarray:
        """Return which fraction of the reference is at least as unusual, float64 (n,)."""
        count = len(self.distances)
        rare = 1 - np.searchsorted(self.distances, distance, side="right") / count
        if covariate is None or not len(self.covariate):
            return rare
        ends = [
            np.searchsorted(self.covariate, covariate, side="right"),
            len(self.covariate) - np.searchsorted(self.covariate, covariate, side="left"),
        ]
        extreme = np.minimum(2 * np.minimum(*ends) / len(self.covariate), 1)
        return np.where(np.isfinite(covariate), np.minimum(rare, extreme), rare)
