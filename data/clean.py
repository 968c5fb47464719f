"""Remove what our commands wrote and can write again: drawn data, runs and caches.

    python -m data.clean              data/*/LEVEL, data/tokenizer, out/ and caches
    python -m data.clean out/smoke    one folder in out/

A folder is removed only if its manifest, its checkpoints or its name show that we wrote it. In a run's
folder, only the files that we write are removed. Everything else stays, and its name is printed. Needs
nothing but Python.
"""
from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from data.own import LEVELS, OWN_NAMES, is_own_dataset
from minimolmo.checkpoint_folders import FILES, FOLDER, is_own_checkpoint
from minimolmo.command import run_command, say
from minimolmo.disk import finished_name, remove_folder
from minimolmo.locks import LOCK, locked
from minimolmo.options import Parser, path_argument

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = (".git", ".venv", "out", "mine")  # folders whose caches are left alone
FOLDERS = ("smoke", "tiny", "run", "look", "inside", "lessons", "notebooks", "samples", "ablate", "speedrun")
OUTPUTS = ("latest", "log.jsonl", "loss.png", "report.json", "report.png", "targets.json", "clock.json",
           "settings.json", "result.json", "ablate.json", "ablate.png", "answer.png", "bench-*.json",
           "bench-*.png", "step-*.png")
PICTURES = ("look", "inside", "lessons")  # folders of out/ whose pictures are ours
MAX_NAMED = 20  # of what stays


def clean(root: Path = ROOT) -> list[Path]:
    """Remove what our commands wrote under `root`. Returns what stays in out/ and beside drawn data."""
    left = [path for name in sorted((root / "data").glob("*/")) for path in clean_dataset(name)]
    for path in (root / "data" / "tokenizer").glob("*.json*"):
        if is_tokenizer(path):
            path.unlink()
    left += clean_folder(root / "out")
    remove_caches(root)
    return left


def clean_dataset(folder: Path) -> list[Path]:
    """Remove the drawn levels of one dataset. Returns what was not removed: not ours, or in use."""
    present = [path for path in (folder / name for name in sorted(OWN_NAMES)) if path.exists()]
    if not present:
        return []
    return remove_unless_in_use(folder, lambda: [path for path in present if not remove_dataset(path)])


def remove_dataset(folder: Path) -> bool:
    """Remove a dataset if we drew it. Returns whether the folder is gone."""
    if is_own_dataset(folder):
        remove_folder(folder)
    return not folder.exists()


def clean_folder(folder: Path) -> list[Path]:
    """Remove what is ours in a folder of out/, and the folder if nothing is left. Returns what stays.

    If out/ is a link to a bigger disk, the folder that it leads to stays.
    """
    if not folder.is_dir():
        return [folder] if os.path.lexists(folder) else []
    return remove_unless_in_use(folder, lambda: _clean_free_folder(folder))


def _clean_free_folder(folder: Path) -> list[Path]:
    left = []
    for path in sorted(path for path in folder.iterdir() if path.name != LOCK):
        if path.is_dir() and (is_own_dataset(path) or is_checkpoint(path)):
            remove_folder(path)
        elif is_own_output_folder(path):
            left += clean_folder(path)
        elif not path.is_dir() and not path.is_symlink() and is_own_output_file(path):
            path.unlink()
        else:
            left.append(path)
    return left


def remove_unless_in_use(folder: Path, remove: Callable[[], list[Path]]) -> list[Path]:
    """Call `remove`. If another process is using the folder, say so instead and leave the folder.

    The folder goes too if it is empty then. Returns what stays.
    """
    if not os.access(folder, os.W_OK):  # nobody can be at work in it
        return remove()
    try:
        with locked(folder):
            left = remove()
            _remove_lock(folder)
            return left
    except ValueError as error:
        say(f"{error}")
        return [folder]


def _remove_lock(folder: Path) -> None:
    """Remove the lock file of a folder that we hold, and the folder if it is empty and no link."""
    with suppress(OSError):  # Windows removes no open file
        (folder / LOCK).unlink()
        if not folder.is_symlink():
            folder.rmdir()


def is_own_output_folder(folder: Path) -> bool:
    """Whether a folder in out/ is one of our runs, or has a name that our commands give."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    names = set(os.listdir(folder))
    return (folder.name in FOLDERS or {"log.jsonl", LOCK} <= names
            or folder.name in ("data", "tokenizer") and folder.parent.name in FOLDERS + ("data",)
            or folder.parent.name in ("data", "notebooks") or any(map(is_checkpoint, folder.iterdir())))


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder is a checkpoint of ours that nobody edited. Earlier versions wrote no manifest."""
    if is_own_checkpoint(folder):
        return True
    plain = folder.is_dir() and not folder.is_symlink() and FOLDER.fullmatch(folder.name)
    return bool(plain) and {"weights.safetensors", "config.json"} <= set(os.listdir(folder)) <= set(FILES)


def is_own_output_file(path: Path) -> bool:
    """Whether a file in one of our folders is one that our commands write, finished or not."""
    parent, name = path.parent.name, finished_name(path.name)
    drawn = parent in PICTURES or path.parent.parent.name == "notebooks"
    return (any(fnmatch(name, pattern) for pattern in OUTPUTS) or drawn and name.endswith(".png")
            or parent == "notebooks" and name.endswith(".ipynb")
            or parent == "tokenizer" and is_tokenizer(path))


def is_tokenizer(path: Path) -> bool:
    """Whether a file is a tokenizer that we trained, or were about to write."""
    if not re.fullmatch(rf"({'|'.join(LEVELS)})-\d+\.json", finished_name(path.name)):
        return False
    try:
        return path.suffix == ".tmp" or (
            str(json.loads(path.read_text(encoding="utf-8")).get("kind", "")).startswith("minimolmo"))
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def remove_caches(root: Path) -> None:
    """Remove what Python and pytest keep to be faster."""
    shutil.rmtree(root / ".pytest_cache", ignore_errors=True)
    for folder, subfolders, _ in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in SKIPPED]
        if "__pycache__" in subfolders:
            shutil.rmtree(Path(folder) / "__pycache__", ignore_errors=True)
            subfolders.remove("__pycache__")


def _check_is_ours(folder: Path) -> None:
    """Raise ValueError for a folder outside out/, and for one in it that our commands did not write."""
    if (ROOT / "out").resolve() not in folder.resolve().parents:
        raise ValueError(f"{folder} is not in {ROOT / 'out'}, so it may not be ours, and stays. Try removing "
                         f"it by hand.")
    if os.path.lexists(folder) and not is_own_output_folder(folder):
        raise ValueError(f"{folder} is no folder that this program wrote, so it stays. Try removing it by "
                         f"hand.")


def main(arguments: list[str]) -> None:
    """The command line: clean, and name what stays."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=path_argument, help="in out/ (default: everything)")
    folder = parser.parse_args(arguments).folder
    if folder:
        _check_is_ours(folder)
    left = clean_folder(folder) if folder else clean()
    for path in left[:MAX_NAMED]:
        say(f"left: {path}, which is not as this program wrote it, or which is in use")
    if len(left) > MAX_NAMED:
        say(f"and {len(left) - MAX_NAMED} more")


if __name__ == "__main__":
    run_command(main)
