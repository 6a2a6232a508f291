"""Build wheel and source distribution, and check what a user would get from them.

The distributions lie in ``dist/`` afterwards. ``--keep`` checks those that are there already.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
LARGEST_WHEEL = 60e6
DEMO_ROWS = 57
DEMO = f"""
import shutil, subprocess, sys
from pathlib import Path
import astroclip_astro
from astropy.table import Table
from astroclip_astro.resources import folder

installed = Path(astroclip_astro.__file__)
assert installed.is_relative_to(sys.prefix), f"{{installed}} is not that of {{sys.prefix}}"
shutil.copy(folder("catalogs") / "demo.fits", ".")
command = Path(sys.executable).with_name("astroclip-annotate")
subprocess.run([command, "demo.fits", "--source", "demo"], check=True)
table = Table.read("demo_astroclip.fits")
assert len(table) == {DEMO_ROWS}, f"{{len(table)}} rows, expected {DEMO_ROWS}"
"""


def run(*command: object, cwd: Path = ROOT) -> str:
    """Run a command and return what it prints; end where it fails."""
    found = subprocess.run(
        [*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False
    )
    if found.returncode:
        sys.exit(f"{found.stdout}{found.stderr}\n{' '.join(map(str, command))} failed.")
    return found.stdout


def require_tools() -> None:
    """Say how to get what builds and checks, where it is missing."""
    if missing := [name for name in ("build", "twine") if find_spec(name) is None]:
        sys.exit(f"No {' and no '.join(missing)} here; run: pip install '.[release]'")


def build() -> None:
    """Build the source distribution, and the wheel from that and not from the checkout."""
    print("Building", flush=True)
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST, ".")


def found(pattern: str) -> Path:
    """Return the one distribution of a kind."""
    paths = sorted(DIST.glob(pattern))
    if len(paths) != 1:
        sys.exit(f"{DIST} has {len(paths)} files {pattern}, expected one; build them anew.")
    return paths[0]


def check_wheel(wheel: Path) -> None:
    """Refuse a wheel that is too large to be published."""
    size = wheel.stat().st_size
    if size > LARGEST_WHEEL:
        sys.exit(f"{wheel.name} has {size / 1e6:.1f} MB, expected {LARGEST_WHEEL / 1e6:.0f}.")
    print(f"{wheel.name}: {size / 1e6:.1f} MB")


def check_archive(archive: Path) -> None:
    """Refuse a source distribution that lacks a file of the checkout."""
    with tarfile.open(archive) as file:
        held = {name.partition("/")[2] for name in file.getnames()}
    tracked = set(run("git", "ls-files").splitlines())
    if missing := sorted(tracked - held):
        sys.exit(f"{archive.name} lacks {', '.join(missing)}; see MANIFEST.in.")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    size = archive.stat().st_size / 1e6
    print(f"{archive.name}: {size:.1f} MB, {len(tracked)} tracked files, sha256 {digest}")


def check_metadata(*paths: Path) -> None:
    """Refuse metadata that would not be published, warnings too."""
    print(run(sys.executable, "-m", "twine", "check", "--strict", *paths).strip())


def check_installed(wheel: Path) -> None:
    """Install the wheel in a fresh environment and run the demo from another folder."""
    print("Installing the wheel in a fresh environment, with all it needs", flush=True)
    with tempfile.TemporaryDirectory(prefix="astroclip-dist-") as place:
        environment = Path(place) / "environment"
        venv.create(environment, with_pip=True)
        (python,) = (*environment.glob("bin/python"), *environment.glob("Scripts/python.exe"))
        run(python, "-m", "pip", "install", "--quiet", wheel, cwd=Path(place))
        run(python, "-m", "pip", "check", cwd=Path(place))
        work = Path(place) / "elsewhere"
        work.mkdir()
        print(run(python, "-I", "-c", DEMO, cwd=work).strip())


def main() -> None:
    """Build and check."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keep", action="store_true", help="check what is in dist/ already")
    keep = parser.parse_args().keep
    require_tools()
    if not keep:
        build()
    wheel, archive = found("*.whl"), found("*.tar.gz")
    check_metadata(archive, wheel)
    check_archive(archive)
    check_wheel(wheel)
    check_installed(wheel)
    print("Both distributions are fit to be published.")


if __name__ == "__main__":
    main()
