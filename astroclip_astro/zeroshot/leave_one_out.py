"""Leave-one-out predictions of a reference: what depends on the reference alone, computed once.

Each galaxy of the reference is compared with all the others. Calibrated errors and novelty need
the result, which takes as long as thousands of queries. It is therefore kept beside the
embeddings, with a checksum of everything it depends on.
"""

from __future__ import annotations

import numpy as np

from astroclip_astro.columns import MODALITIES
from astroclip_astro.search.exact import K, Neighbours, find
from astroclip_astro.zeroshot.held_out import SAMPLE_SIZE, LeaveOneOut
from astroclip_astro.zeroshot.knn import predict_from_neighbours
from astroclip_astro.zeroshot.prediction import Prediction
from astroclip_astro.zeroshot.reference import Reference

BIMODAL_LABEL = "redshift"  # the label whose neighbours may fall into two groups


def predict_leave_one_out(reference: Reference) -> LeaveOneOut:
    """Compare a reference's galaxies with all others, and predict their labels.

    Parameters
    ----------
    reference : Reference
        At least k + 1 galaxies in each modality.

    Returns
    -------
    LeaveOneOut
        Of all galaxies, or of `SAMPLE_SIZE` for each label and modality of a larger reference.

    Examples
    --------
    >>> import numpy as np
    >>> from astroclip_astro.zeroshot.reference import Reference
    >>> angle = np.linspace(0, 1, 50)
    >>> embedding = np.zeros((50, 128), np.float32)
    >>> embedding[:, 0], embedding[:, 1] = np.cos(angle), np.sin(angle)
    >>> reference = Reference(name="arc", image=embedding, spectrum=embedding,
    ...                       labels={"redshift": angle / 2}, simulated=True)
    >>> held_out = predict_leave_one_out(reference)
    >>> held_out.predictions["redshift", "image"].value[[0, 25]].round(2)
    array([0.05, 0.26])
    """
    rows = sampled_rows(reference)
    distances, predictions = {}, {}
    for modality in MODALITIES:
        points = getattr(reference, modality)
        # Held out by row number: a galaxy's twin in the reference counts, at distance 0.
        neighbours = find(points, points[rows], k=K, exclude=rows)
        distances[modality] = neighbours.mean_cosine_distance
        for label in reference.labels:
            predictions[label, modality] = predict(
                reference, label, modality, points[rows], neighbours, exclude=rows
            )
    return LeaveOneOut(reference.digest, rows, distances, predictions)


def predict(
    reference: Reference,
    label: str,
    modality: str,
    embeddings: np.ndarray,
    neighbours: Neighbours,
    *,
    exclude: np.ndarray | None = None,
) -> Prediction:
    """Predict a label from the nearest galaxies that have it.

    Parameters
    ----------
    reference : Reference
        The labelled galaxies.
    label, modality : str
        Label to predict, and by which embeddings.
    embeddings : ndarray
        float32 (n, 128), the galaxies to predict for.
    neighbours : Neighbours
        Their nearest galaxies of the reference, whether or not these have the label.
    exclude : ndarray, optional
        int64 (n,), rows of the reference to hold out, one for each galaxy.

    Returns
    -------
    Prediction
        (n,), NaN where a galaxy has no embedding.
    """
    labels = reference.labels[label]
    known = np.isfinite(labels)
    if not known.all():
        points = np.where(known[:, None], getattr(reference, modality), np.float32(np.nan))
        neighbours = find(points, embeddings, k=K, exclude=exclude)
        labels = np.where(known, labels, 0.0)  # the others are never among the neighbours
    return predict_from_neighbours(neighbours, labels, bimodal=label == BIMODAL_LABEL)


def sampled_rows(reference: Reference) -> np.ndarray:
    """Return every row that stands for the reference in some label or modality, int64 (s,)."""
    usable = [*reference.has.values()]
    usable += [
        has & np.isfinite(values)
        for has in reference.has.values()
        for values in reference.labels.values()
    ]
    return np.unique(np.concatenate([evenly_sampled_rows(one) for one in usable]))


def novelty_rows(reference: Reference, modality: str) -> np.ndarray:
    """Return the rows that stand for a reference where novelty compares with it, int64."""
    return evenly_sampled_rows(reference.has[modality])


def evenly_sampled_rows(usable: np.ndarray) -> np.ndarray:
    """Return `SAMPLE_SIZE` of the usable rows, evenly taken, or all rows of a smaller reference."""
    if len(usable) <= SAMPLE_SIZE:
        return np.arange(len(usable))
    rows = np.flatnonzero(usable)
    count = min(len(rows), SAMPLE_SIZE)
    return rows[np.arange(count) * len(rows) // max(count, 1)]
