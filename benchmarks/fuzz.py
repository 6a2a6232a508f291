"""Try damaged files and replies on every reader: only exceptions of this package may come back.

    python benchmarks/fuzz.py [--seed N] [--share 1.0] [SURFACE ...]

prints for each surface how many inputs were tried, what leaked, the slowest input and the memory.
It fails where an exception leaked, an input took more than 5 seconds, or a process more than 1 GB.
An input that did is saved, and its name printed.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import resource
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import fuzz_inputs
from fuzz_surfaces import SURFACES, leak
from hypothesis import HealthCheck, Phase, given, seed, settings

SECONDS, MEMORY = 5.0, 1e9  # of an input; bytes of a process
AT_A_TIME = 500  # inputs, between which the seed of hypothesis moves on


class TooSlow(BaseException):
    """An input took longer than `SECONDS`; no reader may catch it."""


@dataclass
class Outcome:
    """What came of one surface."""

    surface: str
    tried: int = 0
    leaks: Counter[str] = field(default_factory=Counter)
    files: dict[str, str] = field(default_factory=dict)
    slowest: float = 0.0
    memory: float = 0.0

    @property
    def good(self) -> bool:
        """Whether nothing leaked and the bounds held."""
        return not self.leaks and self.memory < MEMORY


def fuzz(name: str, first_seed: int, count: int) -> Outcome:
    """Try inputs on one surface, in this process.

    Parameters
    ----------
    name : str
        One of `SURFACES`.
    first_seed : int
        The same seed gives the same inputs.
    count : int
        How many are tried at least.
    """
    surface, outcome = SURFACES[name], Outcome(name)
    files = surface.files()
    usual = signal.signal(signal.SIGALRM, _too_slow)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"input{surface.suffix}"

        def attempt(content: bytes) -> None:
            path.write_bytes(content)
            start = time.perf_counter()
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                found = leak(surface, path)
            except TooSlow:
                found = f"more than {SECONDS:g} seconds"
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            outcome.slowest = max(outcome.slowest, time.perf_counter() - start)
            outcome.tried += 1
            if found is not None:
                outcome.leaks[found] += 1
                outcome.files.setdefault(found, _save(content, surface.suffix))

        number = first_seed
        while outcome.tried < count:
            _inputs(attempt, files, number, min(AT_A_TIME, count - outcome.tried))()
            number += 1_000_003  # so that neighbouring seeds share nothing
    signal.signal(signal.SIGALRM, usual)
    outcome.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
    return outcome


def _inputs(attempt, files, number, count):
    """Return a function that hypothesis calls with inputs."""
    few = settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    return few(seed(number)(given(fuzz_inputs.damaged(files))(attempt)))


def _too_slow(number, frame):
    """Stop an input that takes too long."""
    raise TooSlow


def _save(content: bytes, suffix: str) -> str:
    """Write an input where it can be looked at, and return its name."""
    path = Path(gettempdir()) / f"fuzz-{hashlib.sha256(content).hexdigest()[:12]}{suffix}"
    path.write_bytes(content)
    return str(path)


def describe(outcome: Outcome) -> list[str]:
    """Return lines that say what came of a surface."""
    lines = [
        f"{outcome.surface:<11}{outcome.tried:>7,}{sum(outcome.leaks.values()):>8,}"
        f"{outcome.slowest:>10.2f}{outcome.memory / 1e6:>9.0f}"
    ]
    for words, times in outcome.leaks.most_common():
        lines.append(f"    {times} x {words}  ({outcome.files[words]})")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Run all surfaces, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("surfaces", nargs="*", metavar="SURFACE", help=", ".join(SURFACES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of inputs")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    names = options.surfaces or list(SURFACES)
    if unknown := set(names) - SURFACES.keys():
        parser.error(f"no surface {sorted(unknown)}, expected some of {', '.join(SURFACES)}")
    start = time.perf_counter()
    print("surface      tried  leaked  slowest s  memory MB")
    context = multiprocessing.get_context("spawn")
    # A new process for each surface: its memory is that of the surface alone.
    with ProcessPoolExecutor(options.jobs, mp_context=context, max_tasks_per_child=1) as pool:
        counts = [max(1, round(SURFACES[name].count * options.share)) for name in names]
        outcomes = []
        for outcome in pool.map(fuzz, names, [options.seed] * len(names), counts):
            outcomes.append(outcome)
            print("\n".join(describe(outcome)), flush=True)
    leaked = sum(sum(outcome.leaks.values()) for outcome in outcomes)
    tried = sum(outcome.tried for outcome in outcomes)
    seconds = time.perf_counter() - start
    print(f"{tried:,} inputs, {leaked} leaked, {seconds:.0f} s, seed {options.seed}")
    return 0 if all(outcome.good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
