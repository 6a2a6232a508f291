"""Spectral lines: their wavelengths and names, and how they are marked above a spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


FONT = 7  # points, of the names
LEADER = 10  # points from the axes to the names
GUIDE = {False: "-", True: (0, (4, 3))}  # drawn through for emission, dashed for absorption
GUIDE_COLOUR, NAME_COLOUR = "0.78", "0.25"


@dataclass(frozen=True)
class Line:
    """A line, or several that DESI shows as one.

    Parameters
    ----------
    name : str
        As an observer calls it.
    wavelength : float
        At rest in vacuum, Angstrom; the mean of lines that are taken together.
    absorption : bool
        Whether it is mostly seen in the light of stars; else in that of gas.
    """

    name: str
    wavelength: float
    absorption: bool = False


# NIST Atomic Spectra Database (https://physics.nist.gov/asd), vacuum.
LINES = (
    Line("Lyα", 1215.67),
    Line("C IV", 1549.48),  # 1548.19, 1550.77
    Line("C III]", 1908.73),
    Line("Mg II", 2799.94),  # 2796.35, 2803.53
    Line("[O II] 3728", 3728.48),  # 3727.10, 3729.86
    Line("[Ne III] 3870", 3869.86),
    Line("Ca K", 3934.77, absorption=True),
    Line("Ca H", 3969.59, absorption=True),
    Line("Hδ", 4102.90),
    Line("Hγ", 4341.69),
    Line("Hβ", 4862.69),
    Line("[O III] 4960", 4960.30),
    Line("[O III] 5008", 5008.24),
    Line("Mg b", 5176.00, absorption=True),  # 5168.76, 5174.13, 5185.05
    Line("He I", 5877.25),
    Line("Na D", 5894.57, absorption=True),  # 5891.58, 5897.56
    Line("[O I] 6302", 6302.05),
    Line("[N II] 6550", 6549.86),
    Line("Hα", 6564.63),
    Line("[N II] 6585", 6585.27),
    Line("[S II] 6718", 6718.29),
    Line("[S II] 6733", 6732.67),
    Line("Ca II 8500", 8500.35, absorption=True),
    Line("Ca II 8544", 8544.44, absorption=True),
    Line("Ca II 8665", 8664.52, absorption=True),
    Line("[S III] 9071", 9071.10),
    Line("[S III] 9533", 9533.20),
)


def lines_between(low: float, high: float, redshift: float) -> list[tuple[Line, float]]:
    """Return the lines that a redshift brings into a range.

    Parameters
    ----------
    low, high : float
        Observed wavelengths, Angstrom in vacuum.
    redshift : float
        Of the galaxy.

    Returns
    -------
    list of (Line, float)
        Each with its observed wavelength, ``(1 + redshift)`` times that at rest, ascending.

    Examples
    --------
    >>> [(line.name, round(there)) for line, there in lines_between(6700, 7300, 0.1)]
    [('[O I] 6302', 6932), ('[N II] 6550', 7205), ('Hα', 7221), ('[N II] 6585', 7244)]
    """
    observed = [(line, line.wavelength * (1 + redshift)) for line in LINES]
    return [(line, there) for line, there in observed if low <= there <= high]


def separate_labels(places: np.ndarray, min_distance: float, low: float, high: float) -> np.ndarray:
    """Move places apart until neighbours do not touch, each as little as can be.

    Parameters
    ----------
    places : ndarray
        float (n,), ascending.
    min_distance : float
        Least distance of neighbours; smaller where they would not fit between the limits.
    low, high : float
        Between which they stay, half a gap inside.

    Returns
    -------
    ndarray
        float64 (n,), ascending, of least summed square distance from ``places``.

    Examples
    --------
    >>> separate_labels(np.array([10.0, 11.0, 50.0]), 10, 0, 100)
    array([ 5.5, 15.5, 50. ])
    """
    if not len(places):
        return np.zeros(0)
    min_distance = min(min_distance, (high - low) / len(places))
    offset = min_distance * np.arange(len(places))
    from scipy.optimize import isotonic_regression

    together = isotonic_regression(np.asarray(places, float) - offset).x
    return np.clip(together, low + min_distance / 2, high - min_distance / 2 - offset[-1]) + offset


def mark_lines(axes: Axes, redshift: float, *, names: bool = True) -> None:
    """Mark lines on axes whose horizontal one is observed wavelength, its limits set.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The panel that the lines are marked in.
    redshift : float
        Of the galaxy.
    names : bool
        Whether to write the names above the axes, moved apart where they would overlap, with a
        leader from each to its line.
    """
    from matplotlib.transforms import ScaledTranslation

    low, high = axes.get_xlim()
    found = lines_between(low, high, redshift)
    for line, there in found:
        style = GUIDE[line.absorption]
        axes.axvline(there, color=GUIDE_COLOUR, linestyle=style, linewidth=0.7, zorder=0.5)
    if not (names and found):
        return
    # Axes are narrower before the figure is laid out than after it: names never come closer.
    points = axes.get_window_extent().width * 72 / axes.figure.dpi
    gap = 1.25 * FONT / points * (high - low)
    at = separate_labels(np.array([there for _, there in found]), gap, low, high)
    top = axes.get_xaxis_transform()
    above = top + ScaledTranslation(0, LEADER / 72, axes.figure.dpi_scale_trans)
    for (line, there), place in zip(found, at, strict=True):
        axes.annotate(
            line.name,
            (there, 1),
            (place, 1),
            xycoords=top,
            textcoords=above,
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=FONT,
            color=NAME_COLOUR,
            arrowprops={
                "arrowstyle": "-",
                "color": "0.5",
                "linewidth": 0.5,
                "shrinkA": 0,
                "shrinkB": 0,
                "relpos": (0.5, 0),
            },
        )
