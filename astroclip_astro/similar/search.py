"""A table and what its embeddings may be compared with: queries in, similar galaxies out."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from functools import cache as once
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.table import Column, Table

from astroclip_astro.catalogue.provenance import MODALITY_WORDS, check_same_origin, weights_of
from astroclip_astro.columns import MODALITIES, PREFIX, header_keywords
from astroclip_astro.config import WEIGHTS
from astroclip_astro.errors import InputError, WeightsError
from astroclip_astro.models.card import check_aligned
from astroclip_astro.records import Source, origin_word
from astroclip_astro.search.index import make_index
from astroclip_astro.similar.options import (
    DataOptions,
    MatchOptions,
    QueryOptions,
    make_options,
    split_options,
)
from astroclip_astro.similar.query import Query, make_query, table_embeddings
from astroclip_astro.sky import find_targets
from astroclip_astro.sky.arguments import check_table
from astroclip_astro.sky.position import arcseconds, separations
from astroclip_astro.version import __version__
from astroclip_astro.zeroshot.reference import Reference, check_weights
from astroclip_astro.zeroshot.reference_file import COLUMN_DESCRIPTIONS, load_reference
from astroclip_astro.zeroshot.reference_location import bundled_reference

if TYPE_CHECKING:
    from astroclip_astro.models.model import Model

__all__ = ["SimilaritySearch"]

MATCH_COLUMN_DESCRIPTIONS = {
    "row": "Row (from 0) of the {place}",
    "similarity": "Cosine similarity of the embeddings, 1 is the same: {query} among {target}",
    "separation": "Distance on the sky from the position asked for",
}
PLURAL = {"image": "images", "spectrum": "spectra"}
UCDS = {
    "row": "meta.record",
    "similarity": "stat.value",
    "separation": "pos.angDistance",
}


class SimilaritySearch:
    """A table, what its embeddings were made with, and where galaxies may be fetched.

    Parameters
    ----------
    table : Table
        With ``astroclip_image`` or ``astroclip_spectrum``.
    **options
        ``weights``, ``source``, ``ra``, ``dec``, ``frame``, ``match_radius`` (arcsec),
        ``device``, ``precision`` and the options of the source, as
        `astroclip_astro.similar.options.DataOptions` has them.
    """

    def __init__(self, table: Table, **options: Any) -> None:
        data = make_options(DataOptions, options)
        self.table = check_table(table)
        self.weights = data.weights
        self.names = {"ra": data.ra, "dec": data.dec, "frame": data.frame}
        self.match_radius = arcseconds(data.match_radius)
        self.model = once(lambda: self._load(device=data.device, precision=data.precision))
        self.source: Callable[[], Source] | None = None
        self._opened: list[Source] = []
        connection, source = data.connection(), data.source
        if source is not None:
            self.source = once(lambda: self._open(source, connection))

    def open_source(self) -> Source:
        """Return the source, opened by the first call; `InputError` where there is none."""
        if self.source is None:
            raise InputError("No source; say where images and spectra come from: source='demo'.")
        return self.source()

    def close(self) -> None:
        """Close the source, where it was opened."""
        for source in self._opened:
            if hasattr(source, "close"):
                source.close()

    def made_with(self, *modalities: str | None) -> tuple[str, str]:
        """Return name and SHA-256 of the weights that made embeddings, empty where not known.

        Parameters
        ----------
        *modalities : str or None
            Whose embeddings; by default those that the table has.

        Raises
        ------
        WeightsError
            Where they were made with different weights.
        """
        there = [name for name in MODALITIES if PREFIX + name in self.table.colnames]
        names = dict.fromkeys(name for name in modalities or there if name in MODALITIES)
        groups = [MODALITY_WORDS[name] for name in names]
        check_same_origin(self.table, groups, "compared")
        known = [weights_of(self.table, group) for group in groups]
        return next((one for one in known if one[1]), known[0] if known else ("", ""))

    def query(self, row: int | None = None, **options: Any) -> Query:
        """Return the query; options as `astroclip_astro.similar.options.QueryOptions` has them."""
        return make_query(
            self.table,
            make_options(QueryOptions, options | {"row": row}),
            names=self.names,
            match_radius=self.match_radius,
            model=self.model,
            source=self.source,
        )

    def match(self, query: Query, **options: Any) -> Table:
        """Return the k galaxies most like the query, as `similar` does.

        Options are those of `astroclip_astro.similar.options.MatchOptions`.
        """
        wanted = make_options(MatchOptions, options)
        wanted.check()
        target = wanted.target or query.modality or self._first_modality(wanted.within)
        reference = None
        if wanted.within == "reference":
            reference = self._reference(wanted.reference, query.modality or target)
        else:
            self.made_with(query.modality or target, target)
        if reference is None:
            points = table_embeddings(self.table, target)
            if query.row is not None:
                points[query.row] = np.nan  # a galaxy is not its own neighbour
        else:
            points = getattr(reference, target)
        rows, similarity = self._nearest(points, query, target, wanted)
        added = {"row": rows, "similarity": similarity}
        if reference is None:
            result, place = self._rows(rows), "table"
            if query.position is not None:
                added["separation"] = self._separation(query.position, rows)
        else:
            result, place = _labels(reference, rows), reference.title
            name, sha256 = self.made_with(query.modality or target)
            known = header_keywords(ACWEIGHT=name, ACWSHA=sha256)
            result.meta.update({key: value for key, value in known.items() if value})
        by = query.modality or "embedding"
        _put_first(result, added, {"place": place, "query": by, "target": PLURAL[target]})
        result.meta.update(
            header_keywords(
                ACVERS=f"astroclip-astro {__version__}",
                ACQUERY=query.description,
                ACBY=by,
                ACAMONG=target,
                ACWITHIN=wanted.within,
                ACSEARCH=wanted.method,
            )
        )
        return result

    def _nearest(
        self, points: np.ndarray, query: Query, target: str, wanted: MatchOptions
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return rows of the points most like the query, (k,), and their similarity."""
        usable = int(np.isfinite(points).all(axis=1).sum())
        if not usable:
            raise InputError(
                f"No other row of the {wanted.within} has an embedding of its {target}; choose "
                "another target: --among (target=... in Python)."
            )
        index = make_index(points, wanted.method)
        near = index.find(query.vector[None], k=min(int(wanted.k), usable))
        return near.index[0], 1 - near.cosine_distance[0]

    def _first_modality(self, within: str) -> str:
        """Return what there are embeddings of, where the query does not say."""
        there = [name for name in MODALITIES if PREFIX + name in self.table.colnames]
        return there[0] if there and within == "table" else MODALITIES[0]

    def _load(self, **options: str) -> Model:
        """Return the encoders, sure that the table's embeddings are theirs."""
        from astroclip_astro.models.model import load_model  # torch is loaded here

        name, sha256 = self.made_with()
        model = load_model(self._weights_name(name), **options)
        check_aligned(model.card)
        if sha256 not in ("", model.card["sha256"]):
            raise WeightsError(
                f"The table's embeddings were made with weights of sha256 {sha256:.12}..., "
                f"weights {model.card['name']} are {model.card['sha256']:.12}...; pass those of "
                "the table: --weights (weights=... in Python), or annotate it again."
            )
        return model

    def _weights_name(self, name: str) -> str | os.PathLike[str]:
        """Return the weights to load: those passed, those that made the embeddings, or ours."""
        return self.weights or name or WEIGHTS

    def _reference(self, given: str | os.PathLike | Reference | None, modality: str) -> Reference:
        """Return the reference, sure that its embeddings may be compared with the table's."""
        name, sha256 = self.made_with(modality)
        if isinstance(given, Reference):
            reference = given
        elif given is not None:
            reference = load_reference(given)
        elif self.weights is not None:
            reference = load_reference(bundled_reference(self.model().card["name"]))
        else:
            reference = load_reference(bundled_reference(name or WEIGHTS))
        if self.weights is not None:
            sha256 = self.model().card["sha256"]
        if sha256:
            check_weights(reference, sha256)
        return reference

    def _open(self, source: str | os.PathLike | Source, options: dict) -> Source:
        """Open the source, to be closed with this."""
        from astroclip_astro.fetch.open import open_source

        opened = open_source(source, **options)
        self._opened.append(opened)
        return opened

    def _rows(self, rows: np.ndarray) -> Table:
        """Return rows of the table without its vector columns."""
        result = self.table[rows]
        vectors = [f"{PREFIX}{name}" for name in MODALITIES]
        result.remove_columns([name for name in vectors if name in result.colnames])
        return result

    def _separation(self, position: tuple[float, float], rows: np.ndarray) -> np.ndarray:
        """Return distances of rows from a position, arcsec."""
        return separations(position, find_targets(self.table, **self.names)[rows])


