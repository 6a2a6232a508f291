"""``astroclip-reference``: labelled galaxies become a reference that ``--reference`` takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from astroclip_astro.cli.options import (
    SAMPLE_OPTIONS,
    add_options,
    batch_size_option,
    compute_options,
    holdout_options,
    quiet_option,
    run_command,
    seed_option,
    weights_option,
)
from astroclip_astro.cli.terminal import say, say_lines
from astroclip_astro.errors import InputError, OutputError
from astroclip_astro.records import sample_name
from astroclip_astro.storage.atomic import check_destination, whole_file
from astroclip_astro.version import __version__

if TYPE_CHECKING:
    from astroclip_astro.reference.build import BuiltReference


METHODS = {
    "image": "image among images",
    "spectrum": "spectrum among spectra",
    "image_to_spectrum": "image among spectra",
    "photometry": "g-r, r-z, r alone",
}


@click.group(name="astroclip-reference", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="astroclip-reference")
def reference() -> None:
    """Make a reference of labelled galaxies, which --reference of astroclip-annotate takes.

    Exit status: 0 done, 2 a mistake in the input, 130 interrupted.
    """


@reference.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Output file of the reference, .fits.",
)
@weights_option
@click.option(
    "--label-columns",
    multiple=True,
    metavar="NAME",
    help="Datasets of DATA that are labels besides redshift and log_stellar_mass, separated by "
    "commas: one number for each galaxy, NaN where it is unknown.",
)
@holdout_options(0.0, "Fraction of the galaxies that are held out, to score the reference.")
@add_options(SAMPLE_OPTIONS)
@click.option(
    "--scores",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the scores into this JSON file.",
)
@seed_option
@click.option(
    "--name",
    help="Name of the reference in column descriptions and summaries.  "
    "[default: the name of the output]",
)
@click.option(
    "--description",
    help="One sentence that says which galaxies these are and where their labels are from.",
)
@compute_options
@batch_size_option
@click.option("--overwrite", is_flag=True, help="Replace the output file if it exists.")
@quiet_option
def build(
    data: Path,
    output: Path,
    weights: str,
    label_columns: tuple[str, ...],
    galaxies: int | None,
    holdout: float,
    holdout_by: str,
    test_galaxies: int | None,
    scores: Path | None,
    seed: int,
    name: str | None,
    description: str | None,
    device: str,
    precision: str,
    batch_size: int,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Embed the labelled galaxies of DATA into a reference.

    DATA is an HDF5 file with the datasets images, spectrum, redshift and log_stellar_mass, one
    galaxy a row, as astroclip-simulate and astroclip-dataset write it. Galaxies without redshift
    or mass are rejected. With this reference, astroclip-annotate adds a column for each of its
    labels.
    """
    from astroclip_astro.reference.build import ReferenceOptions, build_reference
    from astroclip_astro.training_data.split import HoldOut
    from astroclip_astro.zeroshot.reference_checks import check_suffix
    from astroclip_astro.zeroshot.reference_file import save_reference

    check_suffix(output)
    for path in filter(None, (output, scores)):
        check_destination(path, overwrite=overwrite)
    if scores and not holdout:
        raise InputError(
            "--scores needs galaxies that are held out; pass a fraction, such as --holdout 0.1."
        )
    options = ReferenceOptions(
        weights=weights,
        labels=tuple(part.strip() for given in label_columns for part in given.split(",")),
        holdout=HoldOut(holdout, holdout_by, galaxies, test_galaxies, seed),
        description=description,
        device=device,
        precision=precision,
        batch_size=batch_size,
    )
    built = build_reference(data, output.stem if name is None else name, options, quiet=quiet)
    save_reference(built.reference, output, overwrite=overwrite)
    if scores and built.scores:
        write_scores(built.scores, scores)
    if not quiet:
        print_built(built, output)
    return 0


def print_built(built: BuiltReference, output: Path) -> None:
    """Print where a reference is, what is in it, and how good it is."""
    made = built.reference
    say(f"Wrote {output}: {made.name}, {len(made):,} {sample_name(made.simulated)}")
    say(f"  labels    {', '.join(made.labels)}")
    say(
        f"  rejected  {built.without_labels} without redshift or mass, "
        f"{built.without_data} without data"
    )
    if built.scores:
        say_lines(scores_table(built.scores, list(made.labels)))


def write_scores(found: Mapping[str, float | str], path: Path) -> None:
    """Write scores as JSON; the file appears whole or not at all."""
    try:
        with whole_file(path) as scratch:
            scratch.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"Scores {path} cannot be written: {error}.") from None


def scores_table(found: Mapping[str, float | str], labels: Sequence[str]) -> str:
    """Return scores as lines: a method each, a column for each label."""
    heads = [*(f"R2 {label}" for label in labels), "sigma_NMAD(z)", "|dz|/(1+z)>.05"]
    keys = [*(f"r2_{label}" for label in labels), "sigma_nmad", "outliers"]
    lines = [f"{found['what']}:", " " * 24 + "".join(f"{head:>{len(head) + 2}}" for head in heads)]
    for method, words in METHODS.items():
        if f"{method}_{keys[0]}" in found:
            cells = zip(heads, keys, strict=True)
            row = "".join(f"{found[f'{method}_{key}']:>{len(head) + 2}}" for head, key in cells)
            lines.append(f"  {words:22}{row}")
    return "\n".join(lines)


def main() -> None:
    """Run the command."""
    run_command(reference)
