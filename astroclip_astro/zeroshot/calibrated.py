"""Predictions with calibrated errors, by each modality and stacked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from astroclip_astro.zeroshot.conformal import LEVELS, Calibration
from astroclip_astro.zeroshot.prediction import Prediction
from astroclip_astro.zeroshot.stacking import StackingWeights, stack

BEST = "best"
MIN_ROWS_WITH_BOTH = 17  # reference galaxies with both modalities, for stacking


class CalibratedEstimator:
    """Adds calibrated errors to what neighbours predict, and stacks image and spectrum.

    Parameters
    ----------
    leave_one_out : mapping of str to Prediction
        By ``image``, ``spectrum`` or both: leave-one-out predictions for m galaxies of the
        reference.
    true : ndarray
        float64 (m,), their labels; NaN where unknown.
    covariates : mapping of str to ndarray
        float64 (m,), of image and spectrum, NaN where unknown.
    min_difference : float
        Difference below which the predictions of both modalities always are averaged, as `stack`
        has it.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> true = rng.normal(size=3000)
    >>> leave_one_out = {
    ...     modality: Prediction(true + size * rng.normal(size=3000), scatter=np.ones(3000))
    ...     for modality, size in (("image", 0.3), ("spectrum", 0.1))
    ... }
    >>> predicted = CalibratedEstimator(leave_one_out, true, {}).predict(leave_one_out, {})
    >>> {method: float(np.median(one.error).round(2)) for method, one in predicted.items()}
    {'image': 0.29, 'spectrum': 0.1, 'best': 0.09}
    """

    def __init__(
        self,
        leave_one_out: Mapping[str, Prediction],
        true: np.ndarray,
        covariates: Mapping[str, np.ndarray],
        *,
        min_difference: float = np.inf,
    ) -> None:
        self.min_difference = min_difference
        self.calibrations = {
            modality: Calibration(
                one.value, one.scatter, true, own_covariate_first(modality, covariates)
            )
            for modality, one in leave_one_out.items()
        }
        whole = [np.isfinite(true), *(np.isfinite(one.value) for one in leave_one_out.values())]
        if len(leave_one_out) == 2 and np.logical_and.reduce(whole).sum() >= MIN_ROWS_WITH_BOTH:
            first, second = (
                self._predict(name, one, covariates) for name, one in leave_one_out.items()
            )
            self.stacking_weights = StackingWeights(first, second, true)
            both = self._stacked(first, second)
            self.calibrations[BEST] = Calibration(
                both.value, both.scatter, true, own_covariate_first(BEST, covariates)
            )

    def predict(
        self, by_modality: Mapping[str, Prediction], covariates: Mapping[str, np.ndarray]
    ) -> dict[str, Prediction]:
        """Return predictions with errors, by each modality and the best.

        Parameters
        ----------
        by_modality : mapping of str to Prediction
            What the neighbours of n galaxies give, NaN where one lacks image or spectrum.
        covariates : mapping of str to ndarray
            float64 (n,), NaN where unknown.

        Returns
        -------
        dict of str to Prediction
            By each modality in ``by_modality``, and ``best``: stacked where a galaxy has both
            modalities, else by the one it has. Of a reference in which hardly any galaxy has both,
            by the spectrum where there is one.
        """
        predicted = {
            modality: self._predict(modality, by_modality[modality], covariates)
            for modality in self.calibrations
            if modality in by_modality
        }
        first, *second = predicted.values()
        if not second:
            return predicted | {BEST: first}
        best = second[0].or_else(first)
        if BEST in self.calibrations:
            both = self._predict(BEST, self._stacked(first, *second), covariates)
            best = both.or_else(best)
        return predicted | {BEST: best}

    def interval(
        self,
        method: str,
        predictions: Mapping[str, Prediction],
        covariates: Mapping[str, np.ndarray],
        level: float,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return intervals of another level than 0.68 for predictions.

        Parameters
        ----------
        method : str
            ``image``, ``spectrum`` or ``best``.
        predictions : mapping of str to Prediction
            From `predict`, of n galaxies.
        covariates : mapping of str to ndarray
            float64 (n,), those that `predict` was given.
        level : float
            The probability.

        Returns
        -------
        low, high : ndarray
            float64 (n,).
        """
        low, high = np.full((2, len(predictions[method])), np.nan)
        for name, rows in self._calibrations_by_row(method, predictions):
            some = predictions[method][rows]
            at = {kind: values[rows] for kind, values in covariates.items()}
            low[rows], high[rows] = self.calibrations[name].interval(
                some.value, some.scatter, at, level
            )
        return low, high

    def pit(
        self,
        method: str,
        predictions: Mapping[str, Prediction],
        true: np.ndarray,
        covariates: Mapping[str, np.ndarray],
    ) -> np.ndarray:
        """Return the probability integral transform of known labels, float64 (n,)."""
        result = np.full(len(true), np.nan)
        for name, rows in self._calibrations_by_row(method, predictions):
            some = predictions[method][rows]
            at = {kind: values[rows] for kind, values in covariates.items()}
            result[rows] = self.calibrations[name].pit(some.value, some.scatter, true[rows], at)
        return result

    def _calibrations_by_row(
        self, method: str, predictions: Mapping[str, Prediction]
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Yield which calibration serves which rows: the best value is not always of both."""
        count = len(predictions[method])
        if method != BEST:
            yield method, np.arange(count)
            return
        names = [name for name in predictions if name != BEST]
        has = {name: np.isfinite(predictions[name].value) for name in names}
        left = np.ones(count, bool)
        if BEST in self.calibrations:
            both = np.logical_and.reduce([*has.values()])
            yield BEST, np.flatnonzero(both)
            left = ~both
        for name in reversed(names):  # the spectrum's before the image's, as in `predict`
            yield name, np.flatnonzero(has[name] & left)
            left &= ~has[name]

    def _predict(
        self, method: str, prediction: Prediction, covariates: Mapping[str, np.ndarray]
    ) -> Prediction:
        """Return a prediction with its error and 68 % interval."""
        low, high = self.calibrations[method].interval(
            prediction.value, prediction.scatter, covariates, LEVELS[0]
        )
        return replace(prediction, error=(high - low) / 2, low=low, high=high)

    def _stacked(self, first: Prediction, second: Prediction) -> Prediction:
        """Return the predictions of both modalities as one, without error."""
        weight = self.stacking_weights.weight(first, second)
        return stack(first, second, weight, min_difference=self.min_difference)


def own_covariate_first(method: str, covariates: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return covariates by what decides first: the modality's own; the image's for the best."""
    first = "image" if method == BEST else method
    return dict(sorted(covariates.items(), key=lambda pair: pair[0] != first))
