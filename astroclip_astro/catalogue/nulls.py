"""A column as files can hold it: a plain array, its nulls a value set aside."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from astropy.table import Column, Table, represent_mixins_as_columns
from astropy.utils.data_info import serialize_context_as

from astroclip_astro.catalogue import arrow_types
from astroclip_astro.errors import OutputError

FLOAT_SIZES = (2, 4, 8)  # bytes; wider ones exist only on some machines


@dataclass(frozen=True)
class Stored:
    """Values without a mask.

    Parameters
    ----------
    values : ndarray
        (n, ...), of bool, integer, float, complex or string type, or (n,) objects that are
        one-dimensional arrays of one numeric type (cells of different lengths).
    null : int or None
        The integer that stands for null, None where no integer does.
    note : str or None
        What a reader of the file must know about a change of type, None where there is nothing.
    """

    values: np.ndarray
    null: int | None = None
    note: str | None = None


def storable(column: Column) -> Stored:
    """Return a column's values with its nulls in a form that FITS and VOTable hold.

    Parameters
    ----------
    column : astropy.table.Column
        Masked or not, (n, ...). It is not changed.

    Returns
    -------
    Stored
        Null floats are NaN and null strings are empty. Null integers are the smallest number of
        their type, because whoever reads the file takes every such number for a null. Masked
        bool becomes int16, int8 becomes int16, unsigned integers with nulls the next wider
        signed type, datetime64 an ISO 8601 string (UTC with Z), decimals their digits.

    Raises
    ------
    OutputError
        Where the column holds what such files cannot: Python objects, the number that would have
        to stand for null, numbers wider than 64 bits, NUL characters at the end of a text.

    Examples
    --------
    >>> from astropy.table import MaskedColumn
    >>> storable(MaskedColumn([1, 2], name="n", mask=[False, True], dtype="i2"))
    Stored(values=array([     1, -32768], dtype=int16), null=-32768, note=None)
    """
    name = column.info.name
    values = np.asarray(column)
    mask = np.ma.getmaskarray(column) if np.ma.is_masked(column) else None
    kind = values.dtype.kind
    if kind == "O":
        return Stored(_plain_objects(values, mask, name))
    if kind in "biu":
        return _whole_numbers(values, mask, name)
    if kind == "M":
        mask = np.isnat(values) if mask is None else np.isnat(values) | mask
        zone = (column.info.meta or {}).get(arrow_types.KEY, "")
        values = np.datetime_as_string(values)
        if "tz=" in str(zone):
            values = np.char.add(values, "Z")  # they are UTC
    elif kind in "fc":
        size = values.dtype.itemsize // (2 if kind == "c" else 1)
        if size not in FLOAT_SIZES:
            narrower = "f8" if kind == "f" else "c16"
            raise OutputError(
                f"Column {name!r} is {values.dtype}, wider than any file holds; "
                f"use astype('{narrower}')."
            )
        values = values.astype("f4") if size == 2 else values
    elif kind not in "SU":
        raise OutputError(
            f"Column {name!r} has type {values.dtype}, which {_where(kind in 'mM')}; convert it to "
            "numbers or strings, or remove it."
        )
    if mask is None:
        return Stored(values)
    null = values.dtype.type(np.nan) if kind in "fc" else values.dtype.type()
    return Stored(np.where(mask, null, values))


def decoded(values: np.ndarray, name: str, form: str) -> np.ndarray:
    """Return bytes as the text that they stand for.

    Parameters
    ----------
    values : ndarray
        Of bytes, (n, ...), in UTF-8.
    name, form : str
        Of the column and the format, for the message.

    Raises
    ------
    OutputError
        Where they are not UTF-8 text.

    Examples
    --------
    >>> decoded(np.array([b"M 31"]), "name", "CSV").tolist()
    ['M 31']
    """
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError:
        raise OutputError(
            f"Column {name!r} holds bytes that are not UTF-8 text, which {form} cannot hold; write "
            "FITS (.fits) or Parquet (.parquet), or decode it first."
        ) from None


def without_mixins(table: Table, context: str) -> Table:
    """Return a table of plain columns: SkyCoord, Time and the like as what they consist of.

    Parameters
    ----------
    table : Table
        Not changed, and not copied where it need not be.
    context : {"fits", "ecsv"}
        Whose form of times: two numbers, or text.

    Raises
    ------
    OutputError
        Where another column has the name that a part of one would get.

    Examples
    --------
    >>> from astropy.time import Time
    >>> without_mixins(Table({"t": Time([50000.0], format="mjd")}), "fits").colnames
    ['t.jd1', 't.jd2']
    """
    try:
        with serialize_context_as(context):
            return represent_mixins_as_columns(table)
    except ValueError as problem:
        mixins = [name for name in table.colnames if not isinstance(table[name], Column)]
        parts = [name for name in table.colnames if name.rpartition(".")[0] in mixins]
        if not parts:
            raise
        raise OutputError(
            f"Column {parts[0]!r} has the name that a part of column "
            f"{parts[0].rpartition('.')[0]!r} would get in the file; rename it."
        ) from problem


def with_values(column: Column, values: np.ndarray) -> Column:
    """Return other values, not masked, under a column's name and all that is said about it.

    Parameters
    ----------
    column : astropy.table.Column
        Masked or not.
    values : ndarray
        (n, ...), not copied.

    Examples
    --------
    >>> with_values(Column([1], name="n", unit="m"), np.array([2])).unit
    Unit("m")
    """
    return Column(
        values,
        name=column.name,
        unit=column.unit,
        format=column.format,
        description=column.description,
        meta=column.meta,
        copy=False,
    )


def _whole_numbers(values: np.ndarray, mask: np.ndarray | None, name: str) -> Stored:
    """Return bools and integers, with room made for a null where there are nulls."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if values.dtype == np.int8:
        values = values.astype("i2")  # astropy writes int8 as logical
    if mask is None:
        return Stored(values)
    note = None
    if kind == "b":
        note = f"{name}: bool with nulls, stored as int16 (1 true, 0 false)"
        values = values.astype("i2")
    elif kind == "u":
        # Zero is the smallest unsigned number, and far too common to stand for null.
        if size == 8 and (values[~mask] > np.uint64(np.iinfo("i8").max)).any():
            raise OutputError(
                f"Column {name!r} is uint64 with nulls and holds numbers above 2**63 - 1; fill "
                "its nulls, or store it as strings."
            )
        values = values.astype(f"i{min(2 * size, 8)}")
    null = int(np.iinfo(values.dtype).min)
    if (values[~mask] == null).any():
        advice = "fill its nulls" if size == 8 else "use a wider type, astype('i8'),"
        raise OutputError(
            f"Column {name!r} has nulls and also holds {null}, the number that stands for null "
            f"in {values.dtype.name}; {advice} before writing."
        )
    return Stored(np.where(mask, values.dtype.type(null), values), null, note)


