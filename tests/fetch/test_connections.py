"""Several requests at once."""

import threading

import pytest
from waiting import HANGS, finishes

from astroclip_astro.fetch.connections import in_parallel


def test_every_item_is_answered_once():
    answers = list(in_parallel(lambda n: n**2, range(50), connections=4))
    assert sorted(answers) == [(n, n**2) for n in range(50)]


def test_an_exception_is_an_answer():
    def fail(number):
        raise ValueError(number)

    ((item, answer),) = in_parallel(fail, [7], connections=4)
    assert item == 7
    assert isinstance(answer, ValueError)


@pytest.mark.parametrize("connections", [1, 3])
def test_no_more_at_a_time_than_allowed(connections):
    lock, now, most = threading.Lock(), 0, 0
    together = threading.Barrier(connections)  # of 12 items: each waits until all are at work

    def work(_):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait(HANGS)
        with lock:
            now -= 1

    list(in_parallel(work, range(12), connections=connections))
    assert most == connections


def test_nothing_new_begins_when_the_consumer_stops():
    begun, allowed, threads = [], threading.Semaphore(1), set()

    def work(number):
        begun.append(number)
        threads.add(threading.current_thread())
        allowed.acquire(timeout=HANGS)

    answers = in_parallel(work, range(100), connections=2)
    next(answers)
    answers.close()
    allowed.release(100)
    for thread in threads:
        thread.join(HANGS)
    assert len(begun) <= 3, "one was answered, two may have been under way"


def test_nobody_waits_for_a_slow_one():
    release = threading.Event()
    answers = in_parallel(lambda n: n == 0 or release.wait(), [0, 1], connections=2)
    next(answers)
    assert finishes(answers.close)
    assert all(thread.daemon for thread in threading.enumerate() if "work" in thread.name)
    release.set()


def test_no_items_no_threads():
    assert list(in_parallel(abs, [], connections=4)) == []
