"""Retrieval: at which place a galaxy's own spectrum comes when its image is looked up."""

from __future__ import annotations

from functools import partial

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.evaluate.scores import RESAMPLES, Score, Statistic, bootstrap

RECALLS = (1, 10, 100)
BLOCK = 1 << 22  # pairs at a time, which bounds the memory whatever the number of galaxies


def partner_ranks(queries: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the place of each query's own target, when targets are sorted by similarity.

    The place is 1 plus the number of *other* targets that are at least as similar. So what cannot
    be told apart counts against retrieval: embeddings that are all the same put every partner last.

    Parameters
    ----------
    queries, targets : ndarray
        (n, width), row by row of the same galaxies, finite. Similarity is their product: the cosine
        of the angle, for unit vectors.

    Returns
    -------
    ndarray
        int64 (n,), from 1 to n.

    Raises
    ------
    InputError
        Where shapes differ, or a number is not finite.

    Notes
    -----
    Similarities that differ by less than a product of this width can be rounded, in float64, are
    the same.

    Examples
    --------
    >>> import numpy as np
    >>> partner_ranks(np.eye(3), np.eye(3)[[0, 2, 1]]).tolist()
    [1, 3, 3]
    >>> partner_ranks(np.eye(3), np.ones((3, 3))).tolist()
    [3, 3, 3]
    """
    queries, targets = np.asarray(queries, float), np.asarray(targets, float)
    if queries.ndim != 2 or queries.shape != targets.shape:
        raise InputError(
            f"Queries have shape {queries.shape}, targets {targets.shape}; expected the same, "
            "(galaxies, width): pairs of the same galaxies, of one set of weights."
        )
    if not (np.isfinite(queries).all() and np.isfinite(targets).all()):
        raise InputError("An embedding is not finite; leave such galaxies out.")
    n, width = queries.shape
    longest = np.linalg.norm(targets, axis=1).max(initial=0.0)
    slack = width * 2.0**-52 * longest * np.linalg.norm(queries, axis=1)  # (n,)
    ranks = np.empty(n, np.int64)
    step = max(1, BLOCK // max(n, 1))
    for start in range(0, n, step):
        rows = np.arange(start, min(start + step, n))
        similarity = queries[rows] @ targets.T  # (rows, n)
        own = similarity[np.arange(len(rows)), rows] - slack[rows]
        ranks[rows] = (similarity >= own[:, None]).sum(axis=1)  # the own one is the 1
    return ranks


def retrieval_scores(
    ranks: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Score]:
    """Summarise at which places partners come.

    Parameters
    ----------
    ranks : ndarray
        int64 (n,), from `partner_ranks`.
    resamples, seed : int
        Of the bootstrap over queries, among targets that stay.

    Returns
    -------
    dict of str to Score
        ``recall_1``, ``recall_10``, ``recall_100``, the fractions of partners at these places or
        before, where there are more targets than that; ``median_rank``; and ``targets``, how many
        there were to choose from. By chance recall at k is k / targets.

    Examples
    --------
    >>> import numpy as np
    >>> scores = retrieval_scores(np.array([1, 1, 2, 20]), resamples=0)
    >>> scores["recall_1"].value, scores["median_rank"].value, "recall_10" in scores
    (0.5, 1.5, False)
    """
    ranks = np.asarray(ranks)
    statistics: dict[str, Statistic] = {
        f"recall_{k}": partial(_recall, k=k) for k in RECALLS if k < len(ranks)
    }
    statistics["median_rank"] = lambda ranks: np.median(ranks, axis=-1)
    found = bootstrap(statistics, ranks, resamples=resamples, seed=seed)
    return found | {"targets": Score(float(len(ranks)))}


def _recall(ranks: np.ndarray, k: int) -> np.ndarray:
    """Return the fraction of partners among the first k, along the last axis."""
    return np.mean(ranks <= k, axis=-1)
