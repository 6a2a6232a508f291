"""A quick start: what a command imports, and how often the reference is searched, is counted."""

import subprocess
import sys

import numpy as np
import pytest
from astropy.table import Table

import astroclip_astro  # noqa: F401
from astroclip_astro.resources import folder
from astroclip_astro.zeroshot import estimator, leave_one_out

COMMANDS = ("annotate", "dataset", "evaluate", "reference", "search", "simulate", "train")
SLOW_TO_IMPORT = {
    "torch", "scipy", "sklearn", "requests", "astroquery", "pyvo", "pyarrow", "h5py", "matplotlib",
    "mocpy", "faiss",
}  # fmt: skip
RUN = """
import sys
from astroclip_astro.cli.{command} import main
sys.argv = ["astroclip", *{arguments!r}]
try:
    main()
except SystemExit as end:
    status = end.code
print("modules", status, *sys.modules)
"""


def modules_of(code: str) -> list[str]:
    """Return the last line that a fresh process prints, in words."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return result.stdout.splitlines()[-1].split()


def run(command: str, *arguments: str) -> tuple[str, set[str]]:
    """Return the exit status of a command in a fresh process, and the modules it imported."""
    _, status, *names = modules_of(RUN.format(command=command, arguments=arguments))
    return status, set(names)


@pytest.fixture(scope="module")
def astropy_table() -> set[str]:
    """The modules that ``import astropy.table`` loads."""
    return set(modules_of("import astropy.table, sys; print(*sys.modules)"))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_little_more_than_astropy_table(command, astropy_table):
    status, names = run(command, "--help")
    assert status == "0"
    assert not names & SLOW_TO_IMPORT
    assert len(names - astropy_table) <= 100


def test_the_package_imports_little_more_than_astropy_table(astropy_table):
    names = set(modules_of("import astroclip_astro, sys; print(*sys.modules)"))
    assert len(names - astropy_table) <= 14


@pytest.mark.parametrize(
    "arguments",
    [
        ("nosuch.fits",),
        ("demo.fits", "--source", "demo", "--columns", "colour"),
        ("demo.fits", "--source", "demo", "--ra", "nosuch"),
        ("demo.fits", "--source", "demo", "--rows", "9:3"),
        ("demo.fits", "--source", "nosuch"),
        ("demo.fits", "--source", "demo", "--weights", "nosuch"),
        ("demo.fits", "--source", "demo", "--reference", "nosuch"),
        ("demo.fits", "--source", "demo", "--calibrate", "redshift=nosuch"),
        ("demo.fits", "--source", "demo", "--match-radius", "99"),
        ("demo.fits", "--source", "demo", "-o", "nosuch/out.fits"),
    ],
    ids=lambda arguments: arguments[-2] if len(arguments) > 1 else arguments[0],
)
def test_a_mistake_is_found_before_torch_is_loaded(arguments):
    here = str(folder("catalogs") / "demo.fits")
    arguments = [here if one == "demo.fits" else one for one in arguments]
    status, names = run("annotate", *arguments)
    assert status == "2"
    assert "torch" not in names


def test_a_taken_column_name_is_found_before_torch_is_loaded(tmp_path):
    table = Table({"ra": [1.0], "dec": [2.0], "astroclip_z": [0.1]})
    table.write(tmp_path / "taken.ecsv")
    status, names = run("annotate", str(tmp_path / "taken.ecsv"), "--source", "demo")
    assert status == "2"
    assert "torch" not in names


def test_dry_run_of_a_few_rows_loads_no_network(tmp_path):
    Table.read(folder("catalogs") / "demo.fits")[:6].write(tmp_path / "six.fits")
    status, names = run("annotate", str(tmp_path / "six.fits"), "--source", "demo", "--dry-run")
    assert status == "0"
    assert not names & {"torch", "scipy"}


@pytest.fixture
def searches(monkeypatch) -> list[int]:
    """How many galaxies each search in the reference was for, in order."""
    made = []

    def counted(points, queries, **options):
        made.append(len(queries))
        return find(points, queries, **options)

    find = estimator.find
    monkeypatch.setattr(estimator, "find", counted)
    monkeypatch.setattr(leave_one_out, "find", counted)
    return made


@pytest.mark.parametrize("columns", ["embedding", "redshift", "novelty"])
def test_the_bundled_reference_is_not_compared_with_itself(columns, searches):
    table = Table({"ra": [359.9, 359.925], "dec": [-5.0, -5.0]})
    table.astroclip.annotate(source="demo", columns=columns, device="cpu")
    assert searches == [2, 2]  # spectra, then images
    assert np.all(table["astroclip_flags"] & 3 == 0)
