"""The folder: what was read and fetched so far, kept so that a killed run can go on.

    pages/       rows as the Hub gave them, one file a page
    images/      ab/abcd...jpg, called by the hash of the bytes they were made from
    fetched.jsonl    what became of each picture, a line as soon as it is known
    train.jsonl, val.jsonl, failures.jsonl, manifest.json    written at the end, the manifest last

No name in here is made of anything a stranger wrote. Files appear whole or not at all; lines of the journal
that a kill or a power cut spoiled are dropped, and their pictures fetched again. One run at a time: a lock
that the system lets go of when a run dies.
"""
from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from data.pixmo.hub import Page
from data.pixmo.records import NEVER, ImageOutcome
from minimolmo.disk import write_atomically

JOURNAL, LOCK = "fetched.jsonl", "lock"


def write_lines(path: Path, rows: Iterable[dict]) -> None:
    """Write rows as JSON lines, whole or not at all."""
    write_atomically(path, (json.dumps(row).encode() + b"\n" for row in rows))


class Store:
    """The folder of one run; a context that holds its lock. Pictures of another size count as not fetched."""

    def __init__(self, folder: Path, size: int):
        self.folder, self.size = folder, size
        self.outcomes: dict[str, ImageOutcome] = {}
        self.received = 0

    def __enter__(self) -> Store:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.folder / LOCK, "w")
        try:
            _lock(self.lock)
        except OSError:
            self.lock.close()
            raise ValueError(f"{self.folder} is being filled by another run, so this one would get in its "
                             f"way. Wait for it, or try another --folder.") from None
        self._read_journal()
        self.journal = open(self.folder / JOURNAL, "a", encoding="utf-8")
        return self

    def __exit__(self, *_) -> None:
        try:
            self.journal.close()
        except OSError:  # a full disk: the line that did not fit was reported when it was written
            pass
        self.lock.close()

    def image_path(self, outcome: ImageOutcome) -> str:
        """Where an outcome's picture lies in the folder."""
        return f"images/{outcome.sha256[:2]}/{outcome.sha256}.jpg"

    def save_outcome(self, outcome: ImageOutcome, jpeg: bytes) -> None:
        """Remember what became of a picture; the picture first, then the line that promises it."""
        if jpeg:
            self._write(self.image_path(outcome), jpeg)
        self.outcomes[outcome.key] = outcome
        self.received += outcome.received
        self.journal.write(json.dumps(asdict(outcome)) + "\n")
        self.journal.flush()

    def load_page(self, file: str) -> Page | None:
        """A page that was read before."""
        try:
            content = json.loads((self.folder / "pages" / file).read_bytes())
            return Page(content["revision"], content["total"],
                        [(index, row) for index, row in content["rows"]])
        except (FileNotFoundError, ValueError, KeyError, TypeError):  # none, or damaged: it is read again
            return None

    def save_page(self, file: str, page: Page) -> None:
        """Keep a page, without the links of embedded pictures: they expire."""
        rows = [(index, _without_links(row)) for index, row in page.rows]
        content = {"revision": page.revision, "total": page.total, "rows": rows}
        self._write(f"pages/{file}", json.dumps(content).encode())

    def remove_unused(self, used: set[str]) -> None:
        """Forget what the finished folder does not need: pictures fetched ahead, files half written."""
        outcomes = sorted((self.outcomes[key] for key in used), key=lambda outcome: outcome.key)
        self.journal.close()
        write_lines(self.folder / JOURNAL, (asdict(outcome) for outcome in outcomes if _is_final(outcome)))
        self.journal = open(self.folder / JOURNAL, "a", encoding="utf-8")
        images = {self.folder / self.image_path(outcome) for outcome in outcomes if not outcome.cause}
        for path in [*(self.folder / "images").rglob("*"), *(self.folder / "pages").glob("*.tmp")]:
            if path.is_file() and path not in images:
                path.unlink()

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, [data])

    def _read_journal(self) -> None:
        """What earlier runs found out for good. Lines that tell nothing any more are cut away."""
        path = self.folder / JOURNAL
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        outcomes = [_parse_outcome(line) for line in lines]
        if None in outcomes:
            write_atomically(path, [line for line, outcome in zip(lines, outcomes) if outcome])
        for outcome in filter(None, outcomes):
            if outcome.size == self.size and _is_final(outcome) and self._has_image(outcome):
                self.outcomes[outcome.key] = outcome

    def _has_image(self, outcome: ImageOutcome) -> bool:
        path = self.folder / self.image_path(outcome)
        return bool(outcome.cause) or path.is_file() and path.stat().st_size == outcome.stored


def _parse_outcome(line: bytes) -> ImageOutcome | None:
    """A line of the journal; None if it is not whole."""
    try:
        return ImageOutcome(**json.loads(line)) if line.endswith(b"\n") else None
    except (ValueError, TypeError):
        return None


def _is_final(outcome: ImageOutcome) -> bool:
    return not outcome.cause or outcome.again == NEVER


def _without_links(row):
    if isinstance(row, dict) and isinstance(row.get("image"), dict):
        return {**row, "image": {key: value for key, value in row["image"].items() if key != "src"}}
    return row


def _lock(file) -> None:
    """Take the file for this process alone; raises OSError if another has it."""
    if os.name == "nt":
        import msvcrt
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
