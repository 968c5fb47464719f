"""Threads that fetch images: many in total, but few per host. Only the main thread writes files."""
from __future__ import annotations

import queue
import threading
from collections import Counter, deque
from collections.abc import Callable
from urllib.parse import urlsplit

from data.pixmo.records import Record

NUM_THREADS = 16    # they mostly wait for the network
PER_HOST = 2    # polite to servers


class Workers:
    """Run a job for records in threads: `submit` adds one, `next_result` returns one that is done.

    The threads are daemons, so an interrupted program ends at once.
    """

    def __init__(self, job: Callable[[Record], object], threads: int = NUM_THREADS, per_host: int = PER_HOST):
        self.job, self.per_host, self.threads = job, per_host, threads
        self.waiting: dict[str, deque[Record]] = {}
        self.running: Counter[str] = Counter()
        self.pending_keys: set[str] = set()  # keys without a returned result
        self.jobs, self.results = queue.SimpleQueue(), queue.SimpleQueue()
        for _ in range(threads):
            threading.Thread(target=self._work, daemon=True).start()

    def submit(self, record: Record) -> None:
        """Add a record, unless it is already being processed."""
        if record.key not in self.pending_keys:
            self.pending_keys.add(record.key)
            self.waiting.setdefault(host_of(record), deque()).append(record)
            self._start()

    def next_result(self) -> tuple[Record, object]:
        """Wait for the next finished record and its result. Raises RuntimeError if its job raised."""
        record, result = self.results.get()
        self.pending_keys.discard(record.key)
        self.running[host_of(record)] -= 1
        self._start()
        if result is None:
            raise RuntimeError(f"{record.key} was not fetched, because the error above stopped its thread. "
                               f"Please report it.")
        return record, result

    def _start(self) -> None:
        """Start as many jobs as the limits on threads and hosts allow."""
        for host in list(self.waiting):
            while (self.waiting[host] and self.running[host] < self.per_host
                   and self.running.total() < self.threads):
                self.running[host] += 1
                self.jobs.put(self.waiting[host].popleft())
            if not self.waiting[host]:
                del self.waiting[host]

    def _work(self) -> None:
        while True:
            record, result = self.jobs.get(), None
            try:
                result = self.job(record)
            finally:
                self.results.put((record, result))


def host_of(record: Record) -> str:
    """The host of the record's image; "" if the image is drawn here or the link is invalid."""
    try:
        return urlsplit(record.image_url).hostname or ""
    except ValueError:
        return ""
