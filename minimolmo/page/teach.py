"""From the journal to a dataset: writes train.jsonl and val.jsonl, checks them, names the command to train.

A file that somebody else wrote or edited is never replaced.
"""
from __future__ import annotations

import hashlib
import json
from pathlib import Path

from minimolmo.batch.dataset import check_split
from minimolmo.command import python_command
from minimolmo.disk import sha256_of, write_atomically
from minimolmo.page.journal import Journal

SPLITS = ("train", "val")
RELEASED = Path("data/released/minimolmo-nano")


def write_splits(journal: Journal) -> None:
    """Write the photos that have annotations, in the order of adding, if that changes anything.

    Raises ValueError if a file is not as this page has written it.
    """
    with journal.lock:
        contents = {f"{split}.jsonl": split_content(journal, split) for split in SPLITS}
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        present = {name: _digest(journal.folder / name) for name in contents}
        for name, digest in present.items():
            if digest and digest != digests[name] and (name, digest) not in journal.written:
                raise ValueError(f"{journal.folder / name} was written or edited by somebody else, so "
                                 f"replacing it would lose that work. Move it away, or try another --folder.")
        changed = [name for name in contents if digests[name] != (present[name] or _digest_of_nothing())]
        if changed:
            journal.note_written(digests)
        for name in changed:
            write_atomically(journal.folder / name, [contents[name]])


def split_content(journal: Journal, split: str) -> bytes:
    """The rows of one split as JSON lines: photos without annotations are left out."""
    rows = [{"image": f"images/{name}.jpg", "annotations": photo.annotations}
            for name, photo in journal.photos.items() if photo.split == split]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows if row["annotations"]]
    return "".join(lines).encode()


def _digest(path: Path) -> str:
    """The sha256 of a file; "" if there is none."""
    return sha256_of(path) if path.exists() else ""


def _digest_of_nothing() -> str:
    return hashlib.sha256(b"").hexdigest()


def check_folder(journal: Journal) -> tuple[bool, list[str]]:
    """Whether the folder can be trained on, and a line for each split: its counts, or what is missing."""
    lines, good = [], True
    for split in SPLITS:
        if not any(photo.split == split and photo.annotations for photo in journal.photos.values()):
            number = "first" if split == "train" else "second"
            lines.append(f"{split}.jsonl has no photo yet, so it cannot be used. Try saying something about "
                         f"the {number} photo.")
            good = False
            continue
        try:
            lines.append(check_split(journal.folder, split))
        except ValueError as error:
            lines, good = [*lines, str(error)], False
    return good, lines


def train_command(folder: Path, out: Path) -> list[str]:
    """The words of the command that trains released nano on a folder, without the interpreter."""
    data = [] if folder.parent == Path("data") else [f"--data={folder.parent}"]
    return ["train.py", f"--from={RELEASED}", f"--mix.{folder.name}=1", *data, f"--out={out}"]


def shown_command(folder: Path, out: Path) -> str:
    """The same as a line to type."""
    return python_command(*train_command(folder, out))