def similar(table: Table, row: int | None = None, **options: Any) -> Table:
    """Find the k galaxies most like one, which is asked for by exactly one kind of query.

    A galaxy asked for by row or id, or by a position where a row is, is itself left out, whichever
    of its embeddings is compared. In the reference nothing is left out. Rows without an embedding
    never come. Of galaxies equally like the query, those of lower row number come first.

    Parameters
    ----------
    table : Table
        With embeddings: ``astroclip_image``, ``astroclip_spectrum`` or both. It is not changed.
    row : int, optional
        Row of the table, from 0, where the galaxy is asked for by its row.
    **options
        Which galaxy, as `astroclip_astro.similar.options.QueryOptions` has them; how many and among
        which, as `MatchOptions` there; weights and source, as `DataOptions` there.

    Returns
    -------
    Table
        The most similar first: ``row``, ``similarity`` (cosine), ``separation`` (arcsec, where a
        position was asked for), then the table's columns but for embeddings (one that has a name
        of ours is called NAME_1); or the labels of the reference. Its meta says what was asked.

    Raises
    ------
    InputError
        Where not exactly one kind of query is used, or the galaxy has no embedding.
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
    >>> matches = similar(table, 0, k=2)
    >>> matches["similarity"].info.format = ".3f"
    >>> print(matches)
    row similarity name
    --- ---------- ----
      1      0.985    b
      3      0.978    d
    """
    asked, wanted, data = split_options(options)
    with closing(SimilaritySearch(table, **data)) as search:
        return search.match(search.query(row, **asked), **wanted)


