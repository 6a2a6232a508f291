"""A VOTable file as its elements come, checked one by one before astropy acts on them.

astropy fetches data from the address that a table names, be it a file of this machine, and
allocates what a table claims. Here its parser gets its elements through a filter, so that both see
the same ones, whatever prefix, entity, default or encoding they are hidden behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Never, cast
from xml.parsers import expat

from astropy.io.votable.tree import VOTableFile
from astropy.utils.xml.iterparser import get_xml_iterator

from astroclip_astro.errors import CatalogueError
from astroclip_astro.storage.bounds import MAX_DEPTH, MAX_EXPANSION, SMALL_BYTES
from astroclip_astro.storage.packed import open_unpacked

Event = tuple[bool, str, dict[str, str] | str, tuple[int, int]]

BLOCK = 1 << 20  # bytes
PADDED = 1000  # elements that a parameter may have beyond those that its value spells out
VERSION = "1.4"  # that every file is read as: before 1.3 astropy takes an empty integer for 0
TEXT = ("char", "unicodeChar")
BYTES = {"bit": 1, "boolean": 1, "unsignedByte": 1, "short": 2, "int": 4, "long": 8}
BYTES |= {"float": 4, "double": 8, "floatComplex": 8, "doubleComplex": 16}
BYTES |= {"char": 1, "unicodeChar": 2}
ARRAYSIZE = re.compile(r"(\d{1,18}x)*(\d{1,18}\*?|\*)")
SERIALISATIONS = ("TABLEDATA", "BINARY", "BINARY2")


@dataclass
class Scope:
    """What a VOTABLE, RESOURCE or TABLE says beside its columns.

    Parameters
    ----------
    elements : list of dict
        Its INFOs and PARAMs as the file has them: attributes, ``element``, which is INFO or PARAM,
        and ``content`` or ``description``.
    description : str or None
        Its DESCRIPTION.
    """

    elements: list[dict[str, str]] = field(default_factory=list)
    description: str | None = None


@dataclass
class DocumentTable:
    """A TABLE of a document.

    Parameters
    ----------
    name, identifier, reference : str
        Its attributes ``name``, ``ID`` and ``ref``, empty where it has none.
    scopes : list of Scope
        The document, the resources that it is in, and itself.
    fields : list of dict
        Attributes of its columns, as the file has them.
    claimed : int or None
        The rows that it claims to have.
    """

    name: str
    identifier: str
    reference: str
    scopes: list[Scope]
    fields: list[dict[str, str]] = field(default_factory=list)
    claimed: int | None = None


class Document:
    """A VOTable file that is read once.

    Parameters
    ----------
    path : Path
        VOTable file, gzipped or not, in any encoding that XML has.

    Attributes
    ----------
    root : Scope
        What the document says outside of its resources.
    scopes : list of Scope
        Those of the document and of its resources.
    tables : list of DocumentTable
        In the order of the file.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.vot"
    >>> space = "http://www.ivoa.net/xml/VOTable/v1.3"
    >>> root = f'<VOTABLE version="1.4" xmlns="{space}">'
    >>> _ = path.write_text(f'{root}<RESOURCE><TABLE name="x"/></RESOURCE></VOTABLE>')
    >>> document = Document(path)
    >>> _ = document.read()
    >>> document.tables[0].name
    'x'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = Scope()
        self.scopes = [self.root]
        self.tables: list[DocumentTable] = []
        self._length = 0
        self._open: list[tuple[str, Scope | dict[str, str] | None]] = []
        self._held: list[Event] | None = None  # columns of a table, until their data come
        self._rows = self._width = 0

    def read(self) -> VOTableFile:
        """Return the document as astropy reads it.

        Raises
        ------
        CatalogueError
            Where it asks for data from elsewhere, or claims more than the file can hold.
        """
        self._length = _check_beginning(self.path)
        config: dict[str, object] = {
            **{"columns": None, "invalid": "exception", "verify": "warn", "chunk_size": 256},
            **{"table_number": None, "filename": str(self.path), "unit_format": None},
            "datatype_mapping": {},
        }
        with open_unpacked(self.path) as stream:
            read: Callable[[int], bytes] = stream.read  # no more than bytes: nothing is looked up
            with get_xml_iterator(read) as events:
                return VOTableFile(config=config, pos=(1, 1)).parse(self._checked(events), config)

    def _checked(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the elements of a document for astropy, each after it has been looked at."""
        for start, name, data, position in events:
            if name == "TD" and self._held is None:  # by far the most, and nothing to look at
                yield start, name, data, position
                continue
            if start:
                data = self._begin(name, dict(cast(dict[str, str], data)))
            else:
                self._end(name, cast(str, data))
            event = (start, name, data, position)
            if self._held is None:
                yield event
                continue
            self._held.append(event)
            if name in SERIALISATIONS or (name == "TABLE" and not start):
                held, self._held = self._held, None
                if name in SERIALISATIONS:
                    self._fit_columns(held, name)
                yield from held

    def _begin(self, name: str, data: dict[str, str]) -> dict[str, str]:
        """Take note of the beginning of an element; return its attributes for astropy."""
        if len(self._open) >= MAX_DEPTH:
            self._refuse(f"elements more than {MAX_DEPTH} deep", "those of a table")
        if not data.get("arraysize", "1").strip():
            del data["arraysize"]
        if name == "STREAM" and "href" in data:
            raise CatalogueError(
                f"{self.path} keeps its data at another address (STREAM href="
                f"{data['href'][:80]!r}), which is never fetched; save the table with its data "
                "inside, with TOPCAT for example."
            )
        if name in ("FITS", "PARQUET"):
            self._refuse(f"its data as {name}", "TABLEDATA, BINARY or BINARY2 inside")
        inside: Scope | dict[str, str] | None = None
        if name == "RESOURCE":
            inside = Scope()
            self.scopes.append(inside)
        elif name == "VOTABLE":
            inside = self.root
            data["version"] = VERSION
        elif name == "TABLE":
            inside = Scope()
            scopes = [one for _, one in self._open if isinstance(one, Scope)]
            title, identifier, reference = (data.get(key, "") for key in ("name", "ID", "ref"))
            found = DocumentTable(title, identifier, reference, [*scopes, inside])
            self.tables.append(found)
            self.tables[-1].claimed = self._count(data.pop("nrows", None))
            self._held, self._rows = [], 0
        elif name in ("INFO", "PARAM"):
            inside = {"element": name, **data}
            owners = [one for _, one in self._open if isinstance(one, Scope)]
            (owners or [self.root])[-1].elements.append(inside)
            data.pop("unit", None)
            if name == "PARAM":
                data = self._plain_parameter(data)
        elif name == "FIELD" and self.tables:
            self.tables[-1].fields.append(dict(data))
            data.pop("unit", None)  # read by the table's reader: astropy makes other units of some
        elif name == "TR":
            self._count_row()
        self._open.append((name, inside))
        return data

    def _end(self, name: str, text: str) -> None:
        """Take note of the end of an element and of the text in it."""
        _, inside = self._open.pop() if self._open else ("", None)
        if name == "DESCRIPTION" and self._open:
            owner = self._open[-1][1]
            words = " ".join(text.split())
            if isinstance(owner, Scope):
                owner.description = words or None
            elif owner is not None and words:
                owner["description"] = words
        elif name == "INFO" and isinstance(inside, dict) and text.strip():
            inside["content"] = text.strip()

    def _plain_parameter(self, data: dict[str, str]) -> dict[str, str]:
        """Return a parameter as astropy can take it; its value is kept as text."""
        size, value = data.get("arraysize"), data.get("value", "")
        if data.get("datatype") in TEXT:
            return {**data, "arraysize": "*"}
        if size is not None and self._elements(size) > max(len(value), PADDED):
            self._refuse(f"a PARAM of arraysize={size[:40]!r}", "as many elements as its value has")
        return data

    def _fit_columns(self, held: list[Event], form: str) -> None:
        """Give the columns of a table sizes that astropy can take; refuse what no file can hold."""
        table = self.tables[-1]
        least = 0.0  # bytes of a row in the file
        self._width = 0
        for start, name, data, _ in held:
            if not start or name != "FIELD" or not isinstance(data, dict):
                continue
            size, kind = data.get("arraysize"), data.get("datatype", "")
            elements = 1 if size is None else self._elements(size)
            fixed = size is None or not size.endswith("*")
            if kind in TEXT and (form == "TABLEDATA" or not fixed):
                data["arraysize"], fixed = "*", False  # astropy would make room for the longest
            elif kind in TEXT and "x" in str(size):
                # As bytes: astropy would end the text where the first of several ends.
                data["datatype"] = "unsignedByte"
                data["arraysize"] = str(elements * BYTES[kind])
            elif elements == 0 and not fixed:
                self._refuse(f"arraysize={size!r}", "elements of some size")
            width = elements * BYTES.get(kind, 1)
            least += (width / 8 if kind == "bit" else width) if fixed else 4
            self._width += width if fixed else 0
            if (form != "TABLEDATA" and least > self._length) or not self._has_room(1):
                self._refuse(
                    f"arraysize={str(size)[:40]!r}",
                    f"no more than its {self._length} bytes can hold",
                )
        if form == "TABLEDATA":
            return
        if least == 0 and form == "BINARY" and not table.reference:
            self._refuse("rows of no bytes", "columns of some size")
        if table.claimed is not None and table.claimed * least <= self._length:
            cast(dict[str, str], held[0][2])["nrows"] = str(table.claimed)

    def _has_room(self, rows: int) -> bool:
        """Return whether rows take no more memory than the length of the file allows."""
        return 2 * rows * self._width <= SMALL_BYTES + MAX_EXPANSION * self._length

    def _count_row(self) -> None:
        """Raise where the rows so far take far more memory than the file has bytes."""
        self._rows += 1
        if not self._has_room(self._rows):
            self._refuse(
                f"rows of {self._width} bytes that the file leaves empty", "vectors that are filled"
            )

    def _count(self, text: str | None) -> int | None:
        """Return the rows that a table claims."""
        if text is None or not text.strip():
            return None
        if not re.fullmatch(r"\s*\d{1,18}\s*", text):
            self._refuse(f"nrows={text[:40]!r}", "a whole number")
        return int(text)

    def _elements(self, size: str) -> int:
        """Return how many elements an ``arraysize`` claims, the variable dimension left out."""
        if not ARRAYSIZE.fullmatch(size.strip()):
            self._refuse(f"arraysize={size[:40]!r}", "sizes such as 3, 3x2, 3* or *")
        fixed = [int(one) for one in size.strip().split("x") if not one.endswith("*")]
        return prod(fixed)

    def _refuse(self, found: str, expected: str) -> Never:
        """Raise because of what a document claims or wants."""
        raise CatalogueError(
            f"{self.path} is a VOTable with {found}, expected {expected}; save the table anew, "
            "with TOPCAT for example."
        )


def _check_beginning(path: Path) -> int:
    """Return the length of a document, sure that it declares nothing of its own.

    Only such declarations could make of few bytes many, or give elements attributes that are not
    written; the plain ``DOCTYPE`` of old VOTables names a file that nobody reads.
    """
    begun = False

    def declare(_name: str, _system: str | None, _public: str | None, internal: bool) -> None:
        if internal:
            raise CatalogueError(
                f"{path} is a VOTable with declarations of its own (DOCTYPE), expected none; save "
                "the table anew, with TOPCAT for example."
            )

    def begin(_name: str, _attributes: dict[str, str]) -> None:
        nonlocal begun
        begun = True

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = declare
    parser.StartElementHandler = begin
    length = 0
    with open_unpacked(path) as stream:
        while block := stream.read(BLOCK):
            length += len(block)
            if not begun:
                parser.Parse(block, False)
    return length
