"""Rows a second, and memory, of fetching from the stand-in with latency.

Usage: python benchmarks/fetch_rates.py [--rows 500] [--latency 0.02] [--memory]

The stand-in serves a SIMULATED sky from a process of its own and waits before every reply, as a
network does. Rates: image and spectrum of every row, nothing cached, no encoder. With --memory:
peak memory of a process that fetches 1,000 and 20,000 rows in chunks, with the cache on disk, and
of the whole command on as many, the encoders stubbed. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from astropy.table import Table

from astroclip_astro.fetch.archive import ArchiveSource
from astroclip_astro.fetch.cache import DiskCache
from astroclip_astro.records import Cutout, Spectrum, Targets
from astroclip_astro.standin import painted_sky

CHUNK_ROWS = 256  # as the pipeline
WAYS = (
    ("one row after the other, one connection", 1, 1),
    ("chunks of rows, one connection", 1, CHUNK_ROWS),
    ("chunks of rows, four connections", 4, CHUNK_ROWS),
)


@contextmanager
def serve(count: int, latency: float) -> Iterator[str]:
    """Serve a painted sky from another process; yields its address."""
    command = [sys.executable, "-m", "astroclip_astro.standin", "--painted", str(count)]
    command += ["--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def positions(count: int) -> Targets:
    """Return where the painted objects are, in an order that has nothing to do with the sky."""
    sky, order = painted_sky(count), np.random.default_rng(0).permutation(count)
    return Targets(sky.ra[order], sky.dec[order], np.zeros(count, int), np.zeros(count, bool))


def fetch(url: str, targets: Targets, connections: int, rows: int, **options: object) -> int:
    """Fetch everything, some rows at a time; return how many rows have both."""
    whole = 0
    # No map of the imaging for this layer: the stand-in's sky reaches the poles.
    with closing(
        ArchiveSource.at(url, layer="ls-dr8", connections=connections, **options)
    ) as source:
        for start in range(0, len(targets), rows):
            part = targets[start : start + rows]
            pairs = zip(source.spectra(part, 1.0), source.cutouts(part, 96), strict=True)
            whole += sum(isinstance(s, Spectrum) and isinstance(c, Cutout) for s, c in pairs)
    return whole


def rates(count: int, latency: float) -> None:
    """Print rows a second of every way to fetch."""
    print(f"{count} rows, {1000 * latency:.0f} ms latency a request\n")
    print("| way | seconds | rows a second | ratio |")
    print("|---|---|---|---|")
    slowest = None
    with serve(count, latency) as url:
        targets = positions(count)
        fetch(url, targets[:8], 4, 8)  # the first requests set up; they are not typical
        for name, connections, rows in WAYS:
            start = time.perf_counter()
            whole = fetch(url, targets, connections, rows)
            seconds = time.perf_counter() - start
            if whole != count:
                raise SystemExit(f"{whole} of {count} rows are whole: the rate would mean nothing.")
            slowest = slowest or seconds
            print(f"| {name} | {seconds:.1f} | {count / seconds:.0f} | {slowest / seconds:.1f} |")


def peak() -> float:
    """Return the largest memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fetch_only(url: str, count: int) -> None:
    """Fetch with a cache and print peak memory."""
    targets, before = positions(count), peak()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        whole = fetch(url, targets, 4, CHUNK_ROWS, cache=DiskCache(folder, limit=10**9))
    seconds = time.perf_counter() - start
    print(f"| fetching | {count:,} | {whole:,} | {before:.0f} | {peak():.0f} | {seconds:.0f} |")


def whole_command(url: str, count: int) -> None:
    """Annotate with stubbed encoders and print peak memory."""
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
    targets = positions(count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "painted.fits"
        Table({"ra": targets.ra, "dec": targets.dec}).write(path)
        options = {"source": url, "layer": "ls-dr8", "cache": Path(folder) / "cache"}
        run = start_run(make_plan(path, device="cpu", cache_limit="1 GB", **options))
        before, start = peak(), time.perf_counter()
        with closing(run.job):
            rows = run.annotate()
        seconds = time.perf_counter() - start
    whole = int(((rows["astroclip_flags"] & 3) == 0).sum())
    print(
        f"| whole command | {count:,} | {whole:,} | {before:.0f} | {peak():.0f} | {seconds:.0f} |"
    )


PARTS = {"fetching": fetch_only, "command": whole_command}


def memory(counts: list[int]) -> None:
    """Print peak memory, each number of rows in a process of its own."""
    print("| what | rows | whole rows | MB before | peak MB | seconds |")
    print("|---|---|---|---|---|---|", flush=True)
    for part in PARTS:
        for count in counts:
            with serve(count, 0.0) as url:
                command = [sys.executable, __file__, "--part", part, "--url", url]
                subprocess.run([*command, "--rows", str(count)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds before every reply")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        PARTS[arguments.part](arguments.url, arguments.rows)
    elif arguments.memory:
        memory([1000, 20_000])
    else:
        rates(arguments.rows, arguments.latency)


if __name__ == "__main__":
    main()
