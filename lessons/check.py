"""Hold your functions against the library: python -m lessons.check 05

    lessons/05_views/exercise.py   what you are given: stubs, each with its rule and a hint
    mine/05_views.py               your copy, made by `make start N=05`
    lessons/05_views/answers.py    for each stub NAME three things:
        NAME                       the answer, which is the library's own function, fitted to the stub
        check_NAME(yours)          raises NotYet (by `compare` or `same`) if yours does something else
        wrong_NAME                 plausible slips: {"what a slip does, in words": a function that does it}

The checks are never copied, so that newer ones reach you; a slip that does just what yours does is named.
"""
from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from PIL import Image

from lessons.blank import built
from lessons.compare import NotYet
from lessons.marks import patience, stopped
from lessons.page import ROOT, find

PASSED, NOT_YET, NOT_BEGUN, BROKEN = "passed", "not yet", "not begun", "cannot be read"


@dataclass(frozen=True)
class Result:
    """How one exercise stands."""
    name: str
    state: str  # PASSED, NOT_YET, NOT_BEGUN; BROKEN if its file cannot be read
    words: str = ""
    picture: Image.Image | None = None


def read(path: Path) -> ModuleType:
    """A Python file as a module, whatever its name. Raises whatever the file raises."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exercises(answers: ModuleType) -> list[str]:
    """The names of a lesson's exercises, in order."""
    return [name.removeprefix("check_") for name in vars(answers) if name.startswith("check_")]


def judge(name: str, answers: ModuleType, yours: Callable) -> Result:
    """One exercise: passed, not begun, or not yet and why."""
    check = getattr(answers, f"check_{name}")
    try:
        with patience():
            check(yours)
    except NotImplementedError:
        return Result(name, NOT_BEGUN)
    except NotYet as error:
        return Result(name, NOT_YET, str(error) + _known_slip(name, answers, str(error)), error.picture)
    except (Exception, SystemExit) as error:  # a learner's code may raise anything: show it, do not stop
        return Result(name, NOT_YET, f"yours stops: {stopped(error)}")
    return Result(name, PASSED)


def _known_slip(name: str, answers: ModuleType, words: str) -> str:
    """A slip that goes wrong on the same case with the same result probably is yours."""
    for slip, function in getattr(answers, f"wrong_{name}").items():
        try:
            getattr(answers, f"check_{name}")(function)
        except NotYet as error:
            if str(error) == words:
                return f"\nThe same comes out of a function that {slip}."
    return ""


def results(folder: Path, mine: Path = ROOT / "mine") -> list[Result]:
    """How the learner's copy of one lesson's exercises stands. If the file cannot be read none counts, and
    the first says why."""
    answers, path = read(folder / "answers.py"), mine / f"{folder.name}.py"
    names = exercises(answers)
    if not path.exists():
        return [Result(name, NOT_BEGUN) for name in names]
    try:
        with patience():
            copied = read(path)
    except (Exception, SystemExit) as error:  # a learner's file may raise anything as it is read
        words = f"{path.name} cannot be read, so nothing counts until this line is mended:\n{stopped(error)}"
        return [Result(name, BROKEN, words * (name == names[0])) for name in names]
    missing = f"{path.name} has no function of this name: lessons/{folder.name}/exercise.py has its stub"
    return [judge(name, answers, getattr(copied, name)) if hasattr(copied, name)
            else Result(name, NOT_BEGUN, missing) for name in names]


# the commands

def start(folder: Path, mine: Path = ROOT / "mine") -> Path:
    """Copy a lesson's stubs to mine/. Raises ValueError if the learner's work is there already."""
    path = mine / f"{folder.name}.py"
    if path.exists():
        raise ValueError(f"{path} holds your work already, which would be overwritten. Go on with it, or "
                         f"move it away first.")
    mine.mkdir(exist_ok=True)
    return shutil.copy(folder / "exercise.py", path)


def report(folder: Path, out: Path = ROOT / "out" / "lessons") -> None:
    """Print how each exercise of one lesson stands, and save the pictures of what differs."""
    for result in results(folder):
        print(f"{result.name:<28} {result.state}")
        for line in result.words.splitlines():
            print(f"    {line}")
        if result.picture:
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"{folder.name}_{result.name}.png"
            result.picture.save(path)
            print(f"    drawn: {path}")
    number = folder.name.split("_")[0]
    if not (ROOT / "mine" / f"{folder.name}.py").exists():
        print(f"make start N={number} puts the stubs into mine/{folder.name}.py")


def progress() -> None:
    """Run all checks; a line for each lesson, and what comes next."""
    ahead = []  # what is not passed yet, as (not begun, what to do)
    for folder in find():
        states = [result.state for result in results(folder)]
        done, number = states.count(PASSED), folder.name.split("_")[0]
        functions = [state == "yours" for state in built(folder)]
        bar = "#" * done + "." * (len(states) - done)
        print(f"{folder.name:<22} {bar:<8} {done} of {len(states)} written, "
              f"{sum(functions)} of {len(functions)} built" + f", {BROKEN}" * (BROKEN in states), flush=True)
        if done < len(states):
            begun = (ROOT / "mine" / f"{folder.name}.py").exists()
            name = exercises(read(folder / "answers.py"))[[state == PASSED for state in states].index(False)]
            what = f"exercise {name}: make check N={number}" if begun else f"make start N={number}"
            ahead.append((not begun, f"next: lesson {folder.name}, {what}"))
    print(min(ahead)[1] if ahead else "all exercises are passed; the rest is yours to invent")


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", nargs="?", default="", help="its number (default: the table of all)")
    parser.add_argument("--start", action="store_true", help="copy the lesson's stubs to mine/")
    given = parser.parse_args(arguments)
    if given.start and not given.lesson:
        raise ValueError("no lesson is named, so there is nothing to start. Try make start N=00.")
    if not given.lesson:
        return progress()
    folder, = find(given.lesson)
    if given.start:
        print(f"yours to fill in: {start(folder).relative_to(ROOT)}; then make check N={given.lesson}")
    else:
        report(folder)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
    except KeyboardInterrupt as error:  # a loop without an end is where it was
        sys.exit(f"\nstopped in {stopped(error)}")
