"""Tables as ECSV, both ways; the YAML before them is looked at before it is believed."""

from __future__ import annotations

import io
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

import numpy as np
import yaml
from astropy.table import Column, MaskedColumn, Table
from astropy.table.meta import get_header_from_yaml

from astroclip_astro.catalogue.nulls import decoded, storable, with_values
from astroclip_astro.catalogue.text_encoding import read_letters
from astroclip_astro.errors import CatalogueError, OutputError
from astroclip_astro.storage.bounds import MAX_YAML_LETTERS, check_yaml

SIGN = b"%ECSV"
NULL_WORDS = ("null", "NULL", "Null", "None", "NaN", "nan")


def read_ecsv(path: str | Path) -> Table:
    """Read ECSV, all that astropy writes included.

    Parameters
    ----------
    path : str or Path
        ECSV file.

    Returns
    -------
    astropy.table.Table
        With units, descriptions, metadata, and columns of SkyCoord and Time. The word ``null`` in a
        column of numbers is null, as in files of Gaia's archive.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.ecsv"
    >>> Table({"z": [0.5]}).write(path)
    >>> read_ecsv(path)["z"][0]
    np.float64(0.5)
    """
    text = read_letters(Path(path))[0].decode()
    try:
        return Table.read(text, format="ascii.ecsv")
    except ValueError as problem:
        names = [name for name, kind in _types(text) if kind != "string"]
        if "failed to convert" not in str(problem) or not names:
            raise
    # Archives write the word null where there is no number.
    words = [("", "0"), *((word, "0", *names) for word in NULL_WORDS)]
    return Table.read(text, format="ascii.ecsv", fill_values=words)


def _types(text: str) -> list[tuple[str, str]]:
    """Return names and types of the columns that a header in YAML describes."""
    lines = [line[2:] for line in text.splitlines() if line.startswith("# ")]
    described = get_header_from_yaml(line for line in lines if not line.startswith("%"))
    return [(str(one.get("name")), str(one.get("datatype"))) for one in described["datatype"]]


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


def check_ecsv_header(path: Path) -> None:
    r"""Raise where the metadata of an ECSV file stand for more than metadata can be.

    Parameters
    ----------
    path : Path
        Any text file, packed or not; other text than ECSV passes.

    Raises
    ------
    CatalogueError
        As `~astroclip_astro.storage.bounds.check_yaml`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.ecsv"
    >>> _ = path.write_text("# %ECSV 1.0\n# ---\n# meta: {a: &a [1, *a]}\n# ...\nx\n1\n")
    >>> check_ecsv_header(path)
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.CatalogueError: The header of ...t.ecsv has YAML that contains ...
    """
    lines: list[bytes] = []
    letters = 0
    for line in io.BytesIO(read_letters(path)[0]):
        if letters > MAX_YAML_LETTERS or (line.strip() and not line.lstrip().startswith(b"#")):
            break
        letters += len(line)
        lines.append(line.strip().removeprefix(b"#").removeprefix(b" "))
    if any(line.startswith(SIGN) for line in lines):
        text = b"\n".join(line for line in lines if not line.startswith(SIGN))
        check_yaml(text.decode("utf-8", "replace"), f"The header of {path}", error=CatalogueError)


def _with_text(table: Table) -> Table:
    """Return the table, bytes and objects that astropy's ECSV would change as text."""
    changed = table.copy(copy_data=False)
    for name in table.colnames:
        column = table[name]
        if isinstance(column, Column) and (text := ecsv_column(column)) is not column:
            changed.replace_column(name, text)
    return changed


def ecsv_column(column: Column) -> Column:
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
