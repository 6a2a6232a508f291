"""Ctrl-C waits while something happens that must not be torn."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


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
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if held:
            signal.signal(signal.SIGINT, usual)
        if arrived and callable(usual):
            usual(*arrived[0])
