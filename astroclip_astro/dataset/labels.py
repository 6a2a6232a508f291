"""Labels of galaxies from any table, joined by TARGETID: the right row's, or none."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Column, Table

from astroclip_astro.dataset.label_file import read_columns
from astroclip_astro.dataset.training_file import PACKAGE_DATASETS
from astroclip_astro.errors import InputError, did_you_mean
from astroclip_astro.storage.hdf5 import Field
from astroclip_astro.training_data.training_set import KNOWN_DATASETS

MASS = "log_stellar_mass"
MASSES = (MASS, "PROVABGS_LOGMSTAR_BF", "LOGMSTAR", "LOG_MSTAR")  # the first that is there
MAGNITUDES = ("MAG_G", "MAG_R", "MAG_Z")  # PROVABGS: not above 0 where the fit has failed
NO_LABEL = "no row in the table of labels"
DISAGREE = "rows of labels that disagree"


@dataclass(frozen=True)
class Labels:
    """Labels by TARGETID.

    Parameters
    ----------
    name : str
        The file.
    targetid : ndarray
        int64 (n,), rising, each once.
    values : mapping of str to ndarray
        (n, ...), by dataset.
    fields : mapping of str to Field
        What the datasets are.
    unusable : mapping of str to ndarray
        TARGETIDs, int64, whose labels cannot be used, by reason.
    """

    name: str
    targetid: np.ndarray
    values: Mapping[str, np.ndarray]
    fields: Mapping[str, Field]
    unusable: Mapping[str, np.ndarray]

    def find(self, targetid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the row of each target.

        Parameters
        ----------
        targetid : ndarray
            int64 (m,).

        Returns
        -------
        rows : ndarray
            int64 (m,), only meaningful where found.
        found : ndarray
            bool (m,).
        """
        if not len(self.targetid):
            return np.zeros(len(targetid), int), np.zeros(len(targetid), bool)
        rows = np.searchsorted(self.targetid, targetid).clip(max=len(self.targetid) - 1)
        return rows, self.targetid[rows] == targetid

    def why_not(self, targetid: np.ndarray) -> dict[str, int]:
        """Return how many of some targets without labels have none for which reason."""
        rest = targetid
        counts: dict[str, int] = {}
        for reason, ids in self.unusable.items():
            here = np.isin(rest, ids)
            counts[reason] = int(here.sum())
            rest = rest[~here]
        counts[NO_LABEL] = len(rest)
        return {reason: number for reason, number in counts.items() if number}


def read_labels(path: str | os.PathLike, columns: Sequence[str] = ()) -> Labels:
    r"""Read a table of labels.

    Parameters
    ----------
    path : str or path
        As for `astroclip_astro.dataset.label_file.read_columns`.
    columns : sequence of str
        Columns that become datasets of the same names. A column of stellar masses (`MASSES`)
        becomes ``log_stellar_mass`` besides.

    Returns
    -------
    Labels
        Without rows where a column that is used is masked or not finite, or a mass (or one of
        PROVABGS's magnitudes) is not above 0. A TARGETID whose rows agree is taken once, and one
        whose rows do not agree is not taken.

    Raises
    ------
    CatalogueError
        Where the file is no table with TARGETIDs.
    InputError
        For columns that are not there, are no numbers, or have names that are taken.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_text("TARGETID,LOGMSTAR\n7,10.5\n5,9.5\n6,-99\n")
    >>> labels = read_labels(path)
    >>> labels.targetid, labels.values["log_stellar_mass"]
    (array([5, 7]), array([ 9.5, 10.5], dtype=float32))
    """
    columns = tuple(dict.fromkeys(columns))
    table, targetid, known = read_columns(path, lambda names: _wanted(names, columns, path))
    datasets = {name: name for name in columns}
    if (mass := _mass_column(table.colnames)) is not None:
        datasets[MASS] = mass
    for name in datasets:
        _check_name(name, path)
    positive = _positive_columns(table.colnames)
    return clean_labels(
        table, targetid, known, datasets=datasets, positive=positive, name=Path(path).name
    )


def _wanted(names: Sequence[str], columns: Sequence[str], path: str | os.PathLike) -> list[str]:
    """Return which columns of a file are read: those asked for, and those that must be above 0."""
    if absent := [name for name in columns if name not in names]:
        shown = ", ".join(map(repr, names[:40]))
        raise InputError(
            f"No column {absent[0]!r} in {path}, only {shown}"
            f"{did_you_mean(absent[0], names) or '.'}"
        )
    if _mass_column(names) is None and not columns:
        raise InputError(
            f"{path} has no column of stellar masses ({', '.join(MASSES)}); say which columns "
            "are labels with --label-columns."
        )
    return list(dict.fromkeys([*columns, *_positive_columns(names)]))


