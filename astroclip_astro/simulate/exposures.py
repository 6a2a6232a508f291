"""DESI's spectrographs: their resolution, their noise, and the nights they worked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.table import Table
from scipy import sparse
from scipy.ndimage import median_filter
from scipy.special import erf

from astroclip_astro.records import WAVELENGTH
from astroclip_astro.simulate.packages import data_file
from astroclip_astro.simulate.wavelengths import OBSERVED, STEP

PIXEL = 0.8  # Angstrom
CAMERAS = "BRZ"
COADDS = ("coadd-special-dark-27247.fits", "coadd-4-80613-thru20210324.fits")
BRIGHT_SECONDS = 0.14  # effective seconds of the bright programme per unit of TSNR2_BGS
# End-to-end throughput with atmosphere, roughly: DESI Collaboration (2022, AJ 164, 207), fig. 41.
THROUGHPUT = (
    (3600, 3800, 4000, 4500, 5000, 6000, 6500, 7000, 7500, 8500, 9000, 9500, 9824),
    (0.06, 0.14, 0.20, 0.27, 0.29, 0.29, 0.31, 0.34, 0.36, 0.38, 0.37, 0.30, 0.25),
)
MIRROR = 8.66e4  # cm2, the Mayall telescope
PHOTON = 1.986e-8  # erg Angstrom


@dataclass(frozen=True)
class Spectrographs:
    """What turns light into counts and noise.

    Parameters
    ----------
    resolution : scipy.sparse.csr_matrix
        float32 (7781, w), from a spectrum on `OBSERVED` to DESI's pixels at DESI's resolution.
    dispersion : ndarray
        float64 (7781,), Gaussian width of the line-spread function, Angstrom.
    depth : ndarray
        float64 (2, 7781), inverse variance per effective second, of two real dark coadds.
    counts : ndarray
        float64 (7781,), photons a second and pixel of a source of 1e-17 erg/s/cm2/Angstrom.
    reddening : ndarray
        float64 (7781,), Galactic extinction in magnitudes per E(B-V) of SFD.
    effective_time, exposure_time : ndarray
        float64 (nights,), seconds, of real exposures of the bright programme.
    moonlight : ndarray
        float64 (nights, 3), how much brighter than a dark sky at 4770, 6420 and 9170
        Angstrom, less 1.
    seeing : ndarray
        float64 (nights,), FWHM in arcsec.
    """

    resolution: sparse.csr_matrix
    dispersion: np.ndarray
    depth: np.ndarray
    counts: np.ndarray
    reddening: np.ndarray
    effective_time: np.ndarray
    exposure_time: np.ndarray
    moonlight: np.ndarray
    seeing: np.ndarray


def load_spectrographs() -> Spectrographs:
    """Read real inverse variances, resolution and exposures from the packages.

    Returns
    -------
    Spectrographs
        Noise and resolution of two coadds in ``fastspecfit``, exposures of ``desispec``
        (``tsnr_refset_etc.csv``, bright programme), extinction curve of ``desiutil``.
    """
    data_file("desiutil", "dust.py")  # says what to install where it is missing
    from desiutil.dust import dust_transmission

    depth, widths = zip(*(read_coadd(name) for name in COADDS), strict=True)
    dispersion = np.mean(widths, axis=0)
    nights = bright_nights()
    dark_sky = np.array([22.2, 21.47, 19.58])  # magnitudes per square arcsec in g, r, z
    sky = np.stack([nights[f"SKY_MAG_{band}_SPEC"] for band in "GRZ"], axis=1)  # (nights, 3)
    return Spectrographs(
        resolution=resolution_matrix(dispersion),
        dispersion=dispersion,
        depth=np.stack(depth),
        counts=1e-17 * MIRROR * PIXEL * WAVELENGTH / PHOTON * np.interp(WAVELENGTH, *THROUGHPUT),
        reddening=-2.5 * np.log10(dust_transmission(WAVELENGTH, 1.0)),
        effective_time=np.asarray(nights["EFFTIME_SPEC"], float),
        exposure_time=np.asarray(nights["EXPTIME"], float),
        moonlight=np.clip(10 ** (0.4 * (dark_sky - sky)) - 1, 0, 12),
        seeing=np.clip(np.asarray(nights["SEEING_GFA"], float), 0.8, 1.8),
    )


def bright_nights() -> Table:
    """Return the real exposures of the bright programme that have all numbers."""
    path = data_file("desispec", "data", "tsnr", "tsnr_refset_etc.csv")
    nights = Table.read(path, format="ascii.csv")
    needed = ["EFFTIME_SPEC", "SEEING_GFA", "EXPTIME", *(f"SKY_MAG_{band}_SPEC" for band in "GRZ")]
    good = (nights["FAPRGRM"] == "bright") & (nights["EFFTIME_SPEC"] > 60)
    for name in needed:
        good &= np.isfinite(np.asarray(nights[name], float))
    return nights[good & (nights["SEEING_GFA"] > 0.5)]


def read_coadd(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a real coadd's inverse variance per effective second, and its resolution, (7781,)."""
    ivar, width = np.zeros(len(WAVELENGTH)), np.zeros(len(WAVELENGTH))
    with fits.open(data_file("fastspecfit", "test", "data", name)) as hdus:
        for camera in CAMERAS:
            wavelength = hdus[f"{camera}_WAVELENGTH"].data
            first = round((wavelength[0] - WAVELENGTH[0]) / PIXEL)
            pixels = slice(first, first + len(wavelength))
            weight = hdus[f"{camera}_IVAR"].data[0].astype(float)
            ivar[pixels] += weight
            width[pixels] += weight * gaussian_width(hdus[f"{camera}_RESOLUTION"].data[0])
        seconds = BRIGHT_SECONDS * float(hdus["SCORES"].data["TSNR2_BGS"][0])
    good = ivar > 0
    fill = np.interp(WAVELENGTH, WAVELENGTH[good], ivar[good])
    return fill / seconds, np.interp(WAVELENGTH, WAVELENGTH[good], width[good] / ivar[good])


