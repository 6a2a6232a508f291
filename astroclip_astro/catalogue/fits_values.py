"""Values of a FITS table where astropy would lose some: nulls, large integers, columns as rows."""

from __future__ import annotations

import re
from math import prod
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Column, MaskedColumn, Table

from astroclip_astro.catalogue.nulls import with_values
from astroclip_astro.errors import CatalogueError
from astroclip_astro.storage.bounds import MAX_HEAP_USES

BYTES = {"L": 1, "X": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16}
FORM = re.compile(r"\s*(?P<repeat>\d*)(?P<letter>[LXBIJKAEDCMPQ])")
UNSIGNED = {"I": 2**15, "J": 2**31, "K": 2**63}  # offsets that mean another type
Masks = dict[str, np.ndarray]


def name_columns(header: fits.Header) -> list[str]:
    """Give every column of a table a name of its own, in its header.

    Parameters
    ----------
    header : fits.Header
        Changed in place: a column without a name becomes ``colN``, one whose name is taken
        ``NAME_2``.

    Returns
    -------
    list of str
        The names, in order.

    Examples
    --------
    >>> name_columns(fits.Header({"TFIELDS": 3, "TTYPE1": "x", "TTYPE2": "x", "TTYPE3": " "}))
    ['x', 'x_2', 'col3']
    """
    count = header.get("TFIELDS", 0)
    found = [str(header.get(f"TTYPE{i + 1}", "")).strip() for i in range(count)]
    names: list[str] = []
    for number, name in enumerate(found, start=1):
        fresh, copies = name or f"col{number}", 1
        while fresh in names or (fresh != name and fresh in found):
            copies += 1
            fresh = f"{name or f'col{number}'}_{copies}"
        names.append(fresh)
        if fresh != name:
            header[f"TTYPE{number}"] = fresh
    return names


def row_count(header: fits.Header) -> int:
    """Return how many rows a table has for its reader: in colfits the length of its vectors.

    Parameters
    ----------
    header : fits.Header
        Of a table.
    """
    stacked = stacked_rows(header)
    return header.get("NAXIS2", 0) if stacked is None else stacked


def stacked_rows(header: fits.Header) -> int | None:
    """Return the rows of a column-oriented table (TOPCAT's colfits): one row of vectors.

    Parameters
    ----------
    header : fits.Header
        Of a table.

    Returns
    -------
    int or None
        None where it is an ordinary table.

    Examples
    --------
    >>> header = fits.Header({"XTENSION": "BINTABLE", "NAXIS2": 1, "TFIELDS": 1})
    >>> header["TFORM1"], header["TDIM1"] = "5D", "(1,5)"
    >>> stacked_rows(header)
    5
    """
    if header.get("NAXIS2") != 1 or header.get("XTENSION") == "TABLE":
        return None
    lengths, shaped = set(), False
    for number in range(1, header.get("TFIELDS", 0) + 1):
        form = FORM.match(str(header.get(f"TFORM{number}", "")))
        sizes = re.findall(r"\d+", str(header.get(f"TDIM{number}", "")))
        if form is None or form["letter"] in "PQ" or (form["letter"] == "A" and not sizes):
            return None
        shaped = shaped or bool(sizes)
        lengths.add(int(sizes[-1] if sizes else form["repeat"] or 1))
    if len(lengths) != 1 or 0 in lengths or (lengths == {1} and not shaped):
        return None
    return lengths.pop()


