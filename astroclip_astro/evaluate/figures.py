"""The figures of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from astroclip_astro import records
from astroclip_astro.errors import InputError
from astroclip_astro.evaluate.table import rows_of_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from astroclip_astro.evaluate.coverage import CoverageCheck
    from astroclip_astro.evaluate.report import Report
    from astroclip_astro.evaluate.scores import Score
    from astroclip_astro.evaluate.table import TableOne
    from astroclip_astro.figures.retrieval import Tile
    from astroclip_astro.models.model import Model
    from astroclip_astro.reference.labelled_file import LabelledFile
    from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies


Figures = dict[str, tuple["Figure", str]]  # file name -> (figure, caption)
LABELS = {"redshift": "redshift", "log_stellar_mass": "log10 stellar mass [solar masses]"}
PAIRS = {  # name -> (what is looked up, among what)
    "image -> image": ("image", "image"),
    "spectrum -> spectrum": ("spectrum", "spectrum"),
    "image -> spectrum": ("image", "spectrum"),
    "spectrum -> image": ("spectrum", "image"),
}
EXAMPLES = 2  # galaxies shown one by one
MATCHES = 5


def check_drawable() -> None:
    """Refuse to draw where that cannot be done, before anything is computed.

    Raises
    ------
    InputError
        Where matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise InputError(
            "Figures need matplotlib, which is not installed: "
            "pip install 'astroclip-astro[plot]', or pass --no-figures."
        ) from None


def all_figures(
    report: Report,
    labelled: LabelledFile,
    model: Model,
    pretrained: Mapping[str, Model],
    *,
    novelty: tuple[Mapping, Mapping] | None,
    seed: int,
) -> Figures:
    """Draw everything that a report on galaxies with images and spectra shows.

    Parameters
    ----------
    report : Report
        With all sections and predictions.
    labelled : LabelledFile
        The file that its galaxies are from.
    model : Model
        Aligned weights.
    pretrained : mapping of str to Model
        Weights before alignment.
    novelty : tuple of mapping, optional
        Novelty of the galaxies held out, and of objects of each kind.
    seed : int
        Of the choice of examples.

    Returns
    -------
    dict of str to (Figure, str)
        For each file name, without suffix, a figure and what it shows.
    """
    name, table = records.sample_name(report.simulated), report.table
    drawn = prediction_figures(table, name)
    drawn |= calibration_figures(report.predicted, report.sections.get("coverage_bins", {}), name)
    drawn |= retrieval_figures(table, labelled, name, seed=seed)
    drawn |= object_figures(table.test, labelled, model, pretrained, name, seed=seed)
    if novelty is not None:
        drawn |= novelty_figures(*novelty, report.sections["novelty"], name)
    return drawn


def prediction_figures(table: TableOne, sample_name: str) -> Figures:
    """Draw predicted against true labels for every pair of modalities."""
    from astroclip_astro.evaluate.scores import label_scores
    from astroclip_astro.figures.predictions import predictions_figure
    from astroclip_astro.zeroshot.metrics import knn_regression

    figures: Figures = {}
    reference, test = table.reference, table.test
    for label, true in test.labels.items():
        known, has = np.isfinite(reference.labels[label]), np.isfinite(true)
        pairs, notes = {}, {}
        for name, (query, target) in PAIRS.items():
            if {query, target} <= {*reference.vectors}:
                found = knn_regression(
                    reference.vectors[target][known],
                    reference.labels[label][known],
                    test.vectors[query][has],
                )
                pairs[name] = true[has], found
                notes[name] = note(label_scores(label, *pairs[name], resamples=0))
        if "photometry_knn" in table.predictions:
            found = table.predictions["photometry_knn"][label]
            pairs["photometry"] = true[has], found[has]
            notes["photometry"] = note(label_scores(label, *pairs["photometry"], resamples=0))
        figures[f"predictions_{label}"] = (
            predictions_figure(
                pairs, title=f"{LABELS[label]} of {sample_name}", label=LABELS[label], notes=notes
            ),
            f"Predicted against true {LABELS[label]}, by the 16 nearest neighbours, for every pair "
            "of modalities: the embedding of the query, and those it is compared with.",
        )
    return figures


