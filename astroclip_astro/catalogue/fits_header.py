"""What a FITS header says about a table and its columns, by number and by name.

FITS numbers a table's columns, and its header describes them by number: ``TUCD3`` belongs to
column 3. astropy carries such cards along under their old numbers when columns come and go, so
each is signed here: ``ACNAM3`` names the column that the cards numbered 3 were written for, and
the reader trusts names. What no card can hold (SkyCoord and Time columns, other metadata of
columns, keywords that are not FITS keywords) goes into the block of COMMENT cards that astropy
itself writes and reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml
from astropy.io import fits
from astropy.table import Column, Table
from astropy.table.meta import get_header_from_yaml, get_yaml_from_table

from astroclip_astro.errors import CatalogueError, OutputError
from astroclip_astro.storage.bounds import check_yaml

# Cards numbered by column, and the key of ``column.meta`` that holds each.
UNCHANGED = (
    *("TDMIN", "TDMAX", "TLMIN", "TLMAX", "TCTYP", "TCUNI"),
    *("TCRPX", "TCRVL", "TCDLT", "TRPOS"),
)
CARDS = {"TUCD": "ucd", "TUTYP": "utype", "TXTYP": "xtype"} | {root: root for root in UNCHANGED}
OWNER = "ACNAM"
NUMBERED = re.compile(f"(TCOMM|{OWNER}|{'|'.join(CARDS)})([1-9][0-9]*)$")
CHECKSUMS = {"CHECKSUM", "DATASUM"}  # they describe the bytes of a file, not the table
FRAME_KEYWORDS = ("RADESYS", "RADECSYS", "EQUINOX")
STRUCTURE = re.compile(
    "(SIMPLE|XTENSION|BITPIX|NAXIS[0-9]*|PCOUNT|GCOUNT|TFIELDS|THEAP|EXTEND|CONTINUE|END"
    "|ZTABLE|ZIMAGE|COMMENT)$|(TTYPE|TFORM|TUNIT|TNULL|TSCAL|TZERO|TDISP|TBCOL|TDIM"
    "|TCTYP|TCUNI|TCRPX|TCRVL|TCDLT|TRPOS)[0-9]"
)
BEGIN, END = (f"--{word}-ASTROPY-SERIALIZED-COLUMNS--" for word in ("BEGIN", "END"))
BLOCK_WIDTH = 70  # characters of a line of the block; one more is the sign that it goes on


def header_text(text: str) -> str:
    r"""Return text as a header can hold it: one line, ASCII, all else as escapes.

    Examples
    --------
    >>> print(header_text("σ of\nthe fit"))
    \u03c3 of the fit
    """
    line = " ".join(str(text).splitlines())
    escaped = line.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(letter if " " <= letter <= "~" else " " for letter in escaped)


def column_cards(number: int, column: Column) -> Iterator[fits.Card]:
    """Yield the cards that describe a column, signed with its name.

    Parameters
    ----------
    number : int
        The column's number in the file, from 1.
    column : astropy.table.Column
        Its description and ``meta`` are read.
    """
    meta = column.info.meta or {}
    values = {"TCOMM": column.info.description}
    values |= {root: meta.get(key) for root, key in CARDS.items()}
    values = {root: value for root, value in values.items() if _is_plain(value)}
    if values:
        values[OWNER] = column.info.name
    for root, value in values.items():
        yield fits.Card(f"{root}{number}", header_text(value) if isinstance(value, str) else value)


def describe_columns(table: Table, header: fits.Header) -> None:
    """Put descriptions, UCDs and the like from numbered cards onto the right columns.

    Parameters
    ----------
    table : Table
        As astropy reads it; changed in place. Columns that astropy's block names are left as
        they are: it describes them completely.
    header : fits.Header
        Of the table.
    """
    described = _described(header)
    for card in header.cards:
        match = NUMBERED.match(card.keyword)
        if not match or match[1] == OWNER:
            continue
        name = header.get(OWNER + match[2], header.get("TTYPE" + match[2]))
        if name not in table.colnames or name in described:
            continue
        info = table[name].info
        if match[1] == "TCOMM":
            info.description = str(card.value)
        else:
            info.meta = {**(info.meta or {}), CARDS[match[1]]: card.value}


def add_frame(meta: dict, primary: fits.Header) -> None:
    """Add what the primary header says of the frame of positions where the table's says nothing.

    Parameters
    ----------
    meta : dict
        Of the table; changed in place.
    primary : fits.Header
        Of the file.

    Examples
    --------
    >>> meta = {}
    >>> add_frame(meta, fits.Header({"EQUINOX": 1950.0}))
    >>> meta
    {'EQUINOX': 1950.0}
    """
    if not any(key in meta for key in FRAME_KEYWORDS):
        meta.update({key: primary[key] for key in FRAME_KEYWORDS if key in primary})


def table_meta(meta: dict) -> dict:
    """Return what astropy read of a header without what belongs to columns or to the file."""
    return {
        key: None if isinstance(value, fits.card.Undefined) else value
        for key, value in meta.items()
        if not _is_of_file(key)
    }


def split_meta(meta: dict) -> tuple[list[fits.Card], dict]:
    """Return a table's metadata as cards where these read back the same, and the rest.

    Parameters
    ----------
    meta : dict
        ``table.meta``. A value may be a pair of value and comment, as astropy has it.

    Returns
    -------
    cards : list of fits.Card
        Numbered cards of columns are left out: `column_cards` writes them anew.
    rest : dict
        For `block_lines`.

    Examples
    --------
    >>> cards, rest = split_meta({"OBSERVER": "EH", "seeing": 1.2})
    >>> [card.keyword for card in cards], rest
    (['OBSERVER'], {'seeing': 1.2})
    """
    cards, rest = [], {}
    for key, value in meta.items():
        if _is_of_file(key):
            continue
        found = _keyword_cards(key, value)
        if found:
            cards += found
        else:
            rest[key] = value
    return cards, rest


def block_lines(plain: Table, rest: dict) -> list[str]:
    """Return astropy's block: descriptions and metadata of columns by name, and the rest.

    Parameters
    ----------
    plain : Table
        The table, without mixin columns.
    rest : dict
        Metadata that no card holds, and astropy's ``__serialized_columns__``.

    Raises
    ------
    OutputError
        Where metadata hold objects that astropy's YAML does not know.
    """
    described = any(column.info.description or column.info.meta for column in plain.itercols())
    if not rest and not described:
        return []
    empty = Table(plain[:0], copy=False)
    empty.meta.clear()
    empty.meta.update({"__serialized_columns__": {}, **rest})
    try:
        text = get_yaml_from_table(empty)
    except (yaml.YAMLError, TypeError, ValueError) as problem:
        raise OutputError(
            f"Metadata of the table or of a column cannot be written ({problem}); keep numbers, "
            "strings, lists and dictionaries in table.meta and column.meta."
        ) from problem
    lines = [BEGIN]
    for line in text:
        starts = range(0, len(line), BLOCK_WIDTH)
        parts = [line[start : start + BLOCK_WIDTH] for start in starts] or [""]
        lines += [part + "\\" for part in parts[:-1]] + parts[-1:]
    return [*lines, END]


def drop_stale_block(header: fits.Header, names: list[str]) -> None:
    """Drop astropy's block where it names columns that are gone: astropy would stumble over it.

    Parameters
    ----------
    header : fits.Header
        Changed in place.
    names : list of str
        The columns there are.
    """
    if _described(header) <= set(names):
        return
    comments = [str(line) for line in header["COMMENT"]]
    header.remove("COMMENT", remove_all=True)
    for line in comments[: comments.index(BEGIN)] + comments[comments.index(END) + 1 :]:
        header.add_comment(line)


def check_block(path: Path, header: fits.Header) -> None:
    """Raise where astropy's block stands for more than metadata can be.

    Parameters
    ----------
    path : Path
        For messages.
    header : fits.Header
        Of the table.

    Raises
    ------
    CatalogueError
        As `~astroclip_astro.storage.bounds.check_yaml`.
    """
    check_yaml("\n".join(_block(header)), f"The header of {path}", error=CatalogueError)


def _described(header: fits.Header) -> set[str]:
    """Return the columns that astropy's block names."""
    lines = _block(header)
    return (
        {column["name"] for column in get_header_from_yaml(lines)["datatype"]} if lines else set()
    )


