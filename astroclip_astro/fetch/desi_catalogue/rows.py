"""Rows of DESI's redshift catalogue: how to ask for them, and whether a reply is what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import astropy.units as u
import numpy as np
from astropy.table import Column, Table

from astroclip_astro.fetch.sky_boxes import Box
from astroclip_astro.fetch.transport import BadReplyError

RA, DEC = "mean_fiber_ra", "mean_fiber_dec"
KEY = ["targetid", "survey", "program"]  # what makes a row of zpix one of a kind
COLUMNS = {
    "targetid": (int, None, "DESI TARGETID"),
    "survey": (str, None, "Survey of the coadd"),
    "program": (str, None, "Program of the coadd"),
    RA: (float, u.deg, "Mean RA of the fibre, ICRS"),
    DEC: (float, u.deg, "Mean Dec of the fibre, ICRS"),
    "z": (float, None, "Redshift by redrock"),
    "zerr": (float, None, "Error of z"),
    "zwarn": (int, None, "Redshift warning bits, 0 is good"),
    "deltachi2": (float, None, "Chi2 between the best two redshifts"),
    "spectype": (str, None, "Spectral type"),
    "coadd_fiberstatus": (int, None, "Fibre status bits, 0 is good"),
}
PRIMARY = (bool, None, "Whether it is the best spectrum of its target")
KINDS = {int: "iu", float: "fiu", str: "OSU", bool: "biuOSU"}  # of numpy, that may come
SKY = Box(0, 360, -90, 90)
WORDS = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}


class Rows(Protocol):
    """Rows of the catalogue that can be asked for; as text, in SQL."""

    def holds(self, table: Table) -> np.ndarray:
        """Say which rows of a table were asked for, bool (n,)."""


@dataclass(frozen=True)
class RowsInBoxes:
    """The rows in any of some boxes; as text, in SQL.

    Parameters
    ----------
    boxes : tuple of Box
        One at least.

    Examples
    --------
    >>> print(RowsInBoxes((Box(1, 2, -0.5, 0),)))  # doctest: +NORMALIZE_WHITESPACE
    (mean_fiber_ra BETWEEN 1.000000000 AND 2.000000000
     AND mean_fiber_dec BETWEEN -0.500000000 AND 0.000000000)
    """

    boxes: tuple[Box, ...]

    def __str__(self) -> str:
        return " OR ".join(box.condition(RA, DEC) for box in self.boxes)

    def holds(self, table: Table) -> np.ndarray:
        """Say which rows of a table were asked for.

        Parameters
        ----------
        table : Table
            With positions.

        Returns
        -------
        ndarray
            bool (n,); True also up to 1e-6 degrees outside.
        """
        ra, dec = table[RA].data, table[DEC].data
        return np.any(np.array([box.holds(ra, dec) for box in self.boxes]), axis=0)

    def halves(self) -> tuple[RowsInBoxes, RowsInBoxes] | None:
        """Split what is asked for.

        Returns
        -------
        tuple of RowsInBoxes or None
            Two that together are this one; None where the box is as good as a point.
        """
        if len(self.boxes) > 1:
            half = len(self.boxes) // 2
            return RowsInBoxes(self.boxes[:half]), RowsInBoxes(self.boxes[half:])
        halves = self.boxes[0].halves()
        return halves and (RowsInBoxes(halves[:1]), RowsInBoxes(halves[1:]))


@dataclass(frozen=True)
class RowsOfTargets:
    """The rows of some targets; as text, in SQL.

    Parameters
    ----------
    ids : tuple of int
        TARGETIDs, one at least.

    Examples
    --------
    >>> print(RowsOfTargets((39627866878511337, 5)))
    targetid IN (39627866878511337, 5)
    """

    ids: tuple[int, ...]

    def __str__(self) -> str:
        return f"targetid IN ({', '.join(map(str, self.ids))})"

    def holds(self, table: Table) -> np.ndarray:
        """Say which rows of a table were asked for.

        Parameters
        ----------
        table : Table
            With TARGETIDs.

        Returns
        -------
        ndarray
            bool (n,).
        """
        return np.isin(table["targetid"].data, self.ids)

    def halves(self) -> tuple[RowsOfTargets, RowsOfTargets] | None:
        """Split what is asked for.

        Returns
        -------
        tuple of RowsOfTargets or None
            Two that together are this one; None for one target.
        """
        half = len(self.ids) // 2
        return (RowsOfTargets(self.ids[:half]), RowsOfTargets(self.ids[half:])) if half else None


def empty_rows(primary: str, **more: type) -> Table:
    """Return the columns of the catalogue without rows.

    Parameters
    ----------
    primary : {"sv_primary", "zcat_primary"}
        What the release calls the best spectrum.
    **more : type
        Types of further columns.

    Returns
    -------
    Table
        No rows.

    Examples
    --------
    >>> empty_rows("zcat_primary").colnames[-1]
    'zcat_primary'
    """
    table = Table()
    for name, (kind, unit, words) in {**COLUMNS, primary: PRIMARY}.items():
        table[name] = Column(np.zeros(0, kind), unit=unit, description=words)
    for name, kind in more.items():
        table[name] = np.zeros(0, kind)
    return table


def read_rows(reply: Table, rows: Rows, *, primary: str, place: str) -> Table:
    """Read a reply, or refuse it.

    Parameters
    ----------
    reply : Table
        What came.
    rows : RowsInBoxes, RowsOfTargets or RowsThatPass
        What was asked for.
    primary : {"sv_primary", "zcat_primary"}
        What the release calls the best spectrum.
    place : str
        Where it came from, for messages.

    Returns
    -------
    Table
        The catalogue's columns in int64, float64, str and bool, and no others. A null number with
        decimals is NaN. Its ``meta`` has SIMULATED where the reply says that of itself.

    Raises
    ------
    BadReplyError
        Where a column is missing or of another kind, holds nulls where DESI has none, or a row
        was not asked for or is nowhere on the sky.
    """
    names = {name.lower(): name for name in reply.colnames}
    wanted = {**COLUMNS, primary: PRIMARY}
    if missing := [name for name in wanted if name not in names]:
        raise BadReplyError(f"{place}: no column {missing} among {reply.colnames[:20]}", attempts=2)
    table = Table()
    if "SIMULATED" in str(reply.meta.get("description", "")):
        table.meta["SIMULATED"] = True
    for name, (kind, unit, words) in wanted.items():
        values = _read(reply[names[name]], kind, f"{place}: column {name}")
        table[name] = Column(values, unit=unit, description=words)
    stray = ~rows.holds(table) | ~SKY.holds(table[RA].data, table[DEC].data)
    if stray.any():
        row = dict(table[[*KEY, RA, DEC]][np.argmax(stray)])
        raise BadReplyError(
            f"{place}: {stray.sum()} of {len(table)} rows were not asked for, such as {row}, "
            f"expected rows where {str(rows)[:200]}",
            attempts=2,
        )
    return table


def read_count(reply: Table, *, place: str) -> int:
    """Read a reply that is one number, or refuse it.

    Parameters
    ----------
    reply : Table
        What came.
    place : str
        Where it came from, for messages.

    Returns
    -------
    int
        A number of rows.

    Raises
    ------
    BadReplyError
        For anything else.

    Examples
    --------
    >>> read_count(Table({"n": [7]}), place="here")
    7
    """
    if (len(reply), len(reply.columns)) != (1, 1):
        raise BadReplyError(f"{place}: no count in {reply.colnames[:20]}", attempts=2)
    count = int(_read(reply.columns[0], int, f"{place}: count")[0])
    if count < 0:
        raise BadReplyError(f"{place}: a count of {count}", attempts=2)
    return count


def _read(column: Column, kind: type, place: str) -> np.ndarray:
    """Return the values of a column (n,) in one of our four types."""
    if column.ndim != 1 or column.dtype.kind not in KINDS[kind]:
        raise BadReplyError(
            f"{place} is {column.dtype} of shape {column.shape}, expected {kind.__name__}",
            attempts=2,
        )
    mask = np.ma.getmaskarray(np.ma.asanyarray(column))
    if kind is float:
        return np.where(mask, np.nan, np.asarray(column, float))
    if mask.any():
        raise BadReplyError(f"{place} has {mask.sum()} nulls, expected none", attempts=2)
    if kind is bool and column.dtype.kind != "b":
        try:
            return np.array([WORDS[str(value).strip().lower()] for value in column], bool)
        except KeyError as error:
            raise BadReplyError(f"{place} holds {error}, expected true or false") from None
    values = np.asarray(column)
    if kind is str:
        return np.array([str(value).strip() for value in values], dtype=str)
    return values.astype(kind)
