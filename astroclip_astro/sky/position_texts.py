"""Positions written out in one column of strings: RA and Dec together, or a name that has both."""

from __future__ import annotations

import re

import numpy as np
from astropy.table import Table

from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky.angles import in_range
from astroclip_astro.sky.cell_values import is_blank, read_text, read_values
from astroclip_astro.sky.sexagesimal import read_angle

_SIGNED = re.compile(r"(?P<ra>.*?[\dhmsd°\"'′″.])[\s,;/]*(?P<dec>[+\-−–]\s*\d.*)", re.DOTALL)
_SEPARATED = re.compile(r"(?P<ra>[^,;/]+)[,;/]+(?P<dec>[^,;/]+)")
_NAME = re.compile(r".*?\bJ\s?(?P<ra>\d[\d.]*)(?P<dec>[+\-−–]\d[\d.]*)[a-z]?", re.IGNORECASE)
_DECIMALS = re.compile(r"\d+\.\d{3,}")
_GLUED = re.compile(r"\d*(\.\d{0,2})?[+\-−–]\d*(\.\d{0,2})?")  # 10-20 is a range
_MOSTLY = 0.9  # part of the rows with text that must be positions, for the column to be found
_NAMED = re.compile(
    r"(?i)(.*[^a-z])?(sky_?)?(coord(inate)?s?\d?|pos(ition)?s?|ra_?/?-?,? ?de?c?l?)([^a-z].*)?"
)


def read_position_text(text: str) -> tuple[float, float]:
    """Return the position that a text holds.

    Parameters
    ----------
    text : str
        RA and Dec in sexagesimal (RA in hours, unless its mark is ``d``) or decimal degrees, with
        blanks, a comma or the sign between; or a name with the position behind ``J``, to a second
        of time and of arc at least (``SDSS J123456.78-010203.4``), or in degrees
        (``DESI J150.1234+02.3456``).

    Returns
    -------
    ra, dec : float
        Degrees, NaN where it holds none.

    Examples
    --------
    >>> ra, dec = read_position_text("10 00 00.0 -01 30 00")
    >>> round(ra, 9), dec
    (150.0, -1.5)
    >>> read_position_text("DESI J150.1234+02.3456")
    (150.1234, 2.3456)
    """
    text = text.strip().strip("()[]").strip()
    if match := _NAME.fullmatch(text):
        place = _of_name(match["ra"], match["dec"].replace("−", "-").replace("–", "-"))
    elif _GLUED.fullmatch(text):
        return np.nan, np.nan
    else:
        place = _of_two(text)
    return place if in_range(*map(np.array, place)) else (np.nan, np.nan)


def _of_two(text: str) -> tuple[float, float]:
    """Return the position in a text of two coordinates, NaN for those that are not understood."""
    match = _SIGNED.fullmatch(text) or _SEPARATED.fullmatch(text)
    if match is not None:
        ra, dec = match["ra"].strip(" ,;/"), match["dec"].replace("–", "-").strip()
    else:
        fields = text.split()
        if len(fields) not in (2, 4, 6):
            return np.nan, np.nan
        half = len(fields) // 2
        ra, dec = " ".join(fields[:half]), " ".join(fields[half:])
    dec = re.sub(r"^([+\-−])\s+", r"\1", dec)
    return read_angle(ra, "RA"), read_angle(dec, "Dec")


def read_position_texts(table: Table, name: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Return the positions of a column of strings.

    Parameters
    ----------
    table : Table
        n rows.
    name : str
        A column of it.

    Returns
    -------
    ra, dec : ndarray
        float64 (n,), degrees; NaN where a row is masked or holds no position.
    assumed : str
        What is to be known of them, a sentence; empty for nothing.

    Raises
    ------
    CatalogueError
        Where no row holds a position.
    """
    texts = _texts(table, name)
    places = np.array([read_position_text(text) for text in texts], float).reshape(-1, 2)
    if np.isnan(places).any(axis=1).all():
        shown = next((text for text in texts if not is_blank(text)), "")
        raise CatalogueError(
            f"Column {name!r} holds {shown[:40]!r}, expected RA and Dec in one string, such as "
            "'12 34 56.7 -01 02 03', '188.736 -1.034' or 'J123456.7-010203'; pass two columns: "
            "--ra NAME --dec NAME (ra='NAME', dec='NAME')."
        )
    truncated = [text for text in texts if _NAME.fullmatch(text)]
    assumed = ""
    if truncated:
        assumed = (
            f"{name!r} holds names such as {truncated[0][:40]!r}, in which positions are cut off "
            "to the digits shown: choose --match-radius (match_radius=) accordingly"
        )
    return places[:, 0], places[:, 1], assumed


def position_text_columns(table: Table) -> list[str]:
    """Return the columns of strings nearly all of which are positions.

    Those whose names say so (``coordinates``, ``pos``, ``RA_DEC``) hide the others, of which each
    position must have three fields or three decimals on both axes, or be a name.

    Examples
    --------
    >>> position_text_columns(Table({"id": ["a"], "coord": ["12 30 00 -01 30 00"]}))
    ['coord']
    """
    found = []
    for name in table.colnames:
        column = table[name]
        if not isinstance(column, np.ndarray) or column.ndim != 1 or column.dtype.kind not in "OSU":
            continue
        texts = [text for text in _texts(table, name) if not is_blank(text)]
        some = texts[:1000]
        named = _NAMED.fullmatch(name) is not None
        good = sum(
            (named or _is_precise(text)) and not np.isnan(read_position_text(text)).any()
            for text in some
        )
        if good and good >= _MOSTLY * len(some):
            found.append(name)
    return [name for name in found if _NAMED.fullmatch(name)] or found


def _is_precise(text: str) -> bool:
    """Return whether a text looks like a position wherever it stands."""
    fields = len(re.findall(r"\d+(?:\.\d*)?", text))
    return fields == 6 or len(_DECIMALS.findall(text)) == 2 or _NAME.fullmatch(text) is not None


def is_text(table: Table, name: str) -> bool:
    """Return whether a column holds strings."""
    column = table[name]
    return isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind in "OSU"


def _texts(table: Table, name: str) -> list[str]:
    """Return the cells of a column as text, empty where they are masked."""
    values, mask = read_values(table[name], name, "positions in strings")
    return ["" if hidden else read_text(cell) for cell, hidden in zip(values, mask, strict=True)]


def _of_name(ra: str, dec: str) -> tuple[float, float]:
    """Return the position in a name, NaN where it is coarser than seconds."""
    degrees = re.fullmatch(r"\d{1,3}\.\d{3,}", ra) and re.fullmatch(r"[+-]\d{1,2}\.\d{3,}", dec)
    if degrees:
        return float(ra), float(dec)
    fields = [
        re.fullmatch(r"([+-]?\d\d)(\d\d)(\d\d)(?:\.(\d*)|(\d*))", digits) for digits in (ra, dec)
    ]
    if None in fields:
        return np.nan, np.nan
    words = [f"{m[1]} {m[2]} {m[3]}.{m[4] or m[5] or ''}" for m in fields if m is not None]
    return read_angle(words[0], "RA"), read_angle(words[1], "Dec")
