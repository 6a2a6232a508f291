"""Find the positions and DESI TARGETIDs in a table.

Positions are a SkyCoord column of any frame, or a pair of columns, recognised by name or UCD.
Their frame is ICRS; J2000 and FK5 are taken as ICRS, which is right to about 20 mas.
"""

from __future__ import annotations

from warnings import warn

import astropy.units as u
import numpy as np
from astropy.coordinates import (
    ICRS,
    BaseCoordinateFrame,
    ConvertError,
    SkyCoord,
    angular_separation,
)
from astropy.table import Table

from astroclip_astro.errors import AssumedUnitWarning, CatalogueError, nearest
from astroclip_astro.records import Targets
from astroclip_astro.sky.angles import check_degrees, describe_assumption, in_range, read_angles
from astroclip_astro.sky.arguments import check_column_name, check_table
from astroclip_astro.sky.cell_values import is_blank, read_text, read_values
from astroclip_astro.sky.pairs import best_pairs, explain_absence, foreign_frame, listing

_PASS = "pass --ra NAME --dec NAME (ra='NAME', dec='NAME')"
_TARGETIDS = {"targetid", "desi_targetid"}
_NO_TARGETID = range(-9999, 1)  # 0 and sentinels; DESI's own negative ids are larger
_SAME = 1.0  # arcsec, within which two positions of a row are the same


def find_targets(table: Table, *, ra: str | None = None, dec: str | None = None) -> Targets:
    """Return the positions and TARGETIDs of every row of a catalogue.

    Parameters
    ----------
    table : Table
        Table or QTable. Never changed.
    ra, dec : str, optional
        The columns of RA and Dec. Found when not given: a SkyCoord column, or the best pair as
        `~astroclip_astro.sky.pairs.best_pairs` ranks them. A SkyCoord column can be named as ``ra``
        alone.

    Returns
    -------
    Targets
        One for each row, in order. RA from -180 to 0 is wrapped. A row whose RA or Dec is masked,
        not finite, not understood or out of range (RA -180 to 360, Dec -90 to 90) has NaN in
        both. TARGETIDs come from an integer column (or digits in strings) called ``TARGETID`` or
        ``DESI_TARGETID`` in any case; masked ones and -9999 to 0, which DESI gives to no target,
        are none. Without RA and Dec, TARGETIDs suffice.

    Raises
    ------
    CatalogueError
        Where the table is empty; no RA/Dec, several candidates, another frame, radians or
        hours (see `~astroclip_astro.sky.angles.check_degrees`) are found; a named column does not
        exist or holds no angles; TARGETIDs are floats; or no row has a position or a TARGETID.

    Warns
    -----
    AssumedUnitWarning
        Where RA states no unit and is below 24 in every row, so that it may be in hours.

    Examples
    --------
    >>> table = Table({"RA": [150.1, -10.0, 999.0], "DEC": [2.2, 0.5, 0.0], "mag": [18.0, 19, 20]})
    >>> targets = find_targets(table)
    >>> targets.ra
    array([150.1, 350. ,   nan])
    >>> targets.good
    array([ True,  True, False])
    """
    targets, _, assumed = _find(table, ra, dec)
    if assumed:
        warn(f"{assumed}.", AssumedUnitWarning, stacklevel=2)
    return targets


def describe_positions(table: Table, *, ra: str | None = None, dec: str | None = None) -> str:
    """Say in one line where positions and TARGETIDs come from.

    Parameters
    ----------
    table, ra, dec
        As for `find_targets`.

    Returns
    -------
    str
        For summaries.

    Raises
    ------
    CatalogueError
        As `find_targets`.

    Examples
    --------
    >>> describe_positions(Table({"ra": [150.1], "dec": [2.2]}))
    "RA/Dec from columns 'ra', 'dec' (ICRS degrees)"
    """
    _, words, assumed = _find(table, ra, dec)
    return "; ".join(filter(None, [words, assumed]))


