"""Answers with two peaks: neighbours that fall into two groups."""

from __future__ import annotations

import numpy as np

MIN_SEPARATION = 6.0  # of the groups' means in units of their scatter: Ashman, Bird & Zepf 1994
MIN_REDSHIFT_STEP = 0.05  # of the groups' redshifts, in units of 1 + z: what counts as an outlier
MIN_SHARE = 0.25  # of the weights, for a group to count


def split_bimodal(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split the redshifts of each galaxy's neighbours in two groups where there are two.

    The split is the one that leaves least variance within the groups. It counts where their means
    lie more than 0.05 (1 + z) and ``SEPARATION`` times their scatter apart, and the lighter one
    has a quarter of the weights.

    Parameters
    ----------
    values : ndarray
        float (n, k), redshifts of the neighbours.
    weights : ndarray
        float (n, k), positive.

    Returns
    -------
    first, second : ndarray
        float64 (n,), means of the heavier and the lighter group; NaN where there is one group.

    Notes
    -----
    Ashman, Bird & Zepf 1994 (AJ 108, 2348), eq. 7, call two groups apart from 2 on, for large
    samples. Of 16 numbers of one normal distribution the best split exceeds 2 nearly always, 6
    in 0.2 % of cases; hence the limit.

    Examples
    --------
    >>> import numpy as np
    >>> first, second = split_bimodal(np.array([[0.1, 0.11, 0.11, 0.4, 0.41]]), np.ones((1, 5)))
    >>> first.round(3), second.round(3)
    (array([0.107]), array([0.405]))
    """
    values, weights = np.asarray(values, float), np.asarray(weights, float)
    order = np.argsort(values, axis=1, kind="stable")
    x = np.take_along_axis(values, order, axis=1)
    w = np.take_along_axis(weights, order, axis=1)
    w = w / w.sum(axis=1, keepdims=True)  # (n, k)
    share, sums, squares = (total.cumsum(axis=1) for total in (w, w * x, w * x * x))
    left, right = share[:, :-1], 1 - share[:, :-1]  # (n, k - 1), after each of the first k - 1
    right = np.maximum(right, np.finfo(float).tiny)
    low, high = sums[:, :-1] / left, (sums[:, -1:] - sums[:, :-1]) / right
    between = left * right * (high - low) ** 2
    best = between.argmax(axis=1)[:, None]  # (n, 1)
    variance = squares[:, :-1] / left - low**2 + (squares[:, -1:] - squares[:, :-1]) / right
    variance -= high**2
    left, low, high, variance = (
        np.take_along_axis(part, best, axis=1)[:, 0] for part in (left, low, high, variance)
    )  # (n,)
    apart = (high - low) > MIN_SEPARATION * np.sqrt(np.maximum(variance, 0) / 2)
    far = (high - low) > MIN_REDSHIFT_STEP * (1 + (low + high) / 2)
    two = apart & far & (np.minimum(left, 1 - left) >= MIN_SHARE)
    heavier_is_low = left >= 0.5
    first, second = np.where(heavier_is_low, low, high), np.where(heavier_is_low, high, low)
    return np.where(two, first, np.nan), np.where(two, second, np.nan)
