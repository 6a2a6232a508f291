"""Text tables of every common kind, recognised by their content."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from warnings import warn

import pyarrow as pa
from astropy.io import ascii as astropy_ascii
from astropy.table import Column, MaskedColumn, Table
from pyarrow import csv as arrow_csv

from astroclip_astro.catalogue.latex import is_latex, read_latex
from astroclip_astro.catalogue.text_layout import (
    COMMENT,
    SEPARATOR_WORDS,
    Layout,
    decode,
    find_layout,
    rows_of,
)
from astroclip_astro.catalogue.text_values import as_column
from astroclip_astro.catalogue.units import understand_unit
from astroclip_astro.errors import CatalogueError, TextTableWarning

BYTE_BY_BYTE = re.compile(r"^\s*Byte-by-byte Description", re.MULTILINE | re.IGNORECASE)
IPAC = re.compile(r"(\\[^\n]*\n)*\|[^\n]*\|\s*\n(\|[^\n]*\|\s*\n)+[^|\n]")
REGIONS = re.compile(
    r"#? ?Region file format|(global [^\n]*\n)?\s*(fk5|fk4|icrs|galactic|image|physical)\s*[\n;]"
    r"|\s*(circle|ellipse|box|polygon|point)\s*\("
)
BLOCK = 1 << 20  # bytes that are cut into fields at a time


def read_text(path: str | Path, *, as_text: bool = False) -> Table:
    r"""Read a text table.

    Parameters
    ----------
    path : str or Path
        Fields between commas, tabs, semicolons, bars or blanks; machine-readable tables of CDS and
        the AAS, IPAC, LaTeX, and what else astropy recognises.
    as_text : bool
        Whether columns stay text where their numbers would be written differently; they are marked
        and `~astroclip_astro.catalogue.text_values.ready_to_write` makes numbers of them where
        every value survives.

    Returns
    -------
    astropy.table.Table
        Columns are numbers where every value survives, else strings. Empty fields and words such as
        ``null`` are null in columns of numbers, and text in columns of strings.

    Raises
    ------
    CatalogueError
        Where it is no table; it says why.

    Warns
    -----
    TextTableWarning
        Of what had to be assumed: letters that are not UTF-8, a table without names.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.dat"
    >>> _ = path.write_text("ra;name\n1.5;M 31\n2.5;\n")
    >>> read_text(path)["name"].tolist()
    ['M 31', '']
    """
    path = Path(path)
    text, notes = decode(path)
    if REGIONS.match(text):
        raise CatalogueError(
            f"{path} is a file of DS9 regions, no table; save the catalogue itself, or a table of "
            "the regions' positions with a line of names."
        )
    if is_latex(text):
        table = _plain(read_latex(text))
    elif BYTE_BY_BYTE.search(text):
        table = _described(path, text, "CDS", as_text=as_text)
    elif IPAC.match(text):
        table = _described(path, text, "IPAC", as_text=as_text)
    else:
        layout = find_layout(text)
        table = _read_layout(path, text, layout, as_text=as_text)
        notes += layout.notes if layout else []
    if notes:
        warn(f"{path.name}: {'; '.join(notes)}.", TextTableWarning, stacklevel=2)
    return table


def _read_layout(path: Path, text: str, layout: Layout | None, *, as_text: bool) -> Table:
    """Return a table whose layout is known, or what astropy recognises."""
    if layout is None:
        return _guessed(path, text)
    if layout.separator == " ":
        arrow = _between_blanks(path, text, layout)
    else:
        arrow = _between_separators(path, text, layout)
    again = arrow[0].to_pylist() if layout.ruled else []
    if any(re.fullmatch(r"\s*-{3,}\s*", cell) for cell in again):
        raise CatalogueError(
            f"{path} holds several tables, each with a line of dashes below its names; save the "
            "one that is wanted in a file of its own."
        )
    comma = layout.separator in ("\t", ";")
    table = Table()
    for number, name in enumerate(layout.names):
        cells = arrow[number].combine_chunks()
        table[name] = as_column(cells, as_text=as_text, decimal_comma=comma)
        if number < len(layout.units) and (unit := layout.units[number]):
            table[name].unit = understand_unit(unit, "cds", "generic")
    return table


def _between_separators(path: Path, text: str, layout: Layout) -> pa.Table:
    """Return fields between separators, as strings."""
    wrong: list[arrow_csv.InvalidRow] = []

    def report(row: arrow_csv.InvalidRow) -> str:
        if str(row.text).lstrip().startswith(COMMENT):
            return "skip"
        wrong.append(row)
        return "error"

    body = text[layout.start :]
    if not body.strip():
        raise CatalogueError(f"{path} has no rows; pass a catalogue with at least one.")
    names = [str(number) for number in range(len(layout.names))]
    try:
        return arrow_csv.read_csv(
            io.BytesIO(body.encode()),
            arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=BLOCK),
            arrow_csv.ParseOptions(
                delimiter=layout.separator,
                newlines_in_values='"' in body,
                invalid_row_handler=report,
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as problem:
        if wrong:
            line = layout.line + (wrong[0].number or 1) - 1
            raise _unequal(path, layout, line, wrong[0].actual_columns) from None
        raise CatalogueError(f"{path} cannot be cut into fields: {problem}.") from None


def _between_blanks(path: Path, text: str, layout: Layout) -> pa.Table:
    """Return fields between blanks, as strings."""
    rows, before = [], 0
    for row, (_, line) in rows_of(text[layout.start :], layout.separator):
        if not row[0].startswith(COMMENT):
            if len(row) != len(layout.names):
                raise _unequal(path, layout, layout.line + before, len(row))
            rows.append(row)
        before = line
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in layout.names]
    names = [str(number) for number in range(len(layout.names))]
    return pa.table([pa.array(column, pa.string()) for column in columns], names=names)


def _unequal(path: Path, layout: Layout, line: int, found: int) -> CatalogueError:
    """Return what to say of a row with another number of fields than there are names."""
    return CatalogueError(
        f"{path}: line {line} has {found} fields between {SEPARATOR_WORDS[layout.separator]}, "
        f"expected {len(layout.names)}, one for each of the names {layout.names[:4]}; put what "
        "holds a separator in double quotes, or correct the line."
    )


def _described(path: Path, text: str, form: str, *, as_text: bool) -> Table:
    """Return a table of a form that describes its columns: CDS and AAS, or IPAC."""
    formats = {"CDS": ("ascii.mrt", "ascii.cds"), "IPAC": ("ascii.ipac",)}[form]
    reasons = []
    for name in formats:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                table = Table.read(
                    text.rstrip() + "\n", format=name, guess=False, converters=_strings()
                )
        except Exception as problem:  # whatever astropy raises of a description that is wrong
            reasons.append(" ".join(str(problem).split())[:150])
            continue
        made = Table(meta=table.meta)
        for column in table.itercols():
            cells = pa.array([_cell(value) for value in column], pa.string())
            made[column.name] = as_column(cells, as_text=as_text)
            made[column.name].unit, made[column.name].description = column.unit, column.description
        return made
    raise CatalogueError(
        f"{path} is a {form} table whose description does not fit its rows ({reasons[0]}); correct "
        "it, or save the table as CSV."
    )


def _strings() -> dict[str, list]:
    """Return converters with which astropy keeps every field as it is."""
    to_string, _ = astropy_ascii.convert_numpy(str)
    return {"*": [(to_string, astropy_ascii.AllType)]}  # whatever the description says


def _cell(value: object) -> str:
    """Return a field that astropy has read as a string, empty where it is null."""
    return str(value) if isinstance(value, str) else ""


def _guessed(path: Path, text: str) -> Table:
    """Return a table of a kind that astropy recognises, or raise."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _plain(Table.read(text, format="ascii"))
    except Exception:  # whatever astropy raises of a text that is none of its tables
        counts = sorted({len(line.split()) for line in text.splitlines() if line.strip()})
        raise CatalogueError(
            f"{path} is text, but no table: its lines have between {counts[0]} and {counts[-1]} "
            "words, and no separator (comma, tab, semicolon, bar, blank) cuts all of them into as "
            "many fields. A .dat file of CDS needs its ReadMe: read both with astropy "
            "(format='ascii.cds', readme='ReadMe') and write the table as FITS; else save it as "
            "CSV with a line of names."
        ) from None


def _plain(table: Table) -> Table:
    """Return the table with empty, not null, strings: text cannot tell the two apart."""
    for column in list(table.itercols()):
        if isinstance(column, MaskedColumn) and column.dtype.kind == "U":
            table.replace_column(column.name, Column(column.filled(""), name=column.name))
    return table
