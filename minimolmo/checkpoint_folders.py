"""Folders of checkpoints: their names and files, which are a run's, and which this program may remove.

    out/nano/latest              names the complete checkpoints that the run saved, newest first
    out/nano/step-000600/        one of them; step-000600.tmp would be an unfinished one
"""
from __future__ import annotations

import re
from pathlib import Path

from minimolmo.disk import has_more, has_own_manifest, is_unchanged, is_unused, read_manifest

KIND, UNFINISHED = "checkpoint", "unfinished checkpoint"
LONGEST_NAME = 255  # of a file, on all systems
FOLDER = re.compile(r"step-([0-9]+)(-again)*(\.tmp)?")
ANSWERING = ("weights.safetensors", "config.json", "tokenizer.json", "state.json")  # what answering reads
FILES = (*ANSWERING, "optimizer.safetensors")


def is_own_checkpoint(folder: Path) -> bool:
    """Whether this program wrote a checkpoint, finished or not, and it is as it was written.

    One that was copied or renamed by hand has another place in its manifest. One with an edited file, or with
    a file that is not a checkpoint's, as notes.txt, holds somebody's work. Files may be missing.
    """
    if folder.is_symlink() or not folder.is_dir() or not FOLDER.fullmatch(folder.name):
        return False
    if folder.suffix == ".tmp" and is_unused(folder):  # a save that was killed at its beginning
        return True
    origin, place = read_manifest(folder), (str(folder.parent.resolve()), folder.name.removesuffix(".tmp"))
    if (origin.get("out"), origin.get("name")) != place:
        return False
    if has_own_manifest(folder, UNFINISHED):
        return not has_more(folder, FILES)
    return has_own_manifest(folder, KIND) and is_unchanged(folder)


def step_of(name: str) -> int:
    """The step in the name of a checkpoint's folder."""
    return int(FOLDER.fullmatch(name)[1])


def saved_names(out: Path) -> list[str]:
    """The checkpoints in a folder, newest first: those that `latest` names and that are there, else all."""
    return [name for name in read_latest(out) if (out / name).is_dir()] or find_checkpoints(out)


def newer_than(folder: Path) -> list[str]:
    """The checkpoints beside one that have a higher step and that `latest` does not name."""
    found = set(find_checkpoints(folder.parent)) - set(read_latest(folder.parent))
    return sorted(name for name in found if step_of(name) > step_of(folder.name))


def read_latest(out: Path) -> list[str]:
    """The checkpoints that `latest` names. Lines that are no such name, as a path elsewhere, do not count."""
    path = out / "latest"
    if path.is_dir():
        raise ValueError(f"{path} is a folder, where the list of checkpoints belongs, so none could be found "
                         f"or saved. Move it away, or try another folder than {out}.")
    names = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return [name for name in map(str.strip, names) if _is_finished(name)]


def find_checkpoints(out: Path) -> list[str]:
    """The folders named like finished checkpoints, the highest step first. Empty ones do not count."""
    paths = out.iterdir() if out.is_dir() else ()
    names = [path.name for path in paths if path.is_dir() and any(path.iterdir())]
    return sorted(filter(_is_finished, names), key=lambda name: (step_of(name), name), reverse=True)


def _is_finished(name: str) -> bool:
    """Whether a name is that of a finished checkpoint's folder, and no longer than a disk allows."""
    match = FOLDER.fullmatch(name)
    return bool(match) and not match[3] and len(name) <= LONGEST_NAME
