"""The fields of a text table as columns of strings, each row with as many fields as there are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from astroclip_astro.catalogue.text_layout import SEPARATORS, Layout
from astroclip_astro.catalogue.text_rows import cut, is_ruled, pieces_of, words_of
from astroclip_astro.errors import CatalogueError

BLOCK_LINES = 20_000
BLOCK_BYTES = 16_000_000
SHOWN = 4  # names in a message


def read_fields(content: bytes, layout: Layout, name: str) -> list[pa.Array]:
    r"""Return the columns of a text table as strings, exactly as they are written.

    Parameters
    ----------
    content : bytes
        UTF-8, in lines.
    layout : Layout
        As `astroclip_astro.catalogue.text_layout.find_layout` returns it.
    name : str
        What messages call the file.

    Returns
    -------
    list of pyarrow.Array
        For each field of a row (n,) strings. Empty lines, comments and rules are no rows.

    Raises
    ------
    CatalogueError
        For a line with another number of fields, a quote that nothing closes.

    Examples
    --------
    >>> from astroclip_astro.catalogue.text_layout import find_layout
    >>> content = b"name,n\n' M 31 ',007\n"
    >>> [column.to_pylist() for column in read_fields(content, find_layout(content), "t.csv")]
    [["' M 31 '"], ['007']]
    """
    body = content[layout.start : layout.end]
    if layout.separator == " " or layout.spaced:
        columns = _by_lines(body, layout, name)
    else:
        columns = _by_arrow(body, layout, name)
    if layout.tidy:
        columns = [pc.utf8_trim_whitespace(column) for column in columns]
    return columns


def _by_arrow(body: bytes, layout: Layout, name: str) -> list[pa.Array]:
    """Return fields between separators."""
    quoted = b'"' in body
    if quoted and body.count(b'"') % 2:
        _check_quotes(body, layout, name)
    names = [str(number) for number in range(layout.width)]

    def skip(row: arrow_csv.InvalidRow) -> str:
        return "skip" if row.text.lstrip().startswith("#") or is_ruled(row.text) else "error"

    try:
        table = arrow_csv.read_csv(
            io.BytesIO(body),
            arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=BLOCK_BYTES),
            arrow_csv.ParseOptions(
                delimiter=layout.separator, newlines_in_values=quoted, invalid_row_handler=skip
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as problem:
        if "Empty CSV" in str(problem):
            return [pa.array([], pa.string())] * layout.width
        _check_width(body, layout, name)
        raise CatalogueError(f"{name} cannot be cut into fields ({problem}).") from None
    return [column.combine_chunks() for column in table.columns]


def _by_lines(body: bytes, layout: Layout, name: str) -> list[pa.Array]:
    """Return fields between blanks, or behind separators and blanks, some rows at a time."""
    blocks: list[list[pa.Array]] = []
    rows = _checked_rows(body, layout, name)
    while block := list(islice(rows, BLOCK_LINES)):
        blocks.append([pa.array(cells, pa.string()) for cells in zip(*block, strict=True)])
    if not blocks:
        return [pa.array([], pa.string())] * layout.width
    return [pa.concat_arrays(list(pieces)) for pieces in zip(*blocks, strict=True)]


def _checked_rows(body: bytes, layout: Layout, name: str) -> Iterator[list[str]]:
    """Yield the fields of each row, or raise where there are more or fewer than there should be."""
    lines = io.TextIOWrapper(io.BytesIO(body), encoding="utf-8", newline="")
    line = layout.line
    for fields, count in _cut(lines, layout):
        empty = not fields or (len(fields) == 1 and not fields[0].strip())
        if not empty and len(fields) == layout.width:
            yield fields
        elif not empty and not fields[0].lstrip().startswith("#") and not _is_rule(fields):
            raise _unequal(layout, name, line, fields)
        line += count


def _cut(lines: Iterable[str], layout: Layout) -> Iterator[tuple[list[str], int]]:
    """Yield the fields of rows, and how many lines each takes."""
    if layout.places:
        for line in lines:
            text = line.rstrip("\r\n")
            pieces = [] if not text.strip() or is_ruled(text) else pieces_of(text, layout.places)
            yield (words_of(text) if pieces is None else pieces), 1
    elif layout.separator == " ":
        for line in lines:
            text = line.rstrip("\r\n")
            comment = text.lstrip().startswith("#")
            yield ([] if comment else words_of(text)), 1
    else:
        yield from cut(list(lines), layout.separator, spaced=layout.spaced)


def _is_rule(fields: list[str]) -> bool:
    """Return whether a row is nothing but a rule across the table."""
    return len(fields) == 1 and is_ruled(fields[0])


def _check_width(body: bytes, layout: Layout, name: str) -> None:
    """Raise for the first row with another number of fields, where there is one."""
    for _ in _checked_rows(body, layout, name):
        pass


def _check_quotes(body: bytes, layout: Layout, name: str) -> None:
    """Raise where a quote at the beginning of a field is never closed."""
    lines = io.TextIOWrapper(io.BytesIO(body), encoding="utf-8", newline="")
    reader = csv.reader(lines, delimiter=layout.separator, strict=True)
    line = 0
    try:
        for _ in reader:
            line = reader.line_num
    except csv.Error as problem:
        if "unexpected end" in str(problem):
            raise CatalogueError(
                f'{name}: the row in line {layout.line + line} opens a quote (") that nothing '
                'closes; close it, or write it as "" within quotes.'
            ) from None


def _unequal(layout: Layout, name: str, line: int, fields: list[str]) -> CatalogueError:
    """Return what to say of a row with another number of fields."""
    known = [one for one in layout.header.names if one]
    shown = ", ".join(known[:SHOWN]) + ", ..." * (len(known) > SHOWN)
    advice = "put a value that holds one into double quotes, or correct the line"
    if layout.separator == " ":
        advice = (
            "put a value that holds blanks into double quotes, or save the table as CSV; columns "
            "of fixed width need their description (the ReadMe of CDS: read both with astropy's "
            "format='ascii.cds', and write FITS)"
        )
    return CatalogueError(
        f"{name}: line {line} has {len(fields)} field{'s' * (len(fields) != 1)} between "
        f"{SEPARATORS[layout.separator]}, expected {layout.width} ({shown}) as the others have; "
        f"{advice}."
    )
