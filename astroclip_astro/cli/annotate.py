"""``astroclip-annotate``: a catalogue in, the same catalogue with AstroCLIP columns out."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from astroclip_astro.annotate.progress import Progress
from astroclip_astro.cli.endpoints import choose_endpoints
from astroclip_astro.cli.option_types import POSITION_TYPE
from astroclip_astro.cli.options import embedding_options, interrupted, quiet_option, run_command
from astroclip_astro.cli.terminal import say, say_lines
from astroclip_astro.version import __version__

if TYPE_CHECKING:
    from astroclip_astro.annotate.run import Run


@click.command(name="astroclip-annotate", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("catalog", type=click.Path(path_type=Path), required=False)
@click.option(
    "--position",
    "positions",
    type=POSITION_TYPE,
    multiple=True,
    metavar="RA DEC",
    help="Annotate this position instead of a catalogue, and print the row: ICRS degrees (150.1 "
    "-2.2) or sexagesimal (10:00:24.0 -02:12:00). Repeat the option for several positions.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="Annotate the object of this name, M51 for example, at the position that the CDS name "
    "resolver has. Repeat the option for several names.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Output file; its suffix says the format (.fits, .vot, .ecsv, .csv, .parquet). - is "
    "standard output.  [default: CATALOG_astroclip.fits beside the input; standard output where "
    "CATALOG is -; no file for --position and --name]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["fits", "votable", "ecsv", "csv", "parquet"]),
    help="Format of standard output.  [default: that of standard input, else fits]",
)
@embedding_options
@click.option(
    "--ra",
    metavar="NAME",
    help="Column of right ascension, or a SkyCoord column.  [default: found by name and UCD]",
)
@click.option(
    "--dec",
    metavar="NAME",
    help="Column of declination.  [default: found by name and UCD]",
)
@click.option(
    "--calibrate",
    metavar="LABEL=COLUMN,...",
    help="Calibrate the errors on columns of CATALOG that hold true values where they are known, "
    "for example redshift=Z_SPEC,log_stellar_mass=LOGM.",
)
@click.option(
    "--rows", metavar="A:B", help="Annotate and write only rows A to B - 1, counted from 0."
)
@click.option(
    "--no-resume",
    is_flag=True,
    help="Start from the first row even where an interrupted run can be continued.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace the output file if it exists, and columns of CATALOG that have our names.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say what would be done and how long it would take, and write nothing.",
)
@quiet_option
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Say for each row without image or spectrum why it has none.",
)
@click.version_option(__version__, prog_name="astroclip-annotate")
def annotate(
    catalog: Path | None,
    positions: tuple[tuple[float, float], ...],
    names: tuple[str, ...],
    output: Path | None,
    form: str | None,
    no_resume: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    **options: object,
) -> int:
    """Add AstroCLIP embeddings, redshifts, stellar masses, novelty and flags to CATALOG.

    CATALOG is a table of positions in any format that astropy reads: FITS, VOTable, ECSV, CSV,
    Parquet, ... It is never changed. - reads the table from standard input; its format is
    recognised by its content. Instead of CATALOG, give --position or --name. With --source demo,
    CATALOG is optional: the demo's own catalogue is annotated, and demo_astroclip.fits is
    written into the current folder.

    When a run was interrupted, the same command continues it.

    Exit status: 0 done, 2 a mistake in the input, 3 no data for any row because no source
    answered, 130 interrupted.
    """
    from astroclip_astro.annotate.plan import make_plan
    from astroclip_astro.annotate.run import start_run
    from astroclip_astro.cli.summary import describe_plan, describe_result

    start = time.monotonic()
    ends = choose_endpoints(
        catalog,
        positions,
        names,
        output,
        form,
        source=options["source"],
        only_for_catalogues={
            f"--{name}": options[name] for name in ("ra", "dec", "rows", "calibrate")
        },
    )
    with Progress(quiet=quiet) as progress:
        plan = make_plan(ends.catalogue, ends.output, dry=dry_run, progress=progress, **options)
        run = None
        if not dry_run or plan.needs_model:
            run = start_run(plan, resume=not no_resume or dry_run, progress=progress)
    with closing(plan.options.source):
        if dry_run:
            say_lines(describe_plan(plan, run, ends))
            return 0
        if verbose:
            for path, reason in run.job.source.problems:
                say(f"{path}: {reason}", err=True)
        try:
            rows = work(run, progress, verbose=verbose)
        except KeyboardInterrupt:
            return interrupted("astroclip-annotate", describe_completed(run))
        if ends.form is not None:
            from astroclip_astro.catalogue.streams import write_stream

            write_stream(plan.table, ends.form, sys.stdout.buffer)
        if not quiet or (ends.typed and plan.output is None and ends.form is None):
            seconds = time.monotonic() - start
            # Nothing but the table goes to standard output where that is asked for.
            say_lines(
                describe_result(run, ends, rows, seconds, quiet=quiet), err=ends.form is not None
            )
    return 0


def describe_completed(run: Run) -> str:
    """Return what an interrupted run has kept, and how to continue."""
    if run.store is None:
        return "nothing was written; run the same command again"
    cached = ", and what was fetched for the next ones is cached" * run.job.source.caches
    return (
        f"{run.completed} of {len(run.plan.targets)} rows are completed{cached}. The same command "
        "continues from there"
    )


def work(run: Run, progress: Progress, *, verbose: bool) -> np.ndarray:
    """Annotate with a progress bar; say why rows have no data where that is wanted."""

    def report(row: int, reason: str) -> None:
        if verbose:
            progress.write(f"row {row}: {reason}")

    with progress:
        return run.annotate(progress=progress, report=report)


def main() -> None:
    """Run the command."""
    run_command(annotate)
