"""DESI coadd files: targets, and spectra read by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from astroclip_astro.fetch.files.fits_file import (
    DamagedFileError,
    column,
    numbers_by_name,
    open_fits,
    overrun,
)
from astroclip_astro.fetch.files.redrock_files import REDSHIFT_TABLES
from astroclip_astro.records import WAVELENGTH

CAMERAS = ("B", "R", "Z")
PARTS = ("WAVELENGTH", "FLUX", "IVAR")
STEP = WAVELENGTH[1] - WAVELENGTH[0]
GRID_TOLERANCE = 0.01  # Angstrom


@dataclass(frozen=True, eq=False)
class CoaddFile:
    """A coadd file's targets, and where in the file their spectra are.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    targetid : ndarray
        int64 (n,).
    ra, dec : ndarray
        float64 (n,), TARGET_RA and TARGET_DEC, degrees.
    good_fibre, is_target : ndarray
        bool (n,), fibre status 0; object type TGT (not sky or a stuck fibre).
    exposure : ndarray
        float64 (n,), seconds, 0 where unknown.
    cameras : tuple of dict
        HDU numbers of WAVELENGTH, FLUX and IVAR, a dict for each camera there is.
    damage : str or None
        Why no spectrum of it can be read, None where they can as far as headers tell.
    """

    path: Path
    targetid: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    good_fibre: np.ndarray
    is_target: np.ndarray
    exposure: np.ndarray
    cameras: tuple[dict[str, int], ...]
    damage: str | None

    def __len__(self) -> int:
        """Return the number of spectra."""
        return len(self.targetid)


def recognise_coadd(path: Path, hdus: Sequence) -> CoaddFile | None:
    """Recognise a coadd and read the columns of FIBERMAP that find its spectra.

    Missing cameras are allowed. A file that ends before the last of its spectra is damaged as a
    whole: cameras stand one after the other, so every spectrum lacks something.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    hdus : sequence of HDU
        All its HDUs, of the open file.

    Returns
    -------
    CoaddFile or None
        None where there is no FIBERMAP or, in a file that is whole, no camera.

    Raises
    ------
    DamagedFileError
        Where FIBERMAP itself is cut short.

    Examples
    --------
    >>> recognise_coadd(Path("flat.fits"), [fits.PrimaryHDU()]) is None
    True
    """
    numbers = numbers_by_name(hdus)
    if "FIBERMAP" not in numbers:
        return None
    bare = not any(f"{camera}_{part}" in numbers for camera in CAMERAS for part in PARTS)
    cut = next(filter(None, (overrun(hdu, path) for hdu in hdus)), None)
    if bare and (not cut or any(name in numbers for name in REDSHIFT_TABLES)):
        return None
    fibermap = hdus[numbers["FIBERMAP"]]
    if reason := overrun(fibermap, path):
        raise DamagedFileError(reason)
    targetid = column(fibermap, "TARGETID", np.int64)
    unknown = np.zeros(len(targetid))
    known = fibermap.columns.names

    def optional(name: str, dtype: type, default: np.ndarray) -> np.ndarray:
        return column(fibermap, name, dtype) if name in known else default

    exposure = optional("COADD_EXPTIME", np.float64, unknown)
    cameras, damage = _cameras(path, hdus, len(targetid))
    if cut and len(cameras) < len(CAMERAS):
        # A file that ends in its first camera has lost the others, and must not pass for one that
        # never had them.
        damage = cut
    return CoaddFile(
        path=path,
        targetid=targetid,
        ra=column(fibermap, "TARGET_RA", np.float64),
        dec=column(fibermap, "TARGET_DEC", np.float64),
        good_fibre=optional("COADD_FIBERSTATUS", np.int64, unknown) == 0,
        is_target=optional("OBJTYPE", str, np.full(len(targetid), "TGT")) == "TGT",
        exposure=np.where(np.isfinite(exposure), exposure, 0),
        cameras=cameras,
        damage=damage,
    )


def read_spectra(file: CoaddFile, rows: Iterable[int]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Read spectra, and only those rows of the file, and combine their cameras.

    Where cameras overlap flux is the mean weighted by inverse variance, and inverse variances
    add up; flux is 0 where inverse variance is 0. The rule in force for DESI's EDR and DR1.

    Parameters
    ----------
    file : CoaddFile
        What its headers say.
    rows : iterable of int
        Rows of FIBERMAP.

    Returns
    -------
    dict
        For each row flux and ivar, float32 (7781,), as `Spectrum` has them.

    Raises
    ------
    DamagedFileError
        Where the file cannot be read, or a camera's wavelengths are not on DESI's grid.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "coadd.fits"
    >>> names = "TARGETID,TARGET_RA,TARGET_DEC"
    >>> target = np.rec.array([(39627866878511337, 150.0, 2.0)], names=names)
    >>> hdus = fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(target, name="FIBERMAP")])
    >>> hdus.append(fits.ImageHDU(3600 + 0.8 * np.arange(2751), name="B_WAVELENGTH"))
    >>> hdus.append(fits.ImageHDU(np.full((1, 2751), 3.0), name="B_FLUX"))
    >>> hdus.append(fits.ImageHDU(np.full((1, 2751), 4.0), name="B_IVAR"))
    >>> hdus.writeto(path)
    >>> with open_fits(path) as hdus:
    ...     file = recognise_coadd(path, list(hdus))
    >>> flux, ivar = read_spectra(file, [0])[0]
    >>> flux[[0, 2750, 2751]].tolist()
    [3.0, 3.0, 0.0]
    """
    rows = sorted(set(rows))
    weighted = np.zeros((len(rows), len(WAVELENGTH)))
    ivar = np.zeros_like(weighted)
    with open_fits(file.path) as hdus:
        for camera in file.cameras:
            place = _grid_index(hdus[camera["WAVELENGTH"]])
            # One part after the other, rows upwards: a gzipped file is read once, forwards.
            flux, weight = (_read_rows(hdus[camera[part]], rows) for part in ("FLUX", "IVAR"))
            good = np.isfinite(flux) & np.isfinite(weight) & (weight > 0)
            weight = np.where(good, weight, 0).astype(np.float64)  # (n, camera)
            weighted[:, place] += weight * np.where(good, flux, 0)
            ivar[:, place] += weight
    flux = np.divide(weighted, ivar, out=np.zeros_like(ivar), where=ivar > 0)
    flux, ivar = flux.astype(np.float32), ivar.astype(np.float32)  # (n, 7781)
    return {row: (flux[i], ivar[i]) for i, row in enumerate(rows)}


