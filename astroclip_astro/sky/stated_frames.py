"""The frame of columns, by what the catalogue and the user say of it.

Catalogues say it in a VOTable's COOSYS, which the reader puts into ``column.meta["coosys"]``, and
in the FITS keywords ``RADESYS`` and ``EQUINOX`` of ``table.meta``. This package's own keyword
``ACFRAME`` repeats in its outputs what a run was given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from astropy.table import Table

from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky.frame_names import WORDS, advice, axis_of, plain_name, ucd_of
from astroclip_astro.sky.frames import (
    DEFAULT_EQUINOX,
    EQUATORIAL,
    KEYWORD,
    Frame,
    parse_frame,
    read_system,
    read_year,
    spelled,
)

COOSYS = "coosys"  # in column.meta: a dict with system, equinox and epoch as the file has them


def frame_of(table: Table, names: Sequence[str], given: str | None = None) -> Frame:
    """Return the frame that two columns of positions are in.

    Parameters
    ----------
    table : Table
        With what its file says of frames in its metadata and those of its columns.
    names : sequence of str
        The columns: RA and Dec, or longitude and latitude.
    given : str, optional
        What the user says, as `parse_frame` reads it; it goes before all else.

    Returns
    -------
    Frame
        ICRS where nothing says another.

    Raises
    ------
    CatalogueError
        Where the frame is unknown, lacks its equinox, is said in two ways that do not agree, or is
        stated by the names of the columns alone.
    InputError
        As `parse_frame`.

    Examples
    --------
    >>> table = Table({"ra": [1.0], "dec": [2.0]}, meta={"RADESYS": "FK5", "EQUINOX": 1975.0})
    >>> frame_of(table, ("ra", "dec")).words
    "FK5 J1975 by the header's RADESYS"
    """
    if given is not None:
        return parse_frame(given)
    stated = _by_own_keyword(table, names) or _by_coosys(table, names)
    pair = names if len(names) == 2 else ()
    systems = {said[0] for name in pair if (said := axis_of(name, ucd_of(table, name)))}
    named = systems.pop() if systems else None
    if stated is None and named in (None, "fk4"):
        stated = _by_header(table, names)
    if named is not None and (stated is None or stated.system[:3] != named[:3]):
        but = f", but {stated.title} by {stated.said_by}" if stated else ""
        raise CatalogueError(
            f"Found {WORDS[named]} in columns {list(names)} by their names{but}, expected ICRS "
            f"RA/Dec; {advice(named, names)}."
        )
    if stated is None:
        return Frame()
    words = " ".join(map(plain_name, names))
    by_name = re.search(r"icrs|j?2000|gaia", words) if named is None else None
    if by_name and stated.equinox not in (None, "J2000"):
        raise CatalogueError(
            f"Columns {list(names)} say {by_name[0].upper()} by their names, but {stated.title} "
            f"by {stated.said_by}, expected one frame; pass the right one: --frame icrs or "
            f"--frame {spelled(stated)} (frame='icrs' in Python)."
        )
    if "icrs" in words and stated.system == "fk5":
        return Frame()
    return stated


def note_frame(table: Table, said: str) -> Table:
    """Let the header say what frame positions were taken to be in, where that was not just ICRS.

    Parameters
    ----------
    table : Table
        Its ``meta`` is changed in place.
    said : str
        From `astroclip_astro.sky.frames.own_keyword`; where it is empty, the keyword goes.

    Returns
    -------
    Table
        The same table.
    """
    if said:
        table.meta[KEYWORD] = said
    else:
        table.meta.pop(KEYWORD, None)
    return table


def _by_own_keyword(table: Table, names: Sequence[str]) -> Frame | None:
    """Return the frame that an earlier run of this package was given for these columns."""
    said, of, columns = str(_plain_value(table.meta.get(KEYWORD))).partition(" of ")
    if not of or columns != ", ".join(names):
        return None
    words, _, epoch = said.partition(" epoch ")
    frame = parse_frame(words)
    return Frame(frame.system, frame.equinox, epoch or None, KEYWORD)


def _by_coosys(table: Table, names: Sequence[str]) -> Frame | None:
    """Return the frame that the columns refer to, None where they refer to none."""
    said = [(table[name].info.meta or {}).get(COOSYS) for name in names]
    known = [one for one in said if isinstance(one, dict)]
    if not known:
        return None
    frames = [_of_coosys(one, names) for one in known]
    if any(frame != frames[0] for frame in frames):
        raise CatalogueError(
            f"Columns {list(names)} refer to different frames (COOSYS), {frames[0].title} and "
            f"{frames[1].title}, expected one; pass the right one: --frame NAME (frame='NAME')."
        )
    return frames[0]


def _of_coosys(attributes: dict, names: Sequence[str]) -> Frame:
    """Return the frame of a COOSYS element."""
    system, equinox, epoch = (attributes.get(key) for key in ("system", "equinox", "epoch"))
    key = read_system(str(system or "FK5" if str(equinox or "J2000") == "J2000" else system))
    problem = None
    if key is None:
        problem = f"the system {str(system)!r}"
    year = read_year(equinox, key) if equinox else DEFAULT_EQUINOX.get(key or "")
    if key is not None and key not in ("icrs", "galactic", "supergalactic") and not year:
        problem = f"{key} " + (f"of equinox {equinox!r}" if equinox else "without an equinox")
    if problem or key is None:
        raise CatalogueError(
            f"Columns {list(names)} refer to {problem} (COOSYS), expected ICRS, FK5, FK4, "
            "galactic, supergalactic, or ecliptic with equinox; pass the right one: --frame NAME "
            "(frame='NAME')."
        )
    dated = key in ("fk4", "fk4noe")
    has_equinox = key in DEFAULT_EQUINOX or key == "ecliptic"
    when = read_year(epoch, key) if dated and epoch else None
    return Frame(key, year if has_equinox else None, when, "their COOSYS")


def _by_header(table: Table, names: Sequence[str]) -> Frame | None:
    """Return the frame of the keywords of a FITS header, None where they say ICRS or nothing."""
    meta = {str(key).upper(): _plain_value(value) for key, value in table.meta.items()}
    said = meta.get("RADESYS") or meta.get("RADECSYS") or ""
    equinox = meta.get("EQUINOX") or ""
    if not equinox and re.fullmatch(r"B?1950(\.0*)?", meta.get("EPOCH", "")):
        equinox = meta["EPOCH"]  # its meaning before EQUINOX
    system = read_system(said) if said else None
    if system in EQUATORIAL and re.match("j2000|b1950", said.lower()):
        equinox = equinox or said
    if system == "icrs" or (not said and not equinox):
        return None
    year = read_year(equinox, system) if equinox else DEFAULT_EQUINOX.get(system or "")
    if not said:
        if year == "J2000":
            return None
        system = "fk4" if year and year[0] == "B" else "fk5"
    if system not in EQUATORIAL or not year:
        found = f"RADESYS {said!r}" if system not in EQUATORIAL else f"EQUINOX {equinox!r}"
        raise CatalogueError(
            f"The header says {found} of columns {list(names)}, expected ICRS, or FK5 or FK4 with "
            "equinox; pass the right one: --frame NAME (frame='NAME')."
        )
    return Frame(system, year, None, f"the header's {'RADESYS' if said else 'EQUINOX'}")


def _plain_value(value: object) -> str:
    """Return a value of a header as text: astropy has pairs with comments, and lists."""
    while isinstance(value, list | tuple):
        value = value[0] if value else ""
    return "" if value is None else str(value).strip()
