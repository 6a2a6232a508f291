"""The rows of a text as fields, each with the place where it stands in the file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

COMMENTS = ("#", "%", "!", "//")
_TOKEN = re.compile(r""""((?:[^"]|"")*)"(?=\s|$)|'([^']*)'(?=\s|$)|(\S+)""")
_RULED = re.compile(r"\s*[+|]?[-=+:| ]*[-=]{2,}[-=+:| ]*[+|]?\s*")


@dataclass(frozen=True)
class Row:
    """One row of the sample, of one line or of several.

    Parameters
    ----------
    fields : list of str
        As they are between separators.
    line : int
        Number of its first line, counted from 1.
    start, end : int
        Where it begins and ends, in bytes.
    text : str
        All of it.
    """

    fields: list[str]
    line: int
    start: int
    end: int
    text: str

    @property
    def is_comment(self) -> bool:
        """Whether it begins as comments do."""
        return self.text.lstrip().startswith(COMMENTS)


def cut(lines: Sequence[str], separator: str, *, spaced: bool) -> Iterator[tuple[list[str], int]]:
    r"""Yield the fields of each row of some lines, and how many lines it takes.

    Parameters
    ----------
    lines : sequence of str
        With their ends.
    separator : str
        A blank stands for any number of blanks.
    spaced : bool
        As in `Layout`.

    Yields
    ------
    fields : list of str
    count : int

    Examples
    --------
    >>> list(cut(["a,b\n", '"1,\n', '5",2\n'], ",", spaced=False))
    [(['a', 'b'], 1), (['1,\n5', '2'], 2)]
    """
    # A comment ends with its line; a quote within it begins nothing.
    for comment, group in groupby(lines, lambda line: line.lstrip().startswith(COMMENTS)):
        if separator == " " or comment:
            for line in group:
                text = line.rstrip("\r\n")
                yield (words_of(text) if separator == " " else text.split(separator)), 1
            continue
        reader, before = csv.reader(group, delimiter=separator, skipinitialspace=spaced), 0
        for fields in reader:
            yield fields, reader.line_num - before
            before = reader.line_num


def words_of(line: str) -> list[str]:
    """Return the words of a line; several words in quotes are one.

    Examples
    --------
    >>> words_of("1.5 'M 31' Barnard's")
    ['1.5', 'M 31', "Barnard's"]
    """
    if '"' not in line and "'" not in line:
        return line.split()
    return [
        match[1].replace('""', '"') if match[1] is not None else match[2] or match[3] or ""
        for match in _TOKEN.finditer(line)
    ]


def pieces_of(line: str, places: Sequence[int]) -> list[str] | None:
    """Return the fields of a line whose columns begin at given places, None where one does not.

    Examples
    --------
    >>> pieces_of("G 1    18.2", (0, 7)), pieces_of("NGC 7531", (0, 7))
    (['G 1', '18.2'], None)
    """
    if any(line[place - 1 : place].strip() for place in places[1:]):
        return None
    ends = (*places[1:], len(line))
    return [line[start:end].strip() for start, end in zip(places, ends, strict=True)]


def is_ruled(line: str) -> bool:
    """Return whether a line is a rule across a table.

    Examples
    --------
    >>> is_ruled("+----+---+"), is_ruled("--1")
    (True, False)
    """
    return _RULED.fullmatch(line) is not None


def sample_rows(lines: list[str], separator: str) -> list[Row]:
    r"""Return the rows of some lines, without empty lines.

    Parameters
    ----------
    lines : list of str
        With their ends.
    separator : str
        As for `cut`.

    Returns
    -------
    list of Row
        Nothing where a quote makes a field longer than any.

    Examples
    --------
    >>> [row.start for row in sample_rows(["a,b\n", "\n", "1,2\n"], ",")]
    [0, 5]
    """
    rows, line, start = [], 1, 0
    try:
        for fields, count in cut(lines, separator, spaced=True):
            text = "".join(lines[line - 1 : line - 1 + count])
            end = start + len(text.encode())
            if separator == "|" and is_ruled(text):
                fields = re.split(r"[+|]", text.strip())
            if text.strip():
                rows.append(Row(fields, line, start, end, text))
            line, start = line + count, end
    except csv.Error:  # a field longer than any: a quote that is none
        return []
    return rows
