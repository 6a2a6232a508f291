"""How well novelty separates out-of-distribution objects from galaxies held out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from astroclip_astro.evaluate.scores import Score, bootstrap
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies
from astroclip_astro.zeroshot.estimator import KNNEstimator

EITHER = "either"


def novelties(
    estimators: Mapping[str, KNNEstimator], objects: EmbeddedGalaxies
) -> dict[str, np.ndarray]:
    """Return the novelty of objects.

    Parameters
    ----------
    estimators : mapping of str to KNNEstimator
        One for each modality.
    objects : EmbeddedGalaxies
        Any.

    Returns
    -------
    dict of str to ndarray
        float64 (n,) for each modality that the objects have, and for ``either``, the larger one,
        where they have both.
    """
    found = {}
    for modality, vectors in objects.vectors.items():
        result = estimators[modality].query(vectors, covariate=objects.covariates.get(modality))
        assert result.novelty is not None  # as it was asked for
        found[modality] = result.novelty.astype(float)
    if len(found) > 1:
        found[EITHER] = np.fmax.reduce([*found.values()])
    return found


def novelty_areas(
    in_distribution: Mapping[str, np.ndarray],
    out_of_distribution: Mapping[str, Mapping[str, np.ndarray]],
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, dict[str, Score]]:
    """Return the area under the curve for each kind of object.

    Parameters
    ----------
    in_distribution : mapping of str to ndarray
        From `novelties`, of ordinary galaxies that are not in the reference.
    out_of_distribution : mapping of str to mapping
        For each kind, from `novelties`.
    seed, resamples : int
        Of the bootstrap over the strange objects.

    Returns
    -------
    dict of str to dict
        For each kind ``objects``, their number, and ``auc_image``, ``auc_spectrum`` and
        ``auc_either`` as far as it has them: how often a strange object is more novel than an
        ordinary galaxy, equal ones counting half.

    Notes
    -----
    The area is the statistic of Mann & Whitney over the number of pairs (Hanley & McNeil 1982,
    Radiology 143, 29), which is a mean over strange objects.
    """
    rows: dict[str, dict[str, Score]] = {}
    for kind, found in out_of_distribution.items():
        rows[kind] = {"objects": Score(float(max(map(len, found.values()), default=0)))}
        for method, values in found.items():
            usual = np.sort(in_distribution[method][np.isfinite(in_distribution[method])])
            some = values[np.isfinite(values)]
            if not len(some) or not len(usual):
                continue
            below = np.searchsorted(usual, some, "left") + np.searchsorted(usual, some, "right")
            mean = {"auc": lambda part: np.mean(part, axis=-1)}
            share = below / (2 * len(usual))
            found_area = bootstrap(mean, share, resamples=resamples, seed=seed)["auc"]
            rows[kind][f"auc_{method}"] = found_area
    return rows
