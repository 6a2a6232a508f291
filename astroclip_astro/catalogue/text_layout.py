"""How a text table is laid out: its letters, separators, names, units, and where rows begin."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from astroclip_astro.errors import CatalogueError

SEPARATORS = ("\t", ";", ",", "|", " ")  # numbers may have decimal commas
SAMPLE = 100  # rows that are looked at
COMMENT = "#"
RULER = re.compile(r"\s*[-=]+\s*")
MARKS = {  # byte-order marks and what they stand for; the longer first
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
VALUE = re.compile(  # a number, an angle in three or two fields, or a name made of a position
    r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?\d{1,3}[:hd° ]\s*\d{1,2}.*|.*\bJ\d{6}.*"
)
EXCEL = re.compile(r"sep=([;,\t|])\n", re.IGNORECASE)
SEPARATOR_WORDS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars", " ": "blanks"}


@dataclass(frozen=True)
class Layout:
    """How a text table is laid out.

    Parameters
    ----------
    separator : str
        One of `SEPARATORS`; a blank stands for any number of blanks and tabs.
    names : list of str
        Of the columns.
    units : list of str
        Of the columns, empty where none are given.
    start : int
        Where in the text the rows begin.
    line : int
        Line of the file, from 1, that the rows begin in.
    ruled : bool
        Whether a line of dashes stands below the names.
    notes : list of str
        What a user should know.
    """

    separator: str
    names: list[str]
    units: list[str]
    start: int
    line: int
    ruled: bool = False
    notes: list[str] = field(default_factory=list)


def decode(path: Path) -> tuple[str, list[str]]:
    """Return the text of a file, gzipped or not, and what had to be assumed of its letters.

    Parameters
    ----------
    path : Path
        UTF-8, UTF-16 or UTF-32 with a byte-order mark, or else Windows-1252 or Latin-1.

    Raises
    ------
    CatalogueError
        Where it is no text.
    """
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    notes: list[str] = []
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as problem:
        if encoding != "utf-8":
            raise CatalogueError(
                f"{path} begins like {encoding.upper()} text, but byte {problem.start} is none; "
                "write it as UTF-8."
            ) from None
        try:
            text, encoding = content.decode("cp1252"), "Windows-1252"
        except UnicodeDecodeError:
            text, encoding = content.decode("latin-1"), "Latin-1"
        notes.append(f"read as {encoding}, since it is not UTF-8")
    if "\0" in text:
        raise CatalogueError(
            f"{path} holds NUL characters, which no text table does; pass FITS, VOTable, ECSV, "
            "CSV, Parquet or a text table."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n", notes


def find_layout(text: str) -> Layout | None:
    r"""Return how a text table is laid out, None where it is of no plain kind.

    Parameters
    ----------
    text : str
        Lines end with a newline character. Comments before the table begin with ``#``; the last of
        them may hold the names. Below the names there may be a line of dashes, or one of units and
        then dashes. Where there are no names, columns are called ``col1``, ``col2``, ...

    Raises
    ------
    CatalogueError
        Where the names, or some rows, have another number of fields than the others.

    Examples
    --------
    >>> layout = find_layout("#Table1\nname;ra\nM 31;10.7\n")
    >>> layout.separator, layout.names, layout.line
    (';', ['name', 'ra'], 3)
    """
    comments, start, skipped = _comments(text)
    if excel := EXCEL.match(text, start):
        start, skipped = excel.end(), skipped + 1
    near = {sep: list(islice(rows_of(text[start:], sep), SAMPLE)) for sep in SEPARATORS}
    separator = excel[1] if excel else _separator(near)
    notes: list[str] = []
    if separator is None:
        separator, before = _below_a_preamble(near)
        if separator is None:
            return None
        start, skipped = start + before[0], skipped + before[1]
        near[separator] = list(islice(rows_of(text[start:], separator), SAMPLE))
        notes.append(f"{before[1]} lines before the table are not read")
    rows, ends = [row for row, _ in near[separator]], [end for _, end in near[separator]]
    ruler = next((number for number in (1, 2) if _is_ruler(rows, number)), None)
    units: list[str] = []
    if ruler is not None:
        names, used = rows[0], ruler + 1
        units = rows[1] if ruler == 2 else []
    elif not _is_row(rows):
        names, used = rows[0], 1
    else:
        names, used = _commented_names(comments, separator, len(rows[0])), 0
        if not names:
            names = [f"col{number}" for number in range(1, len(rows[0]) + 1)]
            notes.append(
                f"no header line: columns are called {names[0]} to {names[-1]}; name those of "
                "the positions, --ra col1 --dec col2 for example"
            )
    end = ends[used - 1] if used else (0, 0)
    return Layout(
        separator,
        _unique([name.strip() for name in names], notes),
        [unit.strip() for unit in units],
        start + end[0],
        skipped + end[1] + 1,
        ruler is not None,
        notes,
    )


def _comments(text: str) -> tuple[list[str], int, int]:
    """Return the comments before a table, and the place and number of lines where they end."""
    lines = text.split("\n")
    count = 0
    while count < len(lines) and (not lines[count].strip() or _is_comment(lines[count])):
        count += 1
    comments = [line.lstrip().lstrip(COMMENT).strip() for line in lines[:count] if line.strip()]
    return comments, sum(len(line) + 1 for line in lines[:count]), count


def rows_of(text: str, separator: str) -> Iterator[tuple[list[str], tuple[int, int]]]:
    """Yield the rows of a text table, and the place and line where each ends.

    Parameters
    ----------
    text : str
        Fields may be in double quotes, and then hold separators and line ends.
    separator : str
        One of `SEPARATORS`.
    """
    read = 0

    def counted() -> Iterator[str]:
        nonlocal read
        for line in io.StringIO(text, newline="\n"):
            read += len(line)
            yield line.strip() + "\n" if separator == " " else line

    reader = csv.reader(
        (line.replace("\t", " ") for line in counted()) if separator == " " else counted(),
        delimiter=separator,
        skipinitialspace=separator == " ",
    )
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a field that is longer than any of a table
            return
        if row and not (len(row) == 1 and not row[0].strip()):
            yield row, (read, reader.line_num)


def _separator(near: dict[str, list[tuple[list[str], tuple[int, int]]]]) -> str | None:
    """Return the separator that cuts all rows into as many fields, and most of them."""
    counts = {sep: [len(row) for row, _ in rows if not _is_comment_row(row)]
              for sep, rows in near.items()}  # fmt: skip
    for sep in SEPARATORS:
        if counts[sep] and counts[sep][0] > 1 and len(set(counts[sep])) == 1:
            return sep
    for sep in SEPARATORS[:-1]:  # most rows agree: one that does not is named by the reader
        number = counts[sep]
        if number and number[0] > 1 and number[1:].count(number[0]) >= 0.5 * len(number[1:]):
            return sep
    single = counts[","] and set(counts[","]) == set(counts[" "]) == {1}
    return "," if single else None


def _below_a_preamble(
    near: dict[str, list[tuple[list[str], tuple[int, int]]]],
) -> tuple[str | None, tuple[int, int]]:
    """Return the separator of a table that begins below some lines of words, and where it does."""
    for sep in SEPARATORS[:-1]:
        counts = [len(row) for row, _ in near[sep]]
        width = max(counts, default=0)
        if width < 2:
            continue
        first = counts.index(width)
        below = counts[first:]
        if first and len(below) > 1 and set(below) == {width}:
            return sep, near[sep][first - 1][1]
    return None, (0, 0)


def _is_ruler(rows: list[list[str]], number: int) -> bool:
    """Return whether a row below the names is a line of dashes, and not one of nulls."""
    if number >= len(rows) or not all(map(RULER.fullmatch, rows[number])):
        return False
    if number == 2 and any(VALUE.fullmatch(cell.strip()) for cell in rows[1]):
        return False
    widths = [len(cell.strip()) for cell in rows[number]]
    return max(widths) > 2 or widths == [len(name.strip()) for name in rows[0]]


def _is_row(rows: list[list[str]]) -> bool:
    """Return whether the first line holds values as the others do, not names."""
    if len(rows) == 1:
        return any(VALUE.fullmatch(cell.strip()) for cell in rows[0])
    numeric = [
        number
        for number in range(len(rows[0]))
        if 2 * sum(_is_value(row, number) for row in rows[1:]) > len(rows) - 1
    ]
    return bool(numeric) and all(_is_value(rows[0], number) for number in numeric)


def _is_value(row: list[str], number: int) -> bool:
    """Return whether a field holds a number or an angle."""
    return number < len(row) and VALUE.fullmatch(row[number].strip()) is not None


def _commented_names(comments: list[str], separator: str, count: int) -> list[str]:
    """Return the names in the last comment, none where it has another number of words."""
    for comment in comments[::-1]:
        names = next(iter(rows_of(comment + "\n", separator)), ([], (0, 0)))[0]
        if len(names) == count and count > 1 and not any(map(VALUE.fullmatch, names)):
            return names
        if comment:
            break
    return []


def _unique(names: list[str], notes: list[str]) -> list[str]:
    """Return names that are all different and not empty, with a note where some were changed."""
    made: list[str] = []
    for number, name in enumerate(names, start=1):
        wanted = name or f"col{number}"
        unique, copies = wanted, 1
        while unique in made or (unique != name and unique in names):
            copies += 1
            unique = f"{wanted}_{copies}"
        made.append(unique)
    changed = [
        f"column {n} is called {new}"
        for n, (old, new) in enumerate(zip(names, made, strict=True), 1)
        if old != new
    ]
    if changed:
        notes.append(f"names are absent or there twice: {', '.join(changed[:5])}")
    return made


def _is_comment(line: str) -> bool:
    """Return whether a line is a comment."""
    return line.lstrip().startswith(COMMENT)


def _is_comment_row(row: list[str]) -> bool:
    """Return whether a row is a comment between rows."""
    return bool(row) and row[0].lstrip().startswith(COMMENT)
