"""The galaxies most like one: in the table it comes from, or in the reference."""

from __future__ import annotations

import os
from contextlib import closing

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table

from astroclip_astro.config import K
from astroclip_astro.similar.query import Flux, Image
from astroclip_astro.similar.search import SimilaritySearch
from astroclip_astro.zeroshot.reference import Reference


def similar(
    table: Table,
    row: int | None = None,
    *,
    position: SkyCoord | tuple[float, float] | None = None,
    embedding: np.ndarray | None = None,
    image: Image | None = None,
    spectrum: Flux | None = None,
    targetid: int | None = None,
    id: str | int | None = None,
    id_column: str | None = None,
    k: int = K,
    query: str | None = None,
    target: str | None = None,
    within: str = "table",
    reference: str | os.PathLike | Reference | None = None,
    method: str = "exact",
    **options: object,
) -> Table:
    """Find the k galaxies most like one; ask by one of the first five, or by ``id``.

    A galaxy asked for by row or id, or by a position where a row is, is itself left out, whichever
    of its embeddings is compared. In the reference nothing is left out. Rows without an embedding
    never come. Of galaxies equally like the query, those of lower row number come first.

    Parameters
    ----------
    table : Table
        With embeddings: ``astroclip_image``, ``astroclip_spectrum`` or both. It is not changed.
    row : int, optional
        Row of the table, from 0.
    position : SkyCoord or (ra, dec), optional
        ICRS degrees. The nearest row within ``match_radius``; where there is none and a
        ``source`` is given, what the source has there.
    embedding : ndarray, optional
        (128,), a unit vector made with the table's weights.
    image : ndarray, Cutout or path, optional
        (3, h, w), g, r, z, nanomaggies a pixel of 0.262 arcsec; or a FITS cutout.
    spectrum : ndarray, (ndarray, ndarray), Spectrum or path, optional
        (7781,) flux, or flux and ivar, as `Model.embed_spectra` takes them; or a DESI coadd.
    targetid : int, optional
        Which spectrum of the coadd, where it holds several.
    id : str or int, optional
        The galaxy's name or number in the table.
    id_column : str, optional
        Column of strings or integers that holds ``id``. Found when not given, where exactly one
        column has a usual name such as ``name``, ``id``, ``TARGETID`` or ``source_id``.
    k : int
        Number of galaxies; all there are where there are fewer.
    query : {"image", "spectrum"}, optional
        What of the galaxy asked for is compared; by default what there is, the image first.
    target : {"image", "spectrum"}, optional
        Among which embeddings; by default those of the same kind as the query.
    within : {"table", "reference"}
        Where to search.
    reference : str, path or Reference, optional
        Bundled name or file; by default the one of the weights.
    method : {"exact", "approximate"}
        ``approximate`` is for many millions of rows, and needs the extra ``[scale]``.
    **options
        ``weights``, ``source``, ``ra``, ``dec``, ``match_radius``, ``device``, ``precision`` and
        the options of the source: as `SimilaritySearch` has them.

    Returns
    -------
    Table
        The most similar first: ``row``, ``similarity`` (cosine), ``separation`` (arcsec, where a
        position was asked for), then the table's columns but for embeddings (one that has a name
        of ours is called NAME_1); or the labels of the reference. Its meta says what was asked.

    Raises
    ------
    InputError
        Where it was not asked in one way, or what was asked for has no embedding.
    CatalogueError
        Where the table has no embeddings.
    WeightsError
        Where embeddings of different weights would be compared. A table that does not name its
        weights (a CSV file, for example) passes.
    SourceError
        Where the source has something at the position and cannot deliver it.

    Examples
    --------
    >>> angle = np.radians([0, 10, 90, 12])
    >>> table = Table({"name": ["a", "b", "c", "d"]})
    >>> table["astroclip_image"] = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> found = similar(table, 0, k=2)
    >>> found["similarity"].info.format = ".3f"
    >>> print(found)
    row similarity name
    --- ---------- ----
      1      0.985    b
      3      0.978    d
    """
    with closing(SimilaritySearch(table, **options)) as comparison:
        asked = comparison.query(
            row,
            position=position,
            embedding=embedding,
            image=image,
            spectrum=spectrum,
            targetid=targetid,
            id=id,
            id_column=id_column,
            modality=query,
        )
        return comparison.match(
            asked, k=k, target=target, within=within, reference=reference, method=method
        )
