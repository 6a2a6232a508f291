"""Packed files are known by their content, and read like others."""

import gzip
import io

import pytest

from astroclip_astro.storage.packed import is_packed, open_unpacked


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_content_is_the_same_whatever_name_and_packing(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(b"ra,dec\n"))
    with open_unpacked(tmp_path / name) as stream:
        assert stream.read() == b"ra,dec\n"


@pytest.mark.parametrize(
    ("content", "packed"), [(b"", False), (b"\x1f", False), (b"\x1f\x8b", True)]
)
def test_stream_is_at_its_beginning_afterwards(content, packed):
    stream = io.BytesIO(content)
    stream.seek(0, io.SEEK_END)
    assert is_packed(stream) is packed
    assert stream.tell() == 0
