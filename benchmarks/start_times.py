"""How long the first minutes with the package take: a table of fresh processes.

Usage: python benchmarks/start_times.py [--runs N]

Every row is a process of its own, started in an empty folder with warm files. The table has the
median of N runs, and beside it what ``import astropy.table`` takes on the same machine.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from astroclip_astro.resources import folder

COMMANDS = ("annotate", "dataset", "evaluate", "reference", "search", "simulate", "train")
SECOND_CALL = """
import time
from astropy.table import Table
import astroclip_astro
table = Table.read({demo!r})[:4]
table.copy().astroclip.embed(source="demo")
start = time.perf_counter()
table.copy().astroclip.embed(source="demo")
print(time.perf_counter() - start)
"""


def python(code: str) -> list[str]:
    """Return the command that runs some lines of Python."""
    return [sys.executable, "-c", code]


def command(name: str, *arguments: str) -> list[str]:
    """Return the command line of one of the package's commands."""
    code = (
        f"import sys; from astroclip_astro.cli.{name} import main; sys.argv[0] = {name!r}; main()"
    )
    return [*python(code), *arguments]


def seconds(line: list[str], place: Path) -> float:
    """Return how long a process takes from its start to its end."""
    start = time.perf_counter()
    subprocess.run(line, cwd=place, capture_output=True, check=False)
    return time.perf_counter() - start


def second_call(place: Path, demo: str) -> float:
    """Return how long the second call of ``embed`` takes in one session."""
    line = python(SECOND_CALL.format(demo=demo))
    result = subprocess.run(line, cwd=place, capture_output=True, text=True, check=True)
    return float(result.stdout.split()[-1])


def measure(runs: int) -> list[tuple[str, list[float]]]:
    """Return the name and the times of every row."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        demo = str(folder("catalogs") / "demo.fits")
        six = str(place / "six.csv")
        Path(six).write_text(
            "ra,dec\n"
            + "".join(f"{359.9 + 0.025 * i},-5\n" for i in range(4))
            + "0.05,-5\n0.075,-5\n"
        )
        out = ["-o", str(place / "out.fits"), "--overwrite"]
        rows = {
            "import astropy.table": python("import astropy.table"),
            "import astroclip_astro": python("import astroclip_astro"),
            "astroclip-annotate demo.fits --source demo": command(
                "annotate", demo, "--source", "demo", *out
            ),
            "astroclip-annotate nosuch.fits": command("annotate", "nosuch.fits"),
            "astroclip-annotate --dry-run, 6 rows": command(
                "annotate", six, "--source", "demo", "--dry-run"
            ),
        } | {f"astroclip-{one} --help": command(one, "--help") for one in COMMANDS}
        seconds(rows["astroclip-annotate demo.fits --source demo"], place)  # warms the files
        times: dict[str, list[float]] = {row: [] for row in rows}
        times["embed() of 4 rows, second call"] = []
        for _ in range(runs):
            for row, line in rows.items():
                times[row].append(seconds(line, place))
            times["embed() of 4 rows, second call"].append(second_call(place, demo))
    return list(times.items())


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print("| what | median, s | least, s | most, s |\n|---|---|---|---|")
    for row, times in measure(runs):
        print(f"| {row} | {statistics.median(times):.2f} | {min(times):.2f} | {max(times):.2f} |")


if __name__ == "__main__":
    main()
