"""The campaign of kill -9 on the page that makes data: no acknowledged edit is lost, none counts twice."""
from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from PIL import Image

from minimolmo.page.guards import cookie_name
from tools.faults import ROOT, campaign

SERVER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from minimolmo.page import annotate, server
from minimolmo.page.journal import open_journal
out = Path(sys.argv[1])
with open_journal(out) as journal:
    maker = annotate.Maker(journal, lambda: out)
    running = server.start(annotate.routes(lambda: maker), {{}})
    print(running.url, running.key, flush=True)
    sys.stdin.read()
"""
NUM_PHOTOS, NUM_KEYS = 3, 4
MAX_WAIT = 0.5  # seconds of requests before a kill
GONE = (OSError, HTTPException)  # what a request raises when the server is killed


class Client:
    """Sends edits and speech as the page does: what was not acknowledged is sent again, unchanged."""

    def __init__(self, rng: random.Random):
        self.rng, self.photos, self.pending = rng, [], None
        self.acknowledged: dict[tuple[str, str], tuple[int, dict | None]] = {}  # (photo, key) -> seq, entry
        self.sound: dict[str, list[bytes]] = {}                                 # photo -> chunks
        self.count = 0

    def connect(self, url: str, key: str) -> None:
        """Talk to this server from now on."""
        self.url, self.cookie = url, f"{cookie_name(url.removeprefix('http://'))}={key}"

    def ask(self, path: str, body: bytes | None = None) -> dict:
        """Send a request; returns the JSON of the answer."""
        request = urllib.request.Request(self.url + path, body, {"Cookie": self.cookie, "X-Minimolmo": "1"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)

    def add_photos(self) -> None:
        """Add the photos that are not there yet."""
        for number in range(len(self.photos), NUM_PHOTOS):
            file = io.BytesIO()
            Image.new("RGB", (20, 20 + number)).save(file, "PNG")
            self.photos.append(self.ask("/api/photo", file.getvalue())["id"])
            self.sound[self.photos[-1]] = []

    def step(self) -> str:
        """Send the pending request, or a new one, and note what was acknowledged; returns what went wrong."""
        self.pending = self.pending or (self._new_chunk() if self.rng.random() < 0.3 else self._new_edit())
        path, body, note = self.pending
        try:
            note(self.ask(path, body))
        except urllib.error.HTTPError as error:
            return f"{path} was answered with {error.code}: {body[:200]}"
        except GONE:
            return ""
        self.pending, self.count = None, self.count + 1
        return ""

    def _new_edit(self) -> tuple:
        photo, key = self.rng.choice(self.photos), f"k{self.rng.randrange(NUM_KEYS)}"
        entry = self.rng.choice([None, {"style": "transcript", "answer": f"words {self.rng.random()}"}])
        base = self.acknowledged.get((photo, key), (0, None))[0]
        body = json.dumps({"photo": photo, "key": key, "base": base, "set": entry}).encode()

        def note(reply: dict) -> None:
            self.acknowledged[photo, key] = reply["seq"], entry
        return "/api/edit", body, note

    def _new_chunk(self) -> tuple:
        photo = self.rng.choice(self.photos)
        n = len(self.sound[photo]) % 300
        take = 1 + len(self.sound[photo]) // 300
        chunk = b"\x1aE\xdf\xa3" * (n == 0) + self.rng.randbytes(self.rng.randrange(4000))

        def note(reply: dict) -> None:
            if reply["next"] != n + 1:
                raise ValueError(f"chunk {n} was answered with {reply}. Try it step by step.")
            self.sound[photo].append(chunk)
        return f"/api/speech/{photo}/{take}?n={n}", chunk, note

    def lost(self, folder: Path) -> list[str]:
        """What is not in a folder as it was acknowledged."""
        found = {photo["id"]: photo for photo in self.ask("/api/mine")["photos"]}
        if not found.keys() >= set(self.photos):
            return ["a photo"]
        lost = [f"{photo} {key} is {found[photo]['seqs'].get(key)}, not {seq}"
                for (photo, key), (seq, _) in self.acknowledged.items()
                if not self._is_pending(photo, key) and found[photo]["seqs"].get(key) != seq]
        lost += [f"{photo} {key} is another entry" for (photo, key), (seq, entry) in self.acknowledged.items()
                 if found[photo]["seqs"].get(key) == seq
                 and found[photo]["entries"].get(key, {}).get("set") != entry]
        for photo, chunks in self.sound.items():
            kept = b"".join(path.read_bytes() for path in sorted((folder / "speech").glob(f"{photo}-*")))
            lost += [] if kept.startswith(b"".join(chunks)) else [f"{photo}'s speech"]
        return lost

    def _is_pending(self, photo: str, key: str) -> bool:
        """Whether an edit of this entry was sent and not acknowledged: then it is there, or it is not."""
        return self.pending is not None and f'"{photo}", "key": "{key}"'.encode() in self.pending[1]


@contextmanager
def server(folder: Path, client: Client) -> Iterator[subprocess.Popen]:
    """A server of a folder, to which the client is connected; killed at the end."""
    process = subprocess.Popen([sys.executable, "-c", SERVER.format(root=str(ROOT)), str(folder)], text=True,
                               encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        client.connect(*process.stdout.readline().split())
        yield process
    finally:
        process.kill()
        process.communicate()


def doubled(folder: Path) -> list[str]:
    """The records of a journal that are there twice."""
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_bytes().splitlines()]
    names = Counter(str([line.get(name) for name in ("photo", "key", "base", "take", "n", "split")])
                    for line in lines)
    return [f"{name} is there {number} times" for name, number in names.items() if number > 1]


@campaign(cost=60)
def kill_page(seed: int, count: int) -> list[str]:
    """Kill the page's server (kill -9) at random moments while edits and speech arrive."""
    rng, failures = random.Random(seed), []
    client = Client(rng)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "mine"
        for number in range(count):
            with server(folder, client) as process:
                client.add_photos()
                failures += [f"killed {number} times: {lost}" for lost in client.lost(folder)]
                threading.Timer(rng.random() * MAX_WAIT, process.kill).start()
                while process.poll() is None:
                    failures.append(client.step())
        with server(folder, client):
            failures += [client.step(), *(f"at the end: {lost}" for lost in client.lost(folder))]
        return list(filter(None, failures + doubled(folder)))
