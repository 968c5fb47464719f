"""Safe files and folders: written whole or not at all, locked while in use, removed only if ours.

    write_atomically(path, pieces)       a file is complete, or still the old one
    with locked(folder): ...             one writer at a time; a second one is told who holds the folder
    write_manifest(folder, "checkpoint") the last step of every folder that we write: who wrote it, and sha256
    remove_own(folder, "checkpoint")     refuses a folder without such a manifest
"""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows has another kind of lock
    fcntl = None
    import msvcrt

IMAGE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
MANIFEST, LOCK = "manifest.json", ".lock"
WRITER = "minimolmo"  # the manifest's mark of a folder that this program wrote
LOCK_BYTE = 1 << 30  # where Windows locks the file: behind the text, so that others can read who holds it


def write_atomically(path: str | Path, pieces: Iterable[bytes]) -> None:
    """Write byte strings to a file. If writing fails, the old file stays as it was.

    A killed process leaves PATH.tmp behind, which the next write replaces. A link stays a link: the file that
    it leads to is written. What is no file, as /dev/null, is written in place.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not (path.is_file() or path.is_dir()):
        with open(path, "wb") as device:
            return device.writelines(pieces)
    unfinished = Path(f"{path}.tmp")
    try:
        with open(unfinished, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())  # the bytes must be on the disk before the file has its name
        os.replace(unfinished, path)
    except BaseException as error:  # Ctrl-C too
        with suppress(OSError):
            unfinished.unlink()  # frees space if the disk is full
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(unfinished)):
            error.filename = str(path)  # the name that its user knows
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    write_atomically(path, [text.encode("utf-8")])


def write_image(path: str | Path, image, **options) -> None:
    """Write a Pillow image, whole or not at all, in the format of the path's suffix.

    options  Pillow's, for that format
    """
    buffer = BytesIO()
    image.save(buffer, image_format(path), **options)
    write_atomically(path, [buffer.getbuffer()])


def image_format(path: str | Path) -> str:
    """Pillow's name of the format that a path's suffix means. Raises ValueError for other suffixes."""
    suffix = Path(path).suffix.lower()
    if suffix not in IMAGE_FORMATS:
        raise ValueError(f"{path} does not end like a picture that can be written, so its format is unknown. "
                         f"Try one of {', '.join(IMAGE_FORMATS)}.")
    return IMAGE_FORMATS[suffix]


# Manifests

def write_manifest(folder: Path, kind: str, **content) -> None:
    """Mark a finished folder as ours: its kind, and the sha256 of each file in it. Written last."""
    files = {path.relative_to(folder).as_posix(): sha256_of(path)
             for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST}
    manifest = {"writer": WRITER, "kind": kind, **content, "sha256": files}
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1))


def read_manifest(folder: str | Path) -> dict:
    """A folder's manifest; empty if there is none, or if it is broken."""
    try:
        manifest = json.loads((Path(folder) / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def is_own(folder: str | Path, kind: str) -> bool:
    """Whether a folder's manifest says that this program wrote it."""
    manifest = read_manifest(folder)
    return manifest.get("writer") == WRITER and manifest.get("kind") == kind


def check_files(folder: str | Path, stem: str = "") -> None:
    """Raise ValueError if a file that a folder's manifest names is missing or changed.

    stem  check only the files whose names begin with it
    """
    digests = read_manifest(folder).get("sha256")
    for name, digest in digests.items() if isinstance(digests, dict) else ():
        path = Path(folder) / name
        if name.startswith(stem) and not (path.is_file() and sha256_of(path) == digest):
            fault = "is not what was written" if path.is_file() else "is missing"
            raise ValueError(f"{path} {fault} (its sha256 stands in {MANIFEST}), so {folder} cannot be used. "
                             f"Try another copy, or the folder before it.")


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else (
            hashlib.sha256(file.read()).hexdigest())


def check_own(folder: Path, *kinds: str) -> None:
    """Raise ValueError if a folder is there and this program did not write it."""
    own = not folder.is_symlink() and (is_unused(folder) or any(is_own(folder, kind) for kind in kinds))
    if folder.exists() and not own:
        raise ValueError(f"{folder} was not written by this program (no {MANIFEST} of a {kinds[0]} in it), "
                         f"so it is not removed or replaced. Move it away, or try another name.")


def check_unchanged(folder: Path) -> None:
    """Raise ValueError if a folder holds a file that its manifest does not name, or that was edited since.

    Files that are missing are no edits of value. A folder that is empty or not there passes.
    """
    digests = read_manifest(folder).get("sha256")
    digests = digests if isinstance(digests, dict) else {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() and not is_unused(folder) else ():
        name, whole = path.relative_to(folder).as_posix(), path.is_file() and not path.is_symlink()
        same = whole and name in digests and sha256_of(path) == digests[name]
        if not (same or name == MANIFEST or path.is_dir() and not path.is_symlink()):
            fault = "was edited" if name in digests else "was added"
            raise ValueError(f"{path} {fault} since this program wrote {folder}, so replacing the folder "
                             f"would lose that work. Move {folder} away, or try another name.")


def is_unused(folder: Path) -> bool:
    """Whether a folder is empty, or holds no more than a manifest whose writing was interrupted."""
    return folder.is_dir() and not {path.name for path in folder.iterdir()} - {f"{MANIFEST}.tmp"}


def remove_folder(folder: Path) -> None:
    """Remove a folder, its manifest last: after kill -9 the manifest still says who wrote the rest."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == MANIFEST):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    folder.rmdir()


def remove_own(folder: Path, *kinds: str) -> None:
    """Remove a folder that this program wrote. Raises ValueError for any other folder, and leaves it."""
    check_own(folder, *kinds)
    if folder.exists():
        remove_folder(folder)


def replace_own(finished: Path, folder: Path, kind: str) -> None:
    """Give a finished folder its name. An older folder of that name is replaced; ValueError if not ours."""
    old = folder.with_name(f"{folder.name}.old")
    remove_own(old, kind)
    check_own(folder, kind)
    if folder.exists():
        folder.rename(old)
    finished.rename(folder)
    remove_own(old, kind)


# Locks

@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Lock a folder for this process alone. The system unlocks it when the process ends, however it ends.

    Raises ValueError that says who holds it. The folder is made if it does not exist.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK, "a+b") as file:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):  # the second on Windows
            raise ValueError(f"{folder} is in use by {_holder(file)}, so this command would get in its way. "
                             f"Wait until it is done, or try another folder.") from None
        file.truncate(0)
        note = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        file.write(json.dumps(note).encode())
        file.flush()
        yield


def _lock(file: BinaryIO) -> None:
    """Lock an open file without waiting. Raises OSError if another process holds it."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        file.seek(LOCK_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)


def _holder(file: BinaryIO) -> str:
    """Who holds a lock, as the lock file says."""
    file.seek(0)
    try:
        note = json.loads(file.read())
        return f"process {note['pid']} on {note['host']} since {note['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
