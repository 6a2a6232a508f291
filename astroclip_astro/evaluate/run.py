"""From galaxies with images and spectra, or photometry, to a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from astroclip_astro.errors import InputError

if TYPE_CHECKING:
    from astroclip_astro.evaluate.report import Report
    from astroclip_astro.evaluate.table import Galaxies

__all__ = ["evaluate_embeddings", "make_report"]


def evaluate_embeddings(
    data: Path,
    facts: dict[str, str],
    *,
    weights: str,
    unaligned: tuple[str, ...],
    split: dict[str, object],
    strangers: int,
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
    from astroclip_astro.evaluate.coverage import coverage, coverage_bins, make_searchers, tell
    from astroclip_astro.evaluate.figures import (
        calibration_figures,
        check_drawable,
        loss_figures,
        novelty_figures,
        object_figures,
        prediction_figures,
        retrieval_figures,
    )
    from astroclip_astro.evaluate.ood import Objects, novelties, novelty_areas
    from astroclip_astro.evaluate.samples import gather, read_objects, simulate_objects, words_of
    from astroclip_astro.models.card import check_aligned
    from astroclip_astro.models.model import load_model  # torch is loaded here
    from astroclip_astro.models.pretrained import load_unaligned
    from astroclip_astro.reference.labelled_file import choose, open_labelled_set
    from astroclip_astro.simulate import KINDS

    if figures:
        check_drawable()
    elif losses:
        raise InputError("--losses has no effect with --no-figures; leave it out.")
    labelled = open_labelled_set(data)
    if not split["holdout"]:
        raise InputError(
            "--holdout is 0, expected a fraction of the galaxies to evaluate on, such as 0.05."
        )
    choice = choose(labelled, **split)
    drawn = loss_figures(losses) if figures else {}
    model = load_model(weights, **place)
    check_aligned(model.card)
    before = load_unaligned(unaligned, **place)
    given: dict[str, Objects] = {}
    if objects is not None:
        given = read_objects(objects, model, batch_size=batch_size)
    strange: dict[str, Objects] = {}
    passes = (len(choice.reference) + len(choice.test)) * (1 + len(before))
    passes += strangers * len(KINDS)
    with tqdm(total=passes, unit="galaxy", disable=quiet, dynamic_ncols=True) as bar:
        if strangers:  # first: what simulating lacks is found out within seconds
            strange |= simulate_objects(
                strangers, model, seed=seed, batch_size=batch_size, advance=bar.update
            )
        sides = tuple(
            gather(labelled, rows, model, before, batch_size=batch_size, advance=bar.update)
            for rows in (choice.reference, choice.test)
        )
    for kind, some in given.items():
        strange[f"{kind} of {objects.name}" if kind in strange else kind] = some
    facts = {"data": data.name, "weights": words_of(model)} | facts
    if objects is not None:
        facts["objects"] = objects.name
    if before:
        facts["before alignment"] = "; ".join(
            f"{name}: {words_of(one)}" for name, one in before.items()
        )
    report = make_report(
        sides, data.name, labelled.simulated, facts, seed=seed, resamples=resamples, quiet=quiet
    )
    table, test = report.table, report.table.test
    noun = "SIMULATED galaxies" if labelled.simulated else "galaxies"
    searchers = make_searchers(table.reference, labelled.simulated)
    told = tell(searchers, test)
    chance = {"seed": seed, "resamples": resamples}
    sections = dict(report.sections) | {"coverage": coverage(told, test, **chance)}
    if bins := coverage_bins(told, test, **chance):
        sections["coverage_bins"] = bins
    if strange:
        ordinary = novelties(
            searchers, Objects(test.vectors_of("image", "spectrum"), test.brightness)
        )
        found = {kind: novelties(searchers, some) for kind, some in strange.items()}
        sections["novelty"] = novelty_areas(ordinary, found, **chance)
    if figures:
        drawn |= prediction_figures(table, noun)
        drawn |= calibration_figures(told, bins, noun)
        drawn |= retrieval_figures(table, labelled, noun, seed=seed)
        drawn |= object_figures(test, labelled, model, before, noun, seed=seed)
        if strange:
            drawn |= novelty_figures(ordinary, found, sections["novelty"], noun)
    return replace(report, sections=sections, told=told, figures=drawn)


def make_report(
    sides: tuple[Galaxies, Galaxies],
    source: str,
    simulated: bool | None,
    facts: dict[str, str],
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
    facts = facts | {
        "learned from": f"{len(table.reference):,} {noun}",
        "evaluated with": f"{len(table.test):,} {noun} held out",
    }
    return Report(
        title=f"Evaluation on the {noun} of {source}",
        facts=facts,
        simulated=simulated,
        table=table,
        sections={"retrieval": found} if found else {},
    )
