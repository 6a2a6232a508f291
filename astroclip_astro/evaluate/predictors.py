"""Two methods that predict a label from vectors: nearest neighbours, and a small network."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import K
from astroclip_astro.zeroshot.metrics import knn_regression, standardised

HIDDEN_UNITS = (64, 64)  # units of the network's layers, as in public reproductions of the paper
ENSEMBLE_SIZE = 3  # whose mean is taken: one alone depends on where it began
MIN_TRAINING_ROWS = 20  # galaxies, of which early stopping keeps a tenth to itself


def knn(points: np.ndarray, labels: np.ndarray, queries: np.ndarray, seed: int) -> np.ndarray:
    """Return the distance-weighted mean of the 16 nearest neighbours' labels."""
    return knn_regression(points, labels, queries)


def scaled_knn(
    points: np.ndarray, labels: np.ndarray, queries: np.ndarray, seed: int
) -> np.ndarray:
    """Return as `knn`, each number in units of its scatter: for colours and magnitudes."""
    points, queries = standardised(points, queries)
    return knn_regression(points, labels, queries)


def mlp(points: np.ndarray, labels: np.ndarray, queries: np.ndarray, seed: int) -> np.ndarray:
    """Return the mean of what networks say that were trained on the points' labels.

    Inputs and labels are standardised. Each network sees nine tenths of the points, and stops when
    the rest, another tenth for each, are predicted no better.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    points, queries = standardised(points, queries)
    mean, deviation = labels.mean(), labels.std() or 1.0
    found = np.zeros(len(queries))
    for number in range(ENSEMBLE_SIZE):
        network = MLPRegressor(
            hidden_layer_sizes=HIDDEN_UNITS, early_stopping=True, random_state=seed + number
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 200 passes are enough
            network.fit(points, (labels - mean) / deviation)
        found += network.predict(queries) / ENSEMBLE_SIZE
    return found * deviation + mean


Predictor = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]
PREDICTORS: dict[str, Predictor] = {"knn": knn, "scaled_knn": scaled_knn, "mlp": mlp}


def predictor(name: str) -> Predictor:
    """Return the method of a name: ``knn``, ``scaled_knn`` or ``mlp``."""
    if name not in PREDICTORS:
        raise InputError(f"Unknown predictor {name!r}, expected one of {', '.join(PREDICTORS)}.")
    return PREDICTORS[name]


def predict(
    method: str, points: np.ndarray, labels: np.ndarray, queries: np.ndarray, *, seed: int = 0
) -> np.ndarray:
    """Tell the labels of galaxies from those of others.

    Parameters
    ----------
    method : {"knn", "scaled_knn", "mlp"}
        k-nearest neighbours (k = 16, weights 1 / distance), as they are or in units of each
        number's scatter; or networks with two hidden layers of 64, the mean of three.
    points : ndarray
        (m, width), finite.
    labels : ndarray
        float64 (m,); those that are NaN are passed over.
    queries : ndarray
        (n, width), finite.
    seed : int
        Of the networks.

    Returns
    -------
    ndarray
        float64 (n,).

    Raises
    ------
    InputError
        For an unknown method, or too few galaxies with a label.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.linspace(0, 1, 50)[:, None]
    >>> predict("knn", points, 2 * points[:, 0], points[[7]]).round(3) == (2 * points[7]).round(3)
    array([ True])
    """
    known = np.isfinite(labels)
    least = MIN_TRAINING_ROWS if method == "mlp" else K
    if known.sum() < least:
        raise InputError(
            f"Only {int(known.sum())} galaxies with label are there to learn from, expected "
            f"{least} at least; leave fewer out."
        )
    return predictor(method)(points[known], np.asarray(labels, float)[known], queries, seed)
