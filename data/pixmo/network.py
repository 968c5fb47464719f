"""One GET request to an unknown server: public addresses only, with limits on time and size.

    get(url) -> Reply           or FetchError

URLs and replies come from unknown people, so they are checked. Only http and https are allowed. A name is
looked up once, and the connection uses the address that was checked; redirects are checked again. One
deadline covers the whole request. Bytes are counted as they arrive, and again after decompression. Only the
look-up of a name cannot be stopped; the system limits it. Proxies are not used.
"""
from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
import zlib
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from urllib.parse import quote, urljoin, urlsplit

from data.pixmo.addresses import is_public
from data.pixmo.records import LATER, NEVER, SOON, FetchError

USER_AGENT = "minimolmo/0.1 (educational; fetches a small PixMo subset, two pictures at a time from a host)"
REDIRECTS = (301, 302, 303, 307, 308)
CHUNK_BYTES = 65_536          # bytes of one read
ERROR_BYTES = 10_000    # bytes that are read of an error message
MAX_ADDRESSES = 3           # addresses that are tried for one name
SAFE_CHARACTERS = "/%:=&?~#+!$,;'@()*[]"
MAX_INTERIM = 20              # replies such as "102 Processing" before the final one
GZIP, MAX_MEMBERS = b"\x1f", 1000  # the first byte of a member of gzip, and how many are unfolded


@dataclass(frozen=True)
class Limits:
    """Limits of a request, in seconds and bytes."""
    connect: float = 5.0
    read: float = 10.0           # longest time without a byte
    total: float = 30.0          # one request with its redirects
    max_bytes: int = 20_000_000
    max_redirects: int = 5
    max_tries: int = 3
    backoff: float = 1.0         # wait before the second try; doubled each time
    max_wait: float = 60.0       # longer waits are left to the next run
    loopback: bool = False       # allows 127.0.0.1, for tests only


@dataclass(frozen=True)
class Reply:
    """Status, headers with lower-case names, and the decompressed body."""
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Target:
    """A checked URL in parts."""
    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


def get(url: str, limits: Limits, headers: dict[str, str] | None = None) -> Reply:
    """Send a GET request and follow redirects. `headers` go to the first server only. Raises FetchError."""
    deadline = time.monotonic() + limits.total
    for _ in range(limits.max_redirects + 1):
        target = parse_url(url)
        reply = _request(target, limits, headers or {}, deadline)
        location = reply.headers.get("location")
        if reply.status not in REDIRECTS or not location:
            return reply
        url, headers = _redirect_url(target.url, location), {}
    raise FetchError("redirects", NEVER, f"more than {limits.max_redirects} redirects", reply.status)


def parse_url(url: str) -> Target:
    """Parse a URL; spaces and non-ASCII letters are escaped. Raises FetchError."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        host = host if ":" in host else host.encode("idna").decode()
        path = quote(parts.path or "/", safe=SAFE_CHARACTERS) + (
            "?" + quote(parts.query, safe=SAFE_CHARACTERS) if parts.query else "")
    except ValueError as error:  # includes UnicodeError, of half a character among them
        raise FetchError("bad_url", NEVER, str(error)[:200]) from None
    if parts.scheme not in ("http", "https") or not host:
        raise FetchError("bad_url", NEVER, f"neither http nor https, or no host: {url[:100]!r}")
    return Target(parts.scheme, host, port or {"http": 80, "https": 443}[parts.scheme], path)


def parse_retry_after(header: str | None) -> float | None:
    """The seconds that Retry-After asks for, given as a number or a date; None if it is unreadable."""
    if header is None:
        return None
    try:
        if header.strip().isdigit():
            return float(header)
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


class _DeadlineSocket:
    """A socket with a deadline, as http.client uses it. The opener of the socket closes it."""

    def __init__(self, sock: socket.socket, deadline: float, read: float):
        self.sock, self.deadline, self.read = sock, deadline, read

    def set_timeout(self) -> None:
        """Limit the next socket operation to the remaining time."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole request took too long")
        self.sock.settimeout(min(left, self.read))

    def sendall(self, data: bytes) -> None:
        self.set_timeout()
        self.sock.sendall(data)

    def makefile(self, *_) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self))

    def close(self) -> None:
        """Do nothing: http.client closes the socket before the body is read."""


class _DeadlineReader(io.RawIOBase):
    def __init__(self, connection: _DeadlineSocket):
        self.connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        self.connection.set_timeout()
        return self.connection.sock.recv_into(buffer)


def _request(target: Target, limits: Limits, headers: dict[str, str], deadline: float) -> Reply:
    """Send one request, without redirects."""
    try:
        with _connect(target, limits, deadline) as sock:
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = _DeadlineSocket(sock, deadline, limits.read)
            connection.request("GET", target.path, headers={
                "Host": target.authority, "User-Agent": USER_AGENT, "Accept": "*/*",
                "Accept-Encoding": "identity", "Connection": "close", **headers})
            response = _final_response(connection)
            reply_headers = {}
            for name, value in response.getheaders():  # headers may occur twice, such as X-Robots-Tag
                reply_headers[name.lower()] = ", ".join(
                    filter(None, (reply_headers.get(name.lower()), value)))
            if response.status != 200:
                return Reply(response.status, reply_headers, _read_error_body(response))
            return Reply(response.status, reply_headers, _read_body(response, reply_headers,
                                                                    limits.max_bytes))
    except TimeoutError as error:
        raise FetchError("timeout", SOON, str(error)) from None
    except ssl.SSLCertVerificationError as error:  # also the login page of a public wifi
        raise FetchError("certificate", LATER, error.verify_message) from None
    except http.client.InvalidURL as error:
        raise FetchError("bad_url", NEVER, str(error)[:200]) from None
    except OSError as error:
        raise FetchError("connection", SOON, str(error)[:200]) from None
    except (http.client.HTTPException, zlib.error) as error:
        raise FetchError("broken_reply", SOON, repr(error)[:200]) from None


