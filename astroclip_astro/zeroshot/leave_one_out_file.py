"""Leave-one-out predictions as a table of the reference's FITS file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

from astroclip_astro.columns import MODALITIES
from astroclip_astro.errors import WeightsError
from astroclip_astro.zeroshot.held_out import LeaveOneOut
from astroclip_astro.zeroshot.leave_one_out import BIMODAL_LABEL
from astroclip_astro.zeroshot.prediction import Prediction

EXTENSION = "LEAVEONEOUT"
DIGEST = "ACLOOSHA"


def leave_one_out_table(held_out: LeaveOneOut) -> fits.BinTableHDU:
    """Return leave-one-out predictions as a FITS table.

    Parameters
    ----------
    held_out : LeaveOneOut
        Predictions of s galaxies.

    Returns
    -------
    BinTableHDU
        s rows: ``row`` (of the reference, from 0), ``distance_MODALITY`` (mean cosine distance),
        ``LABEL_MODALITY_value`` and ``LABEL_MODALITY_scatter``, and for redshifts
        ``redshift_MODALITY_other`` (the second peak).
    """
    columns = [fits.Column("row", "J", array=held_out.rows)]
    for modality in MODALITIES:
        columns.append(fits.Column(f"distance_{modality}", "D", array=held_out.distances[modality]))
    for (label, modality), one in held_out.predictions.items():
        parts = {"value": one.value, "scatter": one.scatter}
        if label == BIMODAL_LABEL:
            parts["other"] = one.secondary
        columns += [
            fits.Column(f"{label}_{modality}_{part}", "D", array=values)
            for part, values in parts.items()
        ]
    table = fits.BinTableHDU.from_columns(columns, name=EXTENSION)
    table.header[DIGEST] = held_out.digest  # fills the card, no room for a comment
    return table


def read_leave_one_out(hdus: fits.HDUList, path: Path) -> LeaveOneOut | None:
    """Read leave-one-out predictions from a reference's file.

    Parameters
    ----------
    hdus : HDUList
        The open file.
    path : Path
        What messages call it.

    Returns
    -------
    LeaveOneOut or None
        None where the file holds none. Whether they belong to the reference is for
        `Reference.held_out` to say.

    Raises
    ------
    WeightsError
        For a table that is damaged.
    """
    tables = [hdu for hdu in hdus[1:] if hdu.name == EXTENSION]
    if not tables:
        return None
    table = tables[-1]
    rows = _read_rows(table, path)

    def column(name: str) -> np.ndarray:
        if name not in table.columns.names:
            raise WeightsError(
                f"Table {EXTENSION} of {path} has no column {name}; remove the table, and it will "
                "be made again."
            )
        return np.array(table.data[name], float)

    suffix = "_image_value"
    labels = [name.removesuffix(suffix) for name in table.columns.names if name.endswith(suffix)]
    nothing = np.full(len(rows), np.nan)
    return LeaveOneOut(
        digest=str(table.header.get(DIGEST, "")),
        rows=rows,
        distances={modality: column(f"distance_{modality}") for modality in MODALITIES},
        predictions={
            (label, modality): Prediction(
                column(f"{label}_{modality}_value"),
                column(f"{label}_{modality}_scatter"),
                column(f"{label}_{modality}_other") if label == BIMODAL_LABEL else nothing,
            )
            for label in labels
            for modality in MODALITIES
        },
    )


def _read_rows(table: fits.BinTableHDU, path: Path) -> np.ndarray:
    """Return the rows of the reference that a table is about, int64, all its formats checked."""
    data, names = table.data, set(table.columns.names)
    wrong = [name for name in names - {"row"} if data.dtype[name].str != ">f8"]
    rows = np.array(data["row"], np.int64) if "row" in names else np.array([-1])
    if wrong or rows.ndim != 1 or not len(rows) or rows[0] < 0 or (np.diff(rows) <= 0).any():
        raise WeightsError(
            f"Table {EXTENSION} of {path} is damaged, expected ascending rows and float64 columns; "
            "remove the table, and it will be made again."
        )
    return rows
