"""Letters in any encoding and packing become UTF-8, and what is no text is refused."""

import bz2
import gzip
import lzma

import pytest

from astroclip_astro.catalogue.text_encoding import read_letters, to_utf8
from astroclip_astro.errors import CatalogueError


@pytest.fixture
def file(tmp_path):
    def make(content):
        path = tmp_path / "t.csv"
        path.write_bytes(content)
        return path

    return make


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_encodings_that_say_so_or_cannot_be_anything_else(encoding):
    assert to_utf8("name,ra\nM 31,10.7\n".encode(encoding)) == (b"name,ra\nM 31,10.7\n", "")


def test_other_letters_are_assumed_and_the_line_is_named():
    assert to_utf8("name\nMárkus\n".encode("latin-1")) == (
        "name\nMárkus\n".encode(),
        "read as Windows-1252, since line 2 is not UTF-8",
    )


def test_letter_that_windows_does_not_have_is_latin_1():
    assert to_utf8(b"\x81")[1].startswith("read as Latin-1")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_text_is_read_whatever_its_name(file, pack):
    assert read_letters(file(pack(b"ra,dec\n1,2\n"))) == (b"ra,dec\n1,2\n", "")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packing_that_is_cut_off_is_said(file, pack):
    with pytest.raises(CatalogueError, match="cannot be unpacked: it is cut off or damaged"):
        read_letters(file(pack(b"ra,dec\n1,2\n" * 100)[:-20]))


@pytest.mark.parametrize("end", [b"\r", b"\n\x1a", b""])
def test_lines_of_other_systems(file, end):
    assert read_letters(file(b"ra" + end))[0].rstrip(b"\n") == b"ra"


def test_broken_unicode_is_named(file):
    with pytest.raises(CatalogueError, match="begins like UTF-16"):
        read_letters(file(b"\xff\xfea\x00b"))


def test_bytes_are_no_text(file):
    with pytest.raises(CatalogueError, match="NUL characters"):
        read_letters(file(b"ra,dec\n1\0,2\n"))
