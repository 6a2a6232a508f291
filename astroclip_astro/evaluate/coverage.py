"""Whether errors mean what they say: how often intervals hold the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from astroclip_astro.evaluate.scores import Score, bootstrap
from astroclip_astro.zeroshot.calibrated import BEST
from astroclip_astro.zeroshot.conformal import LEVELS
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies
from astroclip_astro.zeroshot.estimator import KNNEstimator, fit_calibrated_estimator
from astroclip_astro.zeroshot.prediction import Prediction
from astroclip_astro.zeroshot.reference import Reference

MIN_GALAXIES_PER_BIN = 400  # galaxies in a bin
MAX_BINS = 10


@dataclass(frozen=True)
class CoverageCheck:
    """A prediction for test galaxies as astroclip-annotate makes it, and how its errors did.

    Parameters
    ----------
    prediction : Prediction
        Of a label of n galaxies, by one modality or by both.
    intervals : dict of float to (ndarray, ndarray)
        For 0.68 and 0.95, ends of the intervals, float64 (n,) each.
    pit : ndarray
        float64 (n,), probability integral transform of the truth.
    """

    prediction: Prediction
    intervals: dict[float, tuple[np.ndarray, np.ndarray]]
    pit: np.ndarray

    def covers(self, true: np.ndarray, level: float) -> np.ndarray:
        """Return whether each interval holds the truth, float64 (n,), NaN where one is not known.

        Parameters
        ----------
        true : ndarray
            float64 (n,).
        level : float
            0.68 or 0.95.
        """
        low, high = self.intervals[level]
        known = np.isfinite(true) & np.isfinite(low)
        return np.where(known, (low <= true) & (true <= high), np.nan)


def make_estimators(reference: EmbeddedGalaxies, simulated: bool | None) -> dict[str, KNNEstimator]:
    """Return what looks galaxies up among those to learn from.

    Parameters
    ----------
    reference : EmbeddedGalaxies
        With the vectors ``image`` and ``spectrum``, and all labels.
    simulated : bool or None
        Whether they are simulated.

    Returns
    -------
    dict of str to KNNEstimator
    """
    among = Reference(
        name="evaluation",
        image=reference.vectors["image"],
        spectrum=reference.vectors["spectrum"],
        labels=dict(reference.labels),
        simulated=simulated,
        covariates=dict(reference.covariates),
    )
    return {modality: KNNEstimator(among, modality) for modality in ("image", "spectrum")}


def predict_labels(
    estimators: Mapping[str, KNNEstimator], test: EmbeddedGalaxies
) -> dict[str, dict[str, CoverageCheck]]:
    """Predict the labels of test galaxies as astroclip-annotate does, with calibrated intervals.

    Parameters
    ----------
    estimators : mapping of str to KNNEstimator
        From `make_estimators`.
    test : EmbeddedGalaxies
        Others, with the same vectors, and labels that are compared with the predictions.

    Returns
    -------
    dict of str to dict
        For each label, ``image``, ``spectrum`` and ``best``.
    """
    results = {
        modality: estimator.query(test.vectors[modality], novelty=False)
        for modality, estimator in estimators.items()
    }
    checks: dict[str, dict[str, CoverageCheck]] = {}
    for label, true in test.labels.items():
        calibrated = fit_calibrated_estimator(dict(estimators), label)
        by_modality = {name: result.predictions[label] for name, result in results.items()}
        predictions = calibrated.predict(by_modality, test.covariates)
        checks[label] = {
            method: CoverageCheck(
                prediction=prediction,
                intervals={
                    level: calibrated.interval(method, predictions, test.covariates, level)
                    for level in LEVELS
                },
                pit=calibrated.pit(method, predictions, true, test.covariates),
            )
            for method, prediction in predictions.items()
        }
    return checks


def coverage(
    predicted: Mapping[str, Mapping[str, CoverageCheck]],
    test: EmbeddedGalaxies,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, dict[str, Score]]:
    """Return how often intervals hold the truth, and how wide they are.

    Parameters
    ----------
    predicted : mapping
        From `predict_labels`.
    test : EmbeddedGalaxies
        Whose labels are the truth.
    seed, resamples : int
        Of the bootstrap.

    Returns
    -------
    dict of str to dict
        Rows such as ``redshift best``, ``log_stellar_mass image``: ``covered_68``,
        ``covered_95``, and the median ``error``; for redshift ``several_redshifts``, the fraction
        with a secondary redshift.
    """
    rows: dict[str, dict[str, Score]] = {}
    for label, methods in predicted.items():
        for method, one in methods.items():
            row = rows[f"{label} {method}"] = {
                f"covered_{round(100 * level)}": share(
                    one.covers(test.labels[label], level), resamples, seed
                )
                for level in LEVELS
            }
            low, high = one.intervals[LEVELS[0]]
            row["error"] = Score(float(np.nanmedian(high - low) / 2))
            if label == "redshift":
                row["several_redshifts"] = Score(
                    float(np.isfinite(one.prediction.secondary).mean())
                )
    return rows


def coverage_bins(
    predicted: Mapping[str, Mapping[str, CoverageCheck]],
    test: EmbeddedGalaxies,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, dict[str, Score]]:
    """Return how often the intervals of the best values hold the truth, in bins.

    Bins have `MIN_GALAXIES_PER_BIN` galaxies or more each, as equal as can be: of magnitude, where
    that is known, and of the predicted value.

    Parameters
    ----------
    predicted, test, seed, resamples
        As `coverage` has them.

    Returns
    -------
    dict of str to dict
        For each bin, such as ``redshift by magnitude 1``: ``low``, ``high`` and ``galaxies`` of
        the bin, ``covered_68`` and ``covered_95``.
    """
    rows: dict[str, dict[str, Score]] = {}
    for label, methods in predicted.items():
        best, true = methods[BEST], test.labels[label]
        binnings = {"predicted value": best.prediction.value}
        if test.magnitude is not None:
            binnings = {"magnitude": test.magnitude} | binnings
        for name, measure in binnings.items():
            used = np.flatnonzero(np.isfinite(measure) & np.isfinite(true))
            order = used[np.argsort(measure[used], kind="stable")]
            count = min(MAX_BINS, len(order) // MIN_GALAXIES_PER_BIN)
            for number, part in enumerate(np.array_split(order, count) if count else [], start=1):
                rows[f"{label} by {name} {number}"] = {
                    "low": Score(float(measure[part[0]])),
                    "high": Score(float(measure[part[-1]])),
                    "galaxies": Score(float(len(part))),
                } | {
                    f"covered_{round(100 * level)}": share(
                        best.covers(true, level)[part], resamples, seed
                    )
                    for level in LEVELS
                }
    return rows


def share(covered: np.ndarray, resamples: int, seed: int) -> Score:
    """Return the fraction that is covered, of those of which anything is known."""
    known = covered[np.isfinite(covered)]
    mean = {"share": lambda values: np.mean(values, axis=-1)}
    return bootstrap(mean, known, resamples=resamples, seed=seed)["share"]
