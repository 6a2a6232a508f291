"""Tables through pipes: the format by content alone, the whole table or an error."""

import gzip
import io

import numpy as np
import pytest
from astropy.table import Table

from astroclip_astro.catalogue import write_catalogue
from astroclip_astro.catalogue.streams import FORMATS, is_binary, read_stream, write_stream
from astroclip_astro.errors import CatalogueError, OutputError


@pytest.fixture
def table():
    return Table({"name": ["a", "b"], "ra": [1.5, 2.5], "dec": [-1.0, 0.0]})


@pytest.mark.parametrize("form", FORMATS)
def test_what_was_written_is_read_in_its_format(table, form):
    stream = io.BytesIO()
    write_stream(table, form, stream)
    again, found = read_stream(io.BytesIO(stream.getvalue()))
    assert found == form
    assert again.colnames == table.colnames
    assert again["name"].tolist() == ["a", "b"]
    assert again["ra"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("form", FORMATS)
def test_packed_input_is_read(table, form):
    stream = io.BytesIO()
    write_stream(table, form, stream)
    again, found = read_stream(io.BytesIO(gzip.compress(stream.getvalue())))
    assert (found, len(again)) == (form, 2)


@pytest.mark.parametrize("suffix", ["fits", "vot", "ecsv", "csv", "parquet"])
def test_files_of_this_package_are_read(table, tmp_path, suffix):
    write_catalogue(table, tmp_path / f"t.{suffix}")
    again, _ = read_stream(io.BytesIO((tmp_path / f"t.{suffix}").read_bytes()))
    assert np.array_equal(again["dec"], table["dec"])


def test_other_text_is_recognised_and_answered_in_csv():
    table, form = read_stream(io.BytesIO(b"ra dec\n1.5 2.5\n"))
    assert (table.colnames, form) == (["ra", "dec"], "csv")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Standard input is empty"),
        (b"ra,dec\n", "Standard input has no rows"),
        (b"\0\1\2", "Standard input begins"),
        (b"\x1f\x8bjunk", "Standard input cannot be unpacked"),
        (b"SIMPLE  =     junk", "Standard input is truncated: the header"),
        (b"PAR1junk", "Standard input cannot be read as Parquet"),
    ],
)
def test_what_is_no_table_is_explained(content, words):
    with pytest.raises(CatalogueError, match=f"^{words}"):
        read_stream(io.BytesIO(content))


def test_column_that_the_format_cannot_hold_writes_nothing(table):
    table["x"] = np.array([[1], [1, 2]], dtype=object)
    stream = io.BytesIO()
    with pytest.raises(OutputError):
        write_stream(table, "csv", stream)
    assert stream.getvalue() == b""


def test_closed_pipe_is_said(table):
    class Closed(io.BytesIO):
        def write(self, content):
            raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(OutputError, match=r"Standard output cannot be written \(Broken pipe\)"):
        write_stream(table, "csv", Closed())


def test_text_is_for_terminals():
    assert [form for form in FORMATS if is_binary(form)] == ["fits", "parquet"]