def _mass_column(names: Sequence[str]) -> str | None:
    """Return the column of stellar masses, None where there is none."""
    return next((name for name in MASSES if name in names), None)


def _positive_columns(names: Sequence[str]) -> list[str]:
    """Return the columns that must be above 0: stellar mass and PROVABGS's magnitudes."""
    mass = _mass_column(names)
    magnitudes = [name for name in MAGNITUDES if name in names]
    return magnitudes if mass is None else [mass, *magnitudes]


def clean_labels(
    table: Table,
    targetid: np.ndarray,
    known: np.ndarray,
    *,
    datasets: Mapping[str, str],
    positive: Sequence[str] = (),
    name: str = "labels",
) -> Labels:
    """Make labels of a table; see `read_labels`.

    Parameters
    ----------
    table : Table
        (n,) rows.
    targetid, known : ndarray
        int64 and bool (n,): each row's TARGETID, and whether it has one.
    datasets : mapping of str to str
        The column of each dataset.
    positive : sequence of str
        Columns that must be above 0.
    name : str
        What the table is called.

    Returns
    -------
    Labels

    Raises
    ------
    InputError
        For a column that holds no numbers.
    """
    columns = {column: _read(table[column], column, name) for column in table.colnames}
    wanted = set(datasets.values())
    good = known.copy()
    unusable: dict[str, np.ndarray] = {}
    for reason, bad in _faults(columns, wanted, positive):
        unusable[reason] = targetid[good & bad]
        good &= ~bad
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(targetid[rows], kind="stable")]
    ids, first, group = np.unique(targetid[rows], return_index=True, return_inverse=True)
    agree = np.ones(len(ids), bool)
    for column in wanted:
        values = columns[column][0][rows]
        np.logical_and.at(agree, group, _rows(values == values[first][group]))
    unusable[DISAGREE] = ids[~agree]
    chosen = rows[first[agree]]
    labels, fields = {}, {}
    for dataset, column in datasets.items():
        array = columns[column][0][chosen]
        labels[dataset] = array.astype(np.float32) if dataset == MASS else array
        fields[dataset] = _field(dataset, column, labels[dataset], table, name)
    return Labels(name, targetid[chosen], labels, fields, unusable)


def _read(column: Column | np.ndarray, name: str, table: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of a column in this machine's byte order, and which rows are masked."""
    mask = np.ma.getmaskarray(np.ma.asanyarray(column))
    values = np.asarray(column)
    if values.dtype.kind not in "biuf":
        raise InputError(f"Column {name!r} of {table} holds {values.dtype}, expected numbers.")
    return values.astype(values.dtype.newbyteorder("="), copy=False), ~_rows(~mask)


def _faults(
    columns: Mapping[str, tuple[np.ndarray, np.ndarray]],
    wanted: Container[str],
    positive: Container[str],
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what makes rows unusable, in words, and in which rows, bool (n,)."""
    for column, (values, mask) in columns.items():
        if column in wanted:
            yield f"no value of {column}", mask | ~_rows(np.isfinite(values))
        if column in positive:
            yield f"{column} not above 0", mask | ~_rows(values > 0)


def _rows(condition: np.ndarray) -> np.ndarray:
    """Return in which rows a condition holds for all values, bool (n,)."""
    return np.asarray(condition.all(axis=tuple(range(1, condition.ndim))))


def _field(dataset: str, column: str, values: np.ndarray, table: Table, name: str) -> Field:
    """Return what a dataset of labels is."""
    unit = getattr(table[column], "unit", None)
    words = getattr(table[column], "description", None)
    unit = "dex(solMass)" if dataset == MASS else str(unit or "")
    words = f"{words}; {column} of {name}" if words else f"{column} of {name}"
    known = KNOWN_DATASETS.get(dataset, values.shape[1:])
    if known != values.shape[1:]:
        raise InputError(
            f"Column {column!r} of {name} has {values.shape[1:]} numbers a row, but a training "
            f"set's {dataset} has {known}; rename the column."
        )
    return Field(values.shape[1:], values.dtype.str[1:], unit, words)


def _check_name(name: str, path: str | os.PathLike) -> None:
    """Raise where a column cannot become a dataset of its name."""
    if name in PACKAGE_DATASETS or not name.strip(". ") or "/" in name or not name.isprintable():
        raise InputError(
            f"Column {name!r} of {path} cannot become a dataset: the name is taken or no name of "
            "HDF5; rename the column."
        )
