"""Table 1 of the paper: what photometry, images and spectra tell about redshift and mass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.evaluate.predictors import predict
from astroclip_astro.evaluate.retrieval import partner_ranks, retrieval_scores
from astroclip_astro.evaluate.scores import RESAMPLES, Score, label_scores
from astroclip_astro.search.effective_rank import effective_rank
from astroclip_astro.search.exact import K
from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies

LABELS = ("redshift", "log_stellar_mass")


@dataclass(frozen=True)
class Row:
    """One method of predicting redshift and mass.

    Parameters
    ----------
    reference_vectors, query_vectors : str
        Vectors of the galaxies with known labels, and of those predicted for.
    method : str
        Of `astroclip_astro.evaluate.predictors.predict`.
    description : str
        What it is.
    paper : tuple of float or None
        R2 of redshift and mass in Lanusse et al. 2023, Table 1; of ``cross_knn`` by public
        reproductions; None where there is none.
    """

    reference_vectors: str
    query_vectors: str
    method: str
    description: str
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
class TableOne:
    """Scores and predictions of every row that the vectors allow.

    Parameters
    ----------
    scores : dict of str to dict
        For each row, its scores: ``r2_redshift``, ``sigma_nmad_redshift`` and so on.
    predictions : dict of str to dict
        For each row and label, float64 (n,), one value for each test galaxy.
    reference, test : EmbeddedGalaxies
        Those that were learned from, and those predicted for: they have all vectors.
    """

    scores: dict[str, dict[str, Score]]
    predictions: dict[str, dict[str, np.ndarray]]
    reference: EmbeddedGalaxies
    test: EmbeddedGalaxies


def evaluate_rows(
    reference: EmbeddedGalaxies,
    test: EmbeddedGalaxies,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    advance: Callable[[str], object] = lambda name: None,
) -> TableOne:
    """Predict labels of test galaxies by every method, and score that.

    Parameters
    ----------
    reference : EmbeddedGalaxies
        Galaxies to learn from.
    test : EmbeddedGalaxies
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
    _check_label_counts(reference, test)
    scores: dict[str, dict[str, Score]] = {}
    predictions: dict[str, dict[str, np.ndarray]] = {}
    for name, row in present_rows(reference).items():
        points, queries = reference.vectors[row.reference_vectors], test.vectors[row.query_vectors]
        scores[name], predictions[name] = {}, {}
        for label, values in reference.labels.items():
            found = predict(row.method, points, values, queries, seed=seed)
            true = test.labels[label]
            has = np.isfinite(true)
            one = label_scores(label, true[has], found[has], resamples=resamples, seed=seed)
            scores[name] |= {f"{quantity}_{label}": value for quantity, value in one.items()}
            predictions[name][label] = found
        advance(name)
    return TableOne(scores, predictions, reference, test)


def _check_label_counts(reference: EmbeddedGalaxies, test: EmbeddedGalaxies) -> None:
    """Raise unless enough galaxies have each label, of those learned from and those held out."""
    for label in reference.labels:
        known = int(np.isfinite(reference.labels[label]).sum())
        tested = int(np.isfinite(test.labels[label]).sum())
        if known < K or tested < 2:
            raise InputError(
                f"Only {known} galaxies to learn {label} from and {tested} held out have "
                f"{', '.join(reference.vectors)}; expected {K} and 2 at least. Hold out another "
                "fraction, or by something else."
            )


def present_rows(galaxies: EmbeddedGalaxies) -> dict[str, Row]:
    """Return the rows for which there are vectors."""
    return {
        name: row
        for name, row in ROWS.items()
        if {row.reference_vectors, row.query_vectors} <= {*galaxies.vectors}
    }


def retrieval(
    test: EmbeddedGalaxies, *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, dict[str, Score]]:
    """Look up the spectra of images among all of the test galaxies, and the other way round.

    Within one modality a galaxy would find itself, which says nothing.

    Parameters
    ----------
    test : EmbeddedGalaxies
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
            found[name] = {"effective_rank": Score(effective_rank(vectors))}
    return found


def rows_of_file(galaxies: EmbeddedGalaxies) -> np.ndarray:
    """Return which rows of their file or table galaxies are, int64 (n,)."""
    assert galaxies.rows is not None  # only galaxies without a file have no rows
    return galaxies.rows
