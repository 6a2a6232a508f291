"""Table 1 of the paper: what photometry, images and spectra tell about redshift and mass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.evaluate.predictors import predict
from astroclip_astro.evaluate.retrieval import partner_ranks, retrieval_scores
from astroclip_astro.evaluate.scores import RESAMPLES, Estimate, label_scores
from astroclip_astro.search.effective_rank import effective_rank
from astroclip_astro.search.exact import K

__all__ = [
    "LABELS",
    "ROWS",
    "Galaxies",
    "Row",
    "TableOne",
    "evaluate_rows",
    "present_rows",
    "retrieval",
]

LABELS = ("redshift", "log_stellar_mass")


@dataclass(frozen=True)
class Row:
    """One way to tell redshift and mass.

    Parameters
    ----------
    known, looked_up : str
        Vectors of the galaxies that are known, and of those that are told.
    way : str
        Of `astroclip_astro.evaluate.predictors.predict`.
    words : str
        What it is.
    paper : tuple of float or None
        R2 of redshift and mass in Lanusse et al. 2023, Table 1; of ``cross_knn`` by public
        reproductions; None where there is none.
    """

    known: str
    looked_up: str
    way: str
    words: str
    paper: tuple[float, float] | None = None


ROWS = {
    "photometry_mlp": Row("photometry", "photometry", "mlp", "g-r, r-z, r; networks", (0.69, 0.65)),
    "photometry_knn": Row("photometry", "photometry", "scaled_knn", "g-r, r-z, r; neighbours"),
    "unaligned_image_mlp": Row(
        "unaligned_image",
        "unaligned_image",
        "mlp",
        "image encoder before alignment, below its projection; networks",
        (0.39, 0.45),
    ),
    "unaligned_spectrum_knn": Row(
        "unaligned_spectrum",
        "unaligned_spectrum",
        "knn",
        "spectrum encoder before alignment, mean of its tokens; neighbours",
    ),
    "image_knn": Row("image", "image", "knn", "images among images; neighbours", (0.71, 0.66)),
    "spectrum_knn": Row(
        "spectrum", "spectrum", "knn", "spectra among spectra; neighbours", (0.97, 0.86)
    ),
    "image_mlp": Row("image", "image", "mlp", "images; networks", (0.63, 0.57)),
    "spectrum_mlp": Row("spectrum", "spectrum", "mlp", "spectra; networks", (0.99, 0.86)),
    "cross_knn": Row("spectrum", "image", "knn", "images among spectra; neighbours", (0.64, 0.58)),
}


@dataclass(frozen=True)
class Galaxies:
    """Galaxies as vectors, with the labels they have.

    Parameters
    ----------
    vectors : mapping of str to ndarray
        (n, width) each: any of ``photometry``, ``image``, ``spectrum``, ``unaligned_image``,
        ``unaligned_spectrum``; NaN where a galaxy has none.
    labels : mapping of str to ndarray
        float64 (n,) each; NaN where a galaxy has none.
    rows : ndarray
        int64 (n,), rows of the file or table they are from.
    brightness : mapping of str to ndarray
        float64 (n,) each, of ``image`` and ``spectrum`` as a reference has it, as far as known.
    magnitude : ndarray or None
        float64 (n,), r magnitude where it is known.
    """

    vectors: Mapping[str, np.ndarray]
    labels: Mapping[str, np.ndarray]
    rows: np.ndarray
    brightness: Mapping[str, np.ndarray] = field(default_factory=dict)
    magnitude: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of galaxies."""
        return len(self.rows)

    def vectors_of(self, *names: str) -> dict[str, np.ndarray]:
        """Return some of the vectors."""
        return {name: self.vectors[name] for name in names}

    def complete(self) -> Galaxies:
        """Return those that have all vectors, so that every row sees the same ones."""
        kept = np.ones(len(self), bool)
        for vectors in self.vectors.values():
            kept &= np.isfinite(vectors).all(axis=1)
        return Galaxies(
            {name: values[kept] for name, values in self.vectors.items()},
            {name: values[kept] for name, values in self.labels.items()},
            self.rows[kept],
            {name: values[kept] for name, values in self.brightness.items()},
            None if self.magnitude is None else self.magnitude[kept],
        )


