"""Effective rank of embeddings: in how many directions they spread."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import entropy


def effective_rank(embeddings: np.ndarray) -> float:
    """Return in how many directions embeddings spread.

    Parameters
    ----------
    embeddings : ndarray
        (n, width).

    Returns
    -------
    float
        From 1, all along one line, to the smaller of n - 1 and width; NaN where a number is not
        finite.

    Notes
    -----
    Exponential of the entropy of the normalised singular values (Roy & Vetterli 2007, EUSIPCO,
    eq. 4), mean subtracted. A rank of a few where the width is 128 says that an encoder has
    collapsed: it places all galaxies along a few directions, whatever their images show.

    Examples
    --------
    >>> round(effective_rank(np.eye(9)), 3)
    8.0
    """
    embeddings = np.asarray(embeddings, float)
    if not np.isfinite(embeddings).all():
        return math.nan
    values = np.linalg.svd(embeddings - embeddings.mean(axis=0), compute_uv=False)
    return math.exp(entropy(values)) if values.sum() > 0 else 1.0
