"""``astroclip-dataset``: training sets of observed galaxies."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from astroclip_astro.cli.options import (
    CONNECTION_OPTIONS,
    add_options,
    interrupted,
    layer_option,
    quiet_option,
    run_command,
)
from astroclip_astro.cli.progress import GalaxyBar
from astroclip_astro.cli.terminal import say
from astroclip_astro.config import conf
from astroclip_astro.errors import InputError
from astroclip_astro.records import sample_name
from astroclip_astro.version import __version__

if TYPE_CHECKING:
    from astroclip_astro.dataset import Labels, Selection
    from astroclip_astro.fetch.archive import ArchiveSource
    from astroclip_astro.fetch.desi_catalogue import Cuts

SELECTION_OPTIONS = (
    click.option(
        "--box",
        "boxes",
        type=float,
        nargs=4,
        multiple=True,
        metavar="WEST EAST SOUTH NORTH",
        help="Galaxies in a box on the sky, in degrees, from WEST eastwards to EAST: 350 10 goes "
        "through RA 0. Repeat the option for several boxes. The whole sky is 0 360 -90 90.",
    ),
    click.option(
        "--cone",
        type=float,
        nargs=3,
        metavar="RA DEC RADIUS",
        help="Galaxies in a circle instead of a box, in degrees.",
    ),
    click.option(
        "--targets",
        type=click.Path(path_type=Path),
        metavar="TABLE",
        help="Galaxies with the TARGETIDs of this table instead of a box.",
    ),
    click.option(
        "--survey", metavar="A,B", help="Use only these surveys, for example sv3 or main."
    ),
    click.option("--program", metavar="A,B", help="Use only these programs, for example bright."),
    click.option(
        "--spectype",
        metavar="A,B",
        default="GALAXY",
        show_default=True,
        help="Use only spectra of these types, for example GALAXY; any stands for all types.",
    ),
    click.option("--z-min", type=float, metavar="Z", help="Smallest redshift."),
    click.option("--z-max", type=float, metavar="Z", help="Largest redshift."),
    click.option(
        "--allow-zwarn", is_flag=True, help="Use redshifts with warnings too (ZWARN is not 0)."
    ),
    click.option(
        "--limit",
        type=int,
        metavar="N",
        help="Use at most N galaxies, chosen by a hash of their TARGETID: the same ones each time.",
    ),
)


@click.group(name="astroclip-dataset", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="astroclip-dataset")
def dataset() -> None:
    """Build training sets of observed galaxies from the archives."""


@dataset.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Output file, .h5 or .hdf5. While it is made, the disk needs room for it twice.",
)
@click.option(
    "--source",
    default="archive",
    show_default=True,
    metavar="archive|demo|URL",
    help="Where the catalogue, images and spectra come from: the public archives of the Legacy "
    "Surveys and DESI (archive), the bundled SIMULATED sky (demo), or the address of a server with "
    "the same protocols.",
)
@click.option(
    "--release",
    metavar="NAME",
    help=f"DESI data release: EDR or DR1.  [default: {conf.release}]",
)
@layer_option
@add_options(SELECTION_OPTIONS)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="TABLE",
    help="Table of labels with a column TARGETID, for example PROVABGS. Galaxies without a label "
    "are rejected. Its stellar masses become the dataset log_stellar_mass.",
)
@click.option(
    "--label-columns",
    multiple=True,
    metavar="A,B",
    help="Columns of --labels that become datasets of their own, separated by commas.",
)
@click.option(
    "--size", type=int, default=152, show_default=True, metavar="PIXELS", help="Side of the images."
)
@add_options(CONNECTION_OPTIONS)
@click.option(
    "--skip-failed",
    is_flag=True,
    help="Reject galaxies that the source fails for, instead of ending with an error.",
)
@click.option(
    "--no-resume",
    is_flag=True,
    help="Start from the beginning even where an interrupted build can be continued.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output file if it exists.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only query the catalogue, and say how many galaxies would be fetched.",
)
@quiet_option
def build(
    output: Path,
    size: int,
    skip_failed: bool,
    no_resume: bool,
    overwrite: bool,
    dry_run: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Fetch images and spectra of galaxies in DESI's catalogue, and write a training set.

    Choose the galaxies with exactly one of --box, --cone and --targets. They have a good fibre, a
    good redshift, and a complete image and spectrum; the summary and the file say how many others
    were rejected, and why. When a build was interrupted, the same command continues it.

    Exit status: 0 done, 1 a package is missing, 2 a mistake in the input, 3 a source did not
    answer for some galaxies or for any, 130 interrupted.
    """
    from astroclip_astro.dataset import build_training_set, plan_training_set
    from astroclip_astro.dataset.training_file import training_fields
    from astroclip_astro.storage.hdf5 import check_hdf5_output

    check_hdf5_output(output, overwrite=overwrite or dry_run)
    training_fields(size, {})
    selection, labels = read_selection(**options), read_labels(**options)
    try:
        with closing(open_archives(**options)) as source:
            plan = plan_training_set(source, selection, release=options["release"], labels=labels)
            if dry_run:
                say(f"{len(plan)} galaxies would be fetched from {source.name}.")
                print_rejected(plan.rejected)
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
        kind = sample_name(plan.simulated)
        say(f"Wrote {outcome.galaxies} {kind} to {outcome.path}{bar.rate()}")
        print_rejected(outcome.rejected)
    return 0


