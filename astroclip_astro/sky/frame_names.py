"""Which columns are coordinates of another frame than ICRS, by their names and UCDs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product

import numpy as np
from astropy.table import Table

from astroclip_astro.columns import PREFIX
from astroclip_astro.sky.angles import split_unit

# For each system how its longitude and its latitude are called.
_NAMES = {
    "galactic": (
        r"gal(actic)?_?(l|lon|long|longitude)|g_?lon|l(_?ii|gal)?",
        r"gal(actic)?_?(b|lat|latitude)|g_?lat|b(_?ii|gal)?",
    ),
    "ecliptic": (
        r"e_?lon|ecl(iptic)?_?(lon|long|longitude)",
        r"e_?lat|ecl(iptic)?_?(lat|latitude)",
    ),
    "supergalactic": (
        r"sgl(on)?|supergal(actic)?_?(l|lon)",
        r"sgb|sglat|supergal(actic)?_?(b|lat)",
    ),
    "fk4": (
        r"(.*_)?(ra|right_?ascension)_?b?_?(1950|fk4).*",
        r"(.*_)?(dec?|decl|declination)_?b?_?(1950|fk4).*",
    ),
}
_UCDS = {  # of version 1+ and of version 1
    "galactic": r"pos[._]gal(actic)?[._](lon|lat)",
    "ecliptic": r"pos[._]ec(liptic)?[._](lon|lat)",
    "supergalactic": r"pos[._](supergalactic|sg)[._](lon|lat)",
}
_EQUATORIAL_UCD = re.compile(r"pos[._]eq[._](ra|dec)")
WORDS = {  # for messages
    "galactic": "galactic coordinates",
    "ecliptic": "ecliptic coordinates",
    "supergalactic": "supergalactic coordinates",
    "fk4": "B1950 (FK4) coordinates",
}


def plain_name(name: str) -> str:
    """Return a name in lower case, its words joined by single underscores.

    Examples
    --------
    >>> plain_name("raMean"), plain_name("α (J2000)")
    ('ra_mean', 'alpha_j2000')
    """
    words = name.replace("α", "alpha").replace("δ", "delta")
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", words).lower()
    return re.sub(r"[^0-9a-z]+", "_", words).strip("_")


def ucd_of(table: Table, name: str) -> str:
    """Return a column's UCD in lower case, empty where it has none."""
    return str((table[name].info.meta or {}).get("ucd") or "").lower()


def axis_of(name: str, ucd: str) -> tuple[str, int] | None:
    """Return the system that a column belongs to, and which axis of it.

    Parameters
    ----------
    name, ucd : str
        Of the column.

    Returns
    -------
    system : str
        ``galactic``, ``ecliptic``, ``supergalactic`` or ``fk4``.
    axis : int
        0 for longitude or RA, 1 for latitude or Dec. None instead of both for other columns.

    Examples
    --------
    >>> axis_of("GLON", ""), axis_of("ra", "")
    (('galactic', 0), None)
    """
    words = plain_name(split_unit(name)[0])
    for axis, pattern in enumerate(_NAMES["fk4"]):
        if re.fullmatch(pattern, words):
            return "fk4", axis
    if _EQUATORIAL_UCD.match(ucd):
        return None  # whatever its name, "b" for example
    for system, pattern in _UCDS.items():
        if said := re.match(pattern, ucd):
            return system, int(said[0].endswith("lat"))
    for system, patterns in _NAMES.items():
        for axis, pattern in enumerate(patterns):
            if re.fullmatch(pattern, words):
                return system, axis
    return None


def pairs_of_system(table: Table, system: str) -> list[tuple[str, str]]:
    """Return the pairs of columns that are coordinates of a system.

    Parameters
    ----------
    table : Table
        Any astropy table.
    system : str
        As `axis_of` calls it.

    Returns
    -------
    list of tuple of str
        Names of longitude and latitude; several where there are several of either.

    Examples
    --------
    >>> pairs_of_system(Table(names=["ra", "dec", "glon", "glat"]), "galactic")
    [('glon', 'glat')]
    """
    axes: tuple[list[str], list[str]] = ([], [])
    for name in table.colnames:
        if isinstance(table[name], np.ndarray) and not name.lower().startswith(PREFIX):
            said = axis_of(name, ucd_of(table, name))
            if said is not None and said[0] == system:
                axes[said[1]].append(name)
    return list(product(*axes))


def other_pairs(table: Table) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs of columns of each system that there are any of."""
    found = {system: pairs_of_system(table, system) for system in WORDS}
    return {system: pairs for system, pairs in found.items() if pairs}


def advice(system: str, names: Sequence[str]) -> str:
    """Return what to do with columns of another frame that only their names tell.

    Examples
    --------
    >>> advice("galactic", ("l", "b"))[:41]
    'pass --frame galactic --ra l --dec b (fra'
    """
    lon, lat = names[:2]
    return (
        f"pass --frame {system} --ra {lon} --dec {lat} (frame={system!r}, ra={lon!r}, "
        f"dec={lat!r}) to have them transformed, or make a SkyCoord column"
    )
