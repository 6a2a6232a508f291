"""One galaxy from one FITS file: the cutout it is, or a spectrum of the coadd it is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from astroclip_astro.errors import InputError
from astroclip_astro.fetch.files.coadd_files import CoaddFile, read_spectra, recognise_coadd
from astroclip_astro.fetch.files.cutout_files import recognise_cutouts
from astroclip_astro.fetch.files.cutout_pixels import read_cutout
from astroclip_astro.fetch.files.fits_file import DamagedFileError, all_hdus, open_fits
from astroclip_astro.fetch.files.image_layers import UNUSED, describe_unused
from astroclip_astro.records import Cutout, Spectrum

LISTED = 3  # TARGETIDs that a message names


def read_one_cutout(path: str | os.PathLike, size: int) -> Cutout:
    """Read the middle of a FITS cutout, as `astroclip_astro.fetch.local.LocalSource` would.

    Parameters
    ----------
    path : str or path
        Bands g, r, z in nanomaggies a pixel of 0.262 arcsec, with a celestial WCS.
    size : int
        Side of the field, native pixels.

    Returns
    -------
    Cutout

    Raises
    ------
    InputError
        Where the file cannot be read, is no cutout, or holds nothing there.

    Examples
    --------
    >>> import tempfile
    >>> from astropy.io import fits
    >>> from astroclip_astro.fetch.files.pixel_grid import native_grid
    >>> path = Path(tempfile.mkdtemp()) / "cutout.fits"
    >>> header = native_grid(150, 2).to_header()
    >>> header.update(BANDS="grz", CRPIX1=50.5, CRPIX2=50.5)
    >>> fits.writeto(path, np.ones((3, 100, 100), "f4"), header)
    >>> read_one_cutout(path, 96).image.shape
    (3, 96, 96)
    """
    path = Path(path)
    try:
        with open_fits(path) as hdus:
            headers = all_hdus(hdus)
            file = next(iter(recognise_cutouts(path, headers)), None)
            if file is None:
                raise DamagedFileError(describe_unused(headers, path).removeprefix(UNUSED))
            if file.damage:
                raise DamagedFileError(file.damage)
            cutout = read_cutout({path: hdus}, file, file.ra, file.dec, size)
            if cutout is None:
                raise DamagedFileError("no pixel around its centre has data")
    except DamagedFileError as error:
        raise _refusal(path, error, "a FITS cutout in g, r, z with a celestial WCS") from None
    return cutout


def read_one_spectrum(path: str | os.PathLike, targetid: int | None = None) -> Spectrum:
    """Read one spectrum of a DESI coadd.

    Parameters
    ----------
    path : str or path
        A coadd file.
    targetid : int, optional
        Which spectrum, where the file holds several. Of several with this TARGETID, one with good
        fibre status comes first, then the longest exposed; single exposures are combined.

    Returns
    -------
    Spectrum
        Without redshift; its separation is NaN.

    Raises
    ------
    InputError
        Where the file cannot be read, is no coadd, or does not say which spectrum is meant.
    """
    path = Path(path)
    try:
        with open_fits(path) as hdus:
            file = recognise_coadd(path, all_hdus(hdus))
        if file is None:
            raise DamagedFileError("no FIBERMAP with spectra of a camera")
        if file.damage:
            raise DamagedFileError(file.damage)
        rows = _rows(file, targetid)
        flux, ivar = read_spectra(file, [int(rows[0])])[int(rows[0])]
    except DamagedFileError as error:
        raise _refusal(path, error, "a DESI coadd") from None
    row = int(rows[0])
    return Spectrum(
        flux=flux,
        ivar=ivar,
        targetid=int(file.targetid[row]),
        ra=float(file.ra[row]),
        dec=float(file.dec[row]),
        separation=float("nan"),
        good_fibre=file.quality(row),
        matches=len(rows),
        redshift=None,
        zwarn=None,
        spectype=None,
        origin=str(path),
    )


def _rows(file: CoaddFile, targetid: int | None) -> np.ndarray:
    """Return the rows of a coadd that are meant, the best first."""
    if targetid is None:
        rows = np.flatnonzero(file.is_target)
        names = np.unique(file.targetid[rows])
        if len(names) > 1:
            some = ", ".join(map(str, names[:LISTED].tolist()))
            raise InputError(
                f"{file.path} holds spectra of {len(names)} targets ({some}, ...); say which: "
                "--targetid (targetid=... in Python)."
            )
    else:
        rows = np.flatnonzero(file.targetid == targetid)
    if not len(rows):
        wanted = "target" if targetid is None else f"TARGETID {targetid}"
        raise InputError(
            f"{file.path} has no {wanted} among its {len(file)} spectra; give another file or "
            "TARGETID."
        )
    known, good = file.known_fibre[rows], file.good_fibre[rows]
    return rows[np.lexsort((rows, -file.exposure[rows], ~known & ~good, known & ~good))]


def _refusal(path: Path, error: DamagedFileError, expected: str) -> InputError:
    """Return what to say of a file that cannot be used."""
    return InputError(f"{path} cannot be used ({error}); expected {expected}.")
