"""How much longer a folder takes to be read because an interrupted run is known by its content.

``python benchmarks/source_key_times.py --files 100000`` makes that many small SIMULATED cutouts in
a temporary folder, reads their headers as a run does, and prints how much of the time was for the
checksums of the headers, and for the key of the folder.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from astroclip_astro.fetch.files import folder_index
from astroclip_astro.fetch.local import LocalSource


def make_cutouts(folder: Path, count: int) -> None:
    """Write cutouts that differ in their place on the sky, a thousand to a folder."""
    scale = 0.262 / 3600
    header = fits.Header({"BANDS": "grz", "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"})
    header.update(CRPIX1=8.5, CRPIX2=8.5, CDELT1=-scale, CDELT2=scale, CRVAL1=0.1, CRVAL2=0.0)
    image = np.random.default_rng(0).normal(0, 0.003, (3, 16, 16)).astype("f4")
    stream = io.BytesIO()
    fits.PrimaryHDU(image, header).writeto(stream)
    before, after = stream.getvalue().split(f"CRVAL1  = {0.1:20}".encode())
    for number in range(count):
        place = folder / f"{number // 1000:04d}"
        place.mkdir(exist_ok=True)
        card = f"CRVAL1  = {round(360 * number / count, 6):20}".encode()
        (place / f"{number:07d}.fits").write_bytes(before + card + after)


class Timed:
    """The checksum of a file's headers, and how long all of them took."""

    def __init__(self) -> None:
        self.real, self.seconds = folder_index.header_checksum, 0.0

    def __call__(self, path: Path, hdus: Sequence) -> str:
        """Return the checksum."""
        start = time.perf_counter()
        checksum = self.real(path, hdus)
        self.seconds += time.perf_counter() - start
        return checksum


def main() -> None:
    """Make the folder and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    count = parser.parse_args().files
    with tempfile.TemporaryDirectory() as name:
        make_cutouts(Path(name), count)
        folder_index.header_checksum = timed = Timed()
        source, start = LocalSource(name), time.perf_counter()
        source.contents()
        read = time.perf_counter()
        source.content_key()
        key = time.perf_counter() - read
    headers = read - start - timed.seconds
    print(f"{count} files: headers {headers:.1f} s")
    print(f"checksums of the headers {timed.seconds:.1f} s, key of the folder {key:.1f} s")
    print(f"more by {100 * (timed.seconds + key) / headers:.1f} %")


if __name__ == "__main__":
    main()
