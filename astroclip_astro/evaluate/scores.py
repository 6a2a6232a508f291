"""Scores of redshifts and masses, each with the interval that a bootstrap gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from astroclip_astro.errors import InputError
from astroclip_astro.zeroshot.metrics import OUTLIER, r2, sigma_nmad

CATASTROPHIC = 0.15  # |dz| / (1 + z)
RESAMPLES = 1000
COVERAGE = 0.95  # of an interval
BLOCK = 1 << 22  # numbers drawn at a time, which bounds the memory whatever the number of galaxies

Statistic = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Score:
    """A number and the interval it may lie in.

    Parameters
    ----------
    value : float
        Of the galaxies there are.
    low, high : float
        Ends of the interval; NaN where there is none.
    """

    value: float
    low: float = np.nan
    high: float = np.nan


def bootstrap(
    statistics: Mapping[str, Statistic],
    *values: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Score]:
    """Estimate statistics of galaxies, and how far other galaxies of the kind would move them.

    Galaxies are drawn again with replacement, the same ones for all statistics and, with one seed
    and number of galaxies, in every call: two rows of a table are compared on the same draws.

    Parameters
    ----------
    statistics : mapping of str to callable
        Each from arrays (..., n) to (...), along the last axis.
    *values : ndarray
        (n,) each, what the statistics take.
    resamples : int
        How many times to draw; 0 for values without intervals. One galaxy alone has none either.
    seed : int
        Of the draws.

    Returns
    -------
    dict of str to Score
        Value, and the percentile interval that holds 95 % of the draws (Efron & Tibshirani 1993,
        chapter 13).

    Raises
    ------
    InputError
        For a negative number of draws, or no galaxy.

    Examples
    --------
    >>> import numpy as np
    >>> found = bootstrap({"mean": lambda x: x.mean(axis=-1)}, np.arange(101.0))
    >>> found["mean"].value, bool(found["mean"].low < 50 < found["mean"].high)
    (50.0, True)
    """
    if resamples < 0:
        raise InputError(f"{resamples} resamples were asked for, expected 0 or more.")
    n = len(values[0])
    if n == 0:
        raise InputError("There is no galaxy to score; leave more of them out.")
    return {
        name: _estimate(statistic, values, resamples, seed)
        for name, statistic in statistics.items()
    }


def _estimate(
    statistic: Statistic, values: tuple[np.ndarray, ...], resamples: int, seed: int
) -> Score:
    """Estimate one statistic."""
    value = float(statistic(*values))
    n = len(values[0])
    if resamples == 0 or n == 1:
        return Score(value)
    found = stats.bootstrap(
        values,
        lambda *drawn, axis: statistic(*drawn),
        n_resamples=resamples,
        batch=max(1, BLOCK // n),
        paired=True,
        vectorized=True,
        confidence_level=COVERAGE,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return Score(value, *map(float, found.confidence_interval))


def label_scores(
    label: str,
    true: np.ndarray,
    predicted: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Score]:
    """Compare estimates of a label with the truth.

    Parameters
    ----------
    label : str
        ``redshift``, or another label, whose error is the plain difference.
    true, predicted : ndarray
        float64 (n,), finite.
    resamples, seed : int
        Of `bootstrap`.

    Returns
    -------
    dict of str to Score
        ``r2`` for every label. For redshift, of dz / (1 + z): ``sigma_nmad``, 1.4826 times the
        median absolute deviation; ``bias``, the median; ``outliers_0.05`` and ``outliers_0.15``,
        the fractions beyond. For others, of the difference (dex, for a logarithm): ``scatter``
        and ``bias``, likewise.

    Raises
    ------
    InputError
        Where the two are not of one length, or hold nothing.

    Examples
    --------
    >>> import numpy as np
    >>> true = np.array([0.1, 0.2, 0.3, 0.4])
    >>> scores = label_scores("redshift", true, true + [0, 0, 0.1, 0], resamples=0)
    >>> {name: round(one.value, 3) for name, one in scores.items()}["outliers_0.05"]
    0.25
    """
    true, predicted = np.asarray(true, float), np.asarray(predicted, float)
    if true.ndim != 1 or true.shape != predicted.shape:
        raise InputError(
            f"{predicted.shape} estimates for {true.shape} galaxies, expected one each."
        )
    error = predicted - true
    if label == "redshift":
        error = error / (1 + true)
    statistics = _label_statistics(label)
    return bootstrap(statistics, true, predicted, error, resamples=resamples, seed=seed)


def _label_statistics(label: str) -> dict[str, Statistic]:
    """Return the statistics of a label, each of true values, predicted values and errors."""
    redshift = label == "redshift"
    statistics: dict[str, Statistic] = {
        "r2": lambda true, found, error: r2(true, found),
        "sigma_nmad" if redshift else "scatter": lambda true, found, error: sigma_nmad(error),
        "bias": lambda true, found, error: np.median(error, axis=-1),
    }
    if redshift:
        statistics |= {
            f"outliers_{OUTLIER}": lambda true, found, error: beyond(error, OUTLIER),
            f"outliers_{CATASTROPHIC}": lambda true, found, error: beyond(error, CATASTROPHIC),
        }
    return statistics


def beyond(error: np.ndarray, limit: float) -> np.ndarray:
    """Return the fraction of errors larger than a limit, along the last axis."""
    return np.mean(np.abs(error) > limit, axis=-1)
