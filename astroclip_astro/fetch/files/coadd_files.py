"""DESI coadd files, and files of single exposures: targets, and spectra read by row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.io import fits

from astroclip_astro.fetch.files.fibermap import (
    exposures_of_targets,
    find_fibermap,
    read_fibermap,
)
from astroclip_astro.fetch.files.file_identity import Identity, read_identity
from astroclip_astro.fetch.files.fits_file import DamagedFileError, open_fits, overrun
from astroclip_astro.fetch.files.redrock_files import REDSHIFT_TABLES
from astroclip_astro.records import WAVELENGTH

# A camera, or several whose spectra have been combined already.
PART = re.compile(r"(B|R|Z|BR|RZ|BRZ)_(WAVELENGTH|FLUX|IVAR|MASK)", re.IGNORECASE)
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
    good_fibre, known_fibre, is_target : ndarray
        bool (n,), fibre status 0; whether there is a fibre status; object type TGT (not sky or a
        stuck fibre).
    exposure : ndarray
        float64 (n,), seconds, 0 where unknown; of single exposures the sum of those that are
        combined.
    cameras : tuple of dict
        HDU numbers of WAVELENGTH, FLUX, IVAR and, where there is one, MASK: a dict for each
        camera there is.
    damage : str or None
        Why no spectrum of it can be read, None where they can as far as headers tell.
    single : bool
        Whether a row is one exposure of a target.
    members : mapping of int to ndarray
        Rows that are exposures of one target and are combined, by each of these rows; rows that
        are not named stand alone.
    identity : mapping
        Which observations it is of; see `file_identity.read_identity`.
    """

    path: Path
    targetid: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    good_fibre: np.ndarray
    known_fibre: np.ndarray
    is_target: np.ndarray
    exposure: np.ndarray
    cameras: tuple[dict[str, int], ...]
    damage: str | None
    single: bool = False
    members: Mapping[int, np.ndarray] = field(default_factory=dict)
    identity: Identity = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of spectra."""
        return len(self.targetid)

    def quality(self, row: int) -> bool | None:
        """Say whether the fibre of a row was good; None where the file does not say it."""
        return bool(self.good_fibre[row]) if self.known_fibre[row] else None


def recognise_coadd(path: Path, hdus: Sequence) -> CoaddFile | None:
    """Recognise a coadd and read the columns of FIBERMAP that find its spectra.

    Missing cameras are allowed. A file that ends before the last of its spectra is damaged as a
    whole: cameras stand one after the other, so every spectrum lacks something. In a file of
    single exposures (no ``COADD_...`` column in its FIBERMAP) those of one target that have a good
    fibre status are combined.

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
        Where FIBERMAP itself is cut short, or lacks TARGETID or positions.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "flat.fits"
    >>> fits.PrimaryHDU().writeto(path)
    >>> with fits.open(path) as hdus:
    ...     recognise_coadd(path, hdus) is None
    True
    """
    parts = _parts(hdus)
    flux = next((part["FLUX"] for part in parts.values() if "FLUX" in part), None)
    shape = () if flux is None else hdus[flux].shape
    table = find_fibermap(hdus, shape[0] if shape else None)
    cut = next(filter(None, (overrun(hdu, path) for hdu in hdus)), None)
    names = {hdu.name.strip().upper() for hdu in hdus}
    if table is None or (not parts and (not cut or names.intersection(REDSHIFT_TABLES))):
        return None
    fibermap = read_fibermap(table, path)
    cameras, damage = _cameras(path, hdus, parts, len(fibermap.targetid))
    if cut and (damage or len(set("".join(parts))) < len(CAMERAS)):
        # A file that ends in its first camera has lost the others, and must not pass for one that
        # never had them.
        damage = cut
    members = exposures_of_targets(fibermap) if fibermap.single else {}
    exposure = fibermap.exposure.copy()
    for row, rows in members.items():
        exposure[row] = fibermap.exposure[rows].sum()
    return CoaddFile(
        path=path,
        targetid=fibermap.targetid,
        ra=fibermap.ra,
        dec=fibermap.dec,
        good_fibre=fibermap.good_fibre,
        known_fibre=fibermap.known_fibre,
        is_target=fibermap.is_target,
        exposure=exposure,
        cameras=cameras,
        damage=damage,
        single=fibermap.single,
        members=members,
        identity=read_identity(hdus),
    )


def read_spectra(file: CoaddFile, rows: Iterable[int]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Read spectra, and only those rows of the file, and combine cameras and exposures.

    Where cameras overlap flux is the mean weighted by inverse variance, and inverse variances
    add up; flux is 0 where inverse variance is 0. The rule in force for DESI's EDR and DR1. So
    it is with several exposures of a target. Masked samples count as having no data.

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
    members = {row: file.members.get(row, np.array([row])) for row in sorted(set(rows))}
    lines = sorted({int(line) for group in members.values() for line in group})
    numbers = {line: number for number, line in enumerate(lines)}
    weighted = np.zeros((len(members), len(WAVELENGTH)))
    ivar = np.zeros_like(weighted)
    with open_fits(file.path) as hdus:
        for camera in file.cameras:
            place = _grid_index(hdus[camera["WAVELENGTH"]])
            # One part after the other, rows upwards: a gzipped file is read once, forwards.
            flux, weight = (_read_rows(hdus[camera[part]], lines) for part in ("FLUX", "IVAR"))
            good = np.isfinite(flux) & np.isfinite(weight) & (weight > 0)
            if "MASK" in camera:
                good &= _read_rows(hdus[camera["MASK"]], lines) == 0
            weight = np.where(good, weight, 0).astype(np.float64)  # (lines, camera)
            flux = weight * np.where(good, flux, 0)
            for i, group in enumerate(members.values()):
                chosen = [numbers[int(line)] for line in group]
                weighted[i, place] += flux[chosen].sum(axis=0)
                ivar[i, place] += weight[chosen].sum(axis=0)
    flux = np.divide(weighted, ivar, out=np.zeros_like(ivar), where=ivar > 0)
    flux, ivar = flux.astype(np.float32), ivar.astype(np.float32)  # (n, 7781)
    return {row: (flux[i], ivar[i]) for i, row in enumerate(members)}


def _parts(hdus: Sequence) -> dict[str, dict[str, int]]:
    """Return the HDU numbers of each camera's parts, whatever is wrong with them.

    What several cameras have given is not used beside the cameras themselves: it is the same data.
    """
    parts: dict[str, dict[str, int]] = defaultdict(dict)
    for number, hdu in enumerate(hdus):
        match = PART.fullmatch(hdu.name.strip())
        if match and isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU):
            camera, part = match.group(1).upper(), match.group(2).upper()
            parts[camera].setdefault(part, number)
    for camera in list(parts):
        if len(camera) > 1 and parts.keys() & set(camera):
            del parts[camera]
    return {name: part for name, part in parts.items() if part.keys() & set(PARTS)}


def _cameras(
    path: Path, hdus: Sequence, parts: Mapping[str, dict[str, int]], count: int
) -> tuple[tuple[dict[str, int], ...], str | None]:
    """Return where the cameras of a coadd are, and what is wrong with them, from headers."""
    cameras = []
    for camera, numbers in sorted(parts.items()):
        for part in PARTS:
            if part not in numbers:
                return (), f"{camera}_{part} is missing"
        for number in numbers.values():
            if reason := overrun(hdus[number], path):
                return (), reason
        (length, *more) = hdus[numbers["WAVELENGTH"]].shape or (0,)
        if more or not 0 < length <= len(WAVELENGTH):
            return (), f"{camera}_WAVELENGTH has shape {(length, *more)}"
        for part in numbers.keys() - {"WAVELENGTH"}:
            shape = hdus[numbers[part]].shape
            if shape != (count, length):
                return (), f"{camera}_{part} has shape {shape}, expected {(count, length)}"
        unit = str(hdus[numbers["FLUX"]].header.get("BUNIT", "")).strip()
        if unit and not ("erg" in unit.lower() and "-17" in unit):
            return (), f"{camera}_FLUX in {unit!r} (BUNIT), expected 10**-17 erg/(s cm2 Angstrom)"
        cameras.append(numbers)
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
