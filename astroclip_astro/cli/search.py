"""``astroclip-search``: the galaxies of an annotated catalogue that are most like one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from astroclip_astro.cli.option_types import POSITION_TYPE
from astroclip_astro.cli.options import (
    CONNECTION_OPTIONS,
    add_options,
    compute_options,
    frame_option,
    layer_option,
    run_command,
)
from astroclip_astro.cli.terminal import join_lines, say, say_lines
from astroclip_astro.columns import MODALITIES, PREFIX
from astroclip_astro.config import MATCH_RADIUS, K
from astroclip_astro.errors import InputError
from astroclip_astro.version import __version__

if TYPE_CHECKING:
    from astropy.table import Table

    from astroclip_astro.similar.query import Query
    from astroclip_astro.similar.search import SimilaritySearch


USERS_COLUMNS = 4  # of the catalogue, that are printed
PACKAGE_COLUMNS = ("redshift", "log_stellar_mass", f"{PREFIX}z", f"{PREFIX}logmstar")
FORMATS = {"similarity": ".4f", "separation": ".2f"} | dict.fromkeys(PACKAGE_COLUMNS, ".3f")


@click.command(name="astroclip-search", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("catalog", type=click.Path(path_type=Path))
@click.option(
    "--row",
    type=int,
    metavar="N",
    help="Search for galaxies like this row of CATALOG, counted from 0.",
)
@click.option(
    "--id",
    "identifier",
    metavar="NAME",
    help="Search for galaxies like the one of this name or number in CATALOG.",
)
@click.option(
    "--id-column",
    metavar="NAME",
    help="Column of CATALOG that holds the --id.  [default: the one with a usual name, such as "
    "name, id, TARGETID or source_id]",
)
@click.option(
    "--position",
    type=POSITION_TYPE,
    metavar="RA DEC",
    help="Search for galaxies like the one at this position, in ICRS degrees (150.1 -2.2) or "
    "sexagesimal (10:00:24.0 -02:12:00): the row of CATALOG there, else what --source has there.",
)
@click.option(
    "--image",
    type=click.Path(path_type=Path),
    help="Search for galaxies like the one in this FITS cutout in g, r and z.",
)
@click.option(
    "--spectrum",
    type=click.Path(path_type=Path),
    help="Search for galaxies like the one in this DESI coadd file.",
)
@click.option(
    "--targetid",
    type=int,
    metavar="ID",
    help="TARGETID of the spectrum in the coadd file, where it holds several.",
)
@click.option("--k", type=int, default=K, show_default=True, help="Number of galaxies to find.")
@click.option(
    "--by",
    type=click.Choice(MODALITIES),
    help="Which embedding of the galaxy is compared.  [default: that of its image where it has "
    "one, else that of its spectrum]",
)
@click.option(
    "--among",
    type=click.Choice(MODALITIES),
    help="Which embeddings of the other galaxies it is compared with.  [default: the same kind]",
)
@click.option(
    "--in-reference",
    is_flag=True,
    help="Search among the galaxies of the reference instead of CATALOG.",
)
@click.option(
    "--reference",
    metavar="NAME|FILE",
    help="Reference that --in-reference searches in: the name of a bundled one or a file.  "
    "[default: the reference of the weights]",
)
@click.option(
    "--approximate",
    is_flag=True,
    help="Search approximately, with faiss, which is faster for many millions of rows.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the result with all its columns into this file.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw the images and spectra of the galaxies, which --source provides, into this file: "
    ".png, .pdf or .svg.",
)
@click.option(
    "--source",
    metavar="archive|demo|URL|DIR",
    help="Where images and spectra for --plot, and a galaxy at a --position that CATALOG lacks, "
    "come from; the values are those of astroclip-annotate.  [default: nothing is fetched]",
)
@layer_option
@click.option(
    "--release",
    metavar="NAME",
    help="DESI data release: EDR, DR1, or both separated by a comma.",
)
@add_options(CONNECTION_OPTIONS)
@click.option(
    "--weights",
    metavar="NAME|FILE|RUN",
    help="Weights that embed --image and --spectrum.  [default: those that CATALOG was annotated "
    "with]",
)
@click.option(
    "--match-radius",
    type=float,
    default=MATCH_RADIUS,
    show_default=True,
    metavar="ARCSEC",
    help="Largest distance between a position and its row or spectrum.",
)
@click.option(
    "--ra",
    metavar="NAME",
    help="Column of right ascension, or a SkyCoord column.  [default: found by name and UCD]",
)
@click.option(
    "--dec",
    metavar="NAME",
    help="Column of declination.  [default: found by name and UCD]",
)
@frame_option
@compute_options
@click.option("--overwrite", is_flag=True, help="Replace the output and the picture if they exist.")
@click.option("-q", "--quiet", is_flag=True, help="Print no result.")
@click.version_option(__version__, prog_name="astroclip-search")
def search(
    catalog: Path,
    row: int | None,
    identifier: str | None,
    id_column: str | None,
    position: tuple[float, float] | None,
    image: Path | None,
    spectrum: Path | None,
    targetid: int | None,
    k: int,
    by: str | None,
    among: str | None,
    in_reference: bool,
    reference: str | None,
    approximate: bool,
    output: Path | None,
    plot: Path | None,
    overwrite: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Find the galaxies of CATALOG that are most similar to one galaxy.

    CATALOG is a table with embeddings, as astroclip-annotate writes it. Say which galaxy with
    exactly one of --row, --id, --position, --image and --spectrum. A galaxy of CATALOG is not among
    its own matches.

    Exit status: 0 done, 2 a mistake in the input, 3 the source did not answer, 130 interrupted.
    """
    from astroclip_astro.catalogue import check_output, read_catalogue, write_catalogue
    from astroclip_astro.similar.search import SimilaritySearch

    queries = {
        "--row": row,
        "--id": identifier,
        "--position": position,
        "--image": image,
        "--spectrum": spectrum,
    }
    used = [option for option, value in queries.items() if value is not None]
    if len(used) != 1:
        raise InputError(
            f"Found {' and '.join(used) or 'no query'}, expected exactly one of "
            f"{', '.join(queries)}."
        )
    if id_column is not None and identifier is None:
        raise InputError("--id-column goes with --id only; pass --id too, or leave it out.")
    if output is not None:
        check_output(output, overwrite=overwrite)
    if plot is not None:
        check_plot(plot, options["source"], in_reference, overwrite=overwrite)
    table = read_catalogue(catalog)
    with closing(SimilaritySearch(table, **options)) as comparison:
        query = comparison.query(
            row,
            position=position,
            image=image,
            spectrum=spectrum,
            targetid=targetid,
            id=identifier,
            id_column=id_column,
            query=by,
        )
        found = comparison.match(
            query,
            k=k,
            target=among,
            within="reference" if in_reference else "table",
            reference=reference,
            method="approximate" if approximate else "exact",
        )
        if output is not None:
            write_catalogue(found, output, overwrite=overwrite)
        if plot is not None:
            draw(query, found, comparison, plot)
    if not quiet:
        say_lines(describe(query, found, catalog))
        for path in filter(None, (output, plot)):
            say(f"Wrote {path}")
    return 0


