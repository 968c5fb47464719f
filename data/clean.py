"""Remove what our commands wrote and can write again in minutes: drawn data, figures and caches.

    python -m data.clean              data/*/LEVEL, data/tokenizer, out/ without runs, and caches
    python -m data.clean --runs       training runs too
    python -m data.clean out/nano     one folder in out/, even if it is a run

A folder is removed only if its manifest, its checkpoints or its name show that we wrote it. A training run
may be hours of work, so it stays unless it is asked for; then only the files that we write are removed.
Prints how much was removed, and what stays. Needs nothing but Python.
"""
from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
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
FOLDERS = ("smoke", "tiny", "run", "look", "inside", "lessons", "notebooks", "course", "samples", "ablate",
           "speedrun")
OUTPUTS = ("latest", "log.jsonl", "loss.png", "report.json", "report.png", "targets.json", "clock.json",
           "settings.json", "result.json", "ablate.json", "ablate.png", "answer.png", "bench-*.json",
           "bench-*.png", "step-*.png")
PICTURES = ("look", "inside", "lessons", "course")  # folders of out/ whose pictures are ours
SHORT_RUNS = ("smoke", "tiny")  # folders of out/ with runs of a few steps, which no one keeps
CACHES = {"__pycache__", ".pytest_cache"}
MAX_NAMED = 20  # of what stays


def clean(root: Path = ROOT, runs: bool = False) -> list[Path]:
    """Remove what our commands wrote under `root`. Returns what stays in out/ and beside drawn data.

    runs  remove training runs too; else they stay, and are not among what is returned
    """
    left = [path for name in sorted((root / "data").glob("*/")) for path in clean_dataset(name)]
    for path in (root / "data" / "tokenizer").glob("*.json*"):
        if is_tokenizer(path):
            path.unlink()
    left += clean_folder(root / "out", () if runs else find_runs(root / "out"))
    remove_caches(root)
    return left


def find_runs(out: Path) -> list[Path]:
    """The folders in out/ with a training run's checkpoints, at most two folders down, as ablate has them."""
    folders = [path for path in sorted(out.glob("*/")) if path.name not in SHORT_RUNS]
    return [path for path in folders
            if any(FOLDER.fullmatch(step.name) for step in [*path.glob("*/"), *path.glob("*/*/")])]


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


def clean_folder(folder: Path, kept: Iterable[Path] = ()) -> list[Path]:
    """Remove what is ours in a folder of out/, and the folder if nothing is left. Returns what stays.

    If out/ is a link to a bigger disk, the folder that it leads to stays.

    kept  folders in it that are to stay
    """
    if not folder.is_dir():
        return [folder] if os.path.lexists(folder) else []
    return remove_unless_in_use(folder, lambda: _clean_free_folder(folder, {LOCK, *(p.name for p in kept)}))


def _clean_free_folder(folder: Path, kept_names: set[str]) -> list[Path]:
    left = []
    for path in sorted(path for path in folder.iterdir() if path.name not in kept_names):
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
            or parent == "course" and name.endswith((".html", ".css", ".js", ".svg"))
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


# What is said

def measure(root: Path) -> dict[str, tuple[int, int]]:
    """(number of files, bytes) of what lies in data/, in out/, and in caches anywhere under a root."""
    sizes = {}
    for name, top in (("drawn data", root / "data"), ("out/", root / "out"), ("caches", root)):
        paths = [path for path in _walk(top, SKIPPED if top == root else ())
                 if path.name != LOCK and bool(CACHES & {*path.parts}) == (name == "caches")]
        sizes[name] = len(paths), sum(map(_size, paths))
    return sizes


def _walk(top: Path, skipped: Iterable[str]) -> Iterator[Path]:
    """All files under a folder, except those in folders with the names in `skipped`."""
    for folder, subfolders, files in os.walk(top):
        subfolders[:] = [name for name in subfolders if name not in skipped]
        yield from (Path(folder) / file for file in files)


def _size(path: Path) -> int:
    with suppress(OSError):  # removed meanwhile
        return path.lstat().st_size
    return 0


def describe_removed(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> list[str]:
    """What was removed, a line for each kind.

    >>> describe_removed({"out/": (5, 3_000_000), "caches": (2, 10)}, {"out/": (1, 0), "caches": (2, 10)})
    ['removed: out/, 4 files, 3.0 MB']
    """
    lines = []
    for name, (files, size) in before.items():
        number, size = files - after[name][0], max(0, size - after[name][1])
        if number > 0:
            shown = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
            lines.append(f"removed: {name}, {number:,} file{'s' * (number > 1)}, {shown}")
    return lines or ["nothing to remove"]


def describe_kept(root: Path, runs: Iterable[Path]) -> list[str]:
    """What stays because it is yours, a line for each folder."""
    mine = [root / "mine"] if (root / "mine").is_dir() else []
    sets = [path.parent for path in sorted((root / "data").glob("*/train.jsonl"))]
    return ([f"kept: {path}, your exercises" for path in mine]
            + [f"kept: {path}, {'downloaded' if path.name == 'pixmo' else 'your own data'}" for path in sets]
            + [f"kept: {path}, a training run: make clean ARGS=--runs removes it" for path in runs])


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
    parser.add_argument("--runs", action="store_true", help="remove training runs too")
    given = parser.parse_args(arguments)
    if given.folder:
        _check_is_ours(given.folder)
    before = measure(ROOT)
    left = clean_folder(given.folder) if given.folder else clean(ROOT, given.runs)
    kept = [] if given.folder else describe_kept(ROOT, () if given.runs else find_runs(ROOT / "out"))
    for line in describe_removed(before, measure(ROOT)) + kept:
        say(line)
    for path in left[:MAX_NAMED]:
        say(f"left: {path}, which is not as this program wrote it, or which is in use")
    if len(left) > MAX_NAMED:
        say(f"and {len(left) - MAX_NAMED} more")


if __name__ == "__main__":
    run_command(main)
