"""Images and spectra of galaxies: complete ones, or why a galaxy is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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

    galaxies: Mapping[int, Mapping[str, np.ndarray]]
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
    galaxies: dict[int, dict[str, np.ndarray]] = {}
    left_out: dict[int, str] = {}
    failed: dict[int, str] = {}

    def sort(rows: list[int], answers: list, judge: Callable) -> dict[int, object]:
        """Return the good answers by row, and note what is wrong with the others."""
        if len(answers) != len(rows):
            raise SourceError(f"Source gave {len(answers)} answers for {len(rows)} rows.")
        good = {}
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, MissingData) and answer.flag & Flag.SOURCE_FAILED:
                failed[row] = answer.reason
            elif reason := judge(row, answer):
                left_out[row] = reason
            else:
                good[row] = answer
        return good

    def judge_spectrum(row: int, spectrum: Spectrum | MissingData) -> str:
        return _judge_spectrum(spectrum, int(targets.targetid[row]), float(redshift[row]))

    rows = list(range(len(targets)))
    spectra = sort(rows, list(source.spectra(targets, MAX_SEPARATION)), judge_spectrum)
    places = _at(list(spectra.values()))
    answers = list(source.cutouts(places, size)) if spectra else []
    images = sort(list(spectra), answers, lambda row, cutout: _judge_image(cutout))
    if failed and (unreachable := getattr(source, "unreachable", "")):
        raise SourceError(unreachable)
    for row, cutout in images.items():
        spectrum = spectra[row]
        galaxies[row] = {
            "images": cutout.image.astype(np.float16),
            "spectrum": spectrum.flux,
            "ivar": spectrum.ivar,
            "ra": np.float64(spectrum.ra % 360),
            "dec": np.float64(spectrum.dec),
        }
    return Fetched(galaxies, left_out, failed)


def _judge_spectrum(spectrum: Spectrum | MissingData, targetid: int, redshift: float) -> str:
    """Return why a spectrum is none for a training set, or nothing."""
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


def _judge_image(cutout: Cutout | MissingData) -> str:
    """Return why an image is none for a training set, or nothing."""
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
