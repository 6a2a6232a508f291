"""Text tables of every common kind, recognised by their content."""

from __future__ import annotations

import re
import warnings
from functools import partial
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
from astropy.io import ascii as astropy_ascii
from astropy.table import Column, Table

from astroclip_astro.catalogue.latex import is_latex, read_latex
from astroclip_astro.catalogue.text_encoding import read_letters
from astroclip_astro.catalogue.text_fields import read_fields
from astroclip_astro.catalogue.text_layout import SEVERAL, Layout, find_layout
from astroclip_astro.catalogue.text_values import as_column, has_decimal_commas
from astroclip_astro.catalogue.unit_cells import unit_of
from astroclip_astro.errors import CatalogueError, TextTableWarning

_REGIONS = re.compile(
    rb"\A# Region file format|^\s*(?:\w+\s*;\s*)?[-+]?"
    rb"(?:circle|ellipse|box|polygon|annulus|point)\s*\([\d.,:+hdms\"' -]+\)",
    re.IGNORECASE | re.MULTILINE,
)
_DESCRIBED = {
    "CDS": re.compile(rb"Byte-by-byte Description", re.IGNORECASE),
    "IPAC": re.compile(
        rb"(?:\\.*\r?\n)*\|[^\n]*\|[ \t]*\r?\n(?:[ \t\d-][^\n|]*\n|\|(?:\s*"
        rb"(?:i|l|d|r|f|c|int|long|double|float|real|char|date)\s*\|)+)"
    ),
    "SExtractor": re.compile(rb"#\s+1\s+[A-Z]\w*[^\n]*\r?\n#\s+\d+\s+[A-Z]\w*"),
    "DAOPHOT": re.compile(rb"#K IRAF"),
}
_FORMATS = {
    "CDS": ("ascii.mrt", "ascii.cds"),
    "IPAC": ("ascii.ipac",),
    "SExtractor": ("ascii.sextractor",),
    "DAOPHOT": ("ascii.daophot",),
}
_HEAD = 100_000  # bytes looked at to tell what a text is


class MakeColumn(Protocol):
    """What makes a column of strings."""

    def __call__(
        self, cells: pa.Array, *, decimal_comma: bool = False, padded: bool = False
    ) -> Column:
        """Return the column."""


def read_text(path: str | Path, *, as_text: bool = False) -> Table:
    r"""Read a text table, its form recognised by its content.

    Parameters
    ----------
    path : str or Path
        Fields between commas, semicolons, tabs, bars or blanks, with or without comments, names,
        units and dashes above; machine-readable tables of CDS and the AAS, IPAC, SExtractor,
        DAOPHOT, LaTeX. In UTF-8, UTF-16 or Latin-1, packed or not.
    as_text : bool
        Whether columns stay text where their numbers would be written differently; they are marked
        and `~astroclip_astro.catalogue.text_values.ready_to_write` makes numbers of them where
        every value survives.

    Returns
    -------
    astropy.table.Table
        Columns are numbers where every value survives, else strings. Empty fields, and words such
        as ``null``, are null in columns of numbers, and text in columns of strings.

    Raises
    ------
    CatalogueError
        Where it is no table; it says why.

    Warns
    -----
    TextTableWarning
        Of what had to be assumed: letters that are not UTF-8, lines above the names, no names.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.dat"
    >>> _ = path.write_text("ra;name\n1.5;M 31\n2.5;\n")
    >>> read_text(path)["name"].tolist()
    ['M 31', '']
    """
    path = Path(path)
    make = partial(as_column, as_text=as_text)
    content, note = read_letters(path)
    notes = [note] if note else []
    head = content[:_HEAD]
    if _REGIONS.search(head):
        raise CatalogueError(
            f"{path} is a file of DS9 regions, no table; save the catalogue itself, or a table of "
            "the regions' positions with a line of names."
        )
    form = next((one for one, sign in _DESCRIBED.items() if sign.search(head)), None)
    if form in ("IPAC", "DAOPHOT") and not _DESCRIBED[form].match(head):
        form = None
    if b"\\begin" in content and is_latex(content.decode()):
        table = _latex(path, content.decode(), as_text=as_text)
    elif form is not None:
        table = _described(path, content, form, make)
    else:
        layout = find_layout(content, str(path))
        if layout is None:
            raise CatalogueError(_why_no_table(path, content))
        table = _laid_out(path, content, layout, make)
        notes += layout.notes
    if notes:
        warnings.warn(f"{path.name}: {'; '.join(notes)}.", TextTableWarning, stacklevel=2)
    return table


