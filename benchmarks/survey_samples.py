"""The samples that simulated_survey.py compares: real ones, and what it measures of SIMULATED ones.

HDF5 files are read block by block; nothing here needs a survey in memory.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import h5py
import numpy as np
from astropy.io import fits
from astropy.table import Table
from model_photometry import measure
from pyarrow import parquet
from scipy.ndimage import zoom

from astroclip_astro.records import PIXEL_SCALE, WAVELENGTH
from astroclip_astro.simulate import Galaxy, Templates, draw_properties, make_galaxy
from astroclip_astro.simulate.galaxy import streams
from astroclip_astro.simulate.instrument import CAMERAS
from astroclip_astro.simulate.lines import LINES

LEFT_OUT = (12, 15, 19)  # rosettes the population was not fitted to
BLOCK = 250  # galaxies
CONTINUUM_LINES = ("OII_3726", "HBETA", "OIII_5007", "HALPHA")
COSMOS_EBV = 0.018  # of the real line measurements' field; their continua are dereddened
MATCHED = 8  # SIMULATED galaxies beside a real one


@dataclass(frozen=True)
class Galaxies:
    """Labels and photometry of a sample.

    Parameters
    ----------
    redshift, log_stellar_mass : ndarray
        float64 (n,).
    magnitudes : ndarray
        float64 (n, 3), dereddened g, r, z.
    rosette : ndarray or None
        int (n,), of real ones.
    """

    redshift: np.ndarray
    log_stellar_mass: np.ndarray
    magnitudes: np.ndarray
    rosette: np.ndarray | None = None

    @property
    def colours(self) -> np.ndarray:
        """Return g - r, r - z and r, (n, 3)."""
        g, r, z = self.magnitudes.T
        return np.stack([g - r, r - z, r], axis=1)

    @property
    def labels(self) -> np.ndarray:
        """Return redshift and mass, (n, 2)."""
        return np.stack([self.redshift, self.log_stellar_mass], axis=1)

    def __getitem__(self, rows: np.ndarray) -> Galaxies:
        """Return some of them."""
        rosette = None if self.rosette is None else self.rosette[rows]
        return Galaxies(
            self.redshift[rows], self.log_stellar_mass[rows], self.magnitudes[rows], rosette
        )


@dataclass(frozen=True)
class Measured:
    """What is measured of each SIMULATED spectrum.

    Parameters
    ----------
    signal_to_noise : dict of str to ndarray
        By camera, (n,): median of a pixel; NaN where a pixel is masked.
    continuum : dict of str to ndarray
        By line, (n,): median of the noiseless spectrum 20 to 60 Angstrom (observed) beside it.
    halpha_width : ndarray
        (n,), equivalent width from the noiseless spectrum, rest frame, with stellar absorption.
    noise : ndarray
        (some, 7781), standard deviation in each pixel of some of them, NaN where masked.
    """

    signal_to_noise: dict[str, np.ndarray]
    continuum: dict[str, np.ndarray]
    halpha_width: np.ndarray
    noise: np.ndarray


def read_labels(folder: Path) -> Galaxies:
    """Return the real galaxies within the simulated range."""
    table = Table.read(folder / "desi_bgs_labels.fits")
    with np.errstate(divide="ignore", invalid="ignore"):
        flux = np.stack([np.asarray(table[f"FLUX_{band}"], float) for band in "GRZ"], axis=1)
        magnitudes = 22.5 - 2.5 * np.log10(flux)
    redshift = np.asarray(table["Z"], float)
    galaxies = Galaxies(
        redshift, np.asarray(table["LOGMSTAR"], float), magnitudes, np.asarray(table["ROSETTE"])
    )
    return galaxies[(magnitudes[:, 1] < 20.3) & (redshift > 0.01) & (redshift < 0.6)]


def read_bright(folder: Path) -> Table:
    """Return the real galaxies of the bright programme with line measurements."""
    columns = parquet.read_table(folder / "desi_dr1_cosmos_lines.parquet")
    table = Table({name: columns[name].to_pylist() for name in columns.column_names})
    return table[(table["PROGRAM"] == "bright") & (table["Z"] < 0.6) & (table["ZWARN"] == 0)]


def read_cutouts(folder: Path) -> dict[str, np.ndarray]:
    """Return real cutouts at 0.262 arcsec a pixel, (3, n, n); oversampled ones are rebinned."""
    cutouts = {}
    for path in sorted((folder / "cutouts").glob("*.fits")):
        if path.stem == "truncated":
            continue
        with fits.open(path) as hdus:
            if hdus[0].data is not None:
                image, scale = hdus[0].data, abs(hdus[0].header["CD1_1"]) * 3600
                image = np.where(np.isfinite(image), image, 0)
                if scale < 0.9 * PIXEL_SCALE:
                    image = zoom(image, (1, scale / PIXEL_SCALE, scale / PIXEL_SCALE), order=1)
            else:  # one HDU a band, each followed by its inverse variance
                image = np.stack([hdus[number].data for number in (1, 3, 5)])
        cutouts[path.stem] = image.astype(np.float32)
    return cutouts


def read_survey(file: h5py.File) -> Galaxies:
    """Return the labels of a SIMULATED survey."""
    return Galaxies(
        file["redshift"][:].astype(float),
        file["log_stellar_mass"][:].astype(float),
        22.5 - 2.5 * np.log10(file["flux"][:].astype(float)),
    )


def blocks(n: int) -> list[slice]:
    """Return slices that cover n rows."""
    return [slice(first, min(first + BLOCK, n)) for first in range(0, n, BLOCK)]


def measure_spectra(file: h5py.File, noise_step: int = 8) -> Measured:
    """Return what is measured of every spectrum, and the noise of each ``noise_step``-th."""
    redshift = file["redshift"][:].astype(float)
    n = len(redshift)
    ratio = {camera: np.full(n, np.nan) for camera in CAMERAS}
    continuum = {line: np.full(n, np.nan) for line in CONTINUUM_LINES}
    width, noise = np.full(n, np.nan), []
    for rows in blocks(n):
        flux, ivar, clean = (file[name][rows] for name in ("spectrum", "ivar", "clean_spectrum"))
        for camera, ((low, high), _) in CAMERAS.items():
            pixels = (low <= WAVELENGTH) & (high > WAVELENGTH)
            whole = (ivar[:, pixels] > 0).all(axis=1)
            snr = np.median(flux[:, pixels] * np.sqrt(ivar[:, pixels]), axis=1)
            ratio[camera][rows] = np.where(whole, snr, np.nan)
        for line in CONTINUUM_LINES:
            continuum[line][rows] = beside(clean, LINES[line] * (1 + redshift[rows]))
        width[rows] = halpha_widths(clean, redshift[rows])
        with np.errstate(divide="ignore"):
            some = 1 / np.sqrt(ivar[(-rows.start) % noise_step :: noise_step])
        noise.append(np.where(np.isfinite(some), some, np.nan))
    return Measured(ratio, continuum, width, np.concatenate(noise))


def beside(flux: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the median flux 20 to 60 Angstrom to either side of a wavelength, (n,)."""
    offset = np.concatenate([np.arange(-75, -24), np.arange(25, 76)])
    pixel = np.round((place - WAVELENGTH[0]) / 0.8).astype(int)
    inside = (pixel >= 75) & (pixel < flux.shape[1] - 75)
    columns = np.where(inside, pixel, 75)[:, None] + offset
    return np.where(inside, np.median(np.take_along_axis(flux, columns, axis=1), axis=1), np.nan)


