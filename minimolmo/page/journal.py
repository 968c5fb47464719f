"""The journal of a folder of own photos: every edit is on the disk before it is acknowledged.

    data/mine/journal.jsonl   one record a line, only ever appended to:
        {"seq": 1, "photo": ID, "split": "train", "width": 2048, "height": 1365}     a photo was added
        {"seq": 2, "photo": ID, "key": "k7", "base": 0, "set": {entry} or null}       an entry was written
        {"seq": 3, "photo": ID, "take": 1, "n": 0, "size": 4031, "kind": "webm"}      a second of speech
        {"seq": 4, "written": {"train.jsonl": sha256, "val.jsonl": sha256}}           files are being written

`base` is the seq of the version that was edited; 0 for a new entry. Undo is an edit, too. A last line without
its end was never acknowledged: it is cut off. Whatever a kill leaves beyond the journal (a photo, the rest of
a second of speech) does not count, and is written over.
"""
from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from minimolmo.locks import locked
from minimolmo.page.entries import read_entry

JOURNAL = "journal.jsonl"
MAX_PHOTOS, MAX_ENTRIES = 5_000, 64  # of a folder; of a photo
MAX_CHUNKS, MAX_TAKES = 300, 20      # of a take, one a second; of a photo
VAL_EVERY, VAL_FIRST = 5, 2          # the photos 2, 7, 12, ... are held out


class Conflict(ValueError):
    """An edit of a version that is not the newest. `seq` and `entry`: the newest; the latter may be None."""

    def __init__(self, seq: int, entry: dict | None):
        super().__init__("This entry was changed elsewhere meanwhile, so yours would replace a version that "
                         "you have not seen. Try comparing both, then keep one.")
        self.seq, self.entry = seq, entry


class WrongChunk(ValueError):
    """A chunk of speech that does not follow the last one. `next`: the number of the chunk that does."""

    def __init__(self, n: int, expected: int):
        super().__init__(f"Chunk {n} of the speech came and chunk {expected} is the next, so there would be "
                         f"a gap. Try sending chunk {expected}.")
        self.next = expected


@dataclass
class Take:
    """One recording: chunks and bytes so far, and the container that they are."""
    kind: str
    next: int = 0
    size: int = 0


@dataclass
class Photo:
    """One photo with the newest version of each entry: key -> (seq, entry), None if it was removed."""
    split: str
    width: int
    height: int
    entries: dict[str, tuple[int, dict | None]] = field(default_factory=dict)
    takes: dict[int, Take] = field(default_factory=dict)

    @property
    def annotations(self) -> list[dict]:
        """The annotations of its entries, in the order in which the entries were begun."""
        return [row for _, entry in self.entries.values() if entry for row in read_entry(entry)]


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """Open a folder's journal; the folder is made if need be, and locked meanwhile.

    Raises ValueError if another process has it open, or if a line of it is damaged.
    """
    with locked(folder):
        journal = Journal(folder)
        try:
            yield journal
        finally:
            journal.file.close()


