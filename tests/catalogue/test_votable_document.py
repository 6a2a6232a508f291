"""No VOTable makes this machine fetch, open or allocate anything."""

import base64
import gzip
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.errors import CatalogueError

FIELDS = '<FIELD name="ra" datatype="double"/><FIELD name="dec" datatype="double"/>'
ROW = base64.b64encode(b"\0" * 17).decode()


@pytest.fixture
def server():
    """A server on this machine that lists what is asked of it."""
    asked = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ROW.encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        http.asked = asked
        yield http
        http.shutdown()
        thread.join()


def votable(data, head="", begin="<VOTABLE version='1.4'>", end="</VOTABLE>"):
    return (
        f'<?xml version="1.0"?>{head}{begin}<RESOURCE><TABLE>{FIELDS}'
        f"<DATA>{data}</DATA></TABLE></RESOURCE>{end}"
    )


def binary(stream, form="BINARY2"):
    return f"<{form}>{stream}</{form}>"


HIDDEN = {
    "plain": lambda to: votable(binary(f'<STREAM encoding="base64" href="{to}"/>')),
    "in BINARY": lambda to: votable(binary(f'<STREAM href="{to}"/>', "BINARY")),
    "with data too": lambda to: votable(binary(f'<STREAM href="{to}">{ROW}</STREAM>')),
    "behind >": lambda to: votable(binary(f'<STREAM rights="a > b" href="{to}"/>')),
    "long rights": lambda to: votable(binary(f'<STREAM rights="{"x" * 9000}" href="{to}"/>')),
    "in lines": lambda to: votable(binary(f"<STREAM\n\n\thref\n=\n'{to}'\n/>")),
    "prefix": lambda to: votable(binary(f'<v:STREAM href="{to}"/>')),
    "prefix with a dash": lambda to: votable(binary(f'<my-vot:STREAM href="{to}"/>')),
    "prefix with a dot": lambda to: votable(binary(f'<my.vot:STREAM href="{to}"/>')),
    "prefix beyond ASCII": lambda to: votable(binary(f'<é:STREAM href="{to}"/>')),
    "across a block": lambda to: votable(
        binary(f'<STREAM {" " * 3000}href="{to}"/>'),
        begin=f"<VOTABLE version='1.4'><!--{'x' * ((1 << 20) - 2500)}-->",
    ),
    "letters as numbers": lambda to: votable(
        binary(f'<STREAM href="{"".join(f"&#{ord(c)};" for c in to)}"/>')
    ),
    "entity": lambda to: votable(
        "&data;",
        head=f"<!DOCTYPE VOTABLE [<!ENTITY data '<BINARY2><STREAM href=\"{to}\"/></BINARY2>'>]>",
    ),
    "entity in the address": lambda to: votable(
        binary('<STREAM href="&to;"/>'), head=f'<!DOCTYPE VOTABLE [<!ENTITY to "{to}">]>'
    ),
    "default": lambda to: votable(
        binary("<STREAM/>"),
        head=f'<!DOCTYPE VOTABLE [<!ATTLIST STREAM href CDATA "{to}">]>',
    ),
    "outer entity": lambda to: votable(
        "&data;", head=f'<!DOCTYPE VOTABLE [<!ENTITY data SYSTEM "{to}">]>'
    ),
    "outer definition": lambda to: votable(
        binary(f"<STREAM>{ROW}</STREAM>"),
        head=f'<!DOCTYPE VOTABLE SYSTEM "{to}" [<!ENTITY % a SYSTEM "{to}"> %a;]>',
    ),
    "FITS": lambda to: votable(f'<FITS><STREAM href="{to}"/></FITS>'),
    "Parquet": lambda to: votable(
        f'<PARQUET type="VOTable-remote-file"><STREAM href="{to}"/></PARQUET>'
    ),
    "second table": lambda to: votable(
        "<TABLEDATA><TR><TD>1</TD><TD>2</TD></TR></TABLEDATA></DATA></TABLE><TABLE>"
        + FIELDS
        + f'<DATA>{binary(f"""<STREAM href="{to}"/>""")}'
    ),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("way", HIDDEN)
def test_data_at_another_address_are_not_fetched(tmp_path, server, way, encoding):
    text = HIDDEN[way](f"http://127.0.0.1:{server.server_port}/data")
    text = ("\ufeff" if encoding == "utf-16-be" else "") + text
    (tmp_path / "t.vot").write_bytes(text.encode(encoding))
    with pytest.raises(CatalogueError, match=r"never fetched|declarations of its own|its data as"):
        read_catalogue(tmp_path / "t.vot")
    assert server.asked == []


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("way", HIDDEN)
def test_files_of_this_machine_are_not_opened(tmp_path, monkeypatch, way, packed):
    secret = tmp_path / "secret"
    secret.write_bytes(base64.b64decode(ROW))
    text = HIDDEN[way](f"file://{secret}").encode()
    (tmp_path / "t.vot").write_bytes(gzip.compress(text) if packed else text)
    before = secret.stat().st_atime_ns
    opened = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *where, **_: opened.append(where))
    with pytest.raises(CatalogueError, match=r"never fetched|declarations of its own|its data as"):
        read_catalogue(tmp_path / "t.vot")
    assert (opened, secret.stat().st_atime_ns) == ([], before)


