"""The coordinate systems that columns of a VOTable refer to, read and written."""

from __future__ import annotations

from collections.abc import Iterator

from astropy.io.votable.tree import (
    CooSys,
    FieldRef,
    Group,
    Resource,
    TableElement,
    VOTableFile,
)
from astropy.table import Table

ATTRIBUTES = ("system", "equinox", "epoch", "refposition")


def read_systems(file: VOTableFile, element: TableElement, table: Table) -> None:
    """Put the COOSYS that each field refers to into its column's metadata.

    Parameters
    ----------
    file : VOTableFile
        With the COOSYS elements, wherever they stand.
    element : TableElement
        The table in the file. A FIELD refers to a system itself, or a GROUP that lists it does. A
        single system that nothing refers to is that of the columns with UCDs
        of equatorial positions.
    table : Table
        The same table as it was read, its columns in the same order; changed in place: attributes
        of the system are in ``column.meta["coosys"]``.
    """
    systems = {system.ID: system for system in file.iter_coosys()}
    if not systems:
        return
    grouped = dict(_grouped(element.groups, None))
    referred = {}
    for number, field in enumerate(element.fields):
        refs = (field.ref, grouped.get(field.ID))
        known = [ref for ref in refs if ref in systems]
        if known:
            referred[number] = systems[known[0]]
    if not referred and len(systems) == 1:
        (only,) = systems.values()
        for number, field in enumerate(element.fields):
            if str(field.ucd or "").lower().startswith(("pos.eq.", "pos_eq_")):
                referred[number] = only
    for number, system in referred.items():
        values = {name: getattr(system, name) for name in ATTRIBUTES}
        meta = table[table.colnames[number]].info.meta
        meta["coosys"] = {name: str(value) for name, value in values.items() if value}


def write_systems(table: Table, element: TableElement, resource: Resource) -> None:
    """Let fields refer to the systems that their columns came with.

    Parameters
    ----------
    table : Table
        Its ``column.meta["coosys"]`` is read.
    element : TableElement
        With a field for each column, in order; changed in place.
    resource : Resource
        Gets the COOSYS elements.
    """
    written: dict[tuple, str] = {}
    for field, column in zip(element.fields, table.itercols(), strict=True):
        attributes = (column.info.meta or {}).get("coosys")
        if not isinstance(attributes, dict):
            continue
        known = {name: attributes[name] for name in ATTRIBUTES if attributes.get(name)}
        key = tuple(sorted(known.items()))
        if key not in written:
            written[key] = f"system{len(written) + 1}_"
            resource.coordinate_systems.append(CooSys(ID=written[key], **known))
        field.ref = written[key]


def _grouped(groups: list, outer: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield fields that groups list, and what the innermost group refers to."""
    for group in groups:
        ref = group.ref or outer
        for entry in group.entries:
            if isinstance(entry, Group):
                yield from _grouped([entry], ref)
            elif isinstance(entry, FieldRef) and ref:
                yield entry.ref, ref
