"""How good each way of telling a label is, measured on the reference's own galaxies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from astroclip_astro.zeroshot.conformal import Calibration
from astroclip_astro.zeroshot.knn import Estimates
from astroclip_astro.zeroshot.stacking import Answers, Weighing, combine

__all__ = ["BEST", "Judged", "Skill"]

BEST = "best"
LEAST = 17  # known galaxies that have both, for the best of both


@dataclass(frozen=True)
class Judged:
    """A label of n galaxies told in one way, with its error.

    Parameters
    ----------
    value, error, low, high : ndarray
        float64 (n,), value, half the width of the 68 % interval, and its ends; NaN where there is
        no answer.
    other : ndarray
        float64 (n,), the second peak, NaN where there is one peak.
    scatter : ndarray
        float64 (n,), what the error was made of.
    """

    value: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    other: np.ndarray
    scatter: np.ndarray

    def over(self, below: Judged) -> Judged:
        """Return these answers where there are any, and those of another way elsewhere."""
        own = np.isfinite(self.value)
        pairs = zip(self.__dict__.values(), below.__dict__.values(), strict=True)
        return Judged(*(np.where(own, mine, theirs) for mine, theirs in pairs))


class Skill:
    """Turns what neighbours say of a label into values with errors, and these into the best value.

    Parameters
    ----------
    known : mapping of str to Estimates
        For ``image``, ``spectrum`` or both: what the neighbours of the reference's galaxies say,
        themselves left out, (m,) each.
    true : ndarray
        float64 (m,), their labels; NaN where unknown.
    brightness : mapping of str to ndarray
        float64 (m,), of image and spectrum, as far as known.
    least : float
        Difference from which on two ways may give two answers, as `combine` has it.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> true = rng.normal(size=3000)
    >>> known = {
    ...     way: Estimates(true + size * rng.normal(size=3000), np.ones(3000), true * np.nan)
    ...     for way, size in (("image", 0.3), ("spectrum", 0.1))
    ... }
    >>> judged = Skill(known, true, {}).judge(known, {})
    >>> {way: float(np.median(one.error).round(2)) for way, one in judged.items()}
    {'image': 0.29, 'spectrum': 0.1, 'best': 0.09}
    """

    def __init__(
        self,
        known: Mapping[str, Estimates],
        true: np.ndarray,
        brightness: Mapping[str, np.ndarray],
        *,
        least: float = np.inf,
    ) -> None:
        self.least = least
        self.ways = {
            way: Calibration(one.value, one.scatter, true, ordered(way, brightness))
            for way, one in known.items()
        }
        whole = [np.isfinite(true), *(np.isfinite(one.value) for one in known.values())]
        if len(known) == 2 and np.logical_and.reduce(whole).sum() >= LEAST:
            judged = [self._judge(way, one, brightness) for way, one in known.items()]
            self.weighing = Weighing(*map(answers, judged), true)
            both = self._combined(judged)
            self.ways[BEST] = Calibration(both.value, both.scatter, true, ordered(BEST, brightness))

    def judge(
        self, found: Mapping[str, Estimates], brightness: Mapping[str, np.ndarray]
    ) -> dict[str, Judged]:
        """Return values with errors, told in each way and in the best.

        Parameters
        ----------
        found : mapping of str to Estimates
            Of n galaxies, NaN where one lacks image or spectrum.
        brightness : mapping of str to ndarray
            float64 (n,), as far as known.

        Returns
        -------
        dict of str to Judged
            For each way in ``found`` and for ``best``: both together where a galaxy has both,
            else the one it has. Of a reference in which hardly any galaxy has both, the spectrum's
            where there is one.
        """
        judged = {
            way: self._judge(way, found[way], brightness) for way in self.ways if way in found
        }
        first, *second = judged.values()
        if not second:
            return judged | {BEST: first}
        best = second[0].over(first)
        if BEST in self.ways:
            both = self._judge(BEST, self._combined([first, *second]), brightness)
            best = both.over(best)
        return judged | {BEST: best}

    def interval(
        self,
        way: str,
        judged: Mapping[str, Judged],
        brightness: Mapping[str, np.ndarray],
        level: float,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return intervals of another level than 0.68 for what `judge` gave.

        Parameters
        ----------
        way : str
            One that was judged.
        judged, brightness
            Of n galaxies.
        level : float
            The probability.

        Returns
        -------
        low, high : ndarray
            float64 (n,).
        """
        low, high = np.full((2, len(judged[way].value)), np.nan)
        for one, rows in self._shares(way, judged):
            part = judged[way]
            at = {kind: values[rows] for kind, values in brightness.items()}
            low[rows], high[rows] = self.ways[one].interval(
                part.value[rows], part.scatter[rows], at, level
            )
        return low, high

    def integral(
        self,
        way: str,
        judged: Mapping[str, Judged],
        true: np.ndarray,
        brightness: Mapping[str, np.ndarray],
    ) -> np.ndarray:
        """Return the probability integral transform of known labels, float64 (n,)."""
        result = np.full(len(true), np.nan)
        for one, rows in self._shares(way, judged):
            part = judged[way]
            at = {kind: values[rows] for kind, values in brightness.items()}
            result[rows] = self.ways[one].integral(
                part.value[rows], part.scatter[rows], true[rows], at
            )
        return result

    def _shares(self, way: str, judged: Mapping[str, Judged]):
        """Yield which calibration serves which rows: the best value is not always of both."""
        if way != BEST:
            yield way, np.arange(len(judged[way].value))
            return
        names = [name for name in judged if name != BEST]
        has = {name: np.isfinite(judged[name].value) for name in names}
        both = np.logical_and.reduce([*has.values()]) if BEST in self.ways else None
        if both is not None:
            yield BEST, np.flatnonzero(both)
        left = np.ones(len(judged[way].value), bool) if both is None else ~both
        for name in reversed(names):  # the spectrum's before the image's, as in `judge`
            yield name, np.flatnonzero(has[name] & left)
            left &= ~has[name]

    def _judge(self, way: str, found: Estimates, brightness: Mapping[str, np.ndarray]) -> Judged:
        """Return values told in one way with their errors."""
        low, high = self.ways[way].interval(found.value, found.scatter, brightness, 0.68)
        return Judged(found.value, (high - low) / 2, low, high, found.other, found.scatter)

    def _combined(self, judged: list[Judged]) -> Estimates:
        """Return both answers about each galaxy as one."""
        first, second = map(answers, judged)
        return combine(first, second, self.weighing.of(first, second), least=self.least)


def ordered(way: str, brightness: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return brightness by what decides first: a way's own kind; the image's for the best."""
    first = "image" if way == BEST else way
    return dict(sorted(brightness.items(), key=lambda pair: pair[0] != first))


def answers(judged: Judged) -> Answers:
    """Return what is combined."""
    return Answers(judged.value, judged.error, judged.other)
