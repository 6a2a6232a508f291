"""VOTables that want more than to be read are refused before anything is done."""

import tracemalloc
from io import BytesIO

import pytest
from astropy.table import Table
from hypothesis import given, settings, strategies as st

from astroclip_astro.fetch.desi_catalogue.votable_reply import read_votable
from astroclip_astro.fetch.transport import BadReplyError, Reply


def written(table_format):
    """A VOTable of two rows."""
    stream = BytesIO()
    table = Table({"targetid": [39627866878511337, 2], "survey": ["main", "sv3"], "z": [0.1, 0.2]})
    table.write(stream, format="votable", tabledata_format=table_format)
    return stream.getvalue()


FORMATS = {name: written(name) for name in ("tabledata", "binary", "binary2")}


def read(content, rows=10):
    return read_votable(Reply("text/xml", content, "http://127.0.0.1/tap"), rows=rows)


@pytest.mark.parametrize("content", FORMATS.values(), ids=FORMATS)
def test_every_serialisation_is_read(content):
    table = read(content).get_first_table().to_table()
    assert table["targetid"].tolist() == [39627866878511337, 2]


def document(table, before=""):
    return f'<?xml version="1.0"?>{before}<VOTABLE><RESOURCE>{table}</RESOURCE></VOTABLE>'.encode()


FIELD = '<FIELD name="a" datatype="int"/>'
STREAM = '<STREAM encoding="base64">AAAA</STREAM>'
BAD = {
    "file": f'<TABLE>{FIELD}<DATA><BINARY><STREAM href="file:///secret"/></BINARY></DATA></TABLE>',
    "address": f'<TABLE>{FIELD}<DATA><BINARY2><STREAM href="http://x/"/></BINARY2></DATA></TABLE>',
    "prefix": (
        f'<v:TABLE xmlns:v="v">{FIELD}<v:DATA><v:BINARY><v:STREAM href="file:///secret"/>'
        "</v:BINARY></v:DATA></v:TABLE>"
    ),
    "fits": f'<TABLE>{FIELD}<DATA><FITS><STREAM encoding="base64"/></FITS></DATA></TABLE>',
    "rows": f'<TABLE nrows="99999999999">{FIELD}<DATA><TABLEDATA/></DATA></TABLE>',
    "negative rows": f'<TABLE nrows="-1">{FIELD}<DATA><TABLEDATA/></DATA></TABLE>',
    "long cells": '<TABLE><FIELD name="a" datatype="char" arraysize="999999999"/></TABLE>',
    "many cells": '<TABLE><FIELD name="a" datatype="int" arraysize="9999x9999"/></TABLE>',
    "empty cells": (
        '<TABLE><FIELD name="a" datatype="char" arraysize="0"/><DATA><BINARY>'
        f"{STREAM}</BINARY></DATA></TABLE>"
    ),
    "no columns": f"<TABLE><DATA><BINARY>{STREAM}</BINARY></DATA></TABLE>",
    "two tables": f"<TABLE>{FIELD}</TABLE><TABLE>{FIELD}</TABLE>",
}


@pytest.mark.parametrize("table", BAD.values(), ids=BAD)
def test_demand_is_refused(table):
    with pytest.raises(BadReplyError, match=r"VOTable with .*, expected"):
        read(document(table))


def test_document_type_is_refused():
    bomb = '<!DOCTYPE v [<!ATTLIST STREAM href CDATA "file:///secret">]>'
    with pytest.raises(BadReplyError, match="document type"):
        read(document(f"<TABLE>{FIELD}</TABLE>", before=bomb))


def test_claimed_rows_take_no_memory():
    tracemalloc.start()
    with pytest.raises(BadReplyError):
        read(document(BAD["rows"]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_utf_16_is_looked_through_too():
    content = document(BAD["file"]).decode().replace('"1.0"', '"1.0" encoding="UTF-16"')
    with pytest.raises(BadReplyError, match="its data within"):
        read(content.encode("utf-16"))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(FORMATS)))
def test_damage_is_a_bad_reply_or_does_no_harm(data, name):
    content = bytearray(FORMATS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[place] = data.draw(st.integers(0, 255))
        else:
            del content[place : place + data.draw(st.integers(1, 200))]
        if not content:
            break
    try:
        votable = read(bytes(content))
    except BadReplyError:
        return
    assert len(list(votable.iter_tables())) <= 1
