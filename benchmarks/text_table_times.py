"""Time the reading of a CSV file beside astropy's fast reader, in one run.

python benchmarks/text_table_times.py [--rows 200000] [--columns 20]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from astropy.table import Table

from astroclip_astro.catalogue import read_catalogue


def make_table(rows: int, columns: int) -> Table:
    """Return numbers of 17 digits and numbers of six decimals, in turns, with RA and Dec."""
    rng = np.random.default_rng(0)
    table = Table({"ra": rng.uniform(0, 360, rows), "dec": rng.uniform(-90, 90, rows)})
    for number in range(columns - 2):
        values = rng.normal(size=rows)
        table[f"c{number}"] = np.round(values, 6) if number % 2 else values
    return table


def main() -> None:
    """Print seconds of each reader, the best of three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=20)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        make_table(options.rows, options.columns).write(path)
        readers = {
            "astropy, fast reader": lambda: Table.read(path, format="ascii.csv"),
            "read_catalogue": lambda: read_catalogue(path),
            "read_catalogue, as_text": lambda: read_catalogue(path, as_text=True),
        }
        for name, read in readers.items():
            seconds = []
            for _ in range(3):
                start = time.perf_counter()
                read()
                seconds.append(time.perf_counter() - start)
            print(f"{name:<25}{min(seconds):6.2f} s")


if __name__ == "__main__":
    main()
