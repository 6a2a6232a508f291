"""Catalogue files: the format is recognised, damage refused, and never half a file written."""

from __future__ import annotations

import gzip
import os
import re
import secrets
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from typing import BinaryIO, cast
from warnings import warn

from astropy.table import Table

from astroclip_astro.catalogue.arrow_types import conversions
from astroclip_astro.catalogue.csv_writer import write_csv
from astroclip_astro.catalogue.ecsv import check_ecsv_header, read_ecsv, write_ecsv
from astroclip_astro.catalogue.fits_table import read_fits, write_fits
from astroclip_astro.catalogue.foreign_files import describe_foreign
from astroclip_astro.catalogue.parquet import read_parquet, write_parquet
from astroclip_astro.catalogue.table_choice import SEPARATOR, TableChoice, split_table_name
from astroclip_astro.catalogue.text import read_text
from astroclip_astro.catalogue.text_encoding import PACKERS, text_head
from astroclip_astro.catalogue.text_values import ready_to_write
from astroclip_astro.catalogue.votable import is_votable, read_votable, write_votable
from astroclip_astro.errors import (
    AstroclipError,
    AstroclipWarning,
    CatalogueError,
    ConvertedColumnWarning,
    OutputError,
)
from astroclip_astro.sky.arguments import check_table
from astroclip_astro.storage.atomic import (
    check_destination,
    check_path,
    scratch_path,
    whole_file,
    why,
)
from astroclip_astro.storage.lock import open_scratch

SUFFIXES = {
    "FITS": (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz"),
    "VOTable": (".vot", ".votable", ".xml"),
    "ECSV": (".ecsv",),
    "CSV": (".csv",),
    "Parquet": (".parquet", ".parq"),
}
READERS: dict[str, Callable[[Path], Table]] = {
    "FITS": read_fits,
    "VOTable": read_votable,
    "ECSV": read_ecsv,
    "Parquet": read_parquet,
}
CHOOSERS = {"FITS": read_fits, "VOTable": read_votable}  # which may hold several tables
WRITERS: dict[str, Callable[[Table, BinaryIO], None]] = {
    "FITS": write_fits,
    "VOTable": write_votable,
    "ECSV": write_ecsv,
    "CSV": write_csv,
    "Parquet": write_parquet,
}
SIGNATURES = {b"SIMPLE  =": "FITS", b"PAR1": "Parquet", b"# %ECSV": "ECSV"}
# What the XML parser says of a document that ends too early, and of damaged data.
CUT_OFF = re.compile("no element found|unclosed|partial character|not well-formed|padding|buffer")
HEAD = 4096  # bytes looked at to tell the format


def read_catalogue(
    path: str | os.PathLike, *, columns: Sequence[str] = (), as_text: bool = False
) -> Table:
    r"""Read a catalogue, its format recognised by content where that is plain, else by suffix.

    Parameters
    ----------
    path : str or path
        FITS, VOTable, ECSV, Parquet, CSV or another text table, gzipped or not. Of several tables
        in a file the first is read that has rows and RA and Dec, or TARGETIDs; ``FILE#2`` and
        ``FILE#NAME`` name another: HDU or EXTNAME in FITS, number from 1, name or ID in VOTable.
    columns : sequence of str
        Columns by which the table is chosen instead, where a file has several.
    as_text : bool
        Whether columns of a text table stay the text that they are, so that `write_catalogue` can
        write them as they were; else they are numbers where every value survives.

    Returns
    -------
    astropy.table.Table
        As the file has it; UCDs and utypes are in ``column.meta["ucd"]`` and ``["utype"]``.

    Raises
    ------
    CatalogueError
        Where there is no such file or table, it is damaged or empty, or several could be meant.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_text("ra,dec\n1.5,2.5\n")
    >>> len(read_catalogue(path))
    1
    """
    path, name = split_table_name(path)
    form = _format_of(path)
    if name is not None and form not in CHOOSERS:
        raise CatalogueError(
            f"{path} is {form}, which holds one table; leave out {SEPARATOR + name!r}."
        )
    try:
        if form == "ECSV":
            check_ecsv_header(path)
        if form in CHOOSERS:
            table = CHOOSERS[form](path, TableChoice(name, tuple(columns)))
        elif form == "text":
            table = read_text(path, as_text=as_text)
        else:
            table = READERS[form](path)
    except (AstroclipError, AstroclipWarning, MemoryError):
        raise
    except Exception as problem:
        # A damaged file can make a reader fail in any way; it is the file's fault in all.
        raise CatalogueError(
            f"{path} cannot be read as {form} {_cause(problem, form)}."
        ) from problem
    if len(table) == 0:
        raise CatalogueError(f"{path} has no rows; pass a catalogue with at least one.")
    return table


def write_catalogue(table: Table, path: str | os.PathLike, *, overwrite: bool = False) -> None:
    """Write a table, its format given by the suffix: the whole file or none of it.

    Parameters
    ----------
    table : astropy.table.Table
        Table or QTable; it is not changed. Descriptions, units and ``column.meta["ucd"]`` are
        written for every column where the format has a place for them (CSV has none, and its
        vector columns become ``NAME_0``, ``NAME_1``, ...).
    path : str or path
        ``.fits``, ``.fits.gz``, ``.vot``, ``.ecsv``, ``.csv`` or ``.parquet``. The file appears
        when it is complete; until then a file of that name stays as it is.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        For an unknown suffix, an existing file, a place that cannot be written, a full disk, or
        a column that the format cannot hold.

    Warns
    -----
    ConvertedColumnWarning
        For decimals and time zones of a Parquet file that are written in another format.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.fits"
    >>> write_catalogue(Table({"z": [0.5]}), path)
    >>> read_catalogue(path)["z"][0]
    np.float64(0.5)
    """
    check_table(table)
    path = Path(check_path(path, "path"))
    form = check_output(path, overwrite=overwrite)
    if form != "Parquet" and (changed := conversions(table)):
        warn(
            f"{form} has other types than Parquet: it gets {', '.join(changed)}; write "
            ".parquet to keep them.",
            ConvertedColumnWarning,
            stacklevel=2,
        )
    table = ready_to_write(table, form)
    with _replacing(path) as stream, explained(form):
        if path.name.lower().endswith(".gz"):
            with gzip.GzipFile(path.name[: -len(".gz")], "wb", fileobj=stream) as packed:
                # A file like any other, but the types of the library do not say so.
                WRITERS[form](table, cast(BinaryIO, packed))
        else:
            WRITERS[form](table, stream)


@contextmanager
def explained(form: str, name: str = "") -> Iterator[None]:
    """Turn what a library says of a table that it cannot write into `OutputError`.

    Parameters
    ----------
    form : str
        The format.
    name : str
        The column, where it is known.

    Raises
    ------
    OutputError
        In place of any error of values and types inside the block.

    Examples
    --------
    >>> with explained("CSV", "z"):
    ...     raise ValueError("too large")
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.OutputError: Column 'z' cannot be written as CSV (too large); ...
    """
    try:
        yield
    except (OSError, MemoryError, AstroclipError):
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError) as problem:
        what = f"Column {name!r}" if name else "The table"
        which = "it" if name else "the column it names"
        reason = " ".join(str(problem).split())[:200]
        raise OutputError(
            f"{what} cannot be written as {form} ({reason}); remove {which} or choose another "
            "format."
        ) from problem


