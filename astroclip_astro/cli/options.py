"""Options that the commands share, and how their errors end."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence

import click

from astroclip_astro.cli.option_types import DEVICE_TYPE
from astroclip_astro.cli.terminal import say
from astroclip_astro.config import (
    COLUMN_GROUPS,
    DEVICE,
    MATCH_RADIUS,
    MODALITY,
    PRECISION,
    SOURCE,
    WEIGHTS,
    conf,
)
from astroclip_astro.errors import AstroclipError, AstroclipWarning, InputError, SourceError
from astroclip_astro.storage.interrupts import (
    STATUS as INTERRUPTED_STATUS,
    acknowledge,
    start_command,
)

FAILED_STATUS, INPUT_STATUS, SOURCE_STATUS = 1, 2, 3

COMPUTE_OPTIONS = (
    click.option(
        "--device",
        type=DEVICE_TYPE,
        default=DEVICE,
        show_default=True,
        help="Where to compute: on a GPU where there is one (auto), the CPU, an NVIDIA GPU (cuda; "
        "cuda:1 is the second one) or an Apple GPU (mps).",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        default=PRECISION,
        show_default=True,
        help="Number format of the computation: float32, the faster and less precise bfloat16, or "
        "the one that suits the device (auto).",
    ),
)
layer_option = click.option(
    "--layer",
    metavar="NAME",
    help="Layer of the Legacy Surveys that images are taken from, such as ls-dr9 or ls-dr10.  "
    f"[default: {conf.layer}]",
)
frame_option = click.option(
    "--frame",
    metavar="NAME",
    help="Frame of the positions in the table, which are transformed to ICRS: icrs, fk5, fk4, "
    "galactic, supergalactic or ecliptic, with an equinox behind a colon where it is not J2000 "
    "(B1950 for fk4), such as fk5:J1975.  [default: what the file says, else icrs]",
)
weights_option = click.option(
    "--weights",
    default=WEIGHTS,
    show_default=True,
    metavar="NAME|FILE|RUN",
    help="Weights of the encoders: the name of bundled weights, a .safetensors file with its "
    ".json card beside it, or the folder of a training run.",
)
batch_size_option = click.option(
    "--batch-size", type=int, default=32, show_default=True, help="Number of galaxies in a batch."
)
seed_option = click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the random numbers."
)
quiet_option = click.option(
    "-q", "--quiet", is_flag=True, help="Show no progress bar and no summary."
)
SAMPLE_OPTIONS = (
    click.option(
        "--galaxies",
        type=int,
        metavar="N",
        help="Use at most N of the galaxies that are not held out, drawn at random.  "
        "[default: all]",
    ),
    click.option(
        "--test-galaxies",
        type=int,
        metavar="N",
        help="Score at most N of the galaxies that are held out, drawn at random.  [default: all]",
    ),
)
CONNECTION_OPTIONS = (
    click.option(
        "--jobs",
        type=int,
        metavar="N",
        help=f"Number of simultaneous connections to each archive.  [default: {conf.jobs}]",
    ),
    click.option(
        "--cache",
        metavar="DIR|none",
        help="Folder where fetched data are cached, or none.  [default: astropy's cache folder; "
        "none for the demo]",
    ),
    click.option(
        "--cache-limit",
        metavar="SIZE",
        help="Largest size of the cache, such as '500 MB'; a plain number is in GB.  "
        f"[default: {conf.cache_limit}]",
    ),
)
EMBEDDING_OPTIONS = (
    click.option(
        "--source",
        default=SOURCE,
        show_default=True,
        metavar="archive|demo|URL|DIR",
        help="Where images and spectra come from: the public archives of the Legacy Surveys and "
        "DESI (archive), the bundled SIMULATED sky (demo), the address of a server with the same "
        "protocols, or a folder of FITS cutouts and DESI coadds.",
    ),
    layer_option,
    click.option(
        "--release",
        metavar="NAME",
        help="DESI data release that spectra are taken from: EDR, DR1, or both separated by a "
        "comma, the preferred one first.  "
        f"[default: {conf.release}]",
    ),
    *CONNECTION_OPTIONS,
    click.option(
        "--modality",
        default=",".join(MODALITY),
        show_default=True,
        metavar="A,B",
        help="What is embedded: image, spectrum, or both separated by a comma.",
    ),
    weights_option,
    click.option(
        "--reference",
        metavar="NAME|FILE",
        help="Labelled galaxies that rows are compared with: the name of a bundled reference, or "
        "a FITS file of astroclip-reference.  [default: the reference of the weights]",
    ),
    click.option(
        "--match-radius",
        type=float,
        default=MATCH_RADIUS,
        show_default=True,
        metavar="ARCSEC",
        help="Largest distance between the position of a row and its spectrum.",
    ),
    click.option(
        "--columns",
        default=",".join(COLUMN_GROUPS),
        show_default=True,
        metavar="A,B,...",
        help="Groups of columns to add, separated by commas: embedding, redshift, mass, novelty, "
        "and labels, which are those that a reference of your own has besides redshift and mass. "
        "Flags and the properties of the matched spectrum are always added.",
    ),
)


def add_options(options: Sequence[Callable]) -> Callable[[Callable], Callable]:
    """Return a decorator that adds options to a command, in order."""

    def add(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def holdout_options(fraction: float, description: str) -> Callable[[Callable], Callable]:
    """Return a decorator that adds the options of what is held out.

    Parameters
    ----------
    fraction : float
        Default fraction of the galaxies.
    description : str
        What they are held out for, as the help says it.
    """
    return add_options(
        (
            click.option(
                "--holdout",
                type=float,
                default=fraction,
                show_default=True,
                metavar="FRACTION",
                help=description,
            ),
            click.option(
                "--holdout-by",
                default="sky",
                show_default=True,
                metavar="sky|NAME",
                help="Which galaxies are held out together: those in the same part of the sky, or "
                "those with the same value of a dataset or column.",
            ),
        )
    )


def compute_options(command: Callable) -> Callable:
    """Add the options that say where to compute, and how precisely."""
    return add_options(COMPUTE_OPTIONS)(command)


def embedding_options(command: Callable) -> Callable:
    """Add the options that say what to embed, with what, and where."""
    return add_options((*EMBEDDING_OPTIONS, *COMPUTE_OPTIONS))(command)


def interrupted(command: str, words: str) -> int:
    """Say that a command was interrupted and what is kept of its work; returns its status."""
    say(f"{command}: interrupted; {words}.", err=True)
    acknowledge()
    return INTERRUPTED_STATUS


def run_command(command: click.Command) -> None:
    """Run a command; a mistake is one line on standard error and an exit status, no traceback.

    Parameters
    ----------
    command : click.Command
        The command. Statuses: 0 done, 1 the work failed, 2 the user's mistake, 3 no source
        answered, 130 interrupted.
    """
    start_command()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstroclipWarning)  # the summary says the same
            status = command.main(standalone_mode=False)
    except AstroclipError as error:
        say(f"{command.name}: {' '.join(str(error).split())}", err=True)
        kinds = {InputError: INPUT_STATUS, SourceError: SOURCE_STATUS}
        status = next((s for kind, s in kinds.items() if isinstance(error, kind)), FAILED_STATUS)
    except click.ClickException as error:
        say(f"{command.name}: {' '.join(error.format_message().split())} See --help.", err=True)
        status = INPUT_STATUS
    except (click.Abort, KeyboardInterrupt):
        status = interrupted(str(command.name), "run the same command again")
    sys.exit(status)
