"""What the cells of a table's column hold, whatever kind of column it is."""

from __future__ import annotations

import numpy as np

from astroclip_astro.errors import CatalogueError

__all__ = ["is_blank", "read_text", "read_values"]

_BLANK = {"", "--", "nan", "<na>", "null", "none", "n/a"}


def read_values(column, name: str, expected: str) -> tuple[np.ndarray, np.ndarray]:
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
    return np.asarray(getattr(column, "unmasked", np.ma.getdata(column))), mask


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
    return text.lower() in _BLANK