def _cameras(
    path: Path, hdus: Sequence, count: int
) -> tuple[tuple[dict[str, int], ...], str | None]:
    """Return where the cameras of a coadd are, and what is wrong with them, from headers."""
    numbers, cameras = numbers_by_name(hdus), []
    for camera in CAMERAS:
        names = {part: f"{camera}_{part}" for part in PARTS}
        if not any(name in numbers for name in names.values()):
            continue
        for name in names.values():
            if name not in numbers:
                return (), f"{name} is missing"
            if reason := overrun(hdus[numbers[name]], path):
                return (), reason
        parts = {part: numbers[name] for part, name in names.items()}
        (length, *more) = hdus[parts["WAVELENGTH"]].shape
        if more or length > len(WAVELENGTH):
            return (), f"{camera}_WAVELENGTH has shape {(length, *more)}"
        for part in ("FLUX", "IVAR"):
            shape = hdus[parts[part]].shape
            if shape != (count, length):
                return (), f"{camera}_{part} has shape {shape}, expected {(count, length)}"
        cameras.append(parts)
    return tuple(cameras), None


def _grid_index(hdu: fits.ImageHDU | fits.CompImageHDU) -> np.ndarray:
    """Return where a camera's wavelengths are on the common grid, or raise."""
    wavelength = np.asarray(hdu.data, dtype=np.float64)
    index = np.round((wavelength - WAVELENGTH[0]) / STEP)
    if not (np.all(np.diff(index) == 1) and index[0] >= 0 and index[-1] < len(WAVELENGTH)):
        raise DamagedFileError(f"{hdu.name}: not a stretch of 3600-9824 Angstrom in steps of 0.8")
    index = index.astype(int)
    if (worst := np.abs(wavelength - WAVELENGTH[index]).max()) > GRID_TOLERANCE:
        raise DamagedFileError(f"{hdu.name}: {worst:.3f} Angstrom off the grid 3600 + 0.8 i")
    return index


def _read_rows(hdu: fits.ImageHDU | fits.CompImageHDU, rows: list[int]) -> np.ndarray:
    """Read some rows of an image, float32 (n, width)."""
    with np.errstate(over="ignore"):
        return np.stack([np.asarray(hdu.section[row], dtype=np.float32) for row in rows])
