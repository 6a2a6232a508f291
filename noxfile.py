"""Environments of nox: every Python, the oldest dependencies, linter, documentation."""

from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13", "3.14")

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "tests"]


def required(extra: str, name: str) -> str:
    """Return what an extra in ``pyproject.toml`` requires of a package."""
    extras = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]
    (found,) = (text for text in extras[extra] if text.partition(">=")[0] == name)
    return found


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests with the newest dependencies; ``-- --slow`` runs the long ones too."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS[0])
def oldest(session: nox.Session) -> None:
    """Run the tests with the oldest dependencies that are allowed, and the newest torch."""
    limits = Path(session.create_tmp()) / "oldest.txt"
    with limits.open("w") as file:
        session.run("python", "packaging/oldest.py", stdout=file)
    session.install("--constraint", str(limits), ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Run the quick checks, as pre-commit does."""
    session.install(required("test", "ruff"))
    session.run("make", "lint", external=True, env={"PYTHON": "python"})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    session.install(".[docs]")
    session.run("make", "docs", external=True, env={"PYTHON": "python"})
