"""Positions that are typed or named: coordinates, and objects that a resolver knows."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from astropy.table import Column, Table

from astroclip_astro.errors import InputError, SourceError

RANGES = {"RA": (-180.0, 360.0), "Dec": (-90.0, 90.0)}
EXAMPLES = {
    "RA": "degrees such as 150.1, or hours, minutes and seconds such as 10:00:24.0 or 10h00m24s",
    "Dec": "degrees such as -2.2, or degrees, minutes and seconds such as -02:12:00 or -2d12m",
}
RESOLVER_TIMEOUT = 5.0  # seconds for each of the resolver's two servers


def read_coordinate(text: str, axis: str) -> float:
    """Return RA or Dec in degrees from what was typed.

    Parameters
    ----------
    text : str
        A plain number is in degrees. Sexagesimal RA is in hours, unless its mark is ``d``.
    axis : {"RA", "Dec"}
        Which of the two.

    Returns
    -------
    float
        ICRS degrees, RA in [0, 360).

    Raises
    ------
    InputError
        For what is not understood or out of range.

    Examples
    --------
    >>> read_coordinate("150.1", "RA"), read_coordinate("10:00:24.0", "RA")
    (150.1, 150.1)
    >>> read_coordinate("-2d12m", "Dec")
    -2.2
    """
    import astropy.units as u
    from astropy.coordinates import Angle

    words = str(text).strip().replace("−", "-")
    try:
        try:
            degrees = float(words)
        except ValueError:
            marked = re.search("[hd°]", words.lower())
            unit = None if marked else u.hourangle if axis == "RA" else u.deg
            degrees = float(np.round(Angle(words, unit).deg, 12))
    except (ValueError, TypeError, u.UnitsError):
        degrees = np.nan
    low, high = RANGES[axis]
    if axis == "Dec" and "h" in words.lower():
        degrees = np.nan
    if not low <= degrees <= high:
        raise InputError(
            f"{axis} is {text!r}, expected {EXAMPLES[axis]}, from {low:g} to {high:g} degrees."
        )
    return degrees % 360 % 360 if axis == "RA" else degrees


def resolve_name(name: str) -> tuple[float, float]:
    """Return the position of an object that the CDS name resolver (Sesame) knows.

    Parameters
    ----------
    name : str
        Such as ``M51`` or ``NGC 4151``.

    Returns
    -------
    tuple of float
        RA and Dec, ICRS degrees.

    Raises
    ------
    InputError
        Where no catalogue of the resolver has the name.
    SourceError
        Where the resolver cannot be reached.
    """
    from astropy.coordinates import SkyCoord
    from astropy.coordinates.name_resolve import NameResolveError
    from astropy.utils.data import conf

    if not name.strip():
        raise InputError("The name of the object is empty, expected one such as M51.")
    try:
        with conf.set_temp("remote_timeout", RESOLVER_TIMEOUT):
            place = SkyCoord.from_name(name)
    except NameResolveError as error:
        if str(error).startswith("Unable to find"):
            raise InputError(
                f"Name {name!r} is not known to SIMBAD, NED or VizieR; check its spelling, or pass "
                "--position RA DEC."
            ) from None
        raise SourceError(
            f"Name {name!r} cannot be resolved, no name server answers "
            f"({' '.join(str(error).split())[:300]}). Is this machine online? --position RA DEC "
            "needs no name server."
        ) from None
    except OSError as error:
        raise SourceError(
            f"Name {name!r} cannot be resolved ({error}). Is this machine online? --position RA "
            "DEC needs no name server."
        ) from None
    return float(place.icrs.ra.deg), float(place.icrs.dec.deg)


def make_position_table(
    positions: Sequence[tuple[float, float]], names: Sequence[str] = ()
) -> Table:
    """Return a catalogue of given positions and named objects, in this order.

    Parameters
    ----------
    positions : sequence of tuple of float
        RA and Dec, ICRS degrees.
    names : sequence of str
        Objects whose positions are asked for.

    Returns
    -------
    Table
        ``name`` (where there are names; empty for the others), ``ra`` and ``dec`` in degrees.

    Raises
    ------
    InputError, SourceError
        As `resolve_name`.

    Examples
    --------
    >>> table = make_position_table([(150.1, 2.2)])
    >>> table["ra"].unit, table["dec"].tolist()
    (Unit("deg"), [2.2])
    """
    places = np.array([*positions, *map(resolve_name, names)], float).reshape(-1, 2)
    table = Table()
    if names:
        table["name"] = [*[""] * len(positions), *names]
    for axis, name, ucd, values in zip(
        ("Right ascension", "Declination"), ("ra", "dec"), ("ra", "dec"), places.T, strict=True
    ):
        table[name] = Column(
            values,
            unit="deg",
            description=f"{axis} (ICRS)",
            meta={"ucd": f"pos.eq.{ucd};meta.main"},
        )
    return table
