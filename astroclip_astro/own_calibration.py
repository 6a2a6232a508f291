"""Errors calibrated on the user's own rows whose redshift or mass is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from astropy.table import MaskedColumn, Table

from .columns import MODALITIES, PREFIX
from .errors import CatalogueError, InputError
from .search.calibration import Calibration

__all__ = ["LEAST", "calibrate", "check_known", "parse_known"]

LEAST = 30  # rows whose label is known
STEMS = {"redshift": "z", "log_stellar_mass": "logmstar"}  # others go by their own names
KEYWORD = "ACCAL"  # of the header, with a number behind


def parse_known(given: str) -> dict[str, str]:
    """Turn ``redshift=Z_SPEC,log_stellar_mass=LOGM`` into a mapping of labels to columns.

    Parameters
    ----------
    given : str
        Pairs of label and column, with commas between.

    Returns
    -------
    dict of str to str

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> parse_known("redshift=Z_SPEC")
    {'redshift': 'Z_SPEC'}
    """
    pairs = [part.partition("=") for part in given.split(",") if part.strip()]
    known = {label.strip(): column.strip() for label, _, column in pairs}
    if len(known) < len(pairs) or not all(known) or not all(known.values()):
        raise InputError(
            f"Calibration on {given!r}, expected LABEL=COLUMN with commas between, "
            "redshift=Z_SPEC,log_stellar_mass=LOGM say."
        )
    return known


def check_known(table: Table, known: Mapping[str, str]) -> None:
    """Make sure that the columns to calibrate on hold numbers, before anything is computed.

    Parameters
    ----------
    table : Table
        The user's.
    known : mapping of str to str
        For each label, ``redshift`` say, the user's column of true values.

    Raises
    ------
    CatalogueError
        For a column that is absent, or holds something else than one number a row.
    InputError
        For a column with too few numbers.
    """
    for label, name in known.items():
        values = numbers(table, name)
        count = int(np.isfinite(values).sum())
        if count < LEAST:
            raise InputError(
                f"Column {name} has {count} numbers to calibrate {label} on, expected at least "
                f"{LEAST}; leave the calibration as the reference has it."
            )


def calibrate(table: Table, known: Mapping[str, str]) -> Table:
    """Make errors and intervals right for the user's own galaxies.

    Rows whose label is known say how wrong our values are; ``_err``, ``_lo`` and ``_hi`` of all
    rows are replaced by what covers 68 % of such rows. Values stay. That is worth what the known
    rows are worth: if they are the bright ones, so are the errors.

    Parameters
    ----------
    table : Table
        With our columns; changed in place.
    known : mapping of str to str
        For each label, ``redshift`` say, the user's column of true values; rows without a number
        there are not known.

    Returns
    -------
    Table
        The same table. It is unchanged where an exception is raised.

    Raises
    ------
    CatalogueError
        Where a column is absent, or holds something else than numbers.
    InputError
        Where fewer than `LEAST` rows have both our value and a true one.

    Notes
    -----
    Split conformal prediction with our errors as the scale (Lei et al. 2018, JASA 113, 1094,
    section 5.2); from 1,000 known rows on, in groups of like values.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> true = rng.uniform(0.1, 0.5, 200)
    >>> ours = true + 0.05 * rng.normal(size=200)
    >>> table = Table({"Z_SPEC": true, "astroclip_z": ours})
    >>> for name, off in (("err", 0.01), ("lo", ours - 0.01), ("hi", ours + 0.01)):
    ...     table[f"astroclip_z_{name}"] = off
    >>> float(calibrate(table, {"redshift": "Z_SPEC"})["astroclip_z_err"].mean().round(2))
    0.05
    """
    columns, facts = [], {}
    for number, (label, name) in enumerate(known.items(), start=1):
        true = numbers(table, name)
        stem = f"{PREFIX}{STEMS.get(label, label)}"
        ways = [way for way in ("", *(f"_{m}" for m in MODALITIES)) if stem + way in table.colnames]
        if not ways:
            raise CatalogueError(
                f"No column {stem} yet to calibrate {label} of; call .astroclip.annotate() first."
            )
        for way in ways:
            made = calibrated(table, stem + way, true, name)
            if made is None and not way:
                count = int(np.isfinite(true).sum())
                raise InputError(
                    f"Too few of the {count} rows with a number in {name} have a value in {stem}, "
                    f"expected at least {LEAST} with both."
                )
            columns += made or []
        facts[f"{KEYWORD}{number}"] = f"{label}: {name}, {int(np.isfinite(true).sum())} rows"
    for column in columns:
        table.replace_column(column.name, column)
    table.meta.update(facts)
    return table


def calibrated(table: Table, name: str, true: np.ndarray, theirs: str) -> list[MaskedColumn] | None:
    """Return new columns of the errors of one value, None where too few rows are known."""
    ends = [f"{name}_{kind}" for kind in ("err", "lo", "hi")]
    missing = [one for one in ends if one not in table.colnames]
    if missing:
        raise CatalogueError(f"No columns {', '.join(missing)}; call .astroclip.annotate() first.")
    value, error, *_ = (numbers(table, one) for one in (name, *ends))
    count = int((np.isfinite(value) & np.isfinite(error) & np.isfinite(true)).sum())
    if count < LEAST:
        return None
    low, high = Calibration(value, error, true, {}).interval(value, error, {}, 0.68)
    columns = []
    for one, values in zip(ends, ((high - low) / 2, low, high), strict=True):
        old = table[one]
        description = (old.info.description or one).partition(" (")[0]
        columns.append(
            MaskedColumn(
                values.astype(old.dtype),
                name=one,
                mask=~np.isfinite(values),
                unit=old.unit,
                description=f"{description} (calibrated on {count} rows of {theirs})",
                meta=dict(old.info.meta or {}),
            )
        )
    return columns


def numbers(table: Table, name: str) -> np.ndarray:
    """Return a column as float64 (n,), NaN where it is masked."""
    if name not in table.colnames:
        raise CatalogueError(f"No column {name} in {table.colnames[:20]}; name one of them.")
    column = table[name]
    plain = np.ma.asarray(getattr(column, "value", column))
    if plain.dtype.kind not in "fiu" or plain.shape != (len(table),):
        raise CatalogueError(
            f"Column {name} is {plain.dtype} {plain.shape}, expected one number a row."
        )
    return np.ma.filled(plain.astype(float), np.nan)
