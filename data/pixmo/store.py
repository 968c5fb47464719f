"""The folder of a download, which keeps pages and images so that an interrupted run can continue.

    pages/       rows from the Hub, one file for each page
    images/      ab/abcd...jpg, named by the hash of the original bytes
    fetched.jsonl    the journal: the outcome of each image, written at once
    train.jsonl, val.jsonl, failures.jsonl, manifest.json    written at the end, the manifest last

File names never contain downloaded text. Files appear complete or not at all. Damaged lines of the journal
are dropped, and their images are fetched again. Whoever opens a Store holds the folder's lock.
"""
from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from data.pixmo.hub import Page
from data.pixmo.records import NEVER, ImageOutcome
from minimolmo.disk import write_atomically

JOURNAL = "fetched.jsonl"


def write_lines(path: Path, rows: Iterable[dict]) -> None:
    """Write rows as JSON lines; the file appears complete or not at all."""
    write_atomically(path, (json.dumps(row).encode() + b"\n" for row in rows))


class Store:
    """The folder of one run, used as a context manager. Images of another size are not reused."""

    def __init__(self, folder: Path, size: int):
        self.folder, self.size = folder, size
        self.outcomes: dict[str, ImageOutcome] = {}
        self.received = 0

    def __enter__(self) -> Store:
        self._read_journal()
        self.journal = open(self.folder / JOURNAL, "a", encoding="utf-8")
        return self

    def __exit__(self, *_) -> None:
        try:
            self.journal.close()
        except OSError:  # a full disk, which was reported at the write
            pass

    def image_path(self, outcome: ImageOutcome) -> str:
        """The path of the outcome's image, relative to the folder."""
        return f"images/{outcome.sha256[:2]}/{outcome.sha256}.jpg"

    def save_outcome(self, outcome: ImageOutcome, jpeg: bytes) -> None:
        """Save an outcome: first the image, then the line of the journal."""
        if jpeg:
            self._write(self.image_path(outcome), jpeg)
        self.outcomes[outcome.key] = outcome
        self.received += outcome.received
        self.journal.write(json.dumps(asdict(outcome)) + "\n")
        self.journal.flush()

    def load_page(self, file: str) -> Page | None:
        """A saved page, or None."""
        try:
            content = json.loads((self.folder / "pages" / file).read_bytes())
            return Page(content["revision"], content["total"],
                        [(index, row) for index, row in content["rows"]])
        except (FileNotFoundError, ValueError, KeyError, TypeError):  # missing or damaged: read it again
            return None

    def save_page(self, file: str, page: Page) -> None:
        """Save a page without the links to embedded images, because these expire."""
        rows = [(index, _without_links(row)) for index, row in page.rows]
        content = {"revision": page.revision, "total": page.total, "rows": rows}
        self._write(f"pages/{file}", json.dumps(content).encode())

    def remove_unused(self, used: set[str]) -> None:
        """Remove what a complete folder does not need: images fetched ahead, partial files."""
        outcomes = sorted((self.outcomes[key] for key in used), key=lambda outcome: outcome.key)
        self.journal.close()
        write_lines(self.folder / JOURNAL, (asdict(outcome) for outcome in outcomes if _is_final(outcome)))
        self.journal = open(self.folder / JOURNAL, "a", encoding="utf-8")
        images = {self.folder / self.image_path(outcome) for outcome in outcomes if not outcome.cause}
        for path in [*(self.folder / "images").rglob("*"), *(self.folder / "pages").glob("*.tmp"),
                     *self.folder.glob("*.json*.tmp")]:
            if path.is_file() and path not in images:
                path.unlink()

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, [data])

    def _read_journal(self) -> None:
        """Load the final outcomes of earlier runs, and drop damaged lines."""
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
    """The outcome in a line of the journal; None if the line is damaged."""
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
