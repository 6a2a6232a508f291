"""Positions gathered into groups of neighbours, so that one query serves many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astroclip_astro.fetch.sky_boxes import half_width

CELL = 0.2  # degrees: DESI has some hundred spectra in such a square
ROUNDING = 1e-6  # degrees: near a pole no more is left of a position in double precision


@dataclass(frozen=True, eq=False)
class Group:
    """Positions, and a range of RA and Dec that holds everything within the radius of them.

    Parameters
    ----------
    rows : ndarray
        int (n,), the positions.
    ra_low, ra_high : float
        Degrees; may lie below 0 or above 360 where the box crosses RA 0. A span of 360 or more
        is the full circle.
    dec_low, dec_high : float
        Degrees, within -90 and 90.
    """

    rows: np.ndarray
    ra_low: float
    ra_high: float
    dec_low: float
    dec_high: float


def neighbours(ra: np.ndarray, dec: np.ndarray, radius: float) -> list[Group]:
    """Gather positions into groups of at most a fifth of a degree.

    Parameters
    ----------
    ra, dec : ndarray
        float64 (n,), degrees, RA in [0, 360).
    radius : float
        Degrees around every position.

    Returns
    -------
    list of Group
        Every position is in exactly one of them.

    Examples
    --------
    >>> group, = neighbours(np.array([0.0, 0.1]), np.array([10.0, 10.1]), 0.001)
    >>> group.rows.tolist(), group.ra_low < 0, round(group.dec_high, 3)
    ([0, 1], True, 10.101)
    """
    band = np.floor((dec + 90) / CELL).astype(int)
    # As many cells around a band as fit where it is longest.
    nearest = np.maximum(0, np.abs((band + 0.5) * CELL - 90) - CELL / 2)
    around = np.maximum(1, 360 * np.cos(np.radians(nearest)) // CELL).astype(int)
    cell = np.floor(ra / 360 * around).astype(int)
    _, group = np.unique(np.stack([band, cell]), axis=1, return_inverse=True)
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(ra) else []
    return [_group(rows, ra[rows], dec[rows], radius) for rows in parts]


def _group(rows: np.ndarray, ra: np.ndarray, dec: np.ndarray, radius: float) -> Group:
    """Return positions with the smallest box around them and what is within the radius."""
    reach = radius + ROUNDING
    low, high = float(dec.min()) - reach, float(dec.max()) + reach
    if max(-low, high) >= 90:  # a pole is within reach, and with it every RA
        return Group(rows, 0.0, 360.0, max(low, -90.0), min(high, 90.0))
    side = half_width(float(np.abs(dec).max()), reach)
    return Group(rows, float(ra.min() - side), float(ra.max() + side), low, high)
