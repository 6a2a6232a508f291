"""Ctrl-C ends a command without a traceback, in good time, also where Python loses it."""

import os
import signal
import subprocess
import sys
import time

import pytest

NAME = "import sys; sys.argv = ['astroclip-annotate']; "
INTERRUPT = "import os, signal; os.kill(os.getpid(), signal.SIGINT); "
WAIT = "import time; time.sleep(60)"
SAID = "astroclip-annotate: interrupted; run the same command again."
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX systems")


def run(code, **environment):
    """Return status, standard error and seconds of a fresh process."""
    start = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    return result.returncode, result.stderr.strip(), time.perf_counter() - start


def test_interrupt_while_packages_are_imported_is_one_line(tmp_path):
    package = tmp_path / "astropy"
    package.mkdir()
    (package / "__init__.py").write_text(INTERRUPT + WAIT)
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    status, error, _ = run(NAME + "import astroclip_astro", PYTHONPATH=paths)
    assert (status, error) == (130, SAID)


def test_interrupt_between_import_and_command_is_one_line():
    status, error, _ = run(NAME + "import astroclip_astro; " + INTERRUPT + WAIT)
    assert (status, error) == (130, SAID)


def test_nothing_changes_in_a_program_that_is_not_ours():
    status, error, _ = run("import astroclip_astro; " + INTERRUPT)
    assert status in (1, -signal.SIGINT)
    assert error.endswith("KeyboardInterrupt")


LOST = """
import astroclip_astro, time
from astroclip_astro.storage.interrupts import start_command
start_command()
try:
    {interrupt}
    time.sleep(60)
except KeyboardInterrupt:
    pass  # as Python does where an object is being deleted
{then}
"""


def test_interrupt_that_was_lost_ends_the_process_all_the_same():
    code = LOST.format(interrupt=INTERRUPT, then="time.sleep(60)")
    status, error, seconds = run(NAME + code)
    assert (status, error) == (130, SAID)
    assert seconds < 20


def test_process_is_not_ended_within_what_must_not_be_torn():
    then = (
        "from astroclip_astro.storage.interrupts import interrupts_held\n"
        "with interrupts_held():\n    time.sleep(2.5); print('whole', file=sys.stderr)\n"
        "time.sleep(60)"
    )
    status, error, _ = run(NAME + LOST.format(interrupt=INTERRUPT, then=then))
    assert (status, error.split()[0]) == (130, "whole")


def test_second_interrupt_ends_the_process_at_once():
    status, error, _ = run(NAME + LOST.format(interrupt=INTERRUPT, then=INTERRUPT))
    assert (status, error) == (130, SAID)


def test_command_that_has_said_so_itself_is_not_repeated():
    then = (
        "from astroclip_astro.storage.interrupts import acknowledge; acknowledge(); time.sleep(60)"
    )
    status, error, _ = run(NAME + LOST.format(interrupt=INTERRUPT, then=then))
    assert (status, error) == (130, "")
