"""Boxes in RA and Dec around positions, for services that cannot search in circles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PAD = 1e-7  # degrees, so that no rounding on the way loses a row on the edge
TOLERANCE = 1e-6  # degrees a row may lie outside, where a service rounds in its own way
SMALLEST = 1e-6  # degrees; a box is not halved below


@dataclass(frozen=True)
class Box:
    """Part of the sky between two circles of RA and two of Dec, edges included.

    Parameters
    ----------
    west, east : float
        RA, degrees, 0 to 360, ``west <= east``.
    south, north : float
        Dec, degrees, -90 to 90, ``south <= north``.

    Examples
    --------
    >>> Box(1, 2, -0.5, 0).condition("ra", "dec")
    '(ra BETWEEN 1.000000000 AND 2.000000000 AND dec BETWEEN -0.500000000 AND 0.000000000)'
    """

    west: float
    east: float
    south: float
    north: float

    def condition(self, ra: str, dec: str) -> str:
        """Return the box in SQL.

        Parameters
        ----------
        ra, dec : str
            Names of columns.

        Returns
        -------
        str
            In parentheses; numbers without exponent.
        """
        return (
            f"({ra} BETWEEN {self.west:.9f} AND {self.east:.9f} "
            f"AND {dec} BETWEEN {self.south:.9f} AND {self.north:.9f})"
        )

    def holds(self, ra: float | np.ndarray, dec: float | np.ndarray) -> bool | np.ndarray:
        """Return which positions are in the box, or hardly outside.

        Parameters
        ----------
        ra, dec : float or ndarray
            Degrees.

        Returns
        -------
        bool or ndarray
            For each position; True also up to 1e-6 degrees outside, False for NaN.

        Examples
        --------
        >>> Box(10, 11, -1, 1).holds(np.array([11.0000001, 12]), np.array([0, 0]))
        array([ True, False])
        """
        return (
            (ra >= self.west - TOLERANCE)
            & (ra <= self.east + TOLERANCE)
            & (dec >= self.south - TOLERANCE)
            & (dec <= self.north + TOLERANCE)
        )

    def halves(self) -> tuple[Box, Box] | None:
        """Return the two halves of the box, None where it is too small.

        Returns
        -------
        tuple of Box or None
            Cut across the longer side; they share the cut.

        Examples
        --------
        >>> Box(0, 2, 0, 1).halves()
        (Box(west=0, east=1.0, south=0, north=1), Box(west=1.0, east=2, south=0, north=1))
        """
        west, east, south, north = self.west, self.east, self.south, self.north
        ra, dec = (west + east) / 2, (south + north) / 2
        width = (east - west) * np.cos(np.radians(dec))
        if max(width, north - south) < SMALLEST:
            return None
        if width > north - south:
            return Box(west, ra, south, north), Box(ra, east, south, north)
        return Box(west, east, south, dec), Box(west, east, dec, north)


def boxes_around(ra: float, dec: float, radius: float) -> list[Box]:
    """Return what covers a circle on the sky.

    Parameters
    ----------
    ra, dec : float
        Centre, degrees.
    radius : float
        Degrees, 0 to 180.

    Returns
    -------
    list of Box
        One; two where the circle crosses RA 0. Where it holds a pole, RA is not limited.

    Examples
    --------
    >>> [(round(box.west, 3), round(box.east, 3)) for box in boxes_around(0.1, 60, 0.1)]
    [(359.9, 360), (0, 0.3)]
    >>> [(box.west, box.east) for box in boxes_around(10, 89.95, 0.1)]
    [(0, 360)]
    """
    south, north = max(dec - radius - PAD, -90.0), min(dec + radius + PAD, 90.0)
    if south == -90 or north == 90:
        return [Box(0, 360, south, north)]
    half = half_width(dec, radius)
    return boxes_between(ra - half, ra + half, south, north)


def half_width(dec: float, radius: float) -> float:
    """Return how far in RA a circle on the sky reaches.

    Parameters
    ----------
    dec : float
        Of its centre, degrees.
    radius : float
        Degrees; the circle holds no pole.

    Returns
    -------
    float
        Degrees, with room for rounding.

    Examples
    --------
    >>> round(half_width(60, 0.1), 3)
    0.2
    """
    # Where a circle of RA touches the circle: a right triangle of which the pole is a corner.
    sine = np.sin(np.radians(radius)) / np.cos(np.radians(dec))
    nearest_pole = min(abs(dec) + radius + PAD, 89.9999999)
    return float(np.degrees(np.arcsin(min(1.0, sine))) + PAD / np.cos(np.radians(nearest_pole)))


def boxes_between(west: float, east: float, south: float, north: float) -> list[Box]:
    """Return what lies eastwards from one RA to another.

    Parameters
    ----------
    west, east : float
        Degrees, ``west <= east``; may lie below 0 or above 360.
    south, north : float
        Degrees, -90 to 90.

    Returns
    -------
    list of Box
        Two where RA 0 lies between them.

    Examples
    --------
    >>> [(box.west, box.east) for box in boxes_between(350, 370, 0, 1)]
    [(350, 360), (0, 10)]
    """
    if east - west >= 360:
        return [Box(0, 360, south, north)]
    width = east - west
    west = west % 360 % 360  # twice: the first of hardly less than 0 is 360
    east = west + width
    if east < 360:  # at 360 itself, RA 0 belongs to the range
        return [Box(west, east, south, north)]
    return [Box(west, 360, south, north), Box(0, east - 360, south, north)]
