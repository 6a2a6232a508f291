"""Everything the reference says about galaxies, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from astroclip_astro.columns import MODALITIES
from astroclip_astro.errors import InputError

from .neighbours import K, Neighbours, find
from .novelty import Novelty
from .peaks import STEP
from .properties import Estimates, estimate
from .reference import Reference
from .skill import Skill

__all__ = ["SAMPLE", "Findings", "Searcher", "measure_skill"]

PEAKED = "redshift"  # the label whose answers may have two peaks
SAMPLE = 20_000  # galaxies of the reference that are compared with all of it


@dataclass(frozen=True)
class Findings:
    """What the reference says about n galaxies.

    Parameters
    ----------
    values : dict of str to Estimates
        For each label of the reference; NaN where the embedding is NaN. Galaxies of the reference
        that lack a label are passed over for it.
    novelty : ndarray or None
        float32 (n,) in [0, 1], NaN where the embedding is NaN; None where not asked for.
    nearest : ndarray
        int32 (n,), row (from 0) of the nearest galaxy in the reference; -1 where the embedding is
        NaN.
    """

    values: dict[str, Estimates]
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

    Attributes
    ----------
    sample : ndarray
        int64, rows of the reference that stand for all of it where it is compared with itself:
        `SAMPLE` of those with such an embedding, evenly taken, or all rows of a smaller one.

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
    >>> findings.values["redshift"].value.round(2)
    array([0.  , 0.26, 0.5 ])
    """

    def __init__(self, reference: Reference, modality: str):
        if modality not in MODALITIES:
            raise InputError(f"Unknown modality {modality!r}, expected one of {list(MODALITIES)}.")
        self.reference = reference
        self.modality = modality
        self.sample = evenly(np.isfinite(self._embeddings).all(axis=1))
        self._found: dict[bytes, Neighbours] = {}

    def look_up(
        self,
        embeddings: np.ndarray,
        *,
        novelty: bool = True,
        brightness: np.ndarray | None = None,
    ) -> Findings:
        """Estimate all labels and the novelty of galaxies.

        Parameters
        ----------
        embeddings : ndarray
            (n, 128) unit vectors; NaN where there is none.
        novelty : bool
            Whether novelty is wanted; the first time it takes a few seconds, in which the
            reference is compared with itself.
        brightness : ndarray, optional
            float64 (n,), measured as the reference's is; novelty takes it into account.

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
                name: self._value(name, embeddings, neighbours) for name in self.reference.labels
            },
            novelty=self._novelty.score(neighbours, brightness) if novelty else None,
            nearest=neighbours.index[:, 0].astype(np.int32),
        )

    def known(self, label: str, rows: np.ndarray) -> Estimates:
        """Return what neighbours say of a label of the reference's galaxies, without themselves.

        Parameters
        ----------
        label : str
            One of the reference's.
        rows : ndarray
            int64 (n,), which of its galaxies.

        Returns
        -------
        Estimates
            One entry for each row.
        """
        return self._value(label, self._embeddings[rows], self._own(rows), leave_out=rows)

    def _value(
        self,
        label: str,
        embeddings: np.ndarray,
        neighbours: Neighbours,
        leave_out: np.ndarray | None = None,
    ) -> Estimates:
        """Return what the nearest galaxies that have a label say of it."""
        labels = self.reference.labels[label]
        known = np.isfinite(labels)
        if not known.all():
            points = np.where(known[:, None], self._embeddings, np.float32(np.nan))
            neighbours = find(points, embeddings, k=K, leave_out=leave_out)
            labels = np.where(known, labels, 0.0)  # the others are nobody's neighbours
        return estimate(neighbours, labels, peaked=label == PEAKED)

    @property
    def _embeddings(self) -> np.ndarray:
        """The reference's embeddings of this modality."""
        return getattr(self.reference, self.modality)

    def _own(self, rows: np.ndarray) -> Neighbours:
        """Return the neighbours of the reference's own galaxies, found when first needed."""
        key = rows.tobytes()
        if key not in self._found:
            # Left out by row number: a galaxy's twin in the reference counts, at distance 0.
            queries = self._embeddings[rows]
            self._found[key] = find(self._embeddings, queries, k=K, leave_out=rows)
        return self._found[key]

    @cached_property
    def _novelty(self) -> Novelty:
        """The reference's own distances and brightness."""
        brightness = self.reference.brightness.get(self.modality)
        own = self._own(self.sample)
        return Novelty(own, None if brightness is None else brightness[self.sample])


def evenly(usable: np.ndarray) -> np.ndarray:
    """Return `SAMPLE` of the usable rows, evenly taken, or all rows of a smaller reference."""
    if len(usable) <= SAMPLE:
        return np.arange(len(usable))
    rows = np.flatnonzero(usable)
    count = min(len(rows), SAMPLE)
    return rows[np.arange(count) * len(rows) // max(count, 1)]


def measure_skill(searchers: dict[str, Searcher], label: str) -> Skill:
    """Measure how well images and spectra tell a label of the reference's own galaxies.

    Parameters
    ----------
    searchers : dict of str to Searcher
        For ``image``, ``spectrum`` or both, of one reference.
    label : str
        One of the reference's.

    Returns
    -------
    Skill
        Makes errors of estimates, and the best value of both.
    """
    reference = next(iter(searchers.values())).reference
    labels = reference.labels[label]
    embedded = {
        modality: np.isfinite(getattr(reference, modality)).all(axis=1) for modality in MODALITIES
    }
    rows = np.unique(
        np.concatenate([evenly(embedded[way] & np.isfinite(labels)) for way in searchers])
    )
    brightness = {
        modality: np.where(embedded[modality], values, np.nan)[rows]  # of nothing there is none
        for modality, values in reference.brightness.items()
    }
    return Skill(
        {modality: searcher.known(label, rows) for modality, searcher in searchers.items()},
        labels[rows],
        brightness,
        least=STEP if label == PEAKED else np.inf,
    )
