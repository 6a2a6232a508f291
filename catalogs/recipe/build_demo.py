"""Make the demo catalogue and the SIMULATED sky it looks at.

Usage: python catalogs/recipe/build_demo.py

Simulates galaxies of a seed that no training set and no reference uses, passes over those whose
data the simulator spoils, and writes them as the archives would: viewer cutouts, DESI coadds and
redrock files. The first forty have a good image and a good spectrum; the rows behind them go wrong
on purpose.
"""

from __future__ import annotations

import shutil
from itertools import count as numbers
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from astroclip_astro import simulate

HERE = Path(__file__).resolve().parents[1]
SEED, COUNT = 20261124, 52
SIZE = 96  # pixels of a cutout, cut from the middle
# What goes wrong on purpose, by row; the good ones come first.
NO_BAND, BAD_PIXELS, NO_FIBRE, DEAD_CAMERA, DAMAGED_FILE, BAD_FIBRE, TWICE = (
    40,
    41,
    42,
    43,
    49,
    50,
    51,
)
NO_IMAGE, NEVER_OBSERVED = (44, 45), (46, 47, 48)
FIRST_ID = 900_000_000_000_000  # outside every range DESI uses
CAMERAS = {"B": (3600.0, 5800.0), "R": (5760.0, 7620.0), "Z": (7520.0, 9824.0)}
SCALE = 0.262 / 3600
NOTE = "SIMULATED galaxy, not an observation"


