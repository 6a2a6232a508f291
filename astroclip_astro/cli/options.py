"""Options that the commands share, and how their errors end."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence

import click

from astroclip_astro.config import conf
from astroclip_astro.errors import AstroclipError, AstroclipWarning, InputError, SourceError
from astroclip_astro.shared_options import (
    COLUMN_GROUPS,
    DEVICE,
    MATCH_RADIUS,
    MODALITY,
    PRECISION,
    SOURCE,
    WEIGHTS,
)

from .option_types import DEVICE_TYPE

__all__ = [
    "CONNECTION_OPTIONS",
    "SAMPLE_OPTIONS",
    "add_options",
    "batch_size_option",
    "compute_options",
    "embedding_options",
    "holdout_options",
    "interrupted",
    "layer_option",
    "quiet_option",
    "run_command",
    "seed_option",
    "weights_option",
]

FAILED_STATUS, INPUT_STATUS, SOURCE_STATUS, INTERRUPTED_STATUS = 1, 2, 3, 130

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
        help="Number format inside the network; auto is bfloat16 on GPUs that have it.",
    ),
)
layer_option = click.option(
    "--layer",
    metavar="NAME",
    help=f"Legacy Surveys layer, ls-dr10 for example.  [default: {conf.layer}]",
)
weights_option = click.option(
    "--weights",
    default=WEIGHTS,
    show_default=True,
    metavar="NAME|FILE|RUN",
    help="Bundled weights, a .safetensors file with its card beside it, or a training run's "
    "folder.",
)
batch_size_option = click.option(
    "--batch-size", type=int, default=32, show_default=True, help="Galaxies computed at once."
)
seed_option = click.option(
    "--seed", type=int, default=0, show_default=True, help="Of everything random."
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary.")
SAMPLE_OPTIONS = (
    click.option(
        "--galaxies",
        type=int,
        metavar="N",
        help="Of those that are not left out take at most so many, at random.  [default: all]",
    ),
    click.option(
        "--test-galaxies",
        type=int,
        metavar="N",
        help="Of those left out score at most so many, at random.  [default: all]",
    ),
)
CONNECTION_OPTIONS = (
    click.option(
        "--jobs",
        type=int,
        metavar="N",
        help=f"Connections at a time to each archive.  [default: {conf.jobs}]",
    ),
    click.option(
        "--cache",
        metavar="DIR|none",
        help="Where fetched data are kept.  [default: astropy's cache folder; none for the demo]",
    ),
    click.option(
        "--cache-limit",
        metavar="SIZE",
        help="Size the cache may have, '500 MB' for example; a plain number is GB.  "
        f"[default: {conf.cache_limit}]",
    ),
)
EMBEDDING_OPTIONS = (
    click.option(
        "--source",
        default=SOURCE,
        show_default=True,
        metavar="archive|demo|URL|DIR",
        help="Where images and spectra come from: the public archives, the bundled simulated sky, "
        "a server that speaks as the archives do, or a folder of local cutouts and DESI coadds.",
    ),
    layer_option,
    click.option(
        "--release",
        metavar="NAME",
        help="DESI release: DESI-EDR, DESI-DR1, or both with a comma, preferred first.  "
        f"[default: {conf.release}]",
    ),
    *CONNECTION_OPTIONS,
    click.option(
        "--modality",
        default=",".join(MODALITY),
        show_default=True,
        help="What to embed, comma-separated.",
    ),
    weights_option,
    click.option(
        "--reference",
        metavar="NAME|FILE",
        help="Labelled galaxies to compare with.  [default: the one of the weights]",
    ),
    click.option(
        "--match-radius",
        type=float,
        default=MATCH_RADIUS,
        show_default=True,
        metavar="ARCSEC",
        help="Largest distance of a spectrum from the row's position.",
    ),
    click.option(
        "--columns",
        default=",".join(COLUMN_GROUPS),
        show_default=True,
        help="Columns to add, comma-separated; flags and the matched spectrum's facts always. "
        "labels are those that a reference of your own has besides redshift and mass.",
    ),
)


def add_options(options: Sequence[Callable]) -> Callable[[Callable], Callable]:
    """Return a decorator that adds options to a command, in order."""

    def add(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def holdout_options(fraction: float, words: str) -> Callable[[Callable], Callable]:
    """Return a decorator that adds the options of what is left out.

    Parameters
    ----------
    fraction : float
        Of the galaxies, by default.
    words : str
        What they are left out for.
    """
    return add_options(
        (
            click.option(
                "--holdout",
                type=float,
                default=fraction,
                show_default=True,
                metavar="FRACTION",
                help=words,
            ),
            click.option(
                "--holdout-by",
                default="sky",
                show_default=True,
                metavar="sky|NAME",
                help="Which are left out together: those of a part of the sky, or of one value of "
                "a dataset or column.",
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
    click.echo(f"{command}: interrupted; {words}.", err=True)
    return INTERRUPTED_STATUS


def run_command(command: click.Command) -> None:
    """Run a command; a mistake is one line on standard error and an exit status, no traceback.

    Parameters
    ----------
    command : click.Command
        The command. Statuses: 0 done, 1 the work failed, 2 the user's mistake, 3 no source
        answered, 130 interrupted.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstroclipWarning)  # the summary says the same
            status = command.main(standalone_mode=False)
    except AstroclipError as error:
        click.echo(f"{command.name}: {' '.join(str(error).split())}", err=True)
        kinds = {InputError: INPUT_STATUS, SourceError: SOURCE_STATUS}
        status = next((s for kind, s in kinds.items() if isinstance(error, kind)), FAILED_STATUS)
    except click.ClickException as error:
        click.echo(f"{command.name}: {error.format_message()} See --help.", err=True)
        status = INPUT_STATUS
    except (click.Abort, KeyboardInterrupt):
        status = interrupted(command.name, "run the same command again")
    sys.exit(status)
