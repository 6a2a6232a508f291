"""Errors that mean something: how wrong such answers were for galaxies whose answer is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from astroclip_astro.errors import InputError

LEVELS = (0.68, 0.95)
MIN_ROWS_PER_BIN = 500  # known galaxies in a cell
SCATTER_FLOOR = 0.3  # of the median scatter: neighbours that agree by chance prove nothing


@dataclass(frozen=True)
class MondrianBins:
    """Galaxies with known labels, alike in covariate and value, with nonconformity scores.

    Parameters
    ----------
    outer : ndarray
        float64 (a - 1,), edges in the covariate; empty where it is not known.
    inner : ndarray
        float64 (a, b - 1), edges in the value, for each range of the covariate.
    scores : tuple of ndarray
        float64, a * b of them: (true - value) / scatter of the galaxies in a bin, ascending.
    """

    outer: np.ndarray
    inner: np.ndarray
    scores: tuple[np.ndarray, ...]

    @classmethod
    def fit(
        cls, covariate: np.ndarray | None, value: np.ndarray, score: np.ndarray
    ) -> MondrianBins:
        """Divide galaxies in cells of at least `MIN_ROWS_PER_BIN`, as square as can be."""
        count = max(1, len(value) // MIN_ROWS_PER_BIN)
        across = 1 if covariate is None else max(1, round(count**0.5))
        along = max(1, count // across)
        if covariate is None:
            covariate = np.zeros(len(value))
        outer = np.quantile(covariate, np.arange(1, across) / across)
        row = np.searchsorted(outer, covariate)
        steps = np.arange(1, along) / along
        inner = np.empty((across, along - 1))
        for one in range(across):
            own = value[row == one]  # nobody, where many galaxies are exactly as bright
            inner[one] = np.quantile(own if len(own) else value, steps)
        cells = cls(outer, inner, ())
        place = cells.place(covariate, value)
        whole = np.sort(score)  # for cells of few: many galaxies have one and the same value
        scores = (np.sort(score[place == one]) for one in range(across * along))
        return cls(
            outer,
            inner,
            tuple(one if len(one) >= MIN_ROWS_PER_BIN // 2 else whole for one in scores),
        )

    def place(self, covariate: np.ndarray | None, value: np.ndarray) -> np.ndarray:
        """Return the cell of each galaxy, int (n,)."""
        if covariate is None:
            covariate = np.zeros(len(value))
        row = np.searchsorted(self.outer, covariate)
        column = (value[:, None] > self.inner[row]).sum(axis=1)
        return row * (self.inner.shape[1] + 1) + column


class Calibration:
    """Intervals for one label predicted by one method, from galaxies whose label is known.

    Galaxies with known labels are binned by covariate and by predicted value. Their nonconformity
    scores are errors in units of the neighbours' scatter. Quantiles of the scores in a bin, with
    the ranks of conformal prediction, times a galaxy's own scatter are its interval. Galaxies like
    those with known labels are covered as often as stated, whatever the shape of the errors.

    Parameters
    ----------
    value, scatter, true : ndarray
        float64 (m,), answers for known galaxies that were found without themselves, and their
        labels. Those that are NaN in any are passed over.
    covariates : mapping of str to ndarray
        float64 (m,) each, how bright a galaxy is by its ``image`` or ``spectrum``, in any unit
        that grows or shrinks with it; NaN where unknown. May be empty.

    Raises
    ------
    InputError
        Where no galaxy is known.

    Notes
    -----
    Split conformal prediction with errors scaled by a local scatter (Lei et al. 2018, JASA 113,
    1094, section 5.2), in groups (Mondrian; Vovk et al. 2005, "Algorithmic Learning in a Random
    World", section 4.5). Leaving one out takes the place of the split: with 16 neighbours of
    thousands one galaxy more or less makes no difference.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> value, error = rng.normal(size=(2, 2000))
    >>> calibration = Calibration(value, np.ones(2000), value + error, {})
    >>> low, high = calibration.interval(np.zeros(1), np.ones(1), {}, 0.68)
    >>> bool(abs(high - low - 1.99) < 0.2)  # one standard deviation on either side
    True
    """

    def __init__(
        self,
        value: np.ndarray,
        scatter: np.ndarray,
        true: np.ndarray,
        covariates: Mapping[str, np.ndarray],
    ) -> None:
        known = np.isfinite(value) & np.isfinite(scatter) & np.isfinite(true)
        if not known.any():
            raise InputError(
                "No galaxy has both a value and a label, expected hundreds to calibrate with."
            )
        median = np.median(scatter[known])
        self.floor = SCATTER_FLOOR * median if median > 0 else 1e-6
        self.count = int(known.sum())
        self.bins: dict[str | None, MondrianBins] = {}
        for kind in (*covariates, None):
            measure = None if kind is None else covariates[kind]
            rows = known if measure is None else known & np.isfinite(measure)
            if rows.any():
                miss = (true[rows] - value[rows]) / np.maximum(scatter[rows], self.floor)
                at = None if measure is None else measure[rows]
                self.bins[kind] = MondrianBins.fit(at, value[rows], miss)

    def quantile(
        self,
        value: np.ndarray,
        scatter: np.ndarray,
        covariates: Mapping[str, np.ndarray],
        fraction: float,
        *,
        upper: bool,
    ) -> np.ndarray:
        """Return below which label a galaxy's own is with some probability.

        Parameters
        ----------
        value, scatter, covariates
            Of n galaxies, as the class has them.
        fraction : float
            The probability.
        upper : bool
            Whether the rank is rounded up, for the upper end of an interval, or down.

        Returns
        -------
        ndarray
            float64 (n,), NaN where the value is.
        """
        result = np.full(len(value), np.nan)
        for rows, at, cells in self._bins(value, covariates):
            place = cells.place(at, value[rows])
            for one in np.unique(place):
                miss = cells.scores[one]
                some = rows[place == one]
                off = miss[quantile_rank(len(miss), fraction, upper=upper)]
                result[some] = value[some] + off * np.maximum(scatter[some], self.floor)
        return result

    def interval(
        self,
        value: np.ndarray,
        scatter: np.ndarray,
        covariates: Mapping[str, np.ndarray],
        level: float,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the central interval that holds the label with some probability.

        Parameters
        ----------
        value, scatter : ndarray
            float64 (n,), of other galaxies, predicted by the same method.
        covariates : mapping of str to ndarray
            float64 (n,) each. Where a galaxy has the first kind that the known ones had, it is
            compared by that, else by the next, else by its value alone.
        level : float
            The probability, such as 0.68.

        Returns
        -------
        low, high : ndarray
            float64 (n,), NaN where the value is; low <= value <= high.
        """
        tail = (1 - level) / 2
        low = self.quantile(value, scatter, covariates, tail, upper=False)
        high = self.quantile(value, scatter, covariates, 1 - tail, upper=True)
        return np.minimum(low, value), np.maximum(high, value)

    def pit(
        self,
        value: np.ndarray,
        scatter: np.ndarray,
        true: np.ndarray,
        covariates: Mapping[str, np.ndarray],
    ) -> np.ndarray:
        """Return the probability integral transform of known labels.

        Uniform from 0 to 1 where the distribution of errors is right.

        Parameters
        ----------
        value, scatter, true, covariates
            Of n galaxies, as the class has them.

        Returns
        -------
        ndarray
            float64 (n,) in [0, 1]: how much of the distribution lies below the truth, NaN where
            that or the value is NaN.
        """
        result = np.full(len(value), np.nan)
        for rows, at, cells in self._bins(value, covariates):
            place = cells.place(at, value[rows])
            own = (true[rows] - value[rows]) / np.maximum(scatter[rows], self.floor)
            for one in np.unique(place):
                miss, here = cells.scores[one], place == one
                below = np.searchsorted(miss, own[here], side="left")
                not_above = np.searchsorted(miss, own[here], side="right")
                share = ((below + not_above) / 2 + 0.5) / (len(miss) + 1)
                result[rows[here]] = np.where(np.isfinite(own[here]), share, np.nan)
        return result

    def _bins(
        self, value: np.ndarray, covariates: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[np.ndarray, np.ndarray | None, MondrianBins]]:
        """Yield rows, their covariate and the bins they are compared by; each row once."""
        left = np.isfinite(value)
        for kind, cells in self.bins.items():
            if kind is not None and kind not in covariates:
                continue
            rows = np.flatnonzero(left if kind is None else left & np.isfinite(covariates[kind]))
            left[rows] = False
            if len(rows):
                yield rows, None if kind is None else covariates[kind][rows], cells


def quantile_rank(count: int, fraction: float, *, upper: bool) -> int:
    """Return which of ``count`` ascending numbers is a quantile for one number more.

    Parameters
    ----------
    count : int
        How many there are.
    fraction : float
        Of the quantile.
    upper : bool
        Round up, so that at least this fraction lies below; else down.

    Returns
    -------
    int
        From 0; the last or the first number where there are too few for the fraction.

    Examples
    --------
    >>> quantile_rank(99, 0.16, upper=False), quantile_rank(99, 0.84, upper=True)
    (15, 83)
    """
    exact = (count + 1) * fraction
    rank = int(np.ceil(exact - 1e-9)) if upper else int(np.floor(exact + 1e-9))
    return min(max(rank - 1, 0), count - 1)
