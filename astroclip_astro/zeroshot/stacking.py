"""Stacking: two predictions of one label become one, weighted by how good each of them is."""

from __future__ import annotations

import numpy as np

from astroclip_astro.zeroshot.prediction import Prediction

DISAGREEMENT_ERRORS = 3.0  # errors of the difference, from which on two are not averaged
MIN_ROWS_PER_GROUP = 500  # galaxies with known labels in a group of error ratios
MAX_GROUPS = 8


class StackingWeights:
    """How much each of two predictions weighs, by what was best for galaxies with known labels.

    These galaxies are grouped by the ratio of their two errors. In each group the weight is the one
    with which the squared error is least. A prediction that errs more than the other, and in the
    same direction, so gets a weight near 0, where weights by the errors alone would make the other
    worse.

    Parameters
    ----------
    first, second : Prediction
        Leave-one-out predictions with errors, of m galaxies.
    true : ndarray
        float64 (m,), their labels; galaxies with NaN in any are passed over.

    Attributes
    ----------
    edges : ndarray
        float64, between groups, of log(error of the first / error of the second).
    weights : ndarray
        float64, of the first in each group, 0 to 1; 0.5 where nothing is known.

    Notes
    -----
    Stacking (Wolpert 1992, Neural Networks 5, 241) of two, weights not below 0 and adding up to 1
    (Breiman 1996, Machine Learning 24, 49).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> true, one, two = rng.normal(size=(3, 2000))
    >>> size = np.ones(2000)
    >>> first = Prediction(true + 0.1 * one, error=0.1 * size)
    >>> second = Prediction(true + 0.2 * two, error=0.2 * size)
    >>> weights = StackingWeights(first, second, true)
    >>> float(weights.weight(first, second)[0].round(1))  # 1 / 0.01 against 1 / 0.04
    0.8
    """

    def __init__(self, first: Prediction, second: Prediction, true: np.ndarray) -> None:
        ratio = log_ratio(first, second)
        difference, rest = first.value - second.value, true - second.value
        known = np.isfinite(ratio) & np.isfinite(difference) & np.isfinite(rest)
        count = int(np.clip(known.sum() // MIN_ROWS_PER_GROUP, 1, MAX_GROUPS))
        self.edges, self.weights = np.array([]), np.full(count, 0.5)
        if known.any():
            self.edges = np.unique(np.quantile(ratio[known], np.arange(1, count) / count))
            count = len(self.edges) + 1
            group = np.searchsorted(self.edges, ratio[known])
            products = (rest * difference)[known], np.square(difference[known])
            above, below = (np.bincount(group, part, count) for part in products)
            best = np.divide(above, below, out=np.full(count, 0.5), where=below > 0)
            self.weights = np.clip(best, 0, 1)

    def weight(self, first: Prediction, second: Prediction) -> np.ndarray:
        """Return the weight of the first prediction for each galaxy, float64 (n,)."""
        weight = self.weights[np.searchsorted(self.edges, log_ratio(first, second))]
        return np.where(np.isfinite(first.value) & np.isfinite(second.value), weight, np.nan)


def log_ratio(first: Prediction, second: Prediction) -> np.ndarray:
    """Return the logarithm of the ratio of two errors, float64 (n,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(first.error / second.error)


def stack(
    first: Prediction, second: Prediction, weight: np.ndarray, *, min_difference: float = np.inf
) -> Prediction:
    """Combine two predictions of a label into one.

    Two predictions further apart than ``min_difference`` and than their errors allow are not
    averaged: the one with the larger weight stands, and the other is the secondary redshift. Nor is
    a prediction that is bimodal itself.

    Parameters
    ----------
    first, second : Prediction
        With errors, of n galaxies.
    weight : ndarray
        float64 (n,), of the first, 0 to 1, from `StackingWeights.weight`.
    min_difference : float
        Difference below which two predictions always are averaged; infinite for labels that are
        never bimodal.

    Returns
    -------
    Prediction
        Of galaxies that have both, NaN for the rest, without error. The scatter is that of a
        mixture of both: larger where the two disagree. The secondary value is that of whichever
        weighs more.

    Examples
    --------
    >>> import numpy as np
    >>> error, weight = np.array([0.1]), np.array([0.5])
    >>> one, two = (Prediction(np.array([value]), error=error) for value in (1.0, 1.2))
    >>> stack(one, two, weight).value
    array([1.1])
    """
    difference = first.value - second.value
    limit = DISAGREEMENT_ERRORS * np.hypot(first.error, second.error)
    apart = np.abs(difference) > np.maximum(limit, min_difference)
    bimodal = np.isfinite(first.secondary) | np.isfinite(second.secondary)
    leads = weight >= 0.5
    weight = np.where((apart | bimodal) & np.isfinite(weight), np.where(leads, 1.0, 0.0), weight)
    value = weight * first.value + (1 - weight) * second.value
    variance = weight * np.square(first.error) + (1 - weight) * np.square(second.error)
    variance = variance + weight * (1 - weight) * np.square(difference)
    secondary = np.where(leads, first.secondary, second.secondary)
    loser = np.where(leads, second.value, first.value)
    return Prediction(value, scatter=np.sqrt(variance), secondary=np.where(apart, loser, secondary))
