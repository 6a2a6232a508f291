"""Galaxies a second of the simulator on one core, and where the time goes.

Usage: python benchmarks/simulate_rates.py [--galaxies N] [--prototype FOLDER]

With ``--prototype``, a folder with the prototype's simulate.py and tables.npz, both are measured
in turns in one run. The prototype's images have 96 pixels, ours 152.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from astroclip_astro import simulate

SEED, TURNS = 5, 5


def ours(templates: simulate.Templates, first: int, count: int) -> dict[str, float]:
    """Return seconds a galaxy: all of it, and its parts."""
    start = time.perf_counter()
    for index in range(first, first + count):
        simulate.simulate_galaxy(templates, SEED, index)
    whole = (time.perf_counter() - start) / count
    rng, seconds = np.random.default_rng(SEED), {"galaxy": 0.0, "image": 0.0, "spectrum": 0.0}
    for index in range(count // 4):
        properties = simulate.draw_properties(templates.population, rng)
        marks = [time.perf_counter()]
        galaxy = simulate.make_galaxy(templates, properties, seed=index)
        marks.append(time.perf_counter())
        conditions = simulate.draw_conditions(0.0, True, rng)
        simulate.observe_image(galaxy.model, galaxy.light, conditions, ebv=0.03, rng=rng)
        marks.append(time.perf_counter())
        visit = simulate.draw_visit(templates.spectrographs, rng)
        light = galaxy.in_fibre(visit.seeing)
        simulate.observe_spectrum(templates.spectrographs, light, visit, ebv=0.03, rng=rng)
        marks.append(time.perf_counter())
        for part, spent in zip(seconds, np.diff(marks), strict=True):
            seconds[part] += spent / (count // 4)
    return {"whole": whole, **seconds}


def prototype(folder: Path):
    """Return a function that gives the prototype's seconds a galaxy."""
    sys.path.insert(0, str(folder))
    import simulate as old

    tables = old.load(str(folder / "tables.npz"))
    old.prepare(tables)

    def measure(count: int) -> float:
        timing: dict[str, float] = {}
        old.simulate(tables, SEED, count, timing=timing)
        return (timing["cat"] + timing["spec"] + timing["img"]) / count

    return measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=400, help="in each turn")
    parser.add_argument("--prototype", type=Path)
    options = parser.parse_args()
    with threadpool_limits(1):
        start = time.perf_counter()
        templates = simulate.load_templates()
        print(f"templates     {time.perf_counter() - start:6.2f} s, once")
        old = prototype(options.prototype) if options.prototype else None
        rows, others = [], []
        for turn in range(TURNS):
            rows.append(ours(templates, turn * options.galaxies, options.galaxies))
            if old:
                others.append(old(options.galaxies))
    for part in rows[0]:
        seconds = float(np.median([row[part] for row in rows]))
        print(f"{part:13s} {1e3 * seconds:6.2f} ms a galaxy, {1 / seconds:6.0f} a second")
    if old:
        seconds = float(np.median(others))
        whole = float(np.median([row["whole"] for row in rows]))
        print(f"{'prototype':13s} {1e3 * seconds:6.2f} ms a galaxy, {1 / seconds:6.0f} a second")
        print(f"ratio         {seconds / whole:6.2f} (above 1: faster than the prototype)")


if __name__ == "__main__":
    main()
