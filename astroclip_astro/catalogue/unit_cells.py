"""Cells that hold units: the line below the names of a text table that is no galaxy."""

from __future__ import annotations

import re
from collections.abc import Sequence

import astropy.units as u

from astroclip_astro.catalogue.units import understand_unit
from astroclip_astro.sky.cell_values import is_blank

_BRACKETS = re.compile(r"[(\[](.*)[)\]]")
_DEGREE = re.compile(r"(\{\})?\^\{?\\circ\}?")


def begin_with_units(columns: Sequence[Sequence[str]]) -> bool:
    """Return whether the first cells of columns are units: of a column of numbers, one at least.

    Parameters
    ----------
    columns : sequence of sequence of str
        Cells without blanks around them.

    Returns
    -------
    bool
        True where each filled first cell is a unit, or anything in brackets, and one of them at
        least stands above numbers alone.

    Examples
    --------
    >>> begin_with_units([["", "M 31"], ["deg", "150.1"]])
    True
    >>> begin_with_units([["m", "s"], ["1", "2"]])
    False
    """
    filled = [column for column in columns if column and not is_blank(column[0])]
    units = all(_BRACKETS.fullmatch(column[0]) or _is_unit(column[0]) for column in filled)
    return units and any(_are_numbers(column[1:]) for column in filled)


def unit_of(cell: str) -> u.UnitBase | None:
    r"""Return the unit that a cell holds, of whatever quality; None where it is empty.

    Parameters
    ----------
    cell : str
        As a table has it, in brackets or LaTeX perhaps.

    Examples
    --------
    >>> unit_of("(deg)"), unit_of(r"$^\circ$"), unit_of(" ")
    (Unit("deg"), Unit("deg"), None)
    """
    text = _plain(cell)
    return None if is_blank(text) else understand_unit(text, "cds", "generic")


def _are_numbers(cells: Sequence[str]) -> bool:
    """Return whether all filled cells are numbers, and there are some."""
    filled = [cell for cell in cells if not is_blank(cell)]
    return bool(filled) and all(map(_is_number, filled))


def _is_number(cell: str) -> bool:
    """Return whether a cell is a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_unit(cell: str) -> bool:
    """Return whether a cell is a unit that astropy knows; a number is none."""
    text = _plain(cell)
    if not text or _is_number(text):
        return False
    return not isinstance(unit_of(text), u.UnrecognizedUnit)


def _plain(cell: str) -> str:
    """Return a cell of units as plain text."""
    match = _BRACKETS.fullmatch(cell.strip())
    text = _DEGREE.sub("deg", match[1].strip() if match else cell.strip())
    text = re.sub(r"\\(mathrm|rm|text|textrm|,|;|!)\b|[${}\\~]", " ", text)
    return " ".join(text.split())
