"""Which datasets this program drew: a folder is replaced or removed only if its manifest says so."""
from __future__ import annotations

from pathlib import Path

from minimolmo.disk import WRITER, read_manifest

LEVELS = ("easy", "small", "full")  # names of a dataset's folders
KIND, UNFINISHED = "dataset", "unfinished dataset"
OLD_KEYS = {"set", "level", "seed", "counts", "code", "images", "sha256"}  # before writer and kind


def is_own_dataset(folder: Path) -> bool:
    """Whether we drew the dataset in a folder, or were about to. A link to one is not ours to remove."""
    manifest = read_manifest(folder)
    if folder.is_symlink() or not folder.is_dir():
        return False
    return manifest.keys() == OLD_KEYS or (manifest.get("writer") == WRITER
                                           and manifest.get("kind") in (KIND, UNFINISHED))
