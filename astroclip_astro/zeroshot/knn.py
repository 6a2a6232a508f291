"""k-nearest-neighbour regression: a label predicted from those of the neighbours."""

from __future__ import annotations

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import Neighbours
from astroclip_astro.zeroshot.bimodality import split_bimodal
from astroclip_astro.zeroshot.prediction import Prediction

MIN_DISTANCE = 1e-6  # a neighbour nearer than this weighs no more


def predict_from_neighbours(
    neighbours: Neighbours, labels: np.ndarray, *, bimodal: bool = False
) -> Prediction:
    """Predict a label of every query from its neighbours' labels.

    Neighbours weigh 1 / max(distance, 1e-6).

    Parameters
    ----------
    neighbours : Neighbours
        The k nearest galaxies of the reference.
    labels : ndarray
        (m,), the label of every galaxy of the reference, finite.
    bimodal : bool
        Whether the labels are redshifts, whose neighbours may fall into two groups: the value is
        then that of the heavier group, not a mean in between, where no neighbour is.

    Returns
    -------
    Prediction
        Weighted mean, weighted scatter about it, and the secondary value of bimodal labels.

    Raises
    ------
    InputError
        Where labels are not finite, or do not go with the neighbours.

    Notes
    -----
    The mean is k-nearest-neighbour regression as in the zero-shot tests of Lanusse et al. 2023
    (arXiv:2310.03024).

    Examples
    --------
    >>> import numpy as np
    >>> from astroclip_astro.search.exact import Neighbours
    >>> neighbours = Neighbours(np.array([[2, 0, 1]]), np.array([[0.1, 0.2, 0.2]]))
    >>> found = predict_from_neighbours(neighbours, [0.1, 0.3, 0.2])
    >>> found.value.round(3), found.scatter.round(3), found.secondary
    (array([0.2]), array([0.071]), array([nan]))
    """
    labels = _checked_labels(neighbours, labels)
    value, scatter, secondary = np.full((3, len(neighbours)), np.nan)
    valid = neighbours.valid
    near = labels[neighbours.index[valid]]  # (valid, k)
    weights = 1 / np.maximum(neighbours.distance[valid].astype(float), MIN_DISTANCE)
    weights /= weights.sum(axis=1, keepdims=True)
    mean = (weights * near).sum(axis=1)
    if bimodal:
        first, secondary[valid] = split_bimodal(near, weights)
        mean = np.where(np.isnan(first), mean, first)
    value[valid] = mean
    scatter[valid] = np.sqrt((weights * (near - mean[:, None]) ** 2).sum(axis=1))
    return Prediction(value, scatter=scatter, secondary=secondary)


def _checked_labels(neighbours: Neighbours, labels: np.ndarray) -> np.ndarray:
    """Return the labels as float64 (m,), finite and at least one for each neighbour's row."""
    labels = np.asarray(labels, float)
    if labels.ndim != 1 or neighbours.index.max(initial=-1) >= len(labels):
        raise InputError(
            f"Labels have shape {labels.shape}, expected one for each of the reference's galaxies, "
            f"at least {neighbours.index.max(initial=-1) + 1}."
        )
    wrong = np.flatnonzero(~np.isfinite(labels))
    if len(wrong):
        raise InputError(
            f"{len(wrong)} of {len(labels)} labels are not finite, the first is row {wrong[0]}; "
            "leave such galaxies out of the reference."
        )
    return labels
