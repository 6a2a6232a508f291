"""The DESI TARGETIDs in a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.table import Table

from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky.cell_values import is_blank, read_text, read_values
from astroclip_astro.sky.pairs import listing

_TARGETIDS = {"targetid", "desi_targetid"}
_NO_TARGETID = range(-9999, 1)  # 0 and sentinels; DESI's own negative ids are larger


@dataclass(frozen=True)
class TargetIds:
    """The TARGETIDs of all rows.

    Parameters
    ----------
    values : ndarray
        int64 (n,), only meaningful where ``known``.
    known : ndarray
        bool (n,), which rows have one.
    words : str
        Where they come from, for summaries; empty where there are none.
    """

    values: np.ndarray
    known: np.ndarray
    words: str = ""


def read_targetids(table: Table) -> TargetIds:
    """Return the TARGETIDs of all rows.

    Parameters
    ----------
    table : Table
        Any astropy table, n rows.

    Returns
    -------
    TargetIds
        From the column called ``TARGETID`` or ``DESI_TARGETID`` in any case.

    Raises
    ------
    CatalogueError
        Where there are several such columns, or it holds floats or something else.

    Examples
    --------
    >>> read_targetids(Table({"TARGETID": ["39627000000012345", ""]})).known
    array([ True, False])
    """
    targetid, known = np.zeros(len(table), np.int64), np.zeros(len(table), bool)
    names = [name for name in table.colnames if name.lower() in _TARGETIDS]
    if not names:
        return TargetIds(targetid, known)
    if len(names) > 1:
        raise CatalogueError(
            f"Several columns of TARGETIDs: {listing(names)}, expected one; rename or remove the "
            "others."
        )
    name = names[0]
    values, mask = read_values(table[name], name, "integer TARGETIDs")
    if values.dtype.kind == "f":
        if np.isfinite(values[~mask]).any():
            raise CatalogueError(
                f"Column {name!r} is {values.dtype}, which cannot hold every TARGETID (they exceed "
                f"2**53), expected int64; read it as int64, or rename it to go by position."
            )
        return TargetIds(targetid, known)
    if values.dtype.kind in "OSTU":
        values, mask = _parse_targetids(values, mask, name)
    elif values.dtype.kind not in "iu":
        raise CatalogueError(
            f"Column {name!r} is {values.dtype}, expected int64 TARGETIDs; rename it to go by "
            "position."
        )
    known = ~mask & (values <= np.iinfo(np.int64).max)
    targetid[known] = values[known].astype(np.int64)
    known &= ~np.isin(targetid, _NO_TARGETID) & (targetid > np.iinfo(np.int64).min)
    targetid[~known] = 0
    words = f"{known.sum()} of {len(table)} rows by TARGETID from {name!r}"
    return TargetIds(targetid, known, words)


def _parse_targetids(
    values: np.ndarray, mask: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the integers written in strings or objects, and where there are none."""
    numbers, hidden, junk = np.zeros(len(values), np.int64), mask.copy(), []
    for row in np.flatnonzero(~mask):
        text = read_text(values[row])
        try:
            numbers[row] = int(text)
        except (ValueError, OverflowError):
            hidden[row] = True
            if not is_blank(text):
                junk.append(text)
    if junk and hidden.all():
        raise CatalogueError(
            f"Column {name!r} holds {junk[0][:40]!r}, expected integer TARGETIDs; rename it to go "
            "by position."
        )
    return numbers, hidden