def test_plain_document_type_of_old_files_is_read(tmp_path, server):
    """VOTable 1.0 names a definition; nobody needs it."""
    to = f"http://127.0.0.1:{server.server_port}/VOTable.dtd"
    rows = "<TABLEDATA><TR><TD>1.5</TD><TD>2.5</TD></TR></TABLEDATA>"
    text = votable(rows, head=f'<!DOCTYPE VOTABLE SYSTEM "{to}">', begin='<VOTABLE version="1.1">')
    (tmp_path / "t.vot").write_text(text)
    assert read_catalogue(tmp_path / "t.vot")["ra"].tolist() == [1.5]
    assert server.asked == []


def test_links_are_text(tmp_path, server):
    to = f"http://127.0.0.1:{server.server_port}/data"
    rows = "<TABLEDATA><TR><TD>1.5</TD><TD>2.5</TD></TR></TABLEDATA>"
    text = votable(rows).replace("<DATA>", f'<LINK href="{to}"/><DATA>')
    (tmp_path / "t.vot").write_text(text)
    assert read_catalogue(tmp_path / "t.vot")["dec"].tolist() == [2.5]
    assert server.asked == []


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_other_encodings_are_read(tmp_path, encoding):
    rows = "<TABLEDATA><TR><TD>1.5</TD><TD>2.5</TD><TD>Müller</TD></TR></TABLEDATA>"
    text = votable(rows).replace(
        "<DATA>", '<FIELD name="é" datatype="unicodeChar" arraysize="*"/><DATA>'
    )
    text = text.replace('version="1.0"?', f'version="1.0" encoding="{encoding}"?')
    (tmp_path / "t.vot").write_bytes(text.encode(encoding))
    assert read_catalogue(tmp_path / "t.vot")["é"].tolist() == ["Müller"]


def sized(size, datatype="double", form="TABLEDATA", data="<TR><TD/></TR>"):
    if form != "TABLEDATA":
        data = f'<STREAM encoding="base64">{ROW}</STREAM>'
    return (
        '<VOTABLE version="1.4"><RESOURCE><TABLE><FIELD name="ra" '
        f'datatype="{datatype}" arraysize="{size}"/><DATA><{form}>{data}</{form}></DATA></TABLE>'
        "</RESOURCE></VOTABLE>"
    )


