"""A table and what its embeddings may be compared with: queries in, similar galaxies out."""

from __future__ import annotations

import numbers
import os
from functools import cache as once
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
from astropy.table import Column, Table

from astroclip_astro.columns import MODALITIES, PREFIX, header_keywords
from astroclip_astro.config import DEVICE, MATCH_RADIUS, PRECISION, K
from astroclip_astro.errors import InputError, WeightsError
from astroclip_astro.models.card import check_aligned
from astroclip_astro.records import Source, origin_word
from astroclip_astro.search.index import METHODS, make_index
from astroclip_astro.similar.query import Query, check_word, make_query, table_embeddings
from astroclip_astro.sky import find_targets
from astroclip_astro.sky.arguments import check_table
from astroclip_astro.sky.position import arcseconds, separations
from astroclip_astro.version import __version__
from astroclip_astro.zeroshot.reference import Reference, check_weights
from astroclip_astro.zeroshot.reference_file import COLUMN_DESCRIPTIONS, load_reference

if TYPE_CHECKING:
    from astroclip_astro.models.model import Model

__all__ = ["SimilaritySearch"]

PLACES = ("table", "reference")
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
    weights : str or path, optional
        Weights that embed images and spectra given; by default those that the table names.
    source : str, path or Source, optional
        Where a galaxy at a position that the table lacks is fetched; by default nowhere.
    ra, dec : str, optional
        Names of the position columns where they cannot be recognised.
    match_radius : float or Quantity
        Largest distance of a row, or a spectrum, from a position, arcsec.
    device, precision : str
        Where to compute, and how precisely.
    layer, release, jobs, cache, cache_limit
        Of the source, as `astroclip_astro.fetch.open.open_source` has them.
    """

    def __init__(
        self,
        table: Table,
        *,
        weights: str | os.PathLike | None = None,
        source: str | os.PathLike | Source | None = None,
        ra: str | None = None,
        dec: str | None = None,
        match_radius: float | u.Quantity = MATCH_RADIUS,
        device: str = DEVICE,
        precision: str = PRECISION,
        layer: str | None = None,
        release: str | None = None,
        jobs: int | None = None,
        cache: str | os.PathLike | None = None,
        cache_limit: str | float | u.Quantity | None = None,
    ) -> None:
        options = {
            "layer": layer, "release": release, "jobs": jobs, "cache": cache,
            "cache_limit": cache_limit,
        }  # fmt: skip
        self.table = check_table(table)
        self.weights = weights
        self.names = {"ra": ra, "dec": dec}
        self.match_radius = arcseconds(match_radius)
        self.model = once(lambda: self._load(device=device, precision=precision))
        self.source = None if source is None else once(lambda: self._open(source, options))
        self._opened: list[Source] = []
        unused = [name for name, value in options.items() if value is not None]
        if source is None and unused:
            words = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
            raise InputError(
                f"{words} goes with a source; pass --source too (source=... in Python)."
            )

    def close(self) -> None:
        """Let go of what the source holds."""
        for source in self._opened:
            if hasattr(source, "close"):
                source.close()

    @property
    def sha256(self) -> str | None:
        """What the table says of the weights its embeddings were made with."""
        return self.table.meta.get("ACWSHA") or None

    def query(self, row: int | None = None, **asked: object) -> Query:
        """Return the query; options as `astroclip_astro.similar.query.make_query` has them."""
        return make_query(
            self.table,
            row,
            match_radius=self.match_radius,
            model=self.model,
            source=self.source,
            **self.names,
            **asked,
        )

    def match(
        self,
        query: Query,
        *,
        k: int = K,
        target: str | None = None,
        within: str = "table",
        reference: str | os.PathLike | Reference | None = None,
        method: str = "exact",
    ) -> Table:
        """Return the k galaxies most like the query; options as `similar` has them."""
        check_word(within, "within", PLACES)
        check_word(method, "method", METHODS)
        target = check_word(target, "target") or query.modality or self._first_modality(within)
        if not isinstance(k, numbers.Integral) or isinstance(k, bool) or k < 1:
            raise InputError(f"k is {k!r}, expected a whole number of at least 1.")
        if within == "table":
            if reference is not None:
                raise InputError(
                    "A reference was given, but the search is within the table; leave it out, or "
                    "search --in-reference (within='reference' in Python)."
                )
            points = table_embeddings(self.table, target)
            if query.row is not None:
                points[query.row] = np.nan  # a galaxy is not its own neighbour
        else:
            reference = self._reference(reference)
            points = getattr(reference, target)
        usable = int(np.isfinite(points).all(axis=1).sum())
        if not usable:
            raise InputError(
                f"No other row of the {within} has an embedding of its {target}; choose another "
                "target: --among (target=... in Python)."
            )
        near = make_index(points, method).find(query.vector[None], k=min(int(k), usable))
        rows, similarity = near.index[0], 1 - near.cosine_distance[0]
        if within == "table":
            result, place = self._rows(rows), "table"
        else:
            result, place = _labels(reference, rows), reference.title
            kept = ("ACWEIGHT", "ACWSHA")
            result.meta.update(
                {key: self.table.meta[key] for key in kept if key in self.table.meta}
            )
        by = query.modality or "embedding"
        words = {"place": place, "query": by, "target": PLURAL[target]}
        added = {"row": rows, "similarity": similarity}
        if query.position is not None and within == "table":
            added["separation"] = self._separation(query.position, rows)
        _put_first(result, added, words)
        result.meta.update(
            header_keywords(
                ACVERS=f"astroclip-astro {__version__}",
                ACQUERY=query.description,
                ACBY=by,
                ACAMONG=target,
                ACWITHIN=within,
                ACSEARCH=method,
            )
        )
        return result

    def _first_modality(self, within: str) -> str:
        """Return what there are embeddings of, where the query does not say."""
        there = [name for name in MODALITIES if PREFIX + name in self.table.colnames]
        return there[0] if there and within == "table" else MODALITIES[0]

    def _load(self, **options: str) -> Model:
        """Return the encoders, sure that the table's embeddings are theirs."""
        from astroclip_astro.models.model import load_model  # torch is loaded here

        model = load_model(self._weights_name(), **options)
        check_aligned(model.card)
        if self.sha256 not in (None, model.card["sha256"]):
            raise WeightsError(
                f"The table's embeddings were made with weights of sha256 {self.sha256:.12}..., "
                f"weights {model.card['name']} are {model.card['sha256']:.12}...; pass those of "
                "the table: --weights (weights=... in Python), or annotate it again."
            )
        return model

    def _weights_name(self) -> str | os.PathLike:
        """Return the weights to load."""
        return self.weights or self.table.meta.get("ACWEIGHT") or "compact"

    def _reference(self, given: str | os.PathLike | Reference | None) -> Reference:
        """Return the reference, sure that its embeddings may be compared with the table's."""
        if isinstance(given, Reference):
            reference = given
        elif given is not None:
            reference = load_reference(given)
        elif self.weights is not None:
            reference = load_reference(self.model().card["name"])
        else:
            reference = load_reference(self._weights_name())
        sha256 = self.model().card["sha256"] if self.weights is not None else self.sha256
        if sha256 is not None:
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
