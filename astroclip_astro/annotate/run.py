"""A planned run, carried out: resumable, and finished atomically."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from astroclip_astro.annotate.job import Job, close
from astroclip_astro.annotate.output import add_columns
from astroclip_astro.annotate.pipeline import CHUNK_ROWS, annotate_targets
from astroclip_astro.annotate.plan import Plan
from astroclip_astro.annotate.progress import Progress
from astroclip_astro.annotate.recalibrate import calibrate
from astroclip_astro.catalogue import check_output, write_catalogue
from astroclip_astro.errors import InputError
from astroclip_astro.sky.stated_frames import note_frame
from astroclip_astro.storage.chunk_store import ChunkStore, fingerprint
from astroclip_astro.version import __version__


@dataclass(frozen=True)
class Run:
    """One catalogue to be annotated, with the model loaded.

    Parameters
    ----------
    plan : Plan
        Input, output, rows and options.
    job : Job
        Source, model, reference and options.
    store : ChunkStore or None
        Where finished chunks are kept; nowhere where nothing is written.
    """

    plan: Plan
    job: Job
    store: ChunkStore | None

    def annotate(
        self,
        *,
        progress: Progress | None = None,
        report: Callable[[int, str], object] = lambda row, reason: None,
    ) -> np.ndarray:
        """Compute all rows, keeping each finished chunk, and write the output where there is one.

        The columns are added to the plan's table.

        Parameters
        ----------
        progress : Progress, optional
            Says what is being done; by default nothing does.
        report : callable
            Called with row number and reason for each gap.

        Returns
        -------
        ndarray
            Values of the output columns, (n,).

        Raises
        ------
        OutputError
            Where the disk is full, the output cannot be written or another run is writing it;
            finished chunks are kept.
        SourceError
            Where the source failed for every row; nothing is written.
        """
        progress = progress or Progress(quiet=True)
        with self._sole_run(progress):
            rows = annotate_targets(
                self.plan.targets,
                self.job,
                first_row=self.plan.rows.start,
                store=self.store,
                progress=progress,
                report=report,
            )
            self._write(rows, progress)
            if self.store is not None:
                self.store.clear_all()
        return rows

    @contextmanager
    def _sole_run(self, progress: Progress) -> Iterator[None]:
        """Let no other run work on the output until the end of the block, where there is one."""
        if self.store is None or self.plan.output is None:
            yield
            return
        with self.store.locked() as locked:
            if not locked and not progress.quiet:
                progress.write(
                    f"The file system of {self.plan.output} has no locks: another run with the "
                    "same output would not be noticed."
                )
            check_output(self.plan.output, overwrite=self.plan.overwrite)  # it may be there now
            yield

    def _write(self, rows: np.ndarray, progress: Progress) -> None:
        """Add the columns to the table, and write it where there is an output."""
        plan = self.plan
        note_frame(add_columns(plan.table, rows, self.job), plan.targets.frame)
        try:
            calibrate(plan.table, plan.known, plan.limits)
        except InputError as error:
            kept = (
                " What was computed is kept: run again without --calibrate." if self.store else ""
            )
            raise InputError(f"{error}{kept}") from None
        if plan.output is not None:
            progress.stage(f"writing {plan.output.name}")
            write_catalogue(plan.table, plan.output, overwrite=plan.overwrite)

    @property
    def completed(self) -> int:
        """How many rows are completed already, by an earlier run."""
        return 0 if self.store is None else self.store.rows()

    def seconds_per_row(self) -> float:
        """Return how long a row takes to embed here, measured on one batch of blanks."""
        model = self.job.model
        size, samples = model.config.image_size, model.config.spectrum_samples
        noise = np.random.default_rng(0).standard_normal
        calls = {
            "image": lambda: model.embed_images(noise((32, 3, size, size))),
            "spectrum": lambda: model.embed_spectra(noise((32, samples))),
        }
        total = 0.0
        for modality in self.job.modality:
            calls[modality]()  # the first call sets up; it is not typical
            start = time.perf_counter()
            calls[modality]()
            total += time.perf_counter() - start
        return total / 32


def start_run(
    plan: Plan,
    *,
    resume: bool = True,
    verify_source: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Load the model for a plan, and find what an interrupted run of it has finished.

    Parameters
    ----------
    plan : Plan
        From `astroclip_astro.annotate.plan.make_plan`.
    resume : bool
        Use chunks that an interrupted run of the same command left behind.
    verify_source : bool
        Read all files of a source folder to know whether they are those of the interrupted run,
        instead of their names, sizes, times and headers alone.
    progress : Progress, optional
        Says what is being done; by default nothing does.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        For damaged weights, a device that is not there, files of the source that have gone, or a
        source to be verified that is no folder; the source is closed.
    """
    source = plan.options.source
    try:
        if verify_source and not hasattr(source, "content_key"):
            raise InputError(
                f"--verify-source goes with a folder of files only, not with source "
                f"{source.name!r}; leave it out."
            )
        store = None
        job = plan.options.load(progress)
        if plan.output is not None:
            name = fingerprint(plan.targets, run_metadata(plan, job, verify_source, progress))
            store = ChunkStore(plan.output, name, resume=resume)
    except BaseException:
        close(source)
        raise
    return Run(plan=plan, job=job, store=store)


def run_metadata(
    plan: Plan, job: Job, verify_source: bool, progress: Progress | None = None
) -> dict[str, object]:
    """Return all that decides the values of a run besides its rows.

    A folder counts by what is in it, not by where it is: another one that is called alike does not
    have the same content, and a copy does.
    """
    source = job.source
    if hasattr(source, "content_key"):
        if verify_source and progress is not None:
            progress.stage("reading all files of the source")
        content = source.content_key(verify=verify_source)
    else:
        content = [source.name, getattr(source, "identity", "")]
    return job.options() | {
        "version": __version__,
        "chunk_rows": CHUNK_ROWS,
        "weights": job.model.card["sha256"],
        "reference": job.reference.sha256,
        "source": content,
        "rows": [plan.rows.start, plan.rows.stop],
    }
