"""What is wrong with a file that cannot be opened, in words that say what it is instead."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from astroclip_astro.storage.packed import GZIP

BLOCK = 2880  # bytes: no FITS file is shorter
CHUNK = 1 << 20  # bytes that are unpacked at a time
# How files begin that are often saved in place of FITS, after blanks and in small letters.
OTHERS = (
    ((b"<!doctype html", b"<html", b"<head"), "a web page, which a server sent in its place"),
    ((b"<?xml", b"<votable"), "XML"),
    ((b"{", b"["), "JSON, which a server may have sent in its place"),
    ((b"\xff\xd8\xff", b"\x89png", b"gif8"), "a picture"),
    ((b"\x89hdf",), "HDF5"),
    ((b"%pdf",), "PDF"),
    ((b"pk\x03\x04",), "a ZIP archive; unpack it"),
    ((b"bzh", b"\xfd7zxz"), "packed with bzip2 or xz; unpack it"),
    ((b"version https://git-lfs",), "a Git LFS pointer; fetch the file itself"),
)


def diagnose(path: Path) -> str | None:
    """Say why a file is no FITS file.

    Parameters
    ----------
    path : pathlib.Path
        A file that could not be opened as FITS.

    Returns
    -------
    str or None
        One line; None where nothing strikes, or the file cannot be read at all.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "cutout.fits"
    >>> _ = path.write_text("<!DOCTYPE html>")
    >>> diagnose(path)
    'not FITS but a web page, which a server sent in its place'
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(BLOCK)
    except OSError:
        return None
    if not start:
        return "the file is empty (0 bytes)"
    if start.startswith(GZIP):
        return _unpack(path)
    word = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for beginnings, what in OTHERS:
        if word.startswith(beginnings):
            return f"not FITS but {what}"
    if not start.strip(b"\0"):
        return "the file begins with zero bytes: it was never filled"
    if not start.startswith(b"SIMPLE"):
        return f"not FITS: it begins with {start[:16]!r}, expected 'SIMPLE  ='"
    if size < BLOCK:
        return f"cut short: {size} bytes long, less than one header of FITS ({BLOCK})"
    return None


def describe_error(error: Exception) -> str:
    """Return what went wrong in reading, in one line.

    Parameters
    ----------
    error : Exception
        Of any library.

    Returns
    -------
    str
        Its type and text; of packed data that they are damaged or cut short.

    Examples
    --------
    >>> describe_error(EOFError("Compressed file ended"))
    'gzip data cut short (Compressed file ended)'
    """
    words = " ".join(str(error).split()) or "no details"
    if isinstance(error, EOFError):
        return f"gzip data cut short ({words})"
    if isinstance(error, zlib.error | gzip.BadGzipFile):
        return f"gzip data damaged ({words})"
    return f"{type(error).__name__}: {words}"


def _unpack(path: Path) -> str | None:
    """Unpack a gzipped file to its end; say what is wrong with it, None where nothing is."""
    begins = b""
    try:
        with gzip.open(path) as stream:
            begins = stream.read(CHUNK)[:16]
            while stream.read(CHUNK):
                pass
    except (EOFError, zlib.error, OSError) as error:
        return describe_error(error)
    if not begins.startswith(b"SIMPLE"):
        return f"not FITS, once unpacked: it begins with {begins!r}, expected 'SIMPLE  ='"
    return None
