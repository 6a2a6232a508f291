"""``astroclip-evaluate``: how well embeddings predict the labels of held-out galaxies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from astroclip_astro.cli.option_types import RenamedOption
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
from astroclip_astro.cli.terminal import say, say_lines
from astroclip_astro.errors import InputError
from astroclip_astro.version import __version__

DATA_ONLY = (
    "weights", "unaligned", "out_of_distribution", "objects", "losses", "figures", "batch_size",
    "device", "precision",
)  # fmt: skip
TABLE_ONLY = ("columns", "unit")


@click.command(name="astroclip-evaluate", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="astroclip-evaluate")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Labelled galaxies: an HDF5 file with the datasets images, spectrum, redshift and "
    "log_stellar_mass, one galaxy a row, and flux for the comparison with photometry.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder that the report is written into.",
)
@weights_option
@click.option(
    "--unaligned",
    multiple=True,
    metavar="RUN|FILE",
    help="Weights of the pretrained encoders before alignment, which are evaluated too: the "
    "folder of a training run of one stage or of all stages, or a file. Repeat the option for "
    "several.",
)
@click.option(
    "--out-of-distribution",
    cls=RenamedOption,
    former="--strangers",
    type=int,
    default=200,
    show_default=True,
    metavar="N",
    help="Number of out-of-distribution objects of each kind that novelty is tested with, 0 for "
    "none: SIMULATED stars, quasars, empty sky, damaged data, distant galaxies and noise. Needs "
    "the extra [simulate].",
)
@click.option(
    "--objects",
    type=click.Path(path_type=Path),
    metavar="TABLE",
    help="Spectra of other objects that novelty is tested with: a FITS table with FLUX, IVAR, "
    "SPECTYPE and Z.",
)
@click.option(
    "--losses",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Folder of a training run whose losses are drawn. Repeat the option for several.",
)
@click.option(
    "--figures/--no-figures", default=True, show_default=True, help="Whether figures are drawn."
)
@click.option(
    "--photometry",
    type=click.Path(path_type=Path),
    metavar="TABLE",
    help="Evaluate photometry alone, from this table of fluxes or magnitudes, instead of --data.",
)
@click.option(
    "--columns",
    default="",
    metavar="WHAT=NAME,...",
    help="Columns of --photometry TABLE that hold g, r, z, redshift and log_stellar_mass, for "
    "example g=FLUX_G,redshift=Z.  [default: found by their usual names]",
)
@click.option(
    "--unit",
    type=click.Choice(["auto", "nanomaggy", "mag"]),
    default="auto",
    show_default=True,
    help="What the columns of photometry hold; auto decides by their units and names.",
)
@holdout_options(0.05, "Fraction of the galaxies that are held out and evaluated on.")
@add_options(SAMPLE_OPTIONS)
@click.option(
    "--resamples",
    type=int,
    default=1000,
    show_default=True,
    metavar="N",
    help="Number of bootstrap resamples that give the confidence intervals; 0 for none.",
)
@seed_option
@compute_options
@batch_size_option
@click.option("--overwrite", is_flag=True, help="Replace the files of a report that exists.")
@quiet_option
@click.pass_context
def evaluate(
    context: click.Context,
    data: Path | None,
    output: Path,
    weights: str,
    unaligned: tuple[str, ...],
    out_of_distribution: int,
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
    """Measure how well embeddings predict redshift and stellar mass, compared with photometry.

    Give --data or --photometry. Some galaxies are held out, in whole groups. Their labels are
    predicted from the others by the methods of the paper's Table 1, their images are searched
    among spectra, and the predicted errors and novelty are tested. The report is a web page with
    figures, and CSV files with all numbers.

    Exit status: 0 done, 2 a mistake in the input, 130 interrupted.
    """
    from astroclip_astro.evaluate.page import table_lines
    from astroclip_astro.evaluate.photometry_table import parse_columns
    from astroclip_astro.evaluate.report_files import check_report_folder, write_report
    from astroclip_astro.evaluate.run import (
        EvaluationOptions,
        evaluate_embeddings,
        evaluate_photometry,
    )
    from astroclip_astro.training_data.split import HoldOut

    file = check_exclusive(context, data, photometry)
    check_report_folder(output, overwrite=overwrite)
    for option, value in (
        ("--seed", seed),
        ("--resamples", resamples),
        ("--out-of-distribution", out_of_distribution),
    ):
        if value < 0:
            raise InputError(f"{option} is {value}, expected 0 or more.")
    options = EvaluationOptions(
        holdout=HoldOut(holdout, holdout_by, galaxies, test_galaxies, seed),
        weights=weights,
        pretrained=unaligned,
        objects=objects,
        losses=losses,
        figures=figures,
        resamples=resamples,
        device=device,
        precision=precision,
        batch_size=batch_size,
    )
    if photometry is not None:
        report = evaluate_photometry(
            file, options, columns=parse_columns(columns), unit=unit, quiet=quiet
        )
    else:
        count = given_or_possible(context, out_of_distribution, quiet=quiet)
        report = evaluate_embeddings(file, replace(options, ood_objects=count), quiet=quiet)
    page = write_report(report, output, overwrite=overwrite)
    if not quiet:
        say_lines(table_lines(report))
        say(f"Wrote {page}")
    return 0


def given_or_possible(context: click.Context, count: int, *, quiet: bool) -> int:
    """Return how many objects to simulate: by default none where the extra is not installed."""
    from astroclip_astro.simulate.packages import versions

    asked = (
        context.get_parameter_source("out_of_distribution")
        == click.core.ParameterSource.COMMANDLINE
    )
    if asked or "missing" not in versions().values():
        return count
    if not quiet:
        say(
            "Novelty is not tested with simulated objects; that needs the extra: "
            "pip install 'astroclip-astro[simulate]'.",
            err=True,
        )
    return 0


def check_exclusive(context: click.Context, data: Path | None, photometry: Path | None) -> Path:
    """Return the file, or refuse both kinds of data, neither, and options that have no effect."""
    idle: tuple[str, ...]
    if data is not None and photometry is None:
        file, chosen, idle = data, "--data", TABLE_ONLY
    elif photometry is not None and data is None:
        file, chosen, idle = photometry, "--photometry", DATA_ONLY
    else:
        raise InputError(
            f"Found {'neither' if data is None else 'both'} --data FILE (galaxies with images and "
            "spectra) and --photometry TABLE, expected one of the two."
        )
    given = [
        f"--{name.replace('_', '-')}"
        for name in idle
        if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise InputError(f"{', '.join(given)} has no effect with {chosen}; leave it out.")
    return file


def main() -> None:
    """Run the command."""
    run_command(evaluate)