def check_heap(path: Path, hdu: fits.BinTableHDU) -> None:
    """Raise where cells of different lengths claim more than the table's heap holds.

    Parameters
    ----------
    path : Path
        For messages.
    hdu : fits.BinTableHDU
        Whose rows are all there.

    Raises
    ------
    CatalogueError
        For a cell beyond the heap, or cells that use the same bytes over and over.
    """
    rows = hdu.header["NAXIS1"] * hdu.header["NAXIS2"]
    heap = hdu.header.get("PCOUNT", 0) - (hdu.header.get("THEAP", rows) - rows)
    total = 0
    for number, column in enumerate(hdu.columns, start=1):
        kind = re.match(r"\s*[01]?[PQ]([LXBIJKAEDCM])", str(hdu.header[f"TFORM{number}"]))
        if kind is None or not len(hdu.data):
            continue
        cells = hdu.data.view(np.ndarray)[column.name].astype(np.float64).reshape(-1, 2)
        ends = cells[:, 0] * BYTES[kind[1]] / (8 if kind[1] == "X" else 1) + cells[:, 1]
        if (cells < 0).any() or (ends[cells[:, 0] > 0] > heap).any():
            raise CatalogueError(
                f"{path} is damaged: cells of column {column.name!r} claim up to "
                f"{ends.max():.0f} bytes, expected at most the {heap} of the table's heap; fetch "
                "or write it again."
            )
        total += cells[:, 0].sum() * BYTES[kind[1]]
    if total > MAX_HEAP_USES * max(heap, 1) * (8 if total else 1):
        raise CatalogueError(
            f"{path} is damaged: its cells claim {total:.0f} bytes, and its heap has {heap}; "
            "fetch or write it again."
        )


def take_text_nulls(hdu: fits.TableHDU) -> Masks:
    """Return where integers of an ASCII table are null; astropy does not look for nulls any more.

    Parameters
    ----------
    hdu : fits.TableHDU
        Its columns forget their nulls, which astropy would compare with numbers.

    Returns
    -------
    dict of str to ndarray
        Masks (n,) by column name.
    """
    masks = {}
    raw = hdu.data.view(np.ndarray)
    for number, column in enumerate(hdu.columns, start=1):
        null = hdu.header.get(f"TNULL{number}")
        if null is None:
            continue
        text = np.char.strip(raw[column.name])
        hdu.data[column.name]  # converted once, while the null is known
        if column.format.format == "I":
            null = str(null).strip().encode()
            masks[column.name] = (text == null) | (text == b"")
        column.null = None
    return masks


def take_scales(header: fits.Header) -> dict[str, tuple[float, float]]:
    """Return factor and offset of scaled integers, and take them out of a table's header.

    Parameters
    ----------
    header : fits.Header
        Changed in place, so that astropy gives the numbers of the file: it multiplies them as
        floats, which do not hold every TARGETID, and stumbles over 64 bits. The offsets that stand
        for unsigned integers stay; astropy knows them.

    Returns
    -------
    dict of str to tuple of float
        By column name.

    Examples
    --------
    >>> header = fits.Header({"TFIELDS": 1, "TTYPE1": "n", "TFORM1": "K", "TZERO1": 1000})
    >>> take_scales(header), "TZERO1" in header
    ({'n': (1, 1000)}, False)
    """
    scales = {}
    for number in range(1, header.get("TFIELDS", 0) + 1):
        form = FORM.match(str(header.get(f"TFORM{number}", "")))
        scale, zero = header.get(f"TSCAL{number}", 1), header.get(f"TZERO{number}", 0)
        if form is None or form["letter"] not in "BIJK" or (scale, zero) == (1, 0):
            continue
        if scale == 1 and zero == UNSIGNED.get(form["letter"]):
            continue
        if isinstance(scale, int | float) and isinstance(zero, int | float):
            scales[str(header[f"TTYPE{number}"])] = (scale, zero)
            for root in ("TSCAL", "TZERO"):
                header.remove(f"{root}{number}", ignore_missing=True)
    return scales


