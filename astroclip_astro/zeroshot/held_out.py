"""The record of leave-one-out predictions, and the checksum of what they depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from astroclip_astro.columns import MODALITIES
from astroclip_astro.search.exact import K
from astroclip_astro.zeroshot.prediction import Prediction

METHOD = 1  # a result of another method is not used


SAMPLE_SIZE = 20_000  # galaxies of the reference that are compared with all of it


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
    predictions : dict of (str, str) to Prediction
        For each label and modality, (s,): the prediction from the k nearest other galaxies that
        have the label; NaN where a galaxy lacks the modality.
    """

    digest: str
    rows: np.ndarray
    distances: dict[str, np.ndarray]
    predictions: dict[tuple[str, str], Prediction]

    def place(self, rows: np.ndarray) -> np.ndarray | None:
        """Return where rows of the reference stand in the result, None unless all do."""
        place = np.searchsorted(self.rows, rows)
        place = np.minimum(place, len(self.rows) - 1)
        return place if np.array_equal(self.rows[place], rows) else None


def digest(embeddings: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of all that leave-one-out predictions depend on.

    Parameters
    ----------
    embeddings : mapping of str to ndarray
        float32 (m, 128) of each modality.
    labels : mapping of str to ndarray
        float64 (m,) of each label. Names of the reference, descriptions and units do not count.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    total = hashlib.sha256(f"method {METHOD}, k {K}, sample {SAMPLE_SIZE}\n".encode())
    for modality in MODALITIES:
        total.update(np.ascontiguousarray(embeddings[modality], "<f4").data)
    for name, values in labels.items():
        total.update(f"\n{name}\n".encode())
        total.update(np.ascontiguousarray(values, "<f8").data)
    return total.hexdigest()
