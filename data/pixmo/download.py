"""One set: rows in an order that the seed alone decides, until enough of their pictures are there.

Pictures arrive in any order, but are judged in the order of their rows: so the same servers give the same
folder, however the downloads overtake each other.
"""
from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from data.pixmo.columns import in_percent, read_row
from data.pixmo.records import NEVER, Entry, Failed, Outcome
from data.pixmo.hub import PAGE, Hub, Page, configs_of
from data.pixmo.store import Store
from data.pixmo.workers import Workers
from minimolmo.flow import Annotation

WINDOW = 500      # rows looked at ahead of the first one that is still undecided
SAME_BYTES = 4    # URLs that may show one picture; a fifth, without a hash to prove it, is "image removed"


@dataclass(frozen=True)
class Candidate:
    """A row: "set/config/index", and what it says, or why it says nothing."""
    where: str
    entry: Entry | None
    failed: Failed | None = None


@dataclass
class Gathered:
    """What a set gave: rows that have their picture, rows that failed, and why it ended early if it did."""
    name: str
    chosen: list[tuple[str, Outcome, tuple[Annotation, ...]]] = field(default_factory=list)
    failures: list[dict] = field(default_factory=list)
    images: set[str] = field(default_factory=set)       # keys
    revisions: dict[str, str] = field(default_factory=dict)
    looked_at: set[str] = field(default_factory=set)    # keys of every picture that was judged
    stopped: str = ""                                   # the Hub's last words, if it gave no more rows
    exhausted: bool = False                             # the set has no more rows


class Gatherer:
    """Walks through sets, one after another. `seed` chooses the rows, `images` says how many of each set."""

    def __init__(self, hub: Hub, store: Store, workers: Workers, seed: int, images: int, bar):
        self.hub, self.store, self.workers, self.bar = hub, store, workers, bar
        self.seed, self.wanted = seed, images
        self.shown: dict[str, set[str]] = defaultdict(set)  # sha256: the links that showed these bytes
        self.rows = self.failures = 0

    def gather(self, name: str) -> Gathered:
        """Read rows and fetch pictures until the set has as many as are wanted, or has no more."""
        found, ahead = Gathered(name), deque()
        rows = self.candidates(found)
        while len(found.images) < self.wanted:
            self._look_ahead(found, ahead, rows)
            if not ahead:
                break
            if self._is_known(ahead[0]):
                self._judge(ahead.popleft(), found)
            else:
                _, (outcome, jpeg) = self.workers.next()
                self.store.keep(outcome, jpeg)
            self._tell()
        return found

    def candidates(self, found: Gathered) -> Iterator[Candidate]:
        """The set's rows in the seed's order; a set of several parts gives a row of each in turn."""
        parts = [self._rows_of(found, config) for config in configs_of(found.name)]
        for turn in zip_longest(*parts):
            yield from (candidate for candidate in turn if candidate is not None)

    def _rows_of(self, found: Gathered, config: str) -> Iterator[Candidate]:
        name, first = found.name, self._page(found.name, config, 0, 1)
        if first.rows and not first.total:
            raise Failed("hub", NEVER, f"{name} does not say how many rows it has")
        found.revisions[config] = first.revision
        pages = range(-(-first.total // PAGE))
        for number in random.Random(f"{self.seed}/{name}/{config}").sample(pages, len(pages)):
            page = self._page(name, config, number * PAGE, PAGE)
            if page.revision and page.revision != first.revision:
                raise ValueError(f"{name} has changed on the Hub from revision {first.revision} to "
                                 f"{page.revision}, so old and new rows would mix. Try another --folder.")
            for index, row in page.rows:
                yield _read(name, row, f"{name}/{config}/{index}")

    def _page(self, name: str, config: str, offset: int, length: int) -> Page:
        """From the folder if it was read before; but where links expire, only if all pictures are there."""
        file = f"{name}-{config}-{offset:09}-{length}.json"
        kept = self.store.load_page(file)
        if kept and not (name == "docs" and length > 1 and self._lacks_pictures(name, config, kept)):
            return kept
        page = self.hub.read(name, config, offset, length)
        self.store.save_page(file, page)
        return page

    def _lacks_pictures(self, name: str, config: str, page: Page) -> bool:
        return any(f"{name}/{config}/{index}" not in self.store.outcomes for index, row in page.rows if row)

    def _look_ahead(self, found: Gathered, ahead: deque, rows: Iterator[Candidate]) -> None:
        """Read on, and have pictures fetched, but not many more than are still needed."""
        needed = self.wanted - len(found.images)
        while len(ahead) < min(WINDOW, needed + needed // 3 + 1) and not (found.stopped or found.exhausted):
            try:
                candidate = next(rows, None)
            except Failed as failure:
                found.stopped = str(failure)
                return
            if candidate is None:
                found.exhausted = True
                return
            ahead.append(candidate)
            if not self._is_known(candidate):
                self.workers.offer(candidate.entry)

    def _is_known(self, candidate: Candidate) -> bool:
        return candidate.failed is not None or candidate.entry.key in self.store.outcomes

    def _judge(self, candidate: Candidate, found: Gathered) -> None:
        """Take a row whose picture's fate is known, or write down why not."""
        self.rows += 1
        try:
            if candidate.failed:
                raise candidate.failed
            found.looked_at.add(candidate.entry.key)
            outcome = self.store.outcomes[candidate.entry.key]
            found.chosen.append((candidate.where, outcome, self._settle(candidate.entry, outcome)))
            self.bar.update(candidate.entry.key not in found.images)
            found.images.add(candidate.entry.key)
        except Failed as failed:
            self.failures += 1
            url = candidate.entry.key if candidate.entry else ""
            found.failures.append({"row": candidate.where, "url": url, "cause": failed.cause,
                                   "status": failed.status, "again": failed.again, "detail": failed.detail})

    def _settle(self, entry: Entry, outcome: Outcome) -> tuple[Annotation, ...]:
        """The row's annotations, if its picture is there and is its own. Raises Failed if not."""
        if outcome.cause:
            raise Failed(outcome.cause, outcome.again, outcome.detail, outcome.status)
        if entry.sha256 not in ("", outcome.sha256):
            raise Failed("bad_hash", NEVER, f"the bytes have {outcome.sha256}")
        if not entry.sha256:
            links = self.shown[outcome.sha256]
            if len(links) == SAME_BYTES and entry.key not in links:
                raise Failed("placeholder", NEVER, f"the same bytes under more than {SAME_BYTES} links")
            links.add(entry.key)
        return in_percent(entry, outcome.width, outcome.height, outcome.turned)

    def _tell(self) -> None:
        speed = self.store.received / 1e6 / max(1e-3, self.bar.format_dict["elapsed"])
        self.bar.set_postfix_str(f"{self.rows:,} rows, {self.failures:,} failures, {speed:.1f} MB/s",
                                 refresh=False)


def _read(name: str, row, where: str) -> Candidate:
    try:
        return Candidate(where, read_row(name, row, where))
    except Failed as failed:
        return Candidate(where, None, failed)
