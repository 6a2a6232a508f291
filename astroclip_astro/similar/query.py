"""What is searched with: a row, a position, an embedding, an image or a spectrum as a vector."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Table

from astroclip_astro.columns import MODALITIES, PREFIX
from astroclip_astro.errors import CatalogueError, InputError, SourceError
from astroclip_astro.fetch.files.one_galaxy import read_one_cutout, read_one_spectrum
from astroclip_astro.flags import Flag
from astroclip_astro.records import Cutout, MissingData, Source, Spectrum, Targets
from astroclip_astro.search.exact import UNIT_TOLERANCE
from astroclip_astro.similar.options import Flux, Image, QueryOptions
from astroclip_astro.sky import find_targets
from astroclip_astro.sky.arguments import check_row, check_table
from astroclip_astro.sky.identifiers import find_row
from astroclip_astro.sky.position import read_position, separations

if TYPE_CHECKING:
    from astroclip_astro.models.model import Model


@dataclass(frozen=True, eq=False)
class Query:
    """A galaxy to which others are compared.

    Parameters
    ----------
    vector : ndarray
        float32 (128,), its embedding, a unit vector.
    modality : str or None
        Whether that is of its image or spectrum; None where only the embedding was given.
    description : str
        How it was asked for, such as ``"row 5"``.
    row : int or None
        The table's row that it is, None where it is none of them.
    position : tuple of float or None
        The position it was asked for by, ICRS degrees.
    image : ndarray or None
        float32 (3, h, w), nanomaggies, where it was given or fetched.
    flux, ivar : ndarray or None
        float32 (7781,) each, where they were given or fetched.
    """

    vector: np.ndarray
    modality: str | None
    description: str
    row: int | None = None
    position: tuple[float, float] | None = None
    image: np.ndarray | None = None
    flux: np.ndarray | None = None
    ivar: np.ndarray | None = None


def table_embeddings(table: Table, modality: str) -> np.ndarray:
    """Return the embeddings that a table has.

    Parameters
    ----------
    table : Table
        With a column ``astroclip_image`` or ``astroclip_spectrum``.
    modality : {"image", "spectrum"}
        Which of the two.

    Returns
    -------
    ndarray
        float32 (n, width); NaN where a row has none, or a masked one.

    Raises
    ------
    CatalogueError
        Where there is no such column, or it holds something else.

    Examples
    --------
    >>> table = Table({"astroclip_image": [[0.6, 0.8], [np.nan, np.nan]]})
    >>> table_embeddings(table, "image").shape
    (2, 2)
    """
    name = f"{PREFIX}{modality}"
    if name not in check_table(table).colnames:
        if f"{name}_0" in table.colnames:
            raise CatalogueError(
                f"Column {name} is spread over {name}_0, {name}_1, ..., as CSV files have it; "
                "write the annotated table as FITS, VOTable, ECSV or Parquet."
            )
        raise CatalogueError(
            f"No column {name}: the table has no embedding of the {modality}; run "
            "astroclip-annotate first (.astroclip.embed() in Python)."
        )
    column = table[name]
    mask = getattr(column, "mask", False)
    values = np.asarray(getattr(column, "unmasked", column))
    if values.ndim != 2 or values.dtype.kind != "f":
        raise CatalogueError(
            f"Column {name} holds {values.dtype} of shape {values.shape}, expected a vector of "
            "floats in each row, as astroclip-annotate writes it."
        )
    return np.where(mask, np.nan, values).astype(np.float32)


def make_query(
    table: Table,
    asked: QueryOptions,
    *,
    names: dict[str, str | None],
    match_radius: float,
    model: Callable[[], Model],
    source: Callable[[], Source] | None = None,
) -> Query:
    """Make a query of any kind.

    Parameters
    ----------
    table : Table
        The table with embeddings.
    asked : QueryOptions
        The galaxy asked for, by exactly one kind of query.
    names : dict
        ``ra`` and ``dec``, names of the position columns, and ``frame``, theirs; None where they
        are recognised.
    match_radius : float
        Largest distance of a row from the position, arcsec.
    model : callable
        Gives the encoders; only called where something has to be embedded.
    source : callable, optional
        Gives the source; only called where no row is at the position.

    Returns
    -------
    Query

    Raises
    ------
    InputError
        Where not exactly one kind is used, or the galaxy has no embedding.
    SourceError
        Where the source has something at the position and cannot deliver it.
    """
    kind, modality = asked.check(), asked.query
    if asked.id is not None:
        row, name = find_row(table, asked.id, column=asked.id_column)
        return _by_row(table, row, modality, f"{name} {asked.id} (row {row})")
    if asked.row is not None:
        return _by_row(table, asked.row, modality, f"row {asked.row}")
    if asked.position is not None:
        position = read_position(asked.position)
        words = f"position {position[0]:.5f} {position[1]:+.5f}"
        near = _nearest_row(table, position, match_radius, names, fetched=source is not None)
        if near is not None:
            return _by_row(table, near, modality, f"{words} (row {near})", position=position)
        if source is not None:
            return _fetched(source(), position, modality, match_radius, model(), words)
    if asked.embedding is not None:
        return Query(_unit_vector(asked.embedding), modality, "an embedding")
    if modality not in (None, kind):
        raise InputError(f"query is {modality!r}, but by {kind} was asked; leave query out.")
    if asked.image is not None:
        return _by_image(asked.image, model())
    assert asked.spectrum is not None  # of the six kinds, the one that is left
    return _by_spectrum(asked.spectrum, asked.targetid, model())


def _by_row(
    table: Table,
    row: int,
    modality: str | None,
    words: str,
    position: tuple[float, float] | None = None,
) -> Query:
    """Return the query that a row of the table is."""
    hint = f"to ask by a name, pass id={row!r}" if isinstance(row, str) else ""
    row = check_row(row, len(table), hint=hint)
    if modality is None:
        there = [name for name in MODALITIES if PREFIX + name in table.colnames] or MODALITIES[:1]
    else:
        there = [modality]
    for name in there:
        vector = table_embeddings(table[row : row + 1], name)[0]
        if np.isfinite(vector).all():
            return Query(_unit_vector(vector), name, words, row=row, position=position)
    raise InputError(
        f"Row {row} has no embedding of its {' or '.join(there)}; choose another row, or another "
        "query: --by (query=... in Python)."
    )


def _by_image(image: Image, model: Model) -> Query:
    """Return the query of an image."""
    words = "an image"
    if isinstance(image, str | os.PathLike):
        words = f"image {image}"
        image = read_one_cutout(image, model.config.image_size)
    pixels = np.ma.filled(image.image if isinstance(image, Cutout) else image, 0)
    if pixels.ndim != 3:
        raise InputError(f"image has shape {pixels.shape}, expected (3, h, w), the bands g, r, z.")
    vector = model.embed_images(pixels[None])[0]
    _check_embedded(vector, "image", words)
    return Query(vector, "image", words, image=pixels)


def _by_spectrum(spectrum: Flux, targetid: int | None, model: Model) -> Query:
    """Return the query of a spectrum."""
    words = "a spectrum"
    if isinstance(spectrum, str | os.PathLike):
        words = f"spectrum {spectrum}" + (f" of TARGETID {targetid}" if targetid else "")
        spectrum = read_one_spectrum(spectrum, targetid)
    if isinstance(spectrum, Spectrum):
        spectrum = (spectrum.flux, spectrum.ivar)
    flux, ivar = spectrum if isinstance(spectrum, tuple) else (spectrum, None)
    flux = np.ma.filled(np.asanyarray(flux, float), np.nan)
    weight = None if ivar is None else np.ma.filled(np.asanyarray(ivar, float), 0)
    if flux.ndim != 1 or (weight is not None and weight.shape != flux.shape):
        shape = () if weight is None else weight.shape
        raise InputError(
            f"spectrum has shape {flux.shape} (ivar {shape}), expected flux, or (flux, ivar), of "
            "7781 samples."
        )
    vector = model.embed_spectra(flux[None], None if weight is None else weight[None])[0]
    _check_embedded(vector, "spectrum", words)
    return Query(vector, "spectrum", words, flux=flux, ivar=weight)


def _check_embedded(vector: np.ndarray, modality: str, words: str) -> None:
    """Refuse what has no embedding because it was empty."""
    if not np.isfinite(vector).all():
        raise InputError(
            f"Nothing is in the {modality} ({words}): no data, or one value everywhere; give "
            "another."
        )


def _fetched(
    source: Source,
    position: tuple[float, float],
    modality: str | None,
    radius: float,
    model: Model,
    words: str,
) -> Query:
    """Return the query of what a source has at a position."""
    target = target_at(position)
    reasons, failed = [], False
    words = f"{words} from {source.name}"
    for name in MODALITIES if modality is None else (modality,):
        answer: Cutout | Spectrum | MissingData
        if name == "image":
            (answer,) = source.cutouts(target, model.config.image_size)
        else:
            (answer,) = source.spectra(target, radius)
        if isinstance(answer, Cutout):
            return replace(_by_image(answer, model), description=words, position=position)
        if isinstance(answer, Spectrum):
            return replace(_by_spectrum(answer, None, model), description=words, position=position)
        reasons.append(f"{name}: {answer.reason}")
        failed |= bool(answer.flag & Flag.SOURCE_FAILED)
    place = f"{words} ({'; '.join(reasons)})"
    if failed:
        raise SourceError(f"The source has failed at the {place}; check the network, try again.")
    raise InputError(f"Nothing at the {place}; check the position.")


def target_at(position: tuple[float, float]) -> Targets:
    """Return the one target at a position, ICRS degrees, whose TARGETID is not known."""
    ra, dec = position
    return Targets(np.array([ra]), np.array([dec]), np.zeros(1, np.int64), np.zeros(1, bool))


def _nearest_row(
    table: Table,
    position: tuple[float, float],
    radius: float,
    names: dict[str, str | None],
    *,
    fetched: bool,
) -> int | None:
    """Return the row at a position; where there is none, None if it can be fetched instead."""
    targets = find_targets(table, **names)
    apart = separations(position, targets)  # (n,)
    apart = np.where(targets.has_position, apart, np.inf)
    nearest = int(np.argmin(apart))
    if apart[nearest] <= radius:
        return nearest
    if fetched:
        return None
    raise InputError(
        f"No row within {radius:g} arcsec of {position[0]:.5f} {position[1]:+.5f}; the nearest, "
        f"row {nearest}, is {apart[nearest]:.4g} arcsec away. Pass a larger --match-radius, or a "
        "--source to fetch the galaxy from (match_radius=..., source=... in Python)."
    )


def _unit_vector(embedding: np.ndarray) -> np.ndarray:
    """Return an embedding after a look at its shape and length."""
    vector: np.ndarray = np.ma.filled(
        np.ma.masked_invalid(np.ma.asanyarray(embedding, float)), np.nan
    )
    length = float(np.linalg.norm(vector))
    if vector.ndim != 1 or not abs(length - 1) <= UNIT_TOLERANCE:
        raise InputError(
            f"embedding has shape {vector.shape} and length {length:.4g}, expected one vector of "
            "length 1 without NaN; a row without an embedding cannot be searched with."
        )
    return vector.astype(np.float32)