def halpha_widths(clean: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    """Return H alpha's equivalent width in the rest frame, (n,): line within 9 Angstrom."""
    widths = np.full(len(clean), np.nan)
    for row, (flux, z) in enumerate(zip(clean, redshift, strict=True)):
        rest = WAVELENGTH / (1 + z)
        if rest[-1] < 6690:
            continue
        sides = ((rest > 6490) & (rest < 6532)) | ((rest > 6604) & (rest < 6680))
        line = abs(rest - LINES["HALPHA"]) < 9
        level = np.polynomial.Polynomial.fit(rest[sides], flux[sides], 1)(rest[line])
        widths[row] = np.sum(flux[line] / level - 1) * 0.8 / (1 + z)
    return widths


def sky_of(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rms of the sky, and the correlation of neighbouring pixels, in g, r, z, (3,) each.

    Pixels farther than 14.4 arcsec from the middle and within 2.5 sigma of their median (by
    median absolute deviation) are used.
    """
    rows = np.arange(image.shape[-1]) - (image.shape[-1] - 1) / 2
    away = np.hypot(rows[:, None], rows[None]) > 55
    rms, correlation = np.full(3, np.nan), np.full(3, np.nan)
    for band, values in enumerate(np.asarray(image, np.float32)):
        if np.mean(values == 0) > 0.5:
            continue
        values = values - np.median(values[away])
        rms[band] = 1.4826 * np.median(np.abs(values[away]))
        sky = away & (np.abs(values) < 2.5 * rms[band])
        pairs = [
            (values[:, 1:] * values[:, :-1])[sky[:, 1:] & sky[:, :-1]],
            (values[1:] * values[:-1])[sky[1:] & sky[:-1]],
        ]
        correlation[band] = np.concatenate(pairs).mean() / np.mean(values[sky] ** 2)
    return rms, correlation


def measure_sky(file: h5py.File, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `sky_of` of each ``step``-th SIMULATED image, (n, 3) each."""
    measured = [sky_of(file["images"][row]) for row in range(0, len(file["images"]), step)]
    rms, correlation = zip(*measured, strict=True)
    return np.stack(rms), np.stack(correlation)


def measure_magnitudes(path: Path, n: int, jobs: int) -> np.ndarray:
    """Return dereddened magnitudes measured from the SIMULATED images, (n, 3)."""
    jobs_of = [(path, rows) for rows in blocks(n)]
    with (
        ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
        if jobs > 1
        else nullcontext() as pool
    ):
        return np.concatenate(list((pool.map if pool else map)(magnitudes_of_block, jobs_of)))


def magnitudes_of_block(job: tuple[Path, slice]) -> np.ndarray:
    """Return the measured magnitudes of a block, (rows, 3)."""
    path, rows = job
    with h5py.File(path) as file:
        images = file["images"][rows].astype(np.float32)
        seeing, ebv = file["psf_size"][rows], file["ebv"][rows]
    return np.stack([measure(*galaxy) for galaxy in zip(images, seeing, ebv, strict=True)])


def remake(templates: Templates, seed: int, index: int) -> Galaxy:
    """Return a galaxy of a survey as it was before anybody observed it."""
    drawn, made, *_ = streams(np.random.SeedSequence(seed, spawn_key=(index,)), 6)
    properties = draw_properties(templates.population, np.random.default_rng(drawn))
    return make_galaxy(templates, properties, made)


def match_signal(
    simulated: Galaxies,
    measured: Measured,
    bright: Table,
    camera: str,
    line: str,
    reddening: dict[str, np.ndarray],
) -> tuple[Table, np.ndarray]:
    """Return real galaxies with a line's continuum in a camera, and SIMULATED over real S/N."""
    low, high = CAMERAS[camera][0]
    snr, level = measured.signal_to_noise[camera], measured.continuum[line]
    good = np.isfinite(snr) & (level > 0)
    snr, level, redshift = snr[good], level[good], simulated.redshift[good]
    place = LINES[line] * (1 + np.asarray(bright["Z"]))
    real = bright[(place > low + 40) & (place < high - 40) & (bright[f"{line}_CONT"] > 0.2)]
    ratio = []
    for row in real:
        dust = np.interp(LINES[line] * (1 + row["Z"]), *reddening.values())
        seen = row[f"{line}_CONT"] * 10 ** (-0.4 * COSMOS_EBV * dust)
        near = np.argsort(np.abs(np.log(level / seen)) + np.abs(redshift - row["Z"]))[:MATCHED]
        ratio.append(np.median(snr[near]) / row[f"SNR_{camera}"])
    return real, np.array(ratio)


@dataclass(frozen=True)
class Widths:
    """Equivalent widths of one line at matched redshift and mass.

    Parameters
    ----------
    real, simulated : ndarray
        Rest-frame Angstrom, of detections.
    weight : ndarray
        Of the SIMULATED ones: each real galaxy's matches count as one galaxy.
    real_detected, simulated_detected : float
        Part that is detected.
    tried : int
        Real galaxies with a match.
    """

    real: np.ndarray
    simulated: np.ndarray
    weight: np.ndarray
    real_detected: float
    simulated_detected: float
    tried: int

    @property
    def median(self) -> float:
        """Weighted median of the SIMULATED detections."""
        order = np.argsort(self.simulated)
        total = np.cumsum(self.weight[order])
        return float(self.simulated[order][np.searchsorted(total, total[-1] / 2)])


def match_widths(
    simulated: Galaxies, width: np.ndarray, bright: Table, line: str, shift: float
) -> Widths:
    """Apply each real galaxy's 3 sigma limit to SIMULATED ones of its redshift and mass."""
    real, widths, weights, found, expected = [], [], [], [], []
    inside = np.isfinite(width) & (LINES[line] * (1 + simulated.redshift) < 9750)
    for row in bright:
        ivar, level = row[f"{line}_FLUX_IVAR"], row[f"{line}_CONT"]
        if not 0 < ivar < 1e6 or level < 0.02 or LINES[line] * (1 + row["Z"]) > 9700:
            continue
        limit = 3 / np.sqrt(ivar) / level / (1 + row["Z"])
        near = np.abs(simulated.redshift - row["Z"]) < 0.03
        near &= np.abs(simulated.log_stellar_mass - row["LOGMSTAR"] - shift) < 0.2
        alike = width[near & inside]
        if len(alike) < 8:
            continue
        detected = row[f"{line}_FLUX"] * np.sqrt(ivar) > 3
        found.append(detected)
        expected.append((alike > limit).mean())
        if detected:
            real.append(row[f"{line}_EW"])
        widths.append(alike[alike > limit])
        weights.append(np.full(len(widths[-1]), 1 / len(alike)))
    return Widths(
        np.array(real), np.concatenate(widths), np.concatenate(weights),
        float(np.mean(found)), float(np.mean(expected)), len(found),
    )  # fmt: skip
