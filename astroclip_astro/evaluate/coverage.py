"""Whether errors mean what they say: how often intervals hold the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from astroclip_astro.evaluate.scores import Estimate, bootstrap
from astroclip_astro.evaluate.table import Galaxies
from astroclip_astro.zeroshot.calibrated import BEST
from astroclip_astro.zeroshot.conformal import LEVELS
from astroclip_astro.zeroshot.estimator import Searcher, measure_skill
from astroclip_astro.zeroshot.reference import Reference

__all__ = ["LEAST", "Told", "coverage", "coverage_bins", "make_searchers", "tell"]

LEAST = 400  # galaxies in a bin
MOST_BINS = 10


@dataclass(frozen=True)
class Told:
    """A label of the test galaxies as astroclip-annotate tells it, in one way.

    Parameters
    ----------
    value, other : ndarray
        float64 (n,), and the second peak, NaN where there is none.
    intervals : dict of float to (ndarray, ndarray)
        For 0.68 and 0.95, ends of the intervals, float64 (n,) each.
    integral : ndarray
        float64 (n,), probability integral transform of the truth.
    """

    value: np.ndarray
    other: np.ndarray
    intervals: dict[float, tuple[np.ndarray, np.ndarray]]
    integral: np.ndarray

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


def make_searchers(reference: Galaxies, simulated: bool | None) -> dict[str, Searcher]:
    """Return what looks galaxies up among those to learn from.

    Parameters
    ----------
    reference : Galaxies
        With the vectors ``image`` and ``spectrum``, and all labels.
    simulated : bool or None
        Whether they are simulated.

    Returns
    -------
    dict of str to Searcher
    """
    among = Reference(
        name="evaluation",
        image=reference.vectors["image"],
        spectrum=reference.vectors["spectrum"],
        labels=dict(reference.labels),
        simulated=simulated,
        brightness=dict(reference.brightness),
    )
    return {modality: Searcher(among, modality) for modality in ("image", "spectrum")}


def tell(searchers: Mapping[str, Searcher], test: Galaxies) -> dict[str, dict[str, Told]]:
    """Tell the labels of test galaxies as astroclip-annotate does, with calibrated intervals.

    Parameters
    ----------
    searchers : mapping of str to Searcher
        From `make_searchers`.
    test : Galaxies
        Others, with the same vectors.

    Returns
    -------
    dict of str to dict
        For each label, ``image``, ``spectrum`` and ``best``.
    """
    found = {
        way: searcher.look_up(test.vectors[way], novelty=False)
        for way, searcher in searchers.items()
    }
    told: dict[str, dict[str, Told]] = {}
    for label, true in test.labels.items():
        skill = measure_skill(dict(searchers), label)
        estimates = {way: findings.values[label] for way, findings in found.items()}
        judged = skill.judge(estimates, test.brightness)
        told[label] = {
            way: Told(
                value=one.value,
                other=one.other,
                intervals={
                    level: skill.interval(way, judged, test.brightness, level) for level in LEVELS
                },
                integral=skill.integral(way, judged, true, test.brightness),
            )
            for way, one in judged.items()
        }
    return told


def coverage(
    told: Mapping[str, Mapping[str, Told]],
    test: Galaxies,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, dict[str, Estimate]]:
    """Return how often intervals hold the truth, and how wide they are.

    Parameters
    ----------
    told : mapping
        From `tell`.
    test : Galaxies
        Whose labels are the truth.
    seed, resamples : int
        Of the bootstrap.

    Returns
    -------
    dict of str to dict
        Rows such as ``redshift best``, ``log_stellar_mass image``: ``covered_68``,
        ``covered_95``, and the median ``error``; for redshift ``several_redshifts``, the fraction
        with a second peak.
    """
    rows: dict[str, dict[str, Estimate]] = {}
    for label, ways in told.items():
        for way, one in ways.items():
            row = rows[f"{label} {way}"] = {
                f"covered_{round(100 * level)}": share(
                    one.covers(test.labels[label], level), resamples, seed
                )
                for level in LEVELS
            }
            low, high = one.intervals[LEVELS[0]]
            row["error"] = Estimate(float(np.nanmedian(high - low) / 2))
            if label == "redshift":
                row["several_redshifts"] = Estimate(float(np.isfinite(one.other).mean()))
    return rows


def coverage_bins(
    told: Mapping[str, Mapping[str, Told]],
    test: Galaxies,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, dict[str, Estimate]]:
    """Return how often the intervals of the best values hold the truth, in bins.

    Bins have `LEAST` galaxies or more each, as equal as can be: of magnitude, where that is known,
    and of the value that was told.

    Parameters
    ----------
    told, test, seed, resamples
        As `coverage` has them.

    Returns
    -------
    dict of str to dict
        For each bin, such as ``redshift by magnitude 1``: ``low``, ``high`` and ``galaxies`` of
        the bin, ``covered_68`` and ``covered_95``.
    """
    rows: dict[str, dict[str, Estimate]] = {}
    for label, ways in told.items():
        best, true = ways[BEST], test.labels[label]
        binnings = {"predicted value": best.value}
        if test.magnitude is not None:
            binnings = {"magnitude": test.magnitude} | binnings
        for name, measure in binnings.items():
            used = np.flatnonzero(np.isfinite(measure) & np.isfinite(true))
            order = used[np.argsort(measure[used], kind="stable")]
            count = min(MOST_BINS, len(order) // LEAST)
            for number, part in enumerate(np.array_split(order, count) if count else [], start=1):
                rows[f"{label} by {name} {number}"] = {
                    "low": Estimate(float(measure[part[0]])),
                    "high": Estimate(float(measure[part[-1]])),
                    "galaxies": Estimate(float(len(part))),
                } | {
                    f"covered_{round(100 * level)}": share(
                        best.covers(true, level)[part], resamples, seed
                    )
                    for level in LEVELS
                }
    return rows


def share(covered: np.ndarray, resamples: int, seed: int) -> Estimate:
    """Return the fraction that is covered, of those of which anything is known."""
    known = covered[np.isfinite(covered)]
    mean = {"share": lambda values: np.mean(values, axis=-1)}
    return bootstrap(mean, known, resamples=resamples, seed=seed)["share"]
