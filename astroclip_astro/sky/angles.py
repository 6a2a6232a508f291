"""One column of a table as an angle in degrees, and what is known about its unit.

An angle is converted only where its unit is stated: by the column's unit, by the end of its name
(``ra_deg``), or by sexagesimal strings. Numbers without a unit are degrees, unless
`check_degrees` finds that they look like radians or hours: then the user is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import Table

from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky.cell_values import is_blank, read_text, read_values
from astroclip_astro.sky.sexagesimal import read_decimal, read_sexagesimal

_NAMED_UNIT = re.compile(
    r"(?P<stem>.*(?:_|ra|dec?|decl|ascension|declination|icrs|\d))"
    r"(?:(?P<deg>deg(?:rees?)?|(?<=_)d)|(?P<rad>rad(?:ians?)?)|(?P<hourangle>hrs?|hours?)"
    r"|(?P<sexagesimal>hh?_?mm?_?ss?|dd?_?mm?_?ss?))_*",
    re.IGNORECASE,
)
_ABBREVIATED = re.compile(r"(?i)(?<![a-z])r\.\s?a(\.|(?![a-z]))\s?")  # R.A.
_HOURS = 24
_FEWEST, _FEW = 2, 20  # rows: fewer prove nothing; fewer prove it with less
_LATE = 0.1  # part of sexagesimal RAs beyond 24, above which they are not hours


@dataclass(frozen=True)
class Angles:
    """One column in degrees.

    Parameters
    ----------
    name : str
        The column.
    degrees : ndarray
        float64 (n,), NaN where the row is masked, not finite or cannot be understood. Not
        wrapped and not checked for range.
    unit : str or None
        What the column was in: ``"deg"``, ``"rad"``, ``"hourangle"``, ``"sexagesimal"``, ...;
        None where nothing says, so that degrees are taken for granted.
    """

    name: str
    degrees: np.ndarray
    unit: str | None


def read_angles(table: Table, name: str, axis: str) -> Angles:
    """Return a column of RA or Dec in degrees.

    Understood are numbers and Quantities in any angle, RA also in hours (``hourangle`` or ``h``),
    strings of decimal numbers, and sexagesimal strings with three fields or two: ``10:12:33.1``,
    ``10h12m33.1s``, ``+41 16 09``, ``10 12.55``. By the common convention a sexagesimal RA is in
    hours, unless its mark (``153d08m16s``) or the column's unit says degrees; a sexagesimal Dec is
    in degrees.

    Parameters
    ----------
    table : Table
        Any astropy table.
    name : str
        A column of it.
    axis : {"RA", "Dec", "longitude", "latitude"}
        What it is; the last two of a frame that is not equatorial, in which nothing is in hours.

    Returns
    -------
    Angles
        Degrees; NaN in rows that are masked or cannot be understood.

    Raises
    ------
    CatalogueError
        Where the column is no column of numbers or strings, has several values a row, has a unit
        that is no angle, holds strings of which none is understood, or holds sexagesimal RAs too
        large for hours.

    Examples
    --------
    >>> table = Table({"ra": ["10:00:00", "12 30 00.0", "?"]})
    >>> read_angles(table, "ra", "RA").degrees
    array([150. , 187.5,   nan])
    """
    column = table[name]
    values, mask = read_values(column, name, "numbers or strings")
    unit = _unit(column, name, axis)
    if values.dtype.kind in "OSTU":
        degrees, source = _from_strings(values, mask, unit, name, axis)
        return Angles(name, degrees, source)
    if values.dtype.kind not in "fiu":
        raise CatalogueError(
            f"{axis} column {name!r} holds {values.dtype}, expected numbers in degrees; "
            f"{_pass_other(axis)}."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        degrees = values.astype(float) * (unit or u.deg).to(u.deg)
    degrees[mask | ~np.isfinite(degrees)] = np.nan
    return Angles(name, degrees, None if unit is None else str(unit))


def split_unit(name: str) -> tuple[str, str | None]:
    """Return a column name without the unit at its end, and that unit.

    Parameters
    ----------
    name : str
        A column's name.

    Returns
    -------
    stem : str
        The rest of the name, its ``R.A.`` as ``RA``.
    unit : {"deg", "rad", "hourangle", "sexagesimal"} or None
        The unit it names; ``ra_hms`` and ``dec_dms`` say sexagesimal.

    Examples
    --------
    >>> split_unit("RAdeg"), split_unit("dec_rad"), split_unit("ra_gaia")
    (('RA', 'deg'), ('dec_', 'rad'), ('ra_gaia', None))
    >>> split_unit("R.A.")
    ('RA ', None)
    """
    name = _ABBREVIATED.sub("RA ", name)
    match = _NAMED_UNIT.fullmatch(re.sub(r"[^0-9A-Za-z]", "_", name))
    if match is None:
        return name, None
    return match["stem"], match.lastgroup


def in_range(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return which rows are positions.

    Parameters
    ----------
    ra, dec : ndarray
        float64 (n,), degrees; may be NaN.

    Returns
    -------
    ndarray
        bool (n,), RA from -180 to 360 (both conventions of wrapping) and Dec from -90 to 90.
    """
    return (ra >= -180) & (ra <= 360) & (np.abs(dec) <= 90)


