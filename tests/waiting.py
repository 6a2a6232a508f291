"""Waiting for another process or thread, however long this machine takes, and clocks to set.

A test says what must have happened before it goes on, never how long that takes. `HANGS` ends only
what would go on for ever.
"""

import subprocess
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

HANGS = 600.0  # seconds


def wait_until(condition):
    """Return what a function returns as soon as that is true; fail where it never is."""
    end = time.monotonic() + HANGS
    while not (found := condition()):
        assert time.monotonic() < end, f"not true after {HANGS:.0f} s"
        time.sleep(0.01)
    return found


def finishes(function):
    """Whether a function returns at all."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(HANGS)
    return not thread.is_alive()


@contextmanager
def started(command, **options):
    """Yield a process, which is gone afterwards whatever happens."""
    with subprocess.Popen([str(word) for word in command], **options) as process:
        try:
            yield process
        finally:
            process.kill()


class Clock:
    """Time that passes only where somebody waits; `module` stands for ``time``."""

    def __init__(self):
        self.now, self.waits = 0.0, []
        self.module = SimpleNamespace(monotonic=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds

    def event(self):
        """Return an event that nobody really waits for."""
        event = threading.Event()
        event.wait = lambda timeout: self.sleep(timeout) or event.is_set()
        return event
