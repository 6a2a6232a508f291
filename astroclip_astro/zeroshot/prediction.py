"""A predicted label: value, error, interval and secondary value of n galaxies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True, init=False)
class Prediction:
    """One label of n galaxies, predicted by one modality or by both.

    What is not known (yet) is NaN: neighbours alone give value, scatter and secondary value, and
    `astroclip_astro.zeroshot.calibrated.CalibratedEstimator` adds the error and the interval.

    Parameters
    ----------
    value : ndarray
        float64 (n,), in the label's unit; NaN where there is no prediction.
    scatter : ndarray, optional
        float64 (n,), of the neighbours' labels about the value: how much they agree. It is no
        error until `astroclip_astro.zeroshot.conformal` makes one of it.
    secondary : ndarray, optional
        float64 (n,), the value of the second group where the neighbours fall into two.
    error : ndarray, optional
        float64 (n,), half the width of the 68 % interval.
    low, high : ndarray, optional
        float64 (n,), ends of the 68 % interval.

    Examples
    --------
    >>> import numpy as np
    >>> image = Prediction(np.array([0.1, np.nan]), scatter=np.array([0.02, np.nan]))
    >>> spectrum = Prediction(np.array([np.nan, 0.3]))
    >>> image.or_else(spectrum).value
    array([0.1, 0.3])
    >>> image[:1].secondary
    array([nan])
    """

    value: np.ndarray
    scatter: np.ndarray
    secondary: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __init__(
        self,
        value: np.ndarray,
        scatter: np.ndarray | None = None,
        secondary: np.ndarray | None = None,
        error: np.ndarray | None = None,
        low: np.ndarray | None = None,
        high: np.ndarray | None = None,
    ) -> None:
        every = (value, scatter, secondary, error, low, high)
        for field, given in zip(fields(self), every, strict=True):
            values = np.full(len(value), np.nan) if given is None else given
            object.__setattr__(self, field.name, values)

    def __len__(self) -> int:
        """Return the number of galaxies."""
        return len(self.value)

    def __getitem__(self, rows: slice | np.ndarray) -> Prediction:
        """Return the prediction for some of the galaxies."""
        return self.map(lambda values: values[rows])

    def map(self, function: Callable[..., np.ndarray], *others: Prediction) -> Prediction:
        """Return what a function makes of each field, and of the same field of other predictions.

        Parameters
        ----------
        function : callable
            Takes float64 (n,) of each prediction, and returns an array.
        *others : Prediction
            Further ones.

        Returns
        -------
        Prediction
        """
        predictions = (self, *others)
        return Prediction(
            **{
                field.name: function(*(getattr(one, field.name) for one in predictions))
                for field in fields(self)
            }
        )

    def or_else(self, other: Prediction) -> Prediction:
        """Return this prediction where it has a value, and another one elsewhere."""
        has_value = np.isfinite(self.value)

        def first_known(own: np.ndarray, others: np.ndarray) -> np.ndarray:
            return np.where(has_value, own, others)

        return self.map(first_known, other)
