"""Which row of a table has a name or number: the look-up behind ``--id``."""

from __future__ import annotations

import numbers
from difflib import get_close_matches

import numpy as np
from astropy.table import Table

from astroclip_astro.columns import PREFIX
from astroclip_astro.errors import InputError, did_you_mean
from astroclip_astro.sky.arguments import check_column_name
from astroclip_astro.sky.cell_values import read_text, read_values
from astroclip_astro.sky.pairs import listing

_NAMES = (
    "name id objname objectname object objid objectid objno sourceid sourcename mainid "
    "targetid desitargetid targetname lsid gaiaid specobjid sdssid designation identifier "
    "catalogid catid galaxy galaxyid galaxyname galid"
).split()
_PASS = "pass --id-column NAME (id_column='NAME')"
_SUGGESTED_FROM = 20_000  # identifiers among which a similar one is looked for
_LISTED_ROWS = 10  # numbers in a message


def find_row(table: Table, identifier: str | int, *, column: str | None = None) -> tuple[int, str]:
    """Return the row that an identifier names, and the column that holds it.

    Parameters
    ----------
    table : Table
        Table or QTable. Never changed.
    identifier : str or int
        A name, or a number such as a TARGETID (digits in a string are the same). Blanks around it
        do not count; upper and lower case do.
    column : str, optional
        The column of identifiers: strings or integers. Found when not given, where exactly one
        column has a usual name in any case and with any separators: ``name``, ``id``,
        ``object_name``, ``TARGETID``, ``source_id``, ...

    Returns
    -------
    row : int
        Counted from 0.
    column : str
        The column's name.

    Raises
    ------
    InputError
        Where the column does not exist, is none of strings or integers, or cannot be recognised;
        where no row, or more than one, has the identifier.

    Examples
    --------
    >>> table = Table({"name": ["M31", "M51"], "TARGETID": [39627000000000001, 39627000000000002]})
    >>> find_row(table, "M51", column="name")
    (1, 'name')
    >>> find_row(table, 39627000000000001, column="TARGETID")
    (0, 'TARGETID')
    """
    known = isinstance(identifier, str | numbers.Integral) and not isinstance(identifier, bool)
    wanted = str(identifier).strip()
    if not known or not wanted:
        raise InputError(f"id is {identifier!r}, expected a name or a whole number.")
    name = check_column_name(column, "id_column") or _column(table)
    if name not in table.colnames:
        near = did_you_mean(name, table.colnames) or f"; {_PASS} with an existing one."
        raise InputError(f"No column {name!r} in {listing(table.colnames)}{near}")
    texts = _texts(table, name)
    rows = np.flatnonzero(texts == wanted)
    if not len(rows):
        raise InputError(f"No row has {wanted!r} in column {name!r}{_suggestion(wanted, texts)}.")
    if len(rows) > 1:
        shown = ", ".join(map(str, rows[:_LISTED_ROWS].tolist()))
        more = ", ..." if len(rows) > _LISTED_ROWS else ""
        raise InputError(
            f"{len(rows)} rows have {wanted!r} in column {name!r}: rows {shown}{more}, counted "
            "from 0; ask by one of them with --row (row=... in Python)."
        )
    return int(rows[0]), name


def _column(table: Table) -> str:
    """Return the only column with a usual name for identifiers."""
    users = [name for name in table.colnames if not name.startswith(PREFIX)]
    found = [name for name in users if "".join(filter(str.isalnum, name)).lower() in _NAMES]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"Several columns may hold identifiers: {listing(found)}, expected one; {_PASS}."
        )
    raise InputError(
        f"No column of identifiers, such as name, id or TARGETID, in {listing(users)}; {_PASS}."
    )


def _texts(table: Table, name: str) -> np.ndarray:
    """Return identifiers as text, (n,); empty where a row has none."""
    values, mask = read_values(table[name], name, "names or whole numbers")
    if values.dtype.kind in "iu":
        texts = values.astype(str)
    elif values.dtype.kind in "OSTU":
        texts = np.array([read_text(value) for value in values.tolist()], str)
    else:
        raise InputError(
            f"Column {name!r} holds {values.dtype}, which is no identifier, expected strings or "
            f"integers; {_PASS} of another column."
        )
    return np.where(mask, "", texts)


def _suggestion(wanted: str, texts: np.ndarray) -> str:
    """Return the identifier that is most similar to the one that is not there, in words."""
    plain = {_plain(text): text for text in texts.tolist() if text}
    same = plain.get(_plain(wanted))
    near = [same] if same else get_close_matches(wanted, texts[texts != ""][:_SUGGESTED_FROM], 1)
    return f"; did you mean {str(near[0])!r}?" if near else ""


def _plain(text: str) -> str:
    """Return a text without blanks and separators, in lower case."""
    return "".join(filter(str.isalnum, text)).lower()
