"""Rows of a catalogue -> values of the output columns, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from warnings import warn

import numpy as np

from astroclip_astro.annotate.answers import check_source, fetch
from astroclip_astro.annotate.job import Job
from astroclip_astro.annotate.progress import Progress
from astroclip_astro.annotate.rows import (
    empty_rows,
    raise_flag,
    row_dtype,
    scatter_to_rows,
    stacked,
    write,
)
from astroclip_astro.columns import COLUMN_ROOTS
from astroclip_astro.errors import SourceError, UnreachableWarning
from astroclip_astro.flags import Flag
from astroclip_astro.prepare.photometry import (
    aperture_flux_r,
    beyond,
    measure_images,
    measure_spectra,
    spectrum_snr,
)
from astroclip_astro.prepare.spectra import lacks_camera, median_snr
from astroclip_astro.records import Cutout, Spectrum, Targets
from astroclip_astro.storage.chunk_store import ChunkStore
from astroclip_astro.zeroshot.calibrated import BEST
from astroclip_astro.zeroshot.estimator import QueryResult
from astroclip_astro.zeroshot.prediction import Prediction

CHUNK_ROWS = 256
NOVELTY_LIMIT = 0.99
DISAGREEMENT = 0.05  # |dz| / (1 + z)
SAME_OBJECT = 3.0  # arcsec between a position and the spectrum of its TARGETID, at least


@dataclass(frozen=True)
class ModalityResult:
    """What the reference says of the rows that have one modality.

    Parameters
    ----------
    where : ndarray
        int64 (n,), rows of the chunk.
    result : QueryResult
        What the reference says of them.
    covariate : ndarray
        float64 (n,), measured as the reference's is.
    """

    where: np.ndarray
    result: QueryResult
    covariate: np.ndarray


def annotate_targets(
    targets: Targets,
    job: Job,
    *,
    first_row: int = 0,
    store: ChunkStore | None = None,
    progress: Progress | None = None,
    report: Callable[[int, str], object] = lambda row, reason: None,
) -> np.ndarray:
    """Compute the output columns of all rows.

    Parameters
    ----------
    targets : Targets
        Rows to annotate, (n,).
    job : Job
        Source, model, reference and options.
    first_row : int
        Number of the first row in its catalogue. Chunks are aligned to row numbers, so that part
        of a catalogue gives the same values as the whole.
    store : ChunkStore, optional
        Where finished chunks are kept, and found when a run is resumed.
    progress : Progress, optional
        Says what is being done; by default nothing does.
    report : callable
        Called with row number and reason for each gap.

    Returns
    -------
    ndarray
        (n,) of `row_dtype`; nulls are NaN, the smallest integer, or an empty string.

    Raises
    ------
    SourceError
        Where the source failed for every row it was asked for, or cannot be reached and a whole
        chunk has nothing for that reason.
    """
    progress = progress or Progress(quiet=True)
    if hasattr(job.source, "note"):  # a source of the user's own need not have it
        job.source.note = progress.count
    progress.start(len(targets))
    rows = empty_rows(job.columns, len(targets))
    if hasattr(job.source, "start_run"):  # a source of the user's own need not have it
        job.source.start_run(job.modality)
    for number, part in chunks(first_row, len(targets)):
        numbered = partial(report_from, first_row + part.start, report)
        rows[part] = completed_chunk(targets[part], job, number, store, numbered, progress)
        progress.complete(part.stop - part.start)
    try:
        check_source(rows["astroclip_flags"], job)
    except SourceError:
        if store:
            store.clear()  # nothing worth keeping, and the next run should ask again
        raise
    if unreachable := getattr(job.source, "unreachable", ""):
        warn(f"{unreachable} Its rows are flagged source_failed.", UnreachableWarning, stacklevel=3)
    return rows


def chunks(first_row: int, count: int) -> Iterator[tuple[int, slice]]:
    """Yield number and rows of each chunk, aligned to the row numbers of the catalogue."""
    start = 0
    while start < count:
        number = (first_row + start) // CHUNK_ROWS
        stop = min((number + 1) * CHUNK_ROWS - first_row, count)
        yield number, slice(start, stop)
        start = stop


def report_from(first: int, report: Callable[[int, str], object], row: int, reason: str) -> object:
    """Report a gap in a chunk, its row counted as the catalogue counts: from the chunk's first."""
    return report(first + row, reason)


