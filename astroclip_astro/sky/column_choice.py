"""Which columns of a table hold the positions: those the user names, or the best that are found."""

from __future__ import annotations

import numpy as np
from astropy.coordinates import angular_separation
from astropy.table import Table

from astroclip_astro.errors import CatalogueError, nearest
from astroclip_astro.sky.arguments import check_column_name
from astroclip_astro.sky.column_positions import is_coord, read_positions
from astroclip_astro.sky.frame_names import WORDS, other_pairs, pairs_of_system
from astroclip_astro.sky.frames import parse_frame
from astroclip_astro.sky.pairs import PASS, best_pairs, listing
from astroclip_astro.sky.position_texts import is_text, position_text_columns
from astroclip_astro.sky.split_columns import split_columns
from astroclip_astro.sky.stated_frames import frame_of

_SAME = 1.0  # arcsec, within which two positions of a row are the same


def choose_columns(
    table: Table, ra: str | None = None, dec: str | None = None, frame: str | None = None
) -> tuple[str, ...]:
    """Return the columns that hold the positions.

    Parameters
    ----------
    table : Table
        Any astropy table.
    ra, dec, frame : str, optional
        What the user says of them.

    Returns
    -------
    tuple of str
        One name of a SkyCoord column or of strings with both coordinates, two of RA and Dec (or
        longitude and latitude), six or seven of their parts; none where there is nothing.

    Raises
    ------
    CatalogueError
        Where a named column does not exist, or several would do.

    Examples
    --------
    >>> choose_columns(Table(names=["id", "R.A.", "Decl."]))
    ('R.A.', 'Decl.')
    """
    if ra is not None or dec is not None:
        return _named(table, ra, dec)
    coords = [name for name in table.colnames if is_coord(table[name])]
    if frame is not None and not coords and not parse_frame(frame).is_equatorial:
        return _of_system(table, parse_frame(frame).system)
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
    return _only(pairs) or _written_otherwise(table, frame)


def _only(pairs: list[tuple[str, str]]) -> tuple[str, ...]:
    """Return the only pair there is, nothing where there is none."""
    if len(pairs) > 1:
        ras, decs = (list(dict.fromkeys(names)) for names in zip(*pairs, strict=True))
        raise CatalogueError(
            f"Several candidates: RA {listing(ras)}, Dec {listing(decs)}, expected one of each; "
            f"{PASS}."
        )
    return pairs[0] if pairs else ()


def _of_system(table: Table, system: str) -> tuple[str, ...]:
    """Return the pair of columns whose names say a system that the user names."""
    pairs = pairs_of_system(table, system)
    if not pairs:
        raise CatalogueError(
            f"Found no columns called like {WORDS[system]} in {listing(table.colnames)}; {PASS}: "
            "longitude as ra, latitude as dec."
        )
    return _only(pairs)


def _written_otherwise(table: Table, frame: str | None) -> tuple[str, ...]:
    """Return columns of positions in parts, in one string, or in another frame that is stated."""
    split = split_columns(table)
    if len(split) > 1:
        raise CatalogueError(
            f"Positions in parts are there {len(split)} times, "
            f"{' and '.join(listing(one.names) for one in split[:2])}, expected once; pass a part "
            f"of RA and of Dec of the right one: --ra {split[0].names[0]} --dec "
            f"{split[0].names[-1]} (ra={split[0].names[0]!r}, dec={split[0].names[-1]!r})."
        )
    if split:
        return split[0].names
    stated = [pair for pairs in other_pairs(table).values() for pair in pairs]
    stated = [pair for pair in stated if frame is not None or _is_stated(table, pair)]
    if stated:
        return _only(stated)
    texts = position_text_columns(table)
    if len(texts) > 1:
        raise CatalogueError(
            f"Several columns of strings hold positions: {listing(texts)}, expected one; pass "
            f"--ra NAME (ra='NAME') with the one that counts."
        )
    return tuple(texts)


def _is_stated(table: Table, pair: tuple[str, str]) -> bool:
    """Return whether the catalogue states the frame of columns, not their names alone."""
    try:
        return frame_of(table, pair).said_by != ""
    except CatalogueError:
        return False


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
    coords = [name for name in (ra, dec) if name is not None and is_coord(table[name])]
    whole = coords or [name for name in (ra,) if name is not None and is_text(table, name)]
    if whole and ra == whole[0] and dec in (None, ra):
        return (whole[0],)
    if ra is None or dec is None or coords:
        given = ", ".join(f"{word}={name!r}" for word, name in (("ra", ra), ("dec", dec)) if name)
        raise CatalogueError(
            f"Found {given}, expected two columns of numbers, or a SkyCoord column as --ra "
            f"alone; {PASS}."
        )
    if ra == dec:
        raise CatalogueError(f"RA and Dec are both {ra!r}, expected two columns; {PASS}.")
    return ra, dec


def _disagree(table: Table, coord: str, pair: tuple[str, str]) -> bool:
    """Return whether a SkyCoord column and a pair of columns hold different positions."""
    try:
        there = read_positions(table, pair)
    except CatalogueError:
        return False  # the pair is unusable (hours, an unknown frame): the SkyCoord has no rival
    here = read_positions(table, (coord,))
    place = (here.ra, here.dec, there.ra, there.dec)
    separation = np.degrees(angular_separation(*map(np.radians, place))) * 3600
    return bool((separation > _SAME).any())
