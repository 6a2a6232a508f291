"""``python -m astroclip_astro.standin``: serve a SIMULATED sky until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from typing import Any

import click

from astroclip_astro.errors import InputError
from astroclip_astro.standin.faults import FAULTS
from astroclip_astro.standin.server import serve
from astroclip_astro.standin.sky import painted_sky


def _faults(_context: click.Context, _option: click.Parameter, words: tuple[str, ...]) -> dict:
    """Return probabilities by fault from NAME=PROBABILITY."""
    faults = {}
    for word in words:
        name, _, value = word.partition("=")
        try:
            faults[name] = float(value)
        except ValueError:
            raise click.BadParameter(
                f"{word!r}, expected NAME=PROBABILITY with a NAME of {', '.join(FAULTS)}."
            ) from None
    return faults


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--port", default=0, show_default=True, help="0 finds a free one.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=PROBABILITY",
    callback=_faults,
    help=f"What goes wrong, and how often (0 to 1); can be repeated. {', '.join(FAULTS)}.",
)
@click.option("--seed", default=0, show_default=True, help="For the faults.")
@click.option(
    "--latency", default=0.0, show_default=True, metavar="SECONDS", help="Before every reply."
)
@click.option(
    "--slow",
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Before a slow reply, besides.",
)
@click.option(
    "--painted",
    type=int,
    metavar="COUNT",
    help="Serve COUNT painted objects instead of the bundled demo sky.",
)
def main(painted: int | None, **options: Any) -> None:
    """Serve a SIMULATED sky with the archives' protocols on this machine until Ctrl-C.

    The first line printed is the address: below it are /viewer/fits-cutout, /api/ (SPARCL) and
    /tap.
    """
    # A shell that starts it in the background has it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sky = None if painted is None else painted_sky(painted)
        with serve(sky=sky, **options) as url:
            click.echo(url)  # click flushes
            threading.Event().wait()
    except InputError as error:
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main(prog_name="python -m astroclip_astro.standin")
