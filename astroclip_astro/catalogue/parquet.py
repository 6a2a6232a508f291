"""Tables as Parquet, nulls, units, descriptions and vectors included."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import yaml
from astropy.table import Column, MaskedColumn, Table, represent_mixins_as_columns, serialize
from astropy.table.meta import get_header_from_yaml, get_yaml_from_table
from astropy.utils.data_info import serialize_context_as
from pyarrow import parquet

from astroclip_astro.catalogue.nulls import storable
from astroclip_astro.errors import CatalogueError, OutputError
from astroclip_astro.storage.bounds import check_yaml

YAML_KEY = b"table_meta_yaml"  # astropy's own, so that astropy reads what is written here


def read_parquet(path: str | Path) -> Table:
    """Read a Parquet file.

    Parameters
    ----------
    path : str or Path
        Parquet file, by astropy or any other program. Records within columns become columns
        ``column.field``; lists of one length become vectors.

    Returns
    -------
    astropy.table.Table
        Nulls are masked; integers with nulls stay integers.

    Raises
    ------
    CatalogueError
        Where a column has a type that a table cannot hold.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.parquet"
    >>> with path.open("wb") as stream:
    ...     write_parquet(Table({"z": [0.5]}), stream)
    >>> read_parquet(path)["z"][0]
    np.float64(0.5)
    """
    # read_table would take folder names for columns, and names must be UTF-8 for Arrow.
    with Path(path).open("rb") as stream, parquet.ParquetFile(stream) as file:
        arrow = file.read()
    while any(pa.types.is_struct(kind) for kind in arrow.schema.types):
        arrow = arrow.flatten()
    text = (arrow.schema.metadata or {}).get(YAML_KEY)
    if text:
        check_yaml(text.decode(), f"The metadata of {path}", error=CatalogueError)
    header = get_header_from_yaml(text.decode().split("\n")) if text else {}
    table = Table(meta=header.get("meta", {}))
    for name in arrow.column_names:
        values, mask = _values(arrow[name].combine_chunks(), name)
        table[name] = Column(values) if mask is None else MaskedColumn(values, mask=mask)
    for described in header.get("datatype", []):
        column = table[described["name"]]
        for attribute in ("description", "format", "unit", "meta"):
            if attribute in described:
                setattr(column, attribute, described[attribute])
        shape = described.get("shape")
        if shape:
            table.replace_column(column.name, column.reshape((len(table), *shape)))
    # As all of astropy's readers do; there is no public way from the block to SkyCoord.
    return Table(serialize._construct_mixins_from_columns(table), copy=False)


def write_parquet(table: Table, stream: BinaryIO) -> None:
    """Write a table as Parquet.

    Parameters
    ----------
    table : astropy.table.Table
        Numbers, strings, vectors, and SkyCoord, Time, Quantity. Nulls are Parquet's nulls.
        Units, descriptions and metadata go into the block that astropy reads.
    stream : binary file
        Open for writing.

    Raises
    ------
    OutputError
        Where a column or metadata cannot be held.

    Examples
    --------
    >>> import io
    >>> write_parquet(Table({"z": [0.5]}), io.BytesIO())
    """
    with serialize_context_as("parquet"):
        plain = represent_mixins_as_columns(table)
    try:
        text = "\n".join(get_yaml_from_table(plain))
    except (yaml.YAMLError, TypeError, ValueError) as problem:
        raise OutputError(
            f"Metadata of the table or of a column cannot be written ({problem}); keep numbers, "
            "strings, lists and dictionaries in table.meta and column.meta."
        ) from problem
    metadata = {YAML_KEY: text.encode()}
    arrays = []
    for column in plain.itercols():
        arrays.append(_array(column))
        if column.dtype.kind in "SU":
            width = column.dtype.itemsize // (4 if column.dtype.kind == "U" else 1)
            metadata[f"table::len::{column.info.name}".encode()] = str(width).encode()
    arrow = pa.table(arrays, names=plain.colnames).replace_schema_metadata(metadata)
    parquet.write_table(arrow, stream)


def _values(array: pa.Array, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return numpy values (n, ...) and mask, None where nothing is null."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _values(array.dictionary_decode(), name)
    if pa.types.is_decimal(kind):
        return _values(array.cast(pa.float64()), name)
    if pa.types.is_float16(kind):  # astropy has no fill value for it
        return _values(array.cast(pa.float32()), name)
    if pa.types.is_fixed_size_list(kind) or _is_list(kind):
        return _lists(array, name)
    mask = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    if pa.types.is_null(kind):
        return np.full(len(array), np.nan), mask
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind):
        return array.to_numpy(zero_copy_only=False), mask
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        blank = {"b": False, "f": np.nan}.get(np.dtype(kind.to_pandas_dtype()).kind, 0)
        filled = array.fill_null(pa.scalar(blank, kind)) if mask is not None else array
        return filled.to_numpy(zero_copy_only=False), mask
    if pa.types.is_map(kind) or pa.types.is_union(kind) or pa.types.is_nested(kind):
        raise CatalogueError(
            f"Column {name!r} has Parquet type {kind}, which a table cannot hold; remove it."
        )
    if not any(check(kind) for check in (pa.types.is_binary, pa.types.is_large_binary)):
        array = array.cast(pa.large_string())
    cells = array.to_numpy(zero_copy_only=False)
    empty = b"" if array.type in (pa.binary(), pa.large_binary()) else ""
    if mask is not None:
        cells = np.where(mask, empty, cells)
    return cells.astype(type(empty)), mask


def _lists(array: pa.Array, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return lists as vectors where their lengths agree, else as objects."""
    rows = len(array)
    inner, mask = _values(array.flatten(), name)  # without the items of null lists
    lengths = array.value_lengths().to_numpy(zero_copy_only=False)
    null = array.is_null().to_numpy(zero_copy_only=False)
    present = lengths[~null].astype(int)
    if len(present) and (present == present[0]).all():
        shape = (rows, present[0], *inner.shape[1:])
        values = np.zeros(shape, inner.dtype)
        values[~null] = inner.reshape((len(present), *shape[1:]))
        hidden = np.ones(shape, bool)
        hidden[~null] = False if mask is None else mask.reshape((len(present), *shape[1:]))
        return values, hidden if hidden.any() else None
    if mask is not None:
        raise CatalogueError(
            f"Column {name!r} has lists of different lengths with nulls inside, which a table "
            "cannot hold; fill them or remove the column."
        )
    cells = np.empty(rows, object)
    starts = np.cumsum(present)[:-1]
    for row, part in zip(np.flatnonzero(~null), np.split(inner, starts), strict=False):
        cells[row] = part
    for row in np.flatnonzero(null):
        cells[row] = inner[:0]
    return cells, null if null.any() else None


def _is_list(kind: pa.DataType) -> bool:
    """Return whether a type is a list of any length, maps left out."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _array(column: Column) -> pa.Array:
    """Return a column as Arrow has it."""
    values, mask = np.asarray(column), np.ma.getmaskarray(column)
    if values.dtype.kind == "O" or values.dtype.kind not in "biufSUM" or values.dtype.itemsize == 0:
        values = storable(column).values
        mask = np.zeros(values.shape, bool)
        if values.dtype.kind == "O":
            return pa.array(list(values))
        if values.dtype.kind == "c":
            raise OutputError(
                f"Column {column.info.name!r} is complex, which Parquet cannot hold; write its "
                "real and imaginary parts as columns."
            )
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    flat = values.reshape(-1)
    hidden = mask.reshape(-1) if mask.any() else None
    array = pa.array(flat.tolist() if flat.dtype.kind == "U" else flat, mask=hidden)
    for size in values.shape[:0:-1]:
        array = pa.FixedSizeListArray.from_arrays(array, int(size))
    return array
