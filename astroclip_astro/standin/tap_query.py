"""ADQL over tables in memory: a small, read-only SQL database on SQLite."""

from __future__ import annotations

import math
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import numpy as np
from astropy.table import Column, MaskedColumn, Table

from astroclip_astro.errors import AstroclipError, InputError

READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}
LONGEST_VALUE = 1_000_000  # bytes of one value that a query may make up, and of the query itself
STEPS = 1000  # of SQLite's machine between two looks at the clock
AFFINITY = {"b": "INTEGER", "i": "INTEGER", "u": "INTEGER", "f": "REAL"}
HELD: dict[str, set[type]] = {"b": {int}, "i": {int}, "u": {int}, "f": {int, float}, "U": {str}}
TOP = re.compile(r"\s*SELECT(?P<kind>\s+(?:ALL|DISTINCT))?\s+TOP\s+(?P<rows>\d{1,9})\b", re.I)
# PostgreSQL takes 't' and 'f' for booleans; SQLite has numbers instead.
BOOLEAN = re.compile(r"'(?P<left>[tf])'(?=\s*=)|(?<==)(?P<gap>\s*)'(?P<right>[tf])'", re.I)
MATHS = "acos asin atan cos sin tan exp floor log10 radians degrees sqrt"


class QueryError(AstroclipError):
    """A query that cannot be answered; the message is for whoever sent it."""


class Database:
    """Tables that can be queried, and not changed.

    A query is one SELECT in the ADQL that both SQLite and PostgreSQL understand: no geometry
    (``CONTAINS``, ``CIRCLE``) but ``q3c_radial_query(ra, dec, ra0, dec0, radius)`` and
    ``q3c_dist(ra1, dec1, ra2, dec2)``, in degrees.

    Parameters
    ----------
    tables : mapping of str to Table
        By name with schema, ``"desi_dr1.zpix"``; a value a cell.
    seconds : float
        What a query may take.

    Raises
    ------
    InputError
        For a name without schema, or a column with several values a row.

    Examples
    --------
    >>> database = Database({"desi_dr1.zpix": Table({"targetid": [4, 5, 6], "z": [0.1, 0.2, 0.3]})})
    >>> table, overflow = database.select("SELECT TOP 2 * FROM desi_dr1.zpix WHERE z > 0.1", 10)
    >>> table["targetid"].tolist(), overflow
    ([5, 6], False)
    >>> database.close()
    """

    def __init__(self, tables: Mapping[str, Table], *, seconds: float = 30.0) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._closed = False
        self._columns: list[Column] = []
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        try:
            self._fill(tables)
        except BaseException:
            self._connection.close()
            raise
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        _add_functions(self._connection)

    def select(
        self, adql: str, rows: int, *, stopped: Callable[[], bool] = lambda: False
    ) -> tuple[Table, bool]:
        """Answer a query.

        Parameters
        ----------
        adql : str
            One SELECT statement.
        rows : int
            How many rows at most.
        stopped : callable
            Asked now and then whether nobody wants the answer any more.

        Returns
        -------
        table : Table
            Columns keep type, unit and description of where they come from.
        overflow : bool
            Whether there were more rows.

        Raises
        ------
        QueryError
            For anything else than a SELECT that SQLite understands, one that takes too long,
            and one that was stopped.
        """
        top = TOP.match(adql)
        most = min(rows + 1, int(top["rows"])) if top else rows + 1
        sql = f"SELECT{top['kind'] or ''}{adql[top.end() :]}" if top else adql
        sql = BOOLEAN.sub(_boolean, sql).strip().rstrip(";")
        with self._lock:
            names, found = self._run(sql, most, stopped)
            origins = self._origins(sql)
        overflow = len(found) > rows
        values = zip(*found[:rows], strict=True) if found[:rows] else [()] * len(names)
        table = Table()
        for name, cells, origin in zip(names, values, origins, strict=True):
            table.add_column(_column(cells, origin), name=_free(name, table.colnames))
        return table, overflow

    def close(self) -> None:
        """Stop the query that is running and forget the tables."""
        self._closed = True
        with self._lock:
            self._connection.close()

    def _fill(self, tables: Mapping[str, Table]) -> None:
        """Copy the tables, a database of SQLite for each schema."""
        schemas = set()
        for full_name, table in tables.items():
            schema, _, name = full_name.partition(".")
            if not (schema.isidentifier() and name.isidentifier()):
                raise InputError(f"Table {full_name!r}, expected a name such as 'desi_dr1.zpix'.")
            if schema not in schemas:
                self._connection.execute(f"ATTACH ':memory:' AS {schema}")
                schemas.add(schema)
            declared = ", ".join(self._declare(full_name, column) for column in table.itercols())
            self._connection.execute(f"CREATE TABLE {full_name} ({declared})")
            places = ", ".join("?" * len(table.columns))
            cells = zip(*(_cells(column) for column in table.itercols()), strict=True)
            self._connection.execute("BEGIN")
            self._connection.executemany(f"INSERT INTO {full_name} VALUES ({places})", cells)
            self._connection.execute("COMMIT")

    def _declare(self, table: str, column: Column) -> str:
        """Return a column as SQLite is told it, with a type that says where to look it up."""
        if column.ndim != 1:
            raise InputError(f"{table}: column {column.name!r} has several values a row.")
        self._columns.append(column)
        kind = AFFINITY.get(column.dtype.kind, "TEXT")
        return f'"{column.name}" {kind} c{len(self._columns) - 1}'

    def _run(
        self, sql: str, rows: int, stopped: Callable[[], bool]
    ) -> tuple[list[str], list[tuple]]:
        """Return names and rows of a query that may only read."""
        end = time.monotonic() + self._seconds

        def enough() -> bool:
            return time.monotonic() > end or self._closed or stopped()

        if enough():
            raise QueryError("The query was stopped.")
        self._connection.set_authorizer(_only_reading)
        self._connection.set_progress_handler(enough, STEPS)
        try:
            with closing(self._connection.execute(sql)) as cursor:
                if cursor.description is None:
                    raise QueryError("The query is empty, expected a SELECT.")
                return [item[0] for item in cursor.description], cursor.fetchmany(rows)
        except (sqlite3.Error, sqlite3.Warning) as error:
            late = f" after {self._seconds:g} s" if time.monotonic() > end else ""
            raise QueryError(f"{error}{late}; this is SQLite behind an ADQL front") from error
        finally:
            self._connection.set_progress_handler(None, 0)
            self._connection.set_authorizer(None)

    def _origins(self, sql: str) -> list[Column | None]:
        """Return the column of a table that each column of a result is, None for expressions.

        SQLite says so of the columns of a view. That ``sql`` is one SELECT is known by now.
        """
        self._connection.execute(f"CREATE TEMP VIEW result AS {sql}")
        try:
            types = [row[2] for row in self._connection.execute("PRAGMA temp.table_info(result)")]
        finally:
            self._connection.execute("DROP VIEW temp.result")
        found = [re.search(r"\bc(\d+)$", kind) for kind in types]
        return [self._columns[int(match[1])] if match else None for match in found]