def check_output(path: str | os.PathLike, *, overwrite: bool = False) -> str:
    """Return the format an output will have, sure that it can be written there.

    Parameters
    ----------
    path : str or path
        Where the output is to be.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    str
        ``"FITS"``, ``"VOTable"``, ``"ECSV"``, ``"CSV"`` or ``"Parquet"``.

    Raises
    ------
    OutputError
        For an unknown suffix, an existing file without ``overwrite``, a folder that is absent
        or cannot be written.

    Examples
    --------
    >>> check_output("result.fits")
    'FITS'
    """
    path = Path(path)
    form = _by_suffix(path)
    if form is None:
        known = ", ".join(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
        raise OutputError(f"Output {path} has no suffix that says a format; use one of {known}.")
    check_destination(path, overwrite=overwrite)
    return form


def _by_suffix(path: Path) -> str | None:
    """Return the format that a name says, None where it says none."""
    name = path.name.lower()
    return next((form for form, suffixes in SUFFIXES.items() if name.endswith(suffixes)), None)


def _format_of(path: Path) -> str:
    """Return the format of a file, by content where that is plain, else by its name."""
    if path.is_dir():
        raise CatalogueError(f"{path} is a folder; pass a catalogue file.")
    if path.is_symlink() and not path.exists():
        raise CatalogueError(f"{path} is a link that leads nowhere; pass a catalogue file.")
    if not path.exists():
        raise CatalogueError(f"{path} does not exist; check the name and the folder.")
    if not path.is_file():
        raise CatalogueError(f"{path} is not a file; pass a catalogue file.")
    try:
        head = _head(path)
    except (OSError, EOFError, zlib.error, LZMAError) as problem:
        raise CatalogueError(f"{path} cannot be opened: {problem}.") from problem
    if not head:
        raise CatalogueError(f"{path} is empty; pass a catalogue with at least one row.")
    letters = text_head(head)
    for signature, form in SIGNATURES.items():
        if letters.lstrip().startswith(signature):
            return form
    if is_votable(letters):
        return "VOTable"
    named = _by_suffix(path.with_name(path.name.removesuffix(".gz")))
    if named in ("FITS", "VOTable", "Parquet"):
        raise CatalogueError(
            f"{path} is named like {named} but begins {head[:20]!r}; its content is something "
            "else, or damaged: fetch or write it again."
        )
    if foreign := describe_foreign(head) or describe_foreign(letters):
        raise CatalogueError(f"{path} {foreign}")
    return "text"


def _cause(problem: Exception, form: str) -> str:
    """Return why a file cannot be read, and what to do, for a message."""
    reason = " ".join(str(problem).split())[:200] or type(problem).__name__
    cut = isinstance(problem, EOFError | zlib.error | gzip.BadGzipFile) or CUT_OFF.search(reason)
    if form in CHOOSERS and not cut:
        return f"({reason}); correct that, or write it again with TOPCAT or astropy"
    if form in ("ECSV", "text") and not cut:
        return f"({reason}); correct that, or fetch it again where it is truncated"
    return f"({reason}); it may be truncated or damaged: fetch or write it again"


def _head(path: Path) -> bytes:
    """Return the beginning of a file, of its content if packed."""
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    for sign, (_, opened) in PACKERS.items():
        if head.startswith(sign):
            with opened(path) as packed:
                return packed.read(HEAD)
    return head


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of another when it is complete, and only then."""
    path = path.resolve()  # a link stays a link
    scratch = scratch_path(path, secrets.token_hex(4))
    try:
        with open_scratch(scratch) as stream, whole_file(path, scratch=scratch):
            yield stream
            stream.flush()
            if os.name == "nt":  # what is open cannot be renamed there
                stream.close()
    except OSError as problem:
        raise OutputError(
            f"Output {path} cannot be written ({why(problem)}); make room or choose another place. "
            "Nothing has been changed there."
        ) from problem
