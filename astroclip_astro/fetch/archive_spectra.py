"""Spectra for rows: found, then from the cache where they are kept, else from SPARCL in blocks."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from astroclip_astro.fetch.cache import DiskCache, NoCache
from astroclip_astro.fetch.sparcl import SparclClass
from astroclip_astro.fetch.sparcl.record import SpectrumRecord
from astroclip_astro.fetch.spectrum_search import Match, SpectrumSearch
from astroclip_astro.fetch.transport import BadReplyError
from astroclip_astro.flags import Flag
from astroclip_astro.records import WAVELENGTH, MissingData, Spectrum, Targets

CHECKS = 1  # number of the checks that a reply in the cache has passed; new checks, new number
SPECTRA_A_REQUEST = 25  # a few MB as they come
# DESI's redshift warnings that speak of the fibre: unplugged, bad target, no data, poor data.
FIBRE_WARNINGS = 1 << 7 | 1 << 8 | 1 << 9 | 1 << 11


class ArchiveSpectra:
    """The spectra of the archives.

    Parameters
    ----------
    sparcl : SparclClass
        The client.
    cache : DiskCache or NoCache
        Where replies are kept.
    identity : str
        What the cache calls the service.

    Examples
    --------
    >>> from astroclip_astro.fetch.cache import NO_CACHE
    >>> spectra = ArchiveSpectra(SparclClass(), NO_CACHE, "sparcl")
    >>> here = Targets(np.array([0.0]), np.array([-5.0]), np.zeros(1, int), np.zeros(1, bool))
    >>> spectra.preview(here, 1.0)
    'spectra     0 of 1 cached'
    """

    def __init__(self, sparcl: SparclClass, cache: DiskCache | NoCache, identity: str) -> None:
        self.sparcl, self.cache, self.identity = sparcl, cache, identity
        self._search = SpectrumSearch(sparcl, cache, identity)

    def spectra(
        self, targets: Targets, radius: float, request_all: Callable
    ) -> list[Spectrum | MissingData]:
        """Return a spectrum or a gap for every row; see `ArchiveSource.spectra`.

        Parameters
        ----------
        targets : Targets
            Rows, n.
        radius : float
            Match radius, arcsec, inclusive.
        request_all : callable
            `ArchiveSource.gather`: asks for many things, several at a time.

        Returns
        -------
        list of Spectrum or Gap
            One a row.
        """
        matches = self._search.find(targets, radius, request_all)
        wanted = {m.record.sparcl_id: m.record for m in matches if isinstance(m, Match)}
        arrays, reasons = self._fetch(wanted, request_all)
        releases = ", ".join(self.sparcl.releases)
        nothing = MissingData(
            Flag.NO_SPECTRUM,
            f"no spectrum in {releases} within {radius:g} arcsec or of this TARGETID",
        )
        failed = Flag.NO_SPECTRUM | Flag.SOURCE_FAILED
        answers: list[Spectrum | MissingData] = []
        keys = self._search.keys(targets, radius)
        for match, key in zip(matches, keys, strict=True):
            if match is None:
                answers.append(nothing)
            elif isinstance(match, BadReplyError):
                answers.append(MissingData(failed, str(match)))
            elif match.record.sparcl_id in arrays:
                answers.append(self._spectrum(match, *arrays[match.record.sparcl_id]))
            else:
                self.cache.remove(key)  # perhaps found in the cache, and gone from the archive
                answers.append(MissingData(failed, reasons[match.record.sparcl_id]))
        return answers

    def preview(self, targets: Targets, radius: float) -> str:
        """Return a line that says for how many questions the whole answer is cached.

        Parameters
        ----------
        targets : Targets
            Rows; those with neither position nor TARGETID are left out.
        radius : float
            Match radius, arcsec.

        Returns
        -------
        str
        """
        keys = set(self._search.keys(targets[targets.good], radius))
        done = 0
        for key in keys:
            found = self._search.cached(key)
            if found is not None:
                best = [record for record in found if record.specprimary] or found
                done += not best or any(self._key(r.sparcl_id) in self.cache for r in best)
        return f"spectra     {done:,} of {len(keys):,} cached"

    def _fetch(
        self, wanted: dict[str, SpectrumRecord], request_all: Callable
    ) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], dict[str, str]]:
        """Return flux and inverse variance by sparcl_id, and why the others are not there."""
        arrays: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        reasons: dict[str, str] = {}
        for name in wanted:
            if (pair := self._cached(name)) is not None:
                arrays[name] = pair
        waiting = [record for name, record in wanted.items() if name not in arrays]
        blocks = [
            waiting[i : i + SPECTRA_A_REQUEST] for i in range(0, len(waiting), SPECTRA_A_REQUEST)
        ]

        def receive(block: list[SpectrumRecord], answer: tuple[dict, dict] | BadReplyError) -> None:
            if isinstance(answer, BadReplyError):
                reasons.update((record.sparcl_id, str(answer)) for record in block)
                return
            delivered, missing = answer
            arrays.update(delivered)
            reasons.update(missing)
            for name, pair in delivered.items():
                content = io.BytesIO()
                np.save(content, np.stack(pair), allow_pickle=False)  # (2, 7781)
                self.cache.put(self._key(name), content.getvalue())

        request_all(self.sparcl.get_spectra, blocks, receive, "fetching spectra, request")
        return arrays, reasons

    def _cached(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Return a spectrum from the cache, None where there is none or something else."""
        content = self.cache.get(self._key(name))
        if content is None:
            return None
        try:
            pair = np.load(io.BytesIO(content), allow_pickle=False)  # (2, 7781)
        except (ValueError, OSError, EOFError):
            pair = np.zeros(0)
        if pair.shape == (2, len(WAVELENGTH)) and pair.dtype == np.float32:
            return pair[0], pair[1]
        self.cache.remove(self._key(name))
        return None

    def _spectrum(self, match: Match, flux: np.ndarray, ivar: np.ndarray) -> Spectrum:
        """Return the record of a chosen spectrum."""
        record = match.record
        return Spectrum(
            flux=flux,
            ivar=ivar,
            targetid=record.targetid,
            ra=record.ra,
            dec=record.dec,
            separation=match.separation,
            good_fibre=None if record.zwarn is None else not record.zwarn & FIBRE_WARNINGS,
            matches=match.matches,
            redshift=record.redshift,
            zwarn=record.zwarn,
            spectype=record.spectype,
            origin=f"{self.sparcl.transport.url} {record.sparcl_id}",
        )

    def _key(self, sparcl_id: str) -> tuple:
        """Return what the cache calls a spectrum."""
        return (self.identity, "spectrum", CHECKS, sparcl_id)
