"""Everything the reference says about galaxies, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from astroclip_astro.columns import MODALITIES
from astroclip_astro.errors import InputError

from .neighbours import K, Neighbours, find
from .novelty import Novelty
from .properties import estimate
from .reference import Reference

__all__ = ["Findings", "Searcher"]


@dataclass(frozen=True)
class Findings:
    """What the reference says about n galaxies.

    Parameters
    ----------
    values : dict of str to (ndarray, ndarray)
        For each label of the reference the value and its error, float32 (n,); NaN where the
        embedding is NaN. Galaxies of the reference that lack a label are passed over for it.
    novelty : ndarray or None
        float32 (n,) in [0, 1], NaN where the embedding is NaN; None where not asked for.
    nearest : ndarray
        int32 (n,), row (from 0) of the nearest galaxy in the reference; -1 where the embedding is
        NaN.
    """

    values: dict[str, tuple[np.ndarray, np.ndarray]]
    novelty: np.ndarray | None
    nearest: np.ndarray


class Searcher:
    """Looks galaxies up in a reference by embeddings of one modality.

    Parameters
    ----------
    reference : Reference
        Galaxies with known properties.
    modality : {"image", "spectrum"}
        Which embeddings of the reference the galaxies are compared with.

    Raises
    ------
    InputError
        For another modality.

    Examples
    --------
    >>> import numpy as np
    >>> from astroclip_astro.search.reference import Reference
    >>> angle = np.linspace(0, 1, 50)
    >>> embedding = np.zeros((50, 128), np.float32)
    >>> embedding[:, 0], embedding[:, 1] = np.cos(angle), np.sin(angle)
    >>> reference = Reference(name="arc", image=embedding, spectrum=embedding,
    ...                       labels={"redshift": angle / 2}, simulated=True)
    >>> findings = Searcher(reference, "image").look_up(embedding[[0, 25, 49]])
    >>> findings.nearest
    array([ 0, 25, 49], dtype=int32)
    >>> value, error = findings.values["redshift"]
    >>> value.round(2)
    array([0.  , 0.26, 0.5 ], dtype=float32)
    """

    def __init__(self, reference: Reference, modality: str):
        if modality not in MODALITIES:
            raise InputError(f"Unknown modality {modality!r}, expected one of {list(MODALITIES)}.")
        self.reference = reference
        self.modality = modality

    def look_up(self, embeddings: np.ndarray, *, novelty: bool = True) -> Findings:
        """Estimate all labels and the novelty of galaxies.

        Parameters
        ----------
        embeddings : ndarray
            (n, 128) unit vectors; NaN where there is none.
        novelty : bool
            Whether novelty is wanted; the first time it takes a few seconds, in which the
            reference is compared with itself.

        Returns
        -------
        Findings
            One entry for each row of ``embeddings``, the same whatever the other rows are.

        Raises
        ------
        InputError
            Where the embeddings are not unit vectors or not as wide as the reference's.
        """
        neighbours = find(self._embeddings, embeddings, k=K)
        return Findings(
            values={
                name: self._value(labels, embeddings, neighbours)
                for name, labels in self.reference.labels.items()
            },
            novelty=self._novelty.score(neighbours) if novelty else None,
            nearest=neighbours.index[:, 0].astype(np.int32),
        )

    def _value(
        self, labels: np.ndarray, embeddings: np.ndarray, neighbours: Neighbours
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return value and error of one label, from the nearest galaxies that have the label."""
        known = np.isfinite(labels)
        if not known.all():
            points = np.where(known[:, None], self._embeddings, np.float32(np.nan))
            neighbours = find(points, embeddings, k=K)
            labels = np.where(known, labels, 0.0)  # the others are nobody's neighbours
        return estimate(neighbours, labels)

    @property
    def _embeddings(self) -> np.ndarray:
        """The reference's embeddings of this modality."""
        return getattr(self.reference, self.modality)

    @cached_property
    def _novelty(self) -> Novelty:
        """The reference's own distances, computed when first asked for."""
        return Novelty(self._embeddings, k=K)
