"""One request to a page's server: it is checked, answered, and its connection closed.

Every answer ends with its connection (HTTP/1.0), so a stream needs no framing, and a browser that closes it
stops the work. guards.py says who may ask, messages.py what a route gets and returns.
"""
from __future__ import annotations

import html
import io
import json
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from socket import MSG_PEEK
from urllib.parse import parse_qsl, urlencode

from minimolmo.command import say
from minimolmo.page import guards
from minimolmo.page.guards import HEADERS, Arriving
from minimolmo.page.messages import Refusal, Reply, Request, Route, refusal_of

KINDS = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".png": "image/png", ".svg": "image/svg+xml"}
NDJSON = "application/x-ndjson"


def log_error(error: BaseException, what: str) -> None:
    """Print an unexpected error and its place in one line. A page that is open all day needs no traceback."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    say(f"{what}: {type(error).__name__}: {str(error)[:200]!r} ({place.filename}:{place.lineno})", sys.stderr)


def as_json(content: dict) -> bytes:
    """A dict as one line of JSON. Raises TypeError for what JSON cannot hold, as NaN."""
    try:
        return json.dumps(content, allow_nan=False).encode()
    except ValueError as error:  # a mistake of ours, and not of the one who asked
        raise TypeError(str(error)) from None


BUSY = (b"HTTP/1.0 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n\r\n"
        + as_json(Refusal(503, "There are too many connections.", "The server answers a number at once.",
                          "Try again in a moment, or close other tabs of this page.").event))

TOO_LONG = Refusal(504, "The answer took too long.", "Others wait.", "Try a smaller picture.")


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    disable_nagle_algorithm = True
    default_request_version = "HTTP/1.0"  # without which errors are sent without a status

    def setup(self) -> None:
        """Read under limits of time and size."""
        super().setup()
        self.rfile.close()
        self.arriving = Arriving(self.connection, self.server.limits)
        self.rfile = io.BufferedReader(self.arriving)
        self.headers, self.command, self.requestline, self.request_version = {}, None, "", "HTTP/1.0"
        self.more_headers, self.unread, self.holds_large = {}, True, False
        self.deadline = self.arriving.end

    def handle(self) -> None:
        """Read the request, answer it, and close."""
        with suppress(ConnectionError, TimeoutError):  # the browser has gone, or does not read
            answer = self._attempt(self._answer)
            self.connection.settimeout(self.server.limits.read)  # of each write
            if isinstance(answer, Refusal):
                self._send(self._in_words(answer))
            elif isinstance(answer, Reply):
                self._send(answer)
            elif answer is not None:
                self._stream(answer)
            if self.unread:
                guards.drain(self.connection, self.server.limits)

    def _attempt(self, action: Callable[[], object]) -> object:
        """An action's result, or the Refusal that its error is answered with."""
        try:
            return action()
        except Exception as error:  # of any kind: it must become an answer, or the page waits in vain
            refusal = refusal_of(error)
            if refusal.status == 500:
                log_error(error, self.requestline[:80])
            return refusal

    def _answer(self) -> Reply | Iterator[dict] | None:
        """Check the request and call its route. None if the browser closed without asking."""
        self.raw_requestline = self.rfile.readline(self.server.limits.head)
        if not self.raw_requestline:
            return None
        if not self.parse_request():
            self.send_error(400, "This is no request")
        self.unread = bool({"Content-Length", "Transfer-Encoding"} & set(self.headers))
        host = guards.check_host(self.headers)
        path, _, query = self.path.partition("?")
        query = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=100))
        if "key" in query and self.command == "GET" and path in self.server.files:
            return self._give_cookie(path, query, host)
        guards.check_origin(self.headers, host)
        self.server.keys.check_cookie(self.headers, host)
        return self._file(path) or self._call_route(path, query)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library calls for a request that it cannot read."""
        raise Refusal(code, f"{message}.", "It cannot be read.", "Try the address in the terminal.")

    def _give_cookie(self, path: str, query: dict[str, str], host: str) -> Reply:
        """Turn the key of the address into a cookie, and lead to the address without it."""
        if not self.server.keys.accept(query.pop("key")):
            self.server.keys.check_cookie(self.headers, host)
        place = path + ("?" + urlencode(query) if query else "")
        # Not a redirect: after a click on another site's page, a browser follows it without a strict cookie.
        page = f'<!doctype html><meta http-equiv="refresh" content="0; url={html.escape(place)}">'
        self.more_headers = {"Set-Cookie": self.server.keys.cookie(host)}
        return Reply(page.encode(), KINDS[".html"])

    def _file(self, path: str) -> Reply | None:
        """A file of the fixed table, for GET. Browsers ask for an icon, too."""
        if self.command != "GET" or path not in self.server.files:
            return Reply(b"", KINDS[".png"], 204) if path == "/favicon.ico" else None
        file = self.server.files[path]
        return Reply(file.read_bytes(), KINDS[file.suffix])

    def _call_route(self, path: str, query: dict[str, str]) -> Reply | Iterator[dict]:
        matches = [(route, re.fullmatch(route.pattern, path)) for route in self.server.routes]
        matches = [(route, match) for route, match in matches if match]
        for route, match in matches:
            if route.method == self.command:
                body = self._read_body(route) if route.method == "POST" else b""
                self.deadline = time.monotonic() + (route.seconds or self.server.limits.answer)
                request = Request(route.method, path, match.groups(), query, body, self._is_closed)
                answer = route.handle(request)
                whole = isinstance(answer, Reply) and isinstance(answer.body, dict)
                return Reply(as_json(answer.body), answer.kind, answer.status) if whole else answer
        if matches or path in self.server.files:
            self.more_headers["Allow"] = ", ".join(route.method for route, _ in matches) or "GET"
            raise Refusal(405, f"{self.command[:10]} cannot be used for {path[:80]}.",
                          f"It answers {self.more_headers['Allow']}.", "Try to load the page again.")
        raise Refusal(404, f"There is nothing at {path[:80]}.", "It is no page of this server.",
                      "Try the address in the terminal.")

    def _read_body(self, route: Route) -> bytes:
        """The whole body. Large ones are few at a time, as they are held in memory."""
        guards.check_post(self.headers)
        length = guards.content_length(self.headers, route.limit)
        if length > self.server.limits.large:
            self.holds_large = self.server.large_bodies.acquire(timeout=self.server.limits.read)
            if not self.holds_large:
                raise Refusal(503, "Other large files are being sent.", "They need memory.", "Try again.")
        self.arriving.left = length
        body = self.rfile.read(length) if length else b""
        if len(body) < length:
            raise Refusal(400, "The request is cut short.", f"{len(body):,} of {length:,} bytes arrived.",
                          "Try again.")
        self.unread = False
        return body

    def _is_closed(self) -> bool:
        """Whether work for this request is in vain: see `Request.closed`."""
        if self.server.stopping or time.monotonic() > self.deadline:
            return True
        self.connection.settimeout(0)
        try:
            return self.connection.recv(1, MSG_PEEK) == b""
        except BlockingIOError:  # it is open, and has no more to say
            return False
        except OSError:
            return True
        finally:
            self.connection.settimeout(self.server.limits.read)

    def _send(self, reply: Reply) -> None:
        self._send_head(reply.status, reply.kind, len(reply.body))
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _send_head(self, status: int, kind: str, length: int | None = None) -> None:
        """Send status and headers. A stream has no length: it ends with the connection."""
        self.send_response(status)
        headers = {"Content-Type": kind, **HEADERS, **self.more_headers}
        for name, value in (headers if length is None else {**headers, "Content-Length": length}).items():
            self.send_header(name, str(value))
        self.end_headers()

    def _in_words(self, refusal: Refusal) -> Reply:
        """A refusal: JSON for a script, plain text for a person who opened the address."""
        if "text/html" in self.headers.get("Accept", ""):
            return Reply(str(refusal).encode("utf-8", "replace"), "text/plain; charset=utf-8", refusal.status)
        return Reply(as_json(refusal.event), status=refusal.status)

    def _stream(self, events: Iterator[dict]) -> None:
        """Send events as they come, one a line, until the browser closes or an error ends them.

        The status waits for the first event: an error before it has a status of its own.
        """
        def next_line() -> bytes | None:
            event = next(events, None)
            return None if event is None else as_json(event) + b"\n"

        try:
            line = self._attempt(next_line)
            self._send_head(line.status if isinstance(line, Refusal) else 200, NDJSON)
            while isinstance(line, bytes):
                self.wfile.write(line)
                line = None if self._is_closed() else self._attempt(next_line)
            if isinstance(line, Refusal):
                self.wfile.write(as_json(line.event) + b"\n")
            elif time.monotonic() > self.deadline:
                self.wfile.write(as_json(TOO_LONG.event) + b"\n")
        finally:
            if hasattr(events, "close"):
                events.close()  # its "with" and "finally" end now, and not when memory is collected

    def finish(self) -> None:
        """Let others use what this request held."""
        if self.holds_large:
            self.server.large_bodies.release()
        super().finish()

    def version_string(self) -> str:
        """The name in the header Server, without versions."""
        return "minimolmo"

    def log_message(self, *_) -> None:
        """Print nothing for a request."""