def gaussian_width(diagonals: np.ndarray) -> np.ndarray:
    """Return the width of the kernel in each pixel of a resolution matrix, Angstrom, (pixels,)."""
    half = len(diagonals) // 2
    offset = np.arange(half, -half - 1, -1)[:, None]
    total = np.where(diagonals.sum(axis=0) == 0, 1, diagonals.sum(axis=0))
    mean = (diagonals * offset).sum(axis=0) / total
    variance = (diagonals * (offset - mean) ** 2).sum(axis=0) / total
    return PIXEL * median_filter(np.sqrt(np.clip(variance, 0.3, 3)), 101)


def resolution_matrix(dispersion: np.ndarray) -> sparse.csr_matrix:
    """Return the matrix that averages `OBSERVED` over pixels and blurs them, (7781, w)."""
    edges = OBSERVED[:, None] * np.exp(STEP * np.array([-0.5, 0.5]))  # (w, 2)
    low, high = WAVELENGTH - PIXEL / 2, WAVELENGTH + PIXEL / 2
    rows, columns, values = [], [], []
    reach = 4
    # The widths are those of real matrices, which act on pixels already.
    kernel = np.sqrt(dispersion**2 - PIXEL**2 / 12)
    for shift in range(-reach, reach + 1):  # what pixel + shift has, blurred into this pixel
        pixel = np.clip(np.arange(len(WAVELENGTH)) + shift, 0, len(WAVELENGTH) - 1)
        scaled = PIXEL / (kernel * np.sqrt(2))
        blur = 0.5 * (erf((shift + 0.5) * scaled) - erf((shift - 0.5) * scaled))
        first = np.searchsorted(edges[:, 1], low[pixel], side="right")
        for step in range(8):  # no pixel touches more cells: 0.8 A at 3600 A is 2.2 cells
            cell = np.minimum(first + step, len(OBSERVED) - 1)
            overlap = np.minimum(high[pixel], edges[cell, 1]) - np.maximum(
                low[pixel], edges[cell, 0]
            )
            good = overlap > 0
            rows.append(np.arange(len(WAVELENGTH))[good])
            columns.append(cell[good])
            values.append((blur * overlap / PIXEL)[good])
    shape = (len(WAVELENGTH), len(OBSERVED))
    matrix = sparse.coo_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape
    ).tocsr()
    norm = np.asarray(matrix.sum(axis=1)).ravel()
    return (sparse.diags(1 / norm) @ matrix).tocsr().astype(np.float32)
