"""The routes by which a learner's photos, words, points and speech reach the journal. No model is needed.

    POST /api/photo                     the bytes of a picture -> {"id", "width", "height", "split"}
    POST /api/edit                      {"photo", "key", "base", "set"} -> {"seq"}; 409 with a newer version
    POST /api/speech/PHOTO/TAKE?n=7     the seventh second -> {"next": 8}; 409 if seconds between are missing
    POST /api/write                     -> {"good", "lines", "command"}: writes and checks the folder
    GET  /api/mine                      everything that the page shows
    GET  /photo/ID, /api/speech/PHOTO/TAKE, /api/offered/N; POST /api/offered {"n"}

Photos of --photos are offered; they are read and never changed. Speech is kept, and never trained on.
"""
from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from minimolmo.command import python_command
from minimolmo.disk import write_atomically
from minimolmo.image.reader import read_image_bytes
from minimolmo.image.reencode import reencode
from minimolmo.page import teach
from minimolmo.page.journal import Conflict, Journal, Photo, WrongChunk
from minimolmo.page.messages import Field, Reply, Request, Route, refusal_of, request_json

PHOTO_BYTES, CHUNK_BYTES = 32_000_000, 256_000
PHOTO_SIDE, OFFERED_SIDE, MIN_SIDE = 2_048, 512, 16  # pixels: kept, offered, refused below
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MAX_OFFERED = 5_000  # pictures
ID, KEY = "([0-9a-f]{16})", re.compile("[a-z0-9]{1,20}")
EDIT = {"photo": Field(str, 16), "key": Field(str, 20), "base": Field(int), "set": Field(dict, default=None)}
KINDS = {"webm": "audio/webm", "mp4": "audio/mp4"}


@dataclass
class Maker:
    """The journal of a folder and what is offered beside it. Its methods answer the page's requests."""
    journal: Journal
    next_run: Callable[[], Path]  # the folder of the next training
    model: str | None = None  # the name of the model that "Questions" asks
    offered: list[Path] = field(default_factory=list)
    added: dict[int, str] = field(default_factory=dict)  # of the offered: number -> ID of the photo

    def state(self, request: Request) -> Reply:
        """Everything that the page shows."""
        with self.journal.lock:
            photos = [photo_state(name, photo) for name, photo in self.journal.photos.items()]
        offered = [{"n": n, "name": path.name, "photo": self.added.get(n)}
                   for n, path in enumerate(self.offered)]
        return Reply({"folder": str(self.journal.folder), "model": self.model, "photos": photos,
                      "offered": offered})

    def add(self, data: bytes) -> dict:
        """Add a photo: upright, without EXIF, PHOTO_SIDE pixels at most. The same bytes add it once."""
        name = hashlib.sha256(data).hexdigest()[:16]
        photo = self.journal.photos.get(name)
        if photo is None:
            small = reencode(data, PHOTO_SIDE, MIN_SIDE)
            path = self.journal.image_path(name)
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, [small.jpeg])
            photo = self.journal.add_photo(name, small.width, small.height)
        return {"id": name, "width": photo.width, "height": photo.height, "split": photo.split}

    def photo(self, request: Request) -> Reply:
        """Add the photo that is the request's body."""
        return Reply(self.add(request.body))

    def add_offered(self, request: Request) -> Reply:
        """Add a photo of --photos by its number."""
        n = request_json(request, {"n": Field(int)})["n"]
        added = self.add(self.read_offered(n))
        self.added[n] = added["id"]
        return Reply(added)

    def read_offered(self, n: int) -> bytes:
        """The bytes of an offered photo. Raises ValueError if there is none, or if it is no picture."""
        if not 0 <= n < len(self.offered):
            raise ValueError(f"Photo {n} is not offered, so it cannot be added. Try one of the list.")
        if self.offered[n].stat().st_size > PHOTO_BYTES:
            raise ValueError(f"{self.offered[n].name} has over {PHOTO_BYTES:,} bytes, so it is not read. "
                             f"Try a smaller copy.")
        return read_image_bytes(self.offered[n])

    def show_offered(self, request: Request) -> Reply:
        """An offered photo, small."""
        data = self.read_offered(int(request.parts[0]))
        return Reply(reencode(data, OFFERED_SIDE, MIN_SIDE).jpeg, "image/jpeg")

    def image(self, request: Request) -> Reply:
        """A photo of the folder."""
        self.journal.find(request.parts[0])
        return Reply(self.journal.image_path(request.parts[0]).read_bytes(), "image/jpeg")

    def edit(self, request: Request) -> Reply:
        """Write a version of an entry; 409 with the newest version if the edited one is older."""
        given = request_json(request, EDIT)
        if not KEY.fullmatch(given["key"]) or b'"set"' not in request.body:
            raise ValueError(f"The edit of {given['key']!r} has no valid key or no set, so it is not kept. "
                             f"Try letters and digits, and null to remove an entry.")
        try:
            return Reply({"seq": self.journal.edit(*(given[name] for name in EDIT))})
        except Conflict as conflict:
            newest = {"seq": conflict.seq, "set": conflict.entry}
            return Reply({**refusal_of(conflict).event, **newest}, status=409)

    def speech(self, request: Request) -> Reply:
        """Append a chunk to a recording; 409 with the number of the next chunk if it does not follow."""
        photo, take = request.parts[0], int(request.parts[1])
        n = request.query.get("n", "")
        if not (n.isascii() and n.isdigit() and len(n) < 6):
            raise ValueError(f"?n={n[:20]} is no number of a chunk, so it cannot be kept. Try ?n=0 first.")
        kind = container(request.body) if n == "0" else ""
        try:
            return Reply({"next": self.journal.add_chunk(photo, take, int(n), request.body, kind)})
        except WrongChunk as wrong:
            return Reply({**refusal_of(wrong).event, "next": wrong.next}, status=409)

    def play(self, request: Request) -> Reply:
        """A recording so far."""
        photo, number = request.parts[0], int(request.parts[1])
        path = self.journal.take_path(photo, number)
        take = self.journal.photos[photo].takes[number]
        return Reply(path.read_bytes()[:take.size], KINDS[take.kind])

    def write(self, request: Request) -> Reply:
        """Write the folder's files, check them, and name the command that trains on them."""
        good, lines = teach.write_and_check(self.journal)
        words = teach.train_command(self.journal, self.next_run())
        return Reply({"good": good, "lines": lines, "command": python_command(*words)})


