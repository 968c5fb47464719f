"""Who may ask a page's server, and how much and how slowly: hosts, keys, origins, limits.

The server listens on this machine only. Yet every page that a browser shows can send it requests, and so can
other users of the machine. So a request needs a key that was printed in the terminal (then a cookie), a Host
that is this machine (against DNS rebinding), and an origin that is the page itself (against forged requests).
"""
from __future__ import annotations

import io
import re
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message

from minimolmo.page.messages import Refusal

HOSTS = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.I)  # any port: ssh -L may change it
HEADERS = {
    # Scripts, styles and pictures from this server only, and none in the page's text. Trusted types: a script
    # that writes innerHTML fails.
    "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
        "media-src 'self' blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Limits:
    """Of one server. Seconds, bytes and numbers."""
    read: float = 10          # seconds for one read or write
    arrival: float = 30       # seconds until a request has arrived
    answer: float = 120       # seconds of an answer
    connections: int = 16     # at once; the next are answered with 503
    head: int = 32_000        # bytes of a request's first line and headers
    large: int = 1_000_000    # bytes: a body above it is large, ...
    large_bodies: int = 2     # ... and so many are in memory at once
    drain: float = 1          # seconds in which what a refused request still sends is thrown away


class Arriving(io.RawIOBase):
    """What a browser sends, read under limits: seconds for each read and for all, and `left` bytes."""

    def __init__(self, connection: socket.socket, limits: Limits):
        self.connection, self.limits, self.left = connection, limits, limits.head
        self.end = time.monotonic() + limits.arrival

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:
        """Fill a buffer with what has come; 0 if the connection is closed. Raises Refusal beyond a limit."""
        seconds = min(self.limits.read, self.end - time.monotonic())
        if self.left <= 0:
            raise Refusal(431, "The request's headers are too long.",
                          f"{self.limits.head:,} bytes are the limit.", "Try to remove old cookies.")
        try:
            self.connection.settimeout(max(seconds, 0.001))
            count = self.connection.recv_into(buffer) if seconds > 0 else None
        except TimeoutError:
            count = None
        except ConnectionError:
            count = 0
        if count is None:
            raise Refusal(408, "The request arrived too slowly.", "Others wait.", "Try again.")
        self.left -= count
        return count


def drain(connection: socket.socket, limits: Limits) -> None:
    """Throw away what a browser still sends. Closed at once, the connection breaks and our words are lost."""
    end = time.monotonic() + limits.drain
    try:
        connection.shutdown(socket.SHUT_WR)
        while (seconds := end - time.monotonic()) > 0:
            connection.settimeout(seconds)
            if not connection.recv(65_536):
                return
    except OSError:  # it has closed, or the time is up
        return


def check_host(headers: Message) -> str:
    """The request's Host. Raises Refusal if it is not this machine."""
    hosts = headers.get_all("Host", [])
    if len(hosts) != 1 or not HOSTS.fullmatch(hosts[0]):
        raise Refusal(403, f"The host {', '.join(hosts)[:80]!r} is not this machine.",
                      "Only 127.0.0.1 and localhost are answered.", "Try the address in the terminal.")
    return hosts[0].lower()


def check_origin(headers: Message, host: str) -> None:
    """Raise Refusal if another page sends the request. Old browsers and scripts send neither header."""
    sites, origins = headers.get_all("Sec-Fetch-Site", []), headers.get_all("Origin", [])
    if set(sites) - {"same-origin", "none"} or {origin.lower() for origin in origins} - {f"http://{host}"}:
        raise Refusal(403, "The request comes from another page.", "Only this server's pages may send it.",
                      "Try the address in the terminal.")


def check_post(headers: Message) -> None:
    """Raise Refusal for a POST without the header that a form of another page cannot send."""
    if headers.get("X-Minimolmo") != "1":
        raise Refusal(403, "The header X-Minimolmo: 1 is missing.", "It shows that the page itself asks.",
                      "Try to load the page again.")


def content_length(headers: Message, limit: int) -> int:
    """The length of a request's body in bytes. Raises Refusal if it is not said, or above the limit."""
    lengths = headers.get_all("Content-Length", [])
    if "Transfer-Encoding" in headers or len(lengths) != 1:
        raise Refusal(411, "The request does not say how long it is.", "Content-Length is needed, once.",
                      "Try to load the page again.")
    if not re.fullmatch(r"[0-9]{1,15}", lengths[0]):
        raise Refusal(400, f"Content-Length is {lengths[0][:40]!r}.", "It is not a number.", "Try again.")
    if int(lengths[0]) > limit:
        raise Refusal(413, f"{int(lengths[0]):,} bytes were sent.", f"{limit:,} bytes are the limit here.",
                      "Try a smaller file or a shorter text.")
    return int(lengths[0])


class Keys:
    """The key of the printed address, and one that is used up when it is first used.

    The second goes to the browser that is opened: all users of a machine see the command lines of programs.
    """

    def __init__(self):
        self.key, self.once = secrets.token_urlsafe(24), secrets.token_urlsafe(24)

    def accept(self, key: str) -> bool:
        """Whether the key of an address is right."""
        if self.once and _same(key, self.once):
            self.once = ""
            return True
        return _same(key, self.key)

    def check_cookie(self, headers: Message, host: str) -> None:
        """Raise Refusal for a request without the cookie that came with the key."""
        lines = headers.get_all("Cookie", [])
        pairs = [pair.strip().partition("=") for line in lines for pair in line.split(";")]
        if not any(name == cookie_name(host) and _same(value, self.key) for name, _, value in pairs):
            raise Refusal(403, "The key is missing or wrong.", "It keeps other users of this machine out.",
                          "Open the address that the terminal shows, with its key.")

    def cookie(self, host: str) -> str:
        """The header that gives a browser the key: only this server's pages send it, no script reads it."""
        return f"{cookie_name(host)}={self.key}; HttpOnly; SameSite=Strict; Path=/"


def cookie_name(host: str) -> str:
    """A name of its own for each port, since browsers keep cookies by host only.

    >>> cookie_name("localhost:8000")
    'minimolmo-8000'
    """
    return f"minimolmo-{host.rpartition(']')[2].partition(':')[2] or 80}"


def _same(text: str, key: str) -> bool:
    return secrets.compare_digest(text.encode("utf-8", "replace"), key.encode())


def ports_to_try(port: int) -> Sequence[int]:
    """The port that was asked for, and the ten after it. 0 is any free one."""
    return [0] if port == 0 else range(port, min(port + 11, 65_536))
