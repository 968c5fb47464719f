"""The web on loopback: the Hub's rows interface as documented, and an image host that can misbehave.

    with Loopback() as web:
        web.rows["allenai/pixmo-cap", "default"] = [{"image_url": web.url + "/cat.jpg", "caption": "A cat."}]
        web.pictures["/cat.jpg"] = jpeg_bytes
        web.script("/cat.jpg", status(500), reset)       # the first two requests; then the picture

Both are one server, as a URL is all that tells a host from a hub. Nothing here knows the code it tests.
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


class Loopback:
    """A server in threads of its own; a context. `seen` holds (path, headers) of every request.

    rows      {(dataset, config): rows}, any sequence of objects; a sequence may make them when asked
    pictures  {path: bytes or a status}, or a function from path to them
    slowness  seconds before each answer
    """

    def __init__(self):
        self.rows: dict[tuple[str, str], Sequence[dict]] = {}
        self.pictures: dict[str, bytes | int] | Callable[[str], bytes | int] = {}
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.revision, self.slowness = REVISION, 0.0
        self.over = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.web = True, self
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Loopback:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def script(self, path: str, *faults: Fault) -> str:
        """What the next requests for a path meet, one after another; returns its URL. "/rows" is the Hub."""
        self.faults[path].extend(faults)
        return self.url + path

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(seen == path for seen, _ in self.seen)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        """A scripted fault if there is one, else a page of rows or a picture."""
        web, path = self.server.web, urlsplit(self.path).path
        web.seen.append((path, dict(self.headers)))
        time.sleep(web.slowness)
        try:
            if web.faults[path]:
                web.faults[path].popleft()(self)
            elif path == "/rows":
                asked = parse_qs(urlsplit(self.path).query)
                self.give_rows({name: values[0] for name, values in asked.items()})
            else:
                self.give_picture(path)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has had enough

    def give_picture(self, path: str):
        """What `pictures` has under this path."""
        pictures = self.server.web.pictures
        found = pictures(path) if callable(pictures) else pictures.get(path, 404)
        if isinstance(found, bytes):
            self.reply(200, found, "image/jpeg")
        else:
            self.reply(found, b"<h1>Not found</h1>")

    def give_rows(self, asked: dict[str, str]):
        """/rows, its limits and its errors, word for word."""
        for name in ("dataset", "config", "split"):
            if name not in asked:
                return self.refuse(422, "MissingRequiredParameter", f"Parameter '{name}' is required")
        numbers = {"offset": asked.get("offset", "0"), "length": asked.get("length", "100")}
        for name, text in numbers.items():
            if not text.lstrip("-").isdigit():
                return self.refuse(422, "InvalidParameter", f"Parameter '{name}' must be integer")
            if int(text) < 0:
                return self.refuse(422, "InvalidParameter", f"Parameter '{name}' must be positive")
        offset, length = int(numbers["offset"]), int(numbers["length"])
        if length > 100:
            return self.refuse(422, "InvalidParameter", "Parameter 'length' must not be greater than 100")
        rows = self.server.web.rows.get((asked["dataset"], asked["config"]))
        if rows is None or asked["split"] != "train":
            return self.refuse(404, "ResponseNotFound", "Not found.")
        told = [{"row_idx": index, "row": rows[index], "truncated_cells": []}
                for index in range(offset, min(offset + length, len(rows)))]
        self.reply_json(200, {"features": [], "rows": told, "num_rows_total": len(rows),
                              "num_rows_per_page": 100, "partial": False})

    def refuse(self, status: int, code: str, text: str):
        """An error as the interface words it."""
        self.reply_json(status, {"error": text}, {"X-Error-Code": code})

    def reply_json(self, status: int, told: dict, headers: dict[str, str] = {}):
        """JSON, with the data set's revision."""
        self.reply(status, json.dumps(told).encode(), "application/json",
                   {"X-Revision": self.server.web.revision, **headers})

    def reply(self, status: int, body: bytes, kind: str = "text/html", headers: dict[str, str] = {}):
        """A whole answer. A Content-Length among the headers is sent as it is, right or wrong."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Be quiet."""


def status(code: int, body: bytes = b"<h1>no</h1>", **headers: str) -> Fault:
    """This status; headers with _ for -: Retry_After="1"."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.reply(code, body, headers=told)


def hub_error(code: int, name: str, text: str) -> Fault:
    """An error of the rows interface, as its X-Error-Code."""
    return lambda handler: handler.refuse(code, name, text)


def redirect(place: str) -> Fault:
    """302 to a place."""
    return status(302, Location=place)


def cut_short(body: bytes, missing: int = 500) -> Fault:
    """A Content-Length that promises more than comes."""
    return status(200, body, Content_Length=str(len(body) + missing))


def reset(handler: Handler):
    """The connection is thrown away without a word (RST)."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def stall(handler: Handler):
    """A good beginning, then nothing for as long as the server lives."""
    _begin(handler, 100_000)
    handler.wfile.write(b"\xff\xd8")
    handler.server.web.over.wait(60)


def drip(handler: Handler):
    """A byte now and then: every single read is quick."""
    _begin(handler, 100_000)
    while not handler.server.web.over.wait(0.02):
        handler.wfile.write(b"\xff")


def drip_headers(handler: Handler):
    """The same, before the body begins."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.server.web.over.wait(0.02):
        handler.wfile.write(b"s")


def endless(handler: Handler):
    """3 GB without saying so beforehand."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(3_000):
        handler.wfile.write(b"\0" * 1_000_000)


def gzip_bomb(handler: Handler):
    """20 kB that unfold to 20 MB."""
    handler.reply(200, BOMB, headers={"Content-Encoding": "gzip"})


def _begin(handler: Handler, length: int):
    handler.send_response(200)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