def _plain_objects(values: np.ndarray, mask: np.ndarray | None, name: str) -> np.ndarray:
    """Return object cells as strings, or as arrays of one type where their lengths differ."""
    cells = values.copy()
    if mask is not None:
        cells[mask] = None
    held = [cell for cell in cells.flat if cell is not None]
    for kind, empty in ((str, ""), (bytes, b""), (Decimal, "")):
        if all(isinstance(cell, kind) for cell in held):
            return _texts(cells, empty, name)
    if cells.ndim == 1 and all(isinstance(cell, np.ndarray) and cell.ndim == 1 for cell in held):
        dtype = np.result_type(*held).newbyteorder("=")
        if dtype.str[1:] in ("u1", "i2", "i4", "i8", "f4", "f8", "c8", "c16"):
            for row, cell in enumerate(cells):
                cells[row] = _filled([] if cell is None else cell, dtype, name)
            return cells
    arrays = bool(held) and all(isinstance(cell, np.ndarray) for cell in held)
    if arrays:
        what = f"lists of different lengths ({', '.join(sorted({c.dtype.name for c in held}))})"
    else:
        what = f"Python objects ({', '.join(sorted({type(cell).__name__ for cell in held}))})"
    raise OutputError(
        f"Column {name!r} holds {what}, which {_where(arrays)}; convert it to numbers or strings, "
        "or remove it."
    )


def _texts(cells: np.ndarray, empty: str | bytes, name: str) -> np.ndarray:
    """Return strings, bytes or decimals as numpy's text, empty where they are None."""
    texts = [
        empty if cell is None else str(cell) if isinstance(cell, Decimal) else cell
        for cell in cells.flat
    ]
    if any(text[-1:] in ("\0", b"\0") for text in texts):
        raise OutputError(
            f"Column {name!r} holds text that ends with NUL characters, which only Parquet holds; "
            "write .parquet, or remove them."
        )
    return np.array(texts, type(empty)).reshape(cells.shape)


def _where(in_parquet: bool) -> str:
    """Return which formats do not hold something, as the end of a message says it."""
    return "only Parquet holds (.parquet)" if in_parquet else "no table file holds"


def _filled(cell: np.ndarray | list, dtype: np.dtype, name: str) -> np.ndarray:
    """Return one cell of its own length without a mask."""
    if dtype.kind in "iu" and np.ma.is_masked(cell):
        raise OutputError(
            f"Column {name!r} has null integers within cells of different lengths, which only "
            "Parquet holds; write .parquet, or fill them."
        )
    return np.ma.asarray(cell, dtype=dtype).filled(np.nan if dtype.kind in "fc" else 0)
