"""What a VOTable says beside its columns, in a table's metadata and out of them again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from astropy.io.votable.tree import Field, Info, Link, Param, VOTableFile
from astropy.table import Column
from astropy.units import UnrecognizedUnit
from astropy.utils.xml.writer import XMLWriter

from astroclip_astro.catalogue.units import spelt, unit_text
from astroclip_astro.catalogue.votable_document import TEXT, Scope

ELEMENTS_KEY = "votable_elements"  # in table.meta: what INFO and PARAM say beside name and value
RESOURCE_KEY, FILE_KEY = "resource_description", "votable_description"
ATTRIBUTES = ("ID", "name", "ucd", "utype", "description")  # of a table, in its metadata
OWN_KEYS = {ELEMENTS_KEY, RESOURCE_KEY, FILE_KEY, "ref", *ATTRIBUTES}
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
KEPT = ("name", "value", "datatype", "arraysize", "unit", "ucd", "utype", "xtype", "content")
LINK_KEYS = ("content_role", "content_type", "title", "value", "href", "action")
WHOLE = ("unsignedByte", "short", "int", "long")


def xml_text(text: str) -> str:
    r"""Return text without the characters that XML forbids.

    Examples
    --------
    >>> xml_text("a\x00b")
    'a b'
    """
    return NOT_XML.sub(" ", text)


def service_error(scopes: Sequence[Scope], *, filled: bool) -> str | None:
    """Return what a service says went wrong, in its own words.

    Parameters
    ----------
    scopes : sequence of Scope
        Of the document and its resources.
    filled : bool
        Whether there are rows; a parameter called ``Error`` is no report then.

    Returns
    -------
    str or None
        None where nothing went wrong. Table access (TAP) and its relatives say ``QUERY_STATUS``,
        cone searches have an INFO or PARAM called ``Error``.

    Examples
    --------
    >>> said = {"element": "INFO", "name": "QUERY_STATUS", "value": "ERROR", "content": "No table."}
    >>> service_error([Scope([said])], filled=False)
    'No table.'
    """
    for element in (element for scope in scopes for element in scope.elements):
        words = element.get("content") or element.get("description")
        value, names = element.get("value", ""), (element.get("name", ""), element.get("ID", ""))
        if "QUERY_STATUS" in names and value.strip().upper() == "ERROR":
            return words or "no reason is given"
        if not filled and "ERROR" in (name.upper() for name in names):
            return value.strip() or words or "no reason is given"
    return None


def document_meta(scopes: Sequence[Scope]) -> dict[str, object]:
    """Return what a document, its resource and its table say, as metadata of the table.

    Parameters
    ----------
    scopes : sequence of Scope
        From the document down to the table.

    Returns
    -------
    dict
        INFOs as text, in a list where several have one name; PARAMs as numbers, text or lists of
        them. All that an element says beside its name and value is in a list of dictionaries under
        ``votable_elements``, and so is an element whose name is taken. Descriptions of the resource
        and of the file are under ``resource_description`` and ``votable_description``.

    Examples
    --------
    >>> document_meta([Scope([{"element": "INFO", "name": "band", "value": "r"}])])
    {'band': 'r'}
    """
    meta: dict[str, object] = {}
    kept: list[dict[str, str]] = []
    for element in (element for scope in scopes for element in scope.elements):
        name, value = element.get("name", ""), element.get("value", "")
        if element["element"] == "INFO" and not set(element) & {"content", "unit", "ucd", "utype"}:
            known = meta.get(name)
            if name in OWN_KEYS or any(name == one.get("name") for one in kept):
                kept.append(_kept(element))
            elif known is None:
                meta[name] = value
            else:
                meta[name] = [*known, value] if isinstance(known, list) else [known, value]
            continue
        kept.append(_kept(element))
        if name and name not in OWN_KEYS and name not in meta:
            meta[name] = _typed(element)
    if kept:
        meta[ELEMENTS_KEY] = kept
    for key, scope in zip((FILE_KEY, RESOURCE_KEY), (scopes[0], *scopes[-2:-1]), strict=False):
        if scope.description and scope is not scopes[-1]:
            meta[key] = scope.description
    return meta


def _kept(element: dict[str, str]) -> dict[str, str]:
    """Return what is kept of an element: identifiers and references would clash in another file."""
    keys = ("element", *KEPT, "description")
    return {key: element[key] for key in keys if key in element}


def _typed(element: dict[str, str]) -> object:
    """Return the value of an INFO or PARAM as a number, text, or list of them."""
    value, kind = element.get("value", ""), element.get("datatype")
    size = element.get("arraysize", "")
    if kind in TEXT and re.fullmatch(r"[1-9]\d*x\d+\*?", size):
        width = int(size.split("x")[0])
        return [value[place : place + width].rstrip() for place in range(0, len(value), width)]
    if kind is None or kind in TEXT or not value.strip():
        return value
    try:
        if kind in WHOLE:
            numbers: list[object] = [int(word, 0) for word in value.replace(",", " ").split()]
        elif kind in ("float", "double"):
            numbers = [float(word) for word in value.replace(",", " ").split()]
        elif kind == "boolean":
            numbers = [{"t": True, "1": True, "f": False, "0": False}[value.strip()[0].lower()]]
        else:
            return value
    except (ValueError, KeyError):
        return value
    return numbers if size not in ("", "1") else numbers[0]


class _VerbatimParam(Param):
    """A PARAM that is written with the attributes it came with."""

    def __init__(self, file: VOTableFile, element: dict[str, str]) -> None:
        super().__init__(file, name="parameter", datatype="char", arraysize="*", value="")
        self._element = element

    def to_xml(self, w: XMLWriter, **kwargs: object) -> None:
        """Write the element."""
        _write(w, self._element)


class _VerbatimInfo(Info):
    """An INFO that is written with the attributes it came with."""

    def __init__(self, element: dict[str, str]) -> None:
        super().__init__(name="information", value="")
        self._element = element

    def to_xml(self, w: XMLWriter, **kwargs: object) -> None:
        """Write the element."""
        _write(w, self._element)


def _write(w: XMLWriter, element: dict[str, str]) -> None:
    """Write an element with its attributes and what is in it."""
    attributes = {
        key: xml_text(str(element[key])) for key in KEPT if key != "content" and key in element
    }
    if element.get("description"):
        with w.tag(element["element"], attrib=attributes):
            w.element("DESCRIPTION", xml_text(str(element["description"])))
    else:
        content = element.get("content")
        w.element(element["element"], content and xml_text(str(content)), attrib=attributes)


def write_unit(field: Field, column: Column) -> None:
    """Give a field the unit, as the file spelt it, and the description of its column.

    Parameters
    ----------
    field : Field
        Changed in place.
    column : Column
        Not a mixin.
    """
    if column.info.unit is not None:
        # As an unknown unit it is written letter by letter.
        text = unit_text(column) or spelt(column.info.unit, "vounit")
        field.unit = UnrecognizedUnit(xml_text(text)) if text else None
    field.description = xml_text(column.info.description) if column.info.description else None


def describe_field(field: Field, meta: dict) -> None:
    """Give a field the links and the limits that its column came with.

    Parameters
    ----------
    field : Field
        Changed in place.
    meta : dict
        ``column.meta``, with ``links`` and ``values`` as astropy has them.
    """
    links, values = meta.get("links"), meta.get("values")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict):
            kept = {key: value for key, value in link.items() if key in LINK_KEYS}
            field.links.append(Link(**kept))
    if not isinstance(values, dict):
        return
    for key in ("min", "max"):
        limit = values.get(key)
        if isinstance(limit, dict) and "value" in limit:
            setattr(field.values, key, limit["value"])
            setattr(field.values, f"{key}_inclusive", bool(limit.get("inclusive", True)))
    if isinstance(values.get("options"), dict):
        field.values.options.extend((str(k), str(v)) for k, v in values["options"].items())


def params_and_infos(meta: dict, file: VOTableFile) -> tuple[list[Param], list[Info]]:
    """Return a table's metadata as elements of a VOTable.

    Parameters
    ----------
    meta : dict
        ``table.meta``. Text and numbers become INFOs, one for each item of a list; what came as
        PARAM, or with more than name and value, becomes that again, with its new value if it has
        one.
    file : VOTableFile
        Where they are to be.

    Returns
    -------
    params : list of Param
    infos : list of Info
    """
    params: list[Param] = []
    infos: list[Info] = []
    written = set()
    kept = meta.get(ELEMENTS_KEY)
    for element in kept if isinstance(kept, list) else []:
        if not isinstance(element, dict) or element.get("element") not in ("INFO", "PARAM"):
            continue
        name = element.get("name", "")
        if name in meta and name not in written and meta[name] != _typed(element):
            continue  # changed since: an INFO like any other
        written.add(name)
        if element["element"] == "PARAM":
            params.append(_VerbatimParam(file, element))
        else:
            infos.append(_VerbatimInfo(element))
    infos += _plain_infos({k: v for k, v in meta.items() if k not in written | OWN_KEYS})
    return params, infos


def _plain_infos(meta: dict) -> Iterator[Info]:
    """Yield metadata that are text or numbers, one element for each item of a list."""
    items = [
        (str(key), item)
        for key, value in meta.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    for number, (key, item) in enumerate(items):
        plain = item[0] if isinstance(item, tuple) and item else item  # (value, comment)
        if isinstance(plain, str | int | float):
            yield Info(ID=f"info{number}", name=xml_text(key), value=xml_text(str(plain)))