def _labels(reference: Reference, rows: np.ndarray) -> Table:
    """Return labels of rows of the reference, saying whose they are."""
    result = Table()
    for name, values in reference.labels.items():
        ucd, words = COLUMN_DESCRIPTIONS.get(
            name, ("stat.value", reference.descriptions.get(name) or name)
        )
        result[name] = Column(
            values[rows],
            unit=reference.units.get(name),
            description=f"{words.rstrip('. ')} ({reference.title})",
            meta={"ucd": ucd},
        )
    result.meta.update(
        header_keywords(
            ACREF=reference.name,
            ACREFSHA=reference.sha256 or "",
            ACREFSIM=origin_word(reference.simulated),
        )
    )
    if reference.simulated is not None:
        result.meta["SIMULATD"] = reference.simulated
    return result


def _put_first(result: Table, added: dict[str, np.ndarray], words: dict[str, str]) -> None:
    """Put our columns before the others, which make room for their names."""
    for name in result.colnames:
        if name.lower() in added:  # FITS does not tell apart names that differ only in case
            number = 1
            taken = {other.lower() for other in result.colnames}
            while f"{name}_{number}".lower() in taken:
                number += 1
            result.rename_column(name, f"{name}_{number}")
    columns = [
        Column(
            values,
            name=name,
            unit=u.arcsec if name == "separation" else None,
            description=MATCH_COLUMN_DESCRIPTIONS[name].format(**words),
            meta={"ucd": UCDS[name]},
        )
        for name, values in added.items()
    ]
    result.add_columns(columns, indexes=[0] * len(columns))
