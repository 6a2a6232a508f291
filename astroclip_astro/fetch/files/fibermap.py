"""FIBERMAP tables of DESI files: whose spectra a file holds, where they are, and how good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.coordinates import angular_separation
from astropy.io import fits

from astroclip_astro.fetch.files.fits_file import (
    DamagedFileError,
    column,
    numbers_by_name,
    overrun,
)

TABLES = ("FIBERMAP", "COADD_FIBERMAP", "EXP_FIBERMAP")  # names of the HDU, the likeliest first
# Names of a column, the likeliest first: those of coadds, then those of single exposures.
STATUS = ("COADD_FIBERSTATUS", "FIBERSTATUS")
SECONDS = ("COADD_EXPTIME", "EXPTIME")
POSITIONS = (
    ("TARGET_RA", "TARGET_DEC"),
    ("MEAN_FIBER_RA", "MEAN_FIBER_DEC"),
    ("FIBER_RA", "FIBER_DEC"),
)
EXPOSURE_COLUMNS = {"EXPID", "EXPTIME", "FIBERSTATUS", "NIGHT", "MJD"}
# Arcsec. Exposures of one target point to the same place; TARGETIDs that stand for nothing do not.
SAME_PLACE = 2.0


@dataclass(frozen=True, eq=False)
class Fibermap:
    """The columns of a FIBERMAP that find its spectra.

    Parameters
    ----------
    targetid : ndarray
        int64 (n,).
    ra, dec : ndarray
        float64 (n,), the targets' positions, degrees; those of the fibres where only they stand
        there.
    good_fibre : ndarray
        bool (n,), whether the fibre status is 0; False where it is unknown.
    known_fibre : ndarray
        bool (n,), whether there is a fibre status.
    is_target : ndarray
        bool (n,), object type TGT (not sky or a stuck fibre).
    exposure : ndarray
        float64 (n,), seconds; 0 where unknown.
    single : bool
        Whether a row is one exposure of a target, as in DESI's ``spectra-*.fits``.
    """

    targetid: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    good_fibre: np.ndarray
    known_fibre: np.ndarray
    is_target: np.ndarray
    exposure: np.ndarray
    single: bool


def find_fibermap(hdus: Sequence, count: int | None = None) -> fits.BinTableHDU | None:
    """Find the table that says whose spectra a file holds.

    Parameters
    ----------
    hdus : sequence of HDU
        All of a file.
    count : int, optional
        How many spectra there are: of several tables the one with as many rows comes first.

    Returns
    -------
    BinTableHDU or None
        Named FIBERMAP, COADD_FIBERMAP or EXP_FIBERMAP, in capitals or not.

    Examples
    --------
    >>> find_fibermap([fits.PrimaryHDU(), fits.BinTableHDU(name="exp_fibermap")]).name
    'EXP_FIBERMAP'
    """
    numbers = numbers_by_name(hdus)
    tables = [hdus[numbers[name]] for name in TABLES if name in numbers]
    tables = [table for table in tables if isinstance(table, fits.BinTableHDU)]
    fitting = [table for table in tables if table.header["NAXIS2"] == count]
    return next(iter(fitting or tables), None)


def read_fibermap(table: fits.BinTableHDU, path: Path) -> Fibermap:
    """Read a FIBERMAP.

    Parameters
    ----------
    table : astropy.io.fits.BinTableHDU
        From `find_fibermap`.
    path : pathlib.Path
        The file.

    Returns
    -------
    Fibermap
        What has no column is unknown, and never taken for good.

    Raises
    ------
    DamagedFileError
        Where it is cut short, or has no TARGETID or no positions.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "spectra.fits"
    >>> names = "TARGETID,TARGET_RA,TARGET_DEC,EXPID"
    >>> row = np.rec.array([(39627866878511337, 150.0, 2.0, 7)], names=names)
    >>> fits.BinTableHDU(row, name="FIBERMAP").writeto(path)
    >>> with fits.open(path) as hdus:
    ...     fibermap = read_fibermap(hdus[1], path)
    >>> fibermap.single, fibermap.known_fibre.tolist()
    (True, [False])
    """
    if reason := overrun(table, path):
        raise DamagedFileError(reason)
    known = {name.upper() for name in table.columns.names}
    if "TARGETID" not in known:
        raise DamagedFileError(f"{table.name} has no column TARGETID")
    place = next((pair for pair in POSITIONS if known.issuperset(pair)), None)
    if place is None:
        raise DamagedFileError(f"{table.name} has no columns TARGET_RA and TARGET_DEC")
    targetid = column(table, "TARGETID", np.int64)

    def first(names: Sequence[str], dtype: type) -> np.ndarray | None:
        name = next((name for name in names if name in known), None)
        return None if name is None else column(table, name, dtype)

    status, seconds = first(STATUS, np.int64), first(SECONDS, np.float64)
    kind = first(("OBJTYPE",), str)
    nothing = np.zeros(len(targetid))
    coadded = any(name.startswith("COADD_") for name in known)
    return Fibermap(
        targetid=targetid,
        ra=column(table, place[0], np.float64),
        dec=column(table, place[1], np.float64),
        good_fibre=nothing > 0 if status is None else status == 0,
        known_fibre=np.full(len(targetid), status is not None),
        is_target=nothing == 0 if kind is None else np.char.upper(kind) == "TGT",
        exposure=nothing if seconds is None else np.where(np.isfinite(seconds), seconds, 0),
        single=not coadded and bool(known & EXPOSURE_COLUMNS),
    )


def exposures_of_targets(fibermap: Fibermap) -> dict[int, np.ndarray]:
    """Say which rows are exposures that belong together and are worth combining.

    Parameters
    ----------
    fibermap : Fibermap
        Of a file of single exposures.

    Returns
    -------
    dict
        For each row of a target with several exposures the rows to combine, int (m,): those with
        good fibre status; of a target without such a row, those whose status is unknown. Bad
        exposures are not combined with anything, and have no entry.

    Examples
    --------
    >>> import tempfile
    >>> columns = "TARGETID,TARGET_RA,TARGET_DEC,FIBERSTATUS"
    >>> rows = np.rec.array([(7, 150.0, 2.0, status) for status in (512, 0, 0)], names=columns)
    >>> path = Path(tempfile.mkdtemp()) / "spectra.fits"
    >>> fits.BinTableHDU(rows, name="FIBERMAP").writeto(path)
    >>> with fits.open(path) as hdus:
    ...     exposures_of_targets(read_fibermap(hdus[1], path))
    {1: array([1, 2]), 2: array([1, 2])}
    """
    members: dict[int, np.ndarray] = {}
    usable = np.flatnonzero(fibermap.is_target & (fibermap.good_fibre | ~fibermap.known_fibre))
    order = usable[np.argsort(fibermap.targetid[usable], kind="stable")]
    starts = np.flatnonzero(np.diff(fibermap.targetid[order])) + 1
    for rows in np.split(order, starts):
        good = rows[fibermap.good_fibre[rows]]
        rows = good if len(good) else rows
        if len(rows) < 2:
            continue
        ra, dec = np.radians(fibermap.ra[rows]), np.radians(fibermap.dec[rows])
        with np.errstate(invalid="ignore"):  # positions that are no numbers are not apart
            apart = np.degrees(angular_separation(ra[0], dec[0], ra, dec)) * 3600
        if not (apart > SAME_PLACE).any():
            members |= dict.fromkeys(rows.tolist(), rows)
    return members
