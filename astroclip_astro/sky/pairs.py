"""Which columns of a table are RA and Dec, by their names and UCDs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from astropy.table import Table

from astroclip_astro.columns import PREFIX
from astroclip_astro.sky.angles import split_unit

_AXIS = re.compile(
    r"(?:^|_)(?:(?P<RA>ra|right_?ascension)|(?P<Dec>de|dec|decl|declination)"
    r"|(?P<alpha>alpha)|(?P<delta>delta))(?=_|\d|[jb]\d|icrs|win|$)"
)
_UCD_AXIS = re.compile(r"pos[._]eq[._](?P<axis>ra|dec)(?P<main>_main)?", re.IGNORECASE)
# Words that make a column something else than where the object of a row is.
_NOT_A_POSITION = re.compile(
    r"(?:^|_)(?:e|err|errors?|sig|sigma|std|stddev|stdev|rms|ivar|var|unc|uncertainty|cov|corr|pm"
    r"|mu|d|diff|off|offset|shift|resid|residual|flag|min|max|epoch|ref|plate|tile|brick|field"
    r"|tel|telescope|pointing)(?=_|$)"
)
# Rank by what a name holds besides RA or Dec; a pair of better rank hides the others.
_RANKS = {"": 0, "icrs": 2, "j2000": 3, "2000": 3, "fk5": 3, "_": 4, "_icrs": 4, "_j2000": 4}
_RANKS |= {"target": 5, "meanfiber": 6}
_MAIN_RANK, _OTHER_RANK, _UCD_RANK = 1, 7, 8
_FRAMES = {
    "galactic coordinates": re.compile(
        r"gal(actic)?_?(l|b|lon|lat|longitude|latitude)|g_?l(on|at)|[lb](_?ii)?"
    ),
    "ecliptic coordinates": re.compile(r"e_?l(on|at)|ecl(iptic)?_?(lon|lat|longitude|latitude)"),
    "supergalactic coordinates": re.compile(r"sg[lb]"),
}
_OLD_NAME = re.compile(r"(.*_)?(ra|dec?)_?b?_?(1950|fk4).*")
_UCD_FRAME = re.compile(r"pos[._](galactic|ecliptic|supergalactic)", re.IGNORECASE)
_LISTED = 20  # names in a message


@dataclass(frozen=True)
class _Candidate:
    """A column that may be RA or Dec.

    ``key`` is what the names of a pair share, None where only the UCD tells; ``unlike`` is 0 where
    the name says degrees, 1 where it says no unit, 2 where another; ``main`` is whether the UCD
    says it is the main position.
    """

    name: str
    axis: str
    key: str | None
    unlike: int
    main: bool


def best_pairs(table: Table) -> list[tuple[str, str]]:
    """Return the pairs of columns that can be RA and Dec, of the best kind there is.

    Kinds, best first, whatever the case: ``ra``/``dec``, also spelt out, with ``_deg`` before
    without; UCDs ``pos.eq.ra;meta.main``; ``RA_ICRS``/``DE_ICRS``; ``RAJ2000``/``DEJ2000`` and
    the like; VizieR's ``_RAJ2000``; ``TARGET_RA``; ``MEAN_FIBER_RA``; any other name with RA or
    Dec as a word and the same rest in both (``ra_gaia``/``dec_gaia``); UCDs ``pos.eq.ra`` under
    any name. Errors, proper motions, field centres and other frames are none of these, nor are
    this package's own output columns.

    Parameters
    ----------
    table : Table
        Any astropy table.

    Returns
    -------
    list of tuple of str
        Names of RA and Dec; several when equally good, empty when there is none.

    Examples
    --------
    >>> best_pairs(Table(names=["RA_ERR", "RA", "DEC_ERR", "DEC", "RA_GAIA", "DEC_GAIA"]))
    [('RA', 'DEC')]
    >>> best_pairs(Table(names=["ra1", "dec1", "ra2", "dec2"]))
    [('ra1', 'dec1'), ('ra2', 'dec2')]
    """
    ranked = {}
    ras, decs = _candidates(table)
    for ra, dec in product(ras, decs):
        main = ra.main and dec.main
        if ra.key == dec.key:
            rank = _UCD_RANK if ra.key is None else _RANKS.get(ra.key, _OTHER_RANK)
        elif main:
            rank = _MAIN_RANK
        else:
            continue
        rank = min(rank, _MAIN_RANK) if main else rank
        ranked[ra.name, dec.name] = (rank, ra.unlike + dec.unlike, not main)
    return [pair for pair, rank in ranked.items() if rank == min(ranked.values())]


def foreign_frame(table: Table, names: Sequence[str]) -> str | None:
    """Return the frame of columns where it is not ICRS or near it (J2000, FK5).

    Parameters
    ----------
    table : Table
        Any astropy table; ``RADESYS``, ``RADECSYS`` and ``EQUINOX`` of its meta count.
    names : sequence of str
        Columns of it.

    Returns
    -------
    str or None
        The frame in words, None for ICRS.

    Examples
    --------
    >>> foreign_frame(Table(names=["RAB1950", "DEB1950"]), ["RAB1950", "DEB1950"])
    'B1950 (FK4) coordinates'
    """
    for name in names:
        frame = _frame_of(name, _ucd(table, name))
        if frame is not None:
            return frame
    meta = {str(key).upper(): str(value or "").strip().upper() for key, value in table.meta.items()}
    system = meta.get("RADESYS") or meta.get("RADECSYS") or ""
    if system and not re.match(r"ICR[SF]|FK5|J2000", system):
        return f"frame {system} (by the table's RADESYS)"
    equinox = meta.get("EQUINOX", "")
    if not system.startswith("ICR") and equinox and not re.fullmatch(r"J?2000(\.0*)?", equinox):
        return f"equinox {equinox} (by the table's EQUINOX)"
    return None


def explain_absence(table: Table) -> str:
    """Say what was found where `best_pairs` is empty.

    Parameters
    ----------
    table : Table
        A table without a pair.

    Returns
    -------
    str
        The beginning of an error message.

    Examples
    --------
    >>> explain_absence(Table(names=["id", "radius"]))
    "No RA column in ['id', 'radius']"
    """
    names = listing(table.colnames)
    ras, decs = ([column.name for column in columns] for columns in _candidates(table))
    if ras and decs:
        return f"RA {listing(ras)} and Dec {listing(decs)} have names that do not match"
    frames: dict[str, list[str]] = {}
    for name in table.colnames:
        frames.setdefault(_frame_of(name, _ucd(table, name)) or "", []).append(name)
    for frame, columns in frames.items():
        if frame and len(columns) > 1:
            return (
                f"No RA column: found {frame} in columns {listing(columns)}, expected ICRS "
                "RA/Dec; make a SkyCoord column (astropy.coordinates.SkyCoord with frame=...), "
                "which is transformed, or convert them"
            )
    if ras:
        return f"RA column {ras[0]!r} but no Dec column in {names}"
    if decs:
        return f"Dec column {decs[0]!r} but no RA column in {names}"
    return f"No RA column in {names}"


def listing(names: Sequence[str]) -> str:
    """Return names for a message, not all of very many.

    Parameters
    ----------
    names : sequence of str
        Names of columns.

    Returns
    -------
    str
        As Python writes a list, cut after twenty.

    Examples
    --------
    >>> listing(["ra", "dec"])
    "['ra', 'dec']"
    """
    shown = str([str(name) for name in names[:_LISTED]])
    more = len(names) - _LISTED
    return shown if more <= 0 else f"{shown[:-1]}, ... {more} more]"


def _candidates(table: Table) -> tuple[list[_Candidate], list[_Candidate]]:
    """Return the columns that may be RA, and those that may be Dec."""
    found = [
        candidate
        for name in table.colnames
        if isinstance(table[name], np.ndarray)
        and not name.lower().startswith(PREFIX)
        and (candidate := _candidate(name, _ucd(table, name)))
    ]
    return [c for c in found if c.axis == "RA"], [c for c in found if c.axis == "Dec"]


def _candidate(name: str, ucd: str) -> _Candidate | None:
    """Return what a name and a UCD tell about a column, None where it is no RA or Dec."""
    if ucd.startswith(("stat.error", "pos.pm")):
        return None
    stem, unit = split_unit(name)
    said = _UCD_AXIS.fullmatch(ucd.split(";")[0])
    main = said is not None and (said["main"] is not None or "meta.main" in ucd)
    axis_key: tuple[str, str | None] | None = _read_name(stem)
    if axis_key is None:
        if said is None or _frame_of(name, ucd) is not None:
            return None
        axis_key = ("RA" if said["axis"].lower() == "ra" else "Dec"), None
    return _Candidate(name, *axis_key, {"deg": 0, None: 1}.get(unit, 2), main)


def _read_name(stem: str) -> tuple[str, str] | None:
    """Return the axis a name says and the rest of it, None where it says none or both."""
    words = _plain(stem)
    axes = list(_AXIS.finditer(words))
    if len(axes) != 1:
        return None
    rest = (words[: axes[0].start()] + "_" + words[axes[0].end() :]).strip("_")
    axis = axes[0].lastgroup
    if axis is None or _NOT_A_POSITION.search(rest) or _OLD_NAME.fullmatch(words):
        return None
    if axis in ("alpha", "delta"):  # SExtractor's; alone they are slopes and differences
        if "2000" not in rest:
            return None
        axis = "RA" if axis == "alpha" else "Dec"
    return axis, ("_" if stem.startswith("_") else "") + rest.replace("_", "")


def _plain(name: str) -> str:
    """Return a name in lower case, its words joined by single underscores."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return re.sub(r"[^0-9a-z]+", "_", words).strip("_")


def _frame_of(name: str, ucd: str) -> str | None:
    """Return the frame a name or UCD says where it is not equatorial J2000."""
    words = _plain(split_unit(name)[0])
    if _OLD_NAME.fullmatch(words):
        return "B1950 (FK4) coordinates"
    if _UCD_AXIS.match(ucd):
        return None  # whatever its name, "b" for example
    said = _UCD_FRAME.match(ucd)
    if said:
        return f"{said[1].lower()} coordinates"
    return next((frame for frame, pattern in _FRAMES.items() if pattern.fullmatch(words)), None)


def _ucd(table: Table, name: str) -> str:
    """Return a column's UCD, empty where it has none."""
    column = table[name]
    return str((column.info.meta or {}).get("ucd") or "").lower()
