"""Nearest neighbours among a million embeddings: time and memory of each way, and its recall.

Usage: python benchmarks/search_rates.py [--points 1000000] [--queries 10000] [--k 16]

Embeddings are made up: clusters of unit vectors that fill few of the 128 dimensions, as those of
galaxies do. Each way runs in a process of its own, so that the memory is its own: ours exact, ours
approximate, scikit-learn's brute force, faiss's flat index, whichever are installed. Memory is the
process's peak less what it had before, points and queries included. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np

from astroclip_astro.search.exact import Neighbours, find
from astroclip_astro.search.index import make_index, recall

WIDTH, DIMENSIONS, CLUSTERS = 128, 12, 200


def make_embeddings(count: int, seed: int) -> np.ndarray:
    """Return float32 (count, 128) unit vectors of one population, whatever the seed."""
    population = np.random.default_rng(0)
    directions = population.normal(size=(DIMENSIONS, WIDTH))
    centres = population.normal(size=(CLUSTERS, DIMENSIONS))
    draw = np.random.default_rng(seed)
    made = np.empty((count, WIDTH), np.float32)
    for start in range(0, count, 100_000):
        stop = min(start + 100_000, count)
        place = centres[draw.integers(0, CLUSTERS, stop - start)]
        place = place + 0.4 * draw.normal(size=place.shape)  # (100000, 12)
        vectors = place @ directions + 0.1 * draw.normal(size=(stop - start, WIDTH))
        made[start:stop] = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    return made


def ours(method: str):
    def prepare(points, k):
        index = make_index(points, method)
        return lambda queries: index.find(queries, k=k)

    return prepare


def scikit_learn(points, k):
    from sklearn.neighbors import NearestNeighbors

    searcher = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)

    def search(queries):
        distance, index = searcher.kneighbors(queries)
        return Neighbours(index, distance.astype(np.float32))

    return search


def faiss_flat(points, k):
    import faiss

    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points)

    def search(queries):
        squared, place = index.search(queries, k)
        return Neighbours(place, np.sqrt(np.maximum(squared, 0)))

    return search


WAYS = {
    "exact": (ours("exact"), None),
    "approximate": (ours("approximate"), "faiss"),
    "scikit-learn brute force": (scikit_learn, "sklearn"),
    "faiss flat": (faiss_flat, "faiss"),
}


def peak() -> float:
    """Return the most memory this process has had, MB; of Linux, which forgets what was before."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(way: str, folder: Path, k: int, pipe) -> None:
    """Search one way; send seconds to make, seconds to search, and memory."""
    prepare, module = WAYS[way]
    if module:
        importlib.import_module(module)
    before = peak()
    points, queries = (np.load(folder / f"{name}.npy") for name in ("points", "queries"))
    start = time.perf_counter()
    search = prepare(points, k)
    made = time.perf_counter()
    found = search(queries)
    done = time.perf_counter()
    memory = peak() - before
    np.savez(folder / f"{way}.npz", index=found.index, distance=found.distance)
    pipe.send((made - start, done - made, memory))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--k", type=int, default=16)
    arguments = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    print(f"{arguments.points:,} x {WIDTH}, {arguments.queries:,} queries, k = {arguments.k}\n")
    print("| way | made in (s) | searched in (s) | queries a second | memory (MB) | recall |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        points, queries = (
            make_embeddings(arguments.points, 1),
            make_embeddings(arguments.queries, 2),
        )
        np.save(folder / "points.npy", points)
        np.save(folder / "queries.npy", queries)
        exact = None
        for way, (_, module) in WAYS.items():
            if module and importlib.util.find_spec(module) is None:
                print(f"| {way} | {module} is not installed | | | | |")
                continue
            receive, send = spawn.Pipe(duplex=False)
            process = spawn.Process(target=measure, args=(way, folder, arguments.k, send))
            process.start()
            process.join()
            if process.exitcode or not receive.poll():
                print(f"| {way} | failed with status {process.exitcode} | | | | |")
                continue
            made, searched, memory = receive.recv()
            with np.load(folder / f"{way}.npz") as arrays:
                found = Neighbours(arrays["index"], arrays["distance"])
            exact = found if exact is None else exact
            # The others' distances are rounded otherwise: measured again, by their rows.
            score = recall(measured(points, queries, found), exact)
            rate = arguments.queries / searched
            times = f"{made:.2f} | {searched:.2f} | {rate:,.0f}"
            print(f"| {way} | {times} | {memory:,.0f} | {score:.4f} |")
    check = find(points, queries[:100], k=arguments.k)
    assert np.array_equal(check.index, exact.index[:100]), "a query's answer depends on the others"


def measured(points: np.ndarray, queries: np.ndarray, found: Neighbours) -> Neighbours:
    """Return neighbours with distances as our search measures them."""
    distance = np.empty(found.index.shape, np.float32)
    for row, index in enumerate(found.index):
        difference = points[index].astype(float) - queries[row]
        distance[row] = np.sqrt(np.square(difference).sum(axis=1))
    return Neighbours(found.index, distance)


if __name__ == "__main__":
    main()
