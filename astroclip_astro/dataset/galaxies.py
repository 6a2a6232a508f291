"""Images and spectra of galaxies: complete ones, or why a galaxy is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from astroclip_astro.errors import SourceError
from astroclip_astro.flags import Flag
from astroclip_astro.prepare.spectra import lacks_camera
from astroclip_astro.records import Cutout, MissingData, Source, Spectrum, Targets

MAX_SEPARATION = 3.0  # arcsec between the mean position of a target's fibres and the target
REDSHIFT_TOLERANCE = 1e-4  # difference of two redshifts of one spectrum, over 1 + z
REASONS = {  # why a galaxy is left out that was asked for
    "no spectrum": "SPARCL has none of this TARGETID in this release",
    "another spectrum": "its position or redshift is not that of the catalogue",
    "bad fibre": "DESI's warnings speak of the fibre",
    "incomplete spectrum": "no data, or half a camera or more without data",
    "outside the imaging": "of this layer, by an approximate map",
    "no image": "no data at this position",
    "incomplete image": "a band is missing, or pixels without data",
    "image too bright": "a pixel that float16 cannot hold, above 65,504 nanomaggies",
}


@dataclass(frozen=True)
class Fetched:
    """What came of asking for some galaxies, each in one of three, by its row.

    Parameters
    ----------
    galaxies : mapping of int to mapping
        Image, spectrum, inverse variance and position, by dataset.
    rejected : mapping of int to str
        One of `REASONS`: it will be so the next time too.
    failed : mapping of int to str
        What the source said instead of an answer; it may answer the next time.
    """

    galaxies: Mapping[int, Mapping[str, Any]]
    rejected: Mapping[int, str]
    failed: Mapping[int, str]


def fetch_galaxies(source: Source, targets: Targets, redshift: np.ndarray, *, size: int) -> Fetched:
    """Ask a source for spectra by TARGETID, then for images where these are.

    Parameters
    ----------
    source : Source
        Where from.
    targets : Targets
        (n,) with TARGETIDs, and the positions that the catalogue has.
    redshift : ndarray
        (n,), as the catalogue has it.
    size : int
        Side of the images, pixels.

    Returns
    -------
    Fetched
        Every row.

    Raises
    ------
    SourceError
        Where the source is down, or one of its hosts cannot be reached.
    """
    answers = _Answers()

    def spectrum_fault(row: int, spectrum: Spectrum | MissingData) -> str:
        return _spectrum_fault(spectrum, int(targets.targetid[row]), float(redshift[row]))

    def image_fault(row: int, cutout: Cutout | MissingData) -> str:
        return _image_fault(cutout)

    found = list(source.spectra(targets, MAX_SEPARATION))
    spectra: dict[int, Spectrum] = answers.sort(range(len(targets)), found, spectrum_fault)
    cutouts = list(source.cutouts(_at(list(spectra.values())), size)) if spectra else []
    images: dict[int, Cutout] = answers.sort(list(spectra), cutouts, image_fault)
    if answers.failed and (unreachable := getattr(source, "unreachable", "")):
        raise SourceError(unreachable)
    galaxies = {row: _values(spectra[row], cutout) for row, cutout in images.items()}
    return Fetched(galaxies, answers.rejected, answers.failed)


class _Answers:
    """What a source has answered, sorted: why galaxies are rejected or have failed, by row."""

    def __init__(self) -> None:
        self.rejected: dict[int, str] = {}
        self.failed: dict[int, str] = {}

    def sort(
        self, rows: Sequence[int], answers: Sequence, fault: Callable[[int, Any], str]
    ) -> dict[int, Any]:
        """Return the good answers by row, and note what is wrong with the others."""
        if len(answers) != len(rows):
            raise SourceError(f"Source gave {len(answers)} answers for {len(rows)} rows.")
        good = {}
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, MissingData) and answer.flag & Flag.SOURCE_FAILED:
                self.failed[row] = answer.reason
            elif reason := fault(row, answer):
                self.rejected[row] = reason
            else:
                good[row] = answer
        return good


def _values(spectrum: Spectrum, cutout: Cutout) -> dict[str, Any]:
    """Return what a training set has of a galaxy's spectrum and image, by dataset."""
    return {
        "images": cutout.image.astype(np.float16),
        "spectrum": spectrum.flux,
        "ivar": spectrum.ivar,
        "ra": np.float64(spectrum.ra % 360),
        "dec": np.float64(spectrum.dec),
    }


def _spectrum_fault(spectrum: Spectrum | MissingData, targetid: int, redshift: float) -> str:
    """Return why a spectrum cannot be in a training set, or nothing."""
    if isinstance(spectrum, MissingData):
        return "no spectrum"
    away = not spectrum.separation <= MAX_SEPARATION
    differs = spectrum.redshift is not None and not (
        abs(spectrum.redshift - redshift) <= REDSHIFT_TOLERANCE * (1 + abs(redshift))
    )
    if away or differs or spectrum.targetid != targetid:
        return "another spectrum"
    if spectrum.good_fibre is not None and not spectrum.good_fibre:
        return "bad fibre"
    measured = spectrum.ivar > 0
    finite = np.isfinite(spectrum.flux).all() and np.isfinite(spectrum.ivar).all()
    if not finite or lacks_camera(spectrum.ivar[None])[0] or not spectrum.flux[measured].any():
        return "incomplete spectrum"
    return ""


def _image_fault(cutout: Cutout | MissingData) -> str:
    """Return why an image cannot be in a training set, or nothing."""
    if isinstance(cutout, MissingData):
        outside = cutout.flag & Flag.OUTSIDE_IMAGING
        return "outside the imaging" if outside else "no image"
    if not (cutout.complete and np.isfinite(cutout.image).all()):
        return "incomplete image"
    if np.abs(cutout.image).max() > np.finfo(np.float16).max:
        return "image too bright"
    return ""


def _at(spectra: list[Spectrum]) -> Targets:
    """Return the targets of spectra, at the positions that images are centred on."""
    return Targets(
        np.array([spectrum.ra % 360 for spectrum in spectra], float),
        np.array([spectrum.dec for spectrum in spectra], float),
        np.array([spectrum.targetid for spectrum in spectra], np.int64),
        np.ones(len(spectra), bool),
    )
