"""A page without a model: routes that stream, that fail, and that say what arrived. For tests of the server.

    with served(toy_files(folder)) as running: ...
    python tests/tools/toy_page.py
"""
from __future__ import annotations

import errno
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command  # noqa: E402

from minimolmo import disk  # noqa: E402
from minimolmo.options import Parser  # noqa: E402
from minimolmo.page.server import (  # noqa: E402
    Field, Limits, Refusal, Reply, Request, Route, Running, request_json, serve, start)

SECRET = "what no browser may read"
FIELDS = {"count": Field(int, 1000), "text": Field(str, 10, default=""),
          "prefix": Field(list, 3, of=int, default=()), "heat": Field(float, 2, default=None),
          "deep": Field(dict, 2, default={}), "on": Field(bool, default=False)}
ended = threading.Event()  # set when a stream is at its end, or was closed


def count(request: Request) -> Iterator[dict]:
    """Stream `count` numbers, one each 10 ms."""
    given = request_json(request, FIELDS)
    try:
        for number in range(given["count"]):
            yield {"e": "token", "number": number}
            time.sleep(0.01)
    finally:
        ended.set()


def flood(request: Request) -> Iterator[dict]:
    """Stream without end."""
    try:
        while True:
            yield {"e": "token", "text": "x" * 1_000_000}
    finally:
        ended.set()


def fail(request: Request) -> Iterator[dict]:
    """Raise the error of a name; "late" after a first event."""
    errors = {"value": ValueError("9 is odd, so it has no half. Try 8."),
              "ours": ZeroDivisionError("\x1b[31m"), "full": OSError(errno.ENOSPC, "No space left", "a.jpg"),
              "own": Refusal(409, "It is old.", "", "Read."), "late": KeyError("late"),
              "memory": MemoryError()}
    if request.parts[0] == "late":
        yield {"e": "token"}
    if request.parts[0] == "nan":
        yield {"p": float("nan")}
    raise errors.get(request.parts[0], ValueError("No such error."))


def fail_whole(request: Request) -> Reply:
    """As `fail`, with a Reply."""
    return Reply({"nan": float("nan")}) if request.parts[0] == "nan" else Reply(next(fail(request)))


def echo(request: Request) -> Reply:
    """Say what arrived."""
    return Reply({"parts": request.parts, "query": request.query, "bytes": len(request.body)})


ROUTES = [Route("POST", "/api/count", count), Route("POST", "/api/flood", flood),
          Route("GET", "/api/fail/([a-z]+)", fail), Route("GET", "/api/whole/([a-z]+)", fail_whole),
          Route("POST", "/api/echo/([0-9a-f]{4})", echo, limit=3_000_000)]


def toy_files(folder: Path) -> dict[str, Path]:
    """A page and a script in a folder, beside a file that is no part of the page."""
    for name, text in {"page.html": "<title>the page</title>", "page.js": "let a", "secret": SECRET}.items():
        disk.write_text(folder / name, text)
    return {"/": folder / "page.html", "/page.js": folder / "page.js"}


@contextmanager
def served(files: dict[str, Path], **limits) -> Iterator[Running]:
    """Serve the toy page, with other limits than the usual ones."""
    running = start(ROUTES, files, limits=Limits(**limits))
    try:
        yield running
    finally:
        running.stop()


def main(arguments: list[str]) -> None:
    """The command line: serve the page until Ctrl-C, on a free port."""
    Parser(description="Serve a page without a model.").parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        serve(ROUTES, toy_files(Path(folder)), 0, open_browser=False)


if __name__ == "__main__":
    run_command(main)
