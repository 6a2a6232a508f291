"""Columns of a table as Arrow arrays and back, nulls as nulls."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
from astropy.table import Column, MaskedColumn

from astroclip_astro.catalogue import arrow_types
from astroclip_astro.catalogue.nulls import storable
from astroclip_astro.errors import CatalogueError, OutputError


def column_of(array: pa.Array, name: str) -> Column | MaskedColumn:
    """Return an Arrow array as a column.

    Parameters
    ----------
    array : pyarrow.Array
        (n,), of any type but maps, unions, intervals and records.
    name : str
        For messages.

    Returns
    -------
    Column or MaskedColumn
        Masked where there are nulls. Lists of one length are vectors, (n, length); others are
        objects, an array each. A type that numpy has no equal for is noted: see
        `astroclip_astro.catalogue.arrow_types`.

    Raises
    ------
    CatalogueError
        Where the column has a type that a table cannot hold.

    Examples
    --------
    >>> column_of(pa.array([1, None]), "n").tolist()
    [1, None]
    """
    values, mask = _values(array, name)
    column = Column(values) if mask is None else MaskedColumn(values, mask=mask)
    kind = array.type
    while _is_list(kind):
        kind = kind.value_type
    if _is_noted(kind):
        column.meta[arrow_types.KEY] = str(kind)
    return column


def array_of(column: Column) -> pa.Array:
    """Return a column as an Arrow array.

    Parameters
    ----------
    column : astropy.table.Column
        Masked or not, (n, ...): numbers, strings, bytes, dates; or (n,) objects that are strings,
        bytes, decimals, or arrays of different lengths.

    Returns
    -------
    pyarrow.Array
        (n,). What is masked is null; NaN that is not masked stays a value. Bytes are strings
        where they are UTF-8 text, and vectors are lists of fixed size.

    Raises
    ------
    OutputError
        For complex numbers and other Python objects.

    Examples
    --------
    >>> array_of(MaskedColumn([1.5, 2.5], mask=[False, True])).to_pylist()
    [1.5, None]
    """
    meta = column.info.meta or {}
    noted = meta.get(arrow_types.KEY)
    values, mask = np.asarray(column), np.ma.getmaskarray(column)
    if values.dtype.kind == "O":
        return _objects(column, values, mask, noted)
    if values.dtype.kind not in "biufSUMm" or values.dtype.itemsize == 0:
        values = storable(column).values  # says why where there is no form for it
        if values.dtype.kind == "c":
            raise OutputError(
                f"Column {column.info.name!r} is complex, which Parquet cannot hold; write its "
                "real and imaginary parts as columns."
            )
    return _vectors(_flat(values, mask, noted), values.shape[1:], len(values))


def _is_list(kind: pa.DataType) -> bool:
    """Return whether a type is a list of any length or of a fixed one, maps left out."""
    checks = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(check(kind) for check in checks)


def _is_bytes(kind: pa.DataType) -> bool:
    """Return whether a type holds bytes that need not be text."""
    checks = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(check(kind) for check in checks) or str(kind) == "binary_view"


def _is_noted(kind: pa.DataType) -> bool:
    """Return whether a column must be known to have been of this type to be written again."""
    return (
        pa.types.is_decimal(kind)
        or pa.types.is_time(kind)
        or pa.types.is_float16(kind)
        or pa.types.is_date64(kind)
        or (pa.types.is_timestamp(kind) and kind.tz is not None)
        or _is_bytes(kind)
    )


def _values(array: pa.Array, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return numpy values (n, ...) and mask, None where nothing is null."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if _is_list(array.type):
        return _lists(array, name)
    mask = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    found = arrow_types.plain(array)
    if isinstance(found, np.ndarray):
        return found, mask
    array, kind = found, found.type
    if pa.types.is_null(kind):
        return np.full(len(array), np.nan), mask
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        return array.to_numpy(zero_copy_only=False), mask
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        blank = {"b": False, "f": np.nan}.get(np.dtype(kind.to_pandas_dtype()).kind, 0)
        filled = array.fill_null(pa.scalar(blank, kind)) if mask is not None else array
        return filled.to_numpy(zero_copy_only=False), mask
    if _is_bytes(kind):
        return arrow_types.text_cells(array.cast(pa.large_binary())), mask
    if any(word in str(kind) for word in ("map", "union", "struct", "interval", "list")):
        raise CatalogueError(
            f"Column {name!r} has Parquet type {kind}, which a table cannot hold; remove it."
        )
    return arrow_types.text_cells(array.cast(pa.large_string())), mask


def _lists(array: pa.Array, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return lists as vectors where their lengths agree, else as objects."""
    rows = len(array)
    inner, mask = _values(array.flatten(), name)  # without the items of null lists
    null = array.is_null().to_numpy(zero_copy_only=False)
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(int)
    present = lengths[~null]
    if len(present) and (present == present[0]).all():
        shape = (rows, present[0], *inner.shape[1:])
        values = np.zeros(shape, inner.dtype)
        values[~null] = inner.reshape((len(present), *shape[1:]))
        hidden = np.ones(shape, bool)
        hidden[~null] = False if mask is None else mask.reshape((len(present), *shape[1:]))
        return values, hidden if hidden.any() else None
    items = inner if mask is None else np.ma.MaskedArray(inner, mask=mask)
    cells = np.empty(rows, object)
    stops = np.cumsum(lengths)
    for row, (start, stop) in enumerate(zip(stops - lengths, stops, strict=True)):
        cells[row] = items[start:stop]
    return cells, null if null.any() else None