def positions(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return places on a grid that crosses RA 0."""
    column, row = np.arange(count) % 8, np.arange(count) // 8  # 0.025 deg apart, 0.03 deg rows
    return np.round((359.9 + 0.025 * column) % 360, 4), np.round(-5.0 + 0.03 * row, 4)


def cutout(image: np.ndarray, ra: float, dec: float) -> fits.PrimaryHDU:
    """Return a cube as the viewer serves it."""
    size = image.shape[-1]
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [(size + 1) / 2] * 2
    wcs.wcs.cd = [[-SCALE, 0], [0, SCALE]]
    header = wcs.to_header()
    header["SURVEY"], header["VERSION"], header["IMAGETYP"] = "SIMULATD", "DEMO", "image"
    header["BANDS"] = "grz"
    header["SIMULATD"] = (True, NOTE)
    return fits.PrimaryHDU(image.astype(np.float32), header)


def coadd(flux, ivar, targets: Table) -> fits.HDUList:
    """Return spectra as a DESI coadd file holds them, split into the three cameras."""
    primary = fits.PrimaryHDU()
    primary.header["SIMULATD"] = (True, NOTE)
    table = targets[
        "TARGETID", "TARGET_RA", "TARGET_DEC", "COADD_FIBERSTATUS", "OBJTYPE", "COADD_EXPTIME",
        "SURVEY", "PROGRAM", "ZCAT_PRIMARY",
    ]  # fmt: skip
    hdus = [primary, fits.BinTableHDU(table, name="FIBERMAP")]
    grid = np.round(3600 + 0.8 * np.arange(7781), 1)
    for camera, (low, high) in CAMERAS.items():
        inside = (grid >= low) & (grid <= high)
        others = sum((grid >= a) & (grid <= b) for a, b in CAMERAS.values())[inside]
        hdus.append(fits.ImageHDU(grid[inside], name=f"{camera}_WAVELENGTH"))
        hdus.append(fits.ImageHDU(flux[:, inside], name=f"{camera}_FLUX"))
        # Where two cameras overlap each carries half of the weight.
        hdus.append(fits.ImageHDU(ivar[:, inside] / others.astype("f4"), name=f"{camera}_IVAR"))
    return fits.HDUList(hdus)


def redrock(targets: Table) -> fits.HDUList:
    """Return the redshifts of some targets as DESI's redrock files hold them."""
    primary = fits.PrimaryHDU()
    primary.header["SIMULATD"] = (True, NOTE)
    table = targets["TARGETID", "Z", "ZERR", "ZWARN", "SPECTYPE", "DELTACHI2"]
    return fits.HDUList([primary, fits.BinTableHDU(table, name="REDSHIFTS")])


def target_table(ra: np.ndarray, dec: np.ndarray, z: np.ndarray) -> Table:
    """Return what DESI knows of every galaxy, as if all had been observed well."""
    count = len(ra)
    table = Table(
        {
            "TARGETID": FIRST_ID + np.arange(count),
            "TARGET_RA": ra,
            "TARGET_DEC": dec,
            "COADD_FIBERSTATUS": np.zeros(count, np.int32),
            "OBJTYPE": np.full(count, "TGT"),
            "COADD_EXPTIME": np.full(count, 300.0, np.float32),
            # The first half was in survey validation, and so in the early data release too.
            "SURVEY": np.where(np.arange(count) < count // 2, "sv3", "main"),
            "PROGRAM": np.full(count, "bright"),
            "ZCAT_PRIMARY": np.ones(count, bool),
            "Z": z.astype("f8"),
            "ZERR": np.full(count, 1e-5),
            "ZWARN": np.zeros(count, np.int64),
            "SPECTYPE": np.full(count, "GALAXY"),
            "DELTACHI2": np.full(count, 1000.0),
        }
    )
    table["COADD_FIBERSTATUS"][BAD_FIBRE] = 8
    table["ZWARN"][BAD_FIBRE] = 1 << 11  # poor data
    return table


def write_images(sky: Path, images: np.ndarray, ra: np.ndarray, dec: np.ndarray) -> None:
    """Write the cutouts, with what is wrong with some of them."""
    images[images == 0] = 1e-7  # the survey's float16 rounds to 0, which means no data here
    images[NO_BAND, 2] = 0
    images[BAD_PIXELS, 1, 30:60, 20:50] = 0
    for row in range(COUNT):
        if row not in NO_IMAGE:
            cutout(images[row], ra[row], dec[row]).writeto(sky / f"cutout-{row:02d}.fits")
    damaged = sky / f"cutout-{DAMAGED_FILE}.fits"
    damaged.write_bytes(damaged.read_bytes()[:40_000])


def write_spectra(sky: Path, flux: np.ndarray, ivar: np.ndarray, targets: Table) -> None:
    """Write coadds and redshifts, with what is wrong with some spectra."""
    rng = np.random.default_rng(SEED)
    again = targets[[TWICE]]
    again["PROGRAM"], again["ZCAT_PRIMARY"], again["COADD_EXPTIME"] = "backup", False, 100.0
    noise = rng.standard_normal(flux.shape[1]) / np.sqrt(np.maximum(ivar[TWICE] / 3, 1e-12))
    shallow = np.where(ivar[TWICE] > 0, flux[TWICE] + noise, 0)[None].astype("f4")
    coadd(shallow, ivar[[TWICE]] / 4, again).writeto(sky / "coadd-sim-backup-0.fits")
    redrock(again).writeto(sky / "redrock-sim-backup-0.fits")
    flux[NO_FIBRE], ivar[NO_FIBRE] = 0, 0
    flux[DEAD_CAMERA, 4950:], ivar[DEAD_CAMERA, 4950:] = 0, 0
    observed = ~np.isin(np.arange(COUNT), NEVER_OBSERVED)
    kept = targets[observed]
    coadd(flux[observed], ivar[observed], kept).writeto(sky / "coadd-sim-bright-0.fits")
    redrock(kept).writeto(sky / "redrock-sim-bright-0.fits")


def galaxies() -> dict[str, np.ndarray]:
    """Return the first good galaxies of the seed, one array for each of their fields."""
    templates, found = simulate.load_templates(), []
    for index in numbers():
        galaxy = simulate.simulate_galaxy(templates, SEED, index)
        if not galaxy["artefacts"]:
            found.append(galaxy)
        if len(found) == COUNT:
            return {name: np.stack([one[name] for one in found]) for name in found[0]}


def main() -> None:
    part = galaxies()
    edge = (part["images"].shape[-1] - SIZE) // 2
    images = part["images"][..., edge : edge + SIZE, edge : edge + SIZE].astype(np.float32)
    rmag = (22.5 - 2.5 * np.log10(part["flux"][:, 1])).astype("f4")
    sky = HERE / "demo_sky"
    shutil.rmtree(sky, ignore_errors=True)
    sky.mkdir()
    ra, dec = positions(COUNT)
    write_images(sky, images, ra, dec)
    targets = target_table(ra, dec, part["redshift"])
    write_spectra(sky, part["spectrum"].copy(), part["ivar"].copy(), targets)
    names = ["no-ra", "bad-dec", "empty-sky", "galactic-plane", "SIM-00-again"]
    catalogue = Table(
        {
            "name": [f"SIM-{row:02d}" for row in range(COUNT)] + names,
            "ra": np.concatenate([ra, [np.nan, 0.0, 0.05, 280.0, ra[0]]]),
            "dec": np.concatenate([dec, [-5.0, 95.0, -4.0, -5.0, dec[0]]]),
            "rmag": np.concatenate([rmag, np.full(4, np.nan, "f4"), rmag[:1]]),
        },
        meta={"SIMULATD": True, "OBJECT": "SIMULATED demo sky of astroclip-astro"},
    )
    catalogue["ra"].unit = catalogue["dec"].unit = "deg"
    catalogue["rmag"].unit = "mag"
    catalogue["rmag"].description = "Simulated r magnitude (AB)"
    catalogue.write(HERE / "demo.fits", overwrite=True)


if __name__ == "__main__":
    main()