def apply_scale(column: Column, scale: float, zero: float) -> Column:
    """Return scaled integers: as integers where factor and offset are whole.

    Parameters
    ----------
    column : astropy.table.Column
        Of integers as the file has them, null ones masked.
    scale, zero : float
        Factor and offset.

    Returns
    -------
    astropy.table.Column
        Of the smallest of int16, int32 and int64 that holds all such numbers, or of uint64, else of
        float64.

    Examples
    --------
    >>> apply_scale(Column([2**60 + 1], name="n"), 1, 1000)[0] - 2**60
    np.int64(1001)
    """
    raw = np.asarray(column)
    dtype = _whole_type(raw, np.ma.getmaskarray(column), scale, zero)
    values: np.ndarray
    if dtype is None:
        values = raw.astype(np.float64) * scale + zero
    else:
        # Modulo 2**64 on the way; the result fits.
        factor, offset = (np.uint64(int(number) % 2**64) for number in (scale, zero))
        values = raw.astype(np.int64).view(np.uint64) * factor + offset
        values = values if dtype == np.uint64 else values.view(np.int64).astype(dtype)
    scaled = with_values(column, values)
    masked = isinstance(column, MaskedColumn) and column.mask.any()
    return MaskedColumn(scaled, mask=column.mask) if masked else scaled


def _whole_type(raw: np.ndarray, mask: np.ndarray, scale: float, zero: float) -> type | None:
    """Return the type that scaled integers fit into, None where they are none."""
    if not all(np.isfinite(number) and number == int(number) for number in (scale, zero)):
        return None
    every = np.iinfo(raw.dtype)
    held = raw[~mask] if not mask.all() else np.zeros(1, raw.dtype)
    for least, most, types in (
        (every.min, every.max, (np.int16, np.int32, np.int64)),
        (int(held.min()), int(held.max()), (np.int64, np.uint64)),
    ):
        ends = sorted(int(scale) * int(end) + int(zero) for end in (least, most))
        for dtype in types:
            if np.iinfo(dtype).min <= ends[0] and ends[1] <= np.iinfo(dtype).max:
                return dtype
    return None


def restore_values(
    table: Table, hdu: fits.BinTableHDU, scales: dict[str, tuple[float, float]]
) -> None:
    """Mask null logicals and null unsigned integers, and scale integers.

    Parameters
    ----------
    table : Table
        As astropy reads it, which compares nulls of unsigned integers too late; changed in place.
    hdu : fits.BinTableHDU
        What it was read from.
    scales : dict of str to tuple of float
        As `take_scales` returns them.
    """
    raw = hdu.data.view(np.ndarray)
    for column in hdu.columns:
        name = column.name
        if name not in table.colnames or not isinstance(table[name], Column):
            continue
        if name in scales:
            table.replace_column(name, apply_scale(table[name], *scales[name]))
            continue
        if column.format.format == "L":
            mask = raw[name] == 0
        elif column.null is not None and column.bzero:
            mask = raw[name] == column.null
        else:
            continue
        old = table[name]
        if mask.any() or np.ma.is_masked(old):
            table.replace_column(name, MaskedColumn(old, mask=mask.reshape(old.shape)))


def unstack(table: Table, header: fits.Header) -> Table:
    """Return the rows of a column-oriented table.

    Parameters
    ----------
    table : Table
        With one row of vectors, as `stacked_rows` knows it.
    header : fits.Header
        Of the table.

    Returns
    -------
    Table
        Its columns and metadata, with a row for each element of the vectors.
    """
    rows = stacked_rows(header)
    names = [str(header[f"TTYPE{i + 1}"]) for i in range(header["TFIELDS"])]
    columns = {}
    for column in table.itercols():
        number = names.index(column.name) + 1
        sizes = re.findall(r"\d+", str(header.get(f"TDIM{number}", "")))
        text = column.dtype.kind in "SU"
        single = len(sizes) == 2 and sizes[0] == "1" and not text
        shape = (rows,) if single or text else (rows, *column.shape[2:])
        if text and len(sizes) > 2:
            shape = column.shape[1:]
        values = column.reshape(column.size)
        columns[column.name] = values.reshape(shape if prod(shape) == column.size else (rows, -1))
    return Table(list(columns.values()), names=list(columns), meta=table.meta, copy=False)
