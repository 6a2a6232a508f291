"""Tables as VOTable, in a form that validators and TOPCAT accept."""

from __future__ import annotations

import gzip
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from astropy.io import votable
from astropy.io.votable.exceptions import W18
from astropy.io.votable.tree import Field, Info, Resource, TableElement, VOTableFile
from astropy.table import Column, Table, represent_mixins_as_columns
from astropy.utils.data_info import serialize_context_as
from astropy.utils.exceptions import AstropyWarning

from astroclip_astro.catalogue.coordinate_systems import read_systems, write_systems
from astroclip_astro.catalogue.nulls import storable, understand_units, with_values
from astroclip_astro.errors import CatalogueError, OutputError

DATATYPES = {
    **{"b1": "boolean", "u1": "unsignedByte", "i2": "short", "i4": "int", "i8": "long"},
    **{"f4": "float", "f8": "double", "c8": "floatComplex", "c16": "doubleComplex"},
}
REMOTE = re.compile(rb"<(?:\w+:)?STREAM\b[^>]*?\bhref\s*=", re.IGNORECASE)
BLOCK, LONGEST_TAG = 1 << 20, 4096  # bytes
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SIGNED = {"u2": "i4", "u4": "i8", "u8": "i8"}  # VOTable has no unsigned type but the byte


