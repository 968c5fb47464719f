"""Download one dataset: rows in an order that the seed decides, until enough images are there.

Images arrive in any order, but are accepted or rejected in the order of their rows. So the same servers give
the same folder.
"""
from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from data.pixmo.columns import annotations_in_percent, read_row
from data.pixmo.hub import PAGE_ROWS, Hub, Page, configs_of
from data.pixmo.records import NEVER, FetchError, ImageOutcome, Record
from data.pixmo.store import Store
from data.pixmo.workers import Workers
from minimolmo.flow import Annotation

MAX_LOOKAHEAD = 500      # rows read ahead of the first undecided one
MAX_LINKS_PER_IMAGE = 4  # more links to the same bytes mean a placeholder such as "image removed"


@dataclass(frozen=True)
class Candidate:
    """A row with its id, and its record or the error that made it unusable."""
    row_id: str
    record: Record | None
    error: FetchError | None = None


@dataclass
class DownloadResult:
    """The accepted rows of a dataset, the failures, and why the download ended early if it did."""
    name: str
    rows: list[tuple[str, ImageOutcome, tuple[Annotation, ...]]] = field(default_factory=list)
    failures: list[dict] = field(default_factory=list)
    image_keys: set[str] = field(default_factory=set)       # of images that are used
    revisions: dict[str, str] = field(default_factory=dict)
    judged_keys: set[str] = field(default_factory=set)    # of images that are used or rejected
    stopped: str = ""                                   # the Hub's error, if it gave no more rows
    exhausted: bool = False                             # the dataset has no more rows


class Downloader:
    """Downloads datasets one after another. `seed` chooses the rows; `num_images` is per dataset."""

    def __init__(self, hub: Hub, store: Store, workers: Workers, seed: int, num_images: int, progress):
        self.hub, self.store, self.workers, self.progress = hub, store, workers, progress
        self.seed, self.num_wanted = seed, num_images
        self.links_by_sha256: dict[str, set[str]] = defaultdict(set)
        self.rows = self.failures = 0

    def download(self, name: str) -> DownloadResult:
        """Read rows and fetch images until the dataset has enough images, or has no more rows."""
        result, queue = DownloadResult(name), deque()
        rows = self.candidates(result)
        while len(result.image_keys) < self.num_wanted:
            self._fill_queue(result, queue, rows)
            if not queue:
                break
            if self._is_known(queue[0]):
                self._accept_or_reject(queue.popleft(), result)
            else:
                _, (outcome, jpeg) = self.workers.next_result()
                self.store.save_outcome(outcome, jpeg)
            self._show_progress()
        return result

    def candidates(self, result: DownloadResult) -> Iterator[Candidate]:
        """Yield the dataset's rows in an order set by the seed, from its configs in turn."""
        parts = [self._candidates_of(result, config) for config in configs_of(result.name)]
        for turn in zip_longest(*parts):
            yield from (candidate for candidate in turn if candidate is not None)

    def _candidates_of(self, result: DownloadResult, config: str) -> Iterator[Candidate]:
        name, first = result.name, self._page(result.name, config, 0, 1)
        if first.rows and not first.total:
            raise FetchError("hub", NEVER, f"{name} does not say how many rows it has")
        result.revisions[config] = first.revision
        pages = range(-(-first.total // PAGE_ROWS))
        for number in random.Random(f"{self.seed}/{name}/{config}").sample(pages, len(pages)):
            page = self._page(name, config, number * PAGE_ROWS, PAGE_ROWS)
            if page.revision and page.revision != first.revision:
                raise ValueError(f"{name} has changed on the Hub from revision {first.revision} to "
                                 f"{page.revision}, so old and new rows would mix. Try another --folder.")
            for index, row in page.rows:
                yield _read(name, row, f"{name}/{config}/{index}")

    def _page(self, name: str, config: str, offset: int, length: int) -> Page:
        """A page of rows, from the folder if it is there. If links expire, its images must be there too."""
        file = f"{name}-{config}-{offset:09}-{length}.json"
        kept = self.store.load_page(file)
        if kept and not (name == "docs" and length > 1 and self._lacks_pictures(name, config, kept)):
            return kept
        page = self.hub.read(name, config, offset, length)
        self.store.save_page(file, page)
        return page

    def _lacks_pictures(self, name: str, config: str, page: Page) -> bool:
        return any(f"{name}/{config}/{index}" not in self.store.outcomes for index, row in page.rows if row)

    def _fill_queue(self, result: DownloadResult, queue: deque, rows: Iterator[Candidate]) -> None:
        """Read rows and start downloads, but not many more than are still needed."""
        needed = self.num_wanted - len(result.image_keys)
        while len(queue) < min(MAX_LOOKAHEAD,
                               needed + needed // 3 + 1) and not (result.stopped or result.exhausted):
            try:
                candidate = next(rows, None)
            except FetchError as failure:
                result.stopped = str(failure)
                return
            if candidate is None:
                result.exhausted = True
                return
            queue.append(candidate)
            if not self._is_known(candidate):
                self.workers.submit(candidate.record)

    def _is_known(self, candidate: Candidate) -> bool:
        return candidate.error is not None or candidate.record.key in self.store.outcomes

    def _accept_or_reject(self, candidate: Candidate, result: DownloadResult) -> None:
        """Record a finished row as accepted or failed."""
        self.rows += 1
        try:
            if candidate.error:
                raise candidate.error
            result.judged_keys.add(candidate.record.key)
            outcome = self.store.outcomes[candidate.record.key]
            result.rows.append((candidate.row_id, outcome, self._annotations_of(candidate.record, outcome)))
            self.progress.update(candidate.record.key not in result.image_keys)
            result.image_keys.add(candidate.record.key)
        except FetchError as error:
            self.failures += 1
            url = candidate.record.key if candidate.record else ""
            result.failures.append({"row": candidate.row_id, "url": url, "cause": error.cause,
                                   "status": error.status, "again": error.again, "detail": error.detail})

    def _annotations_of(self, record: Record, outcome: ImageOutcome) -> tuple[Annotation, ...]:
        """The row's annotations. Raises FetchError if its image is missing or is another image."""
        if outcome.cause:
            raise FetchError(outcome.cause, outcome.again, outcome.detail, outcome.status)
        if record.sha256 not in ("", outcome.sha256):
            raise FetchError("bad_hash", NEVER, f"the bytes have {outcome.sha256}")
        if not record.sha256:
            links = self.links_by_sha256[outcome.sha256]
            if len(links) == MAX_LINKS_PER_IMAGE and record.key not in links:
                raise FetchError("placeholder", NEVER,
                                 f"the same bytes under more than {MAX_LINKS_PER_IMAGE} links")
            links.add(record.key)
        return annotations_in_percent(record, outcome.width, outcome.height, outcome.turned)

    def _show_progress(self) -> None:
        speed = self.store.received / 1e6 / max(1e-3, self.progress.format_dict["elapsed"])
        self.progress.set_postfix_str(f"{self.rows:,} rows, {self.failures:,} failures, {speed:.1f} MB/s",
                                      refresh=False)


def _read(name: str, row, row_id: str) -> Candidate:
    try:
        return Candidate(row_id, read_row(name, row, row_id))
    except FetchError as error:
        return Candidate(row_id, None, error)