def completed_chunk(
    targets: Targets,
    job: Job,
    number: int,
    store: ChunkStore | None,
    report: Callable[[int, str], object],
    progress: Progress,
) -> np.ndarray:
    """Return the values of a chunk: those kept in the store, else computed, and kept there."""
    chunk = store.load(number, len(targets), row_dtype(job.columns)) if store else None
    if chunk is None or (chunk["astroclip_flags"] & Flag.SOURCE_FAILED).any():
        # A failure may have been mended since: it is never taken for an answer.
        chunk = annotate_chunk(targets, job, report, progress)
        if store:
            store.save(number, chunk)
    return chunk


def annotate_chunk(
    targets: Targets, job: Job, report: Callable[[int, str], object], progress: Progress
) -> np.ndarray:
    """Compute the output columns of a few rows; see `annotate_targets`."""
    stage = partial(progress.stage, rows=len(targets) / (2 * len(job.modality)))
    rows = empty_rows(job.columns, len(targets))
    flags = np.zeros(len(targets), np.int32)
    spectra, cutouts = fetch(targets, job, flags, report, stage)
    found: dict[str, ModalityResult] = {}
    if "spectrum" in job.modality:
        stage("embedding spectra")
        found["spectrum"] = add_spectra(rows, flags, spectra, job, progress)
    if "image" in job.modality:
        stage("embedding images")
        found["image"] = add_images(rows, flags, cutouts, job, progress)
    add_nearest(rows, found)
    add_values(rows, flags, found, job)
    rows["astroclip_flags"] = flags
    return rows


def add_spectra(
    rows: np.ndarray,
    flags: np.ndarray,
    spectra: dict[int, Spectrum],
    job: Job,
    progress: Progress,
) -> ModalityResult:
    """Embed spectra; write their columns and flags. Return what was found."""
    where = np.array(list(spectra), int)
    records = list(spectra.values())
    flux = stacked([record.flux for record in records], (job.model.config.spectrum_samples,))
    ivar = stacked([record.ivar for record in records], (job.model.config.spectrum_samples,))
    for row, record in spectra.items():
        rows["astroclip_targetid"][row] = record.targetid
        rows["astroclip_separation"][row] = record.separation
        if record.redshift is not None:
            rows["astroclip_desi_z"][row] = record.redshift
        if record.zwarn is not None:
            rows["astroclip_desi_zwarn"][row] = record.zwarn
        rows["astroclip_desi_spectype"][row] = record.spectype or ""
    rows["astroclip_snr"][where] = median_snr(flux, ivar)
    several = np.array([record.matches > 1 for record in records], bool)
    # A fibre of which nothing is known is not called bad.
    fibres = [record.good_fibre for record in records]
    bad = np.array([good is not None and not good for good in fibres], bool)
    raise_flag(flags, where[several], Flag.SEVERAL_SPECTRA)
    # Only a TARGETID can match that far; without a position there is no separation.
    apart = np.array([record.separation for record in records], float)
    raise_flag(flags, where[apart > max(job.match_radius, SAME_OBJECT)], Flag.TARGETID_ELSEWHERE)
    raise_flag(flags, where[lacks_camera(ivar) | bad], Flag.BAD_SPECTRUM)
    embeddings = job.model.embed_spectra(
        flux, ivar, count=partial(progress.count, "embedding spectra")
    )
    progress.stage("comparing spectra with the reference")
    raise_flag(flags, where[np.isnan(embeddings[:, 0])], Flag.NO_SPECTRUM | Flag.BAD_SPECTRUM)
    covariate = spectrum_snr(flux, ivar)
    found = add_query_result(rows, flags, "spectrum", where, embeddings, covariate, job)
    add_range(flags, where, measure_spectra(np.where(ivar > 0, flux, 0)), job)
    predicted = found.result.predictions["redshift"].value
    measured = rows["astroclip_desi_z"][where]
    disagree = np.abs(predicted - measured) > DISAGREEMENT * (1 + measured)
    raise_flag(flags, where[disagree], Flag.REDSHIFTS_DISAGREE)
    return found