def has_target_columns(table: Table) -> bool:
    """Return whether a table's columns, by their names and UCDs, can say where its rows are.

    Parameters
    ----------
    table : Table
        It may be without rows.

    Returns
    -------
    bool
        Whether there is a SkyCoord column, RA and Dec, or a column of TARGETIDs.

    Examples
    --------
    >>> has_target_columns(Table(names=["RA", "DEC"])), has_target_columns(Table(names=["x"]))
    (True, False)
    """
    return any(
        name.lower() in _TARGETIDS or _is_coord(table[name]) for name in table.colnames
    ) or bool(best_pairs(table))


def _find(table: Table, ra: str | None, dec: str | None) -> tuple[Targets, str, str]:
    """Return the targets, where they come from, and what had to be assumed."""
    if len(check_table(table)) == 0:
        raise CatalogueError("The table has no rows, expected at least one with RA and Dec.")
    targetid, has_targetid, words = _targetids(table)
    names = _choose(table, ra, dec)
    if not names and not has_targetid.any():
        raise CatalogueError(f"{explain_absence(table)}; {_PASS}.")
    lon, lat = np.full((2, len(table)), np.nan)
    source, assumed = "No RA/Dec", ""
    if names:
        lon, lat, source, assumed = _positions(table, names)
    targets = Targets(lon, lat, targetid, has_targetid, positioned=bool(names))
    if not targets.good.any():
        raise CatalogueError(
            f"None of the {len(table)} rows of {listing(names)} has a good position, expected RA "
            f"0 to 360 (or -180 to 180) and Dec -90 to 90 degrees, finite and not masked; correct "
            f"the columns, or {_PASS}."
        )
    return targets, "; ".join(filter(None, [source, words])), assumed


def _choose(table: Table, ra: str | None, dec: str | None) -> tuple[str, ...]:
    """Return the name of a SkyCoord column, those of RA and Dec, or nothing."""
    if ra is not None or dec is not None:
        return _named(table, ra, dec)
    coords = [name for name in table.colnames if _is_coord(table[name])]
    pairs = best_pairs(table)
    if len(coords) > 1:
        raise CatalogueError(
            f"Several SkyCoord columns: {listing(coords)}, expected one; "
            "pass --ra NAME (ra='NAME') with the one that counts."
        )
    rivals = [pair for pair in pairs if coords and _disagree(table, coords[0], pair)]
    if rivals:
        raise CatalogueError(
            f"SkyCoord column {coords[0]!r} and columns {rivals[0][0]!r}, {rivals[0][1]!r} hold "
            f"different positions, expected one; pass --ra {coords[0]} (ra={coords[0]!r}), or "
            f"--ra {rivals[0][0]} --dec {rivals[0][1]} (ra={rivals[0][0]!r}, "
            f"dec={rivals[0][1]!r})."
        )
    if coords:
        return (coords[0],)
    if len(pairs) > 1:
        ras, decs = (list(dict.fromkeys(names)) for names in zip(*pairs, strict=True))
        raise CatalogueError(
            f"Several candidates: RA {listing(ras)}, Dec {listing(decs)}, expected one of each; "
            f"{_PASS}."
        )
    return pairs[0] if pairs else ()


def _named(table: Table, ra: str | None, dec: str | None) -> tuple[str, ...]:
    """Return the columns the user named, checked."""
    for word, name in (("ra", ra), ("dec", dec)):
        if check_column_name(name, word) is not None and name not in table.colnames:
            near = nearest(name, table.colnames)
            raise CatalogueError(
                f"No column {name!r} in {listing(table.colnames)}"
                + (f", the nearest is {near!r}" if near else "")
                + f"; pass an existing one as --{word} NAME ({word}='NAME')."
            )
    coords = [name for name in (ra, dec) if name is not None and _is_coord(table[name])]
    if coords and ra == coords[0] and dec in (None, ra):
        return (ra,)
    if ra is None or dec is None or coords:
        given = ", ".join(f"{word}={name!r}" for word, name in (("ra", ra), ("dec", dec)) if name)
        raise CatalogueError(
            f"Found {given}, expected two columns of numbers, or a SkyCoord column as --ra "
            f"alone; {_PASS}."
        )
    if ra == dec:
        raise CatalogueError(f"RA and Dec are both {ra!r}, expected two columns; {_PASS}.")
    return ra, dec


