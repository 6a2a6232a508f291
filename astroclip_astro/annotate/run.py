"""A catalogue file in, an annotated file out: resumable, and finished atomically."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table

from astroclip_astro.annotate.output import add_columns, check_names, taken_names
from astroclip_astro.annotate.pipeline import CHUNK_ROWS, annotate_targets, row_dtype
from astroclip_astro.annotate.progress import Progress
from astroclip_astro.annotate.recalibrate import calibrate, check_known, parse_known
from astroclip_astro.annotate.setup import Job, Options, check_options, close
from astroclip_astro.catalogue import check_output, read_catalogue, write_catalogue
from astroclip_astro.columns import PREFIX, STEMS
from astroclip_astro.errors import CatalogueError, InputError, OutputError, did_you_mean
from astroclip_astro.records import Targets
from astroclip_astro.sky import describe_positions, find_targets
from astroclip_astro.storage.chunk_store import ChunkStore, fingerprint
from astroclip_astro.version import __version__

__all__ = ["Run", "prepare_run"]

LISTED = 3  # columns in a message


def default_output(catalogue: Path) -> Path:
    """Return where the result goes when nothing is said: beside the input, FITS."""
    name = catalogue.name.removesuffix(".gz")
    return catalogue.with_name(f"{Path(name).stem}_astroclip.fits")


def check_paths(
    catalogue: str | os.PathLike | None, output: str | os.PathLike | None, *, overwrite: bool
) -> tuple[Path | None, Path | None]:
    """Return input and output, sure that both are possible and not the same file."""
    catalogue = None if catalogue is None else Path(catalogue)
    output = None if output is None else Path(output)
    try:
        if catalogue is not None:
            if not catalogue.is_file():
                found = "a folder" if catalogue.is_dir() else "nothing"
                raise CatalogueError(
                    f"Catalogue {str(catalogue)!r}: found {found} there, expected a file with a "
                    "table; check the path."
                )
            output = default_output(catalogue) if output is None else output
            if output.resolve() == catalogue.resolve() or (
                output.exists() and output.samefile(catalogue)
            ):
                raise OutputError(
                    f"Output {output} is the input itself; choose another name with -o. "
                    "The input is never changed."
                )
        if output is not None:
            check_output(output, overwrite=overwrite)
    except OSError as error:
        raise InputError(
            f"Path {str(error.filename)[:60]!r} cannot be used: {error.strerror}; choose another."
        ) from None
    return catalogue, output


def row_range(text: str | None, count: int) -> slice:
    """Return the rows ``A:B`` stands for, as Python counts them."""
    if text is None:
        return slice(0, count)
    parts = text.split(":")
    try:
        start, stop = (int(part) if part.strip() else None for part in parts)
    except ValueError:
        raise InputError(
            f"Rows {text!r}, expected A:B with whole numbers, counted from 0, B not included."
        ) from None
    start, stop, _ = slice(start, stop).indices(count)
    if stop <= start:
        raise InputError(f"Rows {text!r} of a catalogue with {count} rows are none at all.")
    return slice(start, stop)


@dataclass(frozen=True)
class Run:
    """One catalogue to be annotated, with everything checked before work begins.

    Parameters
    ----------
    catalogue : Path or None
        Input file, None for a table.
    output : Path or None
        Output file, None where nothing is written.
    table : Table
        The rows asked for.
    targets : Targets
        Their positions.
    positions : str
        Where those were found, in words.
    job : Job
        Source, model, reference and options.
    first_row : int
        Number of the first row asked for in the catalogue.
    store : ChunkStore or None
        Where finished chunks are kept; nowhere where nothing is written.
    overwrite : bool
        Whether the output may be replaced.
    known : dict of str to str
        Labels whose errors are calibrated on a column of the catalogue.
    """

    catalogue: Path | None
    output: Path | None
    table: Table
    targets: Targets
    positions: str
    job: Job
    first_row: int
    store: ChunkStore | None
    overwrite: bool
    known: dict[str, str]

    def annotate(
        self,
        *,
        progress: Progress | None = None,
        report: Callable[[int, str], object] = lambda row, reason: None,
    ) -> np.ndarray:
        """Compute all rows, keeping each finished chunk, and write the output where there is one.

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
            Where the disk is full or the output cannot be written; finished chunks are kept.
        SourceError
            Where the source failed for every row; nothing is written.
        """
        progress = progress or Progress(quiet=True)
        rows = annotate_targets(
            self.targets,
            self.job,
            first_row=self.first_row,
            store=self.store,
            progress=progress,
            report=report,
        )
        add_columns(self.table, rows, self.job)
        try:
            calibrate(self.table, self.known)
        except InputError as error:
            kept = (
                " What was computed is kept: run again without --calibrate." if self.store else ""
            )
            raise InputError(f"{error}{kept}") from None
        if self.output is not None:
            progress.stage(f"writing {self.output.name}")
            write_catalogue(self.table, self.output, overwrite=self.overwrite)
        if self.store is not None:
            self.store.clear_all()
        return rows

    @property
    def completed(self) -> int:
        """How many rows are completed already, by an earlier run."""
        return 0 if self.store is None else self.store.rows()

    def obstacles(self) -> list[str]:
        """Return what there is that only ``overwrite`` would replace, in words."""
        found = []
        if not self.overwrite:
            if self.output is not None and self.output.exists():
                found.append("the output exists")
            if taken := taken_names(self.table, self.job.columns):
                more = f" and {len(taken) - LISTED} more" * (len(taken) > LISTED)
                shown = ", ".join(taken[:LISTED])
                found.append(f"the catalogue has columns called {shown}{more}")
        return found

    def preview(self) -> list[str]:
        """Return lines that say what the source has for the rows, or has cached of them."""
        return self.job.source.preview(
            self.targets,
            modality=self.job.modality,
            radius=self.job.match_radius,
            size=self.job.model.config.image_size,
        )

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

    def disk_bytes(self) -> int:
        """Return about how much the output columns take on disk."""
        return len(self.table) * row_dtype(self.job.columns).itemsize


def prepare_run(
    catalogue: str | os.PathLike | Table,
    output: str | os.PathLike | None = None,
    *,
    ra: str | None = None,
    dec: str | None = None,
    rows: str | None = None,
    resume: bool = True,
    overwrite: bool = False,
    dry: bool = False,
    calibrate: str | None = None,
    progress: Progress | None = None,
    **options: object,
) -> Run:
    """Check a catalogue, the output and all options before any work is done.

    Parameters
    ----------
    catalogue : str, path or Table
        Whatever astropy reads: FITS, VOTable, ECSV, CSV, Parquet.
    output : str or path, optional
        Its suffix says the format; ``CATALOG_astroclip.fits`` beside the input by default. A table
        is not written where no output is given.
    ra, dec : str, optional
        Names of the position columns where they cannot be told.
    rows : str, optional
        ``A:B``, annotate and write only these rows.
    resume : bool
        Use chunks that an interrupted run of the same command left behind.
    overwrite : bool
        Replace the output, and columns whose names are taken.
    dry : bool
        Only look: what needs ``overwrite`` is no mistake yet; `Run.obstacles` says it.
    calibrate : str, optional
        ``LABEL=COLUMN,...``: calibrate errors of labels on columns of true values.
    progress : Progress, optional
        Says what is being done; by default nothing does.
    **options
        As `astroclip_astro.annotate.setup.prepare_job` has them.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        The user's mistake, in one line; nothing was written.
    """
    progress = progress or Progress(quiet=True)
    table, path = (catalogue, None) if isinstance(catalogue, Table) else (None, catalogue)
    path, output = check_paths(path, output, overwrite=overwrite or dry)
    if table is None:
        progress.stage(f"reading {path.name}")
        table = read_catalogue(path)
    chosen = row_range(rows, len(table))
    positions = describe_positions(table, ra=ra, dec=dec)
    targets = find_targets(table, ra=ra, dec=dec)[chosen]
    known = parse_known(calibrate or "")
    check_known(table[chosen], known)
    progress.stage("checking options")
    checked = check_options(**options)
    try:
        check_names(table, checked.columns, overwrite=overwrite or dry)
        check_labels(checked, known)
    except InputError:
        close(checked.source)
        raise
    job = checked.load(progress)
    facts = job.options() | {
        "version": __version__,
        "chunk_rows": CHUNK_ROWS,
        "weights": job.model.card["sha256"],
        "reference": job.reference.sha256,
        "source": [job.source.name, getattr(job.source, "identity", "")],
        "rows": [chosen.start, chosen.stop],
    }
    store = None if output is None else ChunkStore(output, fingerprint(targets, facts))
    if store is not None and not resume:
        store.clear()
    return Run(
        catalogue=path,
        output=output,
        table=table[chosen],
        targets=targets,
        positions=positions,
        job=job,
        first_row=chosen.start,
        store=store,
        overwrite=overwrite,
        known=known,
    )


def check_labels(options: Options, known: dict[str, str]) -> None:
    """Refuse to calibrate labels that are not written."""
    written = {column.name for column in options.columns}
    for label in known:
        if (
            label not in options.reference.labels
            or f"{PREFIX}{STEMS.get(label, label)}" not in written
        ):
            raise InputError(
                f"Label {label!r} cannot be calibrated: it is not among those that are written; "
                f"reference {options.reference.name} has {', '.join(options.reference.labels)}"
                f"{did_you_mean(label, options.reference.labels) or '.'}"
            )
