"""What a run would do: input, output, positions and options, checked before torch is loaded."""

from __future__ import annotations

import errno
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astropy.table import Table

from astroclip_astro.annotate.job import close
from astroclip_astro.annotate.output import check_names, empty_columns, taken_names
from astroclip_astro.annotate.progress import Progress
from astroclip_astro.annotate.recalibrate import check_label_columns, parse_label_columns
from astroclip_astro.annotate.rows import row_dtype
from astroclip_astro.annotate.setup import Options, check_options
from astroclip_astro.annotate.true_values import parse_limits
from astroclip_astro.catalogue import check_output, read_catalogue, split_table_name
from astroclip_astro.catalogue.trial import check_writable
from astroclip_astro.columns import COLUMN_ROOTS, PREFIX
from astroclip_astro.config import DEVICE, PRECISION
from astroclip_astro.errors import (
    CatalogueError,
    InputError,
    OutputError,
    TextTableWarning,
    did_you_mean,
)
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
    catalogue: str | os.PathLike | Table, output: str | os.PathLike | None, *, overwrite: bool
) -> tuple[Path | None, Path | None]:
    """Return input and output files, sure that both are possible; a table is no file."""
    path = None if isinstance(catalogue, Table) else Path(catalogue)
    output = None if output is None else Path(output)
    try:
        if path is not None:
            file, _ = split_table_name(path)  # FILE#TABLE
            if not file.is_file():
                found = "a folder" if file.is_dir() else "nothing"
                found = "a link that leads nowhere" if file.is_symlink() else found
                raise CatalogueError(
                    f"Catalogue {str(file)!r}: found {found} there, expected a file with a "
                    "table; check the path."
                )
            output = default_output(file) if output is None else output
            if output.resolve() == file.resolve() or (output.exists() and output.samefile(file)):
                raise OutputError(
                    f"Output {output} is the input itself; choose another name with -o. "
                    "The input is never changed."
                )
        if output is not None:
            check_output(output, overwrite=overwrite)
    except (OSError, RuntimeError) as error:  # the latter for links that lead to themselves
        where = getattr(error, "filename", None) or output or catalogue
        reason = getattr(error, "strerror", None) or os.strerror(errno.ELOOP)
        raise InputError(
            f"Path {str(where)[:60]!r} cannot be used: {reason}; choose another."
        ) from None
    return path, output


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
    notes : list of str
        What had to be assumed when the catalogue was read.
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
    notes: list[str]

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
        source = self.options.source
        if not hasattr(source, "preview"):  # a source of the user's own need not have it
            return []
        return source.preview(
            self.targets,
            modality=self.options.modality,
            radius=self.options.match_radius,
            size=self.options.image_size,
        )

    def check_format(self, form: str) -> None:
        """Raise where a format cannot hold the table with the output columns; close the source.

        Parameters
        ----------
        form : str
            As `astroclip_astro.catalogue.check_output` returns it.

        Raises
        ------
        OutputError
            Naming the column, or saying what there is too much of.
        """
        try:
            check_writable(self.table, empty_columns(self.options.columns), form)
        except BaseException:
            close(self.options.source)
            raise

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
    **options: Any,
) -> Plan:
    """Check a catalogue, the output and all options before anything slow is done.

    Parameters
    ----------
    catalogue : str, path or Table
        A table, or a file as `astroclip_astro.catalogue.read_catalogue` takes it.
    output : str or path, optional
        Its suffix says the format; by default ``CATALOG_astroclip.fits``, nothing for a table.
    ra, dec, frame : str, optional
        Columns of positions and their frame, as `astroclip_astro.sky.find_targets` has them.
    rows : str, optional
        ``A:B``, annotate and write only these rows.
    overwrite, dry : bool
        Replace the output, and columns whose names are taken; only look (`Plan.obstacles`).
    calibrate, calibrate_limits : str, optional
        ``LABEL=COLUMN,...`` of true values, and ``LABEL=LOW:HIGH,...`` that they lie between.
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
    path, destination = check_paths(catalogue, output, overwrite=overwrite or dry)
    table, notes = read_table(catalogue, progress, [name for name in (ra, dec) if name is not None])
    chosen = row_range(rows, len(table))
    positions, targets = find_rows(table, {"ra": ra, "dec": dec, "frame": frame}, notes)
    part, known = table[chosen], parse_label_columns(calibrate or "")
    limits = parse_limits(calibrate_limits or "")
    check_label_columns(part, known, limits)
    progress.stage("checking options")
    checked = options_for(table, known, overwrite=overwrite or dry, **options)
    found = (part, targets[chosen], positions)
    return checked_plan(
        Plan(path, destination, *found, checked, chosen, overwrite, known, limits, notes)
    )


def find_rows(table: Table, names: dict[str, str | None], notes: list[str]) -> tuple[str, Targets]:
    """Return where positions come from, in words, and the targets of all rows."""
    try:
        return describe_positions(table, **names), find_targets(table, **names)
    except CatalogueError as error:
        if not notes:
            raise
        raise CatalogueError(f"{error} The file: {'; '.join(notes)}.") from None


def checked_plan(plan: Plan) -> Plan:
    """Return a plan, sure that the format of its output can hold the table."""
    try:
        if plan.output is not None:
            plan.check_format(check_output(plan.output, overwrite=True))
    except BaseException:
        close(plan.options.source)
        raise
    return plan


def read_table(
    catalogue: str | os.PathLike | Table, progress: Progress, columns: list[str]
) -> tuple[Table, list[str]]:
    """Return the table of a file that has some columns, and what had to be assumed of it.

    A table passes through.
    """
    if isinstance(catalogue, Table):
        return catalogue, []
    progress.stage(f"reading {Path(catalogue).name}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", TextTableWarning)
        table = read_catalogue(Path(catalogue), columns=columns, as_text=True)
    notes = [str(one.message) for one in caught if one.category is TextTableWarning]
    return table, [words.partition(": ")[2] for words in notes]


def options_for(table: Table, known: dict[str, str], *, overwrite: bool, **options: Any) -> Options:
    """Return checked options, sure that a table can take their columns and calibrations."""
    checked = check_options(**options)
    try:
        check_names(table, checked.columns, overwrite=overwrite)
        check_labels(checked, known)
    except InputError:
        close(checked.source)
        raise
    return checked


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
