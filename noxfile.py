"""Environments of nox: every Python, the oldest dependencies, quick checks, documentation."""

from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13", "3.14")

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "tests"]


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
    session.install(".[test]")  # mypy reads the packages that ours imports
    session.run("make", "lint", external=True, env={"PYTHON": "python"})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    session.install(".[docs]")
    session.run("make", "docs", external=True, env={"PYTHON": "python"})
