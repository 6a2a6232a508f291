"""Ctrl-C ends a command in good time, and waits while something happens that must not be torn.

A command goes through two states. While it imports packages, Ctrl-C ends it at once. From then on
it raises `KeyboardInterrupt`, as everywhere in Python, so that the command can say what it has
completed; but an interrupt can be lost (Python drops one that is raised while an object is deleted)
or take long (a library computes), so the process ends when `PATIENCE` has passed. A second Ctrl-C
ends it at once.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 1.5  # seconds from Ctrl-C until the process ends, whatever it does
STATUS = 130  # of a process that was interrupted
COMMANDS = "astroclip-"  # what the names of our programs begin with

_acknowledged = threading.Event()
_held: list[object] = []  # one item for each block that must not be torn


def start_program() -> None:
    """Let Ctrl-C end this process at once, without a traceback, if it is one of our commands.

    Called before the packages are imported that take time. Elsewhere, in a notebook say, nothing
    is changed.
    """
    if (
        not _name().startswith(COMMANDS)
        or threading.current_thread() is not threading.main_thread()
    ):
        return
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and processes.parent_process() is not None:
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_at_once)


def start_command() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` from now on, and end the process soon after."""
    if signal.getsignal(signal.SIGINT) is _end_at_once:
        signal.signal(signal.SIGINT, _interrupt)


def acknowledge() -> None:
    """Note that the command has said itself that it was interrupted."""
    _acknowledged.set()


def _name() -> str:
    """Return the name of the program that runs."""
    return os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else ""


def _end_at_once(number: int, frame: FrameType | None) -> None:
    """End the process; nothing that was completed is lost."""
    if not _acknowledged.is_set():
        os.write(2, f"\n{_name()}: interrupted; run the same command again.\n".encode())
    os._exit(STATUS)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Interrupt the command, which has `PATIENCE` seconds to end by itself."""
    signal.signal(signal.SIGINT, _end_at_once)
    # A thread of the module threading could wait for a lock that the interrupted code holds.
    _thread.start_new_thread(_end_in_time, ())
    raise KeyboardInterrupt


def _end_in_time() -> None:
    """End the process when its time is over, unless it must not be torn or has processes."""
    time.sleep(PATIENCE)
    processes = sys.modules.get("multiprocessing.process")
    while _held or (processes is not None and processes.active_children()):
        time.sleep(PATIENCE / 10)
    _end_at_once(signal.SIGINT, None)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait until the end of the block, where it does what it always does.

    Processes started in the block never get it, from their first moment on, where the system
    has signal masks. Elsewhere than in the main thread, which alone is interrupted, there is
    nothing else to hold.

    Examples
    --------
    >>> import signal
    >>> try:
    ...     with interrupts_held():
    ...         signal.raise_signal(signal.SIGINT)
    ...         print("finished")
    ... except KeyboardInterrupt:
    ...     print("interrupted")
    finished
    interrupted
    """
    arrived: list[tuple[int, FrameType | None]] = []
    usual = signal.getsignal(signal.SIGINT)
    # A mask alone would not do: the threads of a linear algebra library may take the signal.
    held = callable(usual) and threading.current_thread() is threading.main_thread()
    masks = hasattr(signal, "pthread_sigmask")
    if held:
        signal.signal(signal.SIGINT, lambda number, frame: arrived.append((number, frame)))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masks else None
    _held.append(arrived)
    try:
        yield
    finally:
        _held.remove(arrived)
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if held:
            signal.signal(signal.SIGINT, usual)
        if arrived and callable(usual):
            usual(*arrived[0])
