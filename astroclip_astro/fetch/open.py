"""The entry point of ``--source``: a name, an address or a folder becomes a source."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import astropy.units as u

from astroclip_astro.config import SOURCE, conf
from astroclip_astro.errors import InputError, described, did_you_mean
from astroclip_astro.fetch.survey_names import read_layer, read_releases
from astroclip_astro.records import Source
from astroclip_astro.resources import folder
from astroclip_astro.version import __version__

if TYPE_CHECKING:
    from astroclip_astro.fetch.cache import DiskCache, NoCache

__all__ = ["open_source"]

NAMES = ("archive", "demo")
MAX_CONNECTIONS = 16  # more would not be polite
MIN_CACHE_LIMIT = 1_000_000  # bytes: a cache for a few galaxies


@dataclass(frozen=True)
class _ArchiveOptions:
    """What can be chosen of the archives; None where it is left to the settings."""

    layer: str | None
    release: str | None
    jobs: int | None
    cache: str | os.PathLike | None
    cache_limit: str | float | u.Quantity | None

    def check_none(self, source: str) -> None:
        """Refuse options that were given for a source that does not have them."""
        names = [field.name for field in fields(self) if getattr(self, field.name) is not None]
        if names:
            words = ", ".join(f"--{name.replace('_', '-')}" for name in names)
            raise InputError(
                f"{words} goes with the archives, the demo or a server's address only, not with "
                f"source {source!r}; leave it out."
            )


def open_source(
    source: str | os.PathLike | Source = SOURCE,
    *,
    layer: str | None = None,
    release: str | None = None,
    jobs: int | None = None,
    cache: str | os.PathLike | None = None,
    cache_limit: str | float | u.Quantity | None = None,
) -> Source:
    """Open the source that a name, an address or a folder stands for.

    Parameters
    ----------
    source : str, path or Source
        ``"archive"`` (the public archives), ``"demo"`` (the same clients on the bundled
        SIMULATED sky), an address ``http(s)://...`` of a server that speaks the archives'
        protocols, or a folder of cutouts and DESI coadds. A ready-made source passes through.
    layer : str, optional
        Legacy Surveys layer, ``ls-dr9`` by default.
    release : str, optional
        ``DESI-EDR``, ``DESI-DR1`` (the default) or both with a comma, preferred first; ``DR1`` and
        ``edr`` are understood.
    jobs : int, optional
        Connections at a time to each service, 4 by default.
    cache : str or path, optional
        Folder where replies are kept, or ``"none"``. By default astropy's cache folder for this
        package, and none for the demo.
    cache_limit : str, float or Quantity, optional
        Size that the cache may have: ``"20 GB"`` by default; a plain number is GB.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        For a source that there is not, or an option that does not go with it.

    Examples
    --------
    >>> open_source("archive", cache="none").name
    'archive (ls-dr9, DESI-DR1)'
    """
    options = _ArchiveOptions(layer, release, jobs, cache, cache_limit)
    if isinstance(source, str | os.PathLike):
        return _open_text(str(source), options)
    if not isinstance(source, Source):
        raise InputError(
            f"source is {described(source)}, none of 'archive', 'demo', an address http(s)://..., "
            "a folder, or an object with the methods of astroclip_astro.records.Source; without "
            "source the public archives are asked."
        )
    options.check_none(type(source).__name__)
    return source


def _open_text(text: str, options: _ArchiveOptions) -> Source:
    """Open the archives or the demo by name, a server by its address, or a folder by its path."""
    if re.match("https?:", text, re.IGNORECASE):
        check_address(text)
        return _open_archive(text, options)
    if text in NAMES:
        return _open_archive(text, options)
    _check_folder(text)
    options.check_none(text)
    from astroclip_astro.fetch.local import (
        LocalSource,  # readers of images and spectra are loaded here
    )

    local = LocalSource(text)
    local.contents()
    return local


def _check_folder(text: str) -> None:
    """Refuse a path that leads to no folder."""
    if not text:
        raise InputError(
            "Source is empty, expected 'archive', 'demo', an address http(s)://... or the folder "
            "that holds your cutouts and DESI coadds."
        )
    if not Path(text).is_dir():
        found = "a file" if Path(text).exists() else "nothing"
        near = did_you_mean(text, NAMES)
        if not near and re.match(r"www\.|localhost\b|[\w.-]+:\d+", text):
            near = f"; did you mean 'http://{text}'?"
        raise InputError(
            f"Source {text!r}: found {found} there, expected 'archive', 'demo', an address "
            "http(s)://... or the folder that holds your cutouts and DESI coadds"
            f"{near or '; check the path.'}"
        )


def check_address(text: str) -> None:
    """Refuse an address that names no server."""
    try:
        parts = urlsplit(text)
        missing = "" if parts.hostname else "it names no server"
        _ = parts.port
    except ValueError as error:
        missing = str(error)
    if missing:
        raise InputError(
            f"Source {text!r} is no address: {missing}, expected one such as "
            "http://127.0.0.1:8000 or https://archive.example/survey."
        )


def _open_archive(source: str, options: _ArchiveOptions) -> Source:
    """Open the archives, or what speaks as they do."""
    from astroclip_astro.fetch.archive import (
        ArchiveSource,  # astroquery is loaded here, not for local files
    )

    open_at = partial(
        ArchiveSource.at,
        layer=read_layer(conf.layer if options.layer is None else options.layer),
        releases=read_releases(conf.release if options.release is None else options.release),
        connections=_connections(conf.jobs if options.jobs is None else options.jobs),
        cache=_cache(options.cache, options.cache_limit, kept=source != "demo"),
    )
    if source == "archive":
        return open_at()
    if source != "demo":
        return open_at(source)
    from astroclip_astro.standin import Standin

    server = Standin()
    return open_at(
        server.url,
        name="demo, SIMULATED sky",
        identity=f"demo {__version__} {folder('catalogs')}",
        server=server,
    )


def _connections(jobs: int) -> int:
    """Return a number of connections, or raise."""
    if not isinstance(jobs, int) or isinstance(jobs, bool) or not 1 <= jobs <= MAX_CONNECTIONS:
        raise InputError(f"jobs is {jobs!r}, expected a whole number from 1 to {MAX_CONNECTIONS}.")
    return jobs


def _cache(
    cache: str | os.PathLike | None, limit: str | float | u.Quantity | None, *, kept: bool
) -> DiskCache | NoCache:
    """Return the cache that the options name."""
    from astroclip_astro.fetch.cache import NO_CACHE, DiskCache, default_folder

    size = _bytes(conf.cache_limit if limit is None else limit)
    if cache is None:
        return DiskCache(default_folder(), limit=size) if kept else NO_CACHE
    if str(cache).lower() == "none":
        return NO_CACHE
    try:
        if not isinstance(cache, str | os.PathLike) or not str(cache):
            raise ValueError("expected a folder or none")
        return DiskCache(Path(cache).expanduser(), limit=size)
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"Cache {str(cache)[:60]!r} cannot be used ({reason}); pass another folder with "
            "--cache, or --cache none (cache=... in Python)."
        ) from None


def _bytes(limit: str | float | u.Quantity) -> int:
    """Return a size in bytes; a plain number is GB."""
    try:
        quantity = u.Quantity(limit)
        quantity = quantity * u.GB if quantity.unit == u.dimensionless_unscaled else quantity
        size = float(quantity.to_value(u.byte))
    except (TypeError, ValueError, u.UnitConversionError):
        size = float("nan")
    if not MIN_CACHE_LIMIT <= size < float("inf"):
        raise InputError(
            f"cache_limit is {limit!r}, expected a size of at least 1 MB such as '20 GB'."
        )
    return int(size)
