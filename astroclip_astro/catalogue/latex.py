r"""Tables in LaTeX, whose second row may hold units and is no galaxy then."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
from astropy.io import ascii as astropy_ascii
from astropy.table import Table

from astroclip_astro.catalogue.text_values import as_column
from astroclip_astro.catalogue.unit_cells import begin_with_units, unit_of

_TABLE = re.compile(r"\\begin\s*\{\s*(tabular\*?|tabularx|longtable|deluxetable\*?|table\*?)\s*\}")
_HEAD = re.compile(r"(?P<begin>\\tablehead\s*\{)(?P<rows>.*?)(?P<end>\}\s*\\startdata)", re.DOTALL)
_COLHEAD = re.compile(r"\\colhead\s*\{(.*)\}", re.DOTALL)


def is_latex(text: str) -> bool:
    r"""Return whether a text has a LaTeX table.

    Examples
    --------
    >>> is_latex("\\begin{tabular}{cc}"), is_latex("ra dec")
    (True, False)
    """
    return _TABLE.search(text) is not None


def read_latex(text: str, *, as_text: bool = False) -> Table:
    r"""Read a LaTeX table, ``tabular`` or AASTeX's ``deluxetable``.

    Parameters
    ----------
    text : str
        One table.
    as_text : bool
        As for `astroclip_astro.catalogue.text.read_text`.

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
    units: list[str] = []
    if head := _HEAD.search(text):
        names, *below = re.split(r"\\\\(?:\[[^\]]*\])?", head["rows"])
        text = text[: head.start("rows")] + names + text[head.end("rows") :]
        read = _strings(text, "ascii.aastex")
        units = [_inside(_COLHEAD, cell.strip()) for cell in below[0].split("&")] if below else []
    else:
        read = _strings(text, "ascii.latex")
    columns = [[_text(value) for value in column] for column in read.itercols()]
    if not head and begin_with_units(columns):
        units = [column[0] for column in columns]
        columns = [column[1:] for column in columns]
    table = Table()
    for number, (name, cells) in enumerate(zip(read.colnames, columns, strict=True)):
        table[name] = as_column(pa.array(cells, pa.string()), as_text=as_text)
        if number < len(units) and (unit := unit_of(units[number])):
            table[name].unit = unit
    return table


def _strings(text: str, form: str) -> Table:
    """Return a table as astropy reads it, every cell a string or null."""
    to_string, _ = astropy_ascii.convert_numpy(str)
    converters = {"*": [(to_string, astropy_ascii.AllType)]}
    return Table.read(text, format=form, guess=False, converters=converters)


def _text(value: object) -> str:
    """Return a cell as text, empty for a null."""
    return "" if value is np.ma.masked else str(value).strip()


def _inside(pattern: re.Pattern, cell: str) -> str:
    """Return what a pattern encloses, or the cell where it is not enclosed."""
    match = pattern.fullmatch(cell)
    return match[1].strip() if match else cell
