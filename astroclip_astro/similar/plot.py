"""A figure of an object and the galaxies of its table most like it."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

from astropy.table import Table

from astroclip_astro.config import PLOTTED, SOURCE
from astroclip_astro.errors import InputError
from astroclip_astro.figures.gallery import gallery_figure
from astroclip_astro.figures.picture import check_picture, finish_picture
from astroclip_astro.records import Source, origin
from astroclip_astro.similar.gallery import collect_panels, match_title
from astroclip_astro.similar.options import split_options
from astroclip_astro.similar.search import SimilaritySearch

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_similar(
    table: Table,
    row: int | None = None,
    *,
    source: str | os.PathLike | Source = SOURCE,
    k: int = PLOTTED,
    path: str | os.PathLike | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Figure:
    """Draw image and spectrum of an object, and of the k galaxies of the table most like it.

    Parameters
    ----------
    table : Table
        With embeddings and positions. It is not changed.
    row : int, optional
        Row of the table, from 0, where the galaxy is asked for by its row.
    source : str, path or Source
        Where images and spectra come from, as `astroclip_astro.fetch.open.open_source` has it.
    k : int
        Number of galaxies besides the one asked for.
    path, overwrite
        As `astroclip_astro.interpret.plots.plot_attention` has them.
    **options
        As `astroclip_astro.similar.search.similar` has them, those of a search in the reference
        excepted: matches have to have positions.

    Returns
    -------
    matplotlib.figure.Figure
        A thumbnail and a spectrum in each row, the query first.

    Raises
    ------
    InputError
        For a question that has no answer, or an option that cannot be met.
    SourceError
        Where the source fails.
    """
    check_picture(path, overwrite=overwrite)
    asked, wanted, data = split_options(options)
    if wanted.get("within", "table") != "table":
        raise InputError(
            "Galaxies of a reference cannot be drawn: it holds no images and no spectra; leave out "
            "within."
        )
    with closing(SimilaritySearch(table, source=source, **data)) as search:
        query = search.query(row, **asked)
        matches = search.match(query, k=k, **wanted)
        opened = search.open_source()
        panels = collect_panels(
            query, matches, table, opened, match_radius=search.match_radius, **search.names
        )
    title = f"{match_title(matches, panels)}\nimages and spectra: {origin(table, opened)}"
    return finish_picture(gallery_figure(panels, title=title), path)
