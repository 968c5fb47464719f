"""Hostile requests to the pages' servers by the thousand, the same for the same seed.

    python tests/tools/hostile.py [toy demo mine] [--count=10000] [--seed=0]

Each request is a right one with one to three things changed: method, path, headers, body, pace. A page passes
if it prints no error, never answers 500 or not at all, sends no file but its own, writes none outside its
folder, needs at most 300 MB more memory than at its start, and answers and ends as usual afterwards.
"""
from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

from tools import faults  # noqa: E402
from tools.page_client import Target, connect, get, head, post  # noqa: E402

from minimolmo import disk  # noqa: E402
from minimolmo.options import Parser, count_argument  # noqa: E402

SECRET = b"what no browser may read"
SENDERS = 8          # at once
PATIENCE = 180       # seconds: an answer that takes longer than the server's limits hangs
MEMORY = 300_000     # kB more than at the start
PICTURE = ROOT / "data/pictures/scene.png"
HEX = "0123456789abcdef"
WATCHED = [ROOT / "data/mine", ROOT / "out/mine", ROOT / "minimolmo"]  # where a page might write


@dataclass(frozen=True)
class Page:
    """A page's command and right requests to it: (method, path, body). ID stands for the uploaded picture's.

    {} in the command is a folder that it may write into.
    """
    command: list[str]
    requests: list[tuple[str, str, object]]
    page: str = "/"
    upload: str = ""  # the route that takes a picture and returns its ID


ASK = {"picture": "ID", "question": "Point to the shapes.", "view": "bird"}
PAGES = {
    "toy": Page(["tests/tools/toy_page.py"], [
        ("GET", "/", None), ("GET", "/page.js", None), ("POST", "/api/flood", None),
        ("POST", "/api/count", {"count": 3, "text": "a", "prefix": [1], "heat": .5, "deep": {}, "on": True}),
        ("POST", "/api/echo/0af1?n=3", b"some bytes"), ("GET", "/api/fail/value", None)]),
    "demo": Page(["-m", "minimolmo.page.demo", "--port=0", "--no-browser"], [
        ("GET", "/", None), ("GET", "/eye/ID?view=bird&crop=0", None), ("GET", "/api/model", None),
        ("POST", "/api/picture", PICTURE.read_bytes()),
        ("POST", "/api/ask", {**ASK, "temperature": 0.0, "seed": 1, "prefix": [300, 301]}),
        ("POST", "/api/compare", ASK), ("POST", "/api/attention", {**ASK, "ids": [300, 301]}),
        ("POST", "/api/occlusion", {**ASK, "ids": [300, 301]}),
        ("POST", "/api/sweep?question=Point%20to%20the%20shapes.", bytes(64 * 64 * 3))],
        upload="/api/picture"),
    "mine": Page(["-m", "minimolmo.page.mine", "--port=0", "--no-browser", "--folder={}"], [
        ("GET", "/mine", None), ("GET", "/api/mine", None), ("GET", "/photo/ID", None),
        ("POST", "/api/photo", PICTURE.read_bytes()), ("GET", "/api/speech/ID/1", None),
        ("POST", "/api/edit", {"photo": "ID", "key": "k1", "base": 0, "set": {
            "style": "pointing", "question": "Point to the mug.", "points": [[61.5, 40.4]]}}),
        ("POST", "/api/speech/ID/1?n=0", b"\x1aE\xdf\xa3" + bytes(500)), ("POST", "/api/check", {})],
        page="/mine", upload="/api/photo"),
}


@dataclass
class Attempt:
    """A request that is changed step by step, then sent."""
    method: str
    path: str
    body: bytes
    headers: dict = field(default_factory=dict)
    pieces: int = 1         # it is sent in so many, ...
    pause: float = 0.0      # ... with so many seconds between them
    sent: float = 1.0       # the share that is sent at all
    read: int = 2_000_000   # bytes of the answer that are read before the connection is closed
    done: list = field(default_factory=list)


# What is changed

def change_method(attempt: Attempt, rng: random.Random) -> None:
    """Another method, or none."""
    attempt.method = rng.choice(["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "", "get", "G\0T",
                                 "A" * 9000])


