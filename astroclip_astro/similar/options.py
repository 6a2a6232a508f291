"""What a similarity search is asked: which galaxy, compared with what, and where data come from."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

from astroclip_astro.columns import MODALITIES
from astroclip_astro.config import DEVICE, MATCH_RADIUS, PRECISION, K
from astroclip_astro.errors import InputError, OptionError, did_you_mean
from astroclip_astro.records import Cutout, Source, Spectrum
from astroclip_astro.search.index import METHODS
from astroclip_astro.zeroshot.reference import Reference

QUERY_KINDS = ("row", "position", "embedding", "image", "spectrum", "id")
PLACES = ("table", "reference")
Image = np.ndarray | Cutout | str | os.PathLike
Flux = np.ndarray | tuple[np.ndarray, np.ndarray] | Spectrum | str | os.PathLike


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryOptions:
    """The galaxy to which others are compared, given by exactly one of six kinds.

    Parameters
    ----------
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
    query : {"image", "spectrum"}, optional
        What of the galaxy is compared; by default what there is, the image first.
    """

    row: int | None = None
    position: SkyCoord | tuple[float, float] | None = None
    embedding: np.ndarray | None = None
    image: Image | None = None
    spectrum: Flux | None = None
    targetid: int | None = None
    id: str | int | None = None
    id_column: str | None = None
    query: str | None = None

    def check(self) -> str:
        """Return the kind of query; options that do not go together raise `InputError`."""
        used = [kind for kind in QUERY_KINDS if getattr(self, kind) is not None]
        if len(used) != 1:
            raise InputError(
                f"Found {' and '.join(used) or 'no query'}, expected exactly one of "
                f"{', '.join(QUERY_KINDS)}."
            )
        check_word(self.query, "query")
        if self.targetid is not None and not isinstance(self.spectrum, str | os.PathLike):
            raise InputError("targetid goes with the file of a spectrum only; leave it out.")
        if self.id_column is not None and self.id is None:
            raise InputError(
                "id_column goes with id only; pass the identifier too, or leave it out."
            )
        return used[0]


@dataclass(frozen=True, kw_only=True)
class MatchOptions:
    """How many galaxies are searched for, and among which.

    Parameters
    ----------
    k : int
        Number of galaxies; all there are where there are fewer.
    target : {"image", "spectrum"}, optional
        Among which embeddings; by default those of the same kind as the query.
    within : {"table", "reference"}
        Where to search.
    reference : str, path or Reference, optional
        Bundled name or file; by default the one of the weights.
    method : {"exact", "approximate"}
        ``approximate`` is for many millions of rows, and needs the extra ``[scale]``.
    """

    k: int = K
    target: str | None = None
    within: str = "table"
    reference: str | os.PathLike | Reference | None = None
    method: str = "exact"

    def check(self) -> None:
        """Refuse options that have no meaning, with `InputError`."""
        check_word(self.within, "within", PLACES)
        check_word(self.method, "method", METHODS)
        check_word(self.target, "target")
        if not isinstance(self.k, int | np.integer) or isinstance(self.k, bool) or self.k < 1:
            raise InputError(f"k is {self.k!r}, expected a whole number of at least 1.")
        if self.within == "table" and self.reference is not None:
            raise InputError(
                "A reference was given, but the search is within the table; leave it out, or "
                "search --in-reference (within='reference' in Python)."
            )


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """What embeds a galaxy that is given, and where one is fetched that the table lacks.

    Parameters
    ----------
    weights : str or path, optional
        Weights that embed images and spectra given; by default those that the table names.
    source : str, path or Source, optional
        Where a galaxy at a position that the table lacks is fetched; by default nowhere.
    ra, dec : str, optional
        Names of the position columns where they cannot be recognised.
    frame : str, optional
        Their frame, where it is not what the table says, else ICRS.
    match_radius : float or Quantity
        Largest distance of a row, or a spectrum, from a position, arcsec.
    device, precision : str
        Where to compute, and how precisely.
    layer, release, jobs, cache, cache_limit
        Of the source, as `astroclip_astro.fetch.open.open_source` has them.
    """

    weights: str | os.PathLike | None = None
    source: str | os.PathLike | Source | None = None
    ra: str | None = None
    dec: str | None = None
    frame: str | None = None
    match_radius: float | u.Quantity = MATCH_RADIUS
    device: str = DEVICE
    precision: str = PRECISION
    layer: str | None = None
    release: str | None = None
    jobs: int | None = None
    cache: str | os.PathLike | None = None
    cache_limit: str | float | u.Quantity | None = None

    def connection(self) -> dict[str, Any]:
        """Return the options of the source; one that is given without a source raises."""
        names = ("layer", "release", "jobs", "cache", "cache_limit")
        options = {name: getattr(self, name) for name in names}
        unused = [name for name, value in options.items() if value is not None]
        if self.source is None and unused:
            words = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
            raise InputError(
                f"{words} goes with a source; pass --source too (source=... in Python)."
            )
        return options


Group = TypeVar("Group", QueryOptions, MatchOptions, DataOptions)


def make_options(group: type[Group], options: dict[str, Any]) -> Group:
    """Return a group of options, given by name.

    Parameters
    ----------
    group : type
        `QueryOptions`, `MatchOptions` or `DataOptions`.
    options : dict
        Options by name; the others have their defaults.

    Raises
    ------
    OptionError
        For an option that the group does not have; it names the nearest.

    Examples
    --------
    >>> make_options(MatchOptions, {"k": 3}).k
    3
    """
    known = names_of(group)
    for name in options:
        if name not in known:
            listed = f"; there are {', '.join(known)}."
            raise OptionError(
                f"{group.__name__} has no option {name!r}{did_you_mean(name, known) or listed}"
            )
    return group(**options)


def split_options(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return options of a similarity search in three groups; unknown ones fall into the last.

    Parameters
    ----------
    options : dict
        Options of `QueryOptions`, `MatchOptions` and `DataOptions`, by name.

    Examples
    --------
    >>> split_options({"row": 5, "k": 3, "source": "demo"})
    ({'row': 5}, {'k': 3}, {'source': 'demo'})
    """
    asked, wanted = (
        {name: options[name] for name in names_of(group) if name in options}
        for group in (QueryOptions, MatchOptions)
    )
    rest = {name: value for name, value in options.items() if name not in asked | wanted}
    return asked, wanted, rest


def names_of(group: type[QueryOptions] | type[MatchOptions] | type[DataOptions]) -> list[str]:
    """Return the names of a group's options."""
    return [field.name for field in fields(group)]


def check_word(value: str | None, option: str, known: tuple[str, ...] = MODALITIES) -> None:
    """Refuse an option's word that is not among the known ones; None passes."""
    if value is not None and value not in known:
        raise InputError(f"{option} is {value!r}, expected {' or '.join(map(repr, known))}.")
