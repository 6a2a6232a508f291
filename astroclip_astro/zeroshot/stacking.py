"""The best value of two: image and spectrum together, by how good each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astroclip_astro.zeroshot.knn import Estimates

__all__ = ["Answers", "Weighing", "combine"]

DISAGREE = 3.0  # errors of the difference: two answers, not one
LEAST = 500  # known galaxies in a group
GROUPS = 8  # at most


@dataclass(frozen=True)
class Answers:
    """A value and its error for n galaxies, told in one way.

    Parameters
    ----------
    value, error : ndarray
        float64 (n,), NaN where there is none.
    other : ndarray
        float64 (n,), a second answer where there is one, else NaN.
    """

    value: np.ndarray
    error: np.ndarray
    other: np.ndarray


class Weighing:
    """How much two ways of telling a label weigh, by what was best for galaxies that are known.

    Known galaxies are grouped by the ratio of their two errors. In each group the weight is the one
    with which the squared error is least. An answer that errs more than the other, and in the same
    way, so gets a weight near 0, where weights by the errors alone would make the other worse.

    Parameters
    ----------
    first, second : Answers
        Of m galaxies, found without themselves.
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
    >>> size, nothing = np.ones(2000), np.full(2000, np.nan)
    >>> first = Answers(true + 0.1 * one, 0.1 * size, nothing)
    >>> second = Answers(true + 0.2 * two, 0.2 * size, nothing)
    >>> weighing = Weighing(first, second, true)
    >>> float(weighing.of(first, second)[0].round(1))  # 1 / 0.01 against 1 / 0.04
    0.8
    """

    def __init__(self, first: Answers, second: Answers, true: np.ndarray) -> None:
        ratio = log_ratio(first, second)
        difference, rest = first.value - second.value, true - second.value
        known = np.isfinite(ratio) & np.isfinite(difference) & np.isfinite(rest)
        count = int(np.clip(known.sum() // LEAST, 1, GROUPS))
        self.edges, self.weights = np.array([]), np.full(count, 0.5)
        if known.any():
            self.edges = np.unique(np.quantile(ratio[known], np.arange(1, count) / count))
            count = len(self.edges) + 1
            group = np.searchsorted(self.edges, ratio[known])
            products = (rest * difference)[known], np.square(difference[known])
            above, below = (np.bincount(group, part, count) for part in products)
            best = np.divide(above, below, out=np.full(count, 0.5), where=below > 0)
            self.weights = np.clip(best, 0, 1)

    def of(self, first: Answers, second: Answers) -> np.ndarray:
        """Return the weight of the first answer about each galaxy, float64 (n,)."""
        weight = self.weights[np.searchsorted(self.edges, log_ratio(first, second))]
        return np.where(np.isfinite(first.value) & np.isfinite(second.value), weight, np.nan)


def log_ratio(first: Answers, second: Answers) -> np.ndarray:
    """Return the logarithm of the ratio of two errors, float64 (n,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(first.error / second.error)


def combine(
    first: Answers, second: Answers, weight: np.ndarray, *, least: float = np.inf
) -> Estimates:
    """Combine two answers about each galaxy.

    Two answers further apart than ``least`` and than their errors allow are not averaged: the one
    with the larger weight stands, and the other is the second peak. Nor is an answer averaged that
    has two peaks itself.

    Parameters
    ----------
    first, second : Answers
        Of n galaxies.
    weight : ndarray
        float64 (n,), of the first, 0 to 1, from `Weighing.of`.
    least : float
        Difference below which two answers are one; infinite where labels have no peaks.

    Returns
    -------
    Estimates
        Of galaxies that have both, NaN for the rest. The scatter is that of a mixture of both:
        larger where the two disagree. The second peak is that of whichever weighs more.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array([1.0]), np.array([0.1]), np.array([np.nan])
    >>> two = np.array([1.2]), np.array([0.1]), np.array([np.nan])
    >>> combine(Answers(*one), Answers(*two), np.array([0.5])).value
    array([1.1])
    """
    difference = first.value - second.value
    limit = DISAGREE * np.hypot(first.error, second.error)
    apart = np.abs(difference) > np.maximum(limit, least)
    peaked = np.isfinite(first.other) | np.isfinite(second.other)
    leads = weight >= 0.5
    weight = np.where((apart | peaked) & np.isfinite(weight), np.where(leads, 1.0, 0.0), weight)
    value = weight * first.value + (1 - weight) * second.value
    variance = weight * np.square(first.error) + (1 - weight) * np.square(second.error)
    variance = variance + weight * (1 - weight) * np.square(difference)
    other = np.where(leads, first.other, second.other)
    loser = np.where(leads, second.value, first.value)
    return Estimates(value, np.sqrt(variance), np.where(apart, loser, other))
