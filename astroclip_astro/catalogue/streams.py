"""Tables through standard input and output, whole or not at all."""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path
from typing import BinaryIO

from astropy.table import Table

from astroclip_astro.catalogue.io import HEAD, WRITERS, explained, read_catalogue
from astroclip_astro.catalogue.text_encoding import text_head, unpacked
from astroclip_astro.catalogue.text_values import ready_to_write
from astroclip_astro.errors import CatalogueError, OutputError
from astroclip_astro.storage.atomic import why

FORMATS = {
    "fits": "FITS",
    "votable": "VOTable",
    "ecsv": "ECSV",
    "csv": "CSV",
    "parquet": "Parquet",
}
SIGNATURES = {
    rb"SIMPLE  =": "fits",
    rb"PAR1": "parquet",
    rb"# %ECSV": "ecsv",
    rb"(?s).{0,4096}?<(\w+:)?VOTABLE[\s>]": "votable",
}
STANDARD_INPUT = "standard input"


def is_binary(form: str) -> bool:
    """Return whether a format is not text, and no use on a terminal.

    Examples
    --------
    >>> is_binary("fits"), is_binary("csv")
    (True, False)
    """
    return form in ("fits", "parquet")


def read_stream(stream: BinaryIO) -> tuple[Table, str]:
    r"""Read a catalogue from a stream, its format recognised by its content alone.

    Parameters
    ----------
    stream : binary file
        All of it is read.

    Returns
    -------
    table : astropy.table.Table
        As `read_catalogue` gives it.
    form : str
        One of `FORMATS`, the one to answer in: that of the stream, ``csv`` for any other text.

    Raises
    ------
    CatalogueError
        As `read_catalogue`.

    Examples
    --------
    >>> table, form = read_stream(io.BytesIO(b"ra,dec\n1.5,2.5\n"))
    >>> table.colnames, form
    (['ra', 'dec'], 'csv')
    """
    content = unpacked(stream.read(), STANDARD_INPUT.capitalize())
    head = text_head(content[:HEAD])
    form = next((form for sign, form in SIGNATURES.items() if re.match(sign, head)), "csv")
    with tempfile.TemporaryDirectory(prefix="astroclip-") as folder:
        path = Path(folder) / ("input" + f".{form}" * (form != "csv"))
        path.write_bytes(content)
        try:
            table = read_catalogue(path, as_text=True)
        except CatalogueError as error:
            words = str(error).replace(str(path), STANDARD_INPUT)
            raise CatalogueError(f"{words[:1].upper()}{words[1:]}") from None
    return table, form


def write_stream(table: Table, form: str, stream: BinaryIO) -> None:
    r"""Write a table to a stream once it is complete.

    Parameters
    ----------
    table : astropy.table.Table
        It is not changed.
    form : str
        One of `FORMATS`.
    stream : binary file
        Open for writing.

    Raises
    ------
    OutputError
        For a column that the format cannot hold, or a stream that takes no more.

    Examples
    --------
    >>> stream = io.BytesIO()
    >>> write_stream(Table({"z": [0.5]}), "csv", stream)
    >>> stream.getvalue()
    b'z\n0.5\n'
    """
    whole = io.BytesIO()
    with explained(FORMATS[form]):
        WRITERS[FORMATS[form]](ready_to_write(table, FORMATS[form]), whole)
    try:
        stream.write(whole.getbuffer())
        stream.flush()
    except OSError as problem:
        raise OutputError(f"Standard output cannot be written ({why(problem)}).") from problem