def _latex(path: Path, text: str, *, as_text: bool) -> Table:
    """Return a table in LaTeX, or raise."""
    try:
        return read_latex(text, as_text=as_text)
    except Exception as problem:  # whatever astropy raises of a table that is not like others
        reason = "" if isinstance(problem, LookupError) else " ".join(str(problem).split())[:150]
        raise CatalogueError(
            f"{path} has a LaTeX table whose rows do not fit its line of names"
            f"{f' ({reason})' if reason else ''}; correct it (each line ends with two backslashes, "
            "\\multicolumn is not understood), or save the table as CSV."
        ) from None


def _laid_out(path: Path, content: bytes, layout: Layout, make: MakeColumn) -> Table:
    """Return a table of fields between separators."""
    header = layout.header
    columns = read_fields(content, layout, str(path))
    if header.ruled and pc.any(pc.match_substring_regex(columns[0], r"^\s*-{3,}\s*$")).as_py():
        raise CatalogueError(f"{path}: {SEVERAL}")
    names = [*header.names, *[""] * (layout.width - len(header.names))]
    if len(names) > layout.width or _any_filled(columns[len(header.names) :]):
        raise CatalogueError(
            f"{path}: {len(header.names)} names ({', '.join(header.names[:4])}, ...) stand above "
            f"rows of {layout.width} fields, expected as many; correct the line of names (a name "
            "that holds the separator is put into double quotes)."
        )
    comma = layout.separator in "\t;" and any(map(has_decimal_commas, columns))
    table = Table()
    for number, (name, cells) in enumerate(zip(names, columns, strict=True), start=1):
        if not name:
            if not _any_filled([cells]):
                continue
            name = f"col{number}"
            while name in names:
                name += "_"
            layout.notes.append(f"column {number} has no name and is called {name}")
        table[name] = make(cells, decimal_comma=comma)
        if number <= len(header.units) and (unit := unit_of(header.units[number - 1])):
            table[name].unit = unit
    return table


def _any_filled(columns: list[pa.Array]) -> bool:
    """Return whether a cell of some columns holds anything."""
    return any(pc.any(pc.not_equal(pc.utf8_trim_whitespace(one), "")).as_py() for one in columns)


def _described(path: Path, content: bytes, form: str, make: MakeColumn) -> Table:
    """Return a table whose file describes its columns; astropy cuts it into fields."""
    text = content.decode().replace("\r\n", "\n").rstrip() + "\n"
    reasons = []
    for name in _FORMATS[form]:
        reader = astropy_ascii.get_reader(
            reader_cls=astropy_ascii.core.FORMAT_CLASSES[name.removeprefix("ascii.")]
        )
        to_string, _ = astropy_ascii.convert_numpy(str)
        reader.outputter.converters = {"*": [(to_string, astropy_ascii.AllType)]}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read = reader.read(text)
        except Exception as problem:  # whatever astropy raises of a description that is wrong
            reasons.append(" ".join(str(problem).split())[:200])
            continue
        return _with_types(read, reader.cols, form, make)
    raise CatalogueError(
        f"{path} is a {form} table whose rows do not fit its description ({reasons[0]}); correct "
        "it, or save the table as CSV."
    )


def _with_types(read: Table, described: list, form: str, make: MakeColumn) -> Table:
    """Return a table of strings with numbers where the file says that there are numbers."""
    types = {column.name: column for column in described}
    table = Table(meta=read.meta)
    for column in read.itercols():
        cells = pa.array(
            [str(value) if isinstance(value, str) else "" for value in column], pa.string()
        )
        raw = getattr(types.get(column.name), "raw_type", "") or ""
        said = bool(re.match(r"(?i)[IFE]\d*|int|long|double|float|real|i$|l$|d$|r$|f$", raw))
        is_string = bool(re.match(r"(?i)A|c", raw))
        made = Column(cells.to_pylist()) if is_string else make(cells, padded=said)
        table[column.name] = made
        table[column.name].unit = column.unit
        table[column.name].description = column.description
    return table


def _why_no_table(path: Path, content: bytes) -> str:
    """Return why a text is no table."""
    lines = [line for line in content[:_HEAD].decode(errors="ignore").splitlines() if line.strip()]
    if not lines:
        return f"{path} has nothing but empty lines; pass a catalogue with at least one row."
    if all(line.lstrip().startswith("#") for line in lines):
        return f"{path} has comments alone and no rows; pass a catalogue with at least one row."
    counts = sorted({len(line.split()) for line in lines})
    between = str(counts[0]) if len(counts) == 1 else f"between {counts[0]} and {counts[-1]}"
    return (
        f"{path} is text, but no table: its lines have {between} words, and no separator (comma, "
        "tab, semicolon, bar, blank) cuts all of them into as many fields. A .dat file of CDS "
        "needs its ReadMe: read both with astropy (format='ascii.cds', readme='ReadMe') and write "
        "the table as FITS; else save it as CSV with a line of names."
    )
