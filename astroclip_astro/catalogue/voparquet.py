"""VOParquet: units, UCDs and descriptions in a Parquet file, as a VOTable without data.

The Virtual Observatory's note "Parquet in the VO" (version 1.0) puts such a VOTable, its fields
in the order of the columns, into two entries of the file's metadata.
"""

from __future__ import annotations

import io
import warnings

import numpy as np
import pyarrow as pa
from astropy.io.votable.tree import Field, Resource, TableElement, VOTableFile
from astropy.table import Column, Table
from astropy.utils.exceptions import AstropyWarning

from astroclip_astro.catalogue.votable import identifiers
from astroclip_astro.catalogue.votable_meta import params_and_infos, write_unit, xml_text

VERSION_KEY = b"IVOA.VOTable-Parquet.version"
CONTENT_KEY = b"IVOA.VOTable-Parquet.content"
DATATYPES = {
    **{"bool": "boolean", "uint8": "unsignedByte", "int8": "short", "int16": "short"},
    **{"uint16": "int", "int32": "int", "uint32": "long", "int64": "long", "uint64": "long"},
    **{"halffloat": "float", "float": "float", "double": "double"},
}


def voparquet_metadata(plain: Table, arrow: pa.Table) -> dict[bytes, bytes]:
    """Return the two entries of a Parquet file's metadata that VOParquet asks for.

    Parameters
    ----------
    plain : astropy.table.Table
        Without mixin columns: names, units, descriptions, ``column.meta`` and ``table.meta`` are
        read.
    arrow : pyarrow.Table
        The same columns as they are written.

    Returns
    -------
    dict of bytes to bytes
        Version and content; the content is a VOTable in UTF-8 with a field for each column.

    Examples
    --------
    >>> found = voparquet_metadata(Table({"z": [0.5]}), pa.table({"z": [0.5]}))
    >>> found[VERSION_KEY], b'datatype="double"' in found[CONTENT_KEY]
    (b'1.0', True)
    """
    file, resource = VOTableFile(), Resource()
    element = TableElement(file)
    file.resources.append(resource)
    resource.tables.append(element)
    for key in ("name", "description"):
        if isinstance(plain.meta.get(key), str):
            setattr(element, key, xml_text(plain.meta[key]))
    written = {key: value for key, value in plain.meta.items() if key != "__serialized_columns__"}
    params, infos = params_and_infos(written, file)
    element.params.extend(params)
    element.infos.extend(infos)
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)  # units it does not know are kept
        for number, identifier in enumerate(identifiers(plain.colnames)):
            column = plain.columns[number]
            element.fields.append(_field(file, identifier, column, arrow.schema.types[number]))
        file.to_xml(stream)
    return {VERSION_KEY: b"1.0", CONTENT_KEY: stream.getvalue()}


def _field(file: VOTableFile, identifier: str, column: Column, kind: pa.DataType) -> Field:
    """Return the description of a column."""
    sizes: list[str] = []
    while not pa.types.is_primitive(kind) and kind.num_fields == 1:  # a list of something
        sizes.insert(0, str(kind.list_size) if pa.types.is_fixed_size_list(kind) else "*")
        kind = kind.value_type
    datatype = DATATYPES.get(str(kind))
    xtype = None
    if datatype is None and pa.types.is_decimal(kind):
        datatype = "double"
    elif datatype is None:
        xtype = "timestamp" if pa.types.is_timestamp(kind) else None
        datatype = "char" if _is_ascii(column) else "unicodeChar"
        sizes = ["*"]  # astropy understands no vectors of strings
    if "*" in sizes[:-1] or "0" in sizes:  # VOTable leaves the last size open alone
        sizes = ["*"]
    meta = column.info.meta or {}
    described = {"xtype": xtype} | {
        key: meta[key] for key in ("ucd", "utype", "xtype") if meta.get(key)
    }
    field = Field(
        file,
        ID=identifier,
        name=xml_text(column.info.name),
        datatype=datatype,
        arraysize="x".join(sizes) or None,
        **described,
    )
    write_unit(field, column)
    return field


def _is_ascii(column: Column) -> bool:
    """Return whether the strings of a column are ASCII; of other types nothing speaks against."""
    values = np.asarray(column)
    if values.dtype.kind == "U":
        return "".join(values.reshape(-1).tolist()).isascii()
    return all(cell.isascii() for cell in values.flat if isinstance(cell, str))
