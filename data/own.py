"""Which datasets this program drew: a folder is replaced or removed only if its content says so."""
from __future__ import annotations

import re
from pathlib import Path

from minimolmo.config import LEVELS
from minimolmo.disk import MANIFEST, UNFINISHED_MANIFEST, WRITER, read_manifest

KIND, UNFINISHED = "dataset", "unfinished dataset"
OLD_KEYS = {"set", "level", "seed", "counts", "code", "images", "sha256"}  # before writer and kind
OWN_FILES = {"train.jsonl", "val.jsonl", "novel.jsonl", "images", MANIFEST}
IMAGE = re.compile(r"(train|val|novel)_\d+\.(png|jpg)")
LEFTOVERS = {f"{level}.{suffix}" for level in LEVELS for suffix in ("part", "old")}  # of killed runs


def unknown_files(folder: Path) -> list[str]:
    """The names in a dataset's folder that no dataset of ours has."""
    unknown = [path.name for path in folder.iterdir()
               if path.name not in OWN_FILES and not UNFINISHED_MANIFEST.fullmatch(path.name)]
    images = folder / "images"
    if images.is_dir():
        unknown += [f"images/{path.name}" for path in images.iterdir() if not IMAGE.fullmatch(path.name)]
    return sorted(unknown)


def is_own_dataset(folder: Path) -> bool:
    """Whether we drew the dataset in a folder, or were about to, and nothing else lies in it.

    Earlier versions wrote no manifest before the end. A link to a dataset is not ours to remove.
    """
    if folder.is_symlink() or not folder.is_dir() or unknown_files(folder):
        return False
    manifest = read_manifest(folder)
    ours = manifest.get("writer") == WRITER and manifest.get("kind") in (KIND, UNFINISHED)
    return ours or manifest.keys() == OLD_KEYS or not manifest and folder.name in LEFTOVERS
