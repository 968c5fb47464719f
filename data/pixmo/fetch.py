"""One picture to be trusted: an Entry becomes an Outcome and, if all is well, a JPEG. It never raises."""
from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable

from data.pixmo.records import LATER, NEVER, SOON, Entry, Failed, Outcome
from data.pixmo.network import Limits, Reply, get, seconds_to_wait
from data.pixmo.picture import Picture, draw_clock, to_jpeg

GONE, REFUSED = (404, 410), (401, 402, 403, 451)
BUSY = (408, 425, 429)                                          # and everything from 500 on
OPTED_OUT = ("noai", "noimageai", "noindex", "noimageindex")    # of X-Robots-Tag


def fetch(entry: Entry, size: int, limits: Limits) -> tuple[Outcome, bytes]:
    """Fetch or draw an entry's picture: what became of it, and our JPEG, b"" if it failed."""
    try:
        received = b"" if entry.clock else patiently(lambda: _download(entry, limits), limits)
        picture = to_jpeg(received, size) if received else draw_clock(entry.clock, entry.key, size)
    except Failed as failure:
        again = LATER if failure.again == SOON else failure.again
        return Outcome(entry.key, size, failure.cause, again, failure.status, failure.detail), b""
    return _arrived(entry, size, received, picture), picture.jpeg


def _arrived(entry: Entry, size: int, received: bytes, picture: Picture) -> Outcome:
    return Outcome(entry.key, size, sha256=hashlib.sha256(received or entry.key.encode()).hexdigest(),
                   width=picture.width, height=picture.height, turned=picture.turned,
                   stored=len(picture.jpeg), received=len(received))


def patiently(attempt: Callable, limits: Limits):
    """Try, and try again after a while, twice as long each time; a server that names a time is obeyed.

    Who asks for more than `limits.patience` seconds is left alone until the next run.
    """
    for number in range(limits.tries):
        try:
            return attempt()
        except Failed as failure:
            if failure.again != SOON or number == limits.tries - 1:
                raise
            wait = limits.backoff * 2 ** number * (1 + random.random())  # jitter: not all at the same moment
            wait = max(wait, failure.wait or 0)
            if wait > limits.patience:
                raise
        time.sleep(wait)


def _download(entry: Entry, limits: Limits) -> bytes:
    """A picture's bytes. Raises Failed."""
    if not entry.link:
        raise Failed("no_link", LATER, "the row came without a link to its picture")
    reply = get(entry.link, limits)
    if reply.status != 200:
        raise failure_of(reply, expires=entry.link != entry.key)
    if {tag.strip() for tag in reply.headers.get("x-robots-tag", "").lower().split(",")} & {*OPTED_OUT}:
        raise Failed("opted_out", NEVER, reply.headers["x-robots-tag"][:100], 200)
    if not reply.body:
        raise Failed("not_an_image", NEVER, "an empty body", 200)
    return reply.body


def failure_of(reply: Reply, expires: bool = False) -> Failed:
    """What a status other than 200 means. A link that expires may be asked for again, and then be right."""
    status = reply.status
    if status in BUSY or status >= 500:
        wait = seconds_to_wait(reply.headers.get("retry-after")) if status in (429, 503) else None
        return Failed("busy", SOON, "", status, wait)
    again = LATER if expires else NEVER
    if status in GONE:
        return Failed("gone", again, "", status)
    return Failed("refused", again, "" if status in REFUSED else f"status {status}", status)
