"""Count what makes the package easy or hard to draw from memory.

``python benchmarks/house_numbers.py [CHECKOUT ...]`` prints one Markdown table with a column for
each checkout (this one by default), and ``--list`` names what stands behind each number. Only the
source is read, so that any commit can be counted.

What is counted, in ``astroclip_astro``:

- modules at the root: files beside ``__init__.py``; folders: those with Python files, with and
  without the folders inside folders.
- circles: groups of two or more that import each other, directly or through others (strongly
  connected components). Imports inside functions and under ``TYPE_CHECKING`` count, the package's
  own ``__init__`` does not. Three graphs: of modules; of folders, where each root module stands by
  itself; of folders, where the root is one folder.
- arrows: pairs of folders (the root is one folder) where the first imports the second.
- parameters: positional and keyword ones with ``self``, without ``*args`` and ``**kwargs``.
- lines of a function: from ``def`` to its end, with the docstring, without decorators.
- lines of the package: all lines of all Python files.
- entries in all ``__all__``: elements of the lists, over all modules.
- repeated blocks: runs of six or more lines that stand a second time in the package, each further
  copy counted once. Blank lines, comments, docstrings, imports and indentation do not count.
- modules below 40 lines, and modules with nothing but imports and ``__all__``, each without
  ``__init__``.
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "astroclip_astro"
MANY_PARAMETERS = 8
LONG_FUNCTION = 60  # lines; longer ones are counted
SHORT_MODULE = 40  # lines; shorter ones are counted
BLOCK = 6  # lines that make a repeated block
LAYOUT = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE}


@dataclass(frozen=True)
class Module:
    """One file of the package, parsed."""

    name: str  # with dots, such as astroclip_astro.fetch.local
    path: Path
    text: str
    tree: ast.Module

    @property
    def is_init(self) -> bool:
        """Whether it is the ``__init__`` of a folder."""
        return self.path.name == "__init__.py"

    @property
    def lines(self) -> int:
        """Number of its lines."""
        return len(self.text.splitlines())


def read_modules(checkout: Path) -> dict[str, Module]:
    """Return the modules of a checkout by their dotted names, in the order of their paths."""
    modules = {}
    for path in sorted((checkout / PACKAGE).rglob("*.py")):
        parts = path.relative_to(checkout).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        modules[name] = Module(name, path, text, ast.parse(text))
    return modules


def imports(module: Module, modules: dict[str, Module]) -> set[str]:
    """Return the package's modules that a module imports, wherever in its text."""
    inside = module.name.split(".")
    folder = inside if module.is_init else inside[:-1]
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                found.add(whole if whole in modules else source)
    return {name for name in found if name in modules} - {module.name}


def unit(name: str, *, one_root: bool) -> str:
    """Return the folder or root module that a module belongs to, as the graphs name it."""
    parts = name.split(".")
    return parts[1] if len(parts) > 2 or not one_root else "root"


def arrows(modules: dict[str, Module], name_of: Callable[[str], str]) -> dict[str, set[str]]:
    """Return who imports whom after renaming each module by ``name_of``."""
    folders = {name for name, module in modules.items() if module.is_init}
    graph: dict[str, set[str]] = {}

    def node(name: str) -> str:
        return name_of(f"{name}.__init__" if name in folders else name)

    for name, module in modules.items():
        if name == PACKAGE:
            continue
        others = {node(other) for other in imports(module, modules) - {PACKAGE}}
        graph.setdefault(node(name), set()).update(others - {node(name)})
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of two or more that reach each other, sorted."""
    reached = {start: _reach(graph, start) for start in graph}
    groups = {
        tuple(sorted(other for other in reached[start] if start in reached.get(other, ())))
        for start in graph
    }
    return sorted(list(group) for group in groups if len(group) > 1)


def _reach(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return what can be reached from a node in one step or more."""
    seen: set[str] = set()
    waiting = list(graph.get(start, ()))
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend(graph.get(node, ()))
    return seen


def functions(modules: Iterable[Module]) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield every function and method with a name that says where it is."""
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{module.name}:{node.lineno} {node.name}", node


def parameters(node: ast.FunctionDef) -> int:
    """Return the number of named parameters of a function, ``self`` among them."""
    return len(node.args.posonlyargs) + len(node.args.args) + len(node.args.kwonlyargs)


def length(node: ast.FunctionDef) -> int:
    """Return the number of lines of a function from ``def`` to its end."""
    return node.end_lineno - node.lineno + 1


def public_names(module: Module) -> list[str]:
    """Return what a module lists in ``__all__``."""
    names = []
    for node in module.tree.body:
        if _is_all(node) and isinstance(node.value, ast.List | ast.Tuple):
            names += [f"{module.name}.{ast.literal_eval(element)}" for element in node.value.elts]
    return names


def _is_all(node: ast.stmt) -> bool:
    """Tell whether a statement assigns ``__all__``."""
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
    )


def only_imports(module: Module) -> bool:
    """Tell whether a module has nothing but a docstring, imports and ``__all__``."""
    own = [node for node in module.tree.body if not (_is_text(node) or _is_all(node))]
    return bool(own) and all(isinstance(node, ast.Import | ast.ImportFrom) for node in own)


def _is_text(node: ast.AST) -> bool:
    """Tell whether a statement is a bare string, as docstrings are."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def code_lines(module: Module) -> list[tuple[int, str]]:
    """Return number and stripped text of the lines with code, without docstrings and imports."""
    dropped: set[int] = set()
    for node in ast.walk(module.tree):
        if _is_text(node) or isinstance(node, ast.Import | ast.ImportFrom):
            dropped |= set(range(node.lineno, node.end_lineno + 1))
    kept: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type not in LAYOUT:
            kept |= set(range(token.start[0], token.end[0] + 1))
    lines = module.text.splitlines()
    numbers = sorted(kept - dropped - {len(lines) + 1})
    return [(number, lines[number - 1].strip()) for number in numbers]


