"""The page of a report: one HTML file without anything from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from astroclip_astro.evaluate.scores import Score
from astroclip_astro.evaluate.table import LABELS, ROWS

if TYPE_CHECKING:
    from astroclip_astro.evaluate.report import Report


TEMPLATE = """\
{% macro show(table) %}
<table>
<tr>{% for head in table.heads %}<th>{{ head }}</th>{% endfor %}</tr>
{% for name, description, cells in table.rows %}
<tr><td><code>{{ name }}</code>
{%- if description %}<br><small>{{ description }}</small>{% endif %}</td>
{%- for text, interval in cells %}
<td>{{ text }}{% if interval %} <small>{{ interval }}</small>{% endif %}</td>
{%- endfor %}
</tr>
{% endfor %}
</table>
{% endmacro %}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ report.title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border-bottom: 1px solid #bbb; padding: .3rem .8rem; text-align: right }
th:first-child, td:first-child { text-align: left }
small { color: #555; white-space: nowrap }
figure { margin: 1.5rem 0 } img { max-width: 100%; height: auto } figcaption { color: #333 }
.simulated { background: #fe9; padding: .5rem 1rem; font-weight: bold }
</style>
</head>
<body>
<h1>{{ report.title }}</h1>
{% if kind %}
<p class="simulated">{{ kind }}</p>
{% endif %}
<table>
{% for name, words in report.run_metadata.items() %}
<tr><td>{{ name }}</td><td>{{ words }}</td></tr>
{% endfor %}
</table>
{% for heading, table in labels.items() %}
<h2>{{ heading }}</h2>
{{ show(table) }}
{%- endfor %}
<p>In brackets: 95 % intervals of a bootstrap over the galaxies that were held out. The paper is
Lanusse et al. 2023 (arXiv:2310.03024); its galaxies are others, and real, so that its numbers are
for orientation only.</p>
{% for heading, words, table in sections %}
<h2>{{ heading }}</h2>
{% if words %}
<p>{{ words }}</p>
{% endif %}
{{ show(table) }}
{%- endfor %}
{% if report.figures %}
<h2>Figures</h2>
{% endif %}
{% for name, (_, words) in report.figures.items() %}
<figure>
<img src="{{ name }}.png" alt="{{ words }}">
<figcaption>{{ words }} <a href="{{ name }}.pdf">PDF</a></figcaption>
</figure>
{% endfor %}
<p><a href="numbers.csv">numbers.csv</a> has every number,
<a href="predictions.csv">predictions.csv</a> what
<code>{{ report.predicted_by }}</code> predicts for each galaxy that was held out.</p>
</body>
</html>
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


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Parameters
    ----------
    heads : sequence of str
        One for each column.
    rows : sequence of (str, str, list)
        Name, description and cells of each row; a cell is text and an interval, empty where there
        is none.
    """

    heads: Sequence[str]
    rows: Sequence[tuple[str, str, list[tuple[str, str]]]]


def cell(one: Score | None) -> tuple[str, str]:
    """Return a number as text and its interval."""
    value, bracket, interval = ("-" if one is None else shown(one)).partition(" [")
    return value, bracket.strip() + interval


def label_table(scores: Mapping[str, Mapping[str, Score]], label: str) -> Table:
    """Return the table of a label: rows with what the paper has for R2 beside it."""
    quantities = [
        name for name in HEADS if any(f"{name}_{label}" in row for row in scores.values())
    ]
    rows = []
    for name, row in scores.items():
        paper = ROWS[name].paper
        cells = [cell(row.get(f"{quantity}_{label}")) for quantity in quantities]
        cells.insert(1, ("-" if paper is None else f"{paper[LABELS.index(label)]:.2f}", ""))
        rows.append((name, ROWS[name].description, cells))
    heads = [HEADS[name] for name in quantities]
    head = "R² in the paper (cross_knn: in reproductions)"
    return Table(["row", heads[0], head, *heads[1:]], rows)


def section_table(rows: Mapping[str, Mapping[str, Score]]) -> Table:
    """Return the table of another section, a column for each quantity that a row has."""
    quantities = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = [(name, "", [cell(row.get(one)) for one in quantities]) for name, row in rows.items()]
    return Table(["row", *quantities], lines)


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
    from jinja2 import Environment

    template = Environment(autoescape=True, trim_blocks=True).from_string(TEMPLATE)
    scores = report.table.scores
    return template.render(
        report=report,
        kind=KINDS.get(report.kind),
        labels={
            LABEL_HEADINGS[one]: label_table(scores, one) for one in report.table.reference.labels
        },
        sections=[
            (
                name.replace("_", " in ").capitalize(),
                SECTION_DESCRIPTIONS.get(name),
                section_table(rows),
            )
            for name, rows in report.sections.items()
        ],
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
