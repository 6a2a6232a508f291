"""``astroclip-simulate``: a simulated survey, images and spectra with labels, in one HDF5 file."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click
from tqdm.auto import tqdm

from astroclip_astro.cli.options import interrupted, quiet_option, run_command
from astroclip_astro.cli.progress import GalaxyBar
from astroclip_astro.cli.terminal import say
from astroclip_astro.version import __version__


@click.command(name="astroclip-simulate", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("n", type=int)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Output file, .h5 or .hdf5. While it is made, the disk needs room for it twice.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    metavar="S",
    help="Seed of the random numbers. The same seed gives the same galaxies; a larger N adds more "
    "galaxies to the same first ones.",
)
@click.option("--jobs", type=int, metavar="J", help="Number of processes.  [default: all cores]")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it exists.")
@click.option(
    "--no-resume",
    is_flag=True,
    help="Start from the beginning even where an interrupted run can be continued.",
)
@quiet_option
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

    Completed galaxies are stored beside the output, in OUTPUT.partial, until all are complete. When
    a run was interrupted, the same command continues it.

    Exit status: 0 done, 1 packages are missing or a process died, 2 a mistake in the input or
    no room for the output, 130 interrupted.
    """
    from astroclip_astro.simulate.survey import simulate_survey  # scipy is loaded here

    try:
        with closing(GalaxyBar(n, quiet=quiet)) as bar:
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
        return interrupted("astroclip-simulate", str(stop) or "run the same command again")
    if not quiet:
        size = tqdm.format_sizeof(path.stat().st_size, "B")
        say(f"Wrote {n} SIMULATED galaxies (seed {seed}) to {path}, {size}{bar.rate()}")
    return 0


def main() -> None:
    """Run the command."""
    run_command(simulate)
