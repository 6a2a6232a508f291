"""``astroclip-annotate``: a catalogue in, the same catalogue with AstroCLIP columns out."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from astroclip_astro.progress import Progress
from astroclip_astro.version import __version__

from .options import embedding_options, interrupted, quiet_option, run_command

if TYPE_CHECKING:
    from astroclip_astro.run import Run

__all__ = ["annotate", "main"]


@click.command(name="astroclip-annotate", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("catalog", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Output file; its suffix says the format (.fits, .vot, .ecsv, .csv, .parquet).  "
    "[default: CATALOG_astroclip.fits beside the input]",
)
@embedding_options
@click.option("--ra", metavar="NAME", help="Column of right ascension, or a SkyCoord column.")
@click.option("--dec", metavar="NAME", help="Column of declination.")
@click.option(
    "--calibrate",
    metavar="LABEL=COLUMN,...",
    help="Calibrate errors on columns of CATALOG with true values where they are known: "
    "redshift=Z_SPEC,log_stellar_mass=LOGM.",
)
@click.option("--rows", metavar="A:B", help="Annotate and write only these rows, counted from 0.")
@click.option("--no-resume", is_flag=True, help="Forget what an interrupted run has finished.")
@click.option(
    "--overwrite", is_flag=True, help="Replace the output, and columns whose names are taken."
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, how much and how long.")
@quiet_option
@click.option("-v", "--verbose", is_flag=True, help="Say why each row without data has none.")
@click.version_option(__version__, prog_name="astroclip-annotate")
def annotate(
    catalog: Path,
    output: Path | None,
    no_resume: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    **options: object,
) -> int:
    """Add AstroCLIP embeddings, redshifts, stellar masses, novelty and flags to CATALOG.

    CATALOG is whatever astropy reads: FITS, VOTable, ECSV, CSV, Parquet. It is never changed.
    An interrupted run goes on where it was when the same command is given again.

    Exit status: 0 done, 2 a mistake in the input, 3 no source answered for any row,
    130 interrupted.
    """
    from astroclip_astro.run import prepare_run  # torch is loaded here, not for --help

    from .summary import describe_plan, describe_result

    start = time.monotonic()
    with Progress(quiet=quiet) as progress:
        run = prepare_run(
            catalog, output, resume=not no_resume or dry_run, progress=progress, **options
        )
    with closing(run.job):
        if dry_run:
            click.echo(describe_plan(run))
            return 0
        if verbose:
            for path, reason in run.job.source.problems:
                click.echo(f"{path}: {reason}", err=True)
        try:
            rows = work(run, progress, verbose=verbose)
        except KeyboardInterrupt:
            cached = ", and what was fetched for the next ones" * run.job.source.keeps
            kept = f"{run.store.rows()} of {len(run.targets)} rows are kept{cached}"
            return interrupted("astroclip-annotate", f"{kept}. The same command goes on from there")
        if not quiet:
            click.echo(describe_result(run, rows, time.monotonic() - start))
    return 0


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
