"""``astroclip-evaluate``: how much the embeddings know, on galaxies that were left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from tqdm.auto import tqdm

from astroclip_astro.errors import InputError
from astroclip_astro.version import __version__

from .options import (
    SAMPLE_OPTIONS,
    add_options,
    batch_size_option,
    compute_options,
    holdout_options,
    quiet_option,
    run_command,
    seed_option,
    weights_option,
)

if TYPE_CHECKING:
    from astroclip_astro.embedding import Model
    from astroclip_astro.evaluate.report import Report
    from astroclip_astro.evaluate.table import Galaxies
    from astroclip_astro.labelled_set import LabelledSet

__all__ = ["evaluate", "main"]

DATA_ONLY = ("weights", "unaligned", "batch_size", "device", "precision")
TABLE_ONLY = ("columns", "unit")


@click.command(name="astroclip-evaluate", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="astroclip-evaluate")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Labelled galaxies, HDF5, one a row: images, spectrum, redshift, log_stellar_mass; flux "
    "for the rows of photometry.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder of the report.",
)
@weights_option
@click.option(
    "--unaligned",
    multiple=True,
    metavar="RUN|FILE",
    help="Weights before alignment, for the rows of the encoders alone: the folder of a run of "
    "one stage or of all. Several: the option again.",
)
@click.option(
    "--photometry",
    type=click.Path(path_type=Path),
    metavar="TABLE",
    help="In place of --data: a table of fluxes or magnitudes, for the rows of photometry alone.",
)
@click.option(
    "--columns",
    default="",
    metavar="WHAT=NAME,...",
    help="Which column of TABLE is g, r, z, redshift, log_stellar_mass.  [default: by usual names]",
)
@click.option(
    "--unit",
    type=click.Choice(["auto", "nanomaggy", "mag"]),
    default="auto",
    show_default=True,
    help="What the photometry of TABLE is; auto tells it by units and names.",
)
@holdout_options(0.05, "Galaxies to leave out, and to evaluate with.")
@add_options(SAMPLE_OPTIONS)
@click.option(
    "--resamples",
    type=int,
    default=1000,
    show_default=True,
    metavar="N",
    help="Draws of the bootstrap that gives intervals; 0 for none.",
)
@seed_option
@compute_options
@batch_size_option
@click.option("--overwrite", is_flag=True, help="Replace the files of a report that is there.")
@quiet_option
@click.pass_context
def evaluate(
    context: click.Context,
    data: Path | None,
    output: Path,
    weights: str,
    unaligned: tuple[str, ...],
    photometry: Path | None,
    columns: str,
    unit: str,
    holdout: float,
    holdout_by: str,
    galaxies: int | None,
    test_galaxies: int | None,
    resamples: int,
    seed: int,
    device: str,
    precision: str,
    batch_size: int,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Measure what embeddings tell about redshift and mass, beside photometry.

    Labels of galaxies that are left out, in whole groups, are told from those of the others, in
    the ways of the paper's Table 1; images are looked up among spectra. The report has a page and
    all numbers as CSV. Exit status: 0 done, 2 a mistake in the input, 130 interrupted.
    """
    from astroclip_astro.evaluate.page import table_lines
    from astroclip_astro.evaluate.photometry_table import (
        parse_columns,
        read_photometry,
        split_photometry,
    )
    from astroclip_astro.evaluate.report import check_report_folder, write_report

    check_choice(context, data, photometry)
    check_report_folder(output, overwrite=overwrite)
    if seed < 0 or resamples < 0:
        raise InputError(f"Seed {seed}, resamples {resamples}: expected 0 or more of both.")
    facts = {
        "left out": f"{holdout:g} of the galaxies, by {holdout_by}, seed {seed}",
        "version": f"astroclip-astro {__version__}",
    }
    split = {
        "holdout": holdout,
        "holdout_by": holdout_by,
        "count": galaxies,
        "test_count": test_galaxies,
        "seed": seed,
    }
    if photometry is not None:
        table = read_photometry(photometry, columns=parse_columns(columns), unit=unit)
        sides = split_photometry(table, **split)
        simulated, source = table.simulated, photometry.name
        facts = {"data": source, "columns": table.words} | facts
    else:
        from astroclip_astro.embedding import check_aligned, load_model  # torch is loaded here
        from astroclip_astro.labelled_set import choose, open_labelled_set
        from astroclip_astro.unaligned import load_unaligned

        labelled = open_labelled_set(data)
        if not holdout:
            raise InputError("--holdout is 0; leave galaxies out to evaluate with, 0.05 say.")
        choice = choose(labelled, **split)
        model = load_model(weights, device=device, precision=precision)
        check_aligned(model.card)
        before = load_unaligned(unaligned, device=device, precision=precision)
        passes = (len(choice.reference) + len(choice.test)) * (1 + len(before))
        with tqdm(total=passes, unit="galaxy", disable=quiet, dynamic_ncols=True) as bar:
            sides = tuple(
                gather(labelled, rows, model, before, batch_size=batch_size, advance=bar.update)
                for rows in (choice.reference, choice.test)
            )
        simulated, source = labelled.simulated, data.name
        facts = {"data": source, "weights": words_of(model)} | facts
        if before:
            facts["before alignment"] = "; ".join(
                f"{name}: {words_of(one)}" for name, one in before.items()
            )
    report = make_report(
        sides, source, simulated, facts, seed=seed, resamples=resamples, quiet=quiet
    )
    page = write_report(report, output, overwrite=overwrite)
    if not quiet:
        click.echo(table_lines(report))
        click.echo(f"Wrote {page}")
    return 0


