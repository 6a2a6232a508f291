"""Values of the output columns -> columns of the user's table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy.table import MaskedColumn, Table

from astroclip_astro.annotate.job import Job
from astroclip_astro.annotate.recalibrate import forget
from astroclip_astro.annotate.rows import INTEGER_NULLS, empty_rows
from astroclip_astro.catalogue.provenance import record_provenance
from astroclip_astro.columns import COLUMNS, FLAG_GROUPS, MODALITIES, OutputColumn
from astroclip_astro.errors import CatalogueError


def check_names(table: Table, columns: tuple[OutputColumn, ...], *, overwrite: bool) -> None:
    """Raise where the table has columns that ours would replace.

    Flags and facts of the matched spectrum that this package wrote may be replaced: every method
    writes them. They are known by their descriptions, or, where these are of another version, by
    the header keyword ``ACVERS`` of this package.

    Parameters
    ----------
    table : Table
        The user's table.
    columns : tuple of OutputColumn
        What is to be added.
    overwrite : bool
        Whether the user allows it.

    Raises
    ------
    CatalogueError
        Naming the columns, and what to do.
    """
    if not overwrite and (taken := taken_names(table, columns)):
        raise CatalogueError(
            f"Column name already taken: {', '.join(taken)}. Rename or remove "
            "it, or let it be replaced: --overwrite (overwrite=True in Python)."
        )


def taken_names(table: Table, columns: tuple[OutputColumn, ...]) -> list[str]:
    """Return the table's columns that ours would replace; see `check_names`."""
    written_here = "ACVERS" in table.meta
    ours = {
        column.name
        for column in columns
        if column.group in ("match", "flags")
        and column.name in table.colnames
        and (written_here or table[column.name].info.description == column.description)
    }
    asked = {column.name.lower() for column in columns if column.name not in ours}
    # FITS and TOPCAT do not tell names apart that differ only in case.
    return [name for name in table.colnames if name.lower() in asked]


def add_columns(table: Table, rows: np.ndarray, job: Job) -> Table:
    """Add the output columns and their provenance to a table, in place, all together.

    Parameters
    ----------
    table : Table
        The user's table, n rows.
    rows : ndarray
        (n,) from `astroclip_astro.annotate.pipeline.annotate_targets`.
    job : Job
        What made them.

    Returns
    -------
    Table
        The same table.
    """
    columns = [
        make_column(column, rows[column.name], job.describe(column)) for column in job.columns
    ]
    kept = dict(table.meta)
    earlier = earlier_flags(table, job)
    added = {column.name.lower() for column in columns}
    table.remove_columns([name for name in table.colnames if name.lower() in added])
    table.add_columns(columns)
    table["astroclip_flags"] |= earlier
    table.meta.update(kept)
    record_provenance(table, job.columns, job.provenance(table.colnames))
    forget(table, added)
    return table


def earlier_flags(table: Table, job: Job) -> np.ndarray:
    """Return the bits of an earlier call that say something of what this one does not compute.

    A bit that both modalities can set is cleared where all that the table has columns of are
    computed anew.

    Parameters
    ----------
    table : Table
        As it was before this call.
    job : Job
        What is computed now.

    Returns
    -------
    ndarray
        int32 (n,), 0 where the table has no flags of ours.
    """
    flags = np.zeros(len(table), np.int32)
    if "astroclip_flags" not in table.colnames or "ACVERS" not in table.meta:
        return flags
    old = np.ma.filled(table["astroclip_flags"], 0)
    if old.dtype.kind not in "iu" or old.ndim != 1:
        return flags
    stays = {
        column.modality
        for column in COLUMNS
        if column.name in table.colnames and column.modality not in (None, *job.modality)
    }
    groups = {column.group for column in job.columns}
    for flag, owners in FLAG_GROUPS.items():
        if owners == MODALITIES:
            stay = bool(stays)
        else:
            stay = any(owner not in (*job.modality, *groups) for owner in owners)
        if stay:
            flags |= np.int32(flag)
    return old.astype(np.int32) & flags


def empty_columns(columns: Sequence[OutputColumn]) -> Table:
    """Return one row of the output columns in which every value is null, as they will be written.

    Parameters
    ----------
    columns : sequence of OutputColumn
        What is to be written.

    Returns
    -------
    Table
        (1,).
    """
    rows = empty_rows(columns, 1)
    return Table([make_column(column, rows[column.name], column.description) for column in columns])


def make_column(column: OutputColumn, values: np.ndarray, description: str) -> MaskedColumn:
    """Return one column with mask, unit, description and UCD."""
    if column.dtype.startswith("f"):
        mask = np.isnan(values)
    elif column.group == "flags":
        mask = np.zeros(values.shape, bool)
    elif column.dtype in INTEGER_NULLS:
        mask = values == INTEGER_NULLS[column.dtype]
    else:
        mask = values == ""
    return MaskedColumn(
        np.ascontiguousarray(values),
        name=column.name,
        mask=mask,
        unit=column.unit,
        description=description,
        meta={"ucd": column.ucd},
    )
