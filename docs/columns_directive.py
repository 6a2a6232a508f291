"""Directives that write output columns, flag bits and artefact bits as the package defines them."""

from __future__ import annotations

import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from astroclip_astro import columns
from astroclip_astro.columns import (
    COLUMN_GROUP_WORDS,
    COLUMNS,
    FLAG_GROUPS,
    GROUPS,
    KEYWORDS,
    OutputColumn,
    label_columns,
)
from astroclip_astro.flags import FLAGS
from astroclip_astro.simulate import artefacts

__all__ = ["artefacts_table", "columns_table", "flags_table", "keywords_table", "markdown_table"]


def markdown_table(heads: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table.

    Parameters
    ----------
    heads : list of str
        One for each column.
    rows : list of list of str
        Cells; a vertical bar in a cell is escaped.

    Returns
    -------
    str
        Lines.

    Examples
    --------
    >>> print(markdown_table(["bit"], [["1"]]))
    | bit |
    |---|
    | 1 |
    """
    lines = [heads, ["---"] * len(heads)]
    lines += [[cell.replace("|", r"\|") for cell in row] for row in rows]
    return "\n".join(
        f"|{'|'.join(line)}|" if line[0] == "---" else f"| {' | '.join(line)} |" for line in lines
    )


def columns_table() -> str:
    """Return a Markdown table of every output column."""
    heads = ["column", "type", "unit", "UCD", "what it is", "written with `--columns`"]
    rows = [
        [
            f"`{column.name}`",
            type_words(column),
            column.unit or "",
            column.ucd,
            column.description + " (from the reference)" * column.from_reference,
            column.group if column.group in GROUPS else "always",
        ]
        for column in (*COLUMNS, *label_columns("LABEL"))
    ]
    return markdown_table(heads, rows)


def flags_table() -> str:
    """Return a Markdown table of every bit of ``astroclip_flags``."""
    heads = ["bit", "word", "of", "meaning", "what to do"]
    rows = [
        [
            str(int(bit.flag)),
            f"`{bit.flag.word}`",
            ", ".join(FLAG_GROUPS[bit.flag]) or "row",
            bit.meaning,
            bit.advice,
        ]
        for bit in FLAGS
    ]
    return markdown_table(heads, rows)


def type_words(column: OutputColumn) -> str:
    """Return a column's type as astronomers write it, such as ``float32[128]``."""
    dtype = np.dtype(column.dtype)
    if dtype.kind == "U":
        return f"string, {dtype.itemsize // 4}"
    return dtype.name + (f"[{','.join(map(str, column.shape))}]" if column.shape else "")


def artefacts_table() -> str:
    """Return a Markdown table of what goes wrong with simulated galaxies."""
    rows = [
        [str(bit.value), f"`{bit.name}`", f"{100 * rate:g} %", words]
        for bit, (rate, words) in artefacts.RATES.items()
    ]
    return markdown_table(["bit", "name", "of all galaxies", "what happens"], rows)


def keywords_table() -> str:
    """Return a Markdown table of every keyword of a header."""
    groups = ", ".join(f"`{group}` {words}" for group, words in COLUMN_GROUP_WORDS.items())
    rows = [
        [f"`{name}`*group*", f"{words}: {groups}"]
        if name == "ACW_"
        else [f"`{name}`*group*" if name.endswith("_") else f"`{name}`", words]
        for name, words in KEYWORDS.items()
    ]
    return markdown_table(["keyword", "what it says"], rows)


class OutputColumns(SphinxDirective):
    """``{output-columns}``: the table of output columns."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        self.env.note_dependency(columns.__file__)
        return self.parse_text_to_nodes(columns_table())


class FlagBits(SphinxDirective):
    """``{flag-bits}``: the table of flag bits."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        self.env.note_dependency(columns.__file__)
        return self.parse_text_to_nodes(flags_table())


class HeaderKeywords(SphinxDirective):
    """``{header-keywords}``: the table of keywords."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        self.env.note_dependency(columns.__file__)
        return self.parse_text_to_nodes(keywords_table())


class ArtefactBits(SphinxDirective):
    """``{artefact-bits}``: the table of what goes wrong with simulated galaxies."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        self.env.note_dependency(artefacts.__file__)
        return self.parse_text_to_nodes(artefacts_table())


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directives known to Sphinx."""
    app.add_directive("output-columns", OutputColumns)
    app.add_directive("flag-bits", FlagBits)
    app.add_directive("header-keywords", HeaderKeywords)
    app.add_directive("artefact-bits", ArtefactBits)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
