"""How tests run: one process a core, and the option ``--slow``, which takes in the long ones."""

import os

import pytest

REASON = "a long test, which pytest --slow runs too"
MOST_PROCESSES = 4  # each takes about a GB


def pytest_configure(config):
    """Keep each process to one thread where there is one on every core."""
    if config.getoption("numprocesses", None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_xdist_auto_num_workers(config):
    """Return how many processes ``-n auto`` stands for: one for each core that may be used."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return min(len(affinity(0)) if affinity else os.cpu_count(), MOST_PROCESSES)


def pytest_addoption(parser):
    """Add ``--slow``."""
    parser.addoption("--slow", action="store_true", help="run the long tests too, marked slow")


def pytest_collection_modifyitems(config, items):
    """Skip the long tests unless they are asked for."""
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter):
    """Say at the very end how many long tests were skipped, and how to run them."""
    yield
    skipped = terminalreporter.getreports("skipped")
    count = sum(REASON in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f"{count} long tests were skipped; run all: pytest --slow")
