"""``astroclip-dataset``: training sets of observed galaxies."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from astroclip_astro.errors import InputError
from astroclip_astro.version import __version__

from .options import (
    CONNECTION_OPTIONS,
    add_options,
    interrupted,
    layer_option,
    quiet_option,
    run_command,
)
from .progress import GalaxyBar

__all__ = ["dataset", "main"]

SELECTION_OPTIONS = (
    click.option(
        "--box",
        "boxes",
        type=float,
        nargs=4,
        multiple=True,
        metavar="WEST EAST SOUTH NORTH",
        help="Part of the sky, degrees, from WEST eastwards to EAST: 350 10 goes through RA 0. "
        "Several may be given. The whole sky is 0 360 -90 90.",
    ),
    click.option(
        "--cone", type=float, nargs=3, metavar="RA DEC RADIUS", help="A circle instead, degrees."
    ),
    click.option(
        "--targets",
        type=click.Path(path_type=Path),
        metavar="TABLE",
        help="The TARGETIDs of a table instead.",
    ),
    click.option("--survey", metavar="A,B", help="Only these surveys, sv3 or main for example."),
    click.option("--program", metavar="A,B", help="Only these programs, bright for example."),
    click.option(
        "--spectype",
        metavar="A,B",
        default="GALAXY",
        show_default=True,
        help="Only these types of spectra; any for all.",
    ),
    click.option("--z-min", type=float, metavar="Z", help="Smallest redshift."),
    click.option("--z-max", type=float, metavar="Z", help="Largest redshift."),
    click.option(
        "--allow-zwarn", is_flag=True, help="Take redshifts with warnings too (zwarn not 0)."
    ),
    click.option(
        "--limit", type=int, metavar="N", help="At most N galaxies: any, the same ones each time."
    ),
)


@click.group(name="astroclip-dataset", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="astroclip-dataset")
def dataset() -> None:
    """Training sets of observed galaxies."""


@dataset.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Output file, .h5 or .hdf5. While working, the disk must hold it twice.",
)
@click.option(
    "--source",
    default="archive",
    show_default=True,
    metavar="archive|demo|URL",
    help="Where catalogue, images and spectra come from: the public archives, the bundled "
    "simulated sky, or a server that speaks as the archives do.",
)
@click.option("--release", metavar="NAME", help="DESI release: DESI-EDR or DESI-DR1.")
@layer_option
@add_options(SELECTION_OPTIONS)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="TABLE",
    help="Table of labels with a column TARGETID, PROVABGS for example; galaxies without label "
    "are left out. Its stellar masses become log_stellar_mass.",
)
@click.option(
    "--label-columns",
    multiple=True,
    metavar="A,B",
    help="Columns of labels that become datasets of their own.",
)
@click.option(
    "--size", type=int, default=152, show_default=True, metavar="PIXELS", help="Side of the images."
)
@add_options(CONNECTION_OPTIONS)
@click.option("--skip-failed", is_flag=True, help="Leave out galaxies that the source fails for.")
@click.option("--no-resume", is_flag=True, help="Forget what an interrupted run has finished.")
@click.option("--overwrite", is_flag=True, help="Replace the output.")
@click.option("--dry-run", is_flag=True, help="Ask the catalogue only, and say how many there are.")
@quiet_option
def build(
    output: Path,
    size: int,
    skip_failed: bool,
    no_resume: bool,
    overwrite: bool,
    dry_run: bool,
    quiet: bool,
    **options: object,
) -> int:
    """Fetch images and spectra of galaxies of DESI's catalogue, and write a training set.

    Galaxies have a good fibre, a good redshift and a complete image and spectrum; how many are
    left out, and why, is said at the end and in the file. An interrupted build goes on where it
    was when the same command is given again.

    Exit status: 0 done, 1 a package is missing, 2 a mistake in the input, 3 a source did not
    answer for some galaxies or for any, 130 interrupted.
    """
    from astroclip_astro.assemble import build_training_set, plan_training_set
    from astroclip_astro.assemble.training_file import training_fields
    from astroclip_astro.hdf5_file import check_hdf5_output

    check_hdf5_output(output, overwrite=overwrite or dry_run)
    training_fields(size, {})
    selection, labels = read_selection(**options), read_labels(**options)
    try:
        with closing(open_archives(**options)) as source:
            plan = plan_training_set(source, selection, release=options["release"], labels=labels)
            if dry_run:
                click.echo(f"{len(plan)} galaxies would be fetched from {source.name}.")
                echo_left_out(plan.left_out)
                return 0
            with closing(GalaxyBar(len(plan), quiet=quiet)) as bar:
                outcome = build_training_set(
                    output,
                    plan,
                    source,
                    size=size,
                    skip_failed=skip_failed,
                    resume=not no_resume,
                    overwrite=overwrite,
                    progress=bar.show,
                )
    except KeyboardInterrupt as stop:
        return interrupted("astroclip-dataset", str(stop) or "run the same command again")
    if not quiet:
        kind = "SIMULATED galaxies" if plan.simulated else "galaxies"
        click.echo(f"Wrote {outcome.galaxies} {kind} to {outcome.path}{bar.rate()}")
        echo_left_out(outcome.left_out)
    return 0


def read_selection(
    *,
    boxes: tuple[tuple[float, float, float, float], ...],
    cone: tuple[float, float, float] | None,
    targets: Path | None,
    survey: str | None,
    program: str | None,
    spectype: str,
    z_min: float | None,
    z_max: float | None,
    allow_zwarn: bool,
    limit: int | None,
    **_: object,
) -> object:
    """Return the selection that the options name."""
    from astroclip_astro.assemble import Selection
    from astroclip_astro.assemble.label_file import read_targetids
    from astroclip_astro.fetch.desi_catalogue import Cuts

    cuts = Cuts(
        survey=words(survey),
        program=words(program),
        spectype=() if spectype == "any" else words(spectype),
        **{name: z for name, z in (("z_min", z_min), ("z_max", z_max)) if z is not None},
        good_redshift=not allow_zwarn,
        good_fibre=True,
    )
    ids = None if targets is None else read_targetids(targets)
    return Selection(boxes=boxes, cone=cone, targetids=ids, cuts=cuts, limit=limit)


def read_labels(*, labels: Path | None, label_columns: tuple[str, ...], **_: object) -> object:
    """Return the labels that the options name, None where they name none."""
    from astroclip_astro.assemble import read_labels

    columns = [name for given in label_columns for name in words(given)]
    if labels is None:
        if columns:
            raise InputError("--label-columns goes with --labels TABLE; say which table.")
        return None
    return read_labels(labels, columns)


def open_archives(
    *,
    source: str,
    release: str | None,
    layer: str | None,
    jobs: int | None,
    cache: str | None,
    cache_limit: str | None,
    **_: object,
) -> object:
    """Return the source that the options name."""
    from astroclip_astro.assemble.plan import one_release
    from astroclip_astro.sources import open_source

    return open_source(
        source,
        release=one_release(release),
        layer=layer,
        jobs=jobs,
        cache=cache,
        cache_limit=cache_limit,
    )


def words(given: str | None) -> tuple[str, ...]:
    """Return the words of an option, which commas separate."""
    return tuple(filter(None, (word.strip() for word in (given or "").split(","))))


def echo_left_out(left_out: dict[str, int]) -> None:
    """Say how many galaxies are left out, and why."""
    for reason, count in left_out.items():
        click.echo(f"  left out: {count} ({reason})")


def main() -> None:
    """Run the command."""
    run_command(dataset)
