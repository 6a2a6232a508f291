"""VOTables that a server sends, read without doing what they say.

A VOTable may tell its reader to fetch data from an address, a local file among them, or claim any
number of rows and any length of a cell before the first one comes; astropy believes both. Here a
document is looked through first.
"""

from __future__ import annotations

import re
from io import BytesIO
from xml.parsers import expat

from astropy.io.votable import parse
from astropy.io.votable.tree import VOTableFile

from astroclip_astro.fetch.transport import BadReplyError, Reply

# One number, or a text of any length: that is all a catalogue's cell holds. Zero would let a
# table in binary have rows without end.
ARRAYSIZE = re.compile(r"[1-9]\d{0,3}\*?|\*")
SERIALISATIONS = {"TABLEDATA", "BINARY", "BINARY2"}


def read_votable(reply: Reply, *, rows: int) -> VOTableFile:
    """Read a VOTable with at most one table.

    Parameters
    ----------
    reply : Reply
        From the network.
    rows : int
        Rows that it may claim to have.

    Returns
    -------
    VOTableFile
        As astropy reads it. Whether it reports an error is not looked at.

    Raises
    ------
    BadReplyError
        Where it is no VOTable, cannot be read, or wants more than to be read.

    Examples
    --------
    >>> from astropy.table import Table
    >>> stream = BytesIO()
    >>> Table({"z": [0.5]}).write(stream, format="votable")
    >>> reply = Reply("text/xml", stream.getvalue(), "http://127.0.0.1/tap/sync")
    >>> read_votable(reply, rows=10).get_first_table().array["z"].tolist()
    [0.5]
    """
    try:
        _look_through(reply, rows)
        return parse(BytesIO(reply.content), verify="ignore")
    except BadReplyError:
        raise
    except Exception as error:  # astropy and expat raise anything where XML or data are damaged
        raise BadReplyError(
            f"{reply.url}: {reply.content_type or 'a reply'} that cannot be read as VOTable "
            f"({type(error).__name__}: {str(error)[:200]})"
        ) from error


def _look_through(reply: Reply, rows: int) -> None:
    """Raise where a document wants something, before anything reads it."""
    seen = {"TABLE": 0, "FIELD": 0}

    def refuse(found: str, expected: str) -> None:
        raise BadReplyError(f"{reply.url}: VOTable with {found}, expected {expected}", attempts=2)

    def begin(full_name: str, attributes: dict[str, str]) -> None:
        name = full_name.rpartition(":")[2]
        if name in seen:
            seen[name] += 1
        if seen["TABLE"] > 1:
            refuse("several tables", "one")
        if name == "TABLE" and not _is_count(attributes.get("nrows", "0"), rows):
            refuse(f"nrows={attributes['nrows'][:20]!r}", f"at most {rows}")
        size = attributes.get("arraysize")
        if name in ("FIELD", "PARAM") and size is not None and not ARRAYSIZE.fullmatch(size):
            refuse(f"arraysize={size[:20]!r}", "a short text or a number a cell")
        if name == "STREAM" and "href" in attributes:
            refuse(f"data at {attributes['href'][:80]!r}", "its data within")
        if name in ("FITS", "PARQUET"):
            refuse(f"{name} inside", " or ".join(sorted(SERIALISATIONS)))
        if name in SERIALISATIONS and not seen["FIELD"]:
            refuse("data but no columns", "columns")

    def declare(*_: object) -> None:
        refuse("a document type of its own", "none")

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.StartDoctypeDeclHandler = declare
    parser.Parse(reply.content, True)


def _is_count(text: str, most: int) -> bool:
    """Return whether a text is a number from 0 to ``most``."""
    return text.isdecimal() and len(text) < 19 and int(text) <= most
