"""Worker processes: results in order, and words in place of a hang when a worker is killed."""
import multiprocessing
import os
import signal
import time
from contextlib import closing

import pytest

from minimolmo.pool import CHUNK_SIZE, LOOK_AHEAD, map_in_order


def double(number: int) -> int:
    return 2 * number


def slow_first(number: int) -> int:
    time.sleep(0.1 * (number == 0))
    return number


def refuse_20(number: int) -> int:
    if number == 20:
        raise ValueError("20 is refused. Try 21.")
    return number


def die_at_20(number: int) -> int:
    if number == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_items(workers):
    assert list(map_in_order(double, range(100), workers)) == list(range(0, 200, 2))
    assert list(map_in_order(slow_first, range(40), workers)) == list(range(40))
    assert list(map_in_order(double, [], workers)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_the_job_is_raised_after_the_results_before_it(workers):
    results = map_in_order(refuse_20, range(100), workers)
    assert [next(results) for _ in range(CHUNK_SIZE)] == list(range(CHUNK_SIZE))
    with pytest.raises(ValueError, match="20 is refused"):
        list(results)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_a_worker_that_was_killed_is_told_in_words():
    """As by a system whose memory is full. The other worker ends too."""
    with pytest.raises(ValueError, match="a worker process was killed, perhaps .* Try --workers=1"):
        list(map_in_order(die_at_20, range(1000), 2))
    assert multiprocessing.active_children() == []


def test_items_are_taken_only_a_little_ahead_of_the_results():
    """So rows of a large dataset do not pile up in memory."""
    taken = []
    items = (taken.append(number) or number for number in range(10 ** 9))
    with closing(map_in_order(double, items, 2)) as results:
        assert next(results) == 0
        assert len(taken) <= (2 * LOOK_AHEAD + 1) * CHUNK_SIZE
    assert multiprocessing.active_children() == []


def test_if_the_system_allows_only_some_of_the_processes_those_end(monkeypatch):
    start, started = multiprocessing.Process.start, []

    def refuse_third(process):
        started.append(process)
        if len(started) == 3:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        start(process)
    monkeypatch.setattr(multiprocessing.get_context().Process, "start", refuse_third)
    with pytest.raises(BlockingIOError):
        list(map_in_order(double, range(100), 4))
    for process in started[:2]:
        process.join(10)
    assert len(started) == 3 and multiprocessing.active_children() == []
