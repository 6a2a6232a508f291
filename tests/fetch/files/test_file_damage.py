"""What is wrong with a file is said as it is."""

import gzip
import zlib

import numpy as np
import pytest
from astropy.io import fits

from astroclip_astro.fetch.files.file_damage import describe_error, diagnose
from astroclip_astro.fetch.files.fits_file import DamagedFileError, open_fits


def cut_gzip(content):
    return gzip.compress(content, mtime=0)[:-50]


def damaged_gzip(content):
    packed = bytearray(gzip.compress(content, mtime=0))
    packed[len(packed) // 2] ^= 0xFF
    packed[len(packed) // 2 + 1] ^= 0xFF
    return bytes(packed)


def whole_fits(tmp_path):
    path = tmp_path / "whole.fits"
    pixels = np.random.default_rng(0).normal(size=(60, 60)).astype("f4")
    fits.PrimaryHDU(pixels).writeto(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n <!DOCTYPE html><html>404</html>", "a web page"),
        (b"\xef\xbb\xbf<html>", "a web page"),
        (b"<?xml version='1.0'?><VOTABLE/>", "XML"),
        (b'{"error": "outside"}', "JSON"),
        (b"\xff\xd8\xff\xe0JFIF", "a picture"),
        (b"\x89PNG\r\n", "a picture"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"PK\x03\x04abc", "a ZIP archive; unpack it"),
        (b"BZh91AY", "bzip2"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (bytes(3000), "zero bytes"),
        (b"no image", "it begins with b'no image'"),
        (b"SIMPLE  =                    T", "cut short: 30 bytes long"),
        (
            gzip.compress(b"no image" * 100, mtime=0),
            "once unpacked: it begins with b'no imageno image'",
        ),
    ],
)
def test_what_a_file_is_instead_is_said(tmp_path, content, words):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    assert words in diagnose(path)
    with pytest.raises(DamagedFileError) as raised, open_fits(path):
        pass
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("spoil", "words"), [(cut_gzip, "gzip data cut short"), (damaged_gzip, "gzip data damaged")]
)
def test_packed_file_that_is_damaged_is_called_so(tmp_path, spoil, words):
    path = tmp_path / "a.fits.gz"
    path.write_bytes(spoil(whole_fits(tmp_path)))
    assert words in diagnose(path)
    with pytest.raises(DamagedFileError, match=words), open_fits(path) as hdus:
        np.array(hdus[0].data)


def test_nothing_is_said_of_a_good_file(tmp_path):
    path = tmp_path / "a.fits.gz"
    path.write_bytes(gzip.compress(whole_fits(tmp_path), mtime=0))
    assert diagnose(path) is None
    assert diagnose(tmp_path / "none.fits") is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("FLUX"), "KeyError: 'FLUX'"),
        (OSError(), "OSError: no details"),
        (ValueError("two\n lines"), "ValueError: two lines"),
        (EOFError("x"), "gzip data cut short (x)"),
        (zlib.error("x"), "gzip data damaged (x)"),
        (gzip.BadGzipFile("x"), "gzip data damaged (x)"),
    ],
)
def test_errors_are_one_line(error, words):
    assert describe_error(error) == words