def photo_state(name: str, photo: Photo) -> dict:
    """What the page shows of a photo. `seqs` has the removed entries, too: an undo needs their base."""
    entries = {key: {"seq": seq, "set": entry} for key, (seq, entry) in photo.entries.items() if entry}
    takes = [{"take": number, "next": take.next, "kind": KINDS[take.kind]}
             for number, take in photo.takes.items()]
    return {"id": name, "width": photo.width, "height": photo.height, "split": photo.split, "takes": takes,
            "entries": entries, "seqs": {key: seq for key, (seq, _) in photo.entries.items()}}


def container(chunk: bytes) -> str:
    """The container of a recording that begins with these bytes: webm or mp4. ValueError for others."""
    if chunk.startswith(b"\x1aE\xdf\xa3"):
        return "webm"
    if chunk[4:8] == b"ftyp":
        return "mp4"
    raise ValueError("The recording does not begin like WebM or MP4, so it cannot be played later. Try "
                     "another browser, or typing.")


def routes(maker: Callable[[], Maker]) -> list[Route]:
    """The routes of the page but those of training. `maker` is called at each request."""
    table = [
        ("GET", "/api/mine", Maker.state, 0), ("POST", "/api/photo", Maker.photo, PHOTO_BYTES),
        ("POST", "/api/offered", Maker.add_offered, 1_000),
        ("GET", "/api/offered/([0-9]{1,4})", Maker.show_offered, 0),
        ("GET", f"/(?:api/)?photo/{ID}", Maker.image, 0), ("POST", "/api/edit", Maker.edit, 64_000),
        ("POST", f"/api/speech/{ID}/([0-9]{{1,2}})", Maker.speech, CHUNK_BYTES),
        ("GET", f"/api/speech/{ID}/([0-9]{{1,2}})", Maker.play, 0),
        ("POST", "/api/(?:write|check)", Maker.write, 1_000)]
    return [Route(method, pattern, lambda request, handle=handle: handle(maker(), request), limit)
            for method, pattern, handle, limit in table]


def offered_photos(folder: Path) -> list[Path]:
    """The pictures directly in a folder, by name. Raises ValueError if there are none."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise ValueError(f"{folder} holds no picture ({', '.join(SUFFIXES)}), so there is nothing to offer. "
                         f"Try another --photos, or drop photos on the page.")
    return found[:MAX_OFFERED]
