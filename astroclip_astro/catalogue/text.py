"""Tables as text: CSV and ECSV both ways, other text as astropy guesses it."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from decimal import Decimal
from io import TextIOWrapper
from itertools import product
from pathlib import Path
from typing import BinaryIO

import numpy as np
import yaml
from astropy.table import Column, MaskedColumn, Table

from astroclip_astro.catalogue.latex import is_latex, read_latex
from astroclip_astro.catalogue.nulls import decoded, storable, with_values, without_mixins
from astroclip_astro.errors import OutputError

CHUNK = 512  # rows that are text at a time
NO_COMMENTS = "\x01"  # a name may begin with #; astropy wants some sign of a comment


def read_csv(path: str | Path) -> Table:
    r"""Read comma-separated text with a header line.

    Parameters
    ----------
    path : str or Path
        UTF-8 text; every line has the same number of fields.

    Returns
    -------
    astropy.table.Table
        An empty field is null in a column of numbers, and empty in a column of strings.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_text("ra,name\n1.5,M 31\n2.5,\n")
    >>> read_csv(path)["name"].tolist()
    ['M 31', '']
    """
    text = _text(path)
    # astropy's fast reader stumbles over letters beyond ASCII.
    return _with_empty_strings(
        Table.read(
            text,
            format="ascii.basic",
            delimiter=",",
            comment=NO_COMMENTS,
            guess=False,
            fast_reader=text.isascii(),
        )
    )


def read_text(path: str | Path) -> Table:
    r"""Read a text table of whatever form astropy recognises.

    Parameters
    ----------
    path : str or Path
        UTF-8 text.

    Returns
    -------
    astropy.table.Table
        Empty fields as in `read_csv`; LaTeX as `~astroclip_astro.catalogue.latex.read_latex` reads
        it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.dat"
    >>> _ = path.write_text("ra dec\n1.5 2.5\n")
    >>> read_text(path).colnames
    ['ra', 'dec']
    """
    text = _text(path)
    if is_latex(text):
        return _with_empty_strings(read_latex(text))
    return _with_empty_strings(Table.read(text, format="ascii", fast_reader=text.isascii()))


def read_ecsv(path: str | Path) -> Table:
    """Read ECSV, all that astropy writes included.

    Parameters
    ----------
    path : str or Path
        ECSV file.

    Returns
    -------
    astropy.table.Table
        With units, descriptions, metadata, and columns of SkyCoord and Time.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.ecsv"
    >>> Table({"z": [0.5]}).write(path)
    >>> read_ecsv(path)["z"][0]
    np.float64(0.5)
    """
    return Table.read(path, format="ascii.ecsv")


def write_csv(table: Table, stream: BinaryIO) -> None:
    """Write a table as CSV, some rows at a time.

    Parameters
    ----------
    table : astropy.table.Table
        CSV has no vectors: column ``emb`` of shape (n, 128) becomes ``emb_0`` to ``emb_127``, a
        SkyCoord ``pos`` becomes ``pos.ra`` and ``pos.dec``. Nulls are empty fields. Units,
        descriptions and metadata are not written: CSV has no place for them.
    stream : binary file
        Open for writing.

    Raises
    ------
    OutputError
        Where a column cannot be held by CSV, or two would have one name.

    Examples
    --------
    >>> import io
    >>> stream = io.BytesIO()
    >>> write_csv(Table({"emb": [[0.5, 1.0]]}), stream)
    >>> stream.getvalue().decode().split()
    ['emb_0,emb_1', '0.5,1.0']
    """
    plain = without_mixins(table, "ecsv")
    columns = [flat for column in plain.itercols() for flat in _flat_columns(column)]
    names = [name for name, _, _ in columns]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise OutputError(
            f"CSV needs a column for each element of a vector, and {', '.join(doubled)} "
            "would be there twice; rename a column, or write FITS (.fits)."
        )
    text = TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    try:
        writer.writerow(names)
        for start in range(0, len(table), CHUNK):
            rows = slice(start, start + CHUNK)
            fields = [_fields(values[rows], mask[rows]) for _, values, mask in columns]
            writer.writerows(zip(*fields, strict=True))
    finally:
        text.detach()  # the stream is its owner's to close


def write_ecsv(table: Table, stream: BinaryIO) -> None:
    """Write a table as ECSV, everything included.

    Parameters
    ----------
    table : astropy.table.Table
        Whatever astropy can write.
    stream : binary file
        Open for writing.

    Raises
    ------
    OutputError
        Where a column or metadata cannot be held by ECSV.

    Examples
    --------
    >>> import io
    >>> write_ecsv(Table({"z": [0.5]}), io.BytesIO())
    """
    table = _with_text(table)
    text = TextIOWrapper(stream, encoding="utf-8", newline="")
    try:
        table.write(text, format="ascii.ecsv")
    except (yaml.YAMLError, TypeError, ValueError) as problem:
        raise OutputError(
            f"The table cannot be written as ECSV ({problem}); keep numbers, strings, lists and "
            "dictionaries in columns, table.meta and column.meta."
        ) from problem
    finally:
        text.detach()  # the stream is its owner's to close


def check_csv(column: Column) -> None:
    """Raise where CSV cannot hold a column's values.

    Parameters
    ----------
    column : astropy.table.Column
        Not a mixin.

    Examples
    --------
    >>> check_csv(Column([1.5], name="z"))
    """
    list(_flat_columns(column))


def check_ecsv(column: Column) -> None:
    """Raise where ECSV cannot hold a column's values.

    Parameters
    ----------
    column : astropy.table.Column
        Not a mixin.

    Examples
    --------
    >>> check_ecsv(Column([1.5], name="z"))
    """
    _ecsv_column(column)


def _with_text(table: Table) -> Table:
    """Return the table, bytes and objects that astropy's ECSV would change as text."""
    changed = table.copy(copy_data=False)
    for name in table.colnames:
        column = table[name]
        if isinstance(column, Column) and (text := _ecsv_column(column)) is not column:
            changed.replace_column(name, text)
    return changed