@dataclass(frozen=True)
class TableOne:
    """Scores and predictions of every row that the vectors allow.

    Parameters
    ----------
    scores : dict of str to dict
        For each row, its scores: ``r2_redshift``, ``sigma_nmad_redshift`` and so on.
    predictions : dict of str to dict
        For each row and label, float64 (n,), one value for each test galaxy.
    reference, test : Galaxies
        Those that were learned from, and those that were told: they have all vectors.
    """

    scores: dict[str, dict[str, Estimate]]
    predictions: dict[str, dict[str, np.ndarray]]
    reference: Galaxies
    test: Galaxies


def evaluate_rows(
    reference: Galaxies,
    test: Galaxies,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    advance: Callable[[str], object] = lambda name: None,
) -> TableOne:
    """Tell labels of test galaxies in every way, and score that.

    Parameters
    ----------
    reference : Galaxies
        Galaxies to learn from.
    test : Galaxies
        Others, with the same vectors and labels.
    seed : int
        Of networks and bootstrap.
    resamples : int
        Of the bootstrap.
    advance : callable
        Called with the name of each row when it is done.

    Returns
    -------
    TableOne
        All rows are of the same galaxies, on both sides.

    Raises
    ------
    InputError
        Where too few galaxies have all vectors and a label.

    Notes
    -----
    Lanusse et al. 2023, Table 1, and Parker et al. 2024 (arXiv:2310.03024).
    """
    reference, test = reference.complete(), test.complete()
    for label in reference.labels:
        known = int(np.isfinite(reference.labels[label]).sum())
        tested = int(np.isfinite(test.labels[label]).sum())
        if known < K or tested < 2:
            raise InputError(
                f"Only {known} galaxies to learn {label} from and {tested} held out have "
                f"{', '.join(reference.vectors)}; expected {K} and 2 at least. Hold out another "
                "fraction, or by something else."
            )
    scores, predictions = {}, {}
    for name, row in present_rows(reference).items():
        points, queries = reference.vectors[row.known], test.vectors[row.looked_up]
        scores[name], predictions[name] = {}, {}
        for label, values in reference.labels.items():
            found = predict(row.way, points, values, queries, seed=seed)
            true = test.labels[label]
            has = np.isfinite(true)
            one = label_scores(label, true[has], found[has], resamples=resamples, seed=seed)
            scores[name] |= {f"{quantity}_{label}": value for quantity, value in one.items()}
            predictions[name][label] = found
        advance(name)
    return TableOne(scores, predictions, reference, test)


def present_rows(galaxies: Galaxies) -> dict[str, Row]:
    """Return the rows for which there are vectors."""
    return {
        name: row for name, row in ROWS.items() if {row.known, row.looked_up} <= {*galaxies.vectors}
    }


def retrieval(
    test: Galaxies, *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, dict[str, Estimate]]:
    """Look up the spectra of images among all of the test galaxies, and the other way round.

    Within one modality a galaxy would find itself, which says nothing.

    Parameters
    ----------
    test : Galaxies
        With all vectors.
    seed, resamples : int
        Of the bootstrap.

    Returns
    -------
    dict of str to dict
        ``image_to_spectrum`` and ``spectrum_to_image`` with the scores of `retrieval_scores`; and
        for every kind of embedding its ``effective_rank``.
    """
    found = {}
    if {"image", "spectrum"} <= {*test.vectors}:
        for query, target in (("image", "spectrum"), ("spectrum", "image")):
            ranks = partner_ranks(test.vectors[query], test.vectors[target])
            found[f"{query}_to_{target}"] = retrieval_scores(ranks, resamples=resamples, seed=seed)
    for name, vectors in test.vectors.items():
        if name != "photometry":
            found[name] = {"effective_rank": Estimate(effective_rank(vectors))}
    return found
