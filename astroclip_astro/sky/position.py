"""One position on the sky, and how far others are from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord, angular_separation

from astroclip_astro.errors import InputError
from astroclip_astro.records import Targets

if TYPE_CHECKING:
    pass


def read_position(position: SkyCoord | tuple[float, float]) -> tuple[float, float]:
    """Return RA and Dec of one position.

    Parameters
    ----------
    position : SkyCoord or (ra, dec)
        Plain numbers are ICRS degrees.

    Returns
    -------
    tuple of float
        ICRS degrees, RA in [0, 360).

    Raises
    ------
    InputError
        For anything else, and what is not finite or out of range.

    Examples
    --------
    >>> read_position((-10, 2.5))
    (350.0, 2.5)
    """
    try:
        if not isinstance(position, SkyCoord):
            ra, dec = position
            position = SkyCoord(ra, dec, unit="deg")
        ra, dec = float(position.icrs.ra.deg), float(position.icrs.dec.deg)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"position is {str(position)[:60]!r} ({str(error)[:100]}), expected RA and Dec in "
            "degrees, or one SkyCoord."
        ) from None
    if not np.isfinite([ra, dec]).all():
        raise InputError(f"position is {ra} {dec}, expected finite degrees.")
    return ra % 360, dec


def separations(position: tuple[float, float], targets: Targets) -> np.ndarray:
    """Return distances from a position on the sky.

    Parameters
    ----------
    position : tuple of float
        RA and Dec, degrees.
    targets : Targets
        Where to, n.

    Returns
    -------
    ndarray
        float64 (n,), arcsec; NaN where a target has no position.

    Examples
    --------
    >>> there = Targets(np.array([10.0, np.nan]), np.zeros(2), np.zeros(2, int), np.zeros(2, bool))
    >>> separations((10.0, 1 / 3600), there).round(6)
    array([ 1., nan])
    """
    place = np.radians(position)
    apart = angular_separation(*place, np.radians(targets.ra), np.radians(targets.dec))
    return np.degrees(apart) * 3600


def arcseconds(match_radius: float | u.Quantity) -> float:
    """Return a match radius in arcsec, from a plain number or an angle."""
    try:
        if isinstance(match_radius, u.Quantity):
            match_radius = match_radius.to_value(u.arcsec)
        radius = float(match_radius)
    except (TypeError, ValueError, u.UnitConversionError):
        radius = float("nan")
    if not 0 < radius <= 60:
        raise InputError(f"match_radius is {match_radius!r}, expected 0 < arcsec <= 60.")
    return radius
