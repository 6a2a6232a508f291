"""What runs before a commit is what `make check` runs; the oldest versions are those we allow."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LARGEST = 1e6  # bytes; weights and tables are nothing to the checks


def run(*command, cwd=ROOT, env=None):
    return subprocess.run(
        [*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Variables for git and pre-commit: nothing of the user's, nothing from the network."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    home = tmp_path_factory.mktemp("home")
    return kept | {
        "HOME": str(home),
        "PRE_COMMIT_HOME": str(home / "pre-commit"),
        "PIP_NO_INDEX": "1",
        "PYTHON": sys.executable,
        **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, environment):
    """A copy of this checkout, with what is not committed yet, as a git repository."""
    for tool in ("git", "make"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} here")
    for module in ("pre_commit", "ruff", "mypy"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if Version(np.__version__) < Version("2.3"):
        pytest.skip("mypy is run with the type hints of newer versions of numpy")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode:
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("checkout")
    for name in filter(None, listed.stdout.split("\0")):
        source, copy = ROOT / name, folder / name
        if source.is_file() and source.stat().st_size < LARGEST:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    author = ("-c", "user.name=Nobody", "-c", "user.email=nobody@localhost")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-q", "-m", "A copy")):
        result = run("git", *words, cwd=folder, env=environment)
        assert result.returncode == 0, result.stderr
    return folder


def check_all(checkout, environment):
    return run(
        sys.executable, "-m", "pre_commit", "run", "--all-files", cwd=checkout, env=environment
    )


def test_checks_before_a_commit_pass(checkout, environment):
    result = check_all(checkout, environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.findall(r"^(.*?)\.+(\w+)$", result.stdout, re.M) == [
        ("ruff check", "Passed"),
        ("ruff format --check", "Passed"),
        ("mypy", "Passed"),
    ]


@pytest.mark.parametrize(
    ("text", "hook"),
    [
        ("\nimport os  # never used\n", "rules"),
        ("\nNUMBER   =   1\n", "layout"),
        ('\nNUMBER: int = "1"\n', "types"),
    ],
)
def test_checks_before_a_commit_find_what_is_broken(checkout, environment, text, hook):
    broken = checkout / "astroclip_astro" / "version.py"
    whole = broken.read_text()
    broken.write_text(whole + text)
    try:
        result = check_all(checkout, environment)
    finally:
        broken.write_text(whole)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"- hook id: {hook}\n" in result.stdout
    assert "version.py" in result.stdout


def test_checks_before_a_commit_are_those_of_make():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}
    targets = dict(re.findall(r"^(\w+):(.*)$", (ROOT / "Makefile").read_text(), re.M))
    assert "lint" in targets["check"].split()
    assert [hook["entry"] for hook in repository["hooks"]] == [
        f"make {target}" for target in targets["lint"].split()
    ]


def declared(*extras):
    """Lower bounds in pyproject.toml, with those of the extras that an extra names."""
    found = {}
    for text in [*PROJECT["dependencies"], *(text for extra in extras for text in EXTRAS[extra])]:
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            found |= declared(*requirement.extras)
        else:
            (limit,) = requirement.specifier
            assert limit.operator == ">="
            found[requirement.name] = limit.version
    return found


@pytest.mark.parametrize("extras", [(), ("docs",), ("train", "scale")])
def test_oldest_versions_are_the_lower_bounds(extras):
    result = run(sys.executable, "packaging/oldest.py", *extras)
    assert result.returncode == 0, result.stderr
    bounds = declared(*(extras or ("test",)))
    assert bounds.pop("torch")
    assert result.stdout.split() == [f"{name}=={bounds[name]}" for name in sorted(bounds)]


def test_oldest_versions_take_in_the_extras_that_tests_need():
    bounds = declared("test")
    assert {"pytest", "faiss-cpu", "h5py", "fastspecfit"} <= bounds.keys()


def test_oldest_version_of_an_unknown_extra_names_those_there_are():
    result = run(sys.executable, "packaging/oldest.py", "tests")
    assert result.returncode == 1
    assert result.stderr == f"No extra tests; expected {', '.join(EXTRAS)}.\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("numpy", "Requirement 'numpy', expected one as 'numpy>=2.0'"),
        ("numpy<3", "Requirement 'numpy<3', expected one as 'numpy>=2.0'"),
        ("scipy>=2", "scipy has the lower bounds 1 and 2, expected one"),
    ],
)
def test_requirement_without_one_lower_bound_is_refused(monkeypatch, text, message):
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    from oldest import constraints

    project = {"name": "ours", "dependencies": ["scipy>=1", text]}
    with pytest.raises(ValueError, match=re.escape(message)):
        constraints(project, [])


def test_example_of_the_oldest_versions():
    result = run(sys.executable, "-m", "doctest", "packaging/oldest.py")
    assert result.returncode == 0, result.stdout
