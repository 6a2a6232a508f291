"""Tables as FITS: names, units, UCDs, descriptions, vectors and nulls that TOPCAT and we read."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from astropy.io import fits
from astropy.table import Column, MaskedColumn, QTable, Table, represent_mixins_as_columns
from astropy.units import Unit
from astropy.utils.data_info import serialize_context_as
from astropy.utils.exceptions import AstropyWarning

from astroclip_astro.catalogue.fits_header import (
    add_frame,
    block_lines,
    column_cards,
    describe_columns,
    drop_stale_block,
    header_text,
    split_meta,
    table_meta,
)
from astroclip_astro.catalogue.nulls import Stored, storable, understand_units, with_values
from astroclip_astro.errors import CatalogueError

FORMATS = {
    **{"b1": "L", "u1": "B", "i2": "I", "i4": "J", "i8": "K", "u2": "I", "u4": "J", "u8": "K"},
    **{"f4": "E", "f8": "D", "c8": "C", "c16": "M"},
}
NAME_KEY = "astroclip_fits_name"  # in column.meta: [name in the header, name in the table]
LONGEST_NAME = 60  # characters; a card holds 68, where quotes count double


def read_fits(path: str | Path) -> Table:
    """Read the first table of a FITS file.

    Parameters
    ----------
    path : str or Path
        FITS file, gzipped or not.

    Returns
    -------
    astropy.table.Table
        Descriptions, units, and in ``column.meta`` UCDs (``ucd``) and utypes (``utype``) are on
        the columns; ``table.meta`` holds the other keywords of the table's header. Null integers
        and logicals are masked; NaN and empty strings are values.

    Raises
    ------
    CatalogueError
        Where there is no table, or less of it than its header claims.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.fits"
    >>> with path.open("wb") as stream:
    ...     write_fits(Table({"z": [0.5]}, meta={"OBSERVER": "EH"}), stream)
    >>> read_fits(path).meta
    {'OBSERVER': 'EH'}
    """
    path = Path(path)
    with _tolerant(), fits.open(path, memmap=False) as hdus:
        hdu = _first_table(path, hdus)
        drop_stale_block(hdu.header, hdu.columns.names)
        table = Table.read(hdu, format="fits")
        for column in list(table.itercols()):
            # astropy hides NaN and empty strings (and null times need that, until here).
            if isinstance(column, MaskedColumn) and column.dtype.kind in "fcSU":
                table.replace_column(column.name, with_values(column, np.asarray(column)))
        if isinstance(hdu, fits.BinTableHDU):
            _restore_nulls(table, hdu)
        describe_columns(table, hdu.header)
        add_frame(table.meta, hdus[0].header)
        _release(hdu)
    table.meta = table_meta(table.meta)
    for column in list(table.itercols()):
        written, name = (column.info.meta or {}).pop(NAME_KEY, (None, None))
        if written == column.info.name and name not in table.colnames:
            table.rename_column(written, name)
    understand_units(table)
    return table


def write_fits(table: Table, stream: BinaryIO) -> None:
    """Write a table as a FITS file with one binary table.

    Parameters
    ----------
    table : astropy.table.Table
        Any columns that `storable` takes, and SkyCoord, Time, Quantity. It is not changed.
        Null strings become empty and null floats NaN, FITS' nulls for both.
    stream : binary file
        Open for writing. The table is copied once in memory.

    Raises
    ------
    OutputError
        Where a column or its metadata cannot be held by FITS.

    Examples
    --------
    >>> import io
    >>> write_fits(Table({"z": [0.5]}), io.BytesIO())
    """
    with _tolerant():
        named = _with_header_names(table)
        with serialize_context_as("fits"):
            plain = represent_mixins_as_columns(named)
        stored = [storable(column) for column in plain.itercols()]
        columns = [_fits_column(*pair) for pair in zip(plain.itercols(), stored, strict=True)]
        hdu = fits.BinTableHDU.from_columns(columns, nrows=len(table))
        del columns
        for number, column in enumerate(plain.itercols(), start=1):
            hdu.header.extend(column_cards(number, column), end=True)
        cards, rest = split_meta(table.meta)
        if "__serialized_columns__" in plain.meta:
            rest["__serialized_columns__"] = plain.meta["__serialized_columns__"]
        notes = [one.note for one in stored if one.note]
        comments = [header_text(note) for note in notes] + block_lines(plain, rest)
        hdu.header.extend(cards, end=True)
        hdu.header.extend([("COMMENT", line) for line in comments], end=True)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(stream)
        _release(hdu)


@contextmanager
def _tolerant() -> Iterator[None]:
    """Silence astropy's remarks on odd units and names: both are kept as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        yield


def _release(hdu: fits.BinTableHDU | fits.TableHDU) -> None:
    """Let go of the columns' arrays: astropy would copy every one when the table is freed."""
    for column in hdu.columns:
        del column.array


