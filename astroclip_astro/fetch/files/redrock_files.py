"""Redrock files: DESI's redshifts of a coadd's targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from astroclip_astro.fetch.files.fibermap import Fibermap, find_fibermap, read_fibermap
from astroclip_astro.fetch.files.file_identity import Identity, read_identity
from astroclip_astro.fetch.files.fits_file import (
    DamagedFileError,
    all_hdus,
    column,
    numbers_by_name,
    open_fits,
    overrun,
)

REDSHIFT_TABLES = ("REDSHIFTS", "ZBEST")  # as redrock writes them, since 2021 and before
Redshifts = dict[int, tuple[float | None, int, str]]  # redshift, ZWARN, SPECTYPE by TARGETID


@dataclass(frozen=True)
class RedrockFile:
    """A file of redshifts.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    table : int
        HDU number of the redshifts.
    identity : mapping
        Which observations it is of; see `file_identity.read_identity`.
    """

    path: Path
    table: int
    identity: Identity = field(default_factory=dict)


def recognise_redrock(path: Path, hdus: Sequence) -> RedrockFile | None:
    """Recognise a redrock file from headers.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    hdus : sequence of HDU
        All its HDUs.

    Returns
    -------
    RedrockFile or None
        None where there is no table REDSHIFTS or ZBEST.

    Examples
    --------
    >>> from astropy.io import fits
    >>> hdus = [fits.PrimaryHDU(), fits.BinTableHDU(name="REDSHIFTS")]
    >>> recognise_redrock(Path("redrock.fits"), hdus).table
    1
    """
    numbers = numbers_by_name(hdus)
    for name in REDSHIFT_TABLES:
        if name in numbers:
            return RedrockFile(path, numbers[name], read_identity(hdus))
    return None


def read_redrock(file: RedrockFile) -> Redshifts:
    """Read redshifts.

    Parameters
    ----------
    file : RedrockFile
        Where they are.

    Returns
    -------
    dict
        For each TARGETID redshift (None where not finite), ZWARN and spectral type.

    Raises
    ------
    DamagedFileError
        Where the table cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from astropy.io import fits
    >>> path = Path(tempfile.mkdtemp()) / "redrock.fits"
    >>> names = "TARGETID,Z,ZWARN,SPECTYPE"
    >>> row = np.rec.array([(39627866878511337, 0.25, 0, "GALAXY")], names=names)
    >>> fits.BinTableHDU(row, name="REDSHIFTS").writeto(path)
    >>> read_redrock(RedrockFile(path, 1))
    {39627866878511337: (0.25, 0, 'GALAXY')}
    """
    with open_fits(file.path) as hdus:
        table = hdus[file.table]
        if reason := overrun(table, file.path):
            raise DamagedFileError(reason)
        targetid = column(table, "TARGETID", np.int64).tolist()
        redshift = column(table, "Z", np.float64).tolist()
        zwarn = column(table, "ZWARN", np.int64).tolist()
        spectype = column(table, "SPECTYPE", str).tolist()
    values = [z if math.isfinite(z) else None for z in redshift]
    # Upside down, so that of a TARGETID that comes twice the first row stays.
    rows = zip(targetid, values, zwarn, spectype, strict=True)
    return {target: tuple(facts) for target, *facts in reversed(list(rows))}


def read_redrock_targets(file: RedrockFile) -> Fibermap | None:
    """Read whose spectra the redshifts were measured on, as the file itself says it.

    Parameters
    ----------
    file : RedrockFile
        Where they are.

    Returns
    -------
    Fibermap or None
        None where the file has no whole FIBERMAP.

    Examples
    --------
    >>> import tempfile
    >>> from astropy.io import fits
    >>> path = Path(tempfile.mkdtemp()) / "redrock.fits"
    >>> fits.BinTableHDU(name="REDSHIFTS").writeto(path)
    >>> read_redrock_targets(RedrockFile(path, 1)) is None
    True
    """
    try:
        with open_fits(file.path) as hdus:
            table = find_fibermap(all_hdus(hdus))
            return None if table is None else read_fibermap(table, file.path)
    except DamagedFileError:
        return None  # redshifts stand in front of it, and are read and checked by themselves
