"""Which table of a file with several is the catalogue."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from astropy.table import Table

from astroclip_astro.errors import CatalogueError
from astroclip_astro.sky.targets import has_target_columns

SEPARATOR = "#"
LISTED = 20  # tables in a message


@dataclass(frozen=True)
class TableChoice:
    """What is known of the table that is wanted.

    Parameters
    ----------
    name : str or None
        Its number or name, as a user writes it behind ``#``.
    columns : tuple of str
        Columns that it must have; where there are none, those of RA and Dec, or a TARGETID.
    """

    name: str | None = None
    columns: tuple[str, ...] = ()

    def fits(self, table: Table) -> bool:
        """Return whether a table, its rows left out, can be the one."""
        if self.columns:
            return set(self.columns) <= set(table.colnames)
        return has_target_columns(table)


ANY_TABLE = TableChoice()


@dataclass(frozen=True)
class ListedTable:
    """A table of a file, before its rows are read.

    Parameters
    ----------
    number : int
        As users count: of FITS the number of the HDU, of VOTable from 1.
    name : str
        Empty where it has none.
    rows : int
        As its header claims.
    columns : Table
        Without rows; column names and UCDs are looked at.
    auxiliary : bool
        Whether it belongs to another table and is never the catalogue, unless it is named.
    """

    number: int
    name: str
    rows: int
    columns: Table
    auxiliary: bool = False

    def describe(self) -> str:
        """Return number, name and rows for a message."""
        name = f" {self.name!r}" if self.name else ""
        return f"{SEPARATOR}{self.number}{name} ({self.rows} rows)"


def split_table_name(path: str | os.PathLike) -> tuple[Path, str | None]:
    """Return the file and the table that ``FILE#TABLE`` stands for.

    Parameters
    ----------
    path : str or path
        A file, or a file, ``#``, and the number or the name of a table in it.

    Returns
    -------
    path : pathlib.Path
        The file.
    name : str or None
        What names the table, None where nothing does. A file whose own name has a ``#`` is that
        file.

    Examples
    --------
    >>> split_table_name("absent.fits")
    (PosixPath('absent.fits'), None)
    """
    path = Path(path)
    if SEPARATOR not in path.name or os.path.lexists(path):
        return path, None
    places = [place for place, letter in enumerate(path.name) if letter == SEPARATOR and place]
    for place in reversed(places):
        file = path.with_name(path.name[:place])
        if file.is_file():
            return file, path.name[place + 1 :]
    return path, None


def choose_table(path: Path, tables: Iterable[ListedTable], wanted: TableChoice) -> ListedTable:
    """Return the table that is wanted: the named one, else the first with rows and positions.

    Parameters
    ----------
    path : Path
        The file, for messages.
    tables : iterable of ListedTable
        In the order of the file; looked at no further than needed.
    wanted : TableChoice
        What is asked for.

    Returns
    -------
    ListedTable
        Where none has positions, the only one that has rows.

    Raises
    ------
    CatalogueError
        Where there is no such table, or several without positions; all are listed.

    Examples
    --------
    >>> header = ListedTable(1, "LDAC_IMHEAD", 1, Table(names=["Field Header Card"]))
    >>> objects = ListedTable(2, "LDAC_OBJECTS", 5, Table(names=["ra", "dec"]))
    >>> choose_table(Path("field.cat"), [header, objects], TableChoice()).number
    2
    """
    seen: list[ListedTable] = []
    for table in tables:
        if wanted.name is None:
            if table.rows > 0 and not table.auxiliary and wanted.fits(table.columns):
                return table
        elif wanted.name == str(table.number):
            return table
        seen.append(table)
    if not seen:
        raise CatalogueError(f"{path} holds no table; pass a file with one.")
    shown = ", ".join(table.describe() for table in seen[:LISTED])
    shown += f" and {len(seen) - LISTED} more" * (len(seen) > LISTED)
    if wanted.name is not None:
        named = [table for table in seen if table.name == wanted.name]
        named = named or [t for t in seen if t.name.lower() == wanted.name.lower()]
        if named:
            return named[0]
        raise CatalogueError(
            f"{path} has no table {SEPARATOR}{wanted.name}, expected one of {shown}."
        )
    if wanted.columns:  # no table has them, as the reader of the catalogue will say
        return choose_table(path, seen, ANY_TABLE)
    filled = [table for table in seen if table.rows > 0 and not table.auxiliary]
    if len(filled) > 1:
        raise CatalogueError(
            f"{path} holds several tables, and none with columns of RA and Dec, or TARGETIDs: "
            f"{shown}; name one as '{path.name}{SEPARATOR}{filled[0].number}'."
        )
    return filled[0] if filled else seen[0]
