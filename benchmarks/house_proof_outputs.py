"""Read what a run has written as named entries: values, which must stay, and texts, which may not.

A value is a name, a type, a unit, a UCD, a null, a keyword's value, a number, a string in a column.
A text is a description, a comment, a line that a command prints. Dates, versions, checksums of
whole files and measured times are neither.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet
from astropy.io import fits
from astropy.io.votable import parse as parse_votable
from astropy.table import Table
from safetensors.numpy import load_file

VALUE, TEXT = "value", "text"
SHOWN = 6  # numbers of an array that a difference shows
# Names of what differs between two runs of the same code.
PASSING = re.compile(
    r"(?i)(ac)?(date|vers|version|versions|creator|packages|rate|seconds|minutes|started|written)"
)
DESCRIPTIONS = re.compile(r"comment|history|tcomm\d+|tdesc\d+|acdesc|description")
PLACES = (  # what a text says of this run alone, and what stands for it
    (re.compile(r"127\.0\.0\.1:\d+|localhost:\d+"), "HOST"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+\d\d:\d\d|Z)?"), "DATE"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|min|h|hours?|minutes?|seconds?)\b"), "TIME"),
    (re.compile(r"\b[\d,.]+ ((galaxies|rows?|steps?)/s|(galaxies )?a second)"), "RATE"),
    (re.compile(r"\b[\d,.]+ (kB|MB|GB|TB)\b"), "SIZE"),
    (re.compile(r"0x[0-9a-f]{8,}"), "ADDRESS"),
)


@dataclass(frozen=True)
class Entry:
    """One value or text of an output."""

    kind: str  # VALUE or TEXT
    content: str


def value(content: object) -> Entry:
    """Return an entry that must stay as it is."""
    if isinstance(content, np.ndarray):
        content = digest(content)
    return Entry(VALUE, content if isinstance(content, str) else repr(content))


def text(content: object) -> Entry:
    """Return an entry that may be worded in another way."""
    words = " ".join(str(content).split())
    for pattern, name in PLACES:
        words = pattern.sub(name, words)
    return Entry(TEXT, words)


def digest(array: np.ndarray) -> str:
    """Return type, shape, first numbers and checksum of an array, masked or not."""
    mask = np.ma.getmaskarray(array) if np.ma.isMaskedArray(array) else None
    plain = np.ma.getdata(array)
    if plain.dtype.kind == "O":
        raw = "\n".join(map(repr, plain.ravel().tolist())).encode()
    else:
        raw = np.ascontiguousarray(plain).tobytes()
    nulls = "" if mask is None or not mask.any() else f", {mask.sum()} null {digest(mask)}"
    first = ", ".join(map(repr, plain.ravel()[:SHOWN].tolist()))
    total = hashlib.sha256(raw).hexdigest()[:16]
    return f"{plain.dtype.str}{plain.shape} [{first}, ...] {total}{nulls}"


def read_output(path: Path) -> dict[str, Entry]:
    """Return the entries of one file.

    Parameters
    ----------
    path : Path
        FITS, VOTable, ECSV, CSV, Parquet, HDF5, safetensors, JSON, TOML or HTML; of another file
        only that it is there.
    """
    readers = {
        ".fits": [read_fits],
        ".vot": [read_votable],
        ".ecsv": [read_table, read_body],
        ".csv": [read_csv],
        ".parquet": [read_table, read_parquet],
        ".h5": [read_hdf5],
        ".safetensors": [read_safetensors],
        ".json": [read_json],
        ".toml": [read_lines],
        ".html": [read_page],
    }
    return {
        name: entry
        for read in readers.get(path.suffix, [read_nothing])
        for name, entry in read(path)
    }


def read_nothing(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield that a file is there and holds something: pictures, say."""
    yield "is empty", value(path.stat().st_size == 0)


