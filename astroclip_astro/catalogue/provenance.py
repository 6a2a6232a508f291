"""Which weights, reference and source made each group of a table's columns: its header says it.

Columns are made together by one call of ``table.astroclip``, but a table can go through several,
with other weights each time. So the header has keywords for each group of columns that can be made
on its own (`astroclip_astro.columns.COLUMN_GROUP_WORDS`), besides those of the whole table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from astropy.table import Table

from astroclip_astro.columns import COLUMNS, OutputColumn, header_keywords
from astroclip_astro.errors import WeightsError

SEVERAL = "several"  # of a keyword of the whole table whose groups differ
ROOTS = {"redshift": "Z", "mass": "M", "novelty": "N", "labels": "LAB", "embedding": ""}
MODALITY_WORDS = {"image": "IMG", "spectrum": "SPC", None: ""}
WEIGHTS, REFERENCE, SOURCE = "ACW_", "ACR_", "ACS_"


def column_group(column: OutputColumn) -> str | None:
    """Return the word of the group of columns that one belongs to, None for flags and matches.

    Parameters
    ----------
    column : OutputColumn
        One that this package adds.

    Returns
    -------
    str or None
        The end of its keywords: ``IMG`` for the embedding of the image, ``Z`` for the redshift of
        both modalities, ``ZSPC`` for that of the spectrum, and so on.

    Examples
    --------
    >>> [column_group(column) for column in COLUMNS if column.name.endswith("logmstar_image")]
    ['MIMG']
    """
    if column.group not in ROOTS:
        return None
    return ROOTS[column.group] + MODALITY_WORDS[column.modality]


def group_columns(table: Table, columns: Iterable[OutputColumn] = COLUMNS) -> dict[str, list[str]]:
    """Return the columns of this package that a table has, by group.

    Parameters
    ----------
    table : Table
        Annotated or not.
    columns : iterable of OutputColumn
        Those that may be there; by default all but labels of a user's own reference.

    Examples
    --------
    >>> group_columns(Table({"astroclip_image": [[0.6, 0.8]], "ra": [1.0]}))
    {'IMG': ['astroclip_image']}
    """
    groups: dict[str, list[str]] = {}
    for column in columns:
        group = column_group(column)
        if group is not None and column.name in table.colnames:
            groups.setdefault(group, []).append(column.name)
    return groups


def record_provenance(
    table: Table, columns: Iterable[OutputColumn], call: Mapping[str, object]
) -> None:
    """Write into the header what made the columns that were just added.

    Parameters
    ----------
    table : Table
        With the new columns; its header is changed in place.
    columns : iterable of OutputColumn
        Those that were added.
    call : mapping
        Keywords of the call: ``ACWEIGHT``, ``ACWSHA``, ``ACREF``, ``ACREFSHA``, ``ACSOURCE`` and
        others. Where groups of columns that stay were made with others, such a keyword reads
        ``several``.
    """
    columns = tuple(columns)
    _separate_groups(table)
    made = {
        WEIGHTS: f"{call['ACWEIGHT']} {call['ACWSHA']}",
        REFERENCE: f"{call['ACREF']} {call['ACREFSHA']}",
        SOURCE: str(call["ACSOURCE"]),
    }
    for column in columns:
        group = column_group(column)
        if group is None:
            continue
        for prefix, value in made.items():
            if prefix != REFERENCE or column.from_reference:
                table.meta.update(header_keywords(**{prefix + group: value}))
    table.meta.update(call)
    _drop_absent(table, columns)
    for prefix, keys in (
        (WEIGHTS, ("ACWEIGHT", "ACWSHA")),
        (REFERENCE, ("ACREF", "ACREFSHA", "ACREFSIM")),
        (SOURCE, ("ACSOURCE",)),
    ):
        if len({value for key, value in _recorded(table, prefix)}) > 1:
            table.meta.update(dict.fromkeys(keys, SEVERAL))


def weights_of(table: Table, group: str) -> tuple[str, str]:
    """Return name and SHA-256 of the weights that made a group of columns, empty where not known.

    Parameters
    ----------
    table : Table
        Annotated, by this version or one that knew one set of weights only.
    group : str
        As `column_group` has it.

    Examples
    --------
    >>> table = Table({"astroclip_image": [[0.6, 0.8]]})
    >>> table.meta.update(ACWEIGHT="compact", ACWSHA="0" * 64)
    >>> weights_of(table, "IMG")[0]
    'compact'
    """
    words = str(table.meta.get(WEIGHTS + group) or "")
    if not words:
        words = f"{table.meta.get('ACWEIGHT') or ''} {table.meta.get('ACWSHA') or ''}"
    name, _, sha256 = words.rpartition(" ")
    return ("", "") if SEVERAL in (name, sha256) else (name.strip(), sha256)


def check_same_origin(table: Table, groups: Iterable[str], purpose: str) -> None:
    """Refuse groups of columns that were not made with the same weights and reference.

    Parameters
    ----------
    table : Table
        Annotated.
    groups : iterable of str
        Groups, as `column_group` has them, that are to be used together.
    purpose : str
        What for, such as ``"compared"``.

    Raises
    ------
    WeightsError
        Naming two groups that differ, and what made each.
    """
    names = group_columns(table)
    for prefix, what in ((WEIGHTS, "weights"), (REFERENCE, "reference")):
        known = [
            (group, str(value))
            for group in groups
            if (value := table.meta.get(prefix + group)) is not None
        ]
        for group, value in known[1:]:
            if value != known[0][1]:
                first, second = (names.get(one, [one])[0] for one in (known[0][0], group))
                raise WeightsError(
                    f"Columns {first} and {second} cannot be {purpose} together: {first} was made "
                    f"with {what} {_short(known[0][1])}, {second} with {what} {_short(value)}; "
                    "annotate the table again with one of them."
                )


def _separate_groups(table: Table) -> None:
    """Give each group of an older table, whose header has one set of keywords, its own."""
    if any(str(key).startswith(WEIGHTS) for key in table.meta) or "ACWSHA" not in table.meta:
        return
    older = {
        WEIGHTS: f"{table.meta.get('ACWEIGHT', '')} {table.meta['ACWSHA']}",
        REFERENCE: f"{table.meta.get('ACREF', '')} {table.meta.get('ACREFSHA', '')}",
        SOURCE: str(table.meta.get("ACSOURCE", "")),
    }
    by_reference = {column_group(column) for column in COLUMNS if column.from_reference}
    for group in group_columns(table):
        for prefix, value in older.items():
            if prefix != REFERENCE or group in by_reference:
                table.meta.update(header_keywords(**{prefix + group: value}))


def _drop_absent(table: Table, columns: tuple[OutputColumn, ...]) -> None:
    """Take keywords of groups out of the header that the table has no column of."""
    there = group_columns(table, (*COLUMNS, *columns))
    for prefix in (WEIGHTS, REFERENCE, SOURCE):
        for key, _ in _recorded(table, prefix):
            group = key.removeprefix(prefix)
            if group not in there and group != ROOTS["labels"]:
                del table.meta[key]


def _recorded(table: Table, prefix: str) -> list[tuple[str, str]]:
    """Return keywords of groups with their values."""
    return [
        (key, str(value))
        for key, value in table.meta.items()
        if isinstance(key, str) and key.startswith(prefix)
    ]


def _short(words: str) -> str:
    """Return name and the first digits of a checksum."""
    name, _, sha256 = words.rpartition(" ")
    return f"{name} ({sha256[:12]}...)"
