"""Files of labels: TARGETIDs, and the columns that are wanted, from any table."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Column, Table

from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky import find_targets

if TYPE_CHECKING:
    import h5py

ID = "TARGETID"
ID_NAMES = {"targetid", "desi_targetid"}
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def read_columns(
    path: str | os.PathLike, choose: Callable[[Sequence[str]], Sequence[str]]
) -> tuple[Table, np.ndarray, np.ndarray]:
    r"""Read TARGETIDs and some columns of a table.

    Parameters
    ----------
    path : str or path
        FITS, VOTable, ECSV, CSV, Parquet, or HDF5: one table as astropy writes it (PROVABGS), or
        a dataset a column (a training set).
    choose : callable
        Given the names of all columns, returns those that are wanted.

    Returns
    -------
    table : Table
        The columns that are wanted, (n,) rows.
    targetid : ndarray
        int64 (n,).
    known : ndarray
        bool (n,), where there is one.

    Raises
    ------
    CatalogueError
        Where the file is no table, or has no TARGETIDs, or has them as floats.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_text("TARGETID,z,mag\n39627866878511337,0.5,19\n")
    >>> table, targetid, known = read_columns(path, lambda names: names[1:2])
    >>> table.colnames, targetid
    (['z'], array([39627866878511337]))
    """
    path = Path(path)
    if _is_hdf5(path):
        return _read_hdf5(path, choose)
    table = read_catalogue(path)
    name = _id_column(table.colnames, path)
    targetid, known = _integers(table[name], path)
    return table[list(choose(table.colnames))], targetid, known


def read_targetids(path: str | os.PathLike) -> tuple[int, ...]:
    """Return the TARGETIDs of a table, each once, in order.

    Parameters
    ----------
    path : str or path
        As for `read_columns`.

    Returns
    -------
    tuple of int

    Raises
    ------
    CatalogueError
        As `read_columns`, and where no row has one.
    """
    _, targetid, known = read_columns(path, lambda names: ())
    if not known.any():
        raise CatalogueError(f"{path} has no row with a TARGETID; expected one at least.")
    return tuple(np.unique(targetid[known]).tolist())


def _is_hdf5(path: Path) -> bool:
    """Return whether a file begins as HDF5 does."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE


def _read_hdf5(
    path: Path, choose: Callable[[Sequence[str]], Sequence[str]]
) -> tuple[Table, np.ndarray, np.ndarray]:
    """Read some columns of an HDF5 file; the others, which may be huge, are not read."""
    import h5py

    try:
        with h5py.File(path) as file:
            columns = _columns(file, path)
            name = _id_column(list(columns), path)
            wanted = list(choose(list(columns)))
            values = {column: columns[column]() for column in dict.fromkeys([name, *wanted])}
    except (OSError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CatalogueError(
            f"{path} cannot be read as HDF5 ({reason}); is it complete? Fetch it again."
        ) from error
    lengths = {len(column) for column in values.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise CatalogueError(
            f"Columns of {path} have {sorted(lengths)} rows, expected one number, 1 or more."
        )
    targetid, known = _integers(values[name], path)
    return Table({column: values[column] for column in wanted}), targetid, known


def _columns(file: h5py.File, path: Path) -> dict[str, Callable[[], np.ndarray]]:
    """Return how to read each column of the one table with TARGETIDs in an HDF5 file."""
    import h5py

    tables: list[dict[str, Callable[[], np.ndarray]]] = []
    for group in (file, *(item for item in file.values() if isinstance(item, h5py.Group))):
        datasets = {n: item for n, item in group.items() if isinstance(item, h5py.Dataset)}
        tables.append({n: partial(_values, item) for n, item in datasets.items() if item.ndim})
        for item in datasets.values():
            tables.append({n: partial(_values, item, n) for n in item.dtype.names or ()})
    found = [table for table in tables if any(name.lower() in ID_NAMES for name in table)]
    if len(found) != 1:
        raise CatalogueError(
            f"{path} has {len(found)} tables with a column {ID}, expected one; write the table "
            "to a file of its own."
        )
    return found[0]


def _values(dataset: h5py.Dataset, name: str | None = None) -> np.ndarray:
    """Read a dataset, or one of its columns where it is a table."""
    return dataset[()] if name is None else dataset.fields(name)[()]


def _id_column(names: Sequence[str], path: Path) -> str:
    """Return the name of the column of TARGETIDs."""
    found = [name for name in names if name.lower() in ID_NAMES]
    if len(found) != 1:
        shown = ", ".join(map(repr, names[:12]))
        raise CatalogueError(
            f"{path} has {len(found)} columns {ID} among {shown}, expected one; rename columns."
        )
    return found[0]


def _integers(column: Column | np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return TARGETIDs as int64 (n,), and where there are any."""
    # Positions play no part; with them, a table without a single TARGETID is no mistake yet.
    nowhere = np.zeros(len(column))
    try:
        targets = find_targets(Table({ID: column, "ra_deg": nowhere, "dec_deg": nowhere}))
    except CatalogueError as error:
        raise CatalogueError(f"{path}: {error}") from None
    return targets.targetid, targets.has_targetid
