"""Tables as FITS: names, units, UCDs, descriptions, vectors and nulls that TOPCAT and we read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from astropy.io import fits
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.utils.exceptions import AstropyWarning

from astroclip_astro.catalogue.fits_header import (
    add_frame,
    block_lines,
    check_block,
    column_cards,
    describe_columns,
    drop_stale_block,
    header_text,
    split_meta,
    table_meta,
)
from astroclip_astro.catalogue.fits_layout import check_held, choose_part
from astroclip_astro.catalogue.fits_values import (
    Masks,
    check_heap,
    name_columns,
    restore_values,
    stacked_rows,
    take_scales,
    take_text_nulls,
    unstack,
)
from astroclip_astro.catalogue.nulls import Stored, storable, with_values, without_mixins
from astroclip_astro.catalogue.table_choice import ANY_TABLE, TableChoice
from astroclip_astro.catalogue.units import (
    set_unit,
    spelt,
    unit_text,
    without_unit_text,
)
from astroclip_astro.errors import CatalogueError, OutputError
from astroclip_astro.storage.packed import open_unpacked

FORMATS = {
    **{"b1": "L", "u1": "B", "i2": "I", "i4": "J", "i8": "K", "u2": "I", "u4": "J", "u8": "K"},
    **{"f4": "E", "f8": "D", "c8": "C", "c16": "M"},
}
NAME_KEY = "astroclip_fits_name"  # in column.meta: [name in the header, name in the table]
MOST_COLUMNS = 999  # their numbers have three digits in a header
LONGEST_NAME = 60  # characters; a card holds 68, where quotes count double


def read_fits(path: str | Path, wanted: TableChoice = ANY_TABLE) -> Table:
    """Read one table of a FITS file: the one that is wanted, else the first with positions.

    Parameters
    ----------
    path : str or Path
        FITS file, gzipped or not. Binary and ASCII tables are read, and TOPCAT's column-oriented
        ones (colfits).
    wanted : TableChoice
        Which table, where there are several.

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
    with tolerant(), open_unpacked(path) as stream:
        part = choose_part(path, stream, wanted)
        check_held(path, stream, part)
        check_block(path, part.header)
        stream.seek(0)
        with fits.open(stream, memmap=False) as hdus:
            table = _read_part(path, hdus[part.number])
            add_frame(table.meta, hdus[0].header)
    table.meta = table_meta(table.meta)
    for column in list(table.itercols()):
        written, name = (column.info.meta or {}).pop(NAME_KEY, (None, None))
        if written == column.info.name and name not in table.colnames:
            table.rename_column(written, name)
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
    with tolerant():
        named = _with_header_names(table)
        plain = without_mixins(named, "fits")
        if len(plain.columns) > MOST_COLUMNS:
            raise OutputError(
                f"FITS holds at most {MOST_COLUMNS} columns, and there would be "
                f"{len(plain.columns)}; write .parquet, .vot or .ecsv, or leave some out."
            )
        units = [_unit_text(column) for column in plain.itercols()]
        for column in plain.itercols():
            column.info.meta = without_unit_text(column.info.meta)
        stored = [storable(column) for column in plain.itercols()]
        columns = [fits_column(*one) for one in zip(plain.itercols(), stored, units, strict=True)]
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
def tolerant() -> Iterator[None]:
    """Silence astropy's remarks on odd units and names: both are kept as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        yield


def _release(hdu: fits.BinTableHDU | fits.TableHDU) -> None:
    """Let go of the columns' arrays: astropy would copy every one when the table is freed."""
    for column in hdu.columns:
        del column.array


def _read_part(path: Path, hdu: fits.BinTableHDU | fits.TableHDU) -> Table:
    """Return a table as it stands in the file, its metadata as astropy has them."""
    names = name_columns(hdu.header)
    scales = take_scales(hdu.header) if isinstance(hdu, fits.BinTableHDU) else {}
    width = hdu.columns.dtype.itemsize
    if isinstance(hdu, fits.BinTableHDU) and width != hdu.header["NAXIS1"]:
        raise CatalogueError(
            f"{path} is damaged: its rows have {hdu.header['NAXIS1']} bytes, the columns of a "
            f"row {width}; fetch or write it again."
        )
    nulls: Masks = {}
    if isinstance(hdu, fits.BinTableHDU):
        check_heap(path, hdu)
    else:
        nulls = take_text_nulls(hdu)
    drop_stale_block(hdu.header, names)
    table = Table.read(hdu, format="fits")
    for column in list(table.itercols()):
        # astropy hides NaN and empty strings (and null times need that, until here).
        if isinstance(column, MaskedColumn) and column.dtype.kind in "fcSU":
            table.replace_column(column.name, with_values(column, np.asarray(column)))
    if isinstance(hdu, fits.BinTableHDU):
        restore_values(table, hdu, scales)
    for name, mask in nulls.items():
        if mask.any():
            table.replace_column(name, MaskedColumn(table[name], mask=mask))
    describe_columns(table, hdu.header)
    for number, name in enumerate(names, start=1):
        text = str(hdu.header.get(f"TUNIT{number}", "")).strip()
        if text and name in table.colnames and isinstance(table[name], Column):
            set_unit(table[name], text, "fits", written="fits")
    if stacked_rows(hdu.header) is not None and ANY_TABLE.fits(table):
        table = unstack(table, hdu.header)
    _release(hdu)
    return table


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


def fits_column(
    column: Column, stored: Stored, unit: str | None, name: str | None = None
) -> fits.Column:
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
        name=column.info.name if name is None else name,
        format=form,
        unit=unit,
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


def _unit_text(column: Column) -> str | None:
    """Return a column's unit as its file spelt it, else as FITS does, else as astropy does."""
    if column.info.unit is None:
        return None
    return header_text(unit_text(column) or spelt(column.info.unit, "fits")) or None
