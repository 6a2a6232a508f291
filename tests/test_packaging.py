"""What other package managers are told is what pyproject.toml says."""

import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from astroclip_astro.version import __version__

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RECIPE = yaml.safe_load((ROOT / "packaging" / "recipe.yaml").read_text())
CONDA = {"torch": "pytorch"}  # where conda-forge has another name


def pairs(requirements):
    """Names and limits of requirements, conda-forge's names in place of the others."""
    found = {}
    for requirement in requirements:
        name, limit = re.fullmatch(r"([\w.-]+) *(.*)", requirement).groups()
        found[CONDA.get(name, name)] = limit
    return found


def test_recipe_has_the_dependencies():
    python = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert RECIPE["context"]["python_min"] == python
    ours = pairs(PROJECT["project"]["dependencies"]) | {"python": ">=${{ python_min }}"}
    assert pairs(RECIPE["requirements"]["run"]) == ours


def test_recipe_builds_with_what_the_project_builds_with():
    host = pairs(RECIPE["requirements"]["host"])
    assert pairs(PROJECT["build-system"]["requires"]).items() <= host.items()
    assert host.keys() == {"python", "pip", "setuptools"}


def test_recipe_has_the_commands():
    ours = [f"{name} = {place}" for name, place in PROJECT["project"]["scripts"].items()]
    assert RECIPE["build"]["python"]["entry_points"] == ours


def test_recipe_is_of_this_version():
    assert RECIPE["context"]["version"] == __version__
    assert RECIPE["context"]["name"] == PROJECT["project"]["name"]
    assert RECIPE["about"]["license"] == PROJECT["project"]["license"]
    assert RECIPE["about"]["summary"] == PROJECT["project"]["description"]


def test_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == __version__


def test_what_the_first_command_writes_is_not_installed():
    """It stands beside the demo catalogue in the checkout that the second command installs."""
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    listed = re.search(r'"astroclip_astro.catalogs": \[(.*?)\]', setup, re.DOTALL)[1]
    patterns = re.findall(r'^ *"(.*)",', listed, re.MULTILINE)
    files = [path.name for path in (ROOT / "catalogs").glob("*.*") if path.name[0] != "."]
    installed = {name for name in files for one in patterns if fnmatch(name, one)}
    assert installed == {name for name in files if not name.endswith("_astroclip.fits")}
    assert not any(fnmatch("demo_astroclip.fits", one) for one in patterns)


def test_source_distribution_has_every_folder():
    """`make dist` compares all files; here a new folder is found before that."""
    found = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if found.returncode:
        pytest.skip("not a git checkout")
    named = {word for line in (ROOT / "MANIFEST.in").read_text().splitlines()
             for word in line.split()[1:] if not line.startswith("#")}  # fmt: skip
    tracked = {line.split("/")[0] for line in found.stdout.splitlines()}
    assert sorted(tracked - named - {"MANIFEST.in"}) == []
