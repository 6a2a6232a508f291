"""The files of an evaluation report: page, figures, and all numbers as CSV."""

from __future__ import annotations

import csv
import io
import math
import os
import re
import shutil
from pathlib import Path

import numpy as np

from astroclip_astro.columns import COLUMN_ROOTS
from astroclip_astro.errors import OutputError
from astroclip_astro.evaluate.page import page
from astroclip_astro.evaluate.report import Report
from astroclip_astro.evaluate.scores import Score
from astroclip_astro.evaluate.table import rows_of_file
from astroclip_astro.figures.style import save_figure
from astroclip_astro.zeroshot.calibrated import BEST
from astroclip_astro.zeroshot.conformal import LEVELS

NUMBERS = ("section", "row", "quantity", "value", "low", "high")


FIGURES = re.compile(
    r"((predictions|pit|coverage)_(redshift|log_stellar_mass)|novelty_(image|spectrum|either)"
    r"|(retrieval|attention|masked)_[0-9]+|ranks|losses)\.(png|pdf)"
)


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
    about = {"simulated": Score(math.nan if report.simulated is None else report.simulated)}
    about |= {f"{name}_galaxies": Score(len(some)) for name, some in counts.items()}
    sections = {"about": {report.kind: about}, "table1": table.scores, **report.sections}
    lines = [
        (section, row, quantity, *map(number, (one.value, one.low, one.high)))
        for section, rows in sections.items()
        for row, quantities in rows.items()
        for quantity, one in quantities.items()
    ]
    return as_csv([NUMBERS, *lines])


def predictions_csv(report: Report) -> str:
    """Return the predictions for each test galaxy, a line each.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    str
        CSV with row (of the data, from 0); ``z_true, z, z_lo68, z_hi68, z_lo95, z_hi95``, and the
        same with ``logmstar`` where there are masses; ``z_other``, the second of two answers;
        and ``data``, which says SIMULATED where they are. Photometry alone has no intervals.
    """
    test = report.table.test
    nothing = np.full(len(test), np.nan)
    columns: dict[str, list[str]] = {"row": [str(row) for row in rows_of_file(test)]}
    for label, true in test.labels.items():
        short = COLUMN_ROOTS[label]
        if report.predicted:
            best = report.predicted[label][BEST]
            value, intervals = best.prediction.value, best.intervals
        else:
            value, intervals = report.table.predictions[report.predicted_by][label], {}
        columns[f"{short}_true"] = numbers(true)
        columns[short] = numbers(value)
        for level in LEVELS:
            low, high = intervals.get(level, (nothing, nothing))
            columns[f"{short}_lo{round(100 * level)}"] = numbers(low)
            columns[f"{short}_hi{round(100 * level)}"] = numbers(high)
    if report.predicted and "redshift" in report.predicted:
        columns["z_other"] = numbers(report.predicted["redshift"][BEST].prediction.secondary)
    columns["data"] = [report.kind] * len(test)
    return as_csv([tuple(columns), *zip(*columns.values(), strict=True)])


def write_report(report: Report, folder: Path, *, overwrite: bool = False) -> Path:
    """Write ``index.html``, ``numbers.csv``, ``predictions.csv``, and figures as PNG and PDF.

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
        for name, (figure, _) in report.figures.items():
            save_figure(figure, scratch, name)
        if place.is_dir():
            for file in sorted(scratch.iterdir()):
                file.replace(place / file.name)
            for file in place.iterdir():  # figures of an older report beside numbers of this one
                if FIGURES.fullmatch(file.name) and file.stem not in report.figures:
                    file.unlink()
        else:
            scratch.replace(place)
    except OSError as error:
        raise OutputError(
            f"Report {folder} cannot be written: {error.strerror}; choose another place."
        ) from None
    except OutputError as error:
        why = getattr(error.__cause__, "strerror", error)
        raise OutputError(f"Report {folder} cannot be written: {why}.") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return place / "index.html"


def numbers(values: np.ndarray) -> list[str]:
    """Return numbers as `number` does."""
    return [number(value) for value in values]


def number(value: float) -> str:
    """Return a number with six digits; nothing for NaN."""
    return f"{float(value):.6g}" if np.isfinite(value) else ""


def as_csv(lines: list[tuple[str, ...]]) -> str:
    """Return lines as CSV."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(lines)
    return stream.getvalue()