def _objects(column: Column, cells: np.ndarray, mask: np.ndarray, noted: str | None) -> pa.Array:
    """Return a column of Python objects: texts, decimals, arrays of different lengths."""
    empty = np.array([cell is None for cell in cells.flat], bool)
    hidden = mask | empty.reshape(cells.shape)
    held = cells[~hidden]
    if all(isinstance(cell, np.ndarray) and cell.ndim for cell in held) and cells.ndim == 1:
        return _ragged(column, cells, hidden, noted)
    for kind in (str, bytes, Decimal):
        if all(isinstance(cell, kind) for cell in held):
            items = np.ma.MaskedArray(cells, mask=hidden).reshape(-1).tolist()
            array = arrow_types.restored(pa.array(items), noted)
            return _vectors(array, cells.shape[1:], len(cells))
    storable(column)  # says which objects there are
    raise OutputError(
        f"Column {column.info.name!r} holds objects that Parquet cannot hold; convert it to "
        "numbers or strings, or remove it."
    )


def _ragged(column: Column, cells: np.ndarray, hidden: np.ndarray, noted: str | None) -> pa.Array:
    """Return arrays of different lengths as lists, their nulls included."""
    held = [np.ma.asarray(cell) for cell in cells[~hidden]]
    lengths = np.zeros(len(cells), np.int64)
    lengths[~hidden] = [len(cell) for cell in held]
    held = [cell for cell in held if len(cell)] or held  # the type of an empty one says nothing
    kinds = {"number" if cell.dtype.kind in "iuf" else cell.dtype.kind for cell in held}
    if len(kinds) > 1 or len({cell.shape[1:] for cell in held}) > 1:
        found = ", ".join(sorted({cell.dtype.name for cell in held}))
        raise OutputError(
            f"Column {column.info.name!r} holds arrays of different kinds or shapes ({found}), "
            "which Parquet cannot hold; convert them to one type, or remove it."
        )
    items = np.ma.concatenate(held) if held else np.ma.zeros(0)
    inner = array_of(
        MaskedColumn(items, name=column.info.name, meta={arrow_types.KEY: noted} if noted else {})
    )
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if len(inner) >= 2**31:
        return pa.LargeListArray.from_arrays(offsets, inner, mask=pa.array(hidden))
    return pa.ListArray.from_arrays(offsets.astype("i4"), inner, mask=pa.array(hidden))


def _flat(values: np.ndarray, mask: np.ndarray, noted: str | None) -> pa.Array:
    """Return values of a plain type without their shape."""
    values = values.astype(values.dtype.newbyteorder("="), copy=False).reshape(-1)
    hidden = mask.reshape(-1) if mask.any() else None
    if values.dtype.kind in "mM" and np.isnat(values).any():
        hidden = np.isnat(values) if hidden is None else np.isnat(values) | hidden
    if values.dtype.kind not in "SU":
        return arrow_types.restored(pa.array(values, mask=hidden), noted)
    cells = values.tolist()
    if hidden is not None:
        cells = np.ma.MaskedArray(np.array(cells, object), mask=hidden).tolist()
    array = pa.array(cells, pa.binary() if values.dtype.kind == "S" else pa.string())
    kind = arrow_types.type_named(noted) if noted else None
    if values.dtype.kind == "S" and not (kind and _is_bytes(kind)):
        try:
            array = array.cast(pa.string())  # text, for whoever reads it
        except pa.ArrowInvalid:  # not UTF-8: the bytes are kept
            return array
    return arrow_types.restored(array, noted)


def _vectors(array: pa.Array, shape: tuple[int, ...], rows: int) -> pa.Array:
    """Return flat values as lists of fixed size, one in the other; empty ones have no size."""
    if 0 in shape:
        return pa.array([[]] * rows, pa.list_(array.type))
    for size in shape[::-1]:
        array = pa.FixedSizeListArray.from_arrays(array, int(size))
    return array