def note(scores: Mapping[str, Score]) -> str:
    """Return scores as words in a panel."""
    name, unit = ("sigma_nmad", "") if "sigma_nmad" in scores else ("scatter", " dex")
    words = {"sigma_nmad": "σ_NMAD", "scatter": "scatter"}[name]
    return f"R² = {scores['r2'].value:.3f}\n{words} = {scores[name].value:.3f}{unit}"


def retrieval_figures(
    table: TableOne, labelled: LabelledFile, sample_name: str, *, seed: int
) -> Figures:
    """Draw the ranks of partners, and what is found for a few galaxies."""
    from astroclip_astro.evaluate.retrieval import partner_ranks
    from astroclip_astro.figures.retrieval import ranks_figure, retrieval_figure

    test = table.test
    ranks = {
        name: partner_ranks(test.vectors[query], test.vectors[target])
        for name, (query, target) in PAIRS.items()
        if query != target
    }
    figures: Figures = {
        "ranks": (
            ranks_figure(ranks, total=len(test), title=f"Own partner among {sample_name} held out"),
            "How often a galaxy's own spectrum (image) is among the first N when its image "
            "(spectrum) is the query.",
        )
    }
    file_rows = rows_of_file(test)
    for number, row in enumerate(examples(test, seed), start=1):
        rows = [tiles(test, row, labelled, *PAIRS[name]) for name in PAIRS]
        figures[f"retrieval_{number}"] = (
            retrieval_figure(rows, title=f"Most similar {sample_name} to row {file_rows[row]}"),
            "One galaxy searched for by image and by spectrum, among images and among spectra: "
            "first the query, then the most similar ones. The partner is marked.",
        )
    return figures


def tiles(
    test: EmbeddedGalaxies, row: int, labelled: LabelledFile, query: str, target: str
) -> list[Tile]:
    """Return the query and its matches, as tiles."""
    from astroclip_astro.figures.retrieval import Tile
    from astroclip_astro.search.exact import find

    k = min(MATCHES, len(test) - 1)
    leave_out = np.array([row]) if query == target else None
    near = find(test.vectors[target], test.vectors[query][[row]], k=k, exclude=leave_out)
    redshift, file_rows = test.labels["redshift"], rows_of_file(test)

    def tile(one: int, kind: str, words: str, *, marked: bool = False) -> Tile:
        shown = look(labelled, int(file_rows[one]), kind)
        return Tile(**{kind_names[kind]: shown}, description=words, marked=marked)

    kind_names = {"image": "image", "spectrum": "flux"}
    first = tile(row, query, f"{query}, z = {redshift[row]:.2f}")
    return [first] + [
        tile(
            int(one),
            target,
            f"{1 - distance:.3f}, z = {redshift[one]:.2f}",
            marked=int(one) == row,
        )
        for one, distance in zip(near.index[0], near.cosine_distance[0], strict=True)
    ]


def look(labelled: LabelledFile, row: int, kind: str) -> np.ndarray:
    """Return a galaxy's image in colours, or its flux."""
    from astroclip_astro.prepare.images import centre_crop, clean_images, stretch

    name = "images" if kind == "image" else "spectrum"
    ((_, read),) = labelled.data.read((name,), np.array([row]))
    if kind == "spectrum":
        return np.asarray(read[name][0], float)
    image = clean_images(centre_crop(read[name].astype(np.float32), 96))
    return np.moveaxis(stretch(image, "rgb")[0], 0, -1)  # (96, 96, 3)


def examples(test: EmbeddedGalaxies, seed: int) -> np.ndarray:
    """Return a few test galaxies, drawn at random among the brighter half."""
    bright = test.covariates.get("spectrum")
    rows = np.arange(len(test))
    if bright is not None and np.isfinite(bright).any():
        rows = np.flatnonzero(bright >= np.nanmedian(bright))
    return np.random.default_rng(seed).choice(rows, min(EXAMPLES, len(rows)), replace=False)


