"""Whether errors and novelty mean what they say: integral transforms, coverage, distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from astroclip_astro.errors import InputError
from astroclip_astro.figures.panels import (
    counted,
    finite,
    known_among,
    legend_below,
    panel_grid,
    tidy,
    write_note,
)
from astroclip_astro.figures.strips import STRIP_LEGEND, draw_strip, name_strips
from astroclip_astro.figures.style import COLOURS, blank_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


BINS = 20  # of a transform, where there are galaxies enough
EACH = 10  # galaxies in a bin, at least, to expect
CERTAIN = 0.95  # of the band of a uniform distribution
NOMINAL = {0.68: ("blue", "o"), 0.95: ("vermilion", "s")}  # coverage -> colour, marker
TOLERANCE = 0.05  # of coverage
STRIP = 400  # points of a strip, at most


@dataclass(frozen=True)
class CoverageBin:
    """How many galaxies of a bin lie within their intervals.

    Parameters
    ----------
    low, high : float
        Ends of the bin.
    count : int
        Galaxies in it.
    covered68, covered95 : int
        Those whose true value lies within the interval of 68 % and of 95 %.

    Raises
    ------
    InputError
        Where numbers cannot be: fractions for counts, more within than there are, ends that are
        not finite or not in order.

    Examples
    --------
    >>> CoverageBin(16, 17, count=3, covered68=0.68, covered95=1)
    Traceback (most recent call last):
        ...
    astroclip_astro.errors.InputError: 0.68 of 3 galaxies are covered; expected a whole number, ...
    """

    low: float
    high: float
    count: int
    covered68: int
    covered95: int

    def __post_init__(self) -> None:
        """Check that the numbers can be."""
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise InputError(
                f"A bin goes from {self.low} to {self.high}; expected finite numbers, in order."
            )
        for covered in (self.covered68, self.covered95):
            if not (0 <= covered <= self.count and covered == int(covered)):
                raise InputError(
                    f"{covered} of {self.count} galaxies are covered; expected a whole number, "
                    "from 0 to all of them, not a fraction."
                )


def pit_figure(
    values: Mapping[str, np.ndarray], *, title: str, notes: Mapping[str, str] | None = None
) -> Figure:
    """Draw histograms of the probability integral transform.

    Parameters
    ----------
    values : mapping of str to ndarray
        For each set, the predicted probability of less than the true value, (n,) in [0, 1]; NaN is
        left out. Where predicted distributions are right, it is uniform.
    title : str
        Above all panels; say here what is simulated.
    notes : mapping of str to str, optional
        Words in the upper left of a panel.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each set: galaxies in each bin relative to a uniform distribution, and the band
        that holds 95 % of the bins of one.

    Raises
    ------
    InputError
        Where there are no sets, or a value is outside [0, 1].

    Notes
    -----
    Dawid 1984, J. R. Stat. Soc. A 147, 278.

    Examples
    --------
    >>> import numpy as np
    >>> figure = pit_figure({"redshift": np.linspace(0, 1, 200)}, title="SIMULATED")
    >>> [round(float(bar.get_height()), 6) for bar in figure.axes[0].patches[:3]]
    [1.0, 1.0, 1.0]
    """
    notes = known_among(notes, values, "Notes")
    across = min(3, max(1, len(values)))
    size = (max(3.0, 5 / across), 3.0)
    figure, every = panel_grid(values, title=title, across=across, size=size)
    highest = 2.0
    for axes, (name, some) in zip(every, _finite_transforms(values).items(), strict=True):
        if len(some) == 0:
            blank_axes(axes, "no finite value")
            continue
        highest = max(highest, _draw_transform(axes, some))
        write_note(axes, notes.get(name, ""))
        write_note(axes, counted(len(some)), corner="upper right")
        tidy(axes)
    for axes in every:
        axes.set(xlim=(0, 1), ylim=(0, highest))
        axes.set_xlabel("probability integral transform", fontsize=9)
    for axes in every[::across]:
        axes.set_ylabel("galaxies relative to uniform", fontsize=9)
    legend_below(figure, every, columns=2)
    return figure


def _finite_transforms(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the finite transforms of each set, all of them probabilities."""
    clean = {name: finite(some, f"Transforms of {name!r}") for name, some in values.items()}
    for name, some in clean.items():
        if len(some) and (some.min() < 0 or some.max() > 1):
            raise InputError(
                f"Transforms of {name!r} go from {some.min():.6g} to {some.max():.6g}; expected "
                "probabilities, from 0 to 1."
            )
    return clean


