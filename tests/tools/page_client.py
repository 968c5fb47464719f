"""Requests to a page's server over plain sockets, right ones and wrong ones.

    status, headers, body = post(running, "/api/ask", b'{"question": "Point to the shapes."}')

`running` is what server.start returns, or another object with a port and a key.
"""
from __future__ import annotations

import socket
from contextlib import closing, suppress
from typing import NamedTuple

Answer = tuple[int, dict[str, str], bytes]  # status, headers in lower case, body


class Target(NamedTuple):
    """A server in another process."""
    port: int
    key: str


def connect(running, seconds: float = 5) -> closing[socket.socket]:
    """A connection that is closed at the end of its block."""
    return closing(socket.create_connection(("127.0.0.1", running.port), timeout=seconds))


def head(running, method: str = "GET", path: str = "/", length: int | str | None = None, **headers) -> bytes:
    """The first line and the headers of a request, as the page itself sends them.

    Headers are added or changed: "_" stands for "-", and a header that is None is left out.
    """
    host = f"127.0.0.1:{running.port}"
    headers = {"Host": host, "Cookie": f"minimolmo-{running.port}={running.key}", "X-Minimolmo": "1",
               "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin", "Content-Length": length,
               **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1", "replace")


def read(connection: socket.socket) -> Answer:
    """A whole answer. Status 0 if there is none."""
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    top, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    return int(first.split()[1]) if top else 0, dict(line.lower().split(": ", 1) for line in lines), body


def send(running, data: bytes) -> Answer:
    """Send bytes; returns the answer."""
    with connect(running) as connection:
        with suppress(ConnectionError):  # the server may have heard enough
            connection.sendall(data)
        return read(connection)


def get(running, path: str = "/", **headers) -> Answer:
    """The answer to a GET."""
    return send(running, head(running, path=path, **headers))


def post(running, path: str, body: bytes = b"", **headers) -> Answer:
    """The answer to a POST."""
    return send(running, head(running, "POST", path, **{"length": len(body), **headers}) + body)
