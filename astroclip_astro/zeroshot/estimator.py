"""Everything the reference says about galaxies, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from astroclip_astro.columns import MODALITIES
from astroclip_astro.errors import InputError
from astroclip_astro.search.exact import K, Neighbours, find
from astroclip_astro.zeroshot.bimodality import MIN_REDSHIFT_STEP
from astroclip_astro.zeroshot.calibrated import CalibratedEstimator
from astroclip_astro.zeroshot.leave_one_out import (
    BIMODAL_LABEL,
    evenly_sampled_rows,
    novelty_rows,
    predict,
)
from astroclip_astro.zeroshot.novelty import Novelty
from astroclip_astro.zeroshot.prediction import Prediction
from astroclip_astro.zeroshot.reference import Reference


@dataclass(frozen=True)
class QueryResult:
    """What the reference says about n galaxies.

    Parameters
    ----------
    predictions : dict of str to Prediction
        For each label of the reference; NaN where the embedding is NaN. Galaxies of the reference
        that lack a label are passed over for it.
    novelty : ndarray or None
        float32 (n,) in [0, 1], NaN where the embedding is NaN; None where not asked for.
    nearest : ndarray
        int32 (n,), row (from 0) of the nearest galaxy in the reference; -1 where the embedding is
        NaN.
    """

    predictions: dict[str, Prediction]
    novelty: np.ndarray | None
    nearest: np.ndarray


class KNNEstimator:
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
        20,000 of those with such an embedding, evenly taken, or all rows of a smaller one.

    Raises
    ------
    InputError
        For another modality.

    Examples
    --------
    >>> import numpy as np
    >>> from astroclip_astro.zeroshot.reference import Reference
    >>> angle = np.linspace(0, 1, 50)
    >>> embedding = np.zeros((50, 128), np.float32)
    >>> embedding[:, 0], embedding[:, 1] = np.cos(angle), np.sin(angle)
    >>> reference = Reference(name="arc", image=embedding, spectrum=embedding,
    ...                       labels={"redshift": angle / 2}, simulated=True)
    >>> result = KNNEstimator(reference, "image").query(embedding[[0, 25, 49]])
    >>> result.nearest
    array([ 0, 25, 49], dtype=int32)
    >>> result.predictions["redshift"].value.round(2)
    array([0.  , 0.26, 0.5 ])
    """

    def __init__(self, reference: Reference, modality: str):
        if modality not in MODALITIES:
            raise InputError(f"Unknown modality {modality!r}, expected one of {list(MODALITIES)}.")
        self.reference = reference
        self.modality = modality
        self.sample = novelty_rows(reference, modality)
        self._found: dict[bytes, Neighbours] = {}

    def query(
        self,
        embeddings: np.ndarray,
        *,
        novelty: bool = True,
        covariate: np.ndarray | None = None,
    ) -> QueryResult:
        """Estimate all labels and the novelty of galaxies.

        Parameters
        ----------
        embeddings : ndarray
            (n, 128) unit vectors; NaN where there is none.
        novelty : bool
            Whether novelty is wanted. It needs the reference's leave-one-out distances; where
            the reference does not hold them, they are computed the first time.
        covariate : ndarray, optional
            float64 (n,), measured as the reference's is; novelty takes it into account.

        Returns
        -------
        QueryResult
            One entry for each row of ``embeddings``, the same whatever the other rows are.

        Raises
        ------
        InputError
            Where the embeddings are not unit vectors or not as wide as the reference's.
        """
        neighbours = find(self._embeddings, embeddings, k=K)
        return QueryResult(
            predictions={
                name: predict(self.reference, name, self.modality, embeddings, neighbours)
                for name in self.reference.labels
            },
            novelty=self._novelty.score(neighbours, covariate) if novelty else None,
            nearest=neighbours.index[:, 0].astype(np.int32),
        )

    def leave_one_out(self, label: str, rows: np.ndarray) -> Prediction:
        """Return leave-one-out predictions of a label for some of the reference's galaxies.

        Parameters
        ----------
        label : str
            One of the reference's.
        rows : ndarray
            int64 (n,), which of its galaxies.

        Returns
        -------
        Prediction
            One entry for each row; read from the reference where it holds them.
        """
        stored = self.reference.valid_leave_one_out
        if stored is not None and (place := stored.place(rows)) is not None:
            return stored.predictions[label, self.modality][place]
        embeddings, own = self._embeddings[rows], self._own(rows)
        return predict(self.reference, label, self.modality, embeddings, own, exclude=rows)

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
            self._found[key] = find(self._embeddings, queries, k=K, exclude=rows)
        return self._found[key]

    @cached_property
    def _novelty(self) -> Novelty:
        """The reference's own distances and covariate."""
        covariate = self.reference.covariates.get(self.modality)
        stored = self.reference.valid_leave_one_out
        place = None if stored is None else stored.place(self.sample)
        if stored is None or place is None:
            distances = self._own(self.sample).mean_cosine_distance
        else:
            distances = stored.distances[self.modality][place]
        return Novelty(distances, None if covariate is None else covariate[self.sample])


def fit_calibrated_estimator(
    estimators: dict[str, KNNEstimator], label: str
) -> CalibratedEstimator:
    """Measure how well images and spectra tell a label of the reference's own galaxies.

    Parameters
    ----------
    estimators : dict of str to KNNEstimator
        For ``image``, ``spectrum`` or both, of one reference.
    label : str
        One of the reference's.

    Returns
    -------
    CalibratedEstimator
        Makes errors of estimates, and the best value of both.
    """
    reference = next(iter(estimators.values())).reference
    labels = reference.labels[label]
    known = np.isfinite(labels)
    rows = np.unique(
        np.concatenate([evenly_sampled_rows(reference.has[way] & known) for way in estimators])
    )
    covariates = {
        modality: np.where(reference.has[modality], values, np.nan)[rows]  # of nothing: none
        for modality, values in reference.covariates.items()
    }
    return CalibratedEstimator(
        {
            modality: estimator.leave_one_out(label, rows)
            for modality, estimator in estimators.items()
        },
        labels[rows],
        covariates,
        min_difference=MIN_REDSHIFT_STEP if label == BIMODAL_LABEL else np.inf,
    )
