"""Tables as VOTable, in a form that validators and TOPCAT accept."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from astropy.io.votable.tree import Field, Resource, TableElement, VOTableFile
from astropy.table import Column, Table
from astropy.utils.exceptions import AstropyWarning

from astroclip_astro.catalogue.coordinate_systems import read_systems, write_systems
from astroclip_astro.catalogue.nulls import decoded, storable, with_values, without_mixins
from astroclip_astro.catalogue.table_choice import (
    ANY_TABLE,
    ListedTable,
    TableChoice,
    choose_table,
)
from astroclip_astro.catalogue.units import set_unit
from astroclip_astro.catalogue.votable_document import TEXT, Document, DocumentTable
from astroclip_astro.catalogue.votable_meta import (
    ATTRIBUTES,
    FILE_KEY,
    RESOURCE_KEY,
    describe_field,
    document_meta,
    params_and_infos,
    service_error,
    write_unit,
    xml_text,
)
from astroclip_astro.errors import CatalogueError, OutputError

DATATYPES = {
    **{"b1": "boolean", "u1": "unsignedByte", "i2": "short", "i4": "int", "i8": "long"},
    **{"f4": "float", "f8": "double", "c8": "floatComplex", "c16": "doubleComplex"},
}
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
FIELD_KEYS = ("ucd", "utype", "xtype", "width", "precision")
SIGNED = {"u2": "i4", "u4": "i8", "u8": "i8"}  # VOTable has no unsigned type but the byte


def read_votable(path: str | Path, wanted: TableChoice = ANY_TABLE) -> Table:
    """Read one table of a VOTable file: the one that is wanted, else the first with positions.

    Parameters
    ----------
    path : str or Path
        VOTable file, gzipped or not.
    wanted : TableChoice
        Which table, where there are several; by its ``name``, its ``ID``, or its number from 1.

    Returns
    -------
    astropy.table.Table
        UCDs, utypes and the coordinate systems that columns refer to are in ``column.meta``
        (``ucd``, ``utype``, ``coosys``), INFO and PARAM elements in ``table.meta``, as
        `~astroclip_astro.catalogue.votable_meta.document_meta` has them. NaN is a value; nulls of
        other types are masked.

    Raises
    ------
    CatalogueError
        Where there is no table, or not as many rows as it claims; where the file asks for data
        from elsewhere, which are never fetched; where it is a service's report of an error.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.vot"
    >>> with path.open("wb") as stream:
    ...     write_votable(Table({"z": [0.5]}), stream)
    >>> read_votable(path)["z"][0]
    np.float64(0.5)
    """
    path = Path(path)
    document = Document(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        file = document.read()
        elements = list(file.iter_tables())
        filled = any(len(element.array) for element in elements)
        if words := service_error(document.scopes, filled=filled):
            raise CatalogueError(
                f"{path} is no table, but a service's report of an error: {words[:500]!r}; mend "
                "the query, and fetch it again."
            )
        if not elements:
            raise CatalogueError(f"{path} is a VOTable without a table; pass one that has rows.")
        listed = _listed(document, elements)
        number = choose_table(path, listed, wanted).number
        found, element = document.tables[number - 1], elements[number - 1]
        if found.claimed not in (None, len(element.array)):
            raise CatalogueError(
                f"{path} is damaged: it claims {found.claimed} rows and has {len(element.array)}; "
                "fetch it again."
            )
        table = element.to_table(use_names_over_ids=True)
    if not found.identifier:
        table.meta.pop("ID", None)  # one that astropy has made up
    table.meta.update(document_meta(found.scopes))
    for name, attributes in zip(table.colnames, _fields(document, found), strict=True):
        _restore_values(table, name)
        _restore_vectors(table, name, attributes)
        if words := table[name].description:  # writers wrap long ones
            table[name].description = " ".join(words.split())
        if unit := attributes.get("unit", "").strip():
            set_unit(table[name], unit, "cds", "generic", written="vounit")
    read_systems(file, element, table)
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
    plain = without_mixins(table, "ecsv")
    stored = [votable_values(column) for column in plain.itercols()]
    file, resource = VOTableFile(), Resource()
    element = TableElement(file, nrows=len(table))
    file.resources.append(resource)
    resource.tables.append(element)
    known_as = identifiers(plain.colnames)
    for key in ATTRIBUTES:
        text = table.meta.get(key)
        if isinstance(text, str) and (key != "ID" or _is_free(text, known_as)):
            setattr(element, key, xml_text(text))
    resource.description = _text_of(table.meta, RESOURCE_KEY)
    file.description = _text_of(table.meta, FILE_KEY)
    params, infos = params_and_infos(table.meta, file)
    element.params.extend(params)
    element.infos.extend(infos)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)  # units it does not know are kept
        for number, (column, one) in enumerate(zip(plain.itercols(), stored, strict=True)):
            element.fields.append(_field(file, known_as[number], column, one))
        write_systems(plain, element, resource)
        dtype = [(f.ID, v.dtype, v.shape[1:]) for f, v in zip(element.fields, stored, strict=True)]
        element.array = np.ma.zeros(len(table), dtype=dtype)
        for field, one in zip(element.fields, stored, strict=True):
            element.array.data[field.ID] = one.data
            element.array.mask[field.ID] = np.ma.getmaskarray(one)
        file.to_xml(stream, tabledata_format="binary2")


def is_votable(head: bytes) -> bool:
    """Return whether a file that begins so is a VOTable.

    Parameters
    ----------
    head : bytes
        Some thousand bytes, in UTF-8, UTF-16 or whatever is like ASCII.

    Examples
    --------
    >>> is_votable('<?xml version="1.0"?><VOTABLE>'.encode("utf-16")), is_votable(b"ra,dec")
    (True, False)
    """
    # Every other byte of UTF-16 is zero where its letters are ASCII.
    return re.search(rb"<(\w[\w.-]*:)?VOTABLE[\s>]", head.replace(b"\0", b"")) is not None


def _fields(document: Document, found: DocumentTable) -> list[dict[str, str]]:
    """Return the attributes of a table's columns; it may have those of another table."""
    if found.fields or not found.reference:
        return found.fields
    return next(one.fields for one in document.tables if one.identifier == found.reference)


