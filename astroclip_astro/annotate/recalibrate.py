"""Errors calibrated on the user's own rows whose redshift or mass is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from warnings import warn

import numpy as np
from astropy.table import MaskedColumn, Table

from astroclip_astro.annotate.true_values import TrueValues, check_limits, read_true_values
from astroclip_astro.catalogue.provenance import check_same_origin, column_group
from astroclip_astro.columns import COLUMN_ROOTS, COLUMNS, MODALITIES, PREFIX
from astroclip_astro.errors import AstroclipWarning, CatalogueError, InputError, described
from astroclip_astro.sky.arguments import check_table
from astroclip_astro.sky.cell_values import read_floats
from astroclip_astro.zeroshot.conformal import Calibration

MIN_CALIBRATION_ROWS = 30  # rows whose label is known
KEYWORD = "ACCAL"  # of the header, with a number behind


def parse_label_columns(given: str) -> dict[str, str]:
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
    >>> parse_label_columns("redshift=Z_SPEC")
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


def label_columns_of(
    labels: Mapping[str, str] | None = None, **named: str | None
) -> dict[str, str]:
    """Return the columns to calibrate on, of all labels.

    Parameters
    ----------
    labels : mapping of str to str, optional
        For each label its column.
    **named
        Further labels and their columns; None for those that are not to be calibrated.

    Returns
    -------
    dict of str to str

    Raises
    ------
    InputError
        For no label at all, one that is there twice, or anything but a mapping.

    Examples
    --------
    >>> label_columns_of({"age": "AGE"}, redshift="Z_SPEC", log_stellar_mass=None)
    {'redshift': 'Z_SPEC', 'age': 'AGE'}
    """
    known = {label: column for label, column in named.items() if column is not None}
    if not isinstance(labels or {}, Mapping):
        raise InputError(
            f"labels is {described(labels)}, expected a mapping of labels to columns, such as "
            'labels={"age": "AGE"}.'
        )
    twice = sorted(known.keys() & (labels or {}).keys())
    if twice:
        raise InputError(f"{', '.join(twice)} is passed by name and in labels; leave one out.")
    known |= labels or {}
    if not known:
        raise InputError(
            "Found no label to calibrate, expected at least one with its column of true values, "
            'redshift="Z_SPEC" for example.'
        )
    return known


def check_label_columns(
    table: Table,
    label_columns: Mapping[str, str],
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Make sure that the columns to calibrate on hold numbers, before anything is computed.

    Parameters
    ----------
    table : Table
        The user's.
    label_columns : mapping of str to str
        For each label, ``redshift`` say, the user's column of true values.
    limits : mapping of str to (float, float), optional
        As for `calibrate`.

    Raises
    ------
    CatalogueError
        For a column that is absent, or holds something else than one number a row.
    InputError
        For a column with too few numbers.
    """
    checked = check_limits(limits, label_columns)
    for label, name in label_columns.items():
        true = read_true_values(table, label, name, checked.get(label))
        if true.count < MIN_CALIBRATION_ROWS:
            without = f" ({true.words})" if true.words else ""
            raise InputError(
                f"Column {name} has {true.count} numbers to calibrate {label} on{without}, "
                f"expected at least {MIN_CALIBRATION_ROWS}; leave the calibration as the reference "
                f"has it, or say which values are true: --calibrate-limits {label}=LOW:HIGH "
                f"(limits={{{label!r}: (LOW, HIGH)}})."
            )