def _only_reading(action: int, *_: str | None) -> int:
    """Tell SQLite whether a statement may do something."""
    return sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY


def _boolean(match: re.Match) -> str:
    """Return a boolean as SQLite writes it."""
    letter = match["left"] or match["right"]
    return (match["gap"] or "") + ("TRUE" if letter.lower() == "t" else "FALSE")


def _cells(column: Column) -> list:
    """Return a column as SQLite takes it; NaN becomes NULL there."""
    if column.dtype.kind not in AFFINITY:
        column = column.astype(str)
    return column.tolist()


def _column(cells: tuple, origin: Column | None) -> Column:
    """Return a column of a result, like the one it comes from where that can hold it."""
    mask = [cell is None for cell in cells]
    kinds = {type(cell) for cell in cells} - {type(None)}
    facts: dict[str, Any] = {}
    if origin is not None and kinds <= HELD.get(origin.dtype.kind, {str}):
        dtype = origin.dtype if origin.dtype.kind in AFFINITY else np.dtype(str)
        facts = {"unit": origin.unit, "description": origin.description, "meta": origin.meta}
    else:
        dtype = np.dtype(int if kinds == {int} else float if kinds <= {int, float} else str)
    if dtype.kind == "f":
        return Column([np.nan if cell is None else cell for cell in cells], dtype=dtype, **facts)
    blank = "" if dtype.kind == "U" else 0
    filled = [blank if cell is None else cell for cell in cells]
    if any(mask):
        return MaskedColumn(filled, mask=mask, dtype=dtype, **facts)
    return Column(filled, dtype=dtype, **facts)


def _free(name: str, taken: list[str]) -> str:
    """Return a name that no other column has."""
    names = [name, *(f"{name}_{number}" for number in range(2, len(taken) + 2))]
    return next(each for each in names if each not in taken)


def _add_functions(connection: sqlite3.Connection) -> None:
    """Give SQLite the functions of ADQL, whatever it was built with, and two of q3c."""
    functions: list[tuple[str, int, Callable]] = [
        *((name, 1, getattr(math, name)) for name in MATHS.split()),
        ("ceiling", 1, math.ceil),
        ("log", 1, math.log),
        ("atan2", 2, math.atan2),
        ("mod", 2, math.fmod),
        ("power", 2, math.pow),
        ("pi", 0, lambda: math.pi),
        ("q3c_dist", 4, _distance),
        ("q3c_radial_query", 5, lambda *numbers: _distance(*numbers[:4]) <= numbers[4]),
    ]
    for name, count, function in functions:
        connection.create_function(name, count, _of_null(function), deterministic=True)


def _of_null(function: Callable) -> Callable:
    """Return a function that gives NULL for NULL."""
    return lambda *numbers: None if None in numbers else function(*numbers)


def _distance(ra: float, dec: float, other_ra: float, other_dec: float) -> float:
    """Return the angle between two positions in degrees, by the haversine formula."""
    ra, dec, other_ra, other_dec = map(math.radians, (ra, dec, other_ra, other_dec))
    half = math.sin((dec - other_dec) / 2) ** 2
    half += math.cos(dec) * math.cos(other_dec) * math.sin((ra - other_ra) / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(min(half, 1.0))))