def _draw_transform(axes: Axes, some: np.ndarray) -> float:
    """Draw the histogram of a transform beside a uniform one; return how high axes have to be."""
    bins = int(np.clip(len(some) // EACH, 2, BINS))
    counts, edges = np.histogram(some, bins, (0, 1))
    heights = counts * bins / len(some)
    sky = COLOURS["sky"]
    axes.bar(edges[:-1], heights, 1 / bins, align="edge", color=sky, edgecolor="white", lw=0.5)
    low, high = uniform_band(len(some), bins)
    axes.axhspan(low, high, color="0.4", alpha=0.3, lw=0, label="95 % of uniform bins")
    axes.axhline(1, color="black", lw=1, label="uniform")
    return float(max(1.3 * heights.max(), 1.1 * high))


def uniform_band(count: int, bins: int) -> tuple[float, float]:
    """Return what holds 95 % of the bins of a uniform distribution.

    Parameters
    ----------
    count, bins : int
        Numbers of galaxies and of bins.

    Returns
    -------
    low, high : float
        Relative to the mean, from the binomial distribution.

    Examples
    --------
    >>> [round(end, 3) for end in uniform_band(1000, 20)]
    [0.74, 1.28]
    """
    low, high = binom.interval(CERTAIN, count, 1 / bins)
    return float(low * bins / count), float(high * bins / count)


def coverage_figure(bins: Mapping[str, Sequence[CoverageBin]], *, title: str) -> Figure:
    """Draw which fraction of galaxies lies within intervals of 68 and 95 %.

    Parameters
    ----------
    bins : mapping of str to sequence of CoverageBin
        For each way to bin galaxies, named as its axis is, such as ``"r [mag]"`` or
        ``"predicted redshift"``; bins without galaxies are left out.
    title : str
        Above all panels; say here what is simulated.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each way: points with binomial errors (Wilson 1927) at the middle of bins, lines
        at what coverage should be, shaded 0.05 to both sides, and the number of galaxies in bins.

    Raises
    ------
    InputError
        Where there is no way to bin them.

    Examples
    --------
    >>> some = [CoverageBin(16, 18, 100, 70, 93), CoverageBin(18, 20, 50, 33, 47)]
    >>> figure = coverage_figure({"r [mag]": some}, title="SIMULATED")
    >>> [float(round(y, 2)) for y in figure.axes[0].containers[0].lines[0].get_ydata()]
    [0.7, 0.66]
    """
    across = min(2, max(1, len(bins)))
    size = (4.5 if across == 2 else 5.5, 3.4)
    figure, every = panel_grid(bins, title=title, across=across, size=size)
    lowest = 0.5
    for axes, (name, some) in zip(every, bins.items(), strict=True):
        axes.set_title("")
        axes.set_xlabel(name, fontsize=9)
        some = [one for one in some if one.count > 0]
        if not some:
            blank_axes(axes, "no galaxy")
            continue
        lowest = min(lowest, _draw_coverage(axes, some))
        tidy(axes)
    bottom = max(-0.08, lowest - 0.16)
    for axes in every:
        axes.set_ylim(bottom, 1.04)
    for axes in every[::across]:
        axes.set_ylabel("fraction within the interval", fontsize=9)
    legend_below(figure, every, columns=2)
    return figure


def novelty_figure(
    scores: Mapping[str, np.ndarray],
    *,
    in_distribution: np.ndarray,
    title: str,
    notes: Mapping[str, str] | None = None,
) -> Figure:
    """Draw how novel objects of each kind are, against ordinary galaxies.

    Parameters
    ----------
    scores : mapping of str to ndarray
        For each kind the novelty of its objects, (n,); NaN is left out.
    in_distribution : ndarray
        Novelty of ordinary galaxies, (m,), drawn first.
    title : str
        Above it; say here what is simulated.
    notes : mapping of str to str, optional
        Words to the right of a kind, such as the area under its curve.

    Returns
    -------
    matplotlib.figure.Figure
        A strip for each kind, from the top: points that stand for its objects, a box from the 16th
        to the 84th percentile with the median, whiskers from the 5th to the 95th.

    Raises
    ------
    InputError
        Where there are no kinds.

    Examples
    --------
    >>> import numpy as np
    >>> scores = {"ring": np.array([0.9, 0.95, 1.0])}
    >>> figure = novelty_figure(scores, in_distribution=np.linspace(0, 1, 50), title="SIMULATED")
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['ordinary (50)', 'ring (3)']
    """
    if not scores:
        raise InputError(f"Figure {title!r} has nothing to show; expected scores of one kind.")
    notes = known_among(notes, scores, "Notes")
    kinds = [("ordinary", in_distribution), *scores.items()]
    figure, (axes,) = panel_grid([""], title=title, across=1, size=(7.5, 0.42 * len(kinds) + 0.8))
    labels, remarks = [], ["", *(notes.get(kind, "") for kind in scores)]
    drawn = [0.0, 1.0]
    for place, (kind, values) in enumerate(kinds):
        values = np.sort(finite(values, f"Novelties of {kind!r}"))
        labels.append(f"{kind} ({len(values):,})")
        if len(values):
            drawn += [values[0], values[-1]]
            draw_strip(axes, place, values, COLOURS["blue" if place else "grey"], most=STRIP)
    margin = 0.02 * (max(drawn) - min(drawn))
    axes.set_xlim(min(drawn) - margin, max(drawn) + margin)
    axes.set_xlabel(
        f"novelty: fraction of the reference that is no farther out\n({STRIP_LEGEND})", fontsize=9
    )
    axes.axhline(0.5, color="0.6", lw=0.8)
    name_strips(axes, labels, remarks)
    return figure


def _draw_coverage(axes: Axes, some: list[CoverageBin]) -> float:
    """Draw the coverage of bins, and return the lowest end of an error."""
    from astropy.stats import binom_conf_interval

    counts = np.array([one.count for one in some])
    low, high = np.array([(one.low, one.high) for one in some]).T
    middle, lowest = (low + high) / 2, 1.0
    shift = 0.08 * (high - low)  # so that errors of one bin do not hide each other
    covered = {0.68: [one.covered68 for one in some], 0.95: [one.covered95 for one in some]}
    for sign, (nominal, (colour, marker)) in zip((-1, 1), NOMINAL.items(), strict=True):
        hits = np.array(covered[nominal])
        fraction = hits / counts
        ends = binom_conf_interval(hits, counts, interval="wilson")  # (2, bins)
        lowest = min(lowest, float(ends[0].min()))
        low_end, high_end = nominal - TOLERANCE, nominal + TOLERANCE
        axes.axhspan(low_end, high_end, color=COLOURS[colour], alpha=0.15, lw=0)
        axes.axhline(nominal, color=COLOURS[colour], lw=1, ls="--")
        axes.errorbar(
            middle + sign * shift,
            fraction,
            np.abs(ends - fraction),
            color=COLOURS[colour],
            ls="",
            marker=marker,
            ms=5,
            capsize=2,
            lw=1.2,
            label=f"interval of {100 * nominal:.0f} %",
        )
    crowded = np.diff(middle).min(initial=np.inf) < 0.09 * (high.max() - low.min())
    for place, one in zip(middle, some, strict=True):
        axes.text(
            place, 0.02, f"{one.count:,}", transform=axes.get_xaxis_transform(), ha="center",
            va="bottom", rotation=90 * crowded, fontsize=7, color="0.35",
        )  # fmt: skip
    margin = 0.02 * (high.max() - low.min())
    axes.set_xlim(low.min() - margin, high.max() + margin)
    return lowest
