"""One text as an angle: decimal degrees, or sexagesimal fields."""

from __future__ import annotations

import re

import astropy.units as u
import numpy as np

_SEXAGESIMAL = re.compile(
    r"(?P<sign>[+\-−–]?)(?P<whole>\d{1,3})(?:\s*(?P<mark>[:hd°])\s*|\s+)"
    r"(?P<minutes>[0-5]?\d)(?:(?P<tenths>\.\d*)?\s*[m'′]?"
    r"|(?:\s*[:m'′]\s*|\s+)(?P<seconds>[0-5]?\d(?:\.\d*)?)\s*(?:[s\"″]|'')?)",
    re.IGNORECASE,
)
_MINUS = {"-", "−", "–"}


def read_angle(text: str, axis: str) -> float:
    """Return degrees of one decimal or sexagesimal text, NaN where it is neither.

    Parameters
    ----------
    text : str
        Decimal degrees, or fields as `read_sexagesimal` has them.
    axis : {"RA", "Dec"}
        What it is: a sexagesimal RA is in hours, unless its mark is ``d``.

    Returns
    -------
    float
        Not wrapped and not checked for range.

    Examples
    --------
    >>> read_angle("-10:12", "Dec"), read_angle("150.5", "RA")
    (-10.2, 150.5)
    """
    fields = read_sexagesimal(text, None, axis)
    return fields if np.isfinite(fields) else read_decimal(text)


def read_decimal(text: str) -> float:
    """Return the number a text holds, NaN where it holds none."""
    try:
        return float(text)
    except ValueError:
        return np.nan


def read_sexagesimal(text: str, unit: u.UnitBase | None, axis: str) -> float:
    """Return degrees of three sexagesimal fields, or two, NaN where the text is something else.

    Parameters
    ----------
    text : str
        Such as ``10:12:33.1``, ``10h12m33.1s``, ``10 12 33.1`` or ``10 12.55``.
    unit : UnitBase or None
        Unit of the first field where no mark says it; None for hours of RA and degrees of Dec.
    axis : str
        ``RA``, or another.

    Returns
    -------
    float

    Examples
    --------
    >>> read_sexagesimal("-05d30.0m", None, "Dec")
    -5.5
    """
    match = _SEXAGESIMAL.fullmatch(text)
    if match is None:
        return np.nan
    mark = (match["mark"] or "").lower()
    if mark == "h" and axis != "RA":
        return np.nan
    marked = {"h": u.hourangle, "d": u.deg, "°": u.deg}
    first = marked.get(mark) or unit or (u.hourangle if axis == "RA" else u.deg)
    minutes = float(match["minutes"] + (match["tenths"] or ""))
    value = int(match["whole"]) + minutes / 60 + float(match["seconds"] or 0) / 3600
    return (-1 if match["sign"] in _MINUS else 1) * value * first.to(u.deg)
