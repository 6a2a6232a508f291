"""Several requests at once, that a Ctrl-C does not have to wait for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(
    function: Callable[[T], R], items: Sequence[T], *, connections: int
) -> Generator[tuple[T, R | Exception], None, None]:
    """Call a function for every item, several at a time, and yield what comes as it comes.

    A thread pool of the standard library would make a Ctrl-C wait until the slowest server has
    answered. Threads here are daemons: they end with their request, and nobody waits for it.

    Parameters
    ----------
    function : callable
        Called with an item, in a thread.
    items : sequence
        What to call it with.
    connections : int
        How many calls at a time.

    Yields
    ------
    item, answer
        In the order of completion; an exception of the call is the answer, and is not raised.

    Examples
    --------
    >>> sorted(in_parallel(abs, [-2, 1], connections=4))
    [(-2, 2), (1, 1)]
    """
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    finished: queue.SimpleQueue[tuple[T, R | Exception]] = queue.SimpleQueue()
    left = threading.Event()
    for item in items:
        waiting.put(item)

    def work() -> None:
        while not left.is_set():
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                answer: R | Exception = function(item)
            except Exception as error:
                answer = error
            finished.put((item, answer))

    for _ in range(min(connections, len(items))):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in items:
            yield finished.get()
    finally:
        left.set()  # the consumer is done or was interrupted: begin nothing more
