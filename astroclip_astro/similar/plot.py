"""A figure of an object and the galaxies of its table most like it."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from astropy.table import Table

from astroclip_astro.config import PLOTTED, SOURCE
from astroclip_astro.figures.gallery import gallery_figure
from astroclip_astro.figures.picture import check_picture, finish_picture
from astroclip_astro.records import Source, origin
from astroclip_astro.similar.gallery import collect_panels, match_title
from astroclip_astro.similar.search import SimilaritySearch

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from matplotlib.figure import Figure


def plot_similar(
    table: Table,
    row: int | None = None,
    *,
    source: str | os.PathLike | Source = SOURCE,
    k: int = PLOTTED,
    query: str | None = None,
    target: str | None = None,
    method: str = "exact",
    position: SkyCoord | tuple[float, float] | None = None,
    id: str | int | None = None,
    id_column: str | None = None,
    path: str | os.PathLike | None = None,
    overwrite: bool = False,
    **options: object,
) -> Figure:
    """Draw image and spectrum of an object, and of the k galaxies of the table most like it.

    Parameters
    ----------
    table : Table
        With embeddings and positions. It is not changed.
    row, position, id, id_column, k, query, target, method
        As `astroclip_astro.similar.similar.similar` has them; ask by row, position or id.
    source : str, path or Source
        Where images and spectra come from, as `astroclip_astro.fetch.open.open_source` has it.
    path, overwrite
        As `plot_attention` has them.
    **options
        As `astroclip_astro.similar.search.SimilaritySearch` has them.

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
    with closing(SimilaritySearch(table, source=source, **options)) as comparison:
        asked = comparison.query(row, position=position, id=id, id_column=id_column, modality=query)
        found = comparison.match(asked, k=k, target=target, method=method)
        opened = comparison.source()
        panels = collect_panels(
            asked,
            found,
            table,
            opened,
            match_radius=comparison.match_radius,
            **comparison.names,
        )
    title = f"{match_title(found, panels)}\nimages and spectra: {origin(table, opened)}"
    return finish_picture(gallery_figure(panels, title=title), path)