def calibrate(
    table: Table,
    known: Mapping[str, str],
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> Table:
    """Make errors and intervals right for the user's own galaxies.

    Rows whose label is known say how wrong our values are; ``_err``, ``_lo`` and ``_hi`` of all
    rows are replaced by what covers 68 % of such rows. That is worth what these rows are worth.

    Parameters
    ----------
    table : Table
        With our columns; changed in place.
    known : mapping of str to str
        For each label, ``redshift`` say, the user's column of true values, which
        `astroclip_astro.annotate.true_values.read_true_values` reads. Values of which fewer than
        `MIN_CALIBRATION_ROWS` are known, of the image alone say, keep their errors.
    limits : mapping of str to (float, float), optional
        For labels of ``known`` the limits of true values, in place of these rules.

    Returns
    -------
    Table
        The same table. It is unchanged where an exception is raised.

    Raises
    ------
    CatalogueError, InputError
        Where a column is absent or holds no numbers, or too few rows have both values.

    Warns
    -----
    AstroclipWarning
        Of numbers that were left out.

    Notes
    -----
    Split conformal prediction scaled by our errors (Lei et al. 2018, JASA 113, 1094, section 5.2).

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
    checked = check_limits(limits, known)
    check_table(table)
    check_same_origin(table, value_groups(known), "calibrated")
    trues = {one: read_true_values(table, one, known[one], checked.get(one)) for one in known}
    replace_errors(table, known, trues)
    if suspect := [label for label, true in trues.items() if true.suspect or true.kept]:
        words = " ".join(f"{label} on {known[label]}: {trues[label].words}." for label in suspect)
        warn(f"Calibrated {words}", AstroclipWarning, stacklevel=2)
    return table


def replace_errors(table: Table, known: Mapping[str, str], trues: dict[str, TrueValues]) -> None:
    """Replace the columns of errors, all together, and say in the header what they rest on."""
    columns: list[MaskedColumn] = []
    notes = [words for words in calibrations(table) if words.partition(":")[0] not in known]
    for label, name in known.items():
        made, words = calibrated_label(table, label, name, trues[label])
        columns += made
        notes.append(words)
    for column in columns:
        table.replace_column(column.name, column)
    note(table, notes)


def value_groups(labels: Iterable[str]) -> list[str]:
    """Return the groups of columns that hold values of labels, by which their origin is known."""
    return list(
        dict.fromkeys(
            group
            for column in COLUMNS
            if (group := column_group(column)) is not None
            and any(
                column.name.startswith(PREFIX + COLUMN_ROOTS.get(label, label)) for label in labels
            )
        )
    )


def calibrations(table: Table) -> list[str]:
    """Return what the header says of calibrations on own rows, such as ``redshift: Z, 80 rows``."""
    keys = [key for key in table.meta if re.fullmatch(KEYWORD + "[0-9]+", str(key))]
    return [str(table.meta[key]) for key in sorted(keys, key=lambda key: int(key[len(KEYWORD) :]))]


def note(table: Table, notes: list[str]) -> None:
    """Let the header say of which calibrations the errors are, and of no others."""
    for key in [key for key in table.meta if re.fullmatch(KEYWORD + "[0-9]+", str(key))]:
        del table.meta[key]
    table.meta.update({f"{KEYWORD}{number}": words for number, words in enumerate(notes, start=1)})


def forget(table: Table, names: Iterable[str]) -> None:
    """Take calibrations out of the header whose columns have just been written anew.

    Parameters
    ----------
    table : Table
        With our columns; its header is changed in place.
    names : iterable of str
        Columns that were written.
    """
    written = set(names)
    kept = [
        words
        for words in calibrations(table)
        if f"{PREFIX}{COLUMN_ROOTS.get(label := words.partition(':')[0], label)}" not in written
    ]
    note(table, kept)


def calibrated_label(
    table: Table, label: str, name: str, true: TrueValues
) -> tuple[list[MaskedColumn], str]:
    """Return new columns of the errors of a label, and what the header says of its calibration."""
    stem = f"{PREFIX}{COLUMN_ROOTS.get(label, label)}"
    every = ("", *(f"_{modality}" for modality in MODALITIES if label in COLUMN_ROOTS))
    methods = [method for method in every if stem + method in table.colnames]
    if not methods:
        raise CatalogueError(
            f"No column {stem} yet to calibrate {label} of; call .astroclip.annotate() first."
        )
    columns = []
    for method in methods:
        made = calibrated(table, stem + method, true.values, name)
        if made is None and not method:
            raise InputError(
                f"Too few of the {true.count} rows with a number in {name} have a value in {stem}, "
                f"expected at least {MIN_CALIBRATION_ROWS} with both"
                f"{f' ({true.words})' if true.words else ''}."
            )
        columns += made or []
    predicted = read_floats(table, stem + methods[0])
    count = int((np.isfinite(true.values) & np.isfinite(predicted)).sum())
    return columns, f"{label}: {name}, {count} rows"


def calibrated(table: Table, name: str, true: np.ndarray, theirs: str) -> list[MaskedColumn] | None:
    """Return new columns of the errors of one value, None where too few rows are known."""
    ends = [f"{name}_{kind}" for kind in ("err", "lo", "hi")]
    missing = [one for one in ends if one not in table.colnames]
    if missing:
        raise CatalogueError(f"No columns {', '.join(missing)}; call .astroclip.annotate() first.")
    value, error, *_ = (read_floats(table, one) for one in (name, *ends))
    count = int((np.isfinite(value) & np.isfinite(error) & np.isfinite(true)).sum())
    if count < MIN_CALIBRATION_ROWS:
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