class Journal:
    """The state that a journal's records lead to. Its methods may be called from several threads.

    Each of them writes and fsyncs before it returns. An OSError, as of a full disk, leaves journal and state
    as they were.
    """

    def __init__(self, folder: Path):
        self.folder, self.lock = folder, threading.RLock()
        self.photos: dict[str, Photo] = {}
        self.seq = self.size = 0
        self.written: set[tuple[str, str]] = set()  # (file, sha256) of what was ever written
        self.edits: dict[tuple[str, str, int], tuple[int, bytes]] = {}  # (photo, key, base): seq, digest
        self.file = open(folder / JOURNAL, "a+b", buffering=0)
        try:
            self._read()
        except BaseException:
            self.file.close()
            raise

    def _read(self) -> None:
        """Read all records, and cut off a last line that has no end."""
        self.file.seek(0)
        for number, line in enumerate(self.file.readall().splitlines(keepends=True), start=1):
            if not line.endswith(b"\n"):
                break
            try:
                record = json.loads(line)
                check_record(record, self.seq)
                self._apply(record)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise ValueError(f"{self.folder / JOURNAL}:{number} is no record of ours ({error!r:.80}), so "
                                 f"it cannot be read. Try removing this line, on a copy first.") from None
            self.size += len(line)
        self._cut()

    def _cut(self) -> None:
        """Cut off whatever stands behind the last whole record."""
        if os.fstat(self.file.fileno()).st_size != self.size:
            self.file.truncate(self.size)
            os.fsync(self.file.fileno())

    def _append(self, record: dict) -> int:
        """Write a record to the disk, then let it count; returns its seq."""
        record = {"seq": self.seq + 1, **record}
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        try:
            write_and_sync(self.file, line)
        except BaseException:
            with suppress(OSError):  # what stays is cut off at the next start
                self._cut()
            raise
        self.size += len(line)
        self._apply(record)
        return self.seq

    def _apply(self, record: dict) -> None:
        """Let one record count."""
        photo = self.photos.get(record.get("photo"))
        if "written" in record:
            self.written |= set(record["written"].items())
        elif "split" in record:
            self.photos[record["photo"]] = Photo(record["split"], record["width"], record["height"])
        elif "key" in record:
            photo.entries[record["key"]] = record["seq"], record["set"]
            sent = record["photo"], record["key"], record["base"]
            self.edits[sent] = record["seq"], digest_of(record["set"])
        else:
            take = photo.takes.setdefault(record["take"], Take(record["kind"]))
            take.next, take.size = record["n"] + 1, record["size"]
        self.seq = record["seq"]

    def image_path(self, photo: str) -> Path:
        """The file of a photo."""
        return self.folder / "images" / f"{photo}.jpg"

    def take_path(self, photo: str, take: int) -> Path:
        """The file of a recording. Raises ValueError if there is none."""
        found = self.find(photo).takes.get(take)
        if not found:
            raise ValueError(f"Photo {photo} has no take {take}, so there is nothing to play. Try recording.")
        return self.folder / "speech" / f"{photo}-{take}.{found.kind}"

    def find(self, photo: str) -> Photo:
        """A photo by its ID. Raises ValueError if there is none."""
        if photo not in self.photos:
            raise ValueError(f"There is no photo {photo[:40]!r} in {self.folder}, so nothing can be said "
                             f"about it. Try adding it again.")
        return self.photos[photo]

    def add_photo(self, photo: str, width: int, height: int) -> Photo:
        """Add a photo whose image is on the disk. It is decided here, once, whether it is held out."""
        with self.lock:
            if photo not in self.photos:
                if len(self.photos) >= MAX_PHOTOS:
                    raise ValueError(f"The folder has {MAX_PHOTOS:,} photos, and no more fit. Try another "
                                     f"--folder.")
                split = "val" if (len(self.photos) + 1) % VAL_EVERY == VAL_FIRST else "train"
                self._append({"photo": photo, "split": split, "width": width, "height": height})
            return self.photos[photo]

    def edit(self, photo: str, key: str, base: int, entry: dict | None) -> int:
        """Write a version of an entry, or None to remove it; returns its seq. Sent again, it counts once.

        Raises ValueError for an entry that is not valid, Conflict if `base` is not the newest version.
        """
        with self.lock:
            entries = self.find(photo).entries
            if entry is not None:
                read_entry(entry)
            seq, sent = self.edits.get((photo, key, base), (0, b""))
            if seq and sent == digest_of(entry):
                return seq
            newest, present = entries.get(key, (0, None))
            if base != newest:
                raise Conflict(newest, present)
            if present is None and entry and sum(bool(each) for _, each in entries.values()) >= MAX_ENTRIES:
                raise ValueError(f"The photo has {MAX_ENTRIES} entries, and no more fit. Try changing one of "
                                 f"them, or another photo.")
            return self._append({"photo": photo, "key": key, "base": base, "set": entry})

    def add_chunk(self, photo: str, take: int, n: int, chunk: bytes, kind: str) -> int:
        """Append chunk `n` to a recording; returns the number of the chunk that comes next.

        Chunks that are there count once. Raises WrongChunk if chunks between are missing.
        """
        with self.lock:
            takes = self.find(photo).takes
            old = takes.get(take) or Take(kind)
            if n > old.next or take > min(len(takes) + 1, MAX_TAKES) or n >= MAX_CHUNKS:
                self._refuse_chunk(take, n, old.next)
            if n == old.next:
                size = append_at(self.folder / "speech" / f"{photo}-{take}.{old.kind}", old.size, chunk)
                self._append({"photo": photo, "take": take, "n": n, "size": size, "kind": old.kind})
            return self.photos[photo].takes[take].next

    def _refuse_chunk(self, take: int, n: int, expected: int) -> None:
        """Raise the ValueError for a chunk that cannot be appended."""
        if n >= MAX_CHUNKS:
            raise ValueError(f"The take has {MAX_CHUNKS} s, and no more fit. Try a new take.")
        if n > expected:
            raise WrongChunk(n, expected)
        raise ValueError(f"Take {take} is not the next one, or over {MAX_TAKES}, so it cannot be kept. Try "
                         f"the number after the last take.")

    def note_written(self, digests: dict[str, str]) -> None:
        """Note the sha256 of files that are about to be written: they are ours to replace later."""
        with self.lock:
            if not set(digests.items()) <= self.written:
                self._append({"written": digests})


def check_record(record: dict, seq: int) -> None:
    """Raise an error unless a record read from a journal is later than `seq`, and its entry is valid."""
    if not record["seq"] > seq:
        raise ValueError(f"its seq is {record['seq']} after {seq}")
    if record.get("set") is not None:
        read_entry(record["set"])


def digest_of(value: object) -> bytes:
    """A digest of a value from JSON: equal values, equal digests."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()


def write_and_sync(file, data: bytes) -> None:
    """Write all of `data` to an unbuffered file, and wait until it is on the disk."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest):]
    os.fsync(file.fileno())


def append_at(path: Path, size: int, data: bytes) -> int:
    """Append to a file that counts up to `size` bytes, the rest of it is cut off; returns its new size."""
    path.parent.mkdir(exist_ok=True)
    with open(path, "ab", buffering=0) as file:
        file.truncate(size)
        write_and_sync(file, data)
    return size + len(data)