def _final_response(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    """The first reply with a final status (200 or more). http.client itself skips only status 100."""
    response = connection.getresponse()
    for _ in range(MAX_INTERIM):
        if response.status >= 200:
            return response
        response.headers = None  # then `begin` reads on
        response.begin()
    raise http.client.HTTPException(f"more than {MAX_INTERIM} replies that are not final")


def _connect(target: Target, limits: Limits, deadline: float) -> socket.socket:
    addresses = [address for address in _addresses(target) if is_public(address, limits.loopback)]
    if not addresses:
        raise FetchError("private_address", NEVER, f"{target.host} is not on the open internet")
    for number, address in enumerate(addresses[:MAX_ADDRESSES], start=1):
        try:
            left = max(0.001, min(limits.connect, deadline - time.monotonic()))
            sock = socket.create_connection((address, target.port), timeout=left)
            break
        except OSError:
            if number == len(addresses[:MAX_ADDRESSES]):
                raise
    if target.scheme == "http":
        return sock
    try:
        sock.settimeout(max(0.001, min(limits.read, deadline - time.monotonic())))
        return _certificates().wrap_socket(sock, server_hostname=target.host)
    except BaseException:
        sock.close()
        raise


def _addresses(target: Target) -> list[str]:
    """All addresses of a name, without duplicates, in the system's order."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:  # not final: without a network all names are unknown
        raise FetchError("no_such_host", LATER, f"{target.host}: {error}"[:200]) from None
    return list(dict.fromkeys(info[4][0] for info in found))


@cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


def _read_body(response: http.client.HTTPResponse, headers: dict[str, str], max_bytes: int) -> bytes:
    """The whole body. Raises FetchError if it is too big, incomplete, or of unknown encoding."""
    declared_length, encoding = response.length, headers.get("content-encoding", "identity").strip().lower()
    if declared_length is not None and declared_length > max_bytes:
        raise FetchError("too_big", NEVER, f"{declared_length:,} bytes", 200)
    if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise FetchError("broken_reply", NEVER, f"coded as {encoding[:40]!r}", 200)
    decompressor = _Decompressor() if encoding not in ("identity", "") else None
    body, received = bytearray(), 0
    while declared_length is None or received < declared_length:
        chunk = response.read1(CHUNK_BYTES)
        if not chunk:
            break
        received += len(chunk)
        if received > max_bytes:  # includes bytes after the end of compressed data
            raise FetchError("too_big", NEVER, f"more than {max_bytes:,} bytes", 200)
        body += decompressor.decompress(chunk, max_bytes - len(body) + 1) if decompressor else chunk
        if len(body) > max_bytes:
            raise FetchError("too_big", NEVER, f"more than {max_bytes:,} bytes", 200)
    if declared_length is not None and received < declared_length or decompressor and not decompressor.eof:
        raise FetchError("cut_short", SOON, f"{received:,} bytes of {declared_length or 'unknown'}", 200)
    return bytes(body)


class _Decompressor:
    """Decompresses gzip or deflate. gzip may have several members; other bytes after them are dropped."""

    def __init__(self):
        self.member = zlib.decompressobj(47)  # 47: the stream's first bytes say which of the two it is
        self.num_members = 1

    @property
    def eof(self) -> bool:
        """Whether the last member is complete."""
        return self.member.eof

    def decompress(self, data: bytes, max_bytes: int) -> bytes:
        """Decompress bytes. Returns at most `max_bytes` bytes."""
        unfolded = b""
        while data and len(unfolded) < max_bytes:
            if self.member.eof:
                if not data.startswith(GZIP):
                    break
                if self.num_members == MAX_MEMBERS:
                    raise zlib.error(f"more than {MAX_MEMBERS} members")
                self.member, self.num_members = zlib.decompressobj(31), self.num_members + 1
            unfolded += self.member.decompress(data, max_bytes - len(unfolded))
            data = self.member.unused_data
        return unfolded


def _read_error_body(response: http.client.HTTPResponse) -> bytes:
    """The start of an error's body, as far as it arrives at once."""
    try:
        return response.read1(ERROR_BYTES)
    except (OSError, http.client.HTTPException):
        return b""


def _redirect_url(base: str, location: str) -> str:
    """The URL of a Location header. http.client decodes the header as latin-1; usually it is UTF-8."""
    try:
        return urljoin(base, location.encode("latin-1").decode("utf-8", "replace"))
    except ValueError as error:
        raise FetchError("bad_url", NEVER, str(error)[:200]) from None