def read_selection(
    *,
    boxes: tuple[tuple[float, float, float, float], ...],
    cone: tuple[float, float, float] | None,
    targets: Path | None,
    limit: int | None,
    **options: Any,
) -> Selection:
    """Return the selection that the options name."""
    from astroclip_astro.dataset import Selection
    from astroclip_astro.dataset.label_file import read_targetids

    cuts = read_cuts(**options)
    ids = None if targets is None else read_targetids(targets)
    return Selection(boxes=boxes, cone=cone, targetids=ids, cuts=cuts, limit=limit)


def read_cuts(
    *,
    survey: str | None,
    program: str | None,
    spectype: str,
    z_min: float | None,
    z_max: float | None,
    allow_zwarn: bool,
    **_: Any,
) -> Cuts:
    """Return the cuts on rows of the catalogue that the options name."""
    from astroclip_astro.fetch.desi_catalogue import Cuts

    return Cuts(
        survey=words(survey),
        program=words(program),
        spectype=() if spectype == "any" else words(spectype),
        **{name: z for name, z in (("z_min", z_min), ("z_max", z_max)) if z is not None},
        good_redshift=not allow_zwarn,
        good_fibre=True,
    )


def read_labels(*, labels: Path | None, label_columns: tuple[str, ...], **_: Any) -> Labels | None:
    """Return the labels that the options name, None where they name none."""
    from astroclip_astro.dataset import read_labels

    columns = [name for given in label_columns for name in words(given)]
    if labels is None:
        if columns:
            raise InputError("--label-columns names columns of --labels TABLE; pass --labels too.")
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
    **_: Any,
) -> ArchiveSource:
    """Return the source that the options name, or raise where that has no catalogue."""
    from astroclip_astro.dataset.plan import NO_CATALOGUE, one_release
    from astroclip_astro.fetch.archive import ArchiveSource
    from astroclip_astro.fetch.open import open_source

    opened = open_source(
        source,
        release=one_release(release),
        layer=layer,
        jobs=jobs,
        cache=cache,
        cache_limit=cache_limit,
    )
    if not isinstance(opened, ArchiveSource):
        raise InputError(NO_CATALOGUE)
    return opened


def words(given: str | None) -> tuple[str, ...]:
    """Return the words of an option, which commas separate."""
    return tuple(filter(None, (word.strip() for word in (given or "").split(","))))


def print_rejected(left_out: Mapping[str, int]) -> None:
    """Say how many galaxies were rejected, and why."""
    for reason, count in left_out.items():
        say(f"  rejected: {count} ({reason})")


def main() -> None:
    """Run the command."""
    run_command(dataset)
