"""Cuts on rows of DESI's redshift catalogue: in SQL for the service, and again here."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from astropy.table import Table

from astroclip_astro.errors import InputError
from astroclip_astro.fetch.desi_catalogue.rows import RowsInBoxes, RowsOfTargets

WORD = re.compile(r"[A-Za-z0-9_.:+-]{1,32}")
SLACK = 1e-6  # in redshift, where a service has fewer digits than it compares


@dataclass(frozen=True)
class Cuts:
    """Which rows are wanted; as text, in words.

    Parameters
    ----------
    survey, program, spectype : tuple of str
        Values that are wanted, ``("sv3",)`` for example; empty for any.
    z_min, z_max : float
        Limits of redshift, both included.
    good_redshift : bool
        Only where zwarn is 0.
    good_fibre : bool
        Only where coadd_fiberstatus is 0.

    Raises
    ------
    InputError
        For values that the catalogue cannot hold, and limits that are none.

    Examples
    --------
    >>> print(Cuts(program=("bright",), z_max=0.6))
    program bright, z <= 0.6
    >>> Cuts(program=("bright",), good_redshift=True).condition
    "program IN ('bright') AND zwarn = 0"
    """

    survey: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    spectype: tuple[str, ...] = ()
    z_min: float = -math.inf
    z_max: float = math.inf
    good_redshift: bool = False
    good_fibre: bool = False

    def __post_init__(self) -> None:
        for name, words in self._words():
            if strange := [word for word in words if not WORD.fullmatch(word)]:
                raise InputError(f"{name} {strange[0]!r}, expected a plain word such as 'main'.")
        if not self.z_min <= self.z_max:
            raise InputError(f"z from {self.z_min} to {self.z_max}, expected in order.")

    def __str__(self) -> str:
        parts = [f"{name} {' or '.join(words)}" for name, words in self._words()]
        parts += [f"z {sign} {limit:g}" for sign, limit in self._limits()]
        parts += [f"{name} = 0" for name in self._zeros()]
        return ", ".join(parts) or "no cuts"

    @property
    def condition(self) -> str:
        """The cuts in SQL, hardly too wide; empty where there are none."""
        parts = [f"{n} IN ({', '.join(map(repr, words))})" for n, words in self._words()]
        for sign, limit in self._limits():
            parts.append(f"z {sign} {limit + (SLACK if sign == '<=' else -SLACK):.9f}")
        parts += [f"{name} = 0" for name in self._zeros()]
        return " AND ".join(parts)

    def holds(self, table: Table, *, slack: float = 0.0) -> np.ndarray:
        """Say which rows of a table pass.

        Parameters
        ----------
        table : Table
            Of the catalogue.
        slack : float
            By how much a redshift may be beyond its limit.

        Returns
        -------
        ndarray
            bool (n,).
        """
        passing = np.ones(len(table), bool)
        for name, words in self._words():
            passing &= np.isin(table[name].data, words)
        if self._limits():
            z = table["z"].data
            passing &= (z >= self.z_min - slack) & (z <= self.z_max + slack)
        for name in self._zeros():
            passing &= table[name].data == 0
        return passing

    def _words(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return columns of words that are cut, and what is wanted there."""
        names = ("survey", "program", "spectype")
        return [(name, getattr(self, name)) for name in names if getattr(self, name)]

    def _limits(self) -> list[tuple[str, float]]:
        """Return the limits of redshift that are set."""
        limits = ((">=", self.z_min), ("<=", self.z_max))
        return [(sign, limit) for sign, limit in limits if math.isfinite(limit)]

    def _zeros(self) -> list[str]:
        """Return the columns that must be 0."""
        wanted = {"zwarn": self.good_redshift, "coadd_fiberstatus": self.good_fibre}
        return [name for name, cut in wanted.items() if cut]


@dataclass(frozen=True)
class RowsThatPass:
    """Rows of the catalogue that also pass cuts; as text, in SQL.

    Parameters
    ----------
    rows : RowsInBoxes or RowsOfTargets
        Where or which.
    cuts : Cuts
        What they must be.

    Examples
    --------
    >>> print(RowsThatPass(RowsOfTargets((5,)), Cuts(good_fibre=True)))
    (targetid IN (5)) AND coadd_fiberstatus = 0
    """

    rows: RowsInBoxes | RowsOfTargets
    cuts: Cuts

    def __str__(self) -> str:
        condition = self.cuts.condition
        return f"({self.rows}) AND {condition}" if condition else str(self.rows)

    def holds(self, table: Table) -> np.ndarray:
        """Say which rows of a table were asked for, bool (n,)."""
        return self.rows.holds(table) & self.cuts.holds(table, slack=2 * SLACK)

    def halves(self) -> tuple[RowsThatPass, RowsThatPass] | None:
        """Split what is asked for into two, None where it cannot be."""
        halves = self.rows.halves()
        if halves is None:
            return None
        first, second = halves
        return RowsThatPass(first, self.cuts), RowsThatPass(second, self.cuts)
