"""Coadds and redrock files that belong together: no redshift rather than another spectrum's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.coordinates import angular_separation

from astroclip_astro.fetch.files.coadd_files import CoaddFile
from astroclip_astro.fetch.files.fibermap import Fibermap
from astroclip_astro.fetch.files.file_identity import contradiction, name_key, same_observations
from astroclip_astro.fetch.files.fits_file import DamagedFileError
from astroclip_astro.fetch.files.redrock_files import (
    RedrockFile,
    Redshifts,
    read_redrock,
    read_redrock_targets,
)

SAME_PLACE = 1.0  # arcsec, between the positions that two files have of one target
SAME_EXPOSURE = 1.0  # seconds

Notes = list[tuple[Path, str]]


@dataclass
class RedrockPairs:
    """Redshifts of coadds, from the redrock files that were made of them.

    A redrock file belongs to a coadd of the same folder where both have the same name but for
    ``coadd`` (or ``spectra``) and ``redrock`` (or ``zbest``), or where their headers name the same
    survey, program and healpix pixel, or tile, petal and night, or where its own FIBERMAP has the
    coadd's targets with the same exposure times. In any case nothing that both have may differ: no
    header card, and of a target neither position nor exposure time.

    Parameters
    ----------
    coadds, redrocks : sequence
        All files of the folder.
    notes : list of (pathlib.Path, str)
        Files whose redshifts are not used, and why; grows as coadds are asked for.

    Examples
    --------
    >>> RedrockPairs([], []).notes
    []
    """

    coadds: Sequence[CoaddFile]
    redrocks: Sequence[RedrockFile]
    notes: Notes = field(default_factory=list)
    _known: dict[Path, Redshifts] = field(default_factory=dict)
    _targets: dict[Path, Fibermap | None] = field(default_factory=dict)

    def redshifts(self, coadd: CoaddFile) -> Redshifts:
        """Return the redshifts of a coadd's targets, read once; none where there are none.

        Parameters
        ----------
        coadd : CoaddFile
            One of the folder's.

        Returns
        -------
        dict
            Redshift, ZWARN and SPECTYPE by TARGETID.
        """
        if coadd.path not in self._known:
            known: Redshifts = {}
            for file in self._of(coadd):
                try:
                    known = self._agreeing(coadd, file, read_redrock(file))
                    if known.keys().isdisjoint(coadd.targetid.tolist()):
                        self._note(file.path, f"has no redshift for {coadd.path.name}")
                except DamagedFileError as error:
                    self._note(file.path, str(error))
            self._known[coadd.path] = known
        return self._known[coadd.path]

    def _of(self, coadd: CoaddFile) -> list[RedrockFile]:
        """Return the redrock files that belong to a coadd, and note those that might have."""
        beside = [file for file in self.redrocks if file.path.parent == coadd.path.parent]
        key = name_key(coadd.path)
        named = [file for file in beside if key and name_key(file.path) == key]
        found = []
        for file in named:
            if difference := contradiction(coadd.identity, file.identity):
                self._note(
                    file.path, f"not used for {coadd.path.name}: they differ by {difference}"
                )
            else:
                found.append(file)
        if found:
            return found[:1]
        taken = {name_key(other.path) for other in self.coadds if self._beside(other, coadd)}
        free = [
            file
            for file in beside
            if file not in named and name_key(file.path) not in taken - {None}
        ]
        found = [file for file in free if same_observations(coadd.identity, file.identity)]
        found = found or [file for file in free if self._same_targets(coadd, file)]
        for file in free:
            if file not in found and not any(
                same_observations(other.identity, file.identity) for other in self.coadds
            ):
                self._note(
                    file.path,
                    f"not used for {coadd.path.name}: neither names nor headers nor FIBERMAP say "
                    "that it was made of that file; name it like the coadd, with redrock in place "
                    "of coadd, if it was",
                )
        return found[:1]

    @staticmethod
    def _beside(one: CoaddFile, other: CoaddFile) -> bool:
        """Return whether two coadds are in one folder."""
        return one.path.parent == other.path.parent

    def _same_targets(self, coadd: CoaddFile, file: RedrockFile) -> bool:
        """Return whether a redrock file's FIBERMAP is that of a coadd, exposure times and all."""
        targets = self._fibermap(file)
        if targets is None or contradiction(coadd.identity, file.identity):
            return False
        alike = [
            other
            for other in self.coadds
            if self._beside(other, coadd)
            and (targets.exposure > 0).any()
            and np.array_equal(np.sort(targets.targetid), np.sort(other.targetid))
            and not self._disagreeing(other, targets)
        ]
        return alike == [coadd]

    def _agreeing(self, coadd: CoaddFile, file: RedrockFile, known: Redshifts) -> Redshifts:
        """Return redshifts without those of targets that are others in the redrock file."""
        targets = self._fibermap(file)
        others = {} if targets is None else self._disagreeing(coadd, targets)
        others = {targetid: reason for targetid, reason in others.items() if targetid in known}
        if others:
            targetid, reason = next(iter(others.items()))
            self._note(
                file.path,
                f"{len(others)} redshifts not used for {coadd.path.name}: of TARGETID {targetid} "
                f"the two files have different {reason}",
            )
        return {targetid: row for targetid, row in known.items() if targetid not in others}

    def _fibermap(self, file: RedrockFile) -> Fibermap | None:
        """Return a redrock file's own FIBERMAP, read once."""
        if file.path not in self._targets:
            self._targets[file.path] = read_redrock_targets(file)
        return self._targets[file.path]

    @staticmethod
    def _disagreeing(coadd: CoaddFile, targets: Fibermap) -> dict[int, str]:
        """Return the TARGETIDs of which two FIBERMAPs say different things, and what."""
        ids, theirs = np.unique(targets.targetid, return_index=True)
        place = np.searchsorted(ids, coadd.targetid).clip(max=max(len(ids) - 1, 0))
        ours = np.flatnonzero(ids[place] == coadd.targetid) if len(ids) else np.zeros(0, int)
        theirs = theirs[place[ours]] if len(ids) else ours
        radians = np.radians(
            [coadd.ra[ours], coadd.dec[ours], targets.ra[theirs], targets.dec[theirs]]
        )
        with np.errstate(invalid="ignore"):  # positions that are no numbers differ from nothing
            far = np.degrees(angular_separation(*radians)) * 3600 > SAME_PLACE
        seconds = coadd.exposure[ours], targets.exposure[theirs]
        both = (seconds[0] > 0) & (seconds[1] > 0) & (not targets.single and not coadd.single)
        longer = both & (np.abs(seconds[0] - seconds[1]) > SAME_EXPOSURE)
        names = coadd.targetid[ours]
        found = dict.fromkeys(names[longer].tolist(), "exposure times")
        return found | dict.fromkeys(names[far].tolist(), "positions")

    def _note(self, path: Path, reason: str) -> None:
        """Add a note, once."""
        if (path, reason) not in self.notes:
            self.notes.append((path, reason))
