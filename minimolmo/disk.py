"""Safe files and folders: written whole or not at all, removed only if ours. locks.py locks them.

    write_atomically(path, pieces)       a file is complete, or still the old one
    write_manifest(folder, "checkpoint") the last step of every folder that we write: who wrote it, and sha256
    remove_own(folder, "checkpoint")     refuses a folder without such a manifest
"""
from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

IMAGE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
MANIFEST = "manifest.json"
WRITER = "minimolmo"  # the manifest's mark of a folder that this program wrote
UNFINISHED_NAME = re.compile(r"(\.[0-9]+)?\.tmp$")  # of `write_atomically`; earlier versions: no number
UNFINISHED_MANIFEST = re.compile(re.escape(MANIFEST) + UNFINISHED_NAME.pattern)
PART, REPLACED = ".part", ".replaced"  # ends of the names of folders being written, being replaced
SETTLED_NS = 2_000_000_000
_digests: dict[tuple[int, ...], str] = {}  # of files that have not changed since: see sha256_of


def write_atomically(path: str | Path, pieces: Iterable[bytes]) -> None:
    """Write byte strings to a file. If writing fails, the old file stays as it was.

    A killed process leaves PATH.<its number>.tmp behind. A link stays a link: the file that it leads to is
    written. A device, as /dev/null, is written in place. Raises ValueError for a pipe: it may wait for ever.
    """
    path = Path(os.path.realpath(path))
    if path.is_fifo() or path.is_socket() or path.is_block_device():
        raise ValueError(f"{path} is a pipe, a socket or a disk, and not a file, so it cannot be written "
                         f"whole or not at all. Try the name of a file.")
    unfinished = Path(f"{path}.{os.getpid()}.tmp")
    try:
        if path.is_char_device():
            _write(path, pieces)
        else:
            _write(unfinished, pieces, sync=True)
            os.replace(unfinished, path)
    except BaseException as error:  # Ctrl-C too
        with suppress(OSError):
            unfinished.unlink()  # frees space if the disk is full
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(unfinished)):
            error.filename = str(path)  # the name that its user knows
        raise


def _write(path: Path, pieces: Iterable[bytes], sync: bool = False) -> None:
    """Write byte strings to a file. `sync`: they are on the disk, and not only on their way, afterwards."""
    with open(path, "wb") as file:
        for piece in pieces:
            file.write(piece)
        if sync:
            file.flush()
            os.fsync(file.fileno())


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


def check_not_given(path: str | Path, image: str | Path) -> None:
    """Raise ValueError if a picture that will be written would replace the image that a command was given."""
    if os.path.exists(path) and os.path.exists(image) and os.path.samefile(path, image):
        raise ValueError(f"{path} is the image that was given, so the drawing would replace it. Try another "
                         f"--out.")


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


def has_own_manifest(folder: str | Path, *kinds: str) -> bool:
    """Whether a folder's manifest says that this program wrote it, as one of these kinds."""
    manifest = read_manifest(folder)
    return manifest.get("writer") == WRITER and manifest.get("kind") in kinds


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
    """The sha256 of a file's bytes, in hexadecimal. A file that did not change is read once.

    The system notes a change's time in ticks of some milliseconds, so a file that changed within the last
    SETTLED_NS may change again under the same time: it is read every time.
    """
    stat = os.stat(path)
    key = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_ctime_ns)  # nobody can set the last back
    if os.name == "nt" or time.time_ns() - stat.st_ctime_ns < SETTLED_NS:  # on Windows: when it was made
        return _read_sha256(path)
    if key not in _digests:
        _digests[key] = _read_sha256(path)
    return _digests[key]


def _read_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(2 ** 20):
            digest.update(piece)
    return digest.hexdigest()


def check_absent_or_own(folder: Path, *kinds: str) -> None:
    """Raise ValueError if a folder is there and this program did not write it."""
    own = not folder.is_symlink() and (is_unused(folder) or has_own_manifest(folder, *kinds))
    if folder.exists() and not own:
        raise ValueError(f"{folder} was not written by this program (no {MANIFEST} of a {kinds[0]} in it), "
                         f"so it is not removed or replaced. Move it away, or try another name.")


def check_unchanged(folder: Path) -> None:
    """Raise ValueError if a folder holds a file that its manifest does not name, or that was edited since.

    Files that are missing are no edits of value. A folder that is empty or not there passes.
    """
    if change := _change(folder):
        raise ValueError(f"{change} since this program wrote {folder}, so replacing the folder would lose "
                         f"that work. Move {folder} away, or try another name.")


def is_unchanged(folder: Path) -> bool:
    """Whether `check_unchanged` passes, and all files can be read."""
    try:
        return not _change(folder)
    except OSError:
        return False


def _change(folder: Path) -> str:
    """What was added or edited since a folder's manifest was written; "" if nothing."""
    manifest = read_manifest(folder)
    digests, written = manifest.get("sha256"), manifest.get("written")
    digests = digests if isinstance(digests, dict) else {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() and not is_unused(folder) else ():
        name, whole = path.relative_to(folder).as_posix(), path.is_file() and not path.is_symlink()
        same = whole and name in digests and (_is_older(path, written) or sha256_of(path) == digests[name])
        if not (same or name == MANIFEST or path.is_dir() and not path.is_symlink()):
            return f"{path} {'was edited' if name in digests else 'was added'}"
    return ""


def _is_older(path: Path, written: int | None) -> bool:
    """Whether a file has not changed since a time in ns, so that it need not be read. None: not known."""
    stat = path.stat()
    return type(written) is int and max(stat.st_ctime_ns, stat.st_mtime_ns) <= written


def finished_name(name: str) -> str:
    """A file's name without what an interrupted `write_atomically` leaves at its end.

    >>> finished_name("latest.123.tmp")
    'latest'
    """
    return UNFINISHED_NAME.sub("", name)


def has_more(folder: Path, names: Iterable[str]) -> bool:
    """Whether a folder holds more than a manifest and files of these names, finished or not."""
    own = {*names, MANIFEST}
    return any(path.is_dir() or finished_name(path.name) not in own for path in folder.iterdir())


def is_unused(folder: Path) -> bool:
    """Whether a folder is empty, or holds no more than a manifest whose writing was interrupted."""
    return folder.is_dir() and all(UNFINISHED_MANIFEST.fullmatch(path.name) for path in folder.iterdir())


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
    check_absent_or_own(folder, *kinds)
    if folder.exists():
        remove_folder(folder)


def replace_own(finished: Path, folder: Path, kind: str) -> None:
    """Give a finished folder its name. An older folder of that name is replaced; ValueError if not ours."""
    check_unchanged(replaced_name(folder))
    remove_own(replaced_name(folder), kind)
    check_absent_or_own(folder, kind)
    replace_folder(finished, folder)


def replace_folder(finished: Path, folder: Path) -> None:
    """Give a finished folder its name in place of an older one. Interrupted, it leaves the older one."""
    old = replaced_name(folder)
    try:
        if folder.exists():
            folder.rename(old)
        finished.rename(folder)
    except BaseException:  # Ctrl-C too
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    if old.exists():
        remove_folder(old)


def replaced_name(folder: Path) -> Path:
    """The name of an older folder while it is replaced. Nobody names a backup so, as they do NAME.old."""
    return folder.with_name(f"{folder.name}{REPLACED}")