def _ecsv_column(column: Column) -> Column:
    """Return a column as astropy's ECSV gives it back the same, itself where it does."""
    if column.dtype.kind == "S":
        values = decoded(np.asarray(column), column.info.name, "ECSV")
    elif column.dtype.kind == "m" or (column.dtype.kind == "O" and not _is_json(column)):
        values = storable(column).values
    else:
        return column
    text = with_values(column, values)
    return MaskedColumn(text, mask=column.mask) if np.ma.is_masked(column) else text


def _is_json(column: Column) -> bool:
    """Return whether astropy writes cells that are objects so that they come back the same."""
    for cell in np.ma.getdata(column).flat:
        if isinstance(cell, np.ndarray):
            if cell.dtype.kind not in "biuf" or (cell.dtype.kind == "b" and np.ma.is_masked(cell)):
                return False
        elif isinstance(cell, bytes | Decimal):
            return False
    return True


def _text(path: str | Path) -> str:
    """Return a file's text, gzipped or not, in lines, without a byte order mark."""
    content = Path(path).read_bytes()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    return content.decode("utf-8-sig") + "\n"


def _with_empty_strings(table: Table) -> Table:
    """Return the table with empty, not null, strings: text cannot tell the two apart."""
    for column in table.itercols():
        if column.dtype.kind == "U" and np.ma.is_masked(column):
            values = np.where(column.mask, "", np.asarray(column))
            table.replace_column(column.name, Column(values, name=column.name))
    return table


def _flat_columns(column: Column) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield name, values (n,) and mask (n,) of each element of a column's cells."""
    name, values, mask = column.info.name, np.asarray(column), np.ma.getmaskarray(column)
    if values.dtype.kind not in "biufcSU":
        values = storable(column).values
    if values.dtype.kind == "S":
        values = decoded(values, name, "CSV")
    if values.dtype.kind == "O" or 0 in values.shape[1:]:
        raise OutputError(
            f"Column {name!r} holds vectors of different lengths or of none, which CSV cannot "
            "hold; write FITS (.fits), or remove it."
        )
    for index in product(*(range(size) for size in values.shape[1:])):
        element: tuple[slice | int, ...] = (slice(None), *index)
        yield "_".join([name, *map(str, index)]), values[element], mask[element]


def _fields(values: np.ndarray, mask: np.ndarray) -> list[str]:
    """Return values as text that reads back the same; nulls are empty."""
    return np.where(mask, "", values.astype(str)).tolist()
