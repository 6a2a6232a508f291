"""Files packed by gzip, known by their content whatever their name."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import BinaryIO, cast

GZIP = b"\x1f\x8b"  # how the content begins


def is_packed(stream: BinaryIO) -> bool:
    r"""Return whether a stream is packed; it is at its beginning afterwards.

    Parameters
    ----------
    stream : binary file
        That can be moved.

    Examples
    --------
    >>> import io
    >>> is_packed(io.BytesIO(gzip.compress(b"ra,dec"))), is_packed(io.BytesIO(b"ra,dec"))
    (True, False)
    """
    stream.seek(0)
    packed = stream.read(len(GZIP)) == GZIP
    stream.seek(0)
    return packed


def open_unpacked(path: Path) -> BinaryIO:
    """Open a file for reading, unpacked where it is packed.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    binary file
        To be closed by the caller. Its length is not known before all of it is read.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_bytes(gzip.compress(b"ra,dec"))
    >>> with open_unpacked(path) as stream:
    ...     stream.read()
    b'ra,dec'
    """
    with path.open("rb") as stream:
        packed = is_packed(stream)
    # A file like any other, but the types of the library do not say so.
    return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")
