"""The letters of a text file: unpacked, in whatever encoding, given as UTF-8."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from astroclip_astro.errors import CatalogueError

PACKERS: dict[bytes, tuple[str, Callable]] = {  # how the content begins, and what opens it
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\0": ("xz", lzma.open),
}
# The marks of UTF-32 begin with those of UTF-16.
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
SAMPLE = 4000  # bytes in which zeros betray UTF-16 without a mark
FEWEST = 8  # bytes that say anything
_MOSTLY = 0.9  # part of the zeros that is on one side of each pair


def read_letters(path: Path) -> tuple[bytes, str]:
    r"""Return a text file as UTF-8, and what had to be assumed of its encoding.

    Parameters
    ----------
    path : Path
        Packed by gzip, bzip2 or xz or not, whatever its name.

    Returns
    -------
    content : bytes
        UTF-8 without a byte-order mark, with one line end at least.
    note : str
        A sentence without full stop, empty where nothing had to be assumed.

    Raises
    ------
    CatalogueError
        Where it is no text, or the packing is damaged.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_bytes("ra,dec\n1,2".encode("utf-16"))
    >>> read_letters(path)
    (b'ra,dec\n1,2\n', '')
    """
    content = unpacked(path.read_bytes(), str(path))
    try:
        content, note = to_utf8(content)
    except CatalogueError as error:
        raise CatalogueError(f"{path}: {error}") from None
    if b"\0" in content:
        raise CatalogueError(
            f"{path} begins {content[:20]!r} and holds NUL characters, which is no catalogue; pass "
            "FITS, VOTable, ECSV, CSV, Parquet or a text table."
        )
    content = content.rstrip(b"\x1a")  # the end of a file of DOS
    if b"\r" in content and b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    return content + b"\n" * (not content.endswith(b"\n")), note


def unpacked(content: bytes, name: str) -> bytes:
    """Return what was packed, the same where nothing was.

    Parameters
    ----------
    content : bytes
        All of a file.
    name : str
        What messages call it.

    Returns
    -------
    bytes

    Raises
    ------
    CatalogueError
        Where the packing is cut off or damaged.

    Examples
    --------
    >>> unpacked(gzip.compress(b"ra,dec"), "t.csv")
    b'ra,dec'
    """
    for sign, (packer, opened) in PACKERS.items():
        if content.startswith(sign):
            try:
                with opened(io.BytesIO(content)) as stream:
                    return stream.read()
            except (OSError, EOFError, zlib.error, lzma.LZMAError) as problem:
                raise CatalogueError(
                    f"{name} cannot be unpacked: it is cut off or damaged within {packer} "
                    f"({problem}); fetch it again."
                ) from None
    return content


def text_head(head: bytes) -> bytes:
    """Return the beginning of a file as UTF-8 where it may be text, without errors.

    Examples
    --------
    >>> text_head("ra".encode("utf-16"))
    b'ra'
    """
    try:
        return to_utf8(head[: len(head) // 4 * 4] if len(head) > 100 else head)[0]
    except CatalogueError:
        return head


def to_utf8(content: bytes) -> tuple[bytes, str]:
    r"""Return letters in UTF-8, and what had to be assumed.

    Parameters
    ----------
    content : bytes
        In UTF-8, UTF-16 or UTF-32, or in one byte for each letter, which is taken as Windows-1252
        (Latin-1 and a few letters more).

    Returns
    -------
    content : bytes
        Without a byte-order mark.
    note : str
        Empty where nothing had to be assumed.

    Examples
    --------
    >>> to_utf8("Márkus".encode("latin-1"))[0].decode()
    'Márkus'
    """
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            content = content[len(mark) :]
            if encoding == "utf-8":
                break
            return _recoded(content, encoding), ""
    if (two_bytes := _of_two_bytes(content)) is not None:
        return _recoded(content, two_bytes), ""
    try:
        content.decode()
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        for encoding, called in (("cp1252", "Windows-1252"), ("latin-1", "Latin-1")):
            with suppress(UnicodeDecodeError):
                recoded = content.decode(encoding).encode()
                return recoded, f"read as {called}, since line {line} is not UTF-8"
    return content, ""


def _recoded(content: bytes, encoding: str) -> bytes:
    """Return letters of several bytes each as UTF-8."""
    try:
        return content.decode(encoding).encode()
    except UnicodeDecodeError as problem:
        raise CatalogueError(
            f"It begins like {encoding.upper()} text, but byte {problem.start} is none; write it "
            "as UTF-8."
        ) from None


def _of_two_bytes(content: bytes) -> str | None:
    """Return the UTF-16 in which most letters have a zero beside them, None for anything else."""
    sample = content[:SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    zeros = even + odd
    if len(sample) < FEWEST or zeros < len(sample) // 4:
        return None
    if odd >= _MOSTLY * zeros:
        return "utf-16-le"
    return "utf-16-be" if even >= _MOSTLY * zeros else None
