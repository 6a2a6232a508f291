"""Frames of positions: how they are spelled, and the path from them to ICRS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy import coordinates as astropy_frames
from astropy.coordinates import SkyCoord
from astropy.time import Time

from astroclip_astro.errors import InputError

KEYWORD = "ACFRAME"
_YEARS = (1800.0, 2200.0)  # of equinoxes and epochs that make sense
_BESSELIAN_UNTIL = 1984.0  # FITS: an equinox without letter before this year is Besselian
_SYSTEMS = {  # as VOTable, FITS and users spell them, without separators
    "icrs": {"icrs", "icrf"},
    "fk5": {"fk5", "eqfk5", "j2000"},
    "fk4": {"fk4", "eqfk4", "b1950"},
    "fk4noe": {"fk4noe"},
    "galactic": {"galactic", "gal", "galacticii"},
    "supergalactic": {"supergalactic"},
    "ecliptic": {"ecliptic", "eclfk5"},
}
_TITLES = {"icrs": "ICRS", "fk5": "FK5", "fk4": "FK4", "fk4noe": "FK4 without E-terms"}
EQUATORIAL = ("icrs", "fk5", "fk4", "fk4noe")
DEFAULT_EQUINOX = {"fk5": "J2000", "fk4": "B1950", "fk4noe": "B1950"}
EXPECTED = "icrs, fk5, fk4, galactic, supergalactic or ecliptic, or with an equinox, as fk5:J1975"


@dataclass(frozen=True)
class Frame:
    """The frame of two columns of positions.

    Parameters
    ----------
    system : str
        ``icrs``, ``fk5``, ``fk4``, ``fk4noe``, ``galactic``, ``supergalactic`` or ``ecliptic``.
    equinox : str or None
        Such as ``J2000`` or ``B1950``, of systems that have one.
    epoch : str or None
        When the positions were observed, likewise. It counts for FK4 alone, whose aberration
        depends on it; there, None stands for the equinox.
    said_by : str
        Who says so, for summaries; empty where nobody does and ICRS is taken for granted.
    """

    system: str = "icrs"
    equinox: str | None = None
    epoch: str | None = None
    said_by: str = ""

    @property
    def title(self) -> str:
        """The frame in words, such as ``FK4 B1950``."""
        title = _TITLES.get(self.system, self.system)
        return " ".join(filter(None, [title, self.equinox, self.epoch and f"epoch {self.epoch}"]))

    @property
    def words(self) -> str:
        """The frame, who says so, and what was taken for granted; for summaries."""
        taken = ""
        if self.system in ("fk4", "fk4noe") and self.epoch is None:
            taken = f", epoch taken as {self.equinox}"
        return f"{self.title} by {self.said_by}{taken}"

    @property
    def is_equatorial(self) -> bool:
        """Whether its axes are RA and Dec."""
        return self.system in EQUATORIAL

    def to_icrs(self, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ICRS positions.

        Parameters
        ----------
        lon, lat : ndarray
            float64 (n,), degrees in this frame; finite and in range.

        Returns
        -------
        ra, dec : ndarray
            float64 (n,), ICRS degrees. Proper motion is not applied.

        Examples
        --------
        >>> ra, dec = Frame("galactic").to_icrs(np.array([0.0]), np.array([0.0]))
        >>> round(float(ra[0]), 3), round(float(dec[0]), 3)
        (266.405, -28.936)
        """
        if self.system == "icrs":
            return lon, lat
        icrs = SkyCoord(lon, lat, unit="deg", frame=self._astropy_frame()).icrs
        return np.asarray(icrs.ra.deg, float), np.asarray(icrs.dec.deg, float)

    def _astropy_frame(self) -> astropy_frames.BaseCoordinateFrame:
        """Return the frame as astropy has it."""
        if self.system == "galactic":
            return astropy_frames.Galactic()
        if self.system == "supergalactic":
            return astropy_frames.Supergalactic()
        equinox = Time(self.equinox)
        if self.system == "fk5":
            return astropy_frames.FK5(equinox=equinox)
        if self.system == "ecliptic":
            return astropy_frames.BarycentricMeanEcliptic(equinox=equinox)
        kind = astropy_frames.FK4 if self.system == "fk4" else astropy_frames.FK4NoETerms
        return kind(equinox=equinox, obstime=Time(self.epoch or self.equinox))


def parse_frame(given: object) -> Frame:
    """Return the frame that a user names.

    Parameters
    ----------
    given : str
        A system in any case, with an equinox behind a colon where it is not the usual one (J2000
        for FK5 and ecliptic, B1950 for FK4): ``galactic``, ``fk5:J1975``, ``B1950``.

    Returns
    -------
    Frame

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> parse_frame("fk5:J1975").title, parse_frame("ecliptic").title
    ('FK5 J1975', 'ecliptic J2000')
    """
    words, colon, equinox = str(given).partition(":")
    system = read_system(words)
    usual = {**DEFAULT_EQUINOX, "ecliptic": "J2000"}.get(system or "")
    year = read_year(equinox, system) if colon else usual
    if not isinstance(given, str) or system is None or (colon and (usual is None or not year)):
        raise InputError(f"frame is {given!r}, expected {EXPECTED}.")
    return Frame(system, year, None, "--frame")


def own_keyword(frame: Frame, names: Sequence[str]) -> str:
    """Return the value of ``ACFRAME``: the frame and its columns; empty where nothing was said.

    Examples
    --------
    >>> own_keyword(Frame("fk5", "J1975", None, "--frame"), ("ra", "dec"))
    'fk5:J1975 of ra, dec'
    """
    if frame.system == "icrs" and frame.said_by not in ("--frame", KEYWORD):
        return ""
    epoch = f" epoch {frame.epoch}" if frame.epoch else ""
    return f"{spelled(frame)}{epoch} of {', '.join(names)}"


def read_system(words: str) -> str | None:
    """Return the system that a word says, None for unknown ones."""
    word = re.sub(r"[\s_.-]", "", words.lower())
    return next((system for system, known in _SYSTEMS.items() if word in known), None)


def read_year(given: object, system: str | None) -> str | None:
    """Return an equinox or epoch with its letter, None where it is no year."""
    match = re.fullmatch(r"\s*([JB]?)\s*(\d{4}(?:\.\d*)?)\s*", str(given), re.IGNORECASE)
    if match is None or not _YEARS[0] <= float(match[2]) <= _YEARS[1]:
        return None
    year = float(match[2])
    besselian = system in ("fk4", "fk4noe") or (system is None and year < _BESSELIAN_UNTIL)
    return f"{match[1].upper() or ('B' if besselian else 'J')}{year:.10g}"


def spelled(frame: Frame) -> str:
    """Return a frame as `parse_frame` reads it."""
    name = {"fk4noe": "fk4-no-e"}.get(frame.system, frame.system)
    return f"{name}:{frame.equinox}" if frame.equinox else name
