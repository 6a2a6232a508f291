"""What the headers of a FITS file claim, compared with the bytes it has before anything is built.

A header may claim negative sizes, which send a reader in circles, more rows than there are bytes,
or not end. The cards are read here one by one; no data are touched.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from astroclip_astro.errors import InputError
from astroclip_astro.storage.bounds import MAX_HEADER_BLOCKS

BLOCK, CARD = 2880, 80  # bytes
MAX_PARTS = 100  # headers with their data, in a file of this package
MAX_FIELDS = 999  # columns of a table, by the standard
MAX_AXES = 999  # of an array, likewise
SIZE_KEYWORD = re.compile(rb"(BITPIX|NAXIS\d{0,3}|PCOUNT|GCOUNT|TFIELDS) *= +([^/]*)")


def check_parts(path: Path, *, error: type[InputError] = InputError) -> None:
    """Refuse a FITS file whose headers claim more than it has, or what no file can have.

    Parameters
    ----------
    path : Path
        An uncompressed FITS file.
    error : type of InputError
        What is raised.

    Raises
    ------
    InputError
        For a header that does not end, a size that is none, more parts or columns than a table
        of this package can have, or data that are not all in the file.

    Examples
    --------
    >>> from astroclip_astro.resources import folder
    >>> check_parts(folder("catalogs") / "demo.fits")
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        try:
            for number, place, values in _headers(stream):
                end = place + _data_bytes(number, values)
                if end > size:
                    raise error(
                        f"{path} is truncated: it has {size} bytes, its header claims {end}; copy "
                        "it again."
                    )
                if number == MAX_PARTS:
                    raise error(f"{path} has more than {MAX_PARTS} parts; pass another file.")
        except EOFError:
            raise error(
                f"{path} is truncated: it has {size} bytes, its header claims more; copy it again."
            ) from None
        except InputError:
            raise
        except ValueError as problem:
            raise error(f"{path} is damaged, its {problem}; copy it again.") from None


def check_axes(stream: BinaryIO) -> None:
    """Refuse headers with more axes than FITS allows: astropy would count them all.

    Parameters
    ----------
    stream : binary file
        Of an uncompressed FITS file, or unpacked while it is read; it is at its beginning again
        afterwards. What else is wrong with it is left to who reads it.

    Raises
    ------
    ValueError
        Naming the header and what it claims.

    Examples
    --------
    >>> import io
    >>> cards = [b"SIMPLE  =                    T", b"NAXIS   =         200000000000", b"END"]
    >>> check_axes(io.BytesIO(b"".join(card.ljust(80) for card in cards).ljust(2880)))
    Traceback (most recent call last):
        ...
    ValueError: header number 1 has NAXIS = 200000000000, expected 0 to 999
    """
    found = None
    try:
        for number, _, values in _headers(stream):
            if not 0 <= values.get("NAXIS", 0) <= MAX_AXES:
                found = f"header number {number + 1} has NAXIS = {values['NAXIS']}"
                break
    except (EOFError, ValueError, OverflowError, OSError, zlib.error):
        pass
    finally:
        stream.seek(0)
    if found:
        raise ValueError(f"{found}, expected 0 to {MAX_AXES}")


def _headers(stream: BinaryIO) -> Iterator[tuple[int, int, dict[str, int]]]:
    """Yield the number of each header, from 0, where its data begin, and the sizes it claims."""
    place = number = 0
    while number == 0 or stream.read(8) == b"XTENSION":  # else the end, or what fills up a block
        stream.seek(place)
        header, values = _read_header(stream, number)
        yield number, place + header, values
        place += header + -(-_data_bytes(number, values) // BLOCK) * BLOCK
        stream.seek(place)
        number += 1


def _read_header(stream: BinaryIO, number: int) -> tuple[int, dict[str, int]]:
    """Return how long a header is, bytes, and the cards of it that say how much data follow."""
    values: dict[str, int] = {}
    for blocks in range(MAX_HEADER_BLOCKS):
        block = stream.read(BLOCK)
        if len(block) < BLOCK:
            raise EOFError
        for start in range(0, BLOCK, CARD):
            card = block[start : start + CARD]
            if card.rstrip() == b"END":
                return (blocks + 1) * BLOCK, values
            if found := SIZE_KEYWORD.match(card):
                name = found[1].decode("ascii")
                values.setdefault(name, _whole_number(number, name, found[2]))
    raise _claim(number, f"has no END in its first {MAX_HEADER_BLOCKS} blocks")


def _whole_number(number: int, name: str, text: bytes) -> int:
    """Return the value of a card, or raise ValueError where it is no whole number."""
    try:
        return int(text)
    except ValueError:
        words = repr(text.strip())[1:]
        raise _claim(number, f"has {name} = {words}, expected a whole number") from None


def _data_bytes(number: int, values: Mapping[str, int]) -> int:
    """Return how many bytes of data a header claims, or raise ValueError where that is none."""
    for name, value in values.items():
        most = MAX_FIELDS if name in ("NAXIS", "TFIELDS") else None
        if (value < 0 and name != "BITPIX") or (most is not None and value > most):
            words = "0 or more" if most is None else f"0 to {most}"
            raise _claim(number, f"has {name} = {value}, expected {words}")
    if values.get("BITPIX") not in (8, 16, 32, 64, -32, -64):
        bits = values.get("BITPIX")
        raise _claim(number, f"has BITPIX = {bits}, expected a number format of FITS")
    axes = [f"NAXIS{axis + 1}" for axis in range(values.get("NAXIS", 0))]
    if missing := [name for name in axes if name not in values]:
        raise _claim(number, f"has no {missing[0]}")
    if not axes:
        return 0
    elements = 1
    for name in axes:
        elements *= values[name]
    return (
        abs(values["BITPIX"]) // 8 * values.get("GCOUNT", 1) * (values.get("PCOUNT", 0) + elements)
    )


def _claim(number: int, words: str) -> ValueError:
    """Return what to say of a header, numbered from 0."""
    return ValueError(f"header number {number + 1} {words}")
