"""The DESI TARGETIDs in a table."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from astropy.table import Table

from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky.cell_values import is_blank, read_text, read_values
from astroclip_astro.sky.pairs import listing

TARGETID_NAMES = {"targetid", "desi_targetid"}
_WHOLE = re.compile(r"\.0*$")  # behind a whole number, as floats are written
_EXACT = 2.0**53  # beyond, a float64 does not hold every integer
_SHEET_DIGITS = 15  # that a spreadsheet keeps
_MANY = 20  # rows, of which half is no chance
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
    bad : ndarray or None
        bool (n,), rows that have something else than a TARGETID; None for no row.
    doubt : str
        Why all of them may be wrong, a sentence; empty for no doubt.
    certain : bool
        Whether chance does not explain ``doubt``.
    """

    values: np.ndarray
    known: np.ndarray
    words: str = ""
    bad: np.ndarray | None = None
    doubt: str = ""
    certain: bool = False


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
    names = [name for name in table.colnames if name.lower() in TARGETID_NAMES]
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
    bad = np.zeros(len(values), bool)
    if values.dtype.kind in "OSTU":
        values, mask, bad = _parse_targetids(values, mask, name)
    elif values.dtype.kind not in "iu":
        raise CatalogueError(
            f"Column {name!r} is {values.dtype}, expected int64 TARGETIDs; rename it to go by "
            "position."
        )
    known = ~mask & (values <= np.iinfo(np.int64).max)
    if values.dtype.kind == "u":  # the largest is how -1 reads, for none
        bad |= ~mask & ~known & (values != np.iinfo(values.dtype).max)
    targetid[known] = values[known].astype(np.int64)
    known &= ~np.isin(targetid, _NO_TARGETID) & (targetid > np.iinfo(np.int64).min)
    targetid[~known] = 0
    words = [f"{known.sum()} of {len(table)} rows by TARGETID from {name!r}"]
    if bad.any():
        words.append(
            f"{bad.sum()} with something else there, such as {_shown(table[name][bad][0])}, "
            "flagged bad_targetid and by position"
        )
    doubt, certain = describe_rounding(targetid[known], name)
    return TargetIds(targetid, known, ", ".join(words), bad if bad.any() else None, doubt, certain)


def rounding(targetid: np.ndarray) -> np.ndarray:
    """Return of how many TARGETIDs one would look rounded as these do, by chance.

    Parameters
    ----------
    targetid : ndarray
        int64 (n,).

    Returns
    -------
    ndarray
        float64 (n,): 8 for one that a float64 holds although it holds only each eighth there, and
        100 for one of 17 digits that ends in two zeros, as spreadsheets round; 1 for others, and
        for all below 2**53.

    Examples
    --------
    >>> rounding(np.array([39627000000012345, 39627000000012344, 39627000000012300, 8]))
    array([  1.,   8., 100.,   1.])
    """
    size = np.abs(targetid.astype(float))
    spacing = np.where(size > _EXACT, np.spacing(size), 1).astype(np.int64)
    digits = np.floor(np.log10(np.maximum(size, 1))).astype(int) + 1
    decimal = np.where(size > _EXACT, 10 ** np.clip(digits - _SHEET_DIGITS, 0, 4), 1)
    looks = np.where(targetid % spacing == 0, spacing, 1)
    return np.maximum(looks, np.where(targetid % decimal == 0, decimal, 1)).astype(float)


def describe_rounding(targetid: np.ndarray, name: str) -> tuple[str, bool]:
    """Say that TARGETIDs look rounded by a float column or a spreadsheet.

    Parameters
    ----------
    targetid : ndarray
        int64 (n,).
    name : str
        Their column.

    Returns
    -------
    words : str
        A sentence; empty where they do not.
    certain : bool
        Whether that happens by chance in fewer than one of a hundred catalogues.

    Examples
    --------
    >>> describe_rounding(np.array([39627000000012344]), "TARGETID")[1]
    False
    >>> describe_rounding(np.arange(10) * 8 + 39627000000012344, "TARGETID")[1]
    True
    """
    large = targetid[np.abs(targetid.astype(float)) > _EXACT]
    odds = rounding(large)
    looks = odds > 1
    count = int(looks.sum())
    all_of_them = count == len(large)
    if not count or not (all_of_them or (len(large) >= _MANY and count > len(large) / 2)):
        return "", False
    which = f"{'all ' * all_of_them}{count} of {len(large)}"
    words = (
        f"{which} TARGETIDs in {name!r} beyond 2**53 are what a float column or a spreadsheet "
        f"rounds to, {large[looks][0]} for example (a multiple of {odds[looks].min():.0f}): if "
        "they were rounded, they find nothing or another galaxy; read the column as 64-bit "
        "integers or as text, or rename it to go by position"
    )
    return words, bool(np.log10(odds[looks]).sum() > 2) if all_of_them else True


def _shown(cell: object) -> str:
    """Return a cell for a message."""
    return repr(read_text(cell)[:40])


def _parse_targetids(
    values: np.ndarray, mask: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the integers written in strings or objects, where there are none, and where junk."""
    numbers, hidden, junk = np.zeros(len(values), np.int64), mask.copy(), []
    bad = np.zeros(len(values), bool)
    for row in np.flatnonzero(~mask):
        text = read_text(values[row])
        try:
            numbers[row] = int(_WHOLE.sub("", text))
        except (ValueError, OverflowError):
            hidden[row] = True
            if not is_blank(text):
                junk.append(text)
                bad[row] = True
    if junk and hidden.all():
        raise CatalogueError(
            f"Column {name!r} holds {junk[0][:40]!r}, expected integer TARGETIDs; rename it to go "
            "by position."
        )
    return numbers, hidden, bad