def _block(header: fits.Header) -> list[str]:
    """Return the lines of astropy's block, none where there is no block."""
    comments = [str(line) for line in header.get("COMMENT", [])]
    if BEGIN not in comments or END not in comments:
        return []
    lines: list[str] = []
    goes_on = False
    for line in comments[comments.index(BEGIN) + 1 : comments.index(END)]:
        if goes_on:
            lines[-1] += line[:BLOCK_WIDTH]
        else:
            lines.append(line[:BLOCK_WIDTH])
        goes_on = len(line) == BLOCK_WIDTH + 1
    return lines


def _is_of_file(key: object) -> bool:
    """Return whether a key belongs to a column's number or to a file's bytes."""
    return isinstance(key, str) and (bool(NUMBERED.match(key)) or key in CHECKSUMS)


def _is_plain(value: object) -> bool:
    """Return whether a value is one that a card holds."""
    return isinstance(value, str | int | float) and value == value


def _keyword_cards(key: object, value: object) -> list[fits.Card]:
    """Return a keyword's cards, none where reading them would give something else."""
    if not isinstance(key, str):
        return []
    keyword = "COMMENT" if key == "comments" else key
    if keyword != keyword.upper() or STRUCTURE.match(key):
        return []
    # astropy reads COMMENT and HISTORY as lists, and a keyword that is there several times.
    if keyword in ("COMMENT", "HISTORY"):
        shaped = isinstance(value, list)
    else:
        shaped = not isinstance(value, list) or len(value) > 1
    if not shaped:
        return []
    if len(keyword) > 8 or " " in keyword:
        keyword = f"HIERARCH {keyword}"
    items = value if isinstance(value, list) else [value]
    cards = [_card(keyword, item) for item in items]
    return [] if None in cards else cards


def _card(keyword: str, item: object) -> fits.Card | None:
    """Return a card, None where reading it would give something else."""
    value, comment = item, None
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], str):
        value, comment = item[0], header_text(item[1])
    value = value.item() if isinstance(value, np.generic) else value
    try:
        card = fits.Card(keyword, value, comment)
        back = fits.Card.fromstring(str(card))
        read = None if isinstance(back.value, fits.card.Undefined) else back.value
    except (ValueError, TypeError, AttributeError, fits.VerifyError):
        return None
    same = type(read) is type(value) and read == value
    return card if same and back.keyword == keyword.removeprefix("HIERARCH ") else None
