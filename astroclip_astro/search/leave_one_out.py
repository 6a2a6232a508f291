"""Leave-one-out predictions of a reference: what depends on the reference alone, computed once.

Each galaxy of the reference is compared with all the others. Calibrated errors and novelty need
the result, which takes as long as thousands of queries. It is therefore kept beside the
embeddings, with a checksum of everything it depends on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro.columns import MODALITIES

from .neighbours import K, Neighbours, find
from .properties import Estimates, estimate

if TYPE_CHECKING:
    from .reference import Reference

__all__ = ["METHOD", "SAMPLE_SIZE", "LeaveOneOut", "digest", "evenly", "predict_held_out", "sample"]

METHOD = 1  # a result of another method is not used
SAMPLE_SIZE = 20_000  # galaxies of the reference that are compared with all of it
TWO_PEAKED = "redshift"  # the label whose neighbours may fall into two groups


@dataclass(frozen=True)
class LeaveOneOut:
    """Predictions for a reference's own galaxies, each held out from its own prediction.

    Parameters
    ----------
    digest : str
        `digest` of the reference it belongs to.
    rows : ndarray
        int64 (s,), rows of the reference that were compared with all of it, ascending.
    distances : dict of str to ndarray
        For each modality float64 (s,): mean cosine distance to the k nearest other galaxies; NaN
        where a galaxy lacks the modality.
    predictions : dict of (str, str) to Estimates
        For each label and modality, (s,): the prediction from the k nearest other galaxies that
        have the label; NaN where a galaxy lacks the modality.
    """

    digest: str
    rows: np.ndarray
    distances: dict[str, np.ndarray]
    predictions: dict[tuple[str, str], Estimates]

    def place(self, rows: np.ndarray) -> np.ndarray | None:
        """Return where rows of the reference stand in the result, None unless all do."""
        place = np.searchsorted(self.rows, rows)
        place = np.minimum(place, len(self.rows) - 1)
        return place if np.array_equal(self.rows[place], rows) else None


def digest(reference: Reference) -> str:
    """Return the SHA-256 of all that leave-one-out predictions depend on, 64 digits.

    Parameters
    ----------
    reference : Reference
        Its embeddings and labels count; names, descriptions and units do not.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    total = hashlib.sha256(f"method {METHOD}, k {K}, sample {SAMPLE_SIZE}\n".encode())
    for modality in MODALITIES:
        total.update(np.ascontiguousarray(getattr(reference, modality), "<f4"))
    for name, values in reference.labels.items():
        total.update(f"\n{name}\n".encode())
        total.update(np.ascontiguousarray(values, "<f8"))
    return total.hexdigest()


def predict_held_out(reference: Reference) -> LeaveOneOut:
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
    >>> from astroclip_astro.search.reference import Reference
    >>> angle = np.linspace(0, 1, 50)
    >>> embedding = np.zeros((50, 128), np.float32)
    >>> embedding[:, 0], embedding[:, 1] = np.cos(angle), np.sin(angle)
    >>> reference = Reference(name="arc", image=embedding, spectrum=embedding,
    ...                       labels={"redshift": angle / 2}, simulated=True)
    >>> held_out = predict_held_out(reference)
    >>> held_out.predictions["redshift", "image"].value[[0, 25]].round(2)
    array([0.05, 0.26])
    """
    rows = sampled_rows(reference)
    distances, predictions = {}, {}
    for modality in MODALITIES:
        points = getattr(reference, modality)
        # Held out by row number: a galaxy's twin in the reference counts, at distance 0.
        neighbours = find(points, points[rows], k=K, leave_out=rows)
        distances[modality] = neighbours.mean_cosine_distance
        for label in reference.labels:
            predictions[label, modality] = predict(
                reference, label, modality, points[rows], neighbours, leave_out=rows
            )
    return LeaveOneOut(digest(reference), rows, distances, predictions)


def predict(
    reference: Reference,
    label: str,
    modality: str,
    embeddings: np.ndarray,
    neighbours: Neighbours,
    *,
    leave_out: np.ndarray | None = None,
) -> Estimates:
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
    leave_out : ndarray, optional
        int64 (n,), rows of the reference to hold out, one for each galaxy.

    Returns
    -------
    Estimates
        (n,), NaN where a galaxy has no embedding.
    """
    labels = reference.labels[label]
    known = np.isfinite(labels)
    if not known.all():
        points = np.where(known[:, None], getattr(reference, modality), np.float32(np.nan))
        neighbours = find(points, embeddings, k=K, leave_out=leave_out)
        labels = np.where(known, labels, 0.0)  # the others are never among the neighbours
    return estimate(neighbours, labels, peaked=label == TWO_PEAKED)


def sampled_rows(reference: Reference) -> np.ndarray:
    """Return every row that stands for the reference in some label or modality, int64 (s,)."""
    usable = [*reference.has.values()]
    usable += [
        has & np.isfinite(values)
        for has in reference.has.values()
        for values in reference.labels.values()
    ]
    return np.unique(np.concatenate([evenly(one) for one in usable]))


def sample(reference: Reference, modality: str) -> np.ndarray:
    """Return the rows that stand for a reference where novelty compares with it, int64."""
    return evenly(reference.has[modality])


def evenly(usable: np.ndarray) -> np.ndarray:
    """Return `SAMPLE_SIZE` of the usable rows, evenly taken, or all rows of a smaller reference."""
    if len(usable) <= SAMPLE_SIZE:
        return np.arange(len(usable))
    rows = np.flatnonzero(usable)
    count = min(len(rows), SAMPLE_SIZE)
    return rows[np.arange(count) * len(rows) // max(count, 1)]
