"""Make the demo catalogue and the SIMULATED sky it looks at.

Usage: python catalogs/recipe/build_demo.py SURVEY_FOLDER

Takes the first galaxies of seed 106 of the prototype simulator, which are neither in the training
set nor in the reference, and writes them as the archives would: viewer cutouts, one DESI coadd,
one redrock file. Some rows go wrong on purpose.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

HERE = Path(__file__).resolve().parents[1]
SEED, COUNT = 106, 40
FIRST_ID = 900_000_000_000_000  # outside every range DESI uses
CAMERAS = {"B": (3600.0, 5800.0), "R": (5760.0, 7620.0), "Z": (7520.0, 9824.0)}
SCALE = 0.262 / 3600
NOTE = "SIMULATED galaxy, not an observation"


def positions(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return places on a grid that crosses RA 0."""
    column, row = np.arange(count) % 8, np.arange(count) // 8
    return (359.9 + 0.025 * column) % 360, -5.0 + 0.03 * row


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


def coadd(flux, ivar, targetid, ra, dec, status) -> fits.HDUList:
    """Return spectra as a DESI coadd file holds them, split into the three cameras."""
    primary = fits.PrimaryHDU()
    primary.header["SIMULATD"] = (True, NOTE)
    table = Table(
        {
            "TARGETID": targetid,
            "TARGET_RA": ra,
            "TARGET_DEC": dec,
            "COADD_FIBERSTATUS": status.astype(np.int32),
            "OBJTYPE": np.full(len(ra), "TGT"),
        }
    )
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("survey", type=Path)
    with np.load(parser.parse_args().survey / f"c{SEED}.npz") as file:
        part = {name: file[name][:COUNT] for name in ("image", "spectrum", "ivar", "z", "mag")}
    sky = HERE / "demo_sky"
    shutil.rmtree(sky, ignore_errors=True)
    sky.mkdir()
    ra, dec = positions(COUNT)
    targetid = FIRST_ID + np.arange(COUNT)
    images = part["image"].astype(np.float32)
    images[images == 0] = 1e-7  # the survey's float16 rounds to 0, which means no data here
    flux, ivar = part["spectrum"].copy(), part["ivar"].copy()
    images[3, 2] = 0  # a band without data
    images[5, 1, 30:60, 20:50] = 0  # bad pixels
    flux[7], ivar[7] = 0, 0  # a fibre without a spectrum
    flux[8, 4950:], ivar[8, 4950:] = 0, 0  # a dead camera
    for row in range(COUNT):
        if row not in (10, 11):  # two galaxies outside the imaging
            cutout(images[row], ra[row], dec[row]).writeto(sky / f"cutout-{row:02d}.fits")
    damaged = sky / "cutout-13.fits"
    damaged.write_bytes(damaged.read_bytes()[:40_000])
    observed = np.array([row not in (15, 16, 17) for row in range(COUNT)])  # three never observed
    status = np.where(np.arange(COUNT) == 19, 8, 0)
    picked = (values[observed] for values in (flux, ivar, targetid, ra, dec, status))
    coadd(*picked).writeto(sky / "coadd-sim-bright-0.fits")
    redshifts = Table(
        {
            "TARGETID": targetid[observed],
            "Z": part["z"][observed].astype("f8"),
            "ZERR": np.full(observed.sum(), 1e-5),
            "ZWARN": np.zeros(observed.sum(), np.int64),
            "SPECTYPE": np.full(observed.sum(), "GALAXY"),
        }
    )
    primary = fits.PrimaryHDU()
    primary.header["SIMULATD"] = (True, NOTE)
    fits.HDUList([primary, fits.BinTableHDU(redshifts, name="REDSHIFTS")]).writeto(
        sky / "redrock-sim-bright-0.fits"
    )
    r = part["mag"][:, 1]
    catalogue = Table(
        {
            "name": [f"SIM-{row:02d}" for row in range(COUNT)] + ["no-ra", "bad-dec", "empty-sky"],
            "ra": np.concatenate([ra, [np.nan, 0.0, 0.05]]),
            "dec": np.concatenate([dec, [-5.0, 95.0, -4.0]]),
            "rmag": np.concatenate([r, [np.nan] * 3]).astype("f4"),
        },
        meta={"SIMULATD": True, "OBJECT": "SIMULATED demo sky of astroclip-astro"},
    )
    catalogue["ra"].unit = catalogue["dec"].unit = "deg"
    catalogue["rmag"].unit = "mag"
    catalogue["rmag"].description = "Simulated r magnitude (AB)"
    catalogue.write(HERE / "demo.fits", overwrite=True)


if __name__ == "__main__":
    main()
