"""Several requests at once."""

import threading
import time

import pytest

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

    def work(_):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1

    list(in_parallel(work, range(12), connections=connections))
    assert most == connections


def test_nothing_new_begins_when_the_consumer_stops():
    begun = []
    answers = in_parallel(lambda n: (begun.append(n), time.sleep(0.02)), range(100), connections=2)
    next(answers)
    answers.close()
    time.sleep(0.1)
    count = len(begun)
    assert count < 10
    time.sleep(0.1)
    assert len(begun) == count


def test_nobody_waits_for_a_slow_one():
    release = threading.Event()
    answers = in_parallel(lambda n: release.wait(20) if n else n, [0, 1], connections=2)
    next(answers)
    start = time.monotonic()
    answers.close()
    assert time.monotonic() - start < 1
    assert all(thread.daemon for thread in threading.enumerate() if "work" in thread.name)
    release.set()


def test_no_items_no_threads():
    assert list(in_parallel(abs, [], connections=4)) == []
