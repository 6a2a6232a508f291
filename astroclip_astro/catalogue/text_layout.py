"""How a text table is laid out: its separator, and where its rows begin and end."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from astroclip_astro.catalogue.text_header import Header, find_header
from astroclip_astro.catalogue.text_rows import Row, cut, pieces_of, sample_rows, words_of
from astroclip_astro.errors import CatalogueError

SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars", " ": "blanks"}
SAMPLE_LINES = 300
SAMPLE_BYTES = 4_000_000
SEVERAL = (
    "it holds several tables, each with a line of dashes below its names; save the one that is "
    "wanted in a file of its own."
)
_UNDERLINE = re.compile(r"\s*[-=]{2,}(\s+[-=]+)+\s*")
_EXCEL = re.compile(r"(sep=([;,\t|]))\s*", re.IGNORECASE)
_END = re.compile(rb"\n[ \t]*\r?\n|\n#|\n\(\d+ rows?\)")
_MORE = re.compile(rb"^(?![ \t]*[#+(\r\n-])[^\n]*\S", re.MULTILINE)
_MOST, _HALF = 0.7, 0.5  # parts of the rows


@dataclass(frozen=True)
class Layout:
    """How a text table is laid out.

    Parameters
    ----------
    separator : str
        A tab, semicolon, comma or bar, or a blank for any number of blanks.
    header : Header
        Names of the columns and what else stands above the rows.
    width : int
        Number of fields of a row.
    start, end : int
        Where the rows begin and end, in bytes.
    line : int
        The number of the first row's line, counted from 1.
    places : tuple of int
        Where columns begin within a line, for columns underlined by dashes; else empty.
    tidy : bool
        Whether blanks around fields belong to the layout, not to the values.
    spaced : bool
        Whether quotes stand behind a separator and blanks.
    notes : list of str
        What had to be assumed, sentences without full stop.
    """

    separator: str
    header: Header
    width: int
    start: int
    end: int
    line: int
    places: tuple[int, ...] = ()
    tidy: bool = False
    spaced: bool = False
    notes: list[str] = field(default_factory=list)


def find_layout(content: bytes, name: str = "text") -> Layout | None:
    r"""Return how a text is laid out as a table.

    Parameters
    ----------
    content : bytes
        UTF-8, in lines.
    name : str
        What messages call it.

    Returns
    -------
    Layout or None
        None where no separator cuts its lines into as many fields each.

    Raises
    ------
    CatalogueError
        Where it holds several tables.

    Examples
    --------
    >>> layout = find_layout(b"#Table1\nname;ra\nM 31;10.68\nM 33;23.46\n")
    >>> layout.separator, layout.header.names, layout.line
    (';', ['name', 'ra'], 3)
    """
    head = content[:SAMPLE_BYTES].decode(errors="ignore")
    lines = list(islice(io.StringIO(head, newline=""), SAMPLE_LINES))
    if len(content) > SAMPLE_BYTES and 1 < len(lines) < SAMPLE_LINES:
        lines.pop()  # cut off
    excel = _EXCEL.fullmatch(lines[0]) if lines else None
    if excel:
        lines[0] = "#" * len(excel[1]) + lines[0][len(excel[1]) :]
    samples = {separator: sample_rows(lines, separator) for separator in SEPARATORS}
    separator = excel[2] if excel else _best(samples)
    if separator in (None, " ") and (underlined := _underlined(lines, content)):
        return underlined
    if separator is None:
        rows = [row for row in samples[","] if not row.is_comment]
        if not rows or any(len(words_of(row.text)) != 1 for row in rows):
            return None
        separator = ","
    return _layout(content, separator, samples[separator], name)


def _best(samples: dict[str, list[Row]]) -> str | None:
    """Return the separator that cuts the rows best, None where none does."""
    agreed = {
        separator: _agreement([row.fields for row in rows if not row.is_comment])
        for separator, rows in samples.items()
    }
    wide = {one: found for one, found in agreed.items() if found[0] > 1}
    firm = {one: share for one, (_, share, first, _) in wide.items() if first and one != " "}
    best = max(firm, key=lambda one: firm[one], default=None)
    if best is not None and firm[best] >= _MOST:
        return best
    if " " in wide and wide[" "][1] == 1:
        return " "
    shares = {one: share if one == " " else below for one, (_, share, _, below) in wide.items()}
    if " " in shares and not any(map(_has_number, samples[" "])):
        del shares[" "]  # prose
    best = max(shares, key=lambda one: shares[one], default=None)
    return best if best is not None and shares[best] > _HALF else None


def _has_number(row: Row) -> bool:
    """Return whether a row has a word of digits."""
    return any(re.fullmatch(r"[+-]?\d[\d.:e+-]*", word) for word in row.fields)


def _agreement(rows: list[list[str]]) -> tuple[int, float, bool, float]:
    """Return the commonest number of fields, and how well the rows agree with it.

    Returns
    -------
    width : int
    share : float
        Part of the rows that have so many.
    first : bool
        Whether the first has.
    below : float
        The share among the rows below the title, the lines of one field at the top.
    """
    if not rows:
        return 0, 0, False, 0
    counts = Counter(len(fields) for fields in rows[1:] or rows)
    width = max(counts, key=lambda count: (counts[count], count == len(rows[0]), count))
    good = [len(fields) == width for fields in rows]
    title = next((place for place, fields in enumerate(rows) if len(fields) > 1), 0)
    return width, sum(good) / len(good), good[0], sum(good[title:]) / len(good[title:])


def _layout(content: bytes, separator: str, rows: list[Row], name: str) -> Layout:
    """Return the layout of a table whose separator is known."""
    width = _agreement([row.fields for row in rows if not row.is_comment] or [[""]])[0]
    first = next((k for k, row in enumerate(rows) if not row.is_comment), len(rows))
    titled = separator != " " and width > 1
    while titled and first < len(rows) - 1 and len(rows[first].fields) == 1:
        first += 1
    above, body = rows[:first], rows[first:]
    plain = [row for row in body if len(row.fields) == width or not row.is_comment]
    comments = [_comment_fields(row.text, separator) for row in above if row.is_comment]
    header = find_header(
        [row.fields for row in plain], comments, width, decimal_comma=separator in "\t;"
    )
    passed = sum(not row.is_comment for row in above)
    lines = "line before the table is" if passed == 1 else "lines before the table are"
    notes = [f"{passed} {lines} not read"] if passed else []
    if header.lines < len(plain):
        start, line = plain[header.lines].start, plain[header.lines].line
    else:
        start, line = plain[-1].end, plain[-1].line + 1
    end = len(content)
    if header.ruled and (match := _END.search(content, max(start - 1, 0))):
        end = match.start() + 1
        if _MORE.search(content, end):
            raise CatalogueError(f"{name}: {SEVERAL}")
    return Layout(
        separator,
        header,
        width,
        start,
        end,
        line,
        tidy=separator == "|",
        spaced=_is_spaced(rows, separator),
        notes=notes + header.notes,
    )


def _is_spaced(rows: list[Row], separator: str) -> bool:
    """Return whether quotes stand behind a separator and blanks."""
    if separator == " ":
        return False
    texts = [row.text for row in rows if re.search(rf'[{separator}] +"', row.text)]
    for text in texts:
        lines = list(io.StringIO(text, newline=""))
        strict = [fields for fields, _ in cut(lines, separator, spaced=False)]
        loose = [fields for fields, _ in cut(lines, separator, spaced=True)]
        if [[one.strip() for one in row] for row in strict] != [
            [one.strip() for one in row] for row in loose
        ]:
            return True
    return False


def _comment_fields(text: str, separator: str) -> list[str]:
    """Return the fields of a comment."""
    inner = text.strip().lstrip("#%!/").strip("\r\n ").replace("\r", " ")
    return next((fields for fields, _ in cut([inner], separator, spaced=True)), [])


def _underlined(lines: list[str], content: bytes) -> Layout | None:
    """Return the layout of columns underlined by dashes, by which fields are cut."""
    plain = [
        (number, line.rstrip("\r\n"))
        for number, line in enumerate(lines)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    ruled = [_UNDERLINE.fullmatch(line) is not None for _, line in plain[:5]]
    place = next((k for k, one in enumerate(ruled) if one and not all(ruled[:k])), None)
    if place is None:
        return None
    index, rule = plain[place]
    places = tuple(match.start() for match in re.finditer(r"\S+", rule))
    above = [line for _, line in plain[:place] if not _UNDERLINE.fullmatch(line)]
    below = [line for _, line in plain[place + 1 :]]
    pieces = [pieces_of(line, places) for line in (*above, *below)]
    if not above or None in pieces:
        return None
    fields = [row for row in pieces[: len(above)] if row is not None]
    header = find_header([fields[0], *fields[1:2], ["---"] * len(places)], [], len(places))
    start = sum(len(line.encode()) for line in lines[: index + 1])
    end = len(content)
    return Layout(" ", header, len(places), start, end, index + 2, places, tidy=True)
