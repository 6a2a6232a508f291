"""What a format cannot hold, found out before anything is computed for it."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from astropy.table import Column, QTable, Table

from astroclip_astro.catalogue.arrow_columns import array_of
from astroclip_astro.catalogue.csv_writer import flat_columns
from astroclip_astro.catalogue.ecsv import ecsv_column
from astroclip_astro.catalogue.fits_table import fits_column, tolerant
from astroclip_astro.catalogue.io import WRITERS, explained
from astroclip_astro.catalogue.nulls import storable, without_mixins
from astroclip_astro.catalogue.text_values import ready_to_write
from astroclip_astro.catalogue.votable import votable_values

CHECKS: dict[str, Callable[[Column], object]] = {
    "FITS": lambda column: fits_column(column, storable(column), None, name="x"),  # of any name
    "VOTable": votable_values,
    "ECSV": ecsv_column,
    "CSV": lambda column: list(flat_columns(column)),
    "Parquet": array_of,
}


def check_writable(table: Table, added: Table, form: str) -> None:
    """Raise where a format cannot hold a table with columns that are still to be computed.

    Every value of the table is looked at, a column at a time, because a null, a byte or a number
    in any row can be what a format does not hold. Then the first row is written, with all columns,
    to nowhere: the format may not take as many, or two may get one name.

    Parameters
    ----------
    table : astropy.table.Table
        (n,), n at least 1. It is not changed.
    added : astropy.table.Table
        (1,), the columns to be added, of the types they will have. Columns of the table that are
        called like these, whatever the case, are going to be replaced and are not looked at.
    form : str
        ``"FITS"``, ``"VOTable"``, ``"ECSV"``, ``"CSV"`` or ``"Parquet"``.

    Raises
    ------
    OutputError
        Naming the column, or saying what there is too much of.

    Examples
    --------
    >>> check_writable(Table({"z": [0.5, 0.6]}), Table({"more": [1]}), "FITS")
    >>> check_writable(Table({"z": [1j]}), Table({"more": [1]}), "Parquet")
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.OutputError: Column 'z' is complex, which Parquet cannot hold; ...
    """
    table = ready_to_write(table, form)
    replaced = {name.lower() for name in added.colnames}
    names = [name for name in table.colnames if name.lower() not in replaced]
    kind = QTable if isinstance(table, QTable) else Table  # a TimeSeries is fussy about names
    kept = kind([table[name] for name in names], names=names, copy=False)
    for column in without_mixins(kept, "ecsv" if form == "ECSV" else "fits").itercols():
        with explained(form, column.info.name), tolerant():
            CHECKS[form](column)
            if column.dtype.kind == "U":
                "".join(np.asarray(column).flat).encode()  # half a pair of UTF-16 is no text
    first = kept[:1]
    first.add_columns([added[name] for name in added.colnames])
    first.meta.update(table.meta)
    with explained(form):
        WRITERS[form](first, io.BytesIO())
