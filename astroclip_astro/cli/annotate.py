"""``astroclip-annotate``: a catalogue in, the same catalogue with AstroCLIP columns out."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from astroclip_astro.annotate.progress import Progress
from astroclip_astro.cli.endpoints import choose_endpoints
from astroclip_astro.cli.option_types import POSITION_TYPE
from astroclip_astro.cli.options import (
    embedding_options,
    frame_option,
    interrupted,
    quiet_option,
    run_command,
)
from astroclip_astro.cli.terminal import say, say_lines
from astroclip_astro.errors import InputError
from astroclip_astro.version import __version__

if TYPE_CHECKING:
    from astroclip_astro.annotate.run import Run
    from astroclip_astro.records import Source


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
@frame_option
@click.option(
    "--calibrate",
    metavar="LABEL=COLUMN,...",
    help="Calibrate the errors on columns of CATALOG that hold true values where they are known, "
    "for example redshift=Z_SPEC,log_stellar_mass=LOGM.",
)
@click.option(
    "--calibrate-limits",
    metavar="LABEL=LOW:HIGH,...",
    help="Use the values of --calibrate that lie between these limits, all of them.  [default: "
    "redshift=-0.01:7,log_stellar_mass=4:13.5, without values repeated as no measurement is]",
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
    "--verify-source",
    is_flag=True,
    help="Where an interrupted run is continued, read all files of a source folder to know whether "
    "they are the same, not their names, sizes, times and headers alone.",
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
    verify_source: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> int:
    """Add AstroCLIP embeddings, redshifts, stellar masses, novelty and flags to CATALOG.

    CATALOG is a table of positions in any format that astropy reads: FITS, VOTable, ECSV, CSV,
    Parquet, ... It is never changed. Of several tables in one file, the first with positions is
    read; CATALOG#2 or CATALOG#NAME is another. - reads the table from standard input; its format
    is recognised by its content. Instead of CATALOG, give --position or --name. With --source
    demo, CATALOG is optional: the demo's own catalogue is annotated, and demo_astroclip.fits is
    written into the current folder.

    When a run was interrupted, the same command continues it.

    Exit status: 0 done, 2 a mistake in the input, 3 no data for any row because no source
    answered, 130 interrupted.
    """
    from astroclip_astro.annotate.job import close
    from astroclip_astro.annotate.plan import make_plan
    from astroclip_astro.annotate.run import start_run
    from astroclip_astro.catalogue.streams import FORMATS, write_stream
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
            f"--{name.replace('_', '-')}": options[name]
            for name in ("ra", "dec", "frame", "rows", "calibrate", "calibrate_limits")
        },
    )
    with Progress(quiet=quiet) as progress:
        with explaining(progress, verbose=verbose):
            plan = make_plan(ends.catalogue, ends.output, dry=dry_run, progress=progress, **options)
        if ends.form is not None:
            plan.check_format(FORMATS[ends.form])
        run = None
        if not dry_run or plan.needs_model:
            run = start_run(
                plan,
                resume=not no_resume or dry_run,
                verify_source=verify_source,
                progress=progress,
            )
    try:
        if dry_run or run is None:
            say_lines(describe_plan(plan, run, ends))
            return 0
        try:
            with describing(run.job.source, verbose=verbose):
                rows = work(run, progress, verbose=verbose)
        except KeyboardInterrupt:
            return interrupted("astroclip-annotate", describe_completed(run))
        if ends.form is not None:
            write_stream(plan.table, ends.form, sys.stdout.buffer)
        if not quiet or (ends.typed and plan.output is None and ends.form is None):
            seconds = time.monotonic() - start
            # Nothing but the table goes to standard output where that is asked for.
            say_lines(
                describe_result(run, ends, rows, seconds, quiet=quiet), err=ends.form is not None
            )
    finally:
        close(plan.options.source)
    return 0


def describe_completed(run: Run) -> str:
    """Return what an interrupted run has kept, and how to continue."""
    if run.store is None:
        return "nothing was written; run the same command again"
    caches = getattr(run.job.source, "caches", False)
    cached = ", and what was fetched for the next ones is cached" if caches else ""
    return (
        f"{run.completed} of {len(run.plan.targets)} rows are completed{cached}. The same command "
        "continues from there"
    )


@contextmanager
def explaining(progress: Progress, *, verbose: bool) -> Iterator[None]:
    """Name what lies behind a mistake, such as each file of a folder, where that is wanted."""
    try:
        yield
    except InputError as error:
        for line in error.details if verbose else ():
            progress.write(line)
        raise


@contextmanager
def describing(source: Source, *, verbose: bool) -> Iterator[None]:
    """Name the files that a source does not use, and those that it meets in its work."""
    known = [*getattr(source, "problems", ()), *getattr(source, "unused", ())]
    if verbose:
        for path, reason in known:
            say(f"{path}: {reason}", err=True)
    try:
        yield
    finally:
        if verbose:
            for pair in getattr(source, "problems", ()):
                if pair not in known:
                    say(": ".join(map(str, pair)), err=True)


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
