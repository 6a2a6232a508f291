"""Directives that write what the bundled weights and reference say about themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from columns_directive import markdown_table
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from astroclip_astro.prepare.photometry import MEASURES
from astroclip_astro.resources import folder
from astroclip_astro.zeroshot.reference import LABELS, Reference
from astroclip_astro.zeroshot.reference_file import load_reference

__all__ = ["reference_range", "scores_text", "training_text"]

COMPARED = {
    "image": "image with the reference's images",
    "spectrum": "spectrum with the reference's spectra",
    "image_to_spectrum": "image with the reference's spectra",
    "photometry": "*no embedding:* g - r, r - z and r magnitude alone",
}
LABEL_WORDS = {"redshift": "redshift", "log_stellar_mass": "log10 stellar mass"}
R2 = "_r2_"
QUANTITIES = {  # ending of a score's name -> its column
    "_r2_redshift": "R2, redshift",
    "_r2_log_stellar_mass": "R2, log10 stellar mass",
    "_sigma_nmad": "sigma_NMAD of dz / (1 + z)",
    "_outliers": "beyond 0.05",
}
REAL = ("real_galaxies", "real_median_dz", "real_within_0.05")


def training_text(card: dict) -> str:
    """Return as Markdown what a set of weights was trained on.

    Parameters
    ----------
    card : dict
        The weights' JSON card.
    """
    training = card["training"]
    rows = [
        ["weights", f"`{card['name']}`, {card['parameters']:,} parameters, {card['stored']}"],
        ["SHA-256", f"`{card['sha256']}`"],
        ["simulated", "yes" if training["simulated"] else "no"],
        ["trained on", training["data"]],
    ]
    for name, stage in training.get("stages", {}).items():
        steps = f"{stage['steps']:,} steps of {stage['batch_size']} in {stage['minutes']} minutes"
        rows.append([f"stage *{name}*", f"{stage['task']}; {steps}"])
    rows.append(["labels the training saw", training.get("labels_in_loss", "not stated")])
    for name, (low, high) in training.get("range", {}).items():
        rows.append([f"range of {name}", f"{low:g} to {high:g}: {MEASURES[name]}"])
    return markdown_table(["what", "value"], rows)


def scores_text(card: dict) -> str:
    """Return as Markdown how well a set of weights did; every number of its card is there.

    Parameters
    ----------
    card : dict
        The weights' JSON card.
    """
    left = dict(card["scores"])
    if not left:
        return "The card has no scores."
    lines = [f"{left.pop('what')}:", ""]
    names = list(dict.fromkeys(key.partition(R2)[0] for key in left if R2 in key))
    endings = [e for e in QUANTITIES if any(f"{name}{e}" in left for name in names)]
    rows = [
        [COMPARED.get(name, name), *(str(left.pop(f"{name}{e}", "")) for e in endings)]
        for name in names
    ]
    lines += [markdown_table(["compared", *(QUANTITIES[e] for e in endings)], rows), ""]
    galaxies = left.pop("real", [])
    if all(key in left for key in REAL):
        count, median, within = (left.pop(key) for key in REAL)
        lines += [
            f"On **{count} real DESI galaxies**, redshift from the spectrum: the median of "
            f"|dz| / (1 + z) is {median}; {within} of {count} are within 0.05.",
            "",
        ]
    if galaxies:
        heads = list(galaxies[0])
        cells = [[str(galaxy.get(head, "")) for head in heads] for galaxy in galaxies]
        lines += ["Each of the **real** galaxies:", "", markdown_table(heads, cells), ""]
    lines += [f"- {name}: {value}" for name, value in left.items()]
    return "\n".join(lines)


def reference_range(reference: Reference) -> str:
    """Return as Markdown which redshifts and masses a reference has.

    Parameters
    ----------
    reference : Reference
        The reference.
    """
    fractions = {"smallest": 0, "1 %": 1, "median": 50, "99 %": 99, "largest": 100}
    rows = [
        [LABEL_WORDS[label], *(f"{v:.3f}" for v in np.percentile(values, [*fractions.values()]))]
        for label in LABELS
        for values in [reference.labels[label]]
    ]
    table = markdown_table([f"{len(reference):,} galaxies", *fractions], rows)
    return f"{reference.description}.\n\n{table}"


class _Card(SphinxDirective):
    """A directive about one set of bundled weights."""

    required_arguments = 1

    def card(self) -> dict:
        """Return the card of the weights named."""
        path: Path = folder("weights") / f"{self.arguments[0]}.json"
        self.env.note_dependency(str(path))
        return json.loads(path.read_text(encoding="utf-8"))


class Training(_Card):
    """``{weights-training} NAME``: what weights were trained on."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        return self.parse_text_to_nodes(training_text(self.card()))


class Scores(_Card):
    """``{weights-scores} NAME``: how well weights did."""

    def run(self) -> list[nodes.Node]:
        """Return tables and sentences."""
        return self.parse_text_to_nodes(scores_text(self.card()))


class ReferenceRange(SphinxDirective):
    """``{reference-range} NAME``: which redshifts and masses a bundled reference has."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        name = self.arguments[0]
        self.env.note_dependency(str(folder("catalogs") / f"reference-{name}.fits"))
        return self.parse_text_to_nodes(reference_range(load_reference(name)))


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directives known to Sphinx."""
    app.add_directive("weights-training", Training)
    app.add_directive("weights-scores", Scores)
    app.add_directive("reference-range", ReferenceRange)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
