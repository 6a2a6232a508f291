"""Redrock files: DESI's redshifts of a coadd's targets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from astroclip_astro.fetch.files.fits_file import (
    DamagedFileError,
    column,
    numbers_by_name,
    open_fits,
    overrun,
)

REDSHIFT_TABLES = ("REDSHIFTS", "ZBEST")  # as redrock writes them, since 2021 and before
Redshifts = dict[int, tuple[float | None, int, str]]  # redshift, ZWARN, SPECTYPE by TARGETID


@dataclass(frozen=True)
class RedrockFile:
    """A file of redshifts: its path and the HDU number of its table."""

    path: Path
    table: int


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
            return RedrockFile(path, numbers[name])
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


def redrocks_of(coadd: Path, coadds: Iterable[Path], redrocks: Iterable[Path]) -> list[Path]:
    """Choose the redrock files whose redshifts belong to a coadd.

    Parameters
    ----------
    coadd : pathlib.Path
        The coadd file.
    coadds, redrocks : iterable of pathlib.Path
        All coadd files and redrock files there are.

    Returns
    -------
    list of pathlib.Path
        The one named like the coadd, with ``redrock`` or ``zbest`` for ``coadd``; else all in
        the same folder that are not named like another coadd; joined on TARGETID either way.

    Examples
    --------
    >>> here = [Path("a/redrock-1.fits"), Path("a/redrock-2.fits"), Path("b/redrock-3.fits")]
    >>> coadds = [Path("a/coadd-1.fits"), Path("a/coadd-3.fits")]
    >>> [path.name for path in redrocks_of(coadds[0], coadds, here)]
    ['redrock-1.fits']
    >>> [path.name for path in redrocks_of(coadds[1], coadds, here)]
    ['redrock-2.fits']
    """
    beside = [path for path in redrocks if path.parent == coadd.parent]
    own = [path for path in beside if _stem(path) in _companions(coadd)]
    if own:
        return own[:1]
    taken = set().union(*(_companions(other) for other in coadds if other.parent == coadd.parent))
    return [path for path in beside if _stem(path) not in taken]


def _companions(coadd: Path) -> list[str]:
    """Return what a coadd's redrock file may be called, without suffixes."""
    return [_stem(coadd).replace("coadd", word) for word in ("redrock", "zbest")]


def _stem(path: Path) -> str:
    """Return a file's name in lower case without .fits, .gz and the like."""
    return path.name.lower().rsplit(".fit", 1)[0]