def read_fits(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield the cards and the columns or pixels of a FITS file."""
    with fits.open(path, memmap=False) as hdus:
        for number, hdu in enumerate(hdus):
            words: dict[str, list[str]] = {}
            for card in hdu.header.cards:
                name = f"[{number}] {card.keyword}"
                if PASSING.fullmatch(card.keyword):
                    continue
                if DESCRIPTIONS.fullmatch(card.keyword.lower()):
                    words.setdefault(name, []).append(str(card.value))
                else:
                    yield name, value(card.value)
                    if card.comment:
                        yield f"{name} comment", text(card.comment)
            for name, lines in words.items():
                yield name, text("\n".join(lines))
            if isinstance(hdu, fits.BinTableHDU):
                raw = hdu.data.view(np.ndarray)
                for column in raw.dtype.names:
                    yield f"[{number}] column {column}", value(raw[column])
            elif hdu.data is not None:
                yield f"[{number}] pixels", value(hdu.data)


def read_votable(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield fields, parameters and cells of a VOTable."""
    tree = parse_votable(path)
    for number, table in enumerate(tree.iter_tables()):
        for field in [*table.fields, *table.params]:
            name = f"[{number}] {field.name}"
            known = (field.ID, field.datatype, field.arraysize, str(field.unit), field.ucd)
            yield name, value((*known, field.utype, str(field.values.null)))
            if field.description:
                yield f"{name} description", text(field.description)
        for param in table.params:
            if not PASSING.fullmatch(param.name):
                yield f"[{number}] {param.name} value", value(str(param.value))
        for column in table.array.dtype.names:
            yield f"[{number}] column {column}", value(table.array[column])
        if table.description:
            yield f"[{number}] description", text(table.description)
        yield from _infos(f"[{number}]", table.infos)
    for resource in tree.resources:
        yield from _infos("resource", resource.infos)


def _infos(where: str, infos: object) -> Iterator[tuple[str, Entry]]:
    """Yield the INFO elements of a VOTable."""
    for info in infos:
        if not PASSING.fullmatch(info.name):
            yield f"{where} info {info.name}", value(info.value)
            if info.content:
                yield f"{where} info {info.name} text", text(info.content)


def read_table(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield names, units, attributes and cells as astropy reads them, and the header's keywords."""
    table = Table.read(path)
    yield "columns", value(table.colnames)
    for name in table.colnames:
        info, column = table[name].info, table[name]
        yield f"{name} is", value((str(info.dtype), str(info.unit), info.format))
        yield f"column {name}", value(np.ma.asanyarray(column))
        for key, content in (info.meta or {}).items():
            yield f"{name} {key}", value(content)
        if info.description:
            yield f"{name} description", text(info.description)
    for key, content in table.meta.items():
        if key == "comments":
            yield key, text(content)
        elif not PASSING.fullmatch(key):
            yield f"keyword {key}", value(content)


def read_body(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield the lines below the header of an ECSV file."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    for number, line in enumerate(lines):
        yield f"line {number}", value(line)


def read_csv(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield the cells of a CSV file, row by row, without columns of times."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    head = rows[0] if rows else []
    yield "columns", value(head)
    kept = [number for number, name in enumerate(head) if not PASSING.fullmatch(name)]
    for number, row in enumerate(rows[1:], 1):
        yield f"row {number}", value([row[place] for place in kept if place < len(row)])


def read_parquet(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield types and cells of a Parquet file as Arrow has them."""
    table = pyarrow.parquet.read_table(path)
    for name in table.column_names:
        column = table[name]
        cells = hashlib.sha256(repr(column.to_pylist()).encode()).hexdigest()[:16]
        yield f"arrow {name}", value((str(column.type), column.null_count, cells))


def read_hdf5(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield datasets and attributes of an HDF5 file."""
    with h5py.File(path) as file:
        for key, content in file.attrs.items():
            yield from _attribute("file", key, content)
        for name, dataset in file.items():
            yield name, value(np.asarray(dataset[()]))
            for key, content in dataset.attrs.items():
                yield from _attribute(name, key, content)


def _attribute(where: str, key: str, content: object) -> Iterator[tuple[str, Entry]]:
    """Yield an attribute of an HDF5 file: a description is a text."""
    if not PASSING.fullmatch(key):
        is_text = DESCRIPTIONS.fullmatch(key.lower())
        yield f"{where}.{key}", text(content) if is_text else value(str(content))


def read_safetensors(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield the tensors of a file."""
    for name, tensor in load_file(path).items():
        yield name, value(tensor)


def read_json(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield the leaves of a JSON file: numbers are values, sentences are texts."""
    yield from _leaves("", json.loads(path.read_text()))


def _leaves(where: str, tree: object) -> Iterator[tuple[str, Entry]]:
    """Yield the leaves below a place of a JSON file."""
    if isinstance(tree, dict):
        for key, below in tree.items():
            if not PASSING.fullmatch(key):
                yield from _leaves(f"{where}.{key}", below)
    elif isinstance(tree, list):
        for number, below in enumerate(tree):
            yield from _leaves(f"{where}[{number}]", below)
    else:
        sentence = isinstance(tree, str) and " " in tree
        yield where, text(tree) if sentence else value(tree)


def read_lines(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield the lines of a text file as values."""
    for number, line in enumerate(path.read_text().splitlines()):
        if not PASSING.fullmatch(line.partition("=")[0].strip()):
            yield f"line {number}", value(line)


def read_page(path: Path) -> Iterator[tuple[str, Entry]]:
    """Yield the texts of a page, paragraph by paragraph, without pictures."""
    page = re.sub(r"(?s)<style.*?</style>|src=\"data:[^\"]*\"|<svg.*?</svg>", "", path.read_text())
    blocks = re.split(r"</?(?:p|h\d|tr|table|ul|li|figure|figcaption|div|section)\b[^>]*>", page)
    words = (" ".join(re.sub(r"<[^>]+>", " ", block).split()) for block in blocks)
    for number, line in enumerate(filter(None, words)):
        yield f"paragraph {number}", text(line)
