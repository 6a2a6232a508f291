"""The picture stays easy to draw: levels, circles, module lengths, lazy imports, fixed names.

``python tests/test_architecture.py`` prints the table of levels that CONTRIBUTING.md has.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import astroclip_astro

PACKAGE = Path(astroclip_astro.__file__).parent
ROOT = Path(__file__).resolve().parents[1]
# What a folder imports is on a lower level. The root's modules count as one folder.
LEVELS = (
    ("errors", "version", "config", "columns", "flags", "records", "resources"),
    ("storage", "signatures", "prepare", "sky", "search", "training_data", "standin"),
    ("catalogue", "fetch", "models", "zeroshot", "simulate", "figures"),
    ("reference",),
    ("annotate", "similar", "interpret", "evaluate", "train", "dataset", "published"),
    ("adapt", "scale", "desktop", "explore"),
    ("accessor", "cli"),
)
KINDS = (
    "modules at the root, for all levels",
    "parts that know nothing of models",
    "catalogues, sources, networks, predictions, simulation, figures",
    "labelled galaxies",
    "applications, which never import each other",
    "workflows, which may import applications but not each other",
    "what users call: parse, call, print",
)
PLANNED = {"published", "adapt", "scale", "desktop", "explore"}
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
TORCH_FOLDERS = {"models", "train"}


def levels_table():
    """The levels as the Markdown table of CONTRIBUTING.md."""
    lines = ["| level | what | names |", "|---|---|---|"]
    for level, (names, kind) in enumerate(zip(LEVELS, KINDS, strict=True)):
        shown = [f"`{name}`" if level == 0 else f"`{name}/`" for name in names]
        shown = [
            f"{words} (planned)" if name in PLANNED else words
            for name, words in zip(names, shown, strict=True)
        ]
        lines.append(f"| {level} | {kind} | {', '.join(shown)} |")
    return "\n".join(lines) + "\n"


def unit(path):
    """The module or folder directly below the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def dotted(path):
    """The name that a file is imported by."""
    parts = ("astroclip_astro", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


NAMES = {dotted(path) for path in MODULES}


def imported(path):
    """Full names of the modules that a file imports, also inside functions and for types."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in NAMES else str(node.module)


def own(path):
    """The package's modules that a file imports."""
    return {name for name in imported(path) if name.split(".")[0] == "astroclip_astro"}


def circle(graph):
    """What is left of a graph when all that imports nothing more has been taken away."""
    done = set()
    while free := {name for name in graph.keys() - done if graph[name] <= done}:
        done |= free
    return sorted(graph.keys() - done)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_only_from_below_or_beside(path):
    here = unit(path)
    for name in own(path):
        assert name != "astroclip_astro", "the package itself imports the accessor"
        other = name.split(".")[1]
        at_root = LEVEL[here] == LEVEL[other] == 0
        allowed = other == here or LEVEL[other] < LEVEL[here] or at_root
        assert allowed, f"{here} (level {LEVEL[here]}) imports {other} (level {LEVEL[other]})"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_are_absolute(path):
    nodes = ast.walk(ast.parse(path.read_text()))
    relative = [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level]
    assert not relative, f"relative imports in lines {relative}"


def test_folders_make_no_circle():
    graph = {}
    for path in MODULES:
        names = {"root" if LEVEL[one] == 0 else one for one in (n.split(".")[1] for n in own(path))}
        here = "root" if LEVEL[unit(path)] == 0 else unit(path)
        graph.setdefault(here, set()).update(names - {here})
    assert not circle(graph)


def test_modules_make_no_circle():
    graph = {dotted(path): own(path) - {dotted(path)} for path in MODULES}
    assert not circle(graph)


def test_every_name_has_a_level():
    there = {unit(path) for path in MODULES}
    assert there == LEVEL.keys() - PLANNED


def test_contributing_has_the_levels():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    assert levels_table() in page, f"put this into CONTRIBUTING.md:\n{levels_table()}"


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
        module = importlib.import_module(dotted(path))
        for public in getattr(module, "__all__", []):
            assert hasattr(module, public), f"{dotted(path)}.{public}"


def test_every_package_is_installed():
    listed = ast.parse((ROOT / "setup.py").read_text())
    names = {node.value for node in ast.walk(listed) if isinstance(node, ast.Constant)}
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    for folder in folders:
        assert ".".join(("astroclip_astro", *folder.relative_to(PACKAGE).parts)) in names


if __name__ == "__main__":
    print(levels_table(), end="")
