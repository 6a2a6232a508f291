"""Tables as Parquet, nulls, units, descriptions and vectors included."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import yaml
from astropy.table import Table, serialize
from astropy.table.meta import get_header_from_yaml, get_yaml_from_table
from pyarrow import parquet

from astroclip_astro.catalogue.arrow_columns import array_of, column_of
from astroclip_astro.catalogue.nulls import without_mixins
from astroclip_astro.catalogue.voparquet import voparquet_metadata
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
        table[name] = column_of(arrow[name].combine_chunks(), name)
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
    # As for FITS: times as two numbers, and nulls where they are, not in columns of their own.
    plain = without_mixins(table, "fits")
    metadata = {YAML_KEY: _astropy_block(plain)}
    arrays = [array_of(column) for column in plain.itercols()]
    for column in plain.itercols():
        if column.dtype.kind in "SU":
            width = column.dtype.itemsize // (4 if column.dtype.kind == "U" else 1)
            metadata[f"table::len::{column.info.name}".encode()] = str(width).encode()
    arrow = pa.table(arrays, names=plain.colnames)
    metadata |= voparquet_metadata(plain, arrow)
    parquet.write_table(arrow.replace_schema_metadata(metadata), stream)


def _astropy_block(plain: Table) -> bytes:
    """Return what astropy's own reader wants to know of a table."""
    try:
        return "\n".join(get_yaml_from_table(plain)).encode()
    except (yaml.YAMLError, TypeError, ValueError) as problem:
        raise OutputError(
            f"Metadata of the table or of a column cannot be written ({problem}); keep numbers, "
            "strings, lists and dictionaries in table.meta and column.meta."
        ) from problem
