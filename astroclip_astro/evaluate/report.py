"""The folder of a report: a page, the numbers on it, and a line for each galaxy that was told."""

from __future__ import annotations

import csv
import io
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from astroclip_astro.errors import OutputError

from .page import page
from .scores import Estimate
from .table import TableOne

__all__ = ["Report", "check_report_folder", "numbers_csv", "predictions_csv", "write_report"]

NUMBERS = ("section", "row", "quantity", "value", "low", "high")
SHORT = {"redshift": "z", "log_stellar_mass": "logmstar"}
TOLD_BY = ("spectrum_knn", "image_knn", "photometry_mlp")  # the first there is


@dataclass(frozen=True)
class Report:
    """All that a report says.

    Parameters
    ----------
    title : str
        Of the page; calls simulated galaxies simulated.
    facts : mapping of str to str
        What was evaluated and how, in words, for the page.
    simulated : bool or None
        Whether the galaxies are; None where nothing says so.
    table : TableOne
        The rows.
    sections : mapping of str to mapping
        Further sections, ``retrieval`` for example: for each row its quantities.
    """

    title: str
    facts: Mapping[str, str]
    simulated: bool | None
    table: TableOne
    sections: Mapping[str, Mapping[str, Mapping[str, Estimate]]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """``SIMULATED``, ``observed`` or ``unknown``."""
        return {True: "SIMULATED", False: "observed", None: "unknown"}[self.simulated]

    @property
    def told_by(self) -> str:
        """The row whose predictions are listed: spectra if there are, as astroclip_z is."""
        return next(name for name in TOLD_BY if name in self.table.predictions)


def check_report_folder(folder: Path, *, overwrite: bool) -> Path:
    """Make sure that a report can be written.

    Parameters
    ----------
    folder : Path
        Its folder.
    overwrite : bool
        Whether files of a report that is there may be replaced.

    Returns
    -------
    pathlib.Path
        Absolute.

    Raises
    ------
    OutputError
        If it is a file or a folder with something in it, or cannot be written.

    Examples
    --------
    >>> check_report_folder(Path("report"), overwrite=False).name
    'report'
    """
    place = Path(folder).resolve()
    if place.exists() and not place.is_dir():
        raise OutputError(f"Report {folder} is a file; name a folder.")
    if place.is_dir() and any(place.iterdir()) and not overwrite:
        raise OutputError(
            f"Report {folder} exists and is not empty; choose another folder, or allow its files "
            "to be replaced (--overwrite)."
        )
    if not place.parent.is_dir():
        raise OutputError(f"Folder {place.parent} of the report does not exist; make it first.")
    writable = place if place.is_dir() else place.parent
    if not os.access(writable, os.W_OK | os.X_OK):
        raise OutputError(f"Folder {writable} of the report cannot be written; choose another.")
    return place


def numbers_csv(report: Report) -> str:
    """Return every number of a report, a line each.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    str
        CSV with the columns section, row, quantity, value, low, high; empty where there is none.
    """
    table = report.table
    counts = {"reference": table.reference, "test": table.test}
    about = {"simulated": Estimate(math.nan if report.simulated is None else report.simulated)}
    about |= {f"{name}_galaxies": Estimate(len(some)) for name, some in counts.items()}
    sections = {"about": {report.kind: about}, "table1": table.scores, **report.sections}
    lines = [
        (section, row, quantity, *map(number, (one.value, one.low, one.high)))
        for section, rows in sections.items()
        for row, quantities in rows.items()
        for quantity, one in quantities.items()
    ]
    return as_csv([NUMBERS, *lines])


def predictions_csv(report: Report) -> str:
    """Return what was told of each test galaxy, a line each.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    str
        CSV with row (of the data, from 0), ``z_true, z``, ``logmstar_true, logmstar`` where there
        are masses, and ``data``, which says SIMULATED where they are.
    """
    test, told = report.table.test, report.table.predictions[report.told_by]
    columns: dict[str, list[str]] = {"row": [str(row) for row in test.rows]}
    for label, found in told.items():
        short = SHORT[label]
        columns[f"{short}_true"] = [number(value) for value in test.labels[label]]
        columns[short] = [number(value) for value in found]
    columns["data"] = [report.kind] * len(test)
    return as_csv([tuple(columns), *zip(*columns.values(), strict=True)])


def write_report(report: Report, folder: Path, *, overwrite: bool = False) -> Path:
    """Write ``index.html``, ``numbers.csv`` and ``predictions.csv``.

    Parameters
    ----------
    report : Report
        What to write.
    folder : Path
        Where to; it appears when it is complete.
    overwrite : bool
        Replace the files of a report that is there; other files stay.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    OutputError
        As `check_report_folder`, or for a full disk.
    """
    place = check_report_folder(folder, overwrite=overwrite)
    files = {
        "numbers.csv": numbers_csv(report),
        "predictions.csv": predictions_csv(report),
        "index.html": page(report),
    }
    scratch = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        scratch.mkdir()
        for name, text in files.items():
            (scratch / name).write_text(text, encoding="utf-8", newline="")
        if place.is_dir():
            for name in files:
                (scratch / name).replace(place / name)
        else:
            scratch.replace(place)
    except OSError as error:
        raise OutputError(
            f"Report {folder} cannot be written: {error.strerror}; choose another place."
        ) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return place / "index.html"


def number(value: float) -> str:
    """Return a number with six digits; nothing for NaN."""
    return f"{float(value):.6g}" if np.isfinite(value) else ""


def as_csv(lines: list[tuple[str, ...]]) -> str:
    """Return lines as CSV."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(lines)
    return stream.getvalue()