ROWS = "<TABLEDATA><TR><TD>1</TD><TD>2</TD></TR></TABLEDATA>"
CLAIMS = {
    "rows": votable(ROWS).replace("<TABLE>", '<TABLE nrows="200000000000">'),
    "rows in binary": votable(binary(f'<STREAM encoding="base64">{ROW}</STREAM>')).replace(
        "<TABLE>", '<TABLE nrows="200000000000">'
    ),
    "rows of 5000 digits": votable(ROWS).replace("<TABLE>", f'<TABLE nrows="{"9" * 5000}">'),
    "negative rows": votable(ROWS).replace("<TABLE>", '<TABLE nrows="-5">'),
    "numbers in a cell": sized("20000000000"),
    "product of sizes": sized("200000x200000"),
    "product beyond 64 bits": sized("x".join(["99999999999"] * 9)),
    "numbers in a cell, binary": sized("20000000000", form="BINARY"),
    "letters in a cell, binary": sized("20000000000", "char", form="BINARY"),
    "letters in a cell, BINARY2": sized("20000000000", "unicodeChar", form="BINARY2"),
    "bits in a cell": sized("20000000000", "bit", form="BINARY2"),
    "empty vectors in many rows": sized("1000000", data="<TR><TD/></TR>" * 2000),
    "cells of no bytes": sized("0", form="BINARY"),
    "vectors of nothing": sized("0x*", form="BINARY2"),
    "parameter": votable(ROWS).replace(
        "<TABLE>",
        '<TABLE><PARAM name="p" datatype="double" arraysize="9999999999" value="1"/>',
    ),
    "depth": votable(ROWS).replace("<RESOURCE>", "<RESOURCE>" * 50000)[:600_000],
    "groups in groups": votable(ROWS).replace("<DATA>", "<GROUP>" * 50000),
    "billion laughs": votable(
        ROWS,
        head="<!DOCTYPE VOTABLE [<!ENTITY a0 'ha'>"
        + "".join(f"<!ENTITY a{i + 1} '{f'&a{i};' * 10}'>" for i in range(9))
        + "]>",
    ),
}
MEASURE = """
import resource, sys, time, tracemalloc
from astroclip_astro.catalogue import read_catalogue
from astroclip_astro.errors import CatalogueError
for path in sys.argv[1:]:
    tracemalloc.start()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    try:
        read_catalogue(path)
        words = "READ"
    except CatalogueError as error:
        words = str(error).replace(chr(10), " ")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(time.process_time() - start, tracemalloc.get_traced_memory()[1] / 2**20, grown, words)
    tracemalloc.stop()
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Seconds, megabytes by Python and by the process, and the message of each claim."""
    folder = tmp_path_factory.mktemp("claims")
    paths = []
    for number, text in enumerate(CLAIMS.values()):
        paths.append(folder / f"{number}.vot")
        paths[-1].write_text(text)
    result = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)],
        **{"capture_output": True, "text": True, "check": True},
    )
    lines = [line.split(" ", 3) for line in result.stdout.splitlines()]
    found = [(*map(float, numbers), words) for *numbers, words in lines]
    return dict(zip(CLAIMS, found, strict=True))


@pytest.mark.parametrize("claim", CLAIMS)
def test_claims_are_refused_before_anything_is_built(measured, claim):
    seconds, traced, grown, words = measured[claim]
    assert words.startswith("/"), words
    assert words != "READ"
    assert seconds < 1
    assert max(traced, grown) < 100


def test_empty_vectors_among_filled_ones_are_read(tmp_path):
    """Spectra that some rows lack are no claim."""
    cell = " ".join(["1.5"] * 500)
    rows = f"<TR><TD>{cell}</TD></TR>" + "<TR><TD/></TR>" * 200
    (tmp_path / "t.vot").write_text(sized("500", data=rows))
    column = read_catalogue(tmp_path / "t.vot")["ra"]
    assert (column.shape, column[0, 499], column.mask.all(axis=1).sum()) == ((201, 500), 1.5, 200)
