"""What is searched with: a row, a position, an embedding, an image or a spectrum as a vector."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table

from astroclip_astro.columns import MODALITIES, PREFIX
from astroclip_astro.config import MATCH_RADIUS
from astroclip_astro.errors import CatalogueError, InputError, SourceError
from astroclip_astro.fetch.files.one_galaxy import read_one_cutout, read_one_spectrum
from astroclip_astro.flags import Flag
from astroclip_astro.records import Cutout, MissingData, Source, Spectrum, Targets
from astroclip_astro.search.exact import UNIT_TOLERANCE
from astroclip_astro.sky import find_targets
from astroclip_astro.sky.arguments import check_row, check_table
from astroclip_astro.sky.identifiers import find_row
from astroclip_astro.sky.position import read_position, separations

if TYPE_CHECKING:
    from astroclip_astro.models.model import Model


QUERY_KINDS = ("row", "position", "embedding", "image", "spectrum", "id")
Image = np.ndarray | Cutout | str | os.PathLike
Flux = np.ndarray | tuple[np.ndarray, np.ndarray] | Spectrum | str | os.PathLike


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


def check_word(value: str | None, option: str, known: tuple[str, ...] = MODALITIES) -> str | None:
    """Return an option's word; another than the known ones raises, None passes."""
    if value is not None and value not in known:
        raise InputError(f"{option} is {value!r}, expected {' or '.join(map(repr, known))}.")
    return value


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
    row: int | None = None,
    *,
    position: SkyCoord | tuple[float, float] | None = None,
    embedding: np.ndarray | None = None,
    image: Image | None = None,
    spectrum: Flux | None = None,
    targetid: int | None = None,
    id: str | int | None = None,
    id_column: str | None = None,
    modality: str | None = None,
    match_radius: float = MATCH_RADIUS,
    ra: str | None = None,
    dec: str | None = None,
    model: Callable[[], Model],
    source: Callable[[], Source] | None = None,
) -> Query:
    """Make a query of any kind.

    Parameters
    ----------
    table : Table
        The table with embeddings.
    row, position, embedding, image, spectrum, targetid, id, id_column
        As `astroclip_astro.similar.similar.similar` has them; one of the first five, or ``id``.
    modality : {"image", "spectrum"}, optional
        What of the galaxy is compared; by default what there is, the image first.
    match_radius : float
        Largest distance of a row from the position, arcsec.
    ra, dec : str, optional
        Names of the position columns.
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
    given = [row, position, embedding, image, spectrum, id]
    used = [kind for kind, value in zip(QUERY_KINDS, given, strict=True) if value is not None]
    if len(used) != 1:
        raise InputError(
            f"Found {' and '.join(used) or 'no query'}, expected exactly one of "
            f"{', '.join(QUERY_KINDS)}."
        )
    check_word(modality, "query")
    if targetid is not None and not isinstance(spectrum, str | os.PathLike):
        raise InputError("targetid goes with the file of a spectrum only; leave it out.")
    if id_column is not None and id is None:
        raise InputError("id_column goes with id only; pass the identifier too, or leave it out.")
    if id is not None:
        row, name = find_row(table, id, column=id_column)
        return _by_row(table, row, modality, f"{name} {id} (row {row})")
    if row is not None:
        return _by_row(table, row, modality, f"row {row}")
    if position is not None:
        coordinates = read_position(position)
        words = f"position {coordinates[0]:.5f} {coordinates[1]:+.5f}"
        near = _nearest_row(table, coordinates, match_radius, ra, dec, fetched=source is not None)
        if near is not None:
            return _by_row(table, near, modality, f"{words} (row {near})", position=coordinates)
        return _fetched(source(), coordinates, modality, match_radius, model(), words)
    if embedding is not None:
        return Query(_unit_vector(embedding), modality, "an embedding")
    if modality not in (None, used[0]):
        raise InputError(f"query is {modality!r}, but by {used[0]} was asked; leave query out.")
    if image is not None:
        return _by_image(image, model())
    return _by_spectrum(spectrum, targetid, model())


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
    return _embedded(model.embed_images(pixels[None])[0], "image", words, image=pixels)


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
    if flux.ndim != 1 or (ivar is not None and np.shape(ivar) != flux.shape):
        raise InputError(
            f"spectrum has shape {flux.shape} (ivar {np.shape(ivar)}), expected flux, or (flux, "
            "ivar), of 7781 samples."
        )
    weight = None if ivar is None else np.ma.filled(np.asanyarray(ivar, float), 0)
    vector = model.embed_spectra(flux[None], None if weight is None else weight[None])[0]
    return _embedded(vector, "spectrum", words, flux=flux, ivar=weight)


def _embedded(vector: np.ndarray, modality: str, words: str, **data: object) -> Query:
    """Return the query of what was just embedded, unless it was empty."""
    if not np.isfinite(vector).all():
        raise InputError(
            f"Nothing is in the {modality} ({words}): no data, or one value everywhere; give "
            "another."
        )
    return Query(vector, modality, words, **data)


def _fetched(
    source: Source,
    position: tuple[float, float],
    modality: str | None,
    radius: float,
    model: Model,
    words: str,
) -> Query:
    """Return the query of what a source has at a position."""
    ra, dec = (np.array([value]) for value in position)
    target = Targets(ra, dec, np.zeros(1, np.int64), np.zeros(1, bool))
    reasons, failed = [], False
    words = f"{words} from {source.name}"
    for name in MODALITIES if modality is None else (modality,):
        if name == "image":
            (answer,) = source.cutouts(target, model.config.image_size)
        else:
            (answer,) = source.spectra(target, radius)
        if isinstance(answer, MissingData):
            reasons.append(f"{name}: {answer.reason}")
            failed |= bool(answer.flag & Flag.SOURCE_FAILED)
        else:
            if name == "image":
                found = _by_image(answer, model)
            else:
                found = _by_spectrum(answer, None, model)
            return replace(found, description=words, position=position)
    found = f"{words} ({'; '.join(reasons)})"
    if failed:
        raise SourceError(f"The source has failed at the {found}; check the network, try again.")
    raise InputError(f"Nothing at the {found}; check the position.")


def _nearest_row(
    table: Table,
    position: tuple[float, float],
    radius: float,
    ra: str | None,
    dec: str | None,
    *,
    fetched: bool,
) -> int | None:
    """Return the row at a position; where there is none, None if it can be fetched instead."""
    from astroclip_astro.sky.position import arcseconds

    radius = arcseconds(radius)
    targets = find_targets(table, ra=ra, dec=dec)
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
    vector = np.ma.filled(np.ma.masked_invalid(np.ma.asanyarray(embedding, float)), np.nan)
    length = np.linalg.norm(vector)
    if vector.ndim != 1 or not abs(length - 1) <= UNIT_TOLERANCE:
        raise InputError(
            f"embedding has shape {vector.shape} and length {length:.4g}, expected one vector of "
            "length 1 without NaN; a row without an embedding cannot be searched with."
        )
    return vector.astype(np.float32)