def _listed(document: Document, elements: list[TableElement]) -> Iterator[ListedTable]:
    """Yield what is known of each table of a document."""
    for number, found in enumerate(document.tables, start=1):
        columns = Table()
        for field in _fields(document, found):
            name = field.get("name") or field.get("ID", "")
            if name not in columns.colnames:
                columns[name] = Column([], meta={"ucd": field.get("ucd")})
        rows = len(elements[number - 1].array)
        yield ListedTable(number, found.name or found.identifier, rows, columns)


def _restore_vectors(table: Table, name: str, attributes: dict[str, str]) -> None:
    """Cut texts into the vectors of texts that a column says it has."""
    size = attributes.get("arraysize", "")
    column, kind = table[name], attributes.get("datatype")
    if kind not in TEXT or not re.fullmatch(r"[1-9]\d*(x\d+)+|[1-9]\d*x\*", size):
        return
    width, *counts = (int(one) for one in size.split("x") if one != "*")
    texts = column.tolist()
    if column.dtype.kind == "u":  # as it stands in binary
        packed = np.ma.filled(column, 0).reshape(len(column), -1)
        encoding = "ascii" if kind == "char" else "utf-16-be"
        texts = [row.tobytes().decode(encoding, "replace") for row in packed]
    longest = -(-max(map(len, texts), default=0) // width)
    shape = tuple(counts[::-1]) or (longest,)
    number = prod(shape)
    cells = [
        [
            text[place : place + width].split("\0")[0].rstrip()
            for place in range(0, number * width, width)
        ]
        for text in texts
    ]
    values = np.array(cells, dtype=str).reshape(len(column), *shape)
    table.replace_column(name, with_values(column, values))


def _is_free(identifier: str, taken: list[str]) -> bool:
    """Return whether an identifier is one, and none of a column or of this package's INFOs."""
    return (
        IDENTIFIER.fullmatch(identifier) is not None
        and identifier.lower() not in (one.lower() for one in taken)
        and not re.fullmatch(r"info\d+", identifier)
    )


def _text_of(meta: dict, key: str) -> str | None:
    """Return a text of a table's metadata, None where there is none."""
    return xml_text(meta[key]) if isinstance(meta.get(key), str) else None


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


def identifiers(names: list[str]) -> list[str]:
    """Return unique XML identifiers: the names themselves, which astropy reads, where they are."""
    lower = [name.lower() for name in names]
    return [
        name if IDENTIFIER.fullmatch(name) and lower.count(name.lower()) == 1 else f"col_{i + 1}_"
        for i, name in enumerate(names)
    ]


def votable_values(column: Column) -> np.ma.MaskedArray:
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
        values = decoded(values, column.info.name, "VOTable")
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
        name=xml_text(column.info.name),
        datatype=datatype,
        arraysize="x".join(sizes) or None,
        **{key: meta[key] for key in FIELD_KEYS if meta.get(key)},
    )
    describe_field(field, meta)
    write_unit(field, column)
    if values.dtype.kind == "i" and np.ma.is_masked(values):
        field.values.null = int(np.iinfo(values.dtype).min)
    return field
