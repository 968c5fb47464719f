"""What a page's server and its routes say to each other: requests, replies, refusals, checked JSON.

    def handle(request: Request) -> Reply:
        given = request_json(request, {"question": Field(str, 500), "seed": Field(int, 2 ** 31, default=0)})
        return Reply({"answer": given["question"]})
"""
from __future__ import annotations

import errno
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from minimolmo.bounds import LARGEST, is_finite_number
from minimolmo.command import error_message

REQUIRED = object()  # the default of a field that must be given
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
SENTENCE_END = re.compile(r"(?<=[.?!]) +(?=[A-Z])")


@dataclass(frozen=True)
class Request:
    """One request, after all checks.

    method  "GET" or "POST"
    path    as "/api/ask", without the query
    parts   what the route's pattern captured, as an ID
    query   what stands behind the "?"
    body    at most the route's limit
    closed  whether to stop working: the browser has closed the connection, the answer took too long, or the
            server ends. To be called in the thread of the handler, between two pieces of work
    """
    method: str
    path: str
    parts: tuple[str, ...]
    query: dict[str, str]
    body: bytes
    closed: Callable[[], bool]


@dataclass(frozen=True)
class Reply:
    """A whole answer: bytes, or a dict that is sent as JSON."""
    body: bytes | dict
    kind: str = "application/json"
    status: int = 200


@dataclass(frozen=True)
class Route:
    """What answers a path.

    pattern  a regular expression that must match the whole path; its groups become `parts`
    handle   returns a Reply, or an iterator of dicts that are streamed as NDJSON, one a line
    limit    bytes of the body
    seconds  of an answer; None: as the server's limits say. A training takes longer than other answers
    """
    method: str
    pattern: str
    handle: Callable[[Request], Reply | Iterator[dict]]
    limit: int = 64_000
    seconds: float | None = None


class Refusal(ValueError):
    """A request that is not answered: a status of HTTP, what was given, why it cannot work, what to try."""

    def __init__(self, status: int, given: str, why: str, try_: str):
        super().__init__(" ".join(filter(None, (given, why, try_))))
        self.status, self.given, self.why, self.try_ = status, given, why, try_

    @property
    def event(self) -> dict:
        """The refusal as it is sent."""
        return {"e": "error", "given": self.given, "why": self.why, "try": self.try_}


def refusal_of(error: Exception) -> Refusal:
    """The words and the status of an error that a handler raised.

    400 for a ValueError: what was given is wrong. 507 if the disk is full, 500 for all others.
    """
    if isinstance(error, Refusal):
        return error
    if isinstance(error, (ValueError, OSError, MemoryError, RecursionError)):
        full = isinstance(error, OSError) and error.errno in FULL_DISK
        status = 400 if isinstance(error, ValueError) else 507 if full else 500
        return Refusal(status, *_three_parts(error_message(error)))
    return Refusal(500, "", f"This is a mistake in the program ({type(error).__name__}).",
                   "Its place is printed in the terminal. Try something else meanwhile.")


def _three_parts(text: str) -> tuple[str, str, str]:
    """What was given, why it cannot work, what to try. All in the second if there are not 2 or 3 sentences.

    >>> _three_parts("9 is odd. Try 8.")
    ('', '9 is odd.', 'Try 8.')
    """
    sentences = SENTENCE_END.split(text)
    if len(sentences) == 3:
        return tuple(sentences)
    return ("", *sentences) if len(sentences) == 2 else ("", text, "")


@dataclass(frozen=True)
class Field:
    """A field of a JSON body: its type, and its least and largest length, or value if it is a number.

    kind     str, int, float (then a whole number will do), bool, list or dict
    of       the type of a list's items, float as above; None: not checked
    default  if the field is not given; without one, it must be. With None, null may be given, too
    """
    kind: type
    most: float = LARGEST
    least: float = 0
    of: type | None = None
    default: object = REQUIRED

    def fits(self, value: object) -> bool:
        """Whether a value is of this type and size."""
        if value is None or self.kind is bool:
            return value is self.default if value is None else isinstance(value, bool)
        if not _is_a(value, self.kind):
            return False
        size = value if self.kind in (int, float) else len(value)
        return self.least <= size <= self.most and (self.of is None or all(_is_a(x, self.of) for x in value))


def _is_a(value: object, kind: type) -> bool:
    return is_finite_number(value) if kind is float else type(value) is kind


def request_json(request: Request, fields: dict[str, Field]) -> dict:
    """The fields of a request's JSON body, defaults filled in. Raises Refusal for all that is not as said."""
    try:
        given = json.loads(request.body.decode("utf-8"))
        # NaN, 1e999 and halves of surrogate pairs pass the line above, and would fail when they are written.
        json.dumps(given, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise _bad_body(request, f"It is not JSON: {str(error)[:80]}.") from None
    if not isinstance(given, dict):
        raise _bad_body(request, "It is not an object with fields.")
    for name in given.keys() - fields.keys():
        raise _bad_body(request, f"{name[:40]!r} is no field of it. The fields are {', '.join(fields)}.")
    for name, field in fields.items():
        value = given.setdefault(name, field.default)
        if value is not field.default and not field.fits(value):
            size = "" if field.kind is bool else f" with a size of {field.least:,} to {field.most:,}"
            raise _bad_body(request, f"{name}={str(value)[:40]!r} is no {field.kind.__name__}{size}.")
        if value is REQUIRED:
            raise _bad_body(request, f"The field {name!r} is missing.")
    return given


def _bad_body(request: Request, why: str) -> Refusal:
    return Refusal(400, f"The body of {request.path} cannot be used.", why, "Try to load the page again.")


class ModelLock:
    """One user of the model at a time: `with lock: ...`. Four more wait; the next is refused with 429."""

    def __init__(self, waiting: int = 4, seconds: float = 120):
        self._lock, self._places = threading.Lock(), threading.Semaphore(1 + waiting)
        self._seconds = seconds

    def __enter__(self) -> None:
        if not self._places.acquire(blocking=False):
            raise self._busy()
        if not self._lock.acquire(timeout=self._seconds):
            self._places.release()
            raise self._busy()

    def __exit__(self, *_) -> None:
        self._lock.release()
        self._places.release()

    @staticmethod
    def _busy() -> Refusal:
        return Refusal(429, "The model is answering other questions.", "It answers one at a time.",
                       "Try again in a moment, or close other tabs of this page.")
