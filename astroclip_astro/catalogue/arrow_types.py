"""Arrow types that numpy has no equal for: kept in mind, so that they are written again.

Decimals, times of day, time zones and half floats are read as the nearest type that a table can
work with, and only where no value changes by it. ``column.meta`` then has the name of the type
under `KEY`, and the Parquet writer gives the column that type again, where its values still fit.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
from astropy.table import Table
from pyarrow import compute

KEY = "arrow_type"  # in column.meta
SAFE_DIGITS = 15  # a decimal number of no more digits is the same after float64
PARAMETRIC = re.compile(
    r"(?P<decimal>decimal(?:32|64|128|256))\((?P<precision>\d+), (?P<scale>-?\d+)\)"
    r"|timestamp\[(?P<unit>s|ms|us|ns), tz=(?P<zone>.+)\]"
    r"|fixed_size_binary\[(?P<size>\d+)\]"
)


def type_named(text: str) -> pa.DataType | None:
    """Return the Arrow type that `str` gives a name, None for a name it never gives.

    Examples
    --------
    >>> type_named("decimal128(10, 2)"), type_named("time64[us]"), type_named("nothing")
    (Decimal128Type(decimal128(10, 2)), Time64Type(time64[us]), None)
    """
    match = PARAMETRIC.fullmatch(text)
    try:
        if not match:
            return pa.type_for_alias(text)
        if match["decimal"]:
            make = getattr(pa, match["decimal"])
            return make(int(match["precision"]), int(match["scale"]))
        if match["zone"]:
            return pa.timestamp(match["unit"], match["zone"])
        return pa.binary(int(match["size"]))
    except (ValueError, AttributeError):  # another version of Arrow knows other types
        return None


def plain(array: pa.Array) -> pa.Array | np.ndarray:
    """Return an array of a type that numpy has no equal for as the nearest one that it has.

    Parameters
    ----------
    array : pyarrow.Array
        (n,), of any type.

    Returns
    -------
    pyarrow.Array or ndarray
        (n,). Decimals are int64 where all are whole and fit, else float64 where all come back
        from it digit by digit, else an ndarray of `decimal.Decimal` objects with None for null.
        Times of day are strings, half floats float32. What numpy has an equal for is returned
        unchanged.

    Examples
    --------
    >>> from decimal import Decimal
    >>> plain(pa.array([Decimal("0.10"), None])).to_pylist()
    [0.1, None]
    """
    kind = array.type
    if pa.types.is_decimal(kind):
        return _numbers(array)
    if pa.types.is_float16(kind):  # astropy has no fill value for it
        return array.cast(pa.float32())
    if pa.types.is_time(kind):
        return array.cast(pa.string())
    return array


def restored(array: pa.Array, name: str | None) -> pa.Array:
    """Return an array as the type that its column was read from, where no value changes by it.

    Parameters
    ----------
    array : pyarrow.Array
        (n,), as it would be written by itself.
    name : str or None
        What ``column.meta`` has under `KEY`.

    Returns
    -------
    pyarrow.Array
        The same where nothing is noted, or where the values have been edited since and do not
        fit any more.

    Examples
    --------
    >>> restored(pa.array([0.1]), "decimal128(10, 2)").to_pylist()
    [Decimal('0.10')]
    >>> restored(pa.array([0.123]), "decimal128(10, 2)").to_pylist()
    [0.123]
    """
    kind = type_named(name) if isinstance(name, str) else None
    if kind is None or array.type == kind:
        return array
    try:
        made = _cast(array, kind)
        same = made.type == kind and _same(made, array)
    except (pa.ArrowException, ValueError, TypeError):
        return array
    return made if same else array


def conversions(table: Table) -> list[str]:
    """Return what a format other than Parquet makes of columns that came from Parquet.

    Parameters
    ----------
    table : astropy.table.Table
        As it is to be written.

    Returns
    -------
    list of str
        A line for each decimal, time zone and time of day; empty where there is none.

    Examples
    --------
    >>> from astropy.table import Column
    >>> conversions(Table([Column([0.1], name="price", meta={KEY: "decimal128(10, 2)"})]))
    ['price (decimal128(10, 2)) as float64']
    """
    found = []
    for name in table.colnames:
        info = table[name].info
        noted = str((info.meta or {}).get(KEY, ""))
        if noted.startswith("decimal"):
            kind = "text" if info.dtype.kind == "O" else info.dtype.name
        elif noted.startswith("time"):
            kind = "text in UTC" if "tz=" in noted else "text"
        else:
            continue
        found.append(f"{name} ({noted}) as {kind}")
    return found


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return an array as another type, by text where Arrow has no direct step."""
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp(kind.unit)).cast(kind)  # the zone is a label
    if pa.types.is_time(kind):
        dates = [f"1970-01-01T{cell}" for cell in array.fill_null("00:00").to_pylist()]
        counts = np.array(dates, f"M8[{kind.unit}]").astype(f"i{kind.bit_width // 8}")
        return pa.array(counts, mask=array.is_null().to_numpy(zero_copy_only=False)).view(kind)
    if pa.types.is_decimal(kind) and not pa.types.is_decimal(array.type):
        return array.cast(pa.string()).cast(kind)
    return array.cast(kind)


def _same(made: pa.Array, array: pa.Array) -> bool:
    """Return whether an array means what another does, as a table would have both."""
    one, other = _comparable(made), _comparable(array)
    one, other = (one, other.cast(one.type)) if one.type != other.type else (one, other)
    if not one.is_null().equals(other.is_null()):
        return False
    equal = compute.equal(one, other)
    if pa.types.is_floating(one.type):
        equal = compute.or_(equal, compute.and_(compute.is_nan(one), compute.is_nan(other)))
    return compute.all(equal, min_count=0).as_py()


def _comparable(array: pa.Array) -> pa.Array:
    """Return an array in the form in which a table would have it."""
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp(array.type.unit)).cast(pa.int64())
    found = plain(array)
    return array if isinstance(found, np.ndarray) else found


def _numbers(array: pa.Array) -> pa.Array | np.ndarray:
    """Return decimals as integers or floats where they are the same, else as objects."""
    if array.type.scale <= 0:
        try:
            return array.cast(pa.int64())
        except pa.ArrowInvalid:
            return _objects(array)
    floats = array.cast(pa.float64())
    if array.type.precision <= SAFE_DIGITS:
        return floats
    try:
        same = floats.cast(pa.string()).cast(array.type).equals(array)
    except pa.ArrowException:  # more digits than the type has
        same = False
    return floats if same else _objects(array)


def _objects(array: pa.Array) -> np.ndarray:
    """Return an array of Python objects, None for null."""
    cells = np.empty(len(array), object)
    cells[:] = array.to_pylist()
    return cells


def text_cells(array: pa.Array) -> np.ndarray:
    r"""Return strings or bytes, empty where null: of numpy's type, or objects where it cuts them.

    Parameters
    ----------
    array : pyarrow.Array
        (n,), large_string or binary. numpy takes NUL characters at the end for padding.

    Returns
    -------
    ndarray
        (n,), of type U, S or object.

    Examples
    --------
    >>> text_cells(pa.array([b"ab", b"a\0"], pa.binary())).tolist()
    [b'ab', b'a\x00']
    """
    empty = "" if pa.types.is_large_string(array.type) else b""
    cells = array.fill_null(pa.scalar(empty, array.type)).to_numpy(zero_copy_only=False)
    if bool(compute.any(compute.ends_with(array, "\0")).as_py()):
        return cells
    return cells.astype(type(empty))
