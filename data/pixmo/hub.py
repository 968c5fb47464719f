"""Read pages of rows from the Hub's dataset viewer: JSON over HTTP, at most 100 rows at a time.

    GET /rows?dataset=allenai/pixmo-points&config=default&split=train&offset=200&length=100

There is one request at a time, with a pause between two. The token is sent to the Hub only.
"""
from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit

from data.pixmo.fetch import with_retries
from data.pixmo.network import Limits, Reply, get, parse_retry_after
from data.pixmo.records import NEVER, SOON, FetchError

HUB = "https://datasets-server.huggingface.co"
PAGE_ROWS = 100                                            # largest number of rows in one request
CONFIGS = {"docs": ("charts", "diagrams", "tables", "other")}  # all other datasets have one
LIMITS = Limits(read=60, total=90, max_tries=5, max_redirects=0, max_bytes=60_000_000)
PAUSE = 1.0                                           # seconds between two requests
TOO_BIG_ERROR, BROKEN_ERROR = "TooBigContentError", "TransformRowsProcessingError"


@dataclass(frozen=True)
class Page:
    """Consecutive rows as (index, cells). Cells are None if the Hub could not send the row completely.

    revision  the dataset's commit, "" if the Hub did not say
    total     number of rows of the split, as far as the Hub has indexed it
    """
    revision: str
    total: int
    rows: list[tuple[int, dict | None]]


def configs_of(name: str) -> tuple[str, ...]:
    """The names of a dataset's configs."""
    return CONFIGS.get(name, ("default",))


class Hub:
    """The interface for rows. Its errors are FetchErrors with cause "hub" and the Hub's message."""

    def __init__(self, base: str = HUB, token: str = "", limits: Limits = LIMITS, pause: float = PAUSE):
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise ValueError("HF_TOKEN holds a space, a line break or a non-ASCII letter, so no server "
                             "would accept it. Copy it again, or unset it: PixMo needs none.")
        if token and urlsplit(base).scheme != "https" and not limits.loopback:
            raise ValueError(f"{base} is not https, so others could read HF_TOKEN. Unset it.")
        self.base, self.limits, self.pause, self.last_request = base, limits, pause, 0.0
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.last_error: FetchError | None = None  # once set, no further requests are made

    def read(self, name: str, config: str, offset: int, length: int = PAGE_ROWS) -> Page:
        """Read `length` rows from `offset` on, fewer at the end. Pages that are too large are read in halves.

        Raises FetchError.
        """
        query = urlencode({"dataset": f"allenai/pixmo-{name.replace('_', '-')}", "config": config,
                           "split": "train", "offset": offset, "length": length})
        if self.last_error:
            raise self.last_error
        try:
            return with_retries(lambda: self._request(f"{self.base}/rows?{query}", offset, length),
                                self.limits)
        except FetchError as failure:
            self.last_error = failure if failure.again != NEVER else None
            if failure.cause == TOO_BIG_ERROR and length > 1:
                first = self.read(name, config, offset, length // 2)
                rest = self.read(name, config, offset + length // 2, length - length // 2)
                return replace(first, total=max(first.total, rest.total), rows=first.rows + rest.rows)
            if failure.cause in (TOO_BIG_ERROR, BROKEN_ERROR):
                return Page("", 0, [(index, None) for index in range(offset, offset + length)])
            raise

    def _request(self, url: str, offset: int, length: int) -> Page:
        time.sleep(max(0.0, self.last_request + self.pause - time.monotonic()))
        try:
            reply = get(url, self.limits, self.headers)
        finally:
            self.last_request = time.monotonic()
        if reply.status != 200:
            raise _error_from_reply(reply)
        return _parse_page(reply, offset, length)


def _parse_page(reply: Reply, offset: int, length: int) -> Page:
    """The rows of the reply. Raises FetchError if it does not have the documented form."""
    try:
        content = json.loads(reply.body)
        rows, total = content["rows"], content["num_rows_total"]
        if type(total) is not int or not isinstance(rows, list) or len(rows) > length:
            raise ValueError(f"{total!r} rows in all")
        cells = [None if row.get("truncated_cells") else row.get("row") for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FetchError("hub", SOON, f"the answer is no page of rows ({error!r})"[:200], 200) from None
    return Page(reply.headers.get("x-revision", ""), total, list(enumerate(cells, start=offset)))


def _error_from_reply(reply: Reply) -> FetchError:
    code = reply.headers.get("x-error-code", "")
    if code in (TOO_BIG_ERROR, BROKEN_ERROR):
        return FetchError(code, NEVER, "", reply.status)
    busy = reply.status == 429 or reply.status >= 500
    wait = parse_retry_after(reply.headers.get("retry-after"))
    detail = f"status {reply.status}: {_error_text(reply.body)}"
    return FetchError("hub", SOON if busy else NEVER, detail, reply.status, wait)


def _error_text(body: bytes) -> str:
    """The message of an error reply (JSON, text or HTML) in printable characters."""
    text = body[:1000].decode("utf-8", "replace")
    try:
        text = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return "".join(letter if letter.isprintable() else " " for letter in text)[:300]
