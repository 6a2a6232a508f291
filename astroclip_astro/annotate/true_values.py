"""The user's true values of a label, without numbers that stand for none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import Table

from astroclip_astro.columns import COLUMN_ROOTS, PREFIX
from astroclip_astro.errors import CatalogueError, InputError, described
from astroclip_astro.sky.arguments import check_column_name
from astroclip_astro.sky.cell_values import read_floats

USABLE = {"redshift": (-0.01, 7.0), "log_stellar_mass": (4.0, 13.5)}  # of values that can be true
_REPEATED = 0.05  # part of the rows beyond which one value is suspect
_FEWEST = 5  # rows with one value: fewer happen by chance in small tables
_EXCESS = 5  # times the rows of the values beside it
_COARSE = 20  # values: fewer, each in many rows, are rounded, and then counts say nothing
_NEIGHBOURS = 2  # on either side


@dataclass(frozen=True)
class TrueValues:
    """True values of a label, and what of the column was left out.

    Parameters
    ----------
    values : ndarray
        float64 (n,), in our unit; NaN where not known or left out.
    left_out : str
        What was left out and why, with counts; empty for nothing.
    suspect : bool
        Whether some of it may surprise: values that are too large, or repeated.
    kept : str
        What was repeated and yet kept, because the user gave limits; empty for nothing.
    """

    values: np.ndarray
    left_out: str = ""
    suspect: bool = False
    kept: str = ""

    @property
    def count(self) -> int:
        """How many are known."""
        return int(np.isfinite(self.values).sum())

    @property
    def words(self) -> str:
        """What was left out or kept, as the end of a sentence; empty for nothing."""
        return "; ".join(filter(None, [self.left_out and f"left out {self.left_out}", self.kept]))


def parse_limits(given: str) -> dict[str, tuple[float, float]]:
    """Turn ``redshift=0:9,log_stellar_mass=5:14`` into a mapping of labels to limits.

    Parameters
    ----------
    given : str
        Label, lowest and highest value, with commas between.

    Returns
    -------
    dict of str to (float, float)

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> parse_limits("redshift=0:9")
    {'redshift': (0.0, 9.0)}
    """
    limits = {}
    for part in filter(str.strip, given.split(",")):
        label, _, pair = part.partition("=")
        low, _, high = pair.partition(":")
        try:
            limits[label.strip()] = (float(low), float(high))
        except ValueError:
            raise InputError(
                f"Limits {part.strip()!r}, expected LABEL=LOW:HIGH with commas between, such as "
                "redshift=0:9."
            ) from None
    return limits


def check_limits(limits: object, labels: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Return limits of labels, sure that each is one of a label that is calibrated.

    Raises
    ------
    InputError
        For anything but a mapping of labels to pairs of numbers, the lower one first.

    Examples
    --------
    >>> check_limits({"redshift": (0, 9)}, {"redshift": "Z_SPEC"})
    {'redshift': (0.0, 9.0)}
    """
    if not isinstance(limits or {}, Mapping):
        raise InputError(
            f"limits is {described(limits)}, expected a mapping of labels to pairs of numbers, "
            'such as limits={"redshift": (0, 9)}.'
        )
    checked = {}
    for label, pair in dict(limits or {}).items():  # type: ignore[call-overload]
        if label not in labels:
            raise InputError(
                f"Limits of label {label!r}, which is not calibrated, expected one of "
                f"{', '.join(labels) or 'none'}."
            )
        try:
            low, high = (float(limit) for limit in pair)
        except (TypeError, ValueError):
            low = high = np.nan
        if not low < high:
            raise InputError(
                f"Limits of {label} are {pair!r}, expected two numbers, the lower one first."
            )
        checked[label] = (low, high)
    return checked