def check_plot(path: Path, source: str | None, in_reference: bool, *, overwrite: bool) -> None:
    """Refuse a picture that cannot be drawn, before anything is computed."""
    from astroclip_astro.figures.picture import check_picture

    if in_reference:
        raise InputError(
            "--plot cannot be drawn of matches in the reference, which holds no images and no "
            "spectra; leave out --plot or --in-reference."
        )
    if source is None:
        raise InputError(
            "--plot needs images and spectra, and does not fetch them unasked; say where from: "
            "--source archive, demo, an address or a folder."
        )
    check_picture(path, overwrite=overwrite)


def draw(query: Query, found: Table, comparison: SimilaritySearch, path: Path) -> None:
    """Draw the picture of a query and what was found."""
    from astroclip_astro.figures.gallery import draw_gallery
    from astroclip_astro.similar.gallery import collect_panels, match_title

    source = comparison.open_source()
    panels = collect_panels(
        query,
        found,
        comparison.table,
        source,
        match_radius=comparison.match_radius,
        **comparison.names,
    )
    draw_gallery(
        panels,
        path,
        title=f"{match_title(found, panels)}; images and spectra: {source.name}",
    )


def describe(query: Query, found: Table, catalog: Path) -> str:
    """Return the result as a neat table with a line above it."""
    from astroclip_astro.similar.gallery import heading

    where = str(catalog)
    if found.meta["ACWITHIN"] == "reference":
        kind = {"SIMULATED": "SIMULATED galaxies of ", "unknown": "galaxies (not stated whether "
                "simulated) of "}.get(found.meta["ACREFSIM"], "")  # fmt: skip
        where = f"{kind}reference {found.meta['ACREF']}"
    approximate = ", approximate" if found.meta["ACSEARCH"] == "approximate" else ""
    lines = [
        f"{len(found)} galaxies most like {query.description}, by {heading(found)}{approximate}, "
        f"in {where}:",
        "",
    ]
    ours = [name for name in ("row", "similarity", "separation") if name in found.colnames]
    theirs = [name for name in found.colnames if name not in ours and is_plain(found, name)]
    first = [name for name in theirs if not name.startswith(PREFIX)]
    if found.meta["ACWITHIN"] == "table":
        first = first[:USERS_COLUMNS]
    names = [
        *ours,
        *first,
        *(name for name in PACKAGE_COLUMNS if name in theirs and name not in first),
    ]
    shown = found[names]
    for name in set(names) & FORMATS.keys():
        if name in ours or shown[name].dtype.kind == "f":
            shown[name].info.format = FORMATS[name]
    lines.extend(shown.pformat(max_lines=-1, max_width=-1))
    return join_lines(lines)


def is_plain(found: Table, name: str) -> bool:
    """Return whether a column has one number or word in each row."""
    return len(getattr(found[name], "shape", (0, 0))) == 1


def main() -> None:
    """Run the command."""
    run_command(search)
