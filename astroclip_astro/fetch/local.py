"""A folder of the user's own files as a source: image cutouts and DESI coadds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from astropy.coordinates import angular_separation

from astroclip_astro.errors import InputError
from astroclip_astro.fetch.files.coadd_files import CoaddFile, read_spectra
from astroclip_astro.fetch.files.cutout_files import CutoutFile
from astroclip_astro.fetch.files.cutout_pixels import read_cutout
from astroclip_astro.fetch.files.fingerprint import content_key
from astroclip_astro.fetch.files.fits_file import DamagedFileError, find_fits, open_fits, reading
from astroclip_astro.fetch.files.folder_index import (
    Contents,
    FolderIndex,
    kind_of_reason,
    useless_folder,
)
from astroclip_astro.fetch.files.matching import SpectrumIndex, pairs_within, queues, sky_tree
from astroclip_astro.fetch.files.redrock_pairs import RedrockPairs
from astroclip_astro.flags import Flag
from astroclip_astro.records import Cutout, MissingData, Spectrum, Targets

__all__ = ["LocalSource"]

Item = TypeVar("Item")  # what a file is asked for
Found = TypeVar("Found")  # what it answers


class LocalSource:
    """A folder of image cutouts and DESI coadds, of any depth; a `records.Source`.

    Nothing is read until something is asked for; then headers, once. Pixels and spectra are read
    by window and by row. A damaged file never stops the others: it is in `problems`, and rows
    that only it could have answered say so.

    Parameters
    ----------
    folder : str or pathlib.Path
        The folder.

    Attributes
    ----------
    name : str
        The folder as it was given.
    problems : list of (pathlib.Path, str)
        Files that could not be read, and why; grows as files are looked at.
    unused : list of (pathlib.Path, str)
        Files that were passed over, such as masks and tables, and why.

    Raises
    ------
    InputError
        Where it does not exist or is not a folder; where it holds no cutout and no coadd, as soon
        as something is asked for.

    Examples
    --------
    >>> import tempfile
    >>> from astropy.io import fits
    >>> folder = Path(tempfile.mkdtemp())
    >>> header = fits.Header({"BANDS": "grz", "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
    >>> header.update(CRVAL1=150.0, CRVAL2=2.0, CRPIX1=50.5, CRPIX2=50.5)
    >>> header.update(CDELT1=-0.262 / 3600, CDELT2=0.262 / 3600)
    >>> fits.writeto(folder / "cutout.fits", np.ones((3, 100, 100), "f4"), header)
    >>> source = LocalSource(folder)
    >>> source.contents()
    Contents(cutouts=1, coadds=0, spectra=0)
    >>> here = Targets(np.array([150.0]), np.array([2.0]), np.zeros(1, int), np.zeros(1, bool))
    >>> source.cutouts(here, 96)[0].image.shape
    (3, 96, 96)
    """

    caches = False  # nothing has to be kept of what is on disk

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.name = str(folder)
        self.problems: list[tuple[Path, str]] = []
        self.unused: list[tuple[Path, str]] = []
        self._failures: Counter[str] = Counter()  # rows by reason
        self.note: Callable[[str, int, int], object] = lambda words, done, total: None
        if not self.folder.is_dir():
            found = "a file" if self.folder.exists() else "nothing"
            raise InputError(
                f"Source {self.name!r}: found {found} there, expected a folder with image cutouts "
                "or DESI coadds; check the path."
            )

    def contents(self) -> Contents:
        """Read all headers now and return how much there is, as far as they tell.

        Returns
        -------
        Contents
            Of what can be read.

        Raises
        ------
        InputError
            Where there is no cutout and no coadd that can be read.
        """
        coadds = [file for file in self._index.coadds if not file.damage]
        cutouts = sum(not file.damage for file in self._index.cutouts)
        return Contents(cutouts, len(coadds), sum(map(len, coadds)))

    def preview(
        self, targets: Targets, *, modality: Sequence[str], radius: float, size: int
    ) -> list[str]:
        """Return a line that says how much the folder holds, for these rows and all others."""
        held = self.contents()
        return [
            f"{self.name}: {held.cutouts:,} cutouts, {held.spectra:,} spectra in "
            f"{held.coadds:,} coadd files"
        ]

    def content_key(self, *, verify: bool = False) -> str:
        """Return a short text that changes with what the files hold, wherever the folder is.

        Parameters
        ----------
        verify : bool
            Whether to read all of every file; by default names, sizes, times and headers count.
        """
        return content_key(self.folder, self._index.checksums, verify=verify)

    def close(self) -> None:
        """Do nothing: files are closed as soon as they are read."""

    def cutouts(self, targets: Targets, size: int) -> list[Cutout | MissingData]:
        """Return a cutout or a gap for every row.

        Parameters
        ----------
        targets : Targets
            Rows, n.
        size : int
            Side, native pixels.

        Returns
        -------
        list of Cutout or Gap
            One a row. Of several files that hold the position the one with most of g, r, z, then
            one that holds the whole field, then the one centred nearest, then the first by path.
        """
        files = self._index.cutouts

        def deliver(
            number: int, rows: dict[int, None]
        ) -> Iterator[tuple[int, Cutout | MissingData]]:
            file = files[number]
            if file.damage:
                raise DamagedFileError(file.damage)
            with ExitStack() as stack:
                opened = {path: stack.enter_context(open_fits(path)) for path in file.paths}
                for row in rows:
                    try:
                        with reading():
                            ra, dec = float(targets.ra[row]), float(targets.dec[row])
                            cutout = read_cutout(opened, file, ra, dec, size)
                    except DamagedFileError as error:
                        yield row, self._failure(file.path, error, Flag.NO_IMAGE, 1)
                    else:
                        yield row, cutout or MissingData(Flag.NO_IMAGE, f"{file.path}: empty here")

        paths = [file.path for file in files]
        nothing = f"no cutout in {self.name} holds this position"
        candidates = self._cutout_candidates(targets, size)
        return self._complete(candidates, paths, deliver, MissingData(Flag.NO_IMAGE, nothing))

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
            One a row. Of several spectra that match: targets (not sky) first, good fibre status
            first, then the nearest (to 0.1 arcsec), the longest exposed, the first by path.
        """
        files = self._index.coadds

        def deliver(
            number: int, rows: dict[int, tuple[int, float]]
        ) -> Iterator[tuple[int, Spectrum]]:
            file = files[number]
            if file.damage:
                raise DamagedFileError(file.damage)
            arrays = read_spectra(file, (line for line, _ in rows.values()))
            redshifts = self._redrocks.redshifts(file)
            for path, reason in self._redrocks.notes:
                self._note(path, reason)
            for row, (line, separation) in rows.items():
                targetid = int(file.targetid[line])
                redshift, zwarn, spectype = redshifts.get(targetid, (None, None, None))
                flux, ivar = arrays[line]
                yield (
                    row,
                    Spectrum(
                        flux=flux,
                        ivar=ivar,
                        targetid=targetid,
                        ra=float(file.ra[line]),
                        dec=float(file.dec[line]),
                        separation=separation,
                        good_fibre=file.quality(line),
                        matches=len(candidates[row]),
                        redshift=redshift,
                        zwarn=zwarn,
                        spectype=spectype,
                        origin=str(file.path),
                    ),
                )

        candidates = self._spectra.candidates(targets, radius)
        paths = [file.path for file in files]
        nothing = f"no spectrum in {self.name} within {radius:g} arcsec or of this TARGETID"
        return self._complete(candidates, paths, deliver, MissingData(Flag.NO_SPECTRUM, nothing))

    def _complete(
        self,
        candidates: Sequence[Sequence[tuple[int, Item]]],
        paths: list[Path],
        deliver: Callable[[int, dict[int, Item]], Iterable[tuple[int, Found | MissingData]]],
        nothing: MissingData,
    ) -> list[Found | MissingData]:
        """Try each row's candidates (file, item) in order, a file at a time, until one answers."""
        answers: list[Found | MissingData] = [nothing] * len(candidates)
        pending = {row: iter(queue) for row, queue in enumerate(candidates) if queue}
        while pending:
            groups: dict[int, dict[int, Item]] = defaultdict(dict)
            for row, queue in list(pending.items()):
                candidate = next(queue, None)
                if candidate is None:
                    del pending[row]
                else:
                    number, item = candidate
                    groups[number][row] = item
            for number, rows in sorted(groups.items()):
                try:
                    delivered = dict(deliver(number, rows))
                except DamagedFileError as error:
                    gap = self._failure(paths[number], error, nothing.flag, len(rows))
                    delivered = dict.fromkeys(rows, gap)
                for row, answer in delivered.items():
                    known = answers[row]
                    if not isinstance(answer, MissingData):
                        del pending[row]
                    elif isinstance(known, MissingData) and known.flag & Flag.SOURCE_FAILED:
                        continue  # the failure is the news, whatever the other files lack
                    answers[row] = answer
        return answers

    def _cutout_candidates(self, targets: Targets, size: int) -> list[list[tuple[int, None]]]:
        """Return each row's cutout files, best first."""
        files = self._index.cutouts
        asking = np.flatnonzero(targets.has_position)
        ra, dec = targets.ra[asking], targets.dec[asking]
        centres = np.array([[file.ra, file.dec, file.radius] for file in files]).reshape(-1, 3)
        # The tree is of the rows, not of the files: circles of files differ by far.
        asked, found = pairs_within(sky_tree(ra, dec), *centres.T)
        starts = np.searchsorted(asked, np.arange(len(files) + 1))
        held, covered = np.zeros(len(asked), bool), np.zeros(len(asked), bool)
        for number in np.unique(asked):
            part = slice(starts[number], starts[number + 1])
            near = found[part]
            try:
                with reading():
                    held[part], covered[part] = files[number].locate(ra[near], dec[near], size)
            except DamagedFileError as error:
                self._note(files[number].path, str(error))
        asked, found, covered = asked[held], found[held], covered[held]
        missing = np.array([-len(file.bands) for file in files], int)[asked]
        place = np.radians([ra[found], dec[found], *centres[asked, :2].T])
        ordered = queues(
            len(targets), asking[found], missing, ~covered, angular_separation(*place), asked
        )
        return [[(number, None) for number in asked[queue].tolist()] for queue in ordered]

    @property
    def main_failure(self) -> str:
        """Why most of the rows that failed have failed, and how many; empty where none has."""
        [(reason, count)] = self._failures.most_common(1) or [("", 0)]
        return f"{reason} ({count:,} of {self._failures.total():,})" if count else ""

    def _failure(self, path: Path, error: DamagedFileError, flag: Flag, rows: int) -> MissingData:
        """Note a damaged file and return the gap it leaves."""
        path = error.path or path
        self._note(path, str(error))
        self._failures[kind_of_reason(str(error))] += rows
        return MissingData(flag | Flag.SOURCE_FAILED, f"{path}: {error}")

    def _note(self, path: Path, reason: str) -> None:
        """Add to the problems what is not among them yet."""
        if (path, reason) not in self.problems:
            self.problems.append((path, reason))

    @cached_property
    def _spectra(self) -> SpectrumIndex:
        """The search index of all spectra."""
        return SpectrumIndex(self._index.coadds)

    @cached_property
    def _redrocks(self) -> RedrockPairs:
        """The redrock files and their coadds."""
        return RedrockPairs(self._index.coadds, self._index.redrocks)

    @cached_property
    def _index(self) -> FolderIndex:
        """The headers of all files, read at first use."""
        paths, problems = find_fits(self.folder)
        index = FolderIndex()
        for path in paths:
            try:
                index.add(path)
            except DamagedFileError as error:
                problems.append((path, str(error)))
        index.join()
        files: list[CutoutFile | CoaddFile] = [*index.cutouts, *index.coadds]
        damaged = [(file.path, file.damage) for file in files if file.damage]
        for path, reason in (*problems, *damaged):
            self._note(path, reason)
        self.unused += index.unused
        if not index.cutouts and not index.coadds:
            raise useless_folder(self.name, len(paths), problems, self.unused)
        return index
