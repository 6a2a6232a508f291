"""What a run would do: input, output, positions and options, checked before torch is loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from astropy.table import Table

from astroclip_astro.annotate.job import close
from astroclip_astro.annotate.output import check_names, taken_names
from astroclip_astro.annotate.pipeline import row_dtype
from astroclip_astro.annotate.progress import Progress
from astroclip_astro.annotate.recalibrate import check_label_columns, parse_label_columns
from astroclip_astro.annotate.setup import Options, check_options
from astroclip_astro.annotate.true_values import parse_limits
from astroclip_astro.catalogue import check_output, read_catalogue
from astroclip_astro.columns import COLUMN_ROOTS, PREFIX
from astroclip_astro.config import DEVICE, PRECISION
from astroclip_astro.errors import CatalogueError, InputError, OutputError, did_you_mean
from astroclip_astro.records import Targets
from astroclip_astro.sky import describe_positions, find_targets
from astroclip_astro.storage.chunk_store import any_finished

LISTED = 3  # columns in a message
SMALL = 100  # rows: below it nobody has to know how long it takes


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
class Plan:
    """One catalogue to be annotated, with everything checked that needs no network.

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
    options : Options
        Source, reference and what else was asked for.
    rows : slice
        The rows asked for, as the catalogue counts them.
    overwrite : bool
        Whether the output may be replaced.
    known : dict of str to str
        Labels whose errors are calibrated on a column of the catalogue.
    limits : dict of str to (float, float)
        Limits of the true values of such labels, where the user gives them.
    """

    catalogue: Path | None
    output: Path | None
    table: Table
    targets: Targets
    positions: str
    options: Options
    rows: slice
    overwrite: bool
    known: dict[str, str]
    limits: dict[str, tuple[float, float]]

    @property
    def needs_model(self) -> bool:
        """Whether a model is needed to say how long a run takes, or what of it is done."""
        return (
            len(self.table) >= SMALL
            or (self.options.device, self.options.precision) != (DEVICE, PRECISION)
            or (self.output is not None and any_finished(self.output))
        )

    def obstacles(self) -> list[str]:
        """Return what there is that only ``overwrite`` would replace, in words."""
        found = []
        if not self.overwrite:
            if self.output is not None and self.output.exists():
                found.append("the output exists")
            if taken := taken_names(self.table, self.options.columns):
                more = f" and {len(taken) - LISTED} more" * (len(taken) > LISTED)
                shown = ", ".join(taken[:LISTED])
                found.append(f"the catalogue has columns called {shown}{more}")
        return found

    def preview(self) -> list[str]:
        """Return lines that say what the source has for the rows, or has cached of them."""
        return self.options.source.preview(
            self.targets,
            modality=self.options.modality,
            radius=self.options.match_radius,
            size=self.options.image_size,
        )

    def disk_bytes(self) -> int:
        """Return about how much the output columns take on disk."""
        return len(self.table) * row_dtype(self.options.columns).itemsize


def make_plan(
    catalogue: str | os.PathLike | Table,
    output: str | os.PathLike | None = None,
    *,
    ra: str | None = None,
    dec: str | None = None,
    frame: str | None = None,
    rows: str | None = None,
    overwrite: bool = False,
    dry: bool = False,
    calibrate: str | None = None,
    calibrate_limits: str | None = None,
    progress: Progress | None = None,
    **options: object,
) -> Plan:
    """Check a catalogue, the output and all options before anything slow is done.

    Parameters
    ----------
    catalogue : str, path or Table
        Whatever astropy reads: FITS, VOTable, ECSV, CSV, Parquet.
    output : str or path, optional
        Its suffix says the format; ``CATALOG_astroclip.fits`` beside the input by default. A table
        is not written where no output is given.
    ra, dec : str, optional
        Names of the position columns where they cannot be recognised.
    frame : str, optional
        Frame of the positions, as `astroclip_astro.sky.frames.parse_frame` reads it; by default
        what the catalogue says, else ICRS.
    rows : str, optional
        ``A:B``, annotate and write only these rows.
    overwrite : bool
        Replace the output, and columns whose names are taken.
    dry : bool
        Only look: what needs ``overwrite`` is no mistake yet; `Plan.obstacles` says it.
    calibrate : str, optional
        ``LABEL=COLUMN,...``: calibrate errors of labels on columns of true values.
    calibrate_limits : str, optional
        ``LABEL=LOW:HIGH,...``: the limits of true values of these labels.
    progress : Progress, optional
        Says what is being done; by default nothing does.
    **options
        As `astroclip_astro.annotate.setup.check_options` has them.

    Returns
    -------
    Plan
        Whose source is open.

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
    positions = describe_positions(table, ra=ra, dec=dec, frame=frame)
    targets = find_targets(table, ra=ra, dec=dec, frame=frame)[chosen]
    known = parse_label_columns(calibrate or "")
    limits = parse_limits(calibrate_limits or "")
    check_label_columns(table[chosen], known, limits)
    progress.stage("checking options")
    checked = check_options(**options)
    try:
        check_names(table, checked.columns, overwrite=overwrite or dry)
        check_labels(checked, known)
    except InputError:
        close(checked.source)
        raise
    return Plan(
        catalogue=path,
        output=output,
        table=table[chosen],
        targets=targets,
        positions=positions,
        options=checked,
        rows=chosen,
        overwrite=overwrite,
        known=known,
        limits=limits,
    )


def check_labels(options: Options, known: dict[str, str]) -> None:
    """Refuse to calibrate labels that are not written."""
    written = {column.name for column in options.columns}
    for label in known:
        if (
            label not in options.reference.labels
            or f"{PREFIX}{COLUMN_ROOTS.get(label, label)}" not in written
        ):
            raise InputError(
                f"Label {label!r} cannot be calibrated: it is not among those that are written; "
                f"reference {options.reference.name} has {', '.join(options.reference.labels)}"
                f"{did_you_mean(label, options.reference.labels) or '.'}"
            )
