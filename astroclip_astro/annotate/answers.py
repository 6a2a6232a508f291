"""What a source answers for a chunk of rows: records by row; gaps and bad positions as flags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from astroclip_astro.annotate.job import Job
from astroclip_astro.errors import SourceError
from astroclip_astro.flags import Flag
from astroclip_astro.records import Cutout, MissingData, Spectrum, Targets
from astroclip_astro.sky.targetids import rounding

Record = TypeVar("Record", Spectrum, Cutout)


def fetch(
    targets: Targets,
    job: Job,
    flags: np.ndarray,
    report: Callable[[int, str], object] = lambda row, reason: None,
    stage: Callable[[str], object] = lambda words: None,
) -> tuple[dict[int, Spectrum], dict[int, Cutout]]:
    """Ask the source of a job for a chunk of rows.

    Parameters
    ----------
    targets : Targets
        Rows of the chunk, (n,).
    job : Job
        Source, modality and match radius.
    flags : ndarray
        int32 (n,), of the rows; flags of gaps and of bad positions are added to it.
    report : callable
        Called with row number and reason for each gap.
    stage : callable
        Called with what is being done.

    Returns
    -------
    spectra : dict of int to Spectrum
        By row of the chunk; none where that modality is not wanted.
    cutouts : dict of int to Cutout
        Likewise.

    Raises
    ------
    SourceError
        Where the source breaks its promise, or cannot be reached and has nothing for any row.
    """
    flags[targets.bad_position] |= Flag.BAD_COORDINATES
    spectra: dict[int, Spectrum] = {}
    cutouts: dict[int, Cutout] = {}
    if "spectrum" in job.modality:
        asked = np.flatnonzero(targets.good)
        flags[~targets.good] |= Flag.NO_SPECTRUM
        stage("fetching spectra")
        found = job.source.spectra(targets[asked], job.match_radius)
        spectra = collect(found, asked, Spectrum, flags, report)
        flag_bad_targetids(targets, job, flags, report)
        targets = locate(targets, spectra)
    if "image" in job.modality:
        asked = np.flatnonzero(targets.has_position)
        flags[~targets.has_position] |= Flag.NO_IMAGE
        stage("fetching images")
        answers = job.source.cutouts(targets[asked], job.model.config.image_size)
        cutouts = collect(answers, asked, Cutout, flags, report)
    if getattr(job.source, "offline", False):
        check_source(flags, job)
    return spectra, cutouts


def check_source(flags: np.ndarray, job: Job) -> None:
    """Raise where nothing was found and the source failed, not merely had nothing."""
    nothing = sum(Flag[f"NO_{modality.upper()}"] for modality in job.modality)
    found = (flags & nothing) != nothing
    failed = (flags & Flag.SOURCE_FAILED) != 0
    if failed.any() and not found.any():
        unreachable = getattr(job.source, "unreachable", "")
        why = unreachable or (
            f"It failed for {failed.sum()} of them; astroclip-annotate --verbose says why for each."
        )
        if reason := getattr(job.source, "main_failure", ""):  # a source of the user's own has none
            why += f" The most frequent reason: {reason}."
        raise SourceError(
            f"Source {job.source.name} has given no data for any of {len(flags)} rows. {why} "
            "Nothing was written; run the same command again once that is mended."
        )


def collect(
    answers: Sequence[Record | MissingData],
    asked: np.ndarray,
    kind: type[Record],
    flags: np.ndarray,
    report: Callable[[int, str], object],
) -> dict[int, Record]:
    """Sort a source's answers into records by row; gaps become flags."""
    if len(answers) != len(asked):
        raise SourceError(f"Source gave {len(answers)} answers for {len(asked)} rows.")
    records: dict[int, Record] = {}
    for row, answer in zip(asked.tolist(), answers, strict=True):
        if isinstance(answer, MissingData):
            flags[row] |= answer.flag
            report(row, answer.reason)
        elif isinstance(answer, kind):
            records[row] = answer
        else:
            raise SourceError(f"Source gave a {type(answer).__name__}, expected {kind.__name__}.")
    return records


def flag_bad_targetids(
    targets: Targets, job: Job, flags: np.ndarray, report: Callable[[int, str], object]
) -> None:
    """Flag rows whose TARGETID could not be read, or looks rounded and hides the right one.

    The second are asked for again, by position: that nothing has a TARGETID is usual, unless
    another one lies there.
    """
    if targets.bad_targetid is not None:
        for row in np.flatnonzero(targets.bad_targetid).tolist():
            flags[row] |= Flag.BAD_TARGETID
            report(row, "its TARGETID is no whole number; its spectrum was matched by position")
    nothing = (flags & (Flag.NO_SPECTRUM | Flag.SOURCE_FAILED)) == Flag.NO_SPECTRUM
    suspect = targets.has_targetid & targets.has_position & nothing
    suspect &= rounding(targets.targetid) > 1
    rows = np.flatnonzero(suspect)
    if not len(rows):
        return
    by_position = replace(targets[rows], has_targetid=np.zeros(len(rows), bool))
    answers = job.source.spectra(by_position, job.match_radius)
    for row, answer in zip(rows.tolist(), answers, strict=True):
        if isinstance(answer, Spectrum):
            flags[row] |= Flag.BAD_TARGETID
            report(
                row,
                f"TARGETID {targets.targetid[row]} looks rounded by a float or a spreadsheet: "
                f"another TARGETID, {answer.targetid}, lies {answer.separation:.1f} arcsec from "
                "the position",
            )


def locate(targets: Targets, spectra: dict[int, Spectrum]) -> Targets:
    """Give rows that have only a TARGETID the position of their spectrum's target."""
    ra, dec = targets.ra.copy(), targets.dec.copy()
    for row, spectrum in spectra.items():
        if not targets.has_position[row]:
            ra[row], dec[row] = spectrum.ra, spectrum.dec
    return replace(targets, ra=ra, dec=dec)
