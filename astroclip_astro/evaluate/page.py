"""The page of a report: one HTML file without anything from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from astroclip_astro.evaluate.scores import Score
from astroclip_astro.evaluate.table import LABELS, ROWS

if TYPE_CHECKING:
    from astroclip_astro.evaluate.report import Report


STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border-bottom: 1px solid #bbb; padding: .3rem .8rem; text-align: right }
th:first-child, td:first-child { text-align: left }
small { color: #555; white-space: nowrap }
figure { margin: 1.5rem 0 } img { max-width: 100%; height: auto } figcaption { color: #333 }
.simulated { background: #fe9; padding: .5rem 1rem; font-weight: bold }
"""
HEADS = {  # quantity -> how the page calls it
    "r2": "R²",
    "sigma_nmad": "σ_NMAD",
    "scatter": "scatter, dex",
    "bias": "bias",
    "outliers_0.05": "|dz|/(1+z) > 0.05",
    "outliers_0.15": "|dz|/(1+z) > 0.15",
}
LABEL_HEADINGS = {"redshift": "Redshift", "log_stellar_mass": "Stellar mass"}
SECTION_DESCRIPTIONS = {
    "coverage": "Fraction of galaxies whose true value is inside the intervals that "
    "astroclip-annotate gives; it should be 0.68 and 0.95. The intervals are calibrated on "
    "leave-one-out predictions of the reference galaxies. Calibration on simulated galaxies is no "
    "calibration on real ones.",
    "coverage_bins": "The same for the best values, in bins of 400 galaxies or more.",
    "novelty": "Area under the ROC curve: how often such an object is more novel than a galaxy "
    "that was held out; 0.5 is chance.",
}
KINDS = {
    "SIMULATED": "All galaxies are SIMULATED: these numbers say nothing about real ones.",
    "unknown": "The data do not say whether their galaxies are observed or SIMULATED.",
}


def shown(one: Score, digits: int = 3) -> str:
    """Return a number as text, with its interval where there is one.

    Examples
    --------
    >>> shown(Score(0.7, 0.69, 0.71)), shown(Score(12.0)), shown(Score(float("nan")))
    ('0.700 [0.690, 0.710]', '12', '-')
    """
    if not math.isfinite(one.value):
        return "-"
    if not math.isfinite(one.low):
        return f"{one.value:.{digits}f}" if one.value % 1 else f"{one.value:.0f}"
    return f"{one.value:.{digits}f} [{one.low:.{digits}f}, {one.high:.{digits}f}]"


def cell(one: Score | None) -> str:
    """Return a number as a cell's HTML, its interval small."""
    value, bracket, interval = ("-" if one is None else shown(one)).partition(" [")
    return f"{value} <small>{bracket.strip()}{interval}</small>" if bracket else value


def html_table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table; cells are HTML already."""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{one}</td>" for one in line) + "</tr>" for line in lines
    )
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def label_table(scores: Mapping[str, Mapping[str, Score]], label: str) -> str:
    """Return the table of a label: rows with what the paper has for R2 beside it."""
    quantities = [
        name for name in HEADS if any(f"{name}_{label}" in row for row in scores.values())
    ]
    lines = []
    for name, row in scores.items():
        paper = ROWS[name].paper
        cells = [cell(row.get(f"{quantity}_{label}")) for quantity in quantities]
        cells.insert(1, "-" if paper is None else f"{paper[LABELS.index(label)]:.2f}")
        lines.append(
            [f"<code>{name}</code><br><small>{escape(ROWS[name].description)}</small>", *cells]
        )
    heads = [HEADS[name] for name in quantities]
    paper = "R² in the paper (cross_knn: in reproductions)"
    return html_table(["row", heads[0], paper, *heads[1:]], lines)


def section_table(rows: Mapping[str, Mapping[str, Score]]) -> str:
    """Return the table of another section, a column for each quantity that a row has."""
    quantities = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = [
        [f"<code>{escape(name)}</code>", *(cell(row.get(one)) for one in quantities)]
        for name, row in rows.items()
    ]
    return html_table(["row", *quantities], lines)


def figure(name: str, words: str) -> str:
    """Return a figure of the report's folder with what it shows."""
    return (
        f'<figure>\n<img src="{name}.png" alt="{escape(words)}">\n'
        f'<figcaption>{escape(words)} <a href="{name}.pdf">PDF</a></figcaption>\n</figure>'
    )


def page(report: Report) -> str:
    """Return the page.

    Parameters
    ----------
    report : Report
        What it shows.

    Returns
    -------
    str
        HTML, complete in itself.
    """
    parts = [f"<h1>{escape(report.title)}</h1>"]
    if report.kind in KINDS:
        parts.append(f'<p class="simulated">{KINDS[report.kind]}</p>')
    facts = "\n".join(
        f"<tr><td>{escape(name)}</td><td>{escape(words)}</td></tr>"
        for name, words in report.run_metadata.items()
    )
    parts.append(f"<table>\n{facts}\n</table>")
    table = report.table
    for label in table.reference.labels:
        parts += [f"<h2>{LABEL_HEADINGS[label]}</h2>", label_table(table.scores, label)]
    parts.append(
        "<p>In brackets: 95 % intervals of a bootstrap over the galaxies that were held out. The "
        "paper is Lanusse et al. 2023 (arXiv:2310.03024); its galaxies are others, and real, so "
        "that its numbers are for orientation only.</p>"
    )
    for name, rows in report.sections.items():
        parts.append(f"<h2>{escape(name.replace('_', ' in ').capitalize())}</h2>")
        if name in SECTION_DESCRIPTIONS:
            parts.append(f"<p>{SECTION_DESCRIPTIONS[name]}</p>")
        parts.append(section_table(rows))
    parts += ["<h2>Figures</h2>"] * bool(report.figures)
    parts += [figure(name, words) for name, (_, words) in report.figures.items()]
    parts.append(
        '<p><a href="numbers.csv">numbers.csv</a> has every number, '
        f'<a href="predictions.csv">predictions.csv</a> what <code>{report.predicted_by}</code> '
        "predicts for each galaxy that was held out.</p>"
    )
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(report.title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def table_lines(report: Report) -> str:
    """Return Table 1 as text: R2 of redshift and mass, ours and the paper's."""
    labels = list(report.table.reference.labels)
    lines = [
        f"{report.title}: R2",
        " " * 24 + "".join(f"{label:>26}{'paper':>7}" for label in labels),
    ]
    for name, row in report.table.scores.items():
        paper = ROWS[name].paper
        cells = "".join(
            f"{shown(row[f'r2_{label}']):>26}"
            + (f"{'-':>7}" if paper is None else f"{paper[LABELS.index(label)]:>7.2f}")
            for label in labels
        )
        lines.append(f"  {name:22}{cells}")
    return "\n".join(lines)