def check_degrees(ra: Angles, dec: Angles) -> None:
    """Refuse numbers without a unit that look like radians or hours.

    Nothing is ever converted on suspicion. Two or more rows in range are refused where

    * radians: neither column states its unit, every RA is in -pi to 2 pi and every Dec in
      -pi/2 to pi/2, RA spans more than 3 and Dec more than 0.5. In degrees this is a field of
      more than 3 by 0.5 degrees wholly in one 0.05 % of the sky; in radians, half the sky
      or more. A field that is smaller, such as an SDSS plate, passes, and so do radians of a
      field smaller than that: nothing tells them apart.
    * hours: RA states no unit and is in 0 to 24, RA spans more than 12 and Dec more than 45
      degrees. In degrees this is an odd, tall strip; in hours, half the sky or more.

    Fewer than 20 rows seldom span that much: for them half of it in RA is enough, and 0.3 or 40
    in Dec. Hours of a smaller part of the sky pass: `describe_assumption` says that degrees were
    assumed.

    They are also refused where the name of a column without unit says so (``ra_rad``,
    ``ra_hours``), and where only one of the two says radians.

    Parameters
    ----------
    ra, dec : Angles
        A pair of columns.

    Raises
    ------
    CatalogueError
        With the ranges found and how to state the unit.

    Examples
    --------
    >>> table = Table({"ra": [0.1, 1.5, 3.0, 4.5, 6.2], "dec": [-1.2, -0.4, 0.0, 0.6, 1.1]})
    >>> check_degrees(read_angles(table, "ra", "RA"), read_angles(table, "dec", "Dec"))
    Traceback (most recent call last):
    ...
    astroclip_astro.errors.CatalogueError: RA 0.1 to 6.2 and Dec -1.2 to 1.1 without a unit \
look like radians, expected degrees. Set table['ra'].unit = 'rad' and table['dec'].unit = 'rad', \
or 'deg' if they are degrees; a file needs a format that keeps units (ECSV, FITS, VOTable). \
Columns without a unit are degrees where they are called ra_deg and dec_deg.
    """
    _check_stated_units(ra, dec)
    good = in_range(ra.degrees, dec.degrees)
    if ra.unit is not None or good.sum() < _FEWEST:
        return
    lon, lat = ra.degrees[good], dec.degrees[good]
    radians = dec.unit is None and lon.min() >= -np.pi and lon.max() <= 2 * np.pi
    radians = radians and np.abs(lat).max() <= np.pi / 2
    hours = lon.min() >= 0 and lon.max() < _HOURS
    few = len(lon) < _FEW
    wide, tall = np.ptp(lon) * (2 if few else 1), np.ptp(lat)
    radians = radians and wide > 3 and tall > (0.3 if few else 0.5)
    hours = hours and wide > 12 and tall > (40 if few else 45)
    if radians or hours:
        raise CatalogueError(
            f"RA {lon.min():.4g} to {lon.max():.4g} and Dec {lat.min():.4g} to {lat.max():.4g} "
            f"without a unit look like {'radians' if radians else 'RA in hours'}, expected "
            f"degrees. {_state_unit(ra, dec, 'rad' if radians else 'hourangle')}"
        )


def _check_stated_units(ra: Angles, dec: Angles) -> None:
    """Refuse a column without a unit where its name, or the other column, says another one."""
    for angles, other in ((ra, dec), (dec, ra)):
        named = split_unit(angles.name)[1]
        wanted = "hourangle" if named == "sexagesimal" else named or "rad"
        if angles.unit is None and (named is not None or other.unit == "rad"):
            raise CatalogueError(
                f"Column {angles.name!r} has no unit but "
                f"{'its name' if named else repr(other.name)} says {named or 'rad'!r}, expected "
                f"degrees. {_state_unit(ra, dec, wanted)}"
            )


