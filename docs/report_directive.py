"""A directive that writes what `astroclip-evaluate` measured of the bundled weights."""

from __future__ import annotations

import csv
from pathlib import Path

from columns_directive import markdown_table
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from astroclip_astro.evaluate.table import LABELS, ROWS

__all__ = ["NUMBERS", "bins_text", "read_numbers", "section_text", "shortfall_text", "table_text"]

NUMBERS = Path(__file__).parent / "static" / "evaluation" / "numbers.csv"
Numbers = dict[str, dict[str, dict[str, tuple[str, str, str]]]]


def read_numbers(path: Path = NUMBERS) -> Numbers:
    """Return value, low and high of each section, row and quantity.

    Parameters
    ----------
    path : Path
        ``numbers.csv`` of a report.
    """
    found: Numbers = {}
    with path.open(newline="", encoding="utf-8") as file:
        for one in csv.DictReader(file):
            row = found.setdefault(one["section"], {}).setdefault(one["row"], {})
            row[one["quantity"]] = one["value"], one["low"], one["high"]
    return found


def cell(one: tuple[str, str, str] | None) -> str:
    """Return a number with its interval."""
    if one is None or not one[0]:
        return "-"
    value, low, high = (f"{round(float(part), 3) + 0.0:.3f}" if part else "" for part in one)
    if not low:
        return value.removesuffix(".000")
    return f"{value} [{low}, {high}]"


def table_text(numbers: Numbers, label: str) -> str:
    """Return as Markdown the rows of Table 1 for a label, the paper's R2 beside ours.

    Parameters
    ----------
    numbers : dict
        From `read_numbers`.
    label : str
        ``redshift`` or ``log_stellar_mass``.
    """
    rows = numbers["table1"]
    quantities = [name for name in next(iter(rows.values())) if name.endswith(f"_{label}")]
    heads = [name.removesuffix(f"_{label}") for name in quantities]
    lines = []
    for name, row in rows.items():
        paper = ROWS[name].paper
        theirs = "-" if paper is None else f"{paper[LABELS.index(label)]:.2f}"
        cells = [cell(row.get(quantity)) for quantity in quantities]
        lines.append([f"`{name}`", cells[0], theirs, *cells[1:]])
    return markdown_table(["row", heads[0], "paper", *heads[1:]], lines)


def section_text(numbers: Numbers, section: str) -> str:
    """Return as Markdown another section, a column for each quantity.

    Parameters
    ----------
    numbers : dict
        From `read_numbers`.
    section : str
        ``retrieval``, ``coverage``, ``coverage_bins`` or ``novelty``.
    """
    rows = numbers[section]
    quantities = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = [
        [f"`{name}`", *(cell(row.get(one)) for one in quantities)] for name, row in rows.items()
    ]
    return markdown_table(["row", *quantities], lines)


def shortfall_text(numbers: Numbers) -> str:
    """Return as Markdown where the weights fall short: of the paper, and of photometry.

    Parameters
    ----------
    numbers : dict
        From `read_numbers`.
    """
    rows = numbers["table1"]
    lines = []
    for label in LABELS:
        mark = float(rows["photometry_mlp"][f"r2_{label}"][0])
        for name, row in rows.items():
            ours, paper = float(row[f"r2_{label}"][0]), ROWS[name].paper
            words = []
            if paper is not None and ours < paper[LABELS.index(label)]:
                words.append(f"the paper's {paper[LABELS.index(label)]:.2f}")
            if "photometry" not in name and ours < mark:
                words.append(f"photometry's {mark:.3f}")
            if words:
                lines.append(f"- {label}, `{name}`: {ours:.3f}, below {' and '.join(words)}")
    return "\n".join(lines) or "Nowhere."


def bins_text(numbers: Numbers) -> str:
    """Return as Markdown how far coverage in bins is from what is stated, at the worst.

    Parameters
    ----------
    numbers : dict
        From `read_numbers`.
    """
    rows = numbers["coverage_bins"].values()
    lines = []
    for level in (68, 95):
        off = [100 * float(row[f"covered_{level}"][0]) - level for row in rows]
        within = sum(abs(one) <= 5 for one in off)
        lines.append(
            f"- {level} %: from {min(off):+.1f} to {max(off):+.1f} points off; {within} of "
            f"{len(off)} bins within 5 points"
        )
    return "\n".join(lines)


class _Report(SphinxDirective):
    """A part of the report: ``table1 redshift``, ``short``, ``worst``, or a section."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the part as parsed Markdown."""
        self.env.note_dependency(str(NUMBERS))
        numbers, part = read_numbers(), self.arguments[0]
        if part == "table1":
            text = table_text(numbers, self.arguments[1])
        elif part == "short":
            text = shortfall_text(numbers)
        elif part == "worst":
            text = bins_text(numbers)
        else:
            text = section_text(numbers, part)
        return self.parse_text_to_nodes(text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("report", _Report)
    return {"parallel_read_safe": True}
