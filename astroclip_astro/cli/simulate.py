"""``astroclip-simulate``: a simulated survey, images and spectra with labels, in one HDF5 file."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import click
from tqdm.auto import tqdm

from astroclip_astro.errors import AstroclipError, InputError
from astroclip_astro.version import __version__

from .options import FAILED_STATUS, INTERRUPTED_STATUS, run_command

__all__ = ["main", "simulate"]


@click.command(name="astroclip-simulate", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("n", type=int)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Output file, .h5 or .hdf5. While working, the disk must hold it twice.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    metavar="S",
    help="Same seed, same galaxies; more of them begin with the same ones.",
)
@click.option("--jobs", type=int, metavar="J", help="Processes.  [default: all cores]")
@click.option("--overwrite", is_flag=True, help="Replace the output.")
@click.option("--no-resume", is_flag=True, help="Forget what an interrupted run has finished.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary.")
@click.version_option(__version__, prog_name="astroclip-simulate")
def simulate(
    n: int,
    output: Path,
    seed: int,
    jobs: int | None,
    overwrite: bool,
    no_resume: bool,
    quiet: bool,
) -> int:
    """Simulate N galaxies: grz images, DESI spectra, redshifts and stellar masses.

    Finished parts are kept beside the output, in OUTPUT.partial, until all are done. An
    interrupted run goes on where it was when the same command is given again.

    Exit status: 0 done, 1 packages are missing or a process died, 2 a mistake in the input or
    no room for the output, 130 interrupted.
    """
    from astroclip_astro.simulate.survey import simulate_survey  # scipy is loaded here

    try:
        with closing(Bar(n, quiet=quiet)) as bar:
            path = simulate_survey(
                output,
                n,
                seed=seed,
                jobs=jobs,
                resume=not no_resume,
                overwrite=overwrite,
                progress=bar.show,
            )
    except KeyboardInterrupt as stop:
        words = str(stop) or "run the same command again"
        click.echo(f"astroclip-simulate: interrupted; {words}.", err=True)
        return INTERRUPTED_STATUS
    except InputError:
        raise
    except AstroclipError as error:
        click.echo(f"astroclip-simulate: {error}", err=True)
        return FAILED_STATUS
    if not quiet:
        size = tqdm.format_sizeof(path.stat().st_size, "B")
        click.echo(f"Wrote {n} SIMULATED galaxies (seed {seed}) to {path}, {size}{bar.rate()}")
    return 0


class Bar:
    """A progress bar in galaxies; those of an earlier run count as done, not as work.

    Parameters
    ----------
    total : int
        Galaxies in the survey.
    quiet : bool
        Whether to show nothing.
    """

    def __init__(self, total: int, *, quiet: bool) -> None:
        self.total, self.quiet = total, quiet
        self.bar: tqdm | None = None
        self.start = self.seconds = 0.0
        self.made = 0

    def show(self, done: int, made: int) -> None:
        """Show how many are finished, ``made`` of them by this run; the first call starts."""
        if self.bar is None:
            self.start = time.monotonic()
            self.bar = tqdm(
                total=self.total,
                unit="galaxy",
                disable=self.quiet,
                dynamic_ncols=True,
                smoothing=0,  # the mean rate: parts come in bursts
            )
        self.made, self.seconds = made, time.monotonic() - self.start
        self.bar.initial = done - made
        self.bar.n = done
        if done == self.total:
            self.bar.set_description_str("joining", refresh=False)
        self.bar.refresh()

    def rate(self) -> str:
        """Return the galaxies a second in words, nothing where none had to be made."""
        return f", {self.made / self.seconds:.1f} galaxies a second" if self.made else ""

    def close(self) -> None:
        """Take the bar from the screen's last line."""
        if self.bar is not None:
            self.bar.set_description_str("", refresh=False)
            self.bar.close()


def main() -> None:
    """Run the command."""
    run_command(simulate)