def read_votable(path: str | Path) -> Table:
    """Read the first table of a VOTable file.

    Parameters
    ----------
    path : str or Path
        VOTable file, gzipped or not.

    Returns
    -------
    astropy.table.Table
        UCDs, utypes and the coordinate systems that columns refer to are in ``column.meta``
        (``ucd``, ``utype``, ``coosys``), INFO elements of the table
        in ``table.meta``, as text. NaN is a value; nulls of other types are masked.

    Raises
    ------
    CatalogueError
        Where there is no table, or not as many rows as it claims.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.vot"
    >>> with path.open("wb") as stream:
    ...     write_votable(Table({"z": [0.5]}), stream)
    >>> read_votable(path)["z"][0]
    np.float64(0.5)
    """
    _refuse_remote_data(Path(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        warnings.simplefilter("error", W18)  # fewer rows than claimed
        file = votable.parse(path, verify="warn")
        elements = list(file.iter_tables())
        if not elements:
            raise CatalogueError(f"{path} is a VOTable without a table; pass one that has rows.")
        claimed = elements[0].nrows
        table = elements[0].to_table(use_names_over_ids=True)
    for info in elements[0].infos:
        known = table.meta.get(info.name)
        both = [*known, info.value] if isinstance(known, list) else [known, info.value]
        table.meta[info.name] = info.value if known is None else both
    if claimed not in (None, len(table)):
        raise CatalogueError(
            f"{path} is damaged: it claims {claimed} rows and has {len(table)}; fetch it again."
        )
    for name in table.colnames:
        _restore_values(table, name)
        if words := table[name].description:  # writers wrap long ones
            table[name].description = " ".join(words.split())
    read_systems(file, elements[0], table)
    understand_units(table)
    return table


def write_votable(table: Table, stream: BinaryIO) -> None:
    """Write a table as VOTable (BINARY2).

    Parameters
    ----------
    table : astropy.table.Table
        Any columns that `storable` takes; SkyCoord, Time and the like are written as the numbers
        they consist of. Text and numbers in ``table.meta`` become INFO elements.
    stream : binary file
        Open for writing.

    Raises
    ------
    OutputError
        Where a column cannot be held by VOTable.

    Examples
    --------
    >>> import io
    >>> write_votable(Table({"z": [0.5]}), io.BytesIO())
    """
    with serialize_context_as("ecsv"):
        plain = represent_mixins_as_columns(table)
    stored = [_votable_values(column) for column in plain.itercols()]
    file, resource = VOTableFile(), Resource()
    element = TableElement(file, nrows=len(table))
    file.resources.append(resource)
    resource.tables.append(element)
    for key in ("name", "description"):
        if isinstance(table.meta.get(key), str):
            setattr(element, key, _xml(table.meta[key]))
    element.infos.extend(_infos(table.meta))
    identifiers = _identifiers(plain.colnames)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)  # units it does not know are kept
        for number, (column, one) in enumerate(zip(plain.itercols(), stored, strict=True)):
            element.fields.append(_field(file, identifiers[number], column, one))
        write_systems(plain, element, resource)
        dtype = [(f.ID, v.dtype, v.shape[1:]) for f, v in zip(element.fields, stored, strict=True)]
        element.array = np.ma.zeros(len(table), dtype=dtype)
        for field, one in zip(element.fields, stored, strict=True):
            element.array.data[field.ID] = one.data
            element.array.mask[field.ID] = np.ma.getmaskarray(one)
        file.to_xml(stream, tabledata_format="binary2")


def _refuse_remote_data(path: Path) -> None:
    """Raise where data stand at another address: astropy would fetch what a file tells it to."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as stream:
        tail = b""
        while block := stream.read(BLOCK):
            if REMOTE.search(tail + block):
                raise CatalogueError(
                    f"{path} keeps its data at another address (STREAM href); save the table "
                    "with its data inside, with TOPCAT for example."
                )
            tail = block[-LONGEST_TAG:]


def _restore_values(table: Table, name: str) -> None:
    """Take NaN for a value, not a null, and cells of text for strings."""
    column = table[name]
    if column.dtype.kind == "O":
        filled = np.ma.filled(column, None)
        if all(cell is None or isinstance(cell, str) for cell in filled):
            text = np.where(np.equal(filled, np.array(None)), "", filled).astype(str)
            table.replace_column(name, with_values(column, text))
    else:
        hidden = np.asarray(column)[np.ma.getmaskarray(column)]
        if not hidden.size or (column.dtype.kind in "fc" and np.isnan(hidden).all()):
            table.replace_column(name, with_values(column, np.asarray(column)))


def _identifiers(names: list[str]) -> list[str]:
    """Return unique XML identifiers: the names themselves, which astropy reads, where they are."""
    lower = [name.lower() for name in names]
    return [
        name if IDENTIFIER.fullmatch(name) and lower.count(name.lower()) == 1 else f"col_{i + 1}_"
        for i, name in enumerate(names)
    ]


def _xml(text: str) -> str:
    """Return text without the characters that XML forbids."""
    return NOT_XML.sub(" ", text)


def _infos(meta: dict) -> Iterator[Info]:
    """Yield metadata that are text or numbers, one element for each item of a list."""
    items = [
        (str(key), item)
        for key, value in meta.items()
        if key not in ("name", "description")
        for item in (value if isinstance(value, list) else [value])
    ]
    for number, (key, item) in enumerate(items):
        plain = item[0] if isinstance(item, tuple) and item else item  # (value, comment)
        if isinstance(plain, str | int | float):
            yield Info(ID=f"info{number}", name=_xml(key), value=_xml(str(plain)))


def _votable_values(column: Column) -> np.ma.MaskedArray:
    """Return values of a type that VOTable has; its boolean can be null."""
    if column.dtype.kind == "b":
        return np.ma.array(column)
    one = storable(column)
    values = one.values
    code, shape = values.dtype.str[1:], values.shape[1:]
    if 0 in shape or (shape and values.dtype.kind in "SU"):
        what = "empty vectors" if 0 in shape else "vectors of strings"
        raise OutputError(
            f"Column {column.info.name!r} holds {what}, which astropy cannot write to VOTable; "
            "write FITS (.fits), or remove it."
        )
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    elif code == "u8" and len(values) and values.max() > np.iinfo("i8").max:
        values = values.astype(str)
    elif code in SIGNED:
        values = values.astype(SIGNED[code])
    elif values.dtype.kind == "O":
        cells = np.empty_like(values)
        cells[:] = [np.ma.array(cell, mask=np.zeros(cell.shape, bool)) for cell in values]
        values = cells
    return np.ma.array(values, mask=False if one.null is None else values == one.null)


def _field(file: VOTableFile, identifier: str, column: Column, values: np.ma.MaskedArray) -> Field:
    """Return the description of a column."""
    meta = column.info.meta or {}
    sizes = [str(size) for size in values.shape[:0:-1]]
    code = values.dtype.str[1:]
    if values.dtype.kind == "U":
        ascii_only = all(text.isascii() for text in values.data.tolist())
        datatype, sizes = "char" if ascii_only else "unicodeChar", ["*"]
    elif values.dtype.kind == "O":
        code, sizes = values.data[0].dtype.str[1:] if len(values) else "f8", ["*"]
        datatype = DATATYPES[code]
    else:
        datatype = DATATYPES[code]
    field = Field(
        file,
        ID=identifier,
        name=_xml(column.info.name),
        datatype=datatype,
        arraysize="x".join(sizes) or None,
        unit=None if column.unit is None else column.unit.to_string() or None,
        **{key: meta[key] for key in ("ucd", "utype", "xtype") if meta.get(key)},
    )
    field.description = _xml(column.info.description) if column.info.description else None
    if values.dtype.kind == "i" and np.ma.is_masked(values):
        field.values.null = int(np.iinfo(values.dtype).min)
    return field
