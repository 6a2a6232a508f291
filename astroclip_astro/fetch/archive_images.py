"""Cutouts for rows: from the cache where they are kept, else from the viewer, each place once."""

from __future__ import annotations

from collections.abc import Callable

from astroclip_astro.fetch.cache import DiskCache, NoCache
from astroclip_astro.fetch.footprint import outside
from astroclip_astro.fetch.legacy_survey import LegacySurveyClass, read_image
from astroclip_astro.fetch.transport import BadReplyError
from astroclip_astro.flags import Flag
from astroclip_astro.records import Cutout, MissingData, Targets

CHECKS = 1  # number of the checks that a reply in the cache has passed; new checks, new number
Place = tuple[float, float]  # RA and Dec, degrees


class ArchiveImages:
    """The images of the archives.

    Parameters
    ----------
    viewer : LegacySurveyClass
        The client.
    cache : DiskCache or NoCache
        Where replies are kept.
    identity : str
        What the cache calls the service.

    Examples
    --------
    >>> import numpy as np
    >>> from astroclip_astro.fetch.cache import NO_CACHE
    >>> images = ArchiveImages(LegacySurveyClass(), NO_CACHE, "viewer")
    >>> plane = Targets(np.array([280.0]), np.array([-5.0]), np.zeros(1, int), np.zeros(1, bool))
    >>> images.cutouts(plane, 96, request_all=lambda *_: None)[0].reason
    'outside the imaging of ls-dr9, by an approximate map'
    """

    def __init__(
        self, viewer: LegacySurveyClass, cache: DiskCache | NoCache, identity: str
    ) -> None:
        self.viewer, self.cache = viewer, cache
        self.identity = f"{identity} {viewer.layer}"

    def cutouts(
        self, targets: Targets, size: int, request_all: Callable
    ) -> list[Cutout | MissingData]:
        """Return a cutout or a gap for every row; see `ArchiveSource.cutouts`.

        Parameters
        ----------
        targets : Targets
            Rows, n, all with positions.
        size : int
            Side, native pixels.
        request_all : callable
            `ArchiveSource.gather`: asks for many things, several at a time.

        Returns
        -------
        list of Cutout or Gap
            Rows at one position share theirs.
        """
        places = _places(targets)
        answers = self._far_away(targets)
        empty = MissingData(Flag.NO_IMAGE, f"{self.identity}: no data at this position")
        for place in set(places) - set(answers):
            content = self.cache.get(self._key(place, size))
            if content is None:
                continue
            try:
                cutout = read_image(content, *place, size, origin=f"cache of {self.identity}")
            except BadReplyError:  # not ours, whoever wrote it
                self.cache.remove(self._key(place, size))
            else:
                answers[place] = cutout or empty

        def receive(place: Place, answer: tuple[Cutout | None, bytes] | BadReplyError) -> None:
            if isinstance(answer, BadReplyError):
                answers[place] = MissingData(Flag.NO_IMAGE | Flag.SOURCE_FAILED, str(answer))
                return
            cutout, content = answer
            answers[place] = cutout or empty
            self.cache.put(self._key(place, size), content)

        def ask(place: Place) -> tuple[Cutout | None, bytes]:
            ra, dec = place
            return self.viewer.get_cutout(ra, dec, size)

        waiting = [place for place in dict.fromkeys(places) if place not in answers]
        request_all(ask, waiting, receive, "fetching images")
        return [answers[place] for place in places]

    def preview(self, targets: Targets, size: int) -> str:
        """Return a line that says how many of the images are cached.

        Parameters
        ----------
        targets : Targets
            Rows; those without position are left out.
        size : int
            Side, native pixels.

        Returns
        -------
        str
        """
        asking = targets[targets.has_position]
        places = set(_places(asking))
        far = self._far_away(asking)
        done = sum(self._key(place, size) in self.cache for place in places - set(far))
        return (
            f"images      {done:,} of {len(places) - len(far):,} cached; outside the imaging, "
            f"nothing to ask: {len(far):,}"
        )

    def _far_away(self, targets: Targets) -> dict[Place, Cutout | MissingData]:
        """Return the answers of the places that are certainly outside the imaging."""
        far = outside(self.viewer.layer, targets.ra, targets.dec)
        reason = f"outside the imaging of {self.viewer.layer}, by an approximate map"
        gap = MissingData(Flag.NO_IMAGE | Flag.OUTSIDE_IMAGING, reason)
        return dict.fromkeys(_places(targets[far]), gap)

    def _key(self, place: Place, size: int) -> tuple:
        """Return what the cache calls a cutout."""
        return (self.identity, "cutout", CHECKS, *place, size)


def _places(targets: Targets) -> list[Place]:
    """Return the positions of rows."""
    return list(zip(targets.ra.tolist(), targets.dec.tolist(), strict=True))
