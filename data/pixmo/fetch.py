"""Fetch one image: a Record becomes an ImageOutcome and, on success, a JPEG. Failures are outcomes too."""
from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from typing import TypeVar

from data.pixmo.network import Limits, Reply, get, parse_retry_after
from data.pixmo.picture import ReencodedImage, draw_clock, to_jpeg
from data.pixmo.records import LATER, NEVER, SOON, UNEXPECTED, FetchError, ImageOutcome, Record

T = TypeVar("T")
GONE_STATUS, REFUSED_STATUS = (404, 410), (401, 402, 403, 451)
BUSY_STATUS = (408, 425, 429)  # and all codes from 500
OPT_OUT_TAGS = ("noai", "noimageai", "noindex", "noimageindex")  # values of X-Robots-Tag


def fetch_image(record: Record, size: int, limits: Limits) -> tuple[ImageOutcome, bytes]:
    """Fetch or draw the record's image. Returns its outcome and our JPEG, which is b"" on failure.

    Whatever goes wrong is this picture's failure alone: other rows must not suffer from it.
    """
    try:
        received = b"" if record.clock else with_retries(lambda: _download(record, limits), limits)
        picture = to_jpeg(received, size) if received else draw_clock(record.clock, record.key, size)
    except FetchError as failure:
        again = LATER if failure.again == SOON else failure.again
        return ImageOutcome(record.key, size, failure.cause, again, failure.status, failure.detail), b""
    except UNEXPECTED as error:
        return ImageOutcome(record.key, size, "unexpected", LATER, detail=ascii(error)[:200]), b""
    return _success(record, size, received, picture), picture.jpeg


def _success(record: Record, size: int, received: bytes, picture: ReencodedImage) -> ImageOutcome:
    return ImageOutcome(record.key, size, sha256=hashlib.sha256(received or record.key.encode()).hexdigest(),
                        width=picture.width, height=picture.height, turned=picture.turned,
                        stored=len(picture.jpeg), received=len(received))


def with_retries(attempt: Callable[[], T], limits: Limits) -> T:
    """Retry `attempt` with exponential backoff, or after the server's Retry-After.

    If a server asks for more than `limits.max_wait` seconds, the failure is left to the next run.
    """
    for attempt_number in range(limits.max_tries):
        try:
            return attempt()
        except FetchError as failure:
            if failure.again != SOON or attempt_number == limits.max_tries - 1:
                raise
            wait = limits.backoff * 2**attempt_number * (1 + random.random()
                                                         )  # jitter spreads the requests
            wait = max(wait, failure.wait or 0)
            if wait > limits.max_wait:
                raise
        time.sleep(wait)


def _download(record: Record, limits: Limits) -> bytes:
    """The bytes of the record's image. Raises FetchError."""
    if not record.image_url:
        raise FetchError("no_link", LATER, "the row came without a link to its picture")
    reply = get(record.image_url, limits)
    if reply.status != 200:
        raise error_for_status(reply, link_expires=record.image_url != record.key)
    if {tag.strip() for tag in reply.headers.get("x-robots-tag", "").lower().split(",")} & {*OPT_OUT_TAGS}:
        raise FetchError("opted_out", NEVER, reply.headers["x-robots-tag"][:100], 200)
    if not reply.body:
        raise FetchError("not_an_image", NEVER, "an empty body", 200)
    return reply.body


def error_for_status(reply: Reply, link_expires: bool = False) -> FetchError:
    """The error for a status other than 200. Expiring links are tried again, because new ones may work."""
    status = reply.status
    if status in BUSY_STATUS or status >= 500:
        wait = parse_retry_after(reply.headers.get("retry-after")) if status in (429, 503) else None
        return FetchError("busy", SOON, "", status, wait)
    again = LATER if link_expires else NEVER
    if status in GONE_STATUS:
        return FetchError("gone", again, "", status)
    return FetchError("refused", again, "" if status in REFUSED_STATUS else f"status {status}", status)
