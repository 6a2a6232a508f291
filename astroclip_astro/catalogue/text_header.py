"""The lines above the rows of a text table: names of columns, units, dashes; or no names at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from astroclip_astro.catalogue.unit_cells import begin_with_units
from astroclip_astro.sky.cell_values import is_blank

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?"
_NUMBERS = re.compile(
    rf"{_NUMBER}|[+-]?\d{{1,3}}[:hd ]\s?\d\d?([:m' ].*)?|\d{{4}}-\d\d-\d\d([T ].*)?|.*\bJ\d{{6}}.*"
)
_COMMA_NUMBERS = re.compile(r"[+-]?\d+,\d+")
_RULE = re.compile(r"[-=+: ]*[-=]{2,}[-=+: ]*|[-=]")
_TYPES = frozenset(
    "string str char text varchar int integer long short float double real number boolean bool "
    "date datetime timestamp bigint smallint ra dec float32 float64 int16 int32 int64".split()
)
_RDB_TYPE = re.compile(r"\d+[SNM]?|[SNM]", re.IGNORECASE)
_ROWS = 200  # looked at


@dataclass(frozen=True)
class Header:
    """What stands above the rows.

    Parameters
    ----------
    names : list of str
        One for each column, no two alike; empty for a column that is not there.
    units : list of str
        As written, one for each column, or none at all.
    lines : int
        How many rows of the text are no rows of the table.
    named : bool
        Whether the file names its columns.
    ruled : bool
        Whether a line of dashes ends the header.
    notes : list of str
        What had to be assumed, sentences without full stop.
    """

    names: list[str]
    units: list[str] = field(default_factory=list)
    lines: int = 0
    named: bool = True
    ruled: bool = False
    notes: list[str] = field(default_factory=list)


def is_rule(fields: Sequence[str], names: Sequence[str] = ()) -> bool:
    """Return whether fields are a line of dashes, and not one of nulls.

    Parameters
    ----------
    fields : sequence of str
        Of one line.
    names : sequence of str
        Names of the columns above; short dashes are as long as they.

    Examples
    --------
    >>> is_rule(["-----", "--"]), is_rule(["--", "--"]), is_rule(["--", "-"], ["ra", "n"])
    (True, False, True)
    """
    widths = [len(cell.strip()) for cell in fields]
    if not any(widths) or not all(_RULE.fullmatch(cell.strip()) for cell in fields if cell.strip()):
        return False
    return max(widths) > 2 or widths == [len(name) for name in names]


def find_header(
    rows: Sequence[Sequence[str]],
    comments: Sequence[Sequence[str]],
    width: int,
    *,
    decimal_comma: bool = False,
) -> Header:
    """Return the header of a table.

    Parameters
    ----------
    rows : sequence of sequence of str
        Fields of the first lines that are no comments, one at least.
    comments : sequence of sequence of str
        Fields of the comments above, one of which may hold the names.
    width : int
        Number of fields of a row.
    decimal_comma : bool
        Whether numbers may have commas.

    Returns
    -------
    Header
        The first line holds the names where there are dashes below, or units or types, or where
        it has no number. Else it does where more of its cells stand above numbers without being
        one than are numbers.

    Examples
    --------
    >>> find_header([["name", "ra"], ["", "deg"], ["----", "--"], ["M 31", "10.7"]], [], 2).units
    ['', 'deg']
    >>> find_header([["M 31", "10.7"], ["M 33", "23.5"]], [["name", "ra"]], 2).names
    ['name', 'ra']
    """
    cells = [[cell.strip() for cell in row] for row in rows[:_ROWS]]
    skipped = 0
    while len(cells) > skipped + 1 and is_rule(cells[skipped]):
        skipped += 1
    rules = skipped
    while width > 2 and len(cells) > skipped + 1 and sum(map(bool, cells[skipped])) < 2:
        skipped += 1
    notes = [f"not read: {''.join(row)!r} above the names" for row in cells[rules:skipped]]
    table = cells[skipped:]
    dashes = next((k for k in (1, 2) if k < len(table) and is_rule(table[k], table[0])), 0)
    if dashes == 1 or (dashes and not any(_is_number(cell, True) for cell in table[1])):
        units = table[1] if dashes > 1 else []
        return _header(table[0], units, skipped + dashes + 1, width, notes, ruled=True)
    if len(table) > 1 and _is_type_row(table[1]):
        return _header(table[0], [], skipped + 2, width, notes)
    if len(table) > 2 and _is_unit_row(table, width):
        notes.append("the line below the names holds units, and is no row")
        return _header(table[0], table[1], skipped + 2, width, notes)
    if _first_is_names(table, width, decimal_comma):
        return _header(table[0], [], skipped + 1, width, notes)
    named = _from_comments(comments, width)
    if named is not None:
        return _header(*named, skipped, width, notes)
    called = f"columns are called col1 to col{width}" if width > 1 else "the column is called col1"
    notes.append(
        f"no header line: {called}; name those of the positions, --ra col1 --dec col2 for example"
    )
    names = [f"col{number}" for number in range(1, width + 1)]
    return Header(names, lines=skipped, named=False, notes=notes)


def _header(
    names: Sequence[str],
    units: Sequence[str],
    lines: int,
    width: int,
    notes: list[str],
    *,
    ruled: bool = False,
) -> Header:
    """Return a header whose names are all different."""
    names = list(names)
    while len(names) > width and not names[-1]:
        names.pop()
    unique: list[str] = []
    for place, name in enumerate(names, start=1):
        copies, new = 1, name
        while name and (new in unique or (new != name and new in names)):
            copies += 1
            new = f"{name}_{copies}"
        if new != name:
            notes.append(f"{name!r} is there twice: column {place} is called {new}")
        unique.append(new)
    return Header(unique, list(units), lines, ruled=ruled, notes=notes)


def _first_is_names(table: Sequence[Sequence[str]], width: int, decimal_comma: bool) -> bool:
    """Return whether the first row holds the names of columns."""
    first, rest = table[0], table[1:]
    above = numbers = 0
    for place in range(min(width, len(first))):
        cell = first[place]
        if is_blank(cell):
            continue
        if _is_number(cell, decimal_comma):
            numbers += 1
            continue
        below = [row[place] for row in rest if place < len(row) and not is_blank(row[place])]
        above += bool(below) and all(_is_number(one, decimal_comma) for one in below)
    return numbers == 0 or 0 < numbers <= above


def _is_number(cell: str, decimal_comma: bool) -> bool:
    """Return whether a cell is a number, an angle in parts, a date, or named by its position."""
    if decimal_comma and _COMMA_NUMBERS.fullmatch(cell):
        return True
    return _NUMBERS.fullmatch(cell) is not None


def _is_unit_row(table: Sequence[Sequence[str]], width: int) -> bool:
    """Return whether the second row holds units."""
    if any(_is_number(cell, True) for row in table[:2] for cell in row):
        return False
    full = [row for row in table[1:] if len(row) == width]
    return len(full) > 1 and full[0] is table[1] and begin_with_units(list(zip(*full, strict=True)))


def _is_type_row(row: Sequence[str]) -> bool:
    """Return whether a row holds the types of columns."""
    filled = [cell.lower() for cell in row if cell]
    rdb = all(_RDB_TYPE.fullmatch(cell) for cell in filled) and any(
        cell[0].isdigit() and cell[-1] in "snm" for cell in filled
    )
    return len(filled) > 1 and (rdb or all(cell in _TYPES for cell in filled))


def _from_comments(
    comments: Sequence[Sequence[str]], width: int
) -> tuple[Sequence[str], Sequence[str]] | None:
    """Return names and units from the comments above the rows, None where they have none."""
    fitting = [[cell.strip() for cell in fields] for fields in comments if len(fields) == width]
    fitting = [fields for fields in fitting if not is_rule(fields)]
    if not fitting or any(_is_number(cell, False) for cell in fitting[-1]):
        return None
    *before, last = fitting
    # One cell of numbers below the units lets them be recognised as such.
    if before and begin_with_units([[cell, "0"] for cell in last]):
        return before[-1], last
    return last, []
