"""The option ``--slow`` of the tests, which takes in the long ones."""

import pytest

REASON = "a long test, which pytest --slow runs too"


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