def repeated_blocks(modules: Iterable[Module]) -> list[str]:
    """Return where each further copy of six or more lines stands, and where the first does."""
    first: dict[tuple[str, ...], str] = {}
    blocks = []
    for module in modules:
        lines = code_lines(module)
        repeated_to = -1  # position behind the block that is being read
        for start in range(len(lines) - BLOCK + 1):
            window = tuple(text for _, text in lines[start : start + BLOCK])
            here = f"{module.name}:{lines[start][0]}"
            known = first.setdefault(window, here)
            if known != here:
                if start >= repeated_to:
                    blocks.append(f"{here} repeats {known}")
                repeated_to = start + BLOCK
    return blocks


def folders(modules: dict[str, Module], *, nested: bool) -> list[str]:
    """Return the folders of the package, with or without those inside folders."""
    names = {module.path.parent for module in modules.values() if module.name != PACKAGE}
    inside = [path.relative_to(modules[PACKAGE].path.parent) for path in sorted(names)]
    return [str(path) for path in inside if path.parts and (nested or len(path.parts) == 1)]


def test_functions(checkout: Path) -> list[str]:
    """Return the names of the test functions of a checkout."""
    return [
        f"{path.relative_to(checkout)} {node.name}"
        for path in sorted((checkout / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def numbers(checkout: Path) -> dict[str, int | list[str]]:
    """Return what is counted: a number, or the names of what is counted."""
    modules = read_modules(checkout)
    every = list(modules.values())
    plain = [module for module in every if not module.is_init]
    arrows_of_folders = arrows(modules, lambda name: unit(name, one_root=True))
    graphs = {
        "circles of modules": arrows(modules, lambda name: name),
        "circles of folders and root modules": arrows(
            modules, lambda name: unit(name, one_root=False)
        ),
        "circles of folders, the root as one": arrows_of_folders,
    }
    named = list(functions(every))
    return {
        "modules": [module.name for module in every],
        "modules at the root": [module.name for module in plain if module.name.count(".") == 1],
        "folders": folders(modules, nested=False),
        "folders with those inside": folders(modules, nested=True),
        "arrows of folders, the root as one": [
            f"{name} -> {other}"
            for name, others in sorted(arrows_of_folders.items())
            for other in sorted(others)
        ],
        **{
            title: [" <-> ".join(group) for group in circles(graph)]
            for title, graph in graphs.items()
        },
        f"functions with {MANY_PARAMETERS} or more parameters": [
            f"{name} {parameters(node)}" for name, node in named if parameters(node) >= 8
        ],
        f"functions over {LONG_FUNCTION} lines": [
            f"{name} {length(node)}" for name, node in named if length(node) > LONG_FUNCTION
        ],
        "lines of the package": sum(module.lines for module in every),
        "entries in all __all__": [name for module in every for name in public_names(module)],
        f"repeated blocks of {BLOCK} or more lines": repeated_blocks(every),
        f"modules below {SHORT_MODULE} lines": [
            f"{module.name} {module.lines}" for module in plain if module.lines < SHORT_MODULE
        ],
        "modules that only re-export": [module.name for module in plain if only_imports(module)],
        "test functions": test_functions(checkout),
    }


def main() -> None:
    """Print the numbers of each checkout."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("checkouts", nargs="*", type=Path, metavar="CHECKOUT")
    parser.add_argument("--list", action="store_true", help="Name what is counted, too.")
    options = parser.parse_args()
    here = Path(__file__).resolve().parents[1]
    columns = [numbers(checkout) for checkout in options.checkouts or [here]]
    heads = [str(checkout) for checkout in options.checkouts or ["here"]]
    print("| | " + " | ".join(heads) + " |\n|---|" + "---|" * len(heads))
    for title in columns[0]:
        values = [column[title] for column in columns]
        counts = [len(value) if isinstance(value, list) else value for value in values]
        print(f"| {title} | " + " | ".join(f"{count:,}" for count in counts) + " |")
    if options.list:
        for title, value in columns[-1].items():
            if isinstance(value, list) and title not in ("modules", "test functions"):
                print(f"\n## {title}\n")
                print("\n".join(f"- {line}" for line in value) or "None.")


if __name__ == "__main__":
    main()
