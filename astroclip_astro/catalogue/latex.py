r"""Tables in LaTeX, whose second row may hold units and is no galaxy then."""

from __future__ import annotations

import csv
import io
import re
import warnings

import astropy.units as u
import numpy as np
from astropy.table import Table

_TABLE = re.compile(r"\\begin\s*\{\s*(tabular\*?|tabularx|longtable|deluxetable\*?|table\*?)\s*\}")
_HEAD = re.compile(r"(?P<begin>\\tablehead\s*\{)(?P<rows>.*?)(?P<end>\}\s*\\startdata)", re.DOTALL)
_COLHEAD = re.compile(r"\\colhead\s*\{(.*)\}", re.DOTALL)
_BRACKETS = re.compile(r"[(\[](.*)[)\]]")
_DEGREE = re.compile(r"(\{\})?\^\{?\\circ\}?")
_ENDS_ROW = "\\\\"


def is_latex(text: str) -> bool:
    r"""Return whether a text has a LaTeX table.

    Examples
    --------
    >>> is_latex("\\begin{tabular}{cc}"), is_latex("ra dec")
    (True, False)
    """
    return _TABLE.search(text) is not None


def read_latex(text: str) -> Table:
    r"""Read a LaTeX table, ``tabular`` or AASTeX's ``deluxetable``.

    Parameters
    ----------
    text : str
        One table.

    Returns
    -------
    astropy.table.Table
        A row of units below the names gives the columns their units and is no row of the table.
        It is one where each filled cell is a unit, or anything in brackets, and one of them at
        least stands above numbers. Units that astropy does not know are kept as text.

    Raises
    ------
    ValueError
        Where astropy cannot read the table.

    Examples
    --------
    >>> rows = ["ra & mag", "deg & (AB)", "150.1 & 19.5", "150.2 & 20"]
    >>> text = " \\\\\n".join(["\\begin{tabular}{cc}\n" + rows[0], *rows[1:], "\\end{tabular}"])
    >>> table = read_latex(text)
    >>> table["ra"].unit, table["mag"].tolist()
    (Unit("deg"), [19.5, 20.0])
    """
    if head := _HEAD.search(text):
        names, *units = re.split(r"\\\\(?:\[[^\]]*\])?", head["rows"])
        text = text[: head.start("rows")] + names + text[head.end("rows") :]
        table = Table.read(text, format="ascii.aastex", guess=False)
        cells = [_inside(_COLHEAD, cell.strip()) for cell in units[0].split("&")] if units else []
        return _with_units(table, cells)
    table = Table.read(text, format="ascii.latex", guess=False)
    columns = [[_text(value) for value in table[name]] for name in table.colnames]
    if not _begin_with_units(columns):
        return table
    return _with_units(_without_first_row(table), [column[0] for column in columns])


def _text(value: object) -> str:
    """Return a cell as text, empty for a null."""
    return "" if value is np.ma.masked else str(value).strip()


def _begin_with_units(columns: list[list[str]]) -> bool:
    """Return whether the first cells of columns are units: of a column of numbers, one at least."""
    filled = [column for column in columns if column and column[0]]
    units = all(_BRACKETS.fullmatch(column[0]) or _known(column[0]) for column in filled)
    return units and any(_are_numbers(column[1:]) for column in filled)


def _are_numbers(cells: list[str]) -> bool:
    """Return whether all filled cells are numbers, and there are some."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(_is_number(cell) for cell in filled)


def _is_number(cell: str) -> bool:
    """Return whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _known(cell: str) -> bool:
    """Return whether a cell is a unit that astropy knows; a number is none."""
    text = _unit_text(cell)
    if not text or _is_number(text):
        return False
    return not isinstance(_unit(text), u.UnrecognizedUnit)


def _unit(text: str) -> u.UnitBase:
    """Return the unit a text stands for, of whatever quality."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        return u.Unit(text, parse_strict="silent")


def _unit_text(cell: str) -> str:
    """Return a cell of units as plain text."""
    text = _inside(_BRACKETS, cell.strip())
    text = _DEGREE.sub("deg", text)
    text = re.sub(r"\\(mathrm|rm|text|textrm|,|;|!)\b|[${}\\~]", " ", text)
    return " ".join(text.split())


def _inside(pattern: re.Pattern, cell: str) -> str:
    """Return what a pattern encloses, or the cell where it is not enclosed."""
    match = pattern.fullmatch(cell)
    return match[1].strip() if match else cell


def _with_units(table: Table, cells: list[str]) -> Table:
    """Return the table after its columns got their units."""
    for name, cell in zip(table.colnames, cells, strict=False):
        text = _unit_text(cell)
        if text and table[name].dtype.kind in "iufSU":
            table[name].unit = _unit(text)
    return table


def _without_first_row(table: Table) -> Table:
    """Return the other rows, numbers as numbers."""
    rows = io.StringIO()
    writer = csv.writer(rows)
    writer.writerow(table.colnames)
    for row in table[1:]:
        writer.writerow(["" if value is np.ma.masked else value for value in row])
    return Table.read(rows.getvalue(), format="ascii.csv", guess=False, fast_reader=False)
