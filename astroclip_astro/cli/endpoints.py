"""Where rows come from and where they go: files, standard input and output, typed positions."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from astroclip_astro.errors import InputError

if TYPE_CHECKING:
    from astropy.table import Table


STREAM = Path("-")
DEMO_OUTPUT = Path("demo_astroclip.fits")  # in the current folder
DEFAULT_FORMAT = "fits"  # of standard output, where the input has none to follow


@dataclass(frozen=True)
class Endpoints:
    """What is annotated, and what becomes of it.

    Parameters
    ----------
    catalogue : Path or Table
        A file, or what was read already.
    origin : str
        What messages call it.
    output : Path or None
        The file to write; None where there is none, and for the default name of a file's output.
    form : str or None
        Format of standard output, None where the table does not go there.
    typed : bool
        Whether the rows were typed as positions or names, and are printed.
    """

    catalogue: Path | Table
    origin: str
    output: Path | None = None
    form: str | None = None
    typed: bool = False

    def destination(self, written: Path | None) -> str:
        """Return where the rows go, in words; ``written`` is the file that is written."""
        if written is not None:
            return f"write {written.resolve()}"
        if self.form is not None:
            return f"write {self.form} to standard output"
        return "print the rows (-o FILE writes them)"


def choose_endpoints(
    catalog: Path | None,
    positions: tuple[tuple[float, float], ...],
    names: tuple[str, ...],
    output: Path | None,
    form: str | None,
    *,
    source: str,
    only_for_catalogues: dict[str, object],
) -> Endpoints:
    """Return input and output as the options say.

    Parameters
    ----------
    catalog : Path or None
        ``-`` is standard input.
    positions : tuple of tuple of float
        Typed positions, degrees.
    names : tuple of str
        Objects whose positions are asked for.
    output : Path or None
        ``-`` is standard output.
    form : str or None
        Format of standard output.
    source : str
        Of images and spectra; ``demo`` has a catalogue of its own.
    only_for_catalogues : dict of str to object
        Options that do nothing for positions, and what was given.

    Returns
    -------
    Endpoints

    Raises
    ------
    InputError
        Where there is no input or more than one, or an option that would do nothing.
    """
    typed = bool(positions or names)
    if typed:
        _check_typed(catalog, "--position" if positions else "--name", only_for_catalogues)
    streamed = output == STREAM or (catalog == STREAM and output is None)
    if form is not None and not streamed:
        raise InputError(
            f"--format {form} is for standard output (-o -); the suffix of -o FILE says the "
            "format of a file."
        )
    file = None if streamed else output
    if not typed and catalog is None:
        catalog = _demo_catalogue(source)
        file = DEMO_OUTPUT if output is None else file
    found, origin, own = _read_input(catalog, positions, names, streamed=streamed)
    chosen = (form or own) if streamed else None
    return _checked(Endpoints(found, origin, file, chosen, typed=typed))


def _check_typed(catalog: Path | None, option: str, only_for_catalogues: dict[str, object]) -> None:
    """Refuse a catalogue beside typed positions, and options that go with a catalogue only."""
    if catalog is not None:
        raise InputError(
            f"Found CATALOG {str(catalog)!r} and {option}, expected one of them; leave one out."
        )
    if idle := [name for name, value in only_for_catalogues.items() if value]:
        raise InputError(f"{', '.join(idle)} goes with CATALOG only; leave it out.")


def _demo_catalogue(source: str) -> Path:
    """Return the demo's own catalogue, or raise where another source has been chosen."""
    from astroclip_astro.resources import folder

    if source != "demo":
        raise InputError(
            "Found no CATALOG, expected a file (- for standard input), --position RA DEC or "
            "--name NAME. --source demo alone annotates the demo's own catalogue."
        )
    return folder("catalogs") / "demo.fits"


def _read_input(
    catalog: Path | None,
    positions: tuple[tuple[float, float], ...],
    names: tuple[str, ...],
    *,
    streamed: bool,
) -> tuple[Path | Table, str, str]:
    """Return what is annotated, what messages call it, and in which format it is streamed.

    A file is read here only where the rows go to standard output.
    """
    if catalog is None:
        from astroclip_astro.sky.given_positions import make_position_table

        table = make_position_table(positions, names)
        return table, f"{len(table)} position{'s' * (len(table) > 1)}", DEFAULT_FORMAT
    if catalog == STREAM:
        from astroclip_astro.catalogue.streams import read_stream

        table, own = read_stream(sys.stdin.buffer)
        return table, "standard input", own
    if streamed:
        from astroclip_astro.catalogue import read_catalogue

        return read_catalogue(catalog), str(catalog), DEFAULT_FORMAT
    return catalog, str(catalog), DEFAULT_FORMAT


def _checked(endpoints: Endpoints) -> Endpoints:
    """Refuse to fill a terminal with bytes."""
    from astroclip_astro.catalogue.streams import is_binary

    form = endpoints.form
    if form is not None and is_binary(form) and sys.stdout.isatty():
        raise InputError(
            f"Standard output is a terminal, and {form} is no text; send it to a file or another "
            "command, or choose --format csv, ecsv or votable."
        )
    return endpoints
