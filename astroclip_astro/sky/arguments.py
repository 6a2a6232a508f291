"""Checks of what Python users pass: tables, rows and names of columns."""

from __future__ import annotations

import numbers
import os

import numpy as np
from astropy.table import Row, Table

from astroclip_astro.errors import CatalogueError, InputError, described


def check_table(table: object) -> Table:
    """Refuse what is not an astropy table, saying how it becomes one.

    Parameters
    ----------
    table : object
        What was passed as a table.

    Returns
    -------
    Table
        The same.

    Raises
    ------
    CatalogueError
        For anything else than an astropy `~astropy.table.Table`.

    Examples
    --------
    >>> check_table([1, 2])
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.CatalogueError: Found a list of 2, expected an astropy Table; ...
    """
    if isinstance(table, Table):
        return table
    kind = type(table)
    if isinstance(table, str | os.PathLike):
        todo = f"read it: Table.read({os.fspath(table)!r})"
    elif kind.__module__.partition(".")[0] == "pandas":
        todo = "convert it: Table.from_pandas(df)"
    elif kind.__module__.partition(".")[0] == "polars":
        todo = "convert it: Table.from_pandas(df.to_pandas())"
    elif isinstance(table, Row):
        todo = "pass the whole table, or t[i:i + 1] for one row"
    else:
        todo = 'make one: Table({"ra": [...], "dec": [...]})'
    raise CatalogueError(f"Found {described(table)}, expected an astropy Table; {todo}.")


def check_row(row: object, count: int, *, hint: str = "") -> int:
    """Return the number of a row, or raise naming the nearest that is one.

    Parameters
    ----------
    row : object
        What was passed as a row.
    count : int
        Rows that there are.
    hint : str
        What else can be done where a word was passed.

    Returns
    -------
    int
        From 0.

    Raises
    ------
    InputError
        For anything but a whole number of a row that there is.

    Examples
    --------
    >>> check_row(2, 5)
    2
    >>> check_row("2", 5)
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.InputError: row is '2', expected a whole number, counted from 0; did ...
    """
    meant: int | None = None
    if isinstance(row, numbers.Integral) and not isinstance(row, bool | np.bool_):
        number = int(row)
        if 0 <= number < count:
            return number
        found, wanted = f"{row}", f"0 to {count - 1}"
        meant = count + number if -count <= number < 0 else None
    else:
        found, wanted = described(row), "a whole number, counted from 0"
        if isinstance(row, Row):
            meant = row.index
        elif isinstance(row, str | float | np.floating):
            whole = _whole(row)
            meant = whole if whole is not None and whole in range(count) else None
    end = f"; did you mean row={meant}?" if meant is not None else "."
    if hint and meant is None and isinstance(row, str):
        end = f"; {hint}."
    raise InputError(f"row is {found}, expected {wanted}{end}")


def check_column_name(name: object, option: str) -> str | None:
    """Refuse values where the name of a column is expected.

    Parameters
    ----------
    name : object
        What was passed.
    option : str
        The option it was passed as, ``ra`` for example.

    Returns
    -------
    str or None
        The same; None where nothing was passed.

    Raises
    ------
    InputError
        For anything else than a string.

    Examples
    --------
    >>> check_column_name(np.zeros(3), "ra")
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.InputError: ra is an array of shape (3,), expected the name of a ...
    """
    if name is None or isinstance(name, str):
        return name
    found = f"{option} is {described(name)}, expected the name of a column"
    if own := getattr(getattr(name, "info", None), "name", None):
        raise InputError(f"{found}; did you mean {option}={own!r}?")
    raise InputError(
        f"{found}. Put the values into the table, t[{option!r}] = ..., and pass their name: "
        f"{option}={option!r}."
    )


def _whole(value: str | float | np.floating) -> int | None:
    """Return the whole number that a word or a float stands for, None where there is none."""
    try:
        number = float(value)
    except ValueError:
        return None
    return int(number) if np.isfinite(number) and number == int(number) else None
