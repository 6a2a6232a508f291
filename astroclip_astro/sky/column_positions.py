"""The positions that chosen columns of a table hold, in ICRS degrees."""

from __future__ import annotations

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.coordinates import ICRS, BaseCoordinateFrame, ConvertError, SkyCoord
from astropy.table import Table

from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky.angles import check_degrees, describe_assumption, in_range, read_angles
from astroclip_astro.sky.cell_values import read_values
from astroclip_astro.sky.frames import Frame, own_keyword
from astroclip_astro.sky.pairs import PASS
from astroclip_astro.sky.position_texts import read_position_texts
from astroclip_astro.sky.split_columns import set_with
from astroclip_astro.sky.stated_frames import frame_of


@dataclass(frozen=True)
class ColumnPositions:
    """Positions of all rows, and where they come from.

    Parameters
    ----------
    ra, dec : ndarray
        float64 (n,), ICRS degrees, RA in [0, 360); NaN where a row has no good position.
    words : str
        Columns, frame and units, for summaries.
    assumed : str
        What had to be taken for granted, a sentence; empty for nothing.
    frame : str
        Value of the header's ``ACFRAME``; empty where positions were ICRS.
    """

    ra: np.ndarray
    dec: np.ndarray
    words: str
    assumed: str = ""
    frame: str = ""


def is_coord(column: object) -> bool:
    """Return whether a column holds positions of a known frame."""
    return isinstance(column, SkyCoord | BaseCoordinateFrame)


def read_positions(
    table: Table, names: tuple[str, ...], frame: str | None = None
) -> ColumnPositions:
    """Return the positions in some columns.

    Parameters
    ----------
    table : Table
        n rows.
    names : tuple of str
        A SkyCoord column; a column of strings with both coordinates; RA and Dec, or longitude and
        latitude; or the columns of positions in parts.
    frame : str, optional
        Their frame, as `astroclip_astro.sky.frames.parse_frame` reads it.

    Returns
    -------
    ColumnPositions

    Raises
    ------
    CatalogueError
        Where columns hold something else, look like radians or hours, or are in a frame that is
        unknown; and for ``frame`` with a SkyCoord column, which has its own.

    Examples
    --------
    >>> table = Table({"l": [0.0], "b": [0.0]})
    >>> read_positions(table, ("l", "b"), "galactic").words
    "RA/Dec from columns 'l', 'b' (galactic by --frame, as ICRS degrees)"
    """
    if is_coord(table[names[0]]):
        return _of_skycoord(table, names[0], frame)
    said = frame_of(table, names, frame)
    split = set_with(table, names) if len(names) > 1 else None
    if split is not None:
        names = split.names
        lon, lat, assumed = split.read(table)
        units = " from hours, degrees, minutes and seconds"
    elif len(names) == 1:
        lon, lat, assumed = read_position_texts(table, names[0])
        units = " from strings"
    else:
        lon, lat, units, assumed = _of_pair(table, names, said)
    ra, dec = _clean(lon, lat, said)
    shown = ", ".join(map(repr, names))
    into = "ICRS degrees" if said == Frame() else f"{said.words}, as ICRS degrees"
    if said.said_by and said.system == "icrs":
        into = f"ICRS degrees by {said.said_by}"
    words = f"RA/Dec from column{'s' * (len(names) > 1)} {shown} ({into}{units})"
    return ColumnPositions(ra, dec, words, assumed, own_keyword(said, names))


def _of_pair(
    table: Table, names: tuple[str, ...], frame: Frame
) -> tuple[np.ndarray, np.ndarray, str, str]:
    """Return longitude and latitude, degrees (n,), from which units, and what was assumed."""
    axes = ("RA", "Dec") if frame.is_equatorial else ("longitude", "latitude")
    lon, lat = (read_angles(table, name, axis) for name, axis in zip(names, axes, strict=True))
    check_degrees(lon, lat)
    assumed = describe_assumption(lon) if frame.is_equatorial else ""
    units = [angles.unit for angles in (lon, lat)]
    converted = (
        ""
        if {*units} <= {None, "deg"}
        else " from {} and {}".format(*(unit or "deg" for unit in units))
    )
    return lon.degrees, lat.degrees, converted, assumed


def _of_skycoord(table: Table, name: str, frame: str | None) -> ColumnPositions:
    """Return the positions of a SkyCoord column."""
    coord = table[name]
    if frame is not None:
        raise CatalogueError(
            f"frame is {frame!r}, but SkyCoord column {name!r} has its own frame, {coord.name}; "
            f"leave --frame (frame=) out, or {PASS} of two columns of numbers."
        )
    try:
        icrs = coord.transform_to(ICRS())
    except (ConvertError, ValueError, TypeError, AttributeError) as error:
        # astropy raises the last two where a frame lacks its location or time
        raise CatalogueError(
            f"SkyCoord column {name!r} in frame {coord.name!r} cannot be transformed to ICRS; give "
            f"the frame what it lacks (location and obstime, for example), or {PASS}."
        ) from error
    angles = []
    for angle in (icrs.ra, icrs.dec):
        values, mask = read_values(angle.to(u.deg), name, "one position a row")
        angles.append(np.where(mask, np.nan, values))
    ra, dec = _clean(angles[0], angles[1], Frame())
    words = f"RA/Dec from SkyCoord column {name!r} ({coord.name}, as ICRS degrees)"
    return ColumnPositions(ra, dec, words)


def _clean(lon: np.ndarray, lat: np.ndarray, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Return ICRS degrees, RA in [0, 360), NaN in both where a row has no position."""
    good = in_range(lon, lat)
    ra, dec = np.full((2, len(lon)), np.nan)
    if good.any():
        ra[good], dec[good] = frame.to_icrs(lon[good], lat[good])
    ra[good] %= 360
    ra[ra >= 360] = 0  # -1e-20 % 360 is 360
    return ra, dec
