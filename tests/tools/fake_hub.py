"""Fake of the Hugging Face Hub on localhost: its rows interface as documented, and an image host with faults.

    with FakeHub() as web:
        web.rows["allenai/pixmo-cap", "default"] = [{"image_url": web.url + "/cat.jpg", "caption": "A cat."}]
        web.images["/cat.jpg"] = jpeg_bytes
        web.add_faults("/cat.jpg", status(500), reset)   # for the first two requests; then the image

One server is both hub and image host. It imports nothing of the code it tests.
"""
from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

REVISION = "5f1b0c6a9d"
BOMB = gzip.compress(b"\0" * 20_000_000)
PIXMO = [("cap", "default"), ("ask_model_anything", "default"), ("points", "default"), ("count", "default"),
         ("cap_qa", "default"), ("point_explanations", "default"), ("clocks", "default"),
         ("docs", "charts"), ("docs", "diagrams"), ("docs", "tables"), ("docs", "other")]
Fault = Callable[["Handler"], None]


class FakeHub:
    """A server in threads of its own; a context manager.

    rows      {(dataset, config): rows}, any sequence of dicts; a sequence may make them lazily
    images    {path: bytes or a status}, or a function from path to them
    requests  (path, headers) of every request so far
    delay     seconds before each reply
    """

    def __init__(self):
        self.rows: dict[tuple[str, str], Sequence[dict]] = {}
        self.images: dict[str, bytes | int] | Callable[[str], bytes | int] = {}
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.revision, self.delay = REVISION, 0.0
        self.closed = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.hub = True, self
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> FakeHub:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()

    def add_faults(self, path: str, *faults: Fault) -> str:
        """Queue one fault for each of the next requests for `path`; returns the path's URL.

        The Hub's row requests have path "/rows".
        """
        self.faults[path].extend(faults)
        return self.url + path

    def count_requests(self, path: str) -> int:
        """How often a path was requested."""
        return sum(requested == path for requested, _ in self.requests)


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_GET(self) -> None:
        """Reply with the path's next fault if there is one, else with a page of rows or an image."""
        hub, path = self.server.hub, urlsplit(self.path).path
        hub.requests.append((path, dict(self.headers)))
        time.sleep(hub.delay)
        try:
            if hub.faults[path]:
                hub.faults[path].popleft()(self)
            elif path == "/rows":
                query = parse_qs(urlsplit(self.path).query)
                self.send_rows({name: values[0] for name, values in query.items()})
            else:
                self.send_image(path)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client closed the connection

    def send_image(self, path: str) -> None:
        """Send the image of this path, or its status."""
        images = self.server.hub.images
        image = images(path) if callable(images) else images.get(path, 404)
        if isinstance(image, bytes):
            self.send_reply(200, image, "image/jpeg")
        else:
            self.send_reply(image, b"<h1>Not found</h1>")

    def send_rows(self, query: dict[str, str]) -> None:
        """Send a page of rows, with the interface's own limits and error texts."""
        for name in ("dataset", "config", "split"):
            if name not in query:
                return self.send_api_error(422, "MissingRequiredParameter", f"Parameter '{name}' is required")
        numbers = {"offset": query.get("offset", "0"), "length": query.get("length", "100")}
        for name, text in numbers.items():
            if not text.lstrip("-").isdigit():
                return self.send_api_error(422, "InvalidParameter", f"Parameter '{name}' must be integer")
            if int(text) < 0:
                return self.send_api_error(422, "InvalidParameter", f"Parameter '{name}' must be positive")
        offset, length = int(numbers["offset"]), int(numbers["length"])
        if length > 100:
            return self.send_api_error(422, "InvalidParameter",
                                       "Parameter 'length' must not be greater than 100")
        rows = self.server.hub.rows.get((query["dataset"], query["config"]))
        if rows is None or query["split"] != "train":
            return self.send_api_error(404, "ResponseNotFound", "Not found.")
        page = [{"row_idx": index, "row": rows[index], "truncated_cells": []}
                for index in range(offset, min(offset + length, len(rows)))]
        self.send_json(200, {"features": [], "rows": page, "num_rows_total": len(rows),
                             "num_rows_per_page": 100, "partial": False})

    def send_api_error(self, status: int, code: str, text: str) -> None:
        """Send an error as the interface words it."""
        self.send_json(status, {"error": text}, {"X-Error-Code": code})

    def send_json(self, status: int, content: dict, headers: dict[str, str] = {}) -> None:
        """Send JSON, with the dataset's revision."""
        self.send_reply(status, json.dumps(content).encode(), "application/json",
                        {"X-Revision": self.server.hub.revision, **headers})

    def send_reply(self, status: int, body: bytes, content_type: str = "text/html",
                   headers: dict[str, str] = {}) -> None:
        """Send a whole reply. A Content-Length among the headers is sent as it is, right or wrong."""
        headers = {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        """Print nothing."""


def status(code: int, body: bytes = b"<h1>no</h1>", **headers: str) -> Fault:
    """Reply with this status. Header names have "_" instead of "-": Retry_After="1"."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.send_reply(code, body, headers=headers)


def hub_error(code: int, name: str, text: str) -> Fault:
    """Reply with an error of the rows interface, with its X-Error-Code."""
    return lambda handler: handler.send_api_error(code, name, text)


def redirect(url: str) -> Fault:
    """Reply with status 302 to a URL."""
    return status(302, Location=url)


def cut_short(body: bytes, missing: int = 500) -> Fault:
    """Declare a Content-Length above the number of bytes sent."""
    return status(200, body, Content_Length=str(len(body) + missing))


def reset(handler: Handler) -> None:
    """Reset the connection (RST) without a reply."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def stall(handler: Handler) -> None:
    """Send the start of an image, then nothing until the server closes."""
    _send_headers(handler, 100_000)
    handler.wfile.write(b"\xff\xd8")
    handler.server.hub.closed.wait(60)


def drip(handler: Handler) -> None:
    """Send a byte every 20 ms without end: no single read is slow, so a timeout per read never fires."""
    _send_headers(handler, 100_000)
    while not handler.server.hub.closed.wait(0.02):
        handler.wfile.write(b"\xff")


def drip_headers(handler: Handler) -> None:
    """Send the headers a byte at a time."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.server.hub.closed.wait(0.02):
        handler.wfile.write(b"s")


def endless(handler: Handler) -> None:
    """Send 3 GB without a Content-Length."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(3_000):
        handler.wfile.write(b"\0" * 1_000_000)


def gzip_bomb(handler: Handler) -> None:
    """Send 20 kB that decompress to 20 MB."""
    handler.send_reply(200, BOMB, headers={"Content-Encoding": "gzip"})


def _send_headers(handler: Handler, length: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
