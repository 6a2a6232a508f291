"""The public archives as a source: Legacy Surveys cutouts and DESI spectra by position."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Protocol

from astroclip_astro.config import conf
from astroclip_astro.fetch.archive_images import ArchiveImages
from astroclip_astro.fetch.archive_spectra import ArchiveSpectra
from astroclip_astro.fetch.bad_reply import UnreachableError
from astroclip_astro.fetch.cache import NO_CACHE, DiskCache, NoCache
from astroclip_astro.fetch.connections import in_parallel
from astroclip_astro.fetch.first_contact import describe_unreachable
from astroclip_astro.fetch.legacy_survey import LegacySurveyClass
from astroclip_astro.fetch.sparcl import SparclClass
from astroclip_astro.fetch.transport import BadReplyError, Transport
from astroclip_astro.records import Cutout, MissingData, Spectrum, Targets


class Closeable(Protocol):
    """Something that can be closed."""

    def close(self) -> None:
        """Let go of what it holds."""


class ArchiveSource:
    """The Legacy Surveys viewer and SPARCL, or servers that speak as they do; a `records.Source`.

    What is asked for twice is fetched once. Every reply is checked against its request before
    anything is taken from it. Failures become gaps and are never kept in the cache.

    Parameters
    ----------
    viewer : LegacySurveyClass
        Where cutouts come from.
    sparcl : SparclClass
        Where spectra come from.
    name : str
        What headers and messages call it.
    cache : DiskCache or NoCache
        Where replies are kept.
    connections : int
        Requests at a time.
    identity : str, optional
        What the cache calls the servers; by default their addresses.
    server : object, optional
        A server of our own behind the clients, closed with the source.
    tap_url : str, optional
        Address of the TAP service that has the catalogue of these spectra; by default
        ``conf.tap_url``.

    Attributes
    ----------
    note : callable
        Called after each reply with what is being done, how many replies there are, and how many
        there will be.

    Examples
    --------
    >>> import numpy as np
    >>> from astroclip_astro import standin
    >>> here = Targets(np.array([0.0]), np.array([-5.0]), np.zeros(1, int), np.zeros(1, bool))
    >>> with standin.serve() as url:  # simulated
    ...     source = ArchiveSource.at(url)
    ...     cutout, = source.cutouts(here, 96)
    ...     source.close()
    >>> cutout.image.shape, cutout.complete
    ((3, 96, 96), True)
    """

    problems = ()

    def __init__(
        self,
        viewer: LegacySurveyClass,
        sparcl: SparclClass,
        *,
        name: str,
        cache: DiskCache | NoCache = NO_CACHE,
        connections: int = 4,
        identity: str | None = None,
        server: Closeable | None = None,
        tap_url: str | None = None,
    ) -> None:
        self.viewer, self.sparcl, self.name = viewer, sparcl, name
        self._server = server
        self.tap_url = tap_url or conf.tap_url
        self.cache, self.connections = cache, connections
        self.note: Callable[[str, int, int], object] = lambda words, done, total: None
        self._asked: dict[str, Transport] = {}  # by modality
        self._images = ArchiveImages(viewer, cache, identity or viewer.transport.url)
        self._spectra = ArchiveSpectra(sparcl, cache, identity or sparcl.transport.url)

    @property
    def identity(self) -> str:
        """What decides the data besides the options: where they come from."""
        return f"{self._images.identity} {self._spectra.identity}"

    @property
    def caches(self) -> bool:
        """Whether what was fetched is there for the next run."""
        return self.cache.folder is not None

    def start_run(self, modality: Sequence[str]) -> None:
        """Note what will be asked for, and forget which hosts could not be reached before.

        Parameters
        ----------
        modality : sequence of str
            ``image``, ``spectrum`` or both.
        """
        transports = {"image": self.viewer.transport, "spectrum": self.sparcl.transport}
        self._asked = {name: transports[name] for name in modality}
        for transport in self._asked.values():
            if transport.contact.failure is not None:
                transport.contact.reset()

    @property
    def unreachable(self) -> str:
        """Which hosts were asked and cannot be reached, and why; empty where all can."""
        return describe_unreachable(self._failures())

    @property
    def offline(self) -> bool:
        """Whether none of the hosts that are asked can be reached."""
        return bool(self._asked) and len(self._failures()) == len(self._asked)

    def _failures(self) -> list[UnreachableError]:
        """Return why services cannot be reached, those that can left out."""
        failures = (transport.contact.failure for transport in self._asked.values())
        return [failure for failure in failures if failure is not None]

    @classmethod
    def at(
        cls,
        url: str | None = None,
        *,
        layer: str = "ls-dr9",
        releases: Sequence[str] = ("DESI-DR1",),
        connections: int = 4,
        name: str | None = None,
        **options: Any,
    ) -> ArchiveSource:
        """Make a source of the archives, or of a server that speaks their protocols.

        Parameters
        ----------
        url : str, optional
            Address below which ``viewer/fits-cutout``, ``api`` and ``tap`` are; the archives by
            default.
        layer : str
            Legacy Surveys layer.
        releases : sequence of str
            DESI data releases, preferred first.
        connections : int
            Requests at a time to each service.
        name : str, optional
            What headers and messages call it.
        **options
            As the class has them.

        Returns
        -------
        ArchiveSource

        Raises
        ------
        InputError
            For an address, layer or release that cannot be one.
        """
        base = None if url is None else url.rstrip("/")
        viewer_url = conf.viewer_url if base is None else f"{base}/viewer"
        sparcl_url = conf.sparcl_url if base is None else f"{base}/api"
        viewer = LegacySurveyClass(Transport(viewer_url, connections=connections), layer=layer)
        sparcl = SparclClass(
            Transport(sparcl_url, connections=connections), releases=tuple(releases)
        )
        name = f"{name or url or 'archive'} ({layer}, {', '.join(releases)})"
        options["tap_url"] = None if base is None else f"{base}/tap"
        return cls(viewer, sparcl, name=name, connections=connections, **options)

    def cutouts(self, targets: Targets, size: int) -> list[Cutout | MissingData]:
        """Return a cutout or a gap for every row.

        Parameters
        ----------
        targets : Targets
            Rows, n, all with positions.
        size : int
            Side, native pixels.

        Returns
        -------
        list of Cutout or Gap
            One a row; rows at one position share theirs.

        Raises
        ------
        SourceError
            Where the viewer does not answer at all.
        InputError
            Where it does not have the layer.
        OutputError
            Where the cache cannot be written.
        """
        return self._images.cutouts(targets, size, partial(self.request_all, self.viewer.transport))

    def spectra(self, targets: Targets, radius: float) -> list[Spectrum | MissingData]:
        """Return a spectrum or a gap for every row.

        Parameters
        ----------
        targets : Targets
            Rows, n. One with a TARGETID gets a spectrum of that or none, wherever it is.
        radius : float
            Match radius, arcsec, inclusive.

        Returns
        -------
        list of Spectrum or Gap
            One a row. Of several spectra that match: primary ones first, then the nearest (to
            0.1 arcsec), then the release named first.

        Raises
        ------
        SourceError, OutputError
            As `cutouts`.
        """
        return self._spectra.spectra(
            targets, radius, partial(self.request_all, self.sparcl.transport)
        )

    def preview(
        self, targets: Targets, *, modality: Sequence[str], radius: float, size: int
    ) -> list[str]:
        """Return lines that say what is cached already for some rows; nothing is fetched."""
        place = f"cache {self.cache.folder}" if self.caches else "no cache"
        lines = [f"{self.name}, {self.connections} connections, {place}"]
        if "spectrum" in modality:
            lines.append(self._spectra.preview(targets, radius))
        if "image" in modality:
            lines.append(self._images.preview(targets, size))
        return lines

    def close(self) -> None:
        """Close the connections, and the server where it is ours."""
        for client in (self.viewer, self.sparcl):
            client.transport.session.close()
        if self._server is not None:
            self._server.close()

    def request_all(
        self,
        transport: Transport,
        ask: Callable[[Any], Any],
        items: Sequence,
        receive: Callable[[Any, Any], None],
        what: str,
    ) -> None:
        """Ask for every item, several at a time, and hand over the answers as they come.

        Whatever ends this before its time, Ctrl-C for one, also ends the waits of requests that
        are under way, and begins no more.

        Parameters
        ----------
        transport : Transport
            Network of the client that is asked.
        ask : callable
            Called with an item, in a thread.
        items : sequence
            What to ask for.
        receive : callable
            Called here with each item and its answer or `BadReplyError`.
        what : str
            What is being done, for `note`.

        Raises
        ------
        Exception
            What ``ask`` or ``receive`` raised, other than `BadReplyError`.
        """
        transport.begin()
        if items:  # all hosts at once: together they take no longer than one
            for other in self._asked.values():
                other.look_ahead()
        try:
            with closing(in_parallel(ask, items, connections=self.connections)) as answers:
                for count, (item, answer) in enumerate(answers, 1):
                    if isinstance(answer, Exception) and not isinstance(answer, BadReplyError):
                        raise answer
                    receive(item, answer)
                    self.note(what, count, len(items))
        except BaseException:
            transport.interrupt()
            raise