def _is_coord(column: object) -> bool:
    """Return whether a column holds positions of a known frame."""
    return isinstance(column, SkyCoord | BaseCoordinateFrame)


def _disagree(table: Table, coord: str, pair: tuple[str, str]) -> bool:
    """Return whether a SkyCoord column and a pair of columns hold different positions."""
    try:
        there = np.radians(_positions(table, pair)[:2])
    except CatalogueError:
        return False  # the pair is unusable (hours, another frame): the SkyCoord has no rival
    here = np.radians(_positions(table, (coord,))[:2])
    separation = np.degrees(angular_separation(*here, *there)) * 3600
    return bool((separation > _SAME).any())


def _positions(table: Table, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, str, str]:
    """Return RA and Dec, (n,) clean ICRS degrees, where they come from, and what was assumed."""
    assumed = ""
    if len(names) == 1:
        ra, dec, words = _transform(table, *names)
    else:
        frame = foreign_frame(table, names)
        if frame is not None:
            raise CatalogueError(
                f"Found {frame} in columns {listing(names)}, expected ICRS RA/Dec; make a "
                "SkyCoord column (astropy.coordinates.SkyCoord(..., frame='galactic', 'fk4', "
                f"...)), which is transformed, or {_PASS} of ICRS columns."
            )
        columns = read_angles(table, names[0], "RA"), read_angles(table, names[1], "Dec")
        check_degrees(*columns)
        assumed = describe_assumption(columns[0])
        ra, dec = (column.degrees for column in columns)
        units = [column.unit for column in columns]
        converted = (
            ""
            if {*units} <= {None, "deg"}
            else " from {} and {}".format(*(unit or "deg" for unit in units))
        )
        words = f"columns {names[0]!r}, {names[1]!r} (ICRS degrees{converted})"
    good = in_range(ra, dec)
    lon, lat = np.full((2, len(table)), np.nan)
    lon[good], lat[good] = ra[good] % 360, dec[good]
    lon[lon >= 360] = 0  # -1e-20 % 360 is 360
    return lon, lat, f"RA/Dec from {words}", assumed


def _transform(table: Table, name: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Return RA and Dec, (n,) ICRS degrees, of a SkyCoord column, and what it is."""
    coord = table[name]
    try:
        icrs = coord.transform_to(ICRS())
    except (ConvertError, ValueError, TypeError, AttributeError) as error:
        # astropy raises the last two where a frame lacks its location or time
        raise CatalogueError(
            f"SkyCoord column {name!r} in frame {coord.name!r} cannot be transformed to ICRS; give "
            f"the frame what it lacks (location and obstime, for example), or {_PASS}."
        ) from error
    angles = []
    for angle in (icrs.ra, icrs.dec):
        values, mask = read_values(angle.to(u.deg), name, "one position a row")
        angles.append(np.where(mask, np.nan, values))
    ra, dec = angles
    return ra, dec, f"SkyCoord column {name!r} ({coord.name}, as ICRS degrees)"


def _targetids(table: Table) -> tuple[np.ndarray, np.ndarray, str]:
    """Return TARGETIDs, int64 (n,), which rows have one, and where they come from."""
    targetid, known = np.zeros(len(table), np.int64), np.zeros(len(table), bool)
    names = [name for name in table.colnames if name.lower() in _TARGETIDS]
    if not names:
        return targetid, known, ""
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
        return targetid, known, ""
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
    return targetid, known, f"{known.sum()} of {len(table)} rows by TARGETID from {name!r}"


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