def object_figures(
    test: EmbeddedGalaxies,
    labelled: LabelledFile,
    model: Model,
    before: Mapping[str, Model],
    sample_name: str,
    *,
    seed: int,
) -> Figures:
    """Draw attention, and hidden parts filled in, for a few spectra."""
    from astroclip_astro.figures.attention import attention_figure
    from astroclip_astro.figures.masked import masked_figure
    from astroclip_astro.models.attention_maps import masked_spans
    from astroclip_astro.models.masking import sample_mask

    figures: Figures = {}
    file_rows = rows_of_file(test)
    for number, row in enumerate(examples(test, seed), start=1):
        ((_, read),) = labelled.data.read(("spectrum", "ivar"), file_rows[[row]])
        flux, ivar = read["spectrum"], read.get("ivar")
        redshift = float(test.labels["redshift"][row])
        own = None if ivar is None else ivar[0]
        title = f"Row {file_rows[row]} of the {sample_name}, z = {redshift:.3f}"
        weights, spans = model.attention(flux, ivar)
        figures[f"attention_{number}"] = (
            attention_figure(flux[0], own, weights[0], spans, redshift=redshift, title=title),
            "What each head of the cross-attention attends to.",
        )
        if "spectrum" in before:
            filler = before["spectrum"]
            hidden = sample_mask(filler.config, filler.card, seed=seed)
            filled = filler.reconstruct(flux, ivar, masked=hidden)[0]
            stretches = masked_spans(filler.config, hidden)
            figures[f"masked_{number}"] = (
                masked_figure(flux[0], own, filled, stretches, redshift=redshift, title=title),
                "Masked parts of the spectrum, reconstructed by the encoder before alignment.",
            )
    return figures


def calibration_figures(
    predicted: Mapping[str, Mapping[str, CoverageCheck]],
    bins: Mapping[str, Mapping[str, Score]],
    sample_name: str,
) -> Figures:
    """Draw the probability integral transform, and coverage in bins."""
    from astroclip_astro.figures.calibration import CoverageBin, coverage_figure, pit_figure

    figures: Figures = {}
    for label, methods in predicted.items():
        figures[f"pit_{label}"] = (
            pit_figure(
                {method: one.pit for method, one in methods.items()},
                title=f"{LABELS[label]} of {sample_name}: probability integral transform",
            ),
            "Flat within the band where the distribution of errors is right: a hump says that "
            "errors are stated too large, a bowl too small, a slope that there is a bias.",
        )
        by: dict[str, list[CoverageBin]] = {}
        for name, row in bins.items():
            wide = row["low"].value < row["high"].value  # not where all predictions are the same
            if wide and name.startswith(f"{label} by "):
                axis = name.removeprefix(f"{label} by ").rsplit(" ", 1)[0]
                axis = {"magnitude": "r [mag]", "predicted value": f"predicted {LABELS[label]}"}[
                    axis
                ]
                count = int(row["galaxies"].value)
                by.setdefault(axis, []).append(
                    CoverageBin(
                        row["low"].value,
                        row["high"].value,
                        count,
                        round(row["covered_68"].value * count),
                        round(row["covered_95"].value * count),
                    )
                )
        if by:
            figures[f"coverage_{label}"] = (
                coverage_figure(
                    by, title=f"{LABELS[label]} of {sample_name}: coverage of the intervals"
                ),
                "Fraction of galaxies whose true value is inside the 68 % and the 95 % interval, "
                "in bins.",
            )
    return figures


def novelty_figures(
    in_distribution: Mapping[str, np.ndarray],
    out_of_distribution: Mapping[str, Mapping[str, np.ndarray]],
    areas: Mapping[str, Mapping[str, Score]],
    sample_name: str,
) -> Figures:
    """Draw the novelty of objects of each kind beside that of ordinary galaxies."""
    from astroclip_astro.figures.calibration import novelty_figure

    figures: Figures = {}
    for method, usual in in_distribution.items():
        scores = {
            kind: found[method] for kind, found in out_of_distribution.items() if method in found
        }
        if scores:
            notes = {
                kind: f"AUC {areas[kind][f'auc_{method}'].value:.2f}"
                for kind in scores
                if f"auc_{method}" in areas[kind]
            }
            by = {"either": "image or spectrum"}.get(method, method)
            figures[f"novelty_{method}"] = (
                novelty_figure(
                    scores,
                    in_distribution=usual,
                    notes=notes,
                    title=f"Novelty by {by}, beside {sample_name}",
                ),
                f"Novelty by {by}; AUC is how often such an object is more novel than an ordinary "
                "galaxy.",
            )
    return figures