def describe_assumption(ra: Angles) -> str:
    """Say that degrees were assumed, where the numbers may as well be hours.

    That is where nothing states the unit and every RA is in 0 to 24: a field of any size within the
    first 24 degrees, or any part of the sky in hours.

    Parameters
    ----------
    ra : Angles
        Column of RA, as `read_angles` gives it.

    Returns
    -------
    str
        A sentence; empty where nothing had to be assumed.

    Examples
    --------
    >>> describe_assumption(read_angles(Table({"ra": [150.1]}), "ra", "RA"))
    ''
    >>> describe_assumption(read_angles(Table({"ra": [10.1, 10.2]}), "ra", "RA"))[:70]
    "'ra' has no unit and is below 24 in every row: RA was taken as degrees"
    """
    good = ra.degrees[np.isfinite(ra.degrees) & (ra.degrees >= -180) & (ra.degrees <= 360)]
    if ra.unit is not None or not len(good) or good.min() < 0 or good.max() >= _HOURS:
        return ""
    return (
        f"{ra.name!r} has no unit and is below {_HOURS} in every row: RA was taken as degrees. If "
        f"it is in hours, set table[{ra.name!r}].unit = 'hourangle' (FITS, VOTable and ECSV keep "
        "units) or multiply by 15; if it is in degrees, the unit 'deg' or the name ra_deg says so"
    )


def _state_unit(ra: Angles, dec: Angles, unit: str) -> str:
    """Return how to state the unit."""
    dec_unit = "deg" if unit == "hourangle" else unit
    return (
        f"Set table[{ra.name!r}].unit = {unit!r} and table[{dec.name!r}].unit = {dec_unit!r}, "
        "or 'deg' if they are degrees; a file needs a format that keeps units (ECSV, FITS, "
        "VOTable). Columns without a unit are degrees where they are called ra_deg and dec_deg."
    )


def _pass_other(axis: str) -> str:
    """Return how to name another column."""
    word = {"longitude": "ra", "latitude": "dec"}.get(axis, axis.lower())
    return f"pass another column as --{word} NAME ({word}='NAME')"


def _unit(column: np.ndarray, name: str, axis: str) -> u.UnitBase | None:
    """Return the angle a column is in by its unit or name, None where neither says."""
    unit = given = getattr(column, "unit", None)
    if unit is None or unit == u.dimensionless_unscaled:
        # Only degrees are believed from a name alone: anything else would be converted.
        return u.deg if split_unit(name)[1] == "deg" else None
    if isinstance(unit, u.UnrecognizedUnit):  # "degrees", "DEG", VizieR's "h:m:s" with quotes
        text = unit.to_string().lower().strip('". ')
        text = {"h:m:s": "hourangle", "d:m:s": "deg"}.get(text, text).rstrip("s")
        unit = u.Unit(text, parse_strict="silent")
    if unit == u.hour and axis == "RA":
        return u.hourangle
    if not unit.is_equivalent(u.deg):
        raise CatalogueError(
            f"{axis} column {name!r} has the unit {str(given)!r}, which is no angle, "
            f"expected degrees; correct table[{name!r}].unit or {_pass_other(axis)}."
        )
    return unit


def _from_strings(
    values: np.ndarray, mask: np.ndarray, unit: u.UnitBase | None, name: str, axis: str
) -> tuple[np.ndarray, str | None]:
    """Return degrees of strings, and the unit for `Angles`."""
    texts = ["" if hidden else read_text(item) for item, hidden in zip(values, mask, strict=True)]
    with np.errstate(over="ignore"):
        decimals = np.array([read_decimal(text) for text in texts]) * (unit or u.deg).to(u.deg)
    fields = np.array([read_sexagesimal(text, unit, axis) for text in texts])
    written = [text for text in texts if not is_blank(text)]
    degrees = np.where(np.isnan(fields), decimals, fields)
    degrees[~np.isfinite(degrees)] = np.nan
    if written and np.isnan(degrees).all():
        raise CatalogueError(
            f"{axis} column {name!r} holds strings such as {written[0][:40]!r}, expected decimal "
            f"degrees or sexagesimal fields such as "
            f"{'10:12:33.1 (hours)' if axis == 'RA' else '+41:16:09'}; {_pass_other(axis)}."
        )
    late = fields >= 360
    if unit is None and axis == "RA" and late.sum() > _LATE * np.isfinite(fields).sum():
        raise CatalogueError(
            f"RA column {name!r} holds sexagesimal strings beyond 24 hours such as "
            f"{texts[np.argmax(late)]!r}, expected hours; set table[{name!r}].unit = 'deg' if "
            "they are degrees, or convert them to decimal degrees."
        )
    if unit is not None and not np.isfinite(fields).any():
        return degrees, str(unit)
    return degrees, None if np.isfinite(decimals).any() and unit is None else "sexagesimal"