def check_choice(context: click.Context, data: Path | None, photometry: Path | None) -> None:
    """Refuse both kinds of data, neither, and options that would do nothing."""
    if (data is None) == (photometry is None):
        raise InputError(
            "Give galaxies with images and spectra, --data FILE, or a table of photometry, "
            "--photometry TABLE: one of the two."
        )
    idle = TABLE_ONLY if photometry is None else DATA_ONLY
    given = [
        f"--{name.replace('_', '-')}"
        for name in idle
        if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        chosen = "--data" if photometry is None else "--photometry"
        raise InputError(f"{', '.join(given)} would do nothing with {chosen}; leave it out.")


def words_of(model: Model) -> str:
    """Return what weights are, in words for a report."""
    kind = "trained on SIMULATED galaxies" if model.card["training"].get("simulated") else ""
    return ", ".join(
        filter(None, [model.card["name"], kind, f"sha256 {model.card['sha256'][:12]}"])
    )


def gather(
    labelled: LabelledSet, rows: object, model: Model, before: dict[str, Model], **options: object
) -> Galaxies:
    """Return the vectors and labels of some galaxies."""
    from astroclip_astro.evaluate.table import LABELS, Galaxies
    from astroclip_astro.reference_set import embed_galaxies
    from astroclip_astro.unaligned import represent

    embedded = embed_galaxies(labelled, rows, model, **options)
    vectors = {"image": embedded.image, "spectrum": embedded.spectrum}
    if embedded.photometry is not None:
        vectors["photometry"] = embedded.photometry
    for modality, one in before.items():
        vectors[f"unaligned_{modality}"] = represent(
            labelled, embedded.rows, modality, one, **options
        )
    labels = {label: embedded.labels[label] for label in LABELS}
    return Galaxies(vectors, labels, embedded.rows)


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
    """Return the report on galaxies to learn from and galaxies left out."""
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
        "evaluated with": f"{len(table.test):,} {noun} left out",
    }
    return Report(
        title=f"What is known of the {noun} of {source}",
        facts=facts,
        simulated=simulated,
        table=table,
        sections={"retrieval": found} if found else {},
    )


def main() -> None:
    """Run the command."""
    run_command(evaluate)
