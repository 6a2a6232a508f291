"""``astroclip-evaluate``: how much the embeddings know, on galaxies that were left out."""

from __future__ import annotations

from pathlib import Path

import click

from astroclip_astro.cli.options import (
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
from astroclip_astro.errors import InputError
from astroclip_astro.version import __version__

__all__ = ["evaluate", "main"]

DATA_ONLY = (
    "weights", "unaligned", "strangers", "objects", "losses", "figures", "batch_size", "device",
    "precision",
)  # fmt: skip
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
    "--strangers",
    type=int,
    default=200,
    show_default=True,
    metavar="N",
    help="SIMULATED stars, quasars and other objects that are no ordinary galaxies, of each kind, "
    "for novelty; 0 for none. Needs the extra [simulate].",
)
@click.option(
    "--objects",
    type=click.Path(path_type=Path),
    metavar="TABLE",
    help="Spectra for novelty: FITS with FLUX, IVAR, SPECTYPE and Z.",
)
@click.option(
    "--losses",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Folder of a training run whose losses are drawn. Several: the option again.",
)
@click.option("--figures/--no-figures", default=True, show_default=True, help="Draw figures.")
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
    strangers: int,
    objects: Path | None,
    losses: tuple[Path, ...],
    figures: bool,
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
    the ways of the paper's Table 1; images are looked up among spectra; errors and novelty are put
    to the test. The report has a page, figures, and all numbers as CSV. Exit status: 0 done, 2 a
    mistake in the input, 130 interrupted.
    """
    from astroclip_astro.cli.evaluation import evaluate_embeddings, make_report
    from astroclip_astro.evaluate.page import table_lines
    from astroclip_astro.evaluate.photometry_table import (
        parse_columns,
        read_photometry,
        split_photometry,
    )
    from astroclip_astro.evaluate.report_files import check_report_folder, write_report

    check_choice(context, data, photometry)
    check_report_folder(output, overwrite=overwrite)
    if min(seed, resamples, strangers) < 0:
        raise InputError(
            f"Seed {seed}, resamples {resamples}, strangers {strangers}: expected 0 or more."
        )
    split = {
        "holdout": holdout,
        "holdout_by": holdout_by,
        "count": galaxies,
        "test_count": test_galaxies,
        "seed": seed,
    }
    options = {"seed": seed, "resamples": resamples, "quiet": quiet}
    facts = {
        "left out": f"{holdout:g} of the galaxies, by {holdout_by}, seed {seed}",
        "version": f"astroclip-astro {__version__}",
    }
    if photometry is not None:
        table = read_photometry(photometry, columns=parse_columns(columns), unit=unit)
        facts = {"data": photometry.name, "columns": table.words} | facts
        sides = split_photometry(table, **split)
        report = make_report(sides, photometry.name, table.simulated, facts, **options)
    else:
        report = evaluate_embeddings(
            data,
            facts,
            weights=weights,
            unaligned=unaligned,
            split=split,
            strangers=given_or_possible(context, strangers, quiet=quiet),
            objects=objects,
            losses=losses,
            figures=figures,
            batch_size=batch_size,
            place={"device": device, "precision": precision},
            **options,
        )
    page = write_report(report, output, overwrite=overwrite)
    if not quiet:
        click.echo(table_lines(report))
        click.echo(f"Wrote {page}")
    return 0


def given_or_possible(context: click.Context, strangers: int, *, quiet: bool) -> int:
    """Return how many objects to simulate: by default none where the extra is not installed."""
    from astroclip_astro.simulate.packages import versions

    asked = context.get_parameter_source("strangers") == click.core.ParameterSource.COMMANDLINE
    if asked or "missing" not in versions().values():
        return strangers
    if not quiet:
        click.echo(
            "Novelty is not put to the test: that needs astroclip-astro[simulate].", err=True
        )
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


def main() -> None:
    """Run the command."""
    run_command(evaluate)
