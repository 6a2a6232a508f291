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
from astroclip_astro.sky.frame_names import WORDS, advice, axis_of, other_pairs, plain_name, ucd_of
from astroclip_astro.sky.split_columns import split_columns

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
_SEXAGESIMAL = re.compile(r"(?:^|_)(?:hms|dms)(?=_|$)")  # ra_hms_j2000 goes with dec_dms_j2000
# Rank by what a name holds besides RA or Dec; a pair of better rank hides the others.
_RANKS = {"": 0, "icrs": 2, "j2000": 3, "2000": 3, "fk5": 3, "_": 4, "_icrs": 4, "_j2000": 4}
_RANKS |= {"target": 5, "meanfiber": 6}
_MAIN_RANK, _OTHER_RANK, _UCD_RANK = 1, 7, 8
PASS = "pass --ra NAME --dec NAME (ra='NAME', dec='NAME')"
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


def explain_absence(table: Table) -> str:
    """Say what was found where `best_pairs` is empty.

    Parameters
    ----------
    table : Table
        A table without a pair.

    Returns
    -------
    str
        An error message that says what to do, without its last full stop.

    Examples
    --------
    >>> explain_absence(Table(names=["glon", "glat"]))[:66]
    "No RA column: found galactic coordinates in columns ['glon', 'glat"
    """
    names = listing(table.colnames)
    ras, decs = ([column.name for column in columns] for columns in _candidates(table))
    if ras and decs:
        return f"RA {listing(ras)} and Dec {listing(decs)} have names that do not match; {PASS}"
    for system, pairs in other_pairs(table).items():
        return (
            f"No RA column: found {WORDS[system]} in columns {listing(pairs[0])}, expected ICRS "
            f"RA/Dec; {advice(system, pairs[0])}"
        )
    if ras:
        return f"RA column {ras[0]!r} but no Dec column in {names}; {PASS}"
    if decs:
        return f"Dec column {decs[0]!r} but no RA column in {names}; {PASS}"
    return f"No RA column in {names}; {PASS}"


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
    parts = {name for split in split_columns(table) for name in split.names}
    found = [
        candidate
        for name in table.colnames
        if isinstance(table[name], np.ndarray)
        and name not in parts
        and not name.lower().startswith(PREFIX)
        and (candidate := _candidate(name, ucd_of(table, name)))
    ]
    return [c for c in found if c.axis == "RA"], [c for c in found if c.axis == "Dec"]


def _candidate(name: str, ucd: str) -> _Candidate | None:
    """Return what a name and a UCD tell about a column, None where it is no RA or Dec."""
    if ucd.startswith(("stat.error", "pos.pm")) or axis_of(name, ucd) is not None:
        return None
    stem, unit = split_unit(name)
    said = _UCD_AXIS.fullmatch(ucd.split(";")[0])
    main = said is not None and (said["main"] is not None or "meta.main" in ucd)
    axis_key: tuple[str, str | None] | None = _read_name(stem)
    if axis_key is None:
        if said is None:
            return None
        axis_key = ("RA" if said["axis"].lower() == "ra" else "Dec"), None
    return _Candidate(name, *axis_key, {"deg": 0, None: 1}.get(unit, 2), main)


def _read_name(stem: str) -> tuple[str, str] | None:
    """Return the axis a name says and the rest of it, None where it says none or both."""
    words = plain_name(stem)
    axes = list(_AXIS.finditer(words))
    if len(axes) != 1:
        return None
    rest = (words[: axes[0].start()] + "_" + words[axes[0].end() :]).strip("_")
    rest = _SEXAGESIMAL.sub("", rest).strip("_")
    axis = axes[0].lastgroup
    if axis is None or _NOT_A_POSITION.search(rest):
        return None
    if axis in ("alpha", "delta"):  # SExtractor's; alone they are slopes and differences
        if "2000" not in rest:
            return None
        axis = "RA" if axis == "alpha" else "Dec"
    return axis, ("_" if stem.startswith("_") else "") + rest.replace("_", "")
