"""The picture stays easy to draw: levels, module lengths, lazy imports, fixed names."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import astroclip_astro

PACKAGE = Path(astroclip_astro.__file__).parent
ROOT = Path(__file__).resolve().parents[1]
LEVELS = {
    0: {
        "errors",
        "columns",
        "config",
        "flags",
        "records",
        "resources",
        "shared_options",
        "suggestion",
        "version",
    },
    1: {
        "arguments",
        "destination",
        "hdf5_file",
        "interrupts",
        "method_calls",
        "part_file",
        "parts",
        "prepare",
        "progress",
    },
    2: {
        "catalogue",
        "sky",
        "dataset",
        "fetch",
        "figures",
        "models",
        "search",
        "simulate",
        "standin",
    },
    3: {
        "annotation",
        "annotation_methods",
        "answers",
        "assemble",
        "backbone_features",
        "comparison",
        "embedding",
        "evaluate",
        "gallery",
        "job",
        "labelled_set",
        "own_calibration",
        "object_plots",
        "object_spectrum",
        "chunks",
        "pipeline",
        "plot_methods",
        "query",
        "reference_set",
        "results",
        "run",
        "similar",
        "similar_plot",
        "sources",
        "train",
        "unaligned",
    },
    4: {"accessor", "cli"},
}
LEVEL = {name: level for level, names in LEVELS.items() for name in names}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
TORCH_FOLDERS = {"models", "train"}


def unit(path):
    """The module or folder directly below the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """Full names of what a file imports, absolute or relative."""
    package = ("astroclip_astro", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield ".".join((*base, *filter(None, [node.module])))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_only_from_below_or_beside(path):
    own = unit(path)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "astroclip_astro" or len(parts) == 1:
            continue
        other = parts[1]
        beside_on_top = LEVEL[other] == LEVEL[own] and (PACKAGE / f"{other}.py").exists()
        in_folder = (PACKAGE / own).is_dir()
        allowed = other == own or LEVEL[other] < LEVEL[own] or (beside_on_top and not in_folder)
        assert allowed, f"{own} (level {LEVEL[own]}) imports {other} (level {LEVEL[other]})"


def test_imports_make_no_circle():
    graph = {}
    for path in MODULES:
        names = {
            name.split(".")[1] for name in imported(path) if name.startswith("astroclip_astro.")
        }
        graph.setdefault(unit(path), set()).update(names - {unit(path)})
    done = set()
    while graph.keys() - done:
        free = {name for name in graph.keys() - done if graph[name] <= done}
        assert free, f"circle among {sorted(graph.keys() - done)}"
        done |= free


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_is_not_too_long(path):
    assert len(path.read_text().splitlines()) <= 350


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torch_is_imported_only_where_it_lives(path):
    if unit(path) not in TORCH_FOLDERS:
        assert not [name for name in imported(path) if name.split(".")[0] == "torch"]


def test_import_loads_neither_torch_nor_files():
    code = (
        "import sys, builtins, io\n"
        "import astropy.table\n"
        "import astroclip_astro\n"
        "heavy = [m for m in ('torch', 'sklearn', 'requests', 'astroquery') if m in sys.modules]\n"
        "assert not heavy, heavy\n"
        "assert hasattr(astropy.table.Table(), 'astroclip')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_public_names_exist():
    import importlib

    for path in MODULES:
        name = ".".join(("astroclip_astro", *path.relative_to(PACKAGE).with_suffix("").parts))
        module = importlib.import_module(name.removesuffix(".__init__"))
        for public in getattr(module, "__all__", []):
            assert hasattr(module, public), f"{name}.{public}"


def test_every_package_is_installed():
    listed = ast.parse((ROOT / "setup.py").read_text())
    names = {node.value for node in ast.walk(listed) if isinstance(node, ast.Constant)}
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    for folder in folders:
        dotted = ".".join(("astroclip_astro", *folder.relative_to(PACKAGE).parts))
        assert dotted in names, f"{dotted} is missing in setup.py"
