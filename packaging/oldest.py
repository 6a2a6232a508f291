"""Print constraints for pip under which every dependency is the oldest that is allowed.

The lower bounds are those of ``pyproject.toml``, of the dependencies and of the extras named
(``test``, and what that takes in, where none is), each as ``name==bound``::

    python packaging/oldest.py > oldest.txt
    pip install -c oldest.txt '.[test]'
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEWEST = frozenset({"torch"})  # gigabytes, and of each release few builds suit a machine
NAMED = re.compile(r"(?P<name>[\w.-]+)(?:\[(?P<extras>[\w,. -]+)\])?(?: *>= *(?P<bound>[\w.]+))?")


def requirements(project: dict, extras: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield what a project requires with extras, and the lower bound of each.

    Parameters
    ----------
    project
        The table ``[project]`` of ``pyproject.toml``.
    extras
        Names of extras. Those that an extra names of the project itself are taken in.

    Yields
    ------
    name, bound
        A name can come several times.

    Raises
    ------
    ValueError
        A requirement is not ``name>=bound``.
    """
    optional = project.get("optional-dependencies", {})
    waiting, known = list(extras), set()
    texts = list(project["dependencies"])
    while waiting:
        extra = waiting.pop()
        if extra not in known:
            known.add(extra)
            texts += optional[extra]
            for text in optional[extra]:
                found = NAMED.fullmatch(text)
                if found and found["name"] == project["name"]:
                    waiting += re.split(" *, *", found["extras"] or "")
    for text in texts:
        found = NAMED.fullmatch(text)
        if found and found["name"] == project["name"]:
            continue
        if found is None or found["bound"] is None:
            raise ValueError(f"Requirement {text!r}, expected one as 'numpy>=2.0'")
        yield found["name"], found["bound"]


def constraints(project: dict, extras: Iterable[str] = ("test",)) -> list[str]:
    """Return the lines of a constraints file, by name.

    Parameters
    ----------
    project
        The table ``[project]`` of ``pyproject.toml``.
    extras
        Names of extras.

    Returns
    -------
    list of str
        ``name==bound`` for every requirement but those in `NEWEST`.

    Raises
    ------
    ValueError
        A requirement is not ``name>=bound``, or has two bounds.

    Examples
    --------
    >>> constraints({"name": "us", "dependencies": ["torch>=2", "numpy>=2.0"]}, [])
    ['numpy==2.0']
    """
    bounds: dict[str, str] = {}
    for name, bound in requirements(project, extras):
        if bounds.setdefault(name, bound) != bound:
            raise ValueError(
                f"{name} has the lower bounds {bounds[name]} and {bound}, expected one"
            )
    return [f"{name}=={bound}" for name, bound in sorted(bounds.items()) if name not in NEWEST]


def main() -> None:
    """Print the constraints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("extras", nargs="*", default=["test"], help="extras; default: test")
    extras = parser.parse_args().extras
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if missing := sorted(set(extras) - set(project["optional-dependencies"])):
        known = ", ".join(project["optional-dependencies"])
        sys.exit(f"No extra {', '.join(missing)}; expected {known}.")
    print("\n".join(constraints(project, extras)))


if __name__ == "__main__":
    main()
