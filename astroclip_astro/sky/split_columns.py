"""Positions split into columns of hours, minutes and seconds, as machine-readable tables have them.

CDS and the AAS journals write ``RAh RAm RAs DE- DEd DEm DEs``; the sign stands in a column of its
own. The seconds may be absent, and then the minutes have decimals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy.table import Table

from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky.cell_values import read_text, read_values

_PART = re.compile(
    r"(?P<before>.*?)(?P<axis>ra|dec?|decl)(?P<between>[_ ]?(?:j?2000)?[_ ]?)"
    r"(?:(?P<h>h|hh|hrs?|hours?)|(?P<d>d|dd|deg|degrees?)|(?P<m>m|mm|min|arcmin|minutes?)"
    r"|(?P<s>s|ss|secs?|arcsec|seconds?)|(?P<sign>-|sign|sgn))",
    re.IGNORECASE,
)
_MINUS = {"-", "−", "–", "-1", "-1.0", "s"}
_WHOLE = (("RA", "h"), ("Dec", "d"))
_NEEDED = {("RA", "h"), ("RA", "m"), ("Dec", "d"), ("Dec", "m")}


@dataclass(frozen=True)
class SplitColumns:
    """The columns that hold one position.

    Parameters
    ----------
    parts : dict of (str, str) to str
        Names by axis and part: ``("RA", "h")`` to ``("Dec", "s")`` and ``("Dec", "sign")``. Seconds
        of both axes and the sign may be absent.
    """

    parts: dict[tuple[str, str], str]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in the order hours to seconds, sign, degrees to seconds."""
        order = [("RA", part) for part in "hms"] + [("Dec", "sign")] + [("Dec", p) for p in "dms"]
        return tuple(self.parts[key] for key in order if key in self.parts)

    def read(self, table: Table) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the positions of all rows.

        Parameters
        ----------
        table : Table
            With these columns, n rows.

        Returns
        -------
        ra, dec : ndarray
            float64 (n,), degrees; NaN where a part is masked, not finite or out of range.
        assumed : str
            What had to be taken for granted, a sentence; empty for nothing.

        Raises
        ------
        CatalogueError
            For columns of anything but numbers.
        """
        parts = {key: _numbers(table, name) for key, name in self.parts.items() if key[1] != "sign"}
        nothing = np.zeros(len(table))
        ra = 15 * _joined(*(parts.get(("RA", part), nothing) for part in "hms"))
        whole = parts["Dec", "d"]
        dec = _joined(np.abs(whole), *(parts.get(("Dec", part), nothing) for part in "ms"))
        negative, assumed = np.signbit(whole), ""
        if ("Dec", "sign") in self.parts:
            negative = negative | _is_minus(table, self.parts["Dec", "sign"])
        elif negative.any() and (unsigned := int(((whole == 0) & ~negative).sum())):
            assumed = (
                f"{self.parts['Dec', 'd']!r} is 0 in {unsigned} rows and no column holds the sign: "
                "these were taken as north of the equator"
            )
        return ra, np.where(negative, -dec, dec), assumed


def split_columns(table: Table) -> list[SplitColumns]:
    """Return the sets of columns that hold positions in parts.

    Parameters
    ----------
    table : Table
        Any astropy table.

    Returns
    -------
    list of SplitColumns
        Several where names differ by what stands before and between, ``RAh`` and ``RA2000h`` say.

    Examples
    --------
    >>> columns = "Name RAh RAm RAs DE- DEd DEm DEs e_RAs".split()
    >>> [found.names for found in split_columns(Table(names=columns))]
    [('RAh', 'RAm', 'RAs', 'DE-', 'DEd', 'DEm', 'DEs')]
    """
    found: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    signs: dict[str, str] = {}
    for name in table.colnames:
        match = _PART.fullmatch(name)
        if match is None or not isinstance(table[name], np.ndarray):
            continue
        if re.search(r"(^|_)(e|err|pm|sigma|u)_?$", match["before"].lower()):
            continue
        axis = "RA" if match["axis"].lower() == "ra" else "Dec"
        part = str(match.lastgroup)
        stem = f"{match['before']}|{match['between']}".lower().replace("_", "").replace(" ", "")
        if part == "sign" and axis == "Dec":
            signs.setdefault(stem, name)
        elif part in ("hms" if axis == "RA" else "dms"):
            style = re.sub(r"(.)\1?", "x", match[part].lower())  # h and hh, but not hour
            found.setdefault((stem, style if style == "x" else "words"), {})[axis, part] = name
    sets = []
    for (stem, _), parts in found.items():
        sign = {("Dec", "sign"): signs[stem]} if stem in signs else {}
        whole = all(_is_whole(table, parts[key]) for key in _WHOLE if key in parts)
        complete = parts.keys() >= _NEEDED and (("RA", "s") in parts) == (("Dec", "s") in parts)
        sets += [SplitColumns(parts | sign)] if complete and whole else []
    return sets


def set_with(table: Table, names: Sequence[str]) -> SplitColumns | None:
    """Return the set that has all of these columns, None where there is none.

    Examples
    --------
    >>> table = Table(names=["RAh", "RAm", "RAs", "DE-", "DEd", "DEm", "DEs"])
    >>> len(set_with(table, ["RAh", "DEd"]).names)
    7
    """
    return next((one for one in split_columns(table) if {*names} <= {*one.names}), None)


def _numbers(table: Table, name: str) -> np.ndarray:
    """Return a column as float64 (n,), NaN where it has no number."""
    values, mask = read_values(table[name], name, "numbers")
    if values.dtype.kind in "OSTU":
        numbers = np.full(len(values), np.nan)
        for row in np.flatnonzero(~mask):
            text = read_text(values[row]).replace("−", "-")
            if re.fullmatch(r"[+-]?\d+(\.\d*)?", text):
                numbers[row] = float(text)
        return numbers
    if values.dtype.kind not in "fiu":
        raise CatalogueError(
            f"Column {name!r} holds {values.dtype}, expected numbers: it is a part of the "
            "position, as in RAh RAm RAs DE- DEd DEm DEs; name other columns: --ra NAME --dec NAME "
            "(ra='NAME', dec='NAME')."
        )
    return np.where(mask | ~np.isfinite(values), np.nan, values.astype(float))


def _is_whole(table: Table, name: str) -> bool:
    """Return whether a column holds whole numbers: with decimals they are no part but all."""
    values = np.asarray(np.ma.getdata(table[name]))
    if values.ndim != 1 or values.dtype.kind not in "fiuOSTU":
        return False
    numbers = _numbers(table, name)
    return bool((np.isnan(numbers) | (numbers == np.round(numbers))).all())


def _joined(whole: np.ndarray, minutes: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Return whole units of three parts, NaN where minutes or seconds are out of range."""
    with np.errstate(invalid="ignore"):
        good = (minutes >= 0) & (minutes < 60) & (seconds >= 0) & (seconds <= 60)
    return np.where(good, whole + minutes / 60 + seconds / 3600, np.nan)


def _is_minus(table: Table, name: str) -> np.ndarray:
    """Return which rows have a minus in the column of signs, bool (n,)."""
    values, mask = read_values(table[name], name, "signs")
    texts = ["" if hidden else read_text(cell) for cell, hidden in zip(values, mask, strict=True)]
    return np.array([text.lower() in _MINUS for text in texts], bool)