def _first_table(path: Path, hdus: fits.HDUList) -> fits.BinTableHDU | fits.TableHDU:
    """Return the first table, sure that the file holds all of it."""
    reached = -1
    for hdu in hdus:
        if isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
            break
        place = hdu.fileinfo()["hdrLoc"]
        if place <= reached:  # a damaged header can send astropy round in circles
            raise CatalogueError(f"{path} is damaged: its headers overlap; fetch it again.")
        reached = place
    else:
        kinds = ", ".join(type(hdu).__name__ for hdu in hdus)
        raise CatalogueError(
            f"{path} holds no complete table, only {kinds}; pass a FITS file with a table."
        )
    if hdu.header.get("ZTABLE"):
        raise CatalogueError(f"{path} holds a tile-compressed table; uncompress it (funpack).")
    start = hdu.fileinfo()["datLoc"]
    found = _length(path, start + hdu.size) - start
    if found < hdu.size:
        raise CatalogueError(
            f"{path} is truncated: its header claims {hdu.header['NAXIS2']} rows "
            f"({hdu.size} bytes), {max(found, 0)} bytes of them are there; fetch it again."
        )
    width = hdu.columns.dtype.itemsize
    if isinstance(hdu, fits.BinTableHDU) and width != hdu.header["NAXIS1"]:
        raise CatalogueError(
            f"{path} is damaged: its rows have {hdu.header['NAXIS1']} bytes, the columns of a "
            f"row {width}; fetch or write it again."
        )
    return hdu


def _length(path: Path, enough: int) -> int:
    """Return the length of a file, of its content if gzipped, counted no further than enough."""
    with path.open("rb") as stream:
        if stream.read(2) != b"\x1f\x8b":
            return path.stat().st_size
    count = 0
    with gzip.open(path) as stream:
        while count < enough and (block := stream.read(1 << 20)):
            count += len(block)
    return count


def _restore_nulls(table: Table, hdu: fits.BinTableHDU) -> None:
    """Mask null logicals, and null integers that are scaled: astropy compares too late."""
    raw = hdu.data.view(np.ndarray)
    for column in hdu.columns:
        name = column.name
        if name not in table.colnames or not isinstance(table[name], Column):
            continue
        if column.format.format == "L":
            mask = raw[name] == 0
        elif column.null is not None and (column.bzero or column.bscale not in (None, "", 1)):
            mask = raw[name] == column.null
        else:
            continue
        old = table[name]
        if mask.any() or np.ma.is_masked(old):
            table.replace_column(name, MaskedColumn(old, mask=mask.reshape(old.shape)))


def _with_header_names(table: Table) -> Table:
    """Return the table, not copied, its columns under names that fit a header."""
    names: list[str] = []
    for name in table.colnames:
        text = header_text(name).rstrip() or "column"
        if len(text) + text.count("'") > LONGEST_NAME:
            text = text[: LONGEST_NAME // 2 - 4]
        fitting, copies = text, 1
        while fitting in names or (fitting != name and fitting in table.colnames):
            copies += 1
            fitting = f"{text}_{copies}"
        names.append(fitting)
    kind = QTable if isinstance(table, QTable) else Table  # a TimeSeries is fussy about names
    named = kind(list(table.itercols()), names=names, copy=False)
    for fitting, name in zip(names, table.colnames, strict=True):
        if fitting != name:
            info = named[fitting].info
            info.meta = {**(info.meta or {}), NAME_KEY: [fitting, name]}
    return named


def _fits_column(column: Column, stored: Stored) -> fits.Column:
    """Return a column of the binary table."""
    values = stored.values
    if values.dtype.kind == "U":
        # Beyond ASCII this is more than FITS allows; astropy reads it, others show marks.
        values = np.char.encode(values, "utf-8")
    code, shape, bzero = values.dtype.str[1:], values.shape[1:], None
    if values.dtype.kind == "O":
        form = f"P{FORMATS[values[0].dtype.str[1:]]}()" if len(values) else "PD()"
    elif values.dtype.kind == "S":
        length = max(values.dtype.itemsize, 1)
        form = f"{int(np.prod(shape)) * length}A"
        shape = (*shape, length) if shape else ()
    else:
        form = f"{int(np.prod(shape))}{FORMATS[code]}"
        if code in ("u2", "u4", "u8"):
            bzero = 2 ** (8 * values.dtype.itemsize - 1)
    return fits.Column(
        name=column.info.name,
        format=form,
        unit=_unit_text(column.unit),
        null=stored.null,
        bzero=bzero,
        disp=_display(column),
        dim=f"({','.join(str(size) for size in shape[::-1])})" if len(shape) > 1 else None,
        array=values,
    )


def _display(column: Column) -> str | None:
    """Return a column's format as FITS spells it, None where it cannot."""
    try:
        text = fits.column.python_to_tdisp(column.info.format, column.dtype.kind == "b")
        return fits.Column("x", "D", disp=text).disp
    except (KeyError, IndexError, TypeError, ValueError, fits.VerifyError):
        return None


def _unit_text(unit: Unit | None) -> str | None:
    """Return a unit as FITS spells it, as astropy does where FITS cannot."""
    if unit is None:
        return None
    try:
        text = unit.to_string("fits")
        if Unit(text, format="fits", parse_strict="silent") != unit:
            text = unit.to_string()
    except ValueError:
        text = unit.to_string()
    return header_text(text) or None
