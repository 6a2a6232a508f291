"""The XML documents of a TAP service: results, errors, and what it says about itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from xml.sax.saxutils import escape

import numpy as np
from astropy.io.votable import from_table
from astropy.io.votable.tree import Info
from astropy.table import Table

from astroclip_astro.standin.messages import Answer

VOTABLE = "application/x-votable+xml"
XML = "text/xml"
NOTE = "SIMULATED objects from a stand-in on this machine, not data of any archive"
DATATYPES = {"?": "boolean", "B": "unsignedByte", "h": "short", "i": "int", "l": "long"}
DATATYPES |= {"q": "long", "f": "float", "d": "double"}
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
VODATA = 'xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1"'


def result_document(table: Table, *, overflow: bool) -> Answer:
    """Return the result of a query.

    Parameters
    ----------
    table : Table
        What was found.
    overflow : bool
        Whether there was more.

    Returns
    -------
    Answer
        Status 200, a VOTable in TABLEDATA whose description says that it is simulated.

    Examples
    --------
    >>> answer = result_document(Table({"z": [0.5]}), overflow=True)
    >>> b"OVERFLOW" in answer.body, b"SIMULATED" in answer.body
    (True, True)
    """
    votable = from_table(table)
    resource = votable.resources[0]
    votable.description = resource.description = resource.tables[0].description = NOTE
    resource.type = "results"
    resource.infos.append(Info(name="QUERY_STATUS", value="OK"))
    stream = BytesIO()
    votable.to_xml(stream, tabledata_format="tabledata")
    body = stream.getvalue()
    if overflow:  # which a service knows at the end only: DALI puts it behind the table
        before, end, after = body.rpartition(b"</RESOURCE>")
        body = before + b'<INFO name="QUERY_STATUS" value="OVERFLOW"/>' + end + after
    return Answer(200, VOTABLE, body)


def error_document(message: str, *, status: int = 400) -> Answer:
    """Return why there is no result.

    Parameters
    ----------
    message : str
        For people.
    status : int
        HTTP status; 200 for the error of a job, which is a document of its own.

    Returns
    -------
    Answer
        A VOTable without table.

    Examples
    --------
    >>> b'value="ERROR">no such column: ra<' in error_document("no such column: ra").body
    True
    """
    body = (
        '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f"<DESCRIPTION>{NOTE}</DESCRIPTION>"
        '<RESOURCE type="results">'
        f'<INFO name="QUERY_STATUS" value="ERROR">{escape(message)}</INFO>'
        "</RESOURCE></VOTABLE>"
    )
    return _document(body, status=status, content_type=VOTABLE)


def availability() -> Answer:
    """Return that the service is up.

    Returns
    -------
    Answer
        A VOSI document.
    """
    return _document(
        '<vosi:availability xmlns:vosi="http://www.ivoa.net/xml/VOSIAvailability/v1.0">'
        f"<vosi:available>true</vosi:available><vosi:note>{NOTE}</vosi:note></vosi:availability>"
    )


def capabilities(base: str, *, rows: int, seconds: float) -> Answer:
    """Return what the service can do.

    Parameters
    ----------
    base : str
        Address of the service.
    rows : int
        Rows a result can have.
    seconds : float
        What a query may take.

    Returns
    -------
    Answer
        A VOSI document.
    """
    std = "ivo://ivoa.net/std/"
    own = "".join(
        f'<capability standardID="{std}VOSI#{name}"><interface xsi:type="vs:ParamHTTP">'
        f'<accessURL use="full">{escape(base)}/{name}</accessURL></interface></capability>'
        for name in ("availability", "capabilities", "tables")
    )
    functions = "".join(
        f"<feature><form>{form}</form></feature>"
        for form in (
            "q3c_dist(ra1 DOUBLE, dec1 DOUBLE, ra2 DOUBLE, dec2 DOUBLE) -> DOUBLE",
            "q3c_radial_query(ra DOUBLE, dec DOUBLE, ra0 DOUBLE, dec0 DOUBLE, radius DOUBLE)"
            " -> BOOLEAN",
        )
    ).replace("->", "-&gt;")
    return _document(
        '<vosi:capabilities xmlns:vosi="http://www.ivoa.net/xml/VOSICapabilities/v1.0"'
        f' xmlns:tr="http://www.ivoa.net/xml/TAPRegExt/v1.0" {VODATA} {XSI}>{own}'
        f'<capability standardID="{std}TAP" xsi:type="tr:TableAccess">'
        '<interface role="std" version="1.1" xsi:type="vs:ParamHTTP">'
        f'<accessURL use="base">{escape(base)}</accessURL></interface>'
        f'<language><name>ADQL</name><version ivo-id="{std}ADQL#v2.0">2.0</version>'
        f"<description>What SQLite makes of ADQL, over {NOTE}</description>"
        f'<languageFeatures type="{std}TAPRegExt#features-udf">{functions}</languageFeatures>'
        f'</language><outputFormat ivo-id="{std}TAPRegExt#output-votable-td"><mime>{VOTABLE}'
        "</mime><alias>votable</alias></outputFormat>"
        f"<executionDuration><default>{seconds:.0f}</default></executionDuration>"
        f'<outputLimit><default unit="row">{rows}</default><hard unit="row">{rows}</hard>'
        "</outputLimit></capability></vosi:capabilities>"
    )


def tableset(tables: Mapping[str, Table], name: str = "") -> Answer | None:
    """Return which tables and columns there are.

    Parameters
    ----------
    tables : mapping of str to Table
        By name with schema.
    name : str
        The one that is asked for, "" for all.

    Returns
    -------
    Answer or None
        A VOSI document; None where there is no such table.

    Examples
    --------
    >>> tables = {"desi_dr1.zpix": Table({"z": [0.5]})}
    >>> b"<name>desi_dr1.zpix</name>" in tableset(tables).body
    True
    """
    spaces = f'xmlns:vtm="http://www.ivoa.net/xml/VOSITables/v1.0" {VODATA} {XSI} version="1.1"'
    if name:
        if name not in tables:
            return None
        return _document(f"<vtm:table {spaces}>{_describe(name, tables[name])}</vtm:table>")
    schemas = "".join(
        f"<schema><name>{schema}</name>"
        + "".join(
            f"<table>{_describe(full, table)}</table>"
            for full, table in tables.items()
            if full.partition(".")[0] == schema
        )
        + "</schema>"
        for schema in _schemas(tables)
    )
    return _document(f"<vtm:tableset {spaces}>{schemas}</vtm:tableset>")


def schema_tables(tables: Mapping[str, Table]) -> dict[str, Table]:
    """Return the tables about tables that a TAP service has to have.

    Parameters
    ----------
    tables : mapping of str to Table
        By name with schema.

    Returns
    -------
    dict of str to Table
        ``tap_schema.schemas``, ``.tables`` and ``.columns``; there are no keys here.

    Examples
    --------
    >>> found = schema_tables({"desi_dr1.zpix": Table({"z": [0.5]})})
    >>> found["tap_schema.columns"]["table_name", "column_name", "datatype"].pprint()
      table_name  column_name datatype
    ------------- ----------- --------
    desi_dr1.zpix           z   double
    """
    schemas = [(schema, NOTE) for schema in _schemas(tables)]
    listed = [(name.partition(".")[0], name, "table", NOTE) for name in tables]
    columns = [
        (name, column.name, column.description or "", str(column.unit or ""), _datatype(column))
        for name, table in tables.items()
        for column in table.itercols()
    ]
    heads = {
        "schemas": (schemas, "schema_name description"),
        "tables": (listed, "schema_name table_name table_type description"),
        "columns": (columns, "table_name column_name description unit datatype"),
    }
    return {
        f"tap_schema.{name}": Table(rows=rows, names=names.split())
        for name, (rows, names) in heads.items()
    }


def _document(body: str, *, status: int = 200, content_type: str = XML) -> Answer:
    """Return an XML document as an answer."""
    return Answer(status, content_type, f"<?xml version='1.0' encoding='UTF-8'?>{body}".encode())


def _schemas(tables: Iterable[str]) -> list[str]:
    """Return the schemas of names, each once."""
    return list(dict.fromkeys(name.partition(".")[0] for name in tables))


def _datatype(column: np.ndarray) -> str:
    """Return what VOTable calls the type of a column."""
    return DATATYPES.get(column.dtype.char, "char")


def _describe(name: str, table: Table) -> str:
    """Return one table and its columns as VODataService has them."""
    parts = [f"<name>{name}</name><description>{NOTE}</description>"]
    for column in table.itercols():
        size = ' arraysize="*"' if _datatype(column) == "char" else ""
        parts.append(
            f"<column><name>{escape(column.name)}</name>"
            f"<description>{escape(column.description or '')}</description>"
            + (f"<unit>{escape(str(column.unit))}</unit>" if column.unit else "")
            + f'<dataType xsi:type="vs:VOTableType"{size}>'
            f"{_datatype(column)}</dataType></column>"
        )
    return "".join(parts)
