"""A small server for pages on this machine, of the standard library alone. It knows no model.

    files = {"/": folder / "demo.html", "/demo.js": folder / "demo.js"}
    serve([Route("POST", "/api/ask", ask)], files, port=8000, open_browser=True)

guards.py says who may ask, messages.py what a route gets and returns, handler.py answers.
"""
from __future__ import annotations

import os
import socketserver
import sys
import threading
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RD, socket

from minimolmo.command import say
from minimolmo.page.guards import Keys, Limits, ports_to_try
from minimolmo.page.handler import BUSY, KINDS, Handler, log_error
from minimolmo.page.messages import Field, ModelLock, Refusal, Reply, Request, Route, request_json

__all__ = ["Field", "Limits", "ModelLock", "Refusal", "Reply", "Request", "Route", "Running", "request_json",
           "serve", "start"]
Files = dict[str, str | Path]  # path of the address: file


def serve(routes: Sequence[Route], files: Files, port: int, open_browser: bool, page: str = "/") -> None:
    """Serve pages until Ctrl-C or a signal. Prints the address of `page`; opens it in a browser if asked to.
    """
    running = start(routes, files, port)
    try:
        say(f"the page: {running.url}{page}?key={running.key}  (Ctrl-C ends it)")
        sys.stdout.flush()
        if open_browser and _has_screen():
            once = f"{running.url}{page}?key={running.server.keys.once}"
            threading.Thread(target=webbrowser.open, args=(once,), daemon=True).start()
        while running.thread.is_alive():
            running.thread.join(0.5)
    finally:
        running.stop()


def start(routes: Sequence[Route], files: Files, port: int = 0, limits: Limits = Limits()) -> Running:
    """Start a server in a thread of its own. Raises ValueError if the port and ten after it are in use."""
    for candidate in ports_to_try(port):
        with suppress(OSError):
            return Running(Server(candidate, routes, files, limits))
    raise ValueError(f"Port {port} and the ten after it are in use, or need an administrator, so the page "
                     f"cannot be served. Close other servers, or try another port, as 8000.")


def _has_screen() -> bool:
    """Whether a browser with a window can be opened; one in the terminal would only hide what is printed."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class Running:
    """A server that runs.

    port     the one that it has: not always the one that was asked for
    url      its address without the key, as http://127.0.0.1:8000
    address  with it, as it is printed
    """

    def __init__(self, server: Server):
        self.server, self.key = server, server.keys.key
        self.port = server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.address = f"{self.url}/?key={self.key}"
        self.thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End the server, and wait for its answers: they stop at their next step.

        Python cannot end while a thread computes in torch: the process would abort.
        """
        self.server.stopping = True
        self.server.shutdown()
        for connection in list(self.server.open):
            with suppress(OSError):
                connection.shutdown(SHUT_RD)  # whoever waits for a request is told that none will come
        self.server.server_close()


class Server(ThreadingHTTPServer):
    """Accepts connections, each in a thread of its own, up to a number."""

    daemon_threads = False  # server_close waits for them
    request_queue_size = 64
    allow_reuse_address = os.name != "nt"  # there it would let two servers share a port

    def __init__(self, port: int, routes: Sequence[Route], files: Files, limits: Limits):
        self.routes, self.limits, self.keys = routes, limits, Keys()
        self.files = {path: Path(file) for path, file in files.items()}
        assert all(file.suffix in KINDS for file in self.files.values())
        self.stopping, self.open = False, set()  # open: connections
        self.large_bodies = threading.Semaphore(limits.large_bodies)
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """As the standard library's, but without a search for the machine's name, which can take 35 s."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address

    def process_request(self, request: socket, client_address) -> None:
        """Start a thread for a connection, or answer that there are too many."""
        if len(self.open) >= self.limits.connections:
            with suppress(OSError):
                request.settimeout(0.01)  # others wait to be accepted
                request.sendall(BUSY)
                request.recv(65_536)  # what is not read breaks the connection before our words arrive
            self.shutdown_request(request)
        else:
            self.open.add(request)
            super().process_request(request, client_address)

    def shutdown_request(self, request: socket) -> None:
        """Close a connection, however it ended."""
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: socket, client_address) -> None:
        """Log an error outside all handlers in one line."""
        log_error(sys.exc_info()[1], "a connection")