def change_path(attempt: Attempt, rng: random.Random) -> None:
    """A walk to the secret, an odd character, a very long path, a query of many fields."""
    walk = rng.choice(["/..", "/../..", "/%2e%2e", "/%2e%2e%2f", "/..%5c", "\\..", "/.", "//", "/..;"])
    odd = rng.choice(["\0", "%00", "\xff", "?", "#", "%", "?" + "a=b&" * 200, "/" * 999, "A" * 40_000,
                      "?n=-1", "?n=9e9", "?view=x&crop=-1", "9" * 30])
    place = rng.randrange(len(attempt.path) + 1)
    attempt.path = rng.choice([
        f"{attempt.path}{walk}/secret", f"{walk}/secret", attempt.path[:place] + odd + attempt.path[place:],
        attempt.path[:place], attempt.path.upper(), f"http://127.0.0.1{attempt.path}",
        re.sub(r"[0-9a-f]", lambda _: rng.choice(HEX), attempt.path), rng.randbytes(20).decode("latin-1")])


def change_header(attempt: Attempt, rng: random.Random) -> None:
    """A header is missing, foreign, doubled, huge or unknown."""
    name = rng.choice(["Host", "Cookie", "Origin", "Sec_Fetch_Site", "X_Minimolmo", "Content_Length",
                       "Transfer_Encoding", "Range", "Content_Encoding", "Accept", "Expect", "X" * 300])
    attempt.headers[name] = rng.choice([
        None, "", "evil.com", "null", "cross-site", "-1", "0", "5", "1" * 30, "chunked", "100-continue",
        "\xff\0", "bytes=0-", "gzip", "text/html", "x" * 50_000, "127.0.0.1\r\nHost: evil",
        "1\r\n\r\nGET /secret HTTP/1.1"])


def change_bytes(attempt: Attempt, rng: random.Random) -> None:
    """The body is damaged, or long, or another thing altogether."""
    if attempt.body and rng.random() < 0.7:
        attempt.body = faults.damage(attempt.body, rng)[0]
    else:
        attempt.body = rng.choice([b"", b"[" * 50_000, b"{" * 9, bytes(100_000), b"null", b"9" * 60_000,
                                   rng.randbytes(1000)])


