"""Which DESI spectra match each row, asked of SPARCL in as few queries as will do."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from astropy.coordinates import angular_separation

from astroclip_astro.fetch.cache import DiskCache, NoCache
from astroclip_astro.fetch.sky_groups import Group, neighbours
from astroclip_astro.fetch.sparcl import SparclClass
from astroclip_astro.fetch.sparcl.record import SpectrumRecord
from astroclip_astro.fetch.transport import BadReplyError
from astroclip_astro.records import Targets

TARGETIDS_A_QUERY = 100
ROUNDING = 1e-6  # arcsec: rounding must not lose a match at exactly the radius
Ask = tuple  # ("near", ra, dec, radius) or ("targetid", number): what one row asks
RequestAll = Callable[[Callable, Sequence, Callable, str], None]


@dataclass(frozen=True)
class Match:
    """The spectrum chosen for a row.

    Parameters
    ----------
    record : SpectrumRecord
        The best of those that match.
    separation : float
        Arcsec from the row's position, NaN where it has none.
    matches : int
        How many spectra of the same release match.
    """

    record: SpectrumRecord
    separation: float
    matches: int


class SpectrumSearch:
    """Finds each row's spectrum by position or TARGETID; answers are kept, failures are not.

    Parameters
    ----------
    sparcl : SparclClass
        The client.
    cache : DiskCache or NoCache
        Where answers are kept.
    identity : str
        What the cache calls the service.

    Examples
    --------
    >>> from astroclip_astro.fetch.cache import NO_CACHE
    >>> search = SpectrumSearch(SparclClass(), NO_CACHE, "sparcl")
    >>> search.keys(Targets(np.array([10.0]), np.array([2.0]), np.array([7]), np.array([True])), 1)
    [('sparcl', 'find', 'DESI-DR1', 'targetid', 7)]
    """

    def __init__(self, sparcl: SparclClass, cache: DiskCache | NoCache, identity: str) -> None:
        self.sparcl, self.cache, self.identity = sparcl, cache, identity

    def keys(self, targets: Targets, radius: float) -> list[tuple]:
        """Return what the cache calls each row's question.

        Parameters
        ----------
        targets : Targets
            Rows, n.
        radius : float
            Arcsec.

        Returns
        -------
        list of tuple
            Equal for rows that ask the same.
        """
        return [
            (self.identity, "find", ",".join(self.sparcl.releases), *question)
            for question in self._questions(targets, radius)
        ]

    def cached(self, key: tuple) -> list[SpectrumRecord] | None:
        """Return the spectra that the cache knows to answer a question, None where it does not."""
        content = self.cache.get(key)
        if content is None:
            return None
        try:
            lines = json.loads(content)
            if isinstance(lines, list):
                return [SpectrumRecord(**line) for line in lines]
        except (ValueError, TypeError):
            pass  # of another version of this package, as anything else that is no list
        self.cache.remove(key)
        return None

    def find(
        self, targets: Targets, radius: float, request_all: RequestAll
    ) -> list[Match | BadReplyError | None]:
        """Find the spectrum of every row.

        Parameters
        ----------
        targets : Targets
            Rows, n. One with a TARGETID matches that and nothing else, wherever it is.
        radius : float
            Match radius, arcsec, inclusive.
        request_all : callable
            Calls a function for many items, several at a time: `ArchiveSource.gather`.

        Returns
        -------
        list of Match, None or BadReplyError
            None where there is no spectrum; the error where the archive did not say.
        """
        questions, keys = self._questions(targets, radius), self.keys(targets, radius)
        answers: dict[Ask, list[SpectrumRecord] | BadReplyError] = {}
        for question, key in zip(questions, keys, strict=True):
            if question not in answers and (known := self.cached(key)) is not None:
                answers[question] = known
        open_ones = {q: k for q, k in zip(questions, keys, strict=True) if q not in answers}

        def settle(asked: list[Ask], records: list[SpectrumRecord] | BadReplyError) -> None:
            for question in asked:
                if isinstance(records, BadReplyError):
                    answers[question] = records
                else:
                    answers[question] = found = [r for r in records if _answers(r, question)]
                    lines = json.dumps([asdict(record) for record in found])
                    self.cache.put(open_ones[question], lines.encode())

        self._ask([q for q in open_ones if q[0] == "near"], settle, request_all, radius)
        self._ask_targetids([q for q in open_ones if q[0] == "targetid"], settle, request_all)
        return [
            self._select(answers[question], float(targets.ra[row]), float(targets.dec[row]))
            for row, question in enumerate(questions)
        ]

    def _ask(
        self, asked: list[Ask], receive: Callable, request_all: RequestAll, radius: float
    ) -> None:
        """Query a box for every group of positions."""
        ra, dec = np.array([question[1:3] for question in asked], float).reshape(-1, 2).T

        def query(group: Group) -> list[SpectrumRecord]:
            return self.sparcl.query_box(group.ra_low, group.ra_high, group.dec_low, group.dec_high)

        request_all(
            query,
            neighbours(ra, dec, radius / 3600),
            lambda group, found: receive([asked[i] for i in group.rows], found),
            "searching spectra",
        )

    def _ask_targetids(self, asked: list[Ask], receive: Callable, request_all: RequestAll) -> None:
        """Query blocks of TARGETIDs."""
        blocks = [asked[i : i + TARGETIDS_A_QUERY] for i in range(0, len(asked), TARGETIDS_A_QUERY)]
        request_all(
            lambda block: self.sparcl.query_targetids([question[1] for question in block]),
            blocks,
            receive,
            "searching spectra",
        )

    def _questions(self, targets: Targets, radius: float) -> list[Ask]:
        """Return what each row asks."""
        return [
            ("targetid", int(targets.targetid[row]))
            if targets.has_targetid[row]
            else ("near", float(targets.ra[row]), float(targets.dec[row]), float(radius))
            for row in range(len(targets))
        ]

    def _select(
        self, records: list[SpectrumRecord] | BadReplyError, ra: float, dec: float
    ) -> Match | BadReplyError | None:
        """Choose among the spectra that match: primary, nearest, preferred release."""
        if isinstance(records, BadReplyError):
            return records
        if not records:
            return None
        apart = [_separation(record, ra, dec) for record in records]

        def rank(i: int) -> tuple:
            near = round(float(np.nan_to_num(apart[i])), 1)
            release = self.sparcl.releases.index(records[i].release)
            return (not records[i].specprimary, near, release, records[i].sparcl_id)

        best = min(range(len(records)), key=rank)
        chosen = records[best]
        alike = sum(record.release == chosen.release for record in records)
        return Match(chosen, apart[best], alike)


def _separation(record: SpectrumRecord, ra: float, dec: float) -> float:
    """Return the distance of a record's target from a position, arcsec."""
    place = np.radians([ra, dec, record.ra, record.dec])
    return float(np.degrees(angular_separation(*place)) * 3600)


def _answers(record: SpectrumRecord, question: Ask) -> bool:
    """Say whether a spectrum is what a row asks for."""
    if question[0] == "targetid":
        return record.targetid == question[1]
    _, ra, dec, radius = question
    return _separation(record, ra, dec) <= radius + ROUNDING
