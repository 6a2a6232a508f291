"""Options that the commands share, and how their errors end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click

from astroclip_astro.columns import GROUPS, MODALITIES
from astroclip_astro.config import conf
from astroclip_astro.errors import InputError, SourceError

__all__ = ["add_options", "compute_options", "embedding_options", "layer_option", "run_command"]

FAILED_STATUS, INPUT_STATUS, SOURCE_STATUS, INTERRUPTED_STATUS = 1, 2, 3, 130

COMPUTE_OPTIONS = (
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda", "mps"]),
        default="auto",
        show_default=True,
        help="Where to compute; auto prefers a GPU.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        default="auto",
        show_default=True,
        help="Number format inside the network; auto is bfloat16 on GPUs that have it.",
    ),
)
layer_option = click.option(
    "--layer",
    metavar="NAME",
    help=f"Legacy Surveys layer, ls-dr10 for example.  [default: {conf.layer}]",
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
        default="archive",
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
        default=",".join(MODALITIES),
        show_default=True,
        help="What to embed, comma-separated.",
    ),
    click.option(
        "--weights",
        default="compact",
        show_default=True,
        metavar="NAME|FILE|RUN",
        help="Bundled weights, a .safetensors file with its card beside it, or a training run's "
        "folder.",
    ),
    click.option(
        "--reference",
        metavar="NAME|FILE",
        help="Labelled galaxies to compare with.  [default: the one of the weights]",
    ),
    click.option(
        "--match-radius",
        type=float,
        default=1.0,
        show_default=True,
        metavar="ARCSEC",
        help="Largest distance of a spectrum from the row's position.",
    ),
    click.option(
        "--columns",
        default=",".join(GROUPS),
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


def compute_options(command: Callable) -> Callable:
    """Add the options that say where to compute, and how precisely."""
    return add_options(COMPUTE_OPTIONS)(command)


def embedding_options(command: Callable) -> Callable:
    """Add the options that say what to embed, with what, and where."""
    return add_options((*EMBEDDING_OPTIONS, *COMPUTE_OPTIONS))(command)


def run_command(command: click.Command) -> None:
    """Run a command; a mistake is one line on standard error and an exit status, no traceback.

    Parameters
    ----------
    command : click.Command
        The command. Statuses: 0 done, 2 the user's mistake, 3 no source answered, 130 interrupted.
    """
    try:
        status = command.main(standalone_mode=False)
    except (InputError, SourceError) as error:
        click.echo(f"{command.name}: {' '.join(str(error).split())}", err=True)
        status = SOURCE_STATUS if isinstance(error, SourceError) else INPUT_STATUS
    except click.ClickException as error:
        click.echo(f"{command.name}: {error.format_message()} See --help.", err=True)
        status = INPUT_STATUS
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{command.name}: interrupted; run the same command again.", err=True)
        status = INTERRUPTED_STATUS
    sys.exit(status)
