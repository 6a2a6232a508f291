"""Embedded galaxies: vectors of each modality, with what else is known of the same galaxies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

__all__ = ["EmbeddedGalaxies"]


@dataclass(frozen=True)
class EmbeddedGalaxies:
    """Vectors of n galaxies, or of other objects, with the labels they have.

    Parameters
    ----------
    vectors : mapping of str to ndarray
        (n, width) each: any of ``image``, ``spectrum``, ``photometry``, ``unaligned_image`` and
        ``unaligned_spectrum``; NaN where a galaxy has none.
    labels : mapping of str to ndarray
        float64 (n,) each; NaN where a galaxy has none.
    rows : ndarray, optional
        int64 (n,), rows of the file or table they are from; None where there is no file.
    covariates : mapping of str to ndarray
        float64 (n,) each, of ``image`` and ``spectrum`` as a reference has it; NaN where unknown.
    magnitude : ndarray, optional
        float64 (n,), r magnitude; None where it is not known.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = {"image": np.array([[1.0], [np.nan]]), "spectrum": np.ones((2, 1))}
    >>> galaxies = EmbeddedGalaxies(vectors, {"redshift": np.array([0.1, 0.2])})
    >>> len(galaxies), galaxies.complete_rows.tolist()
    (2, [True, False])
    >>> galaxies.complete().labels["redshift"]
    array([0.1])
    """

    vectors: Mapping[str, np.ndarray]
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    rows: np.ndarray | None = None
    covariates: Mapping[str, np.ndarray] = field(default_factory=dict)
    magnitude: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of galaxies."""
        return len(next(iter({**self.vectors, **self.labels}.values()), ()))

    @property
    def complete_rows(self) -> np.ndarray:
        """Whether each galaxy has all vectors, bool (n,)."""
        complete = np.ones(len(self), bool)
        for values in self.vectors.values():
            complete &= np.isfinite(values).all(axis=1)
        return complete

    def complete(self) -> EmbeddedGalaxies:
        """Return those that have all vectors, so that every comparison sees the same ones."""
        kept = self.complete_rows
        return EmbeddedGalaxies(
            {name: values[kept] for name, values in self.vectors.items()},
            {name: values[kept] for name, values in self.labels.items()},
            None if self.rows is None else self.rows[kept],
            {name: values[kept] for name, values in self.covariates.items()},
            None if self.magnitude is None else self.magnitude[kept],
        )

    def select(self, *names: str) -> EmbeddedGalaxies:
        """Return the galaxies with some of the vectors only."""
        vectors = {name: self.vectors[name] for name in names}
        return EmbeddedGalaxies(vectors, self.labels, self.rows, self.covariates, self.magnitude)
