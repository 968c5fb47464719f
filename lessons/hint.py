"""A hint for an exercise, in three steps: python -m lessons.hint 03 attention.

The first says where to begin, the second which step matters, the third nearly the code. Each call shows one
more; mine/hints.json keeps how many were shown. The hints stand in each lesson's answers.py, as HINTS.
"""
from __future__ import annotations

import json
from pathlib import Path

from lessons.check import PASSED, check_lesson, list_exercises, load_module
from lessons.page import ROOT, find_lessons, lesson_number
from minimolmo.command import run_command
from minimolmo.disk import write_text
from minimolmo.locks import locked
from minimolmo.options import Parser


def choose_exercise(folder: Path, name: str, mine: Path) -> str:
    """The exercise of that name; without a name, the first that is not passed, or "". Raises ValueError."""
    names = list_exercises(load_module(folder / "answers.py"))
    if name and name not in names:
        raise ValueError(f"lesson {folder.name} has no exercise {name!r}, so there is no hint for it. Try "
                         f"F= and one of: {', '.join(names)}.")
    if name:
        return name
    unsolved = [result.name for result in check_lesson(folder, mine) if result.state != PASSED]
    return unsolved[0] if unsolved else ""


def next_hint(folder: Path, name: str = "", mine: Path = ROOT / "mine") -> str:
    """The next hint for an exercise, with its step; after the third it is the third again."""
    name = choose_exercise(folder, name, mine)
    if not name:  # no error: make would end with "Error 1", which looks like a crash
        return (f"all exercises of lesson {folder.name} are passed, so none needs a hint.\n"
                f"next: make progress; a hint all the same: make hint N={lesson_number(folder)} F=NAME")
    hints = load_module(folder / "answers.py").HINTS[name]
    with locked(mine):
        shown = read_shown(mine)
        step = min(shown.get(f"{folder.name}:{name}", 0) + 1, len(hints))
        write_text(mine / "hints.json", json.dumps({**shown, f"{folder.name}:{name}": step}, indent=1))
    more = (f"more: make hint N={lesson_number(folder)} F={name}" if step < len(hints) else
            f"that was the last; the answer stands in lessons/{folder.name}/answers.py")
    return f"{name}, hint {step} of {len(hints)}: {hints[step - 1]}\n{more}"


def read_shown(mine: Path) -> dict[str, int]:
    """How many hints of each exercise were shown. A damaged file counts as none."""
    path = mine / "hints.json"
    try:
        shown = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError:
        return {}
    entries = shown.items() if isinstance(shown, dict) else ()
    return {name: step for name, step in entries if type(step) is int and step >= 0}


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", help="its number")
    parser.add_argument("exercise", nargs="?", default="", help="its name (default: the first not passed)")
    args = parser.parse_args(arguments)
    folder, = find_lessons(args.lesson)
    print(next_hint(folder, args.exercise))


if __name__ == "__main__":
    run_command(main)
