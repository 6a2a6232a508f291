"""Peak memory and time of annotating many distinct positions, the encoder stubbed.

Usage: python benchmarks/annotate_memory.py [ROWS ...]

Each number of rows (1,000 and 100,000 by default) runs in a process of its own through the whole
command, on a folder of SIMULATED cutouts and spectra that cover every position. The encoders are
replaced by a mean: what is measured is everything else. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

SIDE, SCALE = 1200, 0.262 / 3600
SPECTRA = 2000


def make_folder(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Write one wide cutout and one coadd; return the spectra's positions."""
    rng = np.random.default_rng(0)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [150.0, 0.0], [(SIDE + 1) / 2] * 2
    wcs.wcs.cd = [[-SCALE, 0], [0, SCALE]]
    header = wcs.to_header()
    header["BANDS"], header["SIMULATD"] = "grz", True
    image = rng.normal(0.01, 0.01, (3, SIDE, SIDE)).astype(np.float32)
    fits.PrimaryHDU(image, header).writeto(folder / "wide.fits")
    half = SIDE / 2 * SCALE * 0.9
    ra, dec = 150 + rng.uniform(-half, half, SPECTRA), rng.uniform(-half, half, SPECTRA)
    fibermap = Table({"TARGETID": np.arange(SPECTRA) + 1, "TARGET_RA": ra, "TARGET_DEC": dec})
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU(fibermap, name="FIBERMAP")]
    for camera, first, count in (("B", 3600, 2751), ("R", 5760, 2326), ("Z", 7520, 2881)):
        flux = rng.normal(2, 1, (SPECTRA, count)).astype(np.float32)
        hdus.append(fits.ImageHDU(first + 0.8 * np.arange(count), name=f"{camera}_WAVELENGTH"))
        hdus.append(fits.ImageHDU(flux, name=f"{camera}_FLUX"))
        hdus.append(fits.ImageHDU(np.ones_like(flux), name=f"{camera}_IVAR"))
    fits.HDUList(hdus).writeto(folder / "coadd-sim.fits")
    return ra, dec


def annotate(rows: int) -> None:
    """Annotate distinct positions with stubbed encoders and print time and peak memory."""
    from astroclip_astro.annotate.plan import make_plan
    from astroclip_astro.annotate.run import start_run
    from astroclip_astro.models.model import Model

    def stub(values: np.ndarray) -> np.ndarray:
        angle = values.reshape(len(values), -1).mean(1) if len(values) else np.zeros(0)
        embeddings = np.zeros((len(values), 128), np.float32)
        embeddings[:, 0], embeddings[:, 1] = np.cos(angle), np.sin(angle)
        return embeddings

    Model.embed_images = lambda self, images, **_: stub(images)
    Model.embed_spectra = lambda self, flux, ivar=None, **_: stub(flux)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sky").mkdir()
        ra, dec = make_folder(folder / "sky")
        rng = np.random.default_rng(1)
        half = SIDE / 2 * SCALE * 0.9
        more = max(rows - SPECTRA, 0)
        ra = np.concatenate([ra, 150 + rng.uniform(-half, half, more)])[:rows]
        dec = np.concatenate([dec, rng.uniform(-half, half, more)])[:rows]
        Table({"ra": ra, "dec": dec}).write(folder / "cat.fits")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        start = time.perf_counter()
        start_run(
            make_plan(folder / "cat.fits", source=str(folder / "sky"), device="cpu")
        ).annotate()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = (folder / "cat_astroclip.fits").stat().st_size / 1e6
    numbers = (before, peak, size, seconds, rows / seconds)
    print(f"| {rows:,} |", " | ".join(f"{number:.0f}" for number in numbers), "|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=int, nargs="*", default=[1000, 100_000])
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        annotate(arguments.rows[0])
        return
    print("| rows | MB before | peak MB | output MB | seconds | rows a second |")
    print("|---|---|---|---|---|---|")
    for rows in arguments.rows:
        subprocess.run([sys.executable, __file__, str(rows), "--inside"], check=True)


if __name__ == "__main__":
    main()
