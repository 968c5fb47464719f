"""Which datasets this program drew: a folder is replaced or removed only if its content says so."""
from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from data.splits import SPLITS
from minimolmo.config import LEVELS
from minimolmo.disk import MANIFEST, PART, REPLACED, UNFINISHED_MANIFEST, WRITER, read_manifest, sha256_of

KIND, UNFINISHED = "dataset", "unfinished dataset"
OLD_KEYS = {"set", "level", "seed", "counts", "code", "images", "sha256"}  # before writer and kind
OWN_FILES = {"train.jsonl", "val.jsonl", "novel.jsonl", "images", MANIFEST}
IMAGE = re.compile(r"(train|val|novel)_(\d+)\.(png|jpg)")
OWN_NAMES = {f"{level}{end}" for level in LEVELS for end in ("", PART, REPLACED)}  # the last two: killed runs


def unknown_files(folder: Path) -> list[str]:
    """The names in a dataset's folder that no dataset of ours has."""
    unknown = [path.name for path in folder.iterdir()
               if path.name not in OWN_FILES and not UNFINISHED_MANIFEST.fullmatch(path.name)]
    images = folder / "images"
    if images.is_dir():
        unknown += [f"images/{path.name}" for path in images.iterdir() if not IMAGE.fullmatch(path.name)]
    return sorted(unknown)


def is_own_dataset(folder: Path) -> bool:
    """Whether we drew the dataset in a folder, or were about to, and nobody added or edited anything.

    Earlier versions wrote no manifest before the end. A link to a dataset is not ours to remove, nor is a
    copy under another name, as easy.old.
    """
    if folder.is_symlink() or not folder.is_dir() or folder.name not in OWN_NAMES or unknown_files(folder):
        return False
    manifest = read_manifest(folder)
    ours = manifest.get("writer") == WRITER and manifest.get("kind") in (KIND, UNFINISHED)
    ours = ours or manifest.keys() == OLD_KEYS or not manifest and folder.name.endswith(PART)
    return ours and not edited_files(folder)


# Edits

def edited_files(folder: Path) -> list[str]:
    """The files that were edited or added since a dataset was drawn. Missing files are no edits.

    For an image that was painted over, "images" is returned. It is found if no image is missing, because the
    manifest has one digest of all, and none in datasets of earlier versions.
    """
    manifest = read_manifest(folder)
    digests, counts = manifest.get("sha256"), manifest.get("counts")
    if not (isinstance(digests, dict) and isinstance(counts, dict)):  # unfinished
        return []
    rows = {f"{split}.jsonl": digest for split, digest in digests.items()}
    return edited_rows(folder, rows) or _edited_images(folder, manifest, counts)


def edited_rows(folder: Path, digests: dict[str, str]) -> list[str]:
    """The files that are there with another sha256 than this one."""
    return [name for name, digest in digests.items()
            if (folder / name).is_file() and sha256_of(folder / name) != digest]


def _edited_images(folder: Path, manifest: dict, counts: dict[str, int]) -> list[str]:
    paths = sorted((folder / "images").iterdir(), key=_order) if (folder / "images").is_dir() else []
    added = [f"images/{path.name}" for path in paths if not _is_drawn(path, counts)]
    if added or len(paths) < manifest["images"]:
        return added
    same = len(paths) == manifest["images"] and (
        "images_sha256" not in manifest or manifest["images_sha256"] == digest_of_all(map(_digest_of, paths)))
    return [] if same else ["images"]


def _order(path: Path) -> tuple[int, int]:
    """The place of an image in its dataset."""
    split, index, _ = IMAGE.fullmatch(path.name).groups()
    return SPLITS.index(split), int(index)


def _is_drawn(path: Path, counts: dict[str, int]) -> bool:
    """Whether an image's name is one that a dataset of so many images in each split has."""
    split, index, _ = IMAGE.fullmatch(path.name).groups()
    count = counts.get(split)
    return index == f"{int(index):06d}" and type(count) is int and int(index) < count


def _digest_of(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes() if path.is_file() else b"").digest()


def digest_of_all(digests: Iterable[bytes]) -> str:
    """One sha256, in hexadecimal, of those of all images of a dataset, in the order of its rows."""
    return hashlib.sha256(b"".join(digests)).hexdigest()


def refuse_edited(folder: Path, edited: list[str], done: str) -> None:
    """Raise ValueError if files were edited since a dataset was drawn or fetched."""
    if edited:
        raise ValueError(f"{folder / edited[0]} was edited since it was {done}, so replacing it would lose "
                         f"that work. Move {folder} away, or try another --folder.")