def change_json(attempt: Attempt, rng: random.Random) -> None:
    """A value of the body is of another type or size, or is missing, or one is added."""
    try:
        content = json.loads(attempt.body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        change_bytes(attempt, rng)
        return
    name = rng.choice([*content, "__proto__"])
    content[name] = rng.choice([
        None, True, -1, 0, 0.5, 10 ** 9, 2 ** 63, 1e308, float("nan"), "", "x" * 5001, "\ud800", "\0",
        "../../secret", "<img src=x onerror=1>", "0" * 16, "ground", [], [[]] * 500, [-1, 0, 99_999],
        [1e300] * 3, {}, {"a": {"b": []}}])
    if rng.random() < 0.2:
        del content[name]
    attempt.body = json.dumps(content).encode()


def change_pace(attempt: Attempt, rng: random.Random) -> None:
    """Sent in pieces, or cut short; or the answer is not read to its end."""
    attempt.pieces, attempt.pause = rng.randint(1, 20), rng.choice([0, 0.001, 0.005])
    attempt.sent, attempt.read = rng.choice([1, 1, rng.random()]), rng.choice([0, 1, 300, 2_000_000])


CHANGES: list[Callable[[Attempt, random.Random], None]] = [
    change_method, change_path, change_header, change_bytes, *[change_json] * 3, change_pace]


def make_attempt(page: Page, picture: str, rng: random.Random) -> Attempt:
    """A right request with one to three changes."""
    method, path, content = rng.choice(page.requests)
    body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
    body = body.replace(b'"ID"', f'"{picture}"'.encode())
    attempt = Attempt(method, path.replace("ID", picture), body)
    for change in rng.choices(CHANGES, k=rng.choice([1, 1, 2, 3])):
        change(attempt, rng)
        attempt.done.append(change.__name__)
    return attempt


# Sending and checking

def send_attempt(running: Target, attempt: Attempt) -> bytes:
    """Send a request at its pace; returns what is read of the answer."""
    length = {} if attempt.method == "GET" else {"Content_Length": len(attempt.body)}
    top = head(running, attempt.method, attempt.path, **{**length, **attempt.headers})
    data = (top + attempt.body)[:int((len(top) + len(attempt.body)) * attempt.sent)]
    size, answer = -(-len(data) // attempt.pieces) or 1, b""
    with connect(running, PATIENCE) as connection:
        try:
            for start in range(0, len(data), size):
                connection.sendall(data[start:start + size])
                time.sleep(attempt.pause)
            while attempt.sent == 1 and len(answer) < attempt.read and (piece := connection.recv(65_536)):
                answer += piece
        except ConnectionError:  # the server has heard enough
            pass
    return answer


def failure_of(running: Target, page: Page, picture: str, seed: int, number: int) -> tuple[str, str]:
    """Status and failure of one request; "" if there is none."""
    attempt = make_attempt(page, picture, random.Random(f"{seed} {number}"))
    given = f"number {number}, {attempt.method[:9]} {attempt.path[:60]!r}, {' + '.join(attempt.done)}"
    try:
        answer = send_attempt(running, attempt)
    except TimeoutError:
        return "hang", f"{given}: no answer within {PATIENCE} s"
    status = answer[9:12].decode("latin-1")
    if SECRET in answer or status == "500" or not b"HTTP/1.0 ".startswith(answer[:9]):
        return status, f"{given}: {answer[:60]!r} ... {answer[-300:]!r}"
    return status, ""


def memory_of(process: subprocess.Popen) -> int:
    """The memory of a process in kB; 0 where the system does not say."""
    try:
        text = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        return int(text.split("VmRSS:")[1].split()[0])
    except (OSError, IndexError):
        return 0


def files_below(*folders: Path) -> set[Path]:
    """All files below folders, but for Python's caches."""
    return {Path(place, name) for folder in folders for place, _, names in os.walk(folder) for name in names
            if ".pyc" not in name}


def attack(name: str, seed: int, count: int) -> tuple[list[str], str]:
    """Send hostile requests to a page in a process of its own; returns failures, and numbers in a line."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as errors:
        own = Path(folder) / "one/two/own"  # so that ../../x is still seen
        own.mkdir(parents=True)
        disk.write_atomically(own.parent / "secret", [SECRET])
        before = files_below(*WATCHED, Path(folder))
        command = [sys.executable, *(word.replace("{}", str(own)) for word in PAGES[name].command)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors) as process:
            try:
                failures, line = _send_all(process, PAGES[name], seed, count)
                process.send_signal(signal.SIGINT)
                process.wait(PATIENCE)
            finally:
                process.kill()
        after = {path for path in files_below(*WATCHED, Path(folder)) if not path.is_relative_to(own)}
        failures += [f"{path} was written" for path in sorted(after - before)]
        errors.seek(0)
        failures += _errors_in(errors.read().decode("utf-8", "replace"))
        if process.returncode != 128 + signal.SIGINT:
            failures.append(f"it ended with status {process.returncode}")
    return failures, line


def _errors_in(printed: str) -> list[str]:
    return [f"it printed: {line}" for line in printed.splitlines() if "Error" in line or "Traceback" in line]


def _send_all(process: subprocess.Popen, page: Page, seed: int, count: int) -> tuple[list[str], str]:
    """Send all requests, some at once, and watch the server's memory."""
    lines = iter(process.stdout.readline, b"")  # until the address; mine names its folder first
    found = next(filter(None, (re.search(rb":(\d+)/\S*\?key=(\S+)", line) for line in lines)), None)
    if not found:
        return ["it printed no address"], ""
    running, began, picture = Target(int(found[1]), found[2].decode()), time.monotonic(), "0" * 16
    if page.upload:
        picture = json.loads(post(running, page.upload, PICTURE.read_bytes())[2])["id"]
    memory, failures, statuses = [memory_of(process)], [], Counter()
    with ThreadPoolExecutor(SENDERS) as pool:
        attempts = pool.map(lambda number: failure_of(running, page, picture, seed, number), range(count))
        for status, failure in attempts:
            statuses[status or "none"] += 1
            failures += [failure] if failure else []
            memory.append(memory_of(process))
    if max(memory) > memory[0] + MEMORY:
        failures.append(f"memory rose from {memory[0]:,} to {max(memory):,} kB")
    if get(running, page.page)[0] != 200:
        failures.append(f"{page.page} is not answered any more")
    shown = ", ".join(f"{status} x {times}" for status, times in sorted(statuses.items()))
    return failures, (f"{time.monotonic() - began:.0f} s, memory {memory[0] // 1000} to "
                      f"{max(memory) // 1000} MB, {shown}")


def main(arguments: list[str]) -> None:
    """The command line: attack pages, print a line for each, and fail if one of them did."""
    parser = Parser(description="Send hostile requests to the pages' servers.")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PAGES)} (default: all)")
    parser.add_argument("--seed", type=count_argument(0), default=0)
    parser.add_argument("--count", type=count_argument(), default=10_000, help="requests to each page")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in PAGES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no page, so it cannot be asked. "
                         f"Try some of: {', '.join(PAGES)}.")
    found = []
    for name in given.names or PAGES:
        failures, line = attack(name, given.seed, given.count)
        print(f"{name}: {given.count:,} requests, {len(failures)} failures, {line}", flush=True)
        found += failures[:faults.MAX_SHOWN]
    if found:
        raise ValueError("\n".join(["", *found]))


if __name__ == "__main__":
    run_command(main)
