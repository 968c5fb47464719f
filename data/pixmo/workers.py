"""Threads that fetch: many at a time in all, few from one host. Only the main thread writes files."""
from __future__ import annotations

import queue
import threading
from collections import Counter, deque
from collections.abc import Callable
from urllib.parse import urlsplit

from data.pixmo.records import Record

NUM_THREADS = 16    # they wait for the network most of the time
PER_HOST = 2    # as polite as a browser used to be


class Workers:
    """`offer` entries in any number, take (entry, result) back with `next` in the order they are ready.

    The threads are daemons: whoever is interrupted need not wait for them.
    """

    def __init__(self, job: Callable[[Record], object], threads: int = NUM_THREADS, per_host: int = PER_HOST):
        self.job, self.per_host, self.threads = job, per_host, threads
        self.waiting: dict[str, deque[Record]] = {}
        self.running: Counter[str] = Counter()
        self.pending_keys: set[str] = set()  # keys, not yet taken back
        self.jobs, self.results = queue.SimpleQueue(), queue.SimpleQueue()
        for _ in range(threads):
            threading.Thread(target=self._work, daemon=True).start()

    def submit(self, record: Record) -> None:
        """Have an entry fetched, unless it is under way already."""
        if record.key not in self.pending_keys:
            self.pending_keys.add(record.key)
            self.waiting.setdefault(host_of(record), deque()).append(record)
            self._start()

    def next_result(self) -> tuple[Record, object]:
        """The next one that is ready. Raises RuntimeError if its job raised."""
        record, result = self.results.get()
        self.pending_keys.discard(record.key)
        self.running[host_of(record)] -= 1
        self._start()
        if result is None:
            raise RuntimeError(f"{record.key} could not be worked on: the reason stands above")
        return record, result

    def _start(self) -> None:
        """Give the threads whatever their number and the hosts' limits allow."""
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
    """Whose server an entry's picture is on; "" if it is drawn here, or the link is none."""
    try:
        return urlsplit(record.image_url).hostname or ""
    except ValueError:
        return ""
