"""From galaxies with images and spectra, or photometry, to a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from astroclip_astro.errors import InputError

if TYPE_CHECKING:
    from astroclip_astro.evaluate.report import Report
    from astroclip_astro.zeroshot.embedded import EmbeddedGalaxies

__all__ = ["evaluate_embeddings", "make_report"]


def evaluate_embeddings(
    data: Path,
    run_metadata: dict[str, str],
    *,
    weights: str,
    pretrained: tuple[str, ...],
    split: dict[str, object],
    ood_objects: int,
    objects: Path | None,
    losses: tuple[Path, ...],
    figures: bool,
    batch_size: int,
    place: dict[str, str],
    seed: int,
    resamples: int,
    quiet: bool,
) -> Report:
    """Return the report on galaxies with images and spectra."""
    from astroclip_astro.evaluate.coverage import (
        coverage,
        coverage_bins,
        make_estimators,
        predict_labels,
    )
    from astroclip_astro.evaluate.figures import (
        calibration_figures,
        check_drawable,
        loss_figures,
        novelty_figures,
        object_figures,
        prediction_figures,
        retrieval_figures,
    )
    from astroclip_astro.evaluate.ood import novelties, novelty_areas
    from astroclip_astro.evaluate.samples import (
        describe_weights,
        sample_galaxies,
        sample_objects_of_table,
        sample_simulated_objects,
    )
    from astroclip_astro.models.card import check_aligned
    from astroclip_astro.models.model import load_model  # torch is loaded here
    from astroclip_astro.models.pretrained import load_pretrained
    from astroclip_astro.reference.labelled_file import open_labelled_file, split_galaxies
    from astroclip_astro.simulate import KINDS

    if figures:
        check_drawable()
    elif losses:
        raise InputError("--losses has no effect with --no-figures; leave it out.")
    labelled = open_labelled_file(data)
    if not split["holdout"]:
        raise InputError(
            "--holdout is 0, expected a fraction of the galaxies to evaluate on, such as 0.05."
        )
    choice = split_galaxies(labelled, **split)
    drawn = loss_figures(losses) if figures else {}
    model = load_model(weights, **place)
    check_aligned(model.card)
    before = load_pretrained(pretrained, **place)
    given: dict[str, EmbeddedGalaxies] = {}
    if objects is not None:
        given = sample_objects_of_table(objects, model, batch_size=batch_size)
    strange: dict[str, EmbeddedGalaxies] = {}
    passes = (len(choice.reference) + len(choice.test)) * (1 + len(before))
    passes += ood_objects * len(KINDS)
    with tqdm(total=passes, unit="galaxy", disable=quiet, dynamic_ncols=True) as bar:
        if ood_objects:  # first: what simulating lacks is found out within seconds
            strange |= sample_simulated_objects(
                ood_objects, model, seed=seed, batch_size=batch_size, advance=bar.update
            )
        sides = tuple(
            sample_galaxies(
                labelled, rows, model, before, batch_size=batch_size, advance=bar.update
            )
            for rows in (choice.reference, choice.test)
        )
    for kind, some in given.items():
        strange[f"{kind} of {objects.name}" if kind in strange else kind] = some
    run_metadata = {"data": data.name, "weights": describe_weights(model)} | run_metadata
    if objects is not None:
        run_metadata["objects"] = objects.name
    if before:
        run_metadata["before alignment"] = "; ".join(
            f"{name}: {describe_weights(one)}" for name, one in before.items()
        )
    report = make_report(
        sides,
        data.name,
        labelled.simulated,
        run_metadata,
        seed=seed,
        resamples=resamples,
        quiet=quiet,
    )
    table, test = report.table, report.table.test
    noun = "SIMULATED galaxies" if labelled.simulated else "galaxies"
    searchers = make_estimators(table.reference, labelled.simulated)
    told = predict_labels(searchers, test)
    chance = {"seed": seed, "resamples": resamples}
    sections = dict(report.sections) | {"coverage": coverage(told, test, **chance)}
    if bins := coverage_bins(told, test, **chance):
        sections["coverage_bins"] = bins
    if strange:
        ordinary = novelties(searchers, test.select("image", "spectrum"))
        found = {kind: novelties(searchers, some) for kind, some in strange.items()}
        sections["novelty"] = novelty_areas(ordinary, found, **chance)
    if figures:
        drawn |= prediction_figures(table, noun)
        drawn |= calibration_figures(told, bins, noun)
        drawn |= retrieval_figures(table, labelled, noun, seed=seed)
        drawn |= object_figures(test, labelled, model, before, noun, seed=seed)
        if strange:
            drawn |= novelty_figures(ordinary, found, sections["novelty"], noun)
    return replace(report, sections=sections, predicted=told, figures=drawn)


def make_report(
    sides: tuple[EmbeddedGalaxies, EmbeddedGalaxies],
    source: str,
    simulated: bool | None,
    run_metadata: dict[str, str],
    *,
    seed: int,
    resamples: int,
    quiet: bool,
) -> Report:
    """Return the report on reference galaxies and held-out galaxies."""
    from astroclip_astro.evaluate.report import Report
    from astroclip_astro.evaluate.table import evaluate_rows, present_rows, retrieval

    rows = present_rows(sides[0])
    with tqdm(total=len(rows), unit="row", disable=quiet, dynamic_ncols=True) as bar:
        table = evaluate_rows(
            *sides, seed=seed, resamples=resamples, advance=lambda name: bar.update()
        )
    found = retrieval(table.test, seed=seed, resamples=resamples)
    noun = "SIMULATED galaxies" if simulated else "galaxies"
    run_metadata = run_metadata | {
        "learned from": f"{len(table.reference):,} {noun}",
        "evaluated with": f"{len(table.test):,} {noun} held out",
    }
    return Report(
        title=f"Evaluation on the {noun} of {source}",
        run_metadata=run_metadata,
        simulated=simulated,
        table=table,
        sections={"retrieval": found} if found else {},
    )
