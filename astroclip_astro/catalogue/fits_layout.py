"""What a FITS file consists of, found out from its headers before anything is built from them.

A header may claim a negative size, which sends a reader in circles, more rows than the file has
bytes, or not end at all. Here headers are read one after the other, each is checked against the
bytes that are there, and no data are touched.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Never

from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table

from astroclip_astro.catalogue.fits_values import name_columns, row_count
from astroclip_astro.catalogue.table_choice import ListedTable, TableChoice, choose_table
from astroclip_astro.errors import CatalogueError
from astroclip_astro.storage.bounds import MAX_HEADER_BLOCKS

BLOCK = 2880  # bytes
CARD = 80
BITPIX = (8, 16, 32, 64, -32, -64)
MAX_AXES = 999
LDAC_HEADER = "LDAC_IMHEAD"  # SExtractor's copy of the image's header, beside LDAC_OBJECTS
KINDS = {"PRIMARY": "PrimaryHDU", "IMAGE": "ImageHDU", "BINTABLE": "CompImageHDU"}
END = re.compile(rb"END {77}")


@dataclass(frozen=True)
class FitsPart:
    """One header of a FITS file and where its data are (HDU).

    Parameters
    ----------
    number : int
        As astropy counts: 0 is the primary one.
    header : fits.Header
        As the file has it.
    start : int
        Where the header begins, bytes.
    data : int
        Where the data begin.
    size : int
        Bytes of data that the header claims, without what fills up the last block.
    """

    number: int
    header: fits.Header
    start: int
    data: int
    size: int

    @property
    def kind(self) -> str:
        """``BINTABLE``, ``TABLE``, ``IMAGE`` or what else the header says."""
        return str(self.header.get("XTENSION", "PRIMARY")).strip()

    @property
    def is_table(self) -> bool:
        """Whether it is a table; a compressed image is stored as one, and is none."""
        return self.kind in ("BINTABLE", "A3DTABLE", "TABLE") and not self.header.get("ZIMAGE")


def iterate_parts(path: Path, stream: BinaryIO) -> Iterator[FitsPart]:
    """Yield the parts of a FITS file as far as somebody asks for them.

    Parameters
    ----------
    path : Path
        For messages.
    stream : binary file
        As `astroclip_astro.storage.packed.open_unpacked` opens it; it may be moved between two
        parts.

    Yields
    ------
    FitsPart
        The data may be incomplete, as `check_held` finds out.

    Raises
    ------
    CatalogueError
        For a header that does not end, has no possible size, or whose data are cut off before
        the next one.
    """
    place = number = 0
    part = None
    while True:
        reached = _reach(stream, place)
        content = _read_header(path, stream, number)
        if content is None:
            if part is not None and part.is_table:
                check_held(path, stream, part)
            if reached < place:
                raise CatalogueError(
                    f"{path} is truncated: HDU {number - 1} claims data up to byte {place}, and "
                    f"the file ends at {reached}; fetch it again."
                )
            return
        header = fits.Header.fromstring(content)
        size = _data_size(path, header, number)
        part = FitsPart(number, header, place, place + len(content), size)
        yield part
        place += len(content) + -(-size // BLOCK) * BLOCK
        number += 1


def check_held(path: Path, stream: BinaryIO, part: FitsPart) -> None:
    """Raise where a file holds less of a table than its header claims.

    Parameters
    ----------
    path : Path
        For messages.
    stream : binary file
        As `astroclip_astro.storage.packed.open_unpacked` opens it.
    part : FitsPart
        A table of that file.

    Raises
    ------
    CatalogueError
        Where the file ends before the table, or rows without any bytes are claimed.
    """
    rows = part.header.get("NAXIS2", 0)
    held = _reach(stream, part.data + part.size) - part.data
    if held < part.size:
        raise CatalogueError(
            f"{path} is truncated: its header claims {rows} rows "
            f"({part.size} bytes), {max(held, 0)} bytes of them are there; fetch it again."
        )
    if rows and not part.header.get("NAXIS1"):
        raise CatalogueError(
            f"{path} is damaged: HDU {part.number} claims {rows} rows of no bytes; fetch or write "
            "it again."
        )


def choose_part(path: Path, stream: BinaryIO, wanted: TableChoice) -> FitsPart:
    """Return the table of a FITS file that is wanted.

    Parameters
    ----------
    path : Path
        For messages.
    stream : binary file
        As `astroclip_astro.storage.packed.open_unpacked` opens it.
    wanted : TableChoice
        Which table, where there are several.

    Returns
    -------
    FitsPart

    Raises
    ------
    CatalogueError
        Where there is no such table, or a header before it is damaged.
    """
    parts: list[FitsPart] = []

    def tables() -> Iterator[ListedTable]:
        for part in iterate_parts(path, stream):
            parts.append(part)
            if part.is_table:
                yield _listed(part)

    found = tables()
    first = next(found, None)
    if first is None:
        kinds = ", ".join(KINDS.get(part.kind, part.kind) for part in parts)
        raise CatalogueError(
            f"{path} holds no complete table, only {kinds}; pass a FITS file with a table."
        )
    part = parts[choose_table(path, chain([first], found), wanted).number]
    if part.header.get("ZTABLE"):
        raise CatalogueError(f"{path} holds a tile-compressed table; uncompress it (funpack).")
    return part


def _listed(part: FitsPart) -> ListedTable:
    """Return what is known of a table from its header."""
    header = part.header.copy()
    columns = Table(names=name_columns(header))
    for number, column in enumerate(columns.itercols(), start=1):
        column.meta["ucd"] = header.get(f"TUCD{number}")
    if any("SkyCoord" in str(line) for line in header.get("COMMENT", [])):
        columns["astropy's SkyCoord"] = SkyCoord([], [], unit="deg")
    name = str(header.get("EXTNAME", "")).strip()
    return ListedTable(part.number, name, row_count(header), columns, name == LDAC_HEADER)


def _reach(stream: BinaryIO, place: int) -> int:
    """Go to a place in a file, or to its end where it has no such place; return where that is."""
    if not isinstance(stream, gzip.GzipFile):
        return stream.seek(min(place, os.fstat(stream.fileno()).st_size))
    try:
        return stream.seek(place)
    except EOFError:  # cut off
        return stream.tell()


def _read_header(path: Path, stream: BinaryIO, number: int) -> bytes | None:
    """Return the blocks of a header, None at the end of the file or where no header follows."""
    blocks: list[bytes] = []
    while len(blocks) < MAX_HEADER_BLOCKS:
        try:
            block = stream.read(BLOCK)
        except EOFError:
            block = b""
        if not blocks and number and not block.startswith(b"XTENSION"):
            return None  # padding and other rubbish behind the last part
        if len(block) < BLOCK:
            raise CatalogueError(
                f"{path} is truncated: the header of HDU {number} has no END card; fetch it again."
            )
        blocks.append(block)
        if any(END.match(block, card) for card in range(0, BLOCK, CARD)):
            return b"".join(blocks)
    raise CatalogueError(
        f"{path} is damaged: the header of HDU {number} has no END card in its first "
        f"{MAX_HEADER_BLOCKS} blocks of {BLOCK} bytes; fetch or write it again."
    )


def _data_size(path: Path, header: fits.Header, number: int) -> int:
    """Return how many bytes of data a header claims, sure that it is a size."""

    def refuse(keyword: str, value: object, expected: str) -> Never:
        raise CatalogueError(
            f"{path} is damaged: the header of HDU {number} has {keyword} = {value!r}, "
            f"expected {expected}; fetch or write it again."
        )

    def count(keyword: str, default: int | None, most: int | None = None) -> int:
        value = _card_value(header, keyword)
        if value is None and default is not None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            refuse(keyword, value, "a whole number, 0 or more")
        if most is not None and value > most:
            refuse(keyword, value, f"at most {most}")
        return value

    bits = _card_value(header, "BITPIX")
    if not isinstance(bits, int) or bits not in BITPIX:
        refuse("BITPIX", bits, f"one of {', '.join(map(str, BITPIX))}")
    axes = count("NAXIS", None, MAX_AXES)
    count("TFIELDS", 0, len(header))  # each column has a card at least
    if axes == 0:
        return 0
    sizes = [count(f"NAXIS{axis + 1}", None) for axis in range(axes)]
    if header.get("GROUPS") is True and sizes[0] == 0:
        sizes = sizes[1:]
    elements = 1
    for size in sizes:
        elements *= size
    return abs(bits) // 8 * count("GCOUNT", 1) * (count("PCOUNT", 0) + elements)


def _card_value(header: fits.Header, keyword: str) -> object:
    """Return what a card says, its text where astropy cannot understand it, None without it."""
    try:
        return header.get(keyword)
    except (fits.VerifyError, ValueError):
        return header.cards[keyword].rawvalue
