"""Worker processes: one job for many items, in order, and an error in words if a worker is killed."""
from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice

from minimolmo.command import init_worker

CHUNK_SIZE = 16  # items that a worker gets at once
LOOK_AHEAD = 4   # chunks for each worker that are begun or wait, so that results do not pile up
MOST_ON_WINDOWS = 61


def map_in_order(job: Callable, items: Iterable, workers: int) -> Iterator:
    """Apply a job to all items, in order, in this process or in several. Yields the results.

    With several, the job, the items and the results must be what pickle can copy. Interrupted or closed, it
    ends when the chunks that the workers have are done. Raises ValueError if a worker was killed.
    """
    if workers == 1:
        yield from map(job, items)
        return
    with _processes(workers) as pool:
        chunks = _chunks(items)
        waiting = deque(pool.submit(_apply, job, chunk) for chunk in islice(chunks, LOOK_AHEAD * workers))
        while waiting:
            results = waiting.popleft().result()
            waiting.extend(pool.submit(_apply, job, chunk) for chunk in islice(chunks, 1))
            yield from results


def _chunks(items: Iterable) -> Iterator[list]:
    items = iter(items)
    while chunk := list(islice(items, CHUNK_SIZE)):
        yield chunk


def _apply(job: Callable, chunk: list) -> list:
    return [job(item) for item in chunk]


@contextmanager
def _processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Workers that are gone afterwards. multiprocessing.Pool would wait for killed ones for ever."""
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(min(workers, MOST_ON_WINDOWS) if os.name == "nt" else workers,
                               initializer=init_worker)
    try:
        yield pool
    except BrokenProcessPool:
        raise ValueError("a worker process was killed, perhaps because the machine's memory is full, so this "
                         "command cannot go on. Try --workers=1, or close other programs.") from None
    finally:
        pool.shutdown(cancel_futures=True)
        for worker in set(multiprocessing.active_children()) - set(others):  # if not all could be started
            worker.kill()  # TERM is lost in a process that has just been forked
            worker.join()
