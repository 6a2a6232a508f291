"""Columns of text tables: numbers where every value survives, and the text as it was written.

``00123`` is no number: as one it would come back as ``123``. A column of a text table becomes
numeric only where each of its values can be written again with the same digits. Columns that are to
be written back to text as they were stay text, and have a mark in their metadata; other formats get
numbers where these survive.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation, localcontext
from operator import eq

import numpy as np
import pyarrow as pa
from astropy.table import Column, MaskedColumn, QTable, Table
from pyarrow import compute

from astroclip_astro.columns import PREFIX
from astroclip_astro.sky.cell_values import AS_WRITTEN, BLANK

INTEGER = "^(0|-?[1-9][0-9]*)$"
DECIMAL = (
    "^(0|-?[1-9][0-9]*|[+-]?([0-9]+[.][0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?"
    "|[+-]?[0-9]+[eE][+-]?[0-9]{1,3}|[+-]?(inf|Inf|INF|infinity|Infinity))$"
)
COMMA = "^[+-]?[0-9]+,[0-9]+$"  # as decimal point
GROUPED = "^[+-]?[1-9][0-9]{0,2},[0-9]{3}$"  # or between thousands
NUMBER_LIKE = "^[+-]?[0-9][0-9_.,]*([eE][+-]?[0-9]+)?$"
MOST_DIGITS = 1100  # of a float64, written out
CERTAIN_DIGITS = 15  # that a float64 gives back, whatever they are
SMALLEST, LARGEST = 1e-290, 1e300  # between them that many digits are certain
FIRST_ROWS = 1000  # looked at before all of a column is
PADDED = "0"  # the mark of a column that is of numbers, with zeros before them, by its file
LISTED = 5  # columns in a message


def as_column(
    cells: pa.Array, *, as_text: bool, decimal_comma: bool = False, padded: bool = False
) -> Column:
    """Return a column of a text table.

    Parameters
    ----------
    cells : pyarrow.Array
        Strings, (n,), as they are written.
    as_text : bool
        Whether the text has to come back as it is: then only a column whose numbers are written
        again with the same letters is numeric, and others are marked.
    decimal_comma : bool
        Whether a comma may stand for the decimal point.
    padded : bool
        Whether the file says that these are numbers, so that zeros before them are no part of them.

    Returns
    -------
    Column or MaskedColumn
        Of integers, floats or strings. Empty fields and the usual words for nothing are null in
        columns of numbers; strings are never null.

    Examples
    --------
    >>> as_column(pa.array(["7", ""]), as_text=False).tolist()
    [7, None]
    >>> as_column(pa.array(["007", "12"]), as_text=False).tolist()
    ['007', '12']
    """
    comma = decimal_comma and _any(compute.match_substring_regex(cells, COMMA))
    mark = "," if comma else PADDED if padded else "."
    if not as_text:
        numbers, _ = _read_numbers(_as_marked(cells, mark), letters=False)
        if numbers is not None:
            return numbers
    elif _read_numbers(cells[:FIRST_ROWS], letters=True)[1]:  # most columns show it there
        numbers, same_letters = _read_numbers(cells, letters=True)
        if numbers is not None and same_letters:
            return numbers
    column = Column(cells.to_numpy(zero_copy_only=False).astype(str))
    if as_text:
        column.meta[AS_WRITTEN] = mark
    return column


def has_decimal_commas(cells: pa.Array) -> bool:
    """Return whether a string holds a comma that can only be a decimal point.

    Parameters
    ----------
    cells : pyarrow.Array
        Strings, (n,). ``1,234`` may be one thousand and more, and proves nothing.

    Examples
    --------
    >>> has_decimal_commas(pa.array(["1,234", "12,5"])), has_decimal_commas(pa.array(["1,234"]))
    (True, False)
    """
    texts = compute.utf8_trim_whitespace(cells)
    commas = texts.filter(compute.match_substring_regex(texts, COMMA))
    return len(commas) > 0 and not _all(compute.match_substring_regex(commas, GROUPED))


def as_numbers(cells: pa.Array) -> Column | MaskedColumn | None:
    """Return strings as numbers, None where one of them is none or would lose digits.

    Parameters
    ----------
    cells : pyarrow.Array
        Strings, (n,).

    Returns
    -------
    Column, MaskedColumn or None
        int64 or float64, masked where a string is empty or a word for nothing.

    Examples
    --------
    >>> as_numbers(pa.array(["1.50", "null"])).tolist()
    [1.5, None]
    >>> as_numbers(pa.array(["2012_01"])) is None
    True
    """
    return _read_numbers(cells, letters=False)[0]


def ready_to_write(table: Table, form: str) -> Table:
    """Return a table as a format is to get it, without the marks of text tables.

    Parameters
    ----------
    table : Table
        Not changed, and returned itself where it has no mark.
    form : str
        ``"CSV"`` gets text as it was; others get numbers where every value survives.

    Examples
    --------
    >>> table = Table({"z": Column(["0.50"], meta={AS_WRITTEN: "."})})
    >>> ready_to_write(table, "FITS")["z"].dtype.kind, ready_to_write(table, "CSV")["z"][0]
    ('f', np.str_('0.50'))
    """
    if not any(_mark(column) for column in table.itercols()):
        return table
    columns = []
    for column in table.itercols():
        if not _mark(column):
            columns.append(column)
            continue
        numbers = None if form == "CSV" else _numbers_of(column)
        new = (column if numbers is None else numbers).copy()
        new.info.meta = {k: v for k, v in (column.info.meta or {}).items() if k != AS_WRITTEN}
        new.info.name, new.info.description = column.info.name, column.info.description
        if column.unit is not None:
            new.unit = column.unit
        columns.append(new)
    made = (QTable if isinstance(table, QTable) else Table)(columns, copy=False)
    made.meta.update(table.meta)
    return made


def text_notes(table: Table, form: str) -> list[str]:
    """Return a line that counts the columns of a text table that stay text in another format.

    Parameters
    ----------
    table : Table
        As read with its text as it was.
    form : str
        Of the output; in CSV all text is as it was.

    Examples
    --------
    >>> table = Table({"id": Column(["007"], meta={AS_WRITTEN: "."}), "z": [0.5]})
    >>> text_notes(table, "FITS")
    ['1 of 2 columns stays text: id (numbers in id would change)']
    """
    if form == "CSV":
        return []
    names, changed = [], []
    for column in table.itercols():
        if _mark(column) and _numbers_of(column) is None:
            names.append(column.info.name)
            texts = compute.utf8_trim_whitespace(pa.array(np.asarray(column).tolist(), pa.string()))
            if _any(compute.match_substring_regex(texts, NUMBER_LIKE)):
                changed.append(column.info.name)
    if not names:
        return []
    users = [name for name in table.colnames if not name.startswith(PREFIX)]
    stay = "stays" if len(names) == 1 else "stay"
    words = f"{len(names)} of {len(users)} columns {stay} text: {_listed(names)}"
    return [words + (f" (numbers in {_listed(changed)} would change)" if changed else "")]


def _mark(column: object) -> str | None:
    """Return the mark of a column of a text table, None of others."""
    if not isinstance(column, Column):
        return None
    return (column.info.meta or {}).get(AS_WRITTEN)


def _numbers_of(column: Column) -> Column | None:
    """Return the numbers that a marked column stands for, None where one would change."""
    cells = pa.array(np.asarray(column).tolist(), pa.string())
    return as_numbers(_as_marked(cells, _mark(column) or "."))


def _read_numbers(cells: pa.Array, *, letters: bool) -> tuple[Column | None, bool]:
    """Return numbers as `as_numbers`, and whether they are written with the letters they had.

    The latter is found only where it is asked for.
    """
    texts = compute.ascii_trim_whitespace(cells)
    blank = compute.is_in(compute.ascii_lower(texts), pa.array(sorted(BLANK)))
    held = texts.filter(compute.invert(blank)) if _any(blank) else texts
    if len(held) == 0:
        return None, False
    values: np.ndarray | None = None
    same_letters = True
    pointed = _any(compute.match_substring(held, "."))
    if not pointed and _all(compute.match_substring_regex(held, INTEGER)):
        values = _integers(held)
    elif _all(compute.match_substring_regex(held, DECIMAL)):
        values = _floats(held)
        same_letters = letters and values is not None and _same_letters(held, values)
    if values is None:
        return None, False
    mask = blank.to_numpy(zero_copy_only=False)
    whole = np.full(len(cells), 0 if values.dtype.kind == "i" else np.nan, values.dtype)
    whole[~mask] = values
    column = MaskedColumn(whole, mask=mask) if mask.any() else Column(whole)
    if letters and same_letters:
        empty = compute.equal(cells, "").to_numpy(zero_copy_only=False)
        same_letters = cells.equals(texts) and bool((mask == empty).all())
    return column, letters and same_letters


def _integers(held: pa.Array) -> np.ndarray | None:
    """Return integers, None where one needs more than 64 bits."""
    try:
        return held.cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None


def _floats(held: pa.Array) -> np.ndarray | None:
    """Return floats, None where one has digits or a size that float64 does not give back."""
    plain = held
    if _any(compute.match_substring(held, "+")):
        plain = compute.replace_substring_regex(held, "^[+]", "")
    values = plain.cast(pa.float64()).to_numpy(zero_copy_only=False)
    if not np.isfinite(values).all():
        infinite = compute.match_substring_regex(held, "[iI][nN][fF]")
        if (np.isinf(values) & ~infinite.to_numpy(zero_copy_only=False)).any():
            return None
    size = np.abs(values)
    doubtful = (size < SMALLEST) | ((size > LARGEST) & np.isfinite(values))
    if compute.max(compute.binary_length(held)).as_py() > CERTAIN_DIGITS:
        doubtful |= _many_digits(held) & np.isfinite(values)
    rows = np.flatnonzero(doubtful)
    if len(rows):  # the shortest digits that give a number are those of most files
        shortest = pa.array(values[rows]).cast(pa.string())
        same = compute.equal(shortest, held.take(pa.array(rows)))
        rows = rows[~same.to_numpy(zero_copy_only=False)]
    texts = held.take(pa.array(rows, pa.int64())).to_pylist()
    return values if all(map(_survives, texts, values[rows].tolist())) else None


def _many_digits(held: pa.Array) -> np.ndarray:
    """Return which numbers have more digits than certainly survive, bool (n,)."""
    digits = compute.replace_substring_regex(held, "^[+-]?[0.]*|[.]|[eE].*$", "")
    return compute.greater(compute.binary_length(digits), CERTAIN_DIGITS).to_numpy(
        zero_copy_only=False
    )


def _same_letters(held: pa.Array, values: np.ndarray) -> bool:
    """Return whether floats are written with the letters that they had."""
    return all(map(eq, map(repr, values.tolist()), held.to_pylist()))  # faster than numpy's


def _survives(text: str, value: float) -> bool:
    """Return whether a float gives back the digits of a text, written with as many of them."""
    exact = Decimal(text)
    if Decimal(repr(value)) == exact:
        return True
    decimals = -int(exact.as_tuple().exponent)
    if 0 <= decimals <= MOST_DIGITS:
        return Decimal(f"{value:.{decimals}f}") == exact
    with localcontext(prec=MOST_DIGITS) as context:
        context.traps[InvalidOperation] = False  # more digits: not a number that is equal
        return Decimal(value).quantize(Decimal((0, (1,), -decimals))) == exact


def _as_marked(cells: pa.Array, mark: str) -> pa.Array:
    """Return strings with points for decimal commas, or without padding, as a mark says."""
    if mark == ",":
        return compute.replace_substring(cells, ",", ".")
    if mark == PADDED:
        bare = compute.replace_substring_regex(cells, "^( *)[+]?0+([0-9])", r"\1\2")
        return compute.replace_substring_regex(bare, "^( *-)0+([1-9])", r"\1\2")
    return cells


def _all(found: pa.Array) -> bool:
    """Return whether all are true."""
    return bool(compute.all(found).as_py())


def _any(found: pa.Array) -> bool:
    """Return whether any is true."""
    return bool(compute.any(found).as_py())


def _listed(names: list[str]) -> str:
    """Return names in a message, not too many of them."""
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")
