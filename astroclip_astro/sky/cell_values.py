"""What the cells of a table's column hold, whatever kind of column it is."""

from __future__ import annotations

import numpy as np
from astropy.table import Table

from astroclip_astro.errors import CatalogueError, did_you_mean

SHOWN = 20  # names of columns in a message
BLANK = {
    *("", "-", "--", "---", "...", "nan", "<na>", "null", "none", "n/a", "na", "n.a.", "#n/a"),
    *("\\n", "\\nodata", "nodata", "masked"),  # the first is what databases write
}
# In column.meta of a text table's column that is written as it was: its decimal point.
AS_WRITTEN = "as_written"


def read_values(column: object, name: str, expected: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a column's plain values, of any dtype, and its mask.

    Parameters
    ----------
    column : Column, MaskedColumn or Quantity
        One column of a Table or QTable.
    name, expected : str
        For the error: what it is called and what it should hold.

    Returns
    -------
    values : ndarray
        (n,), without unit and mask.
    mask : ndarray
        bool (n,), True where there is no value.

    Raises
    ------
    CatalogueError
        Where it is something else (times, for example) or has several values a row.
    """
    if not isinstance(column, np.ndarray):
        raise CatalogueError(
            f"Column {name!r} is a {type(column).__name__} column, expected {expected}."
        )
    if column.ndim != 1:
        raise CatalogueError(
            f"Column {name!r} has values of shape {column.shape[1:]} in each row, expected one "
            f"value a row; add a column with the one that counts."
        )
    mask = np.broadcast_to(getattr(column, "mask", False), column.shape)
    values = np.asarray(getattr(column, "unmasked", np.ma.getdata(column)))
    if values.dtype.kind == "U" and (getattr(column, "meta", None) or {}).get(AS_WRITTEN) == ",":
        values = np.char.replace(values, ",", ".")  # decimal commas
    return values, mask


def read_floats(table: Table, name: str, *, vectors: bool = False, advice: str = "") -> np.ndarray:
    """Return a column as float64, NaN where it is masked or not finite.

    Parameters
    ----------
    table : Table
        n rows.
    name : str
        The column.
    vectors : bool
        Whether its cells may be vectors.
    advice : str
        What to do where the column will not do, for the message.

    Returns
    -------
    ndarray
        float64 (n,), or (n, width) of vectors.

    Raises
    ------
    CatalogueError
        For a column that is not there or holds anything but numbers.

    Examples
    --------
    >>> read_floats(Table({"z": [1, 2]}), "z")
    array([1., 2.])
    """
    if name not in table.colnames:
        near = did_you_mean(name, table.colnames) or "; name one of them."
        raise CatalogueError(f"No column {name} in {table.colnames[:SHOWN]}{near}")
    column = table[name]
    plain = np.ma.asarray(getattr(column, "value", column))
    if plain.dtype.kind in "OU" and plain.shape == (len(table),):
        plain = _numbers(*read_values(column, name, "numbers"), name, advice)
    if plain.dtype.kind not in "fiu" or (plain.shape != (len(table),) and not vectors):
        expected = "numbers" if vectors else "one number a row"
        raise CatalogueError(
            f"Column {name} holds {plain.dtype} of shape {plain.shape}, expected {expected}"
            f"{advice or '.'}"
        )
    values = np.ma.filled(plain.astype(float), np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _numbers(values: np.ndarray, mask: np.ndarray, name: str, advice: str) -> np.ma.MaskedArray:
    """Return the numbers that strings or objects hold, masked where they hold nothing."""
    numbers = np.ma.masked_all(len(values), float)
    for row in np.flatnonzero(~mask):
        text = read_text(values[row])
        if is_blank(text):
            continue
        try:
            numbers[row] = float(text)
        except ValueError:
            raise CatalogueError(
                f"Column {name} holds {text[:40]!r} in row {row}, expected one number a row"
                f"{advice or '.'}"
            ) from None
    return numbers


def read_text(cell: object) -> str:
    """Return one cell of a column of strings, bytes or objects as text.

    Parameters
    ----------
    cell : object
        Anything a cell holds.

    Returns
    -------
    str
        Without blanks around it; empty for None.

    Examples
    --------
    >>> read_text(b" 150.1 "), read_text(None)
    ('150.1', '')
    """
    if cell is None:
        return ""
    return (cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell)).strip()


def is_blank(text: str) -> bool:
    """Return whether a text stands for a missing value.

    Parameters
    ----------
    text : str
        As `read_text` gives it.

    Returns
    -------
    bool
        True for nothing and for the usual words.

    Examples
    --------
    >>> [is_blank(text) for text in ("", "NaN", "150.1")]
    [True, True, False]
    """
    return text.lower() in BLANK