def read_true_values(
    table: Table, label: str, name: str, interval: tuple[float, float] | None = None
) -> TrueValues:
    """Return the user's values of a label without those that stand for none.

    Parameters
    ----------
    table : Table
        The user's, n rows.
    label : str
        Such as ``redshift``.
    name : str
        The column.
    interval : (float, float), optional
        What lies between is used; by default `USABLE`, and then without values that are repeated
        as no measurement is.

    Returns
    -------
    TrueValues

    Raises
    ------
    CatalogueError
        For a column that is absent, holds anything but numbers, or has a unit that cannot be
        converted to ours.

    Examples
    --------
    >>> table = Table({"Z": [0.1, 0.2, 99.0, 99.0, -1.0]})
    >>> read_true_values(table, "redshift", "Z").left_out
    '3 values not between -0.01 and 7 (99 in 2 rows, -1 in 1 row)'
    """
    values = _in_our_unit(table, label, name)
    low, high = interval or USABLE.get(label, (-np.inf, np.inf))
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        outside = known & ~((values > low) & (values < high))
        suspect = bool((outside & (values >= high)).any())
    inside = np.where(outside, np.nan, values)
    left_out, kept, count = [], "", int(outside.sum())
    if count:
        left_out.append(
            f"{count} value{'s' * (count > 1)} not between {low:g} and {high:g} "
            f"({_listed(values[outside])})"
        )
    repeated = likely_sentinels(inside, label)
    if repeated and interval is None:
        left_out += [
            f"{(inside == value).sum()} rows with {value:g}, which is repeated as no measurement "
            "is and likely stands for no value"
            for value in repeated
        ]
        inside = np.where(np.isin(inside, repeated), np.nan, inside)
        suspect = True
    elif repeated:
        kept = (
            f"{', '.join(f'{value:g}' for value in repeated)} is repeated as no measurement is, "
            "and was kept because limits are given"
        )
    return TrueValues(inside, ", and ".join(left_out), suspect, kept)


def likely_sentinels(values: np.ndarray, label: str = "") -> list[float]:
    """Return values that are repeated so often that they likely stand for no value.

    Parameters
    ----------
    values : ndarray
        float64 (n,), NaN where not known.
    label : str
        Of them: a redshift of exactly 0 is no galaxy's.

    Returns
    -------
    list of float
        Each in more than 5 % of the known rows and in 5 at least, and either in more than 5 times
        the rows of the values next to it, or farther from all others than these are from each
        other. Rounded values are repeated as often as their neighbours and stay; so does the
        only value of a column, such as the redshift of a cluster.

    Examples
    --------
    >>> likely_sentinels(np.append(np.linspace(0.1, 0.5, 90), np.full(10, 5.0)))
    [5.0]
    >>> likely_sentinels(np.linspace(0.1, 0.5, 900).round(1))
    []
    """
    distinct, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    often = counts >= max(_FEWEST, np.floor(_REPEATED * counts.sum()) + 1)
    found = []
    for index in np.flatnonzero(often).tolist():
        value, count = distinct[index], counts[index]
        rest, others = np.delete(distinct, index), np.delete(counts, index)
        before = np.flatnonzero(~often[:index])[-_NEIGHBOURS:]
        behind = index + 1 + np.flatnonzero(~often[index + 1 :])[:_NEIGHBOURS]
        beside = counts[np.concatenate([before, behind])]
        rounded = len(rest) < _COARSE and others.sum() >= _FEWEST * len(rest)
        apart = len(rest) >= _FEWEST and np.abs(rest - value).min() > np.ptp(rest)
        excess = len(beside) > 0 and count > _EXCESS * beside.max() and not rounded
        if apart or excess or (label == "redshift" and value == 0):
            found.append(float(value))
    return found


def _in_our_unit(table: Table, label: str, name: str) -> np.ndarray:
    """Return a column as float64 (n,), in the unit of our column of the label."""
    check_column_name(name, label)
    values = read_floats(table, name)
    ours = f"{PREFIX}{COLUMN_ROOTS.get(label, label)}"
    units = [table[one].unit if one in table.colnames else None for one in (name, ours)]
    if None not in units:
        try:
            values = u.Quantity(values, units[0]).to_value(units[1])
        except (u.UnitConversionError, TypeError) as error:
            raise CatalogueError(
                f"Column {name} is in {units[0]}, which cannot be converted to {units[1]}, the "
                f"unit of {ours}: {error}."
            ) from None
    return values


def _listed(values: np.ndarray) -> str:
    """Return the commonest values with their numbers of rows, in words."""
    distinct, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:3]
    shown = [f"{distinct[i]:g} in {counts[i]} row{'' if counts[i] == 1 else 's'}" for i in order]
    return ", ".join([*shown, *["..."] * (len(distinct) > len(order))])