def add_images(
    rows: np.ndarray,
    flags: np.ndarray,
    cutouts: dict[int, Cutout],
    job: Job,
    progress: Progress,
) -> ModalityResult:
    """Embed images; write their columns and flags. Return what was found."""
    size = job.model.config.image_size
    where = np.array(list(cutouts), int)
    images = stacked([cutout.image for cutout in cutouts.values()], (3, size, size))
    complete = np.array([cutout.complete for cutout in cutouts.values()], bool)
    raise_flag(flags, where[~complete], Flag.INCOMPLETE_IMAGE)
    embeddings = job.model.embed_images(images, count=partial(progress.count, "embedding images"))
    progress.stage("comparing images with the reference")
    raise_flag(flags, where[np.isnan(embeddings[:, 0])], Flag.NO_IMAGE | Flag.INCOMPLETE_IMAGE)
    covariate = aperture_flux_r(images, size)
    found = add_query_result(rows, flags, "image", where, embeddings, covariate, job)
    add_range(flags, where, measure_images(images), job)
    return found


def add_query_result(
    rows: np.ndarray,
    flags: np.ndarray,
    modality: str,
    where: np.ndarray,
    embeddings: np.ndarray,
    covariate: np.ndarray,
    job: Job,
) -> ModalityResult:
    """Look embeddings up in the reference and write what depends on one modality."""
    covariate = np.where(np.isnan(embeddings[:, 0]), np.nan, covariate)  # of nothing: none
    result = job.estimators[modality].query(embeddings, covariate=covariate)
    write(rows, f"astroclip_{modality}", where, embeddings)
    if result.novelty is not None:
        write(rows, f"astroclip_novelty_{modality}", where, result.novelty)
        raise_flag(flags, where[result.novelty > NOVELTY_LIMIT], Flag.BEYOND_REFERENCE)
    return ModalityResult(where, result, covariate)


def add_nearest(rows: np.ndarray, found: dict[str, ModalityResult]) -> None:
    """Write the nearest galaxy: by image, then by spectrum over it."""
    for modality in ("image", "spectrum"):
        if modality in found:
            nearest = found[modality].result.nearest
            usable = nearest >= 0
            write(rows, "astroclip_nearest", found[modality].where[usable], nearest[usable])


def add_values(
    rows: np.ndarray, flags: np.ndarray, found: dict[str, ModalityResult], job: Job
) -> None:
    """Write labels with errors, by image, by spectrum and the best of both."""
    everywhere = np.arange(len(rows))
    covariates = {
        modality: scatter_to_rows(one.covariate, one.where, len(rows))
        for modality, one in found.items()
    }
    elsewhere = (flags & Flag.TARGETID_ELSEWHERE) != 0

    def spectrum_alone(by_spectrum: np.ndarray, best: np.ndarray) -> np.ndarray:
        return np.where(elsewhere, by_spectrum, best)

    for label, estimator in job.calibrated.items():
        by_modality = {
            modality: scatter_prediction(one, label, len(rows)) for modality, one in found.items()
        }
        predicted = estimator.predict(by_modality, covariates)
        if "spectrum" in predicted:
            predicted[BEST] = predicted["spectrum"].map(spectrum_alone, predicted[BEST])
        for method, prediction in predicted.items():
            if method != BEST and label not in COLUMN_ROOTS:
                continue  # own labels have the best value only
            name = f"astroclip_{COLUMN_ROOTS.get(label, label)}" + (
                f"_{method}" if method != BEST else ""
            )
            write(rows, name, everywhere, prediction.value)
            write(rows, f"{name}_err", everywhere, prediction.error)
            write(rows, f"{name}_lo", everywhere, prediction.low)
            write(rows, f"{name}_hi", everywhere, prediction.high)
        if label == "redshift":
            secondary = predicted[BEST].secondary
            write(rows, "astroclip_z_other", everywhere, secondary)
            raise_flag(flags, everywhere[np.isfinite(secondary)], Flag.SEVERAL_REDSHIFTS)


def scatter_prediction(found: ModalityResult, label: str, count: int) -> Prediction:
    """Return the prediction of a label for all rows of the chunk, NaN where there is none."""
    prediction = found.result.predictions[label]
    return prediction.map(lambda values: scatter_to_rows(values, found.where, count))


def add_range(flags: np.ndarray, where: np.ndarray, measures: dict, job: Job) -> None:
    """Flag rows beyond the range the weights were trained on, as far as their card knows it."""
    limits = job.model.card["training"].get("range", {})
    raise_flag(flags, where[beyond(measures, limits)], Flag.BEYOND_TRAINING)
