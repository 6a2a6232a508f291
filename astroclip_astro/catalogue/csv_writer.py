"""Tables as CSV, a column for each number."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import product
from typing import BinaryIO

import numpy as np
from astropy.table import Column, Table

from astroclip_astro.catalogue.nulls import decoded, storable, without_mixins
from astroclip_astro.errors import OutputError

CHUNK = 512  # rows that are text at a time


def write_csv(table: Table, stream: BinaryIO) -> None:
    """Write a table as CSV, some rows at a time.

    Parameters
    ----------
    table : astropy.table.Table
        CSV has no vectors: column ``emb`` of shape (n, 128) becomes ``emb_0`` to ``emb_127``, a
        SkyCoord ``pos`` becomes ``pos.ra`` and ``pos.dec``. Nulls are empty fields. Units,
        descriptions and metadata are not written: CSV has no place for them.
    stream : binary file
        Open for writing.

    Raises
    ------
    OutputError
        Where a column cannot be held by CSV, or two would have one name.

    Examples
    --------
    >>> import io
    >>> stream = io.BytesIO()
    >>> write_csv(Table({"emb": [[0.5, 1.0]]}), stream)
    >>> stream.getvalue().decode().split()
    ['emb_0,emb_1', '0.5,1.0']
    """
    plain = without_mixins(table, "ecsv")
    columns = [flat for column in plain.itercols() for flat in flat_columns(column)]
    names = [name for name, _, _ in columns]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise OutputError(
            f"CSV needs a column for each element of a vector, and {', '.join(doubled)} "
            "would be there twice; rename a column, or write FITS (.fits)."
        )
    text = TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    try:
        writer.writerow(names)
        for start in range(0, len(table), CHUNK):
            rows = slice(start, start + CHUNK)
            fields = [_fields(values[rows], mask[rows]) for _, values, mask in columns]
            writer.writerows(zip(*fields, strict=True))
    finally:
        text.detach()  # the stream is its owner's to close


def flat_columns(column: Column) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield name, values (n,) and mask (n,) of each element of a column's cells."""
    name, values, mask = column.info.name, np.asarray(column), np.ma.getmaskarray(column)
    if values.dtype.kind not in "biufcSU":
        values = storable(column).values
    if values.dtype.kind == "S":
        values = decoded(values, name, "CSV")
    if values.dtype.kind == "O" or 0 in values.shape[1:]:
        raise OutputError(
            f"Column {name!r} holds vectors of different lengths or of none, which CSV cannot "
            "hold; write FITS (.fits), or remove it."
        )
    for index in product(*(range(size) for size in values.shape[1:])):
        element: tuple[slice | int, ...] = (slice(None), *index)
        yield "_".join([name, *map(str, index)]), values[element], mask[element]


def _fields(values: np.ndarray, mask: np.ndarray) -> list[str]:
    """Return values as text that reads back the same; nulls are empty."""
    return np.where(mask, "", values.astype(str)).tolist()
