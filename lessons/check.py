"""Compare your functions with the library's: python -m lessons.check 05

    lessons/05_views/exercise.py   what you are given: stubs, each with its rule and a hint
    mine/05_views.py               your copy, made by `make start N=05`
    lessons/05_views/answers.py    for each stub NAME three things:
        NAME                       the answer, which is the library's own function, fitted to the stub
        check_NAME(yours)          raises Mismatch (by `compare` or `expect_equal`) if yours is wrong
        wrong_NAME                 plausible mistakes: {"what it does, in words": a function that does it}

The checks are never copied, so that newer ones reach you; a known mistake that does what yours does is named.
"""
from __future__ import annotations

import copy
import importlib.util
import inspect
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType

from PIL import Image

from lessons.blank import count_built, read_build_list, what_to_build
from lessons.compare import Mismatch, compare
from lessons.marks import describe_error, time_limit
from lessons.page import ROOT, find_lessons, lesson_number
from minimolmo.command import run_command
from minimolmo.disk import write_image, write_text
from minimolmo.locks import locked
from minimolmo.options import Parser

PASSED, NOT_YET, NOT_BEGUN, BROKEN = "passed", "not yet", "not begun", "cannot be read"
NAMED_CASES = 3  # a known mistake is named if it gives what yours gives in so many cases that one fails


@dataclass(frozen=True)
class Result:
    """The state of one exercise."""
    name: str
    state: str  # PASSED, NOT_YET, NOT_BEGUN; BROKEN if its file cannot be read
    message: str = ""
    picture: Image.Image | None = None


def load_module(path: Path) -> ModuleType:
    """Run a Python file as a module, whatever its name. Raises whatever the file raises."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def list_exercises(answers: ModuleType) -> list[str]:
    """The names of a lesson's exercises, in order."""
    return [name.removeprefix("check_") for name in vars(answers) if name.startswith("check_")]


def check_exercise(name: str, answers: ModuleType, yours: Callable) -> Result:
    """The result of one exercise: passed, not begun, or not yet and why."""
    check = getattr(answers, f"check_{name}")
    try:
        with time_limit():
            check(yours)
    except NotImplementedError:
        return Result(name, NOT_BEGUN)
    except Mismatch as error:
        message = str(error) + ("" if error.__cause__ else _name_mistake(name, answers, yours))
        return Result(name, NOT_YET, message, error.picture)
    except (Exception, SystemExit) as error:  # a learner's code may raise anything: show it, do not stop
        return Result(name, NOT_YET, f"yours stops: {describe_error(error)}")
    return Result(name, PASSED)


def _name_mistake(name: str, answers: ModuleType, yours: Callable) -> str:
    """Name the known mistake that gives what yours gives in the first cases that either of them fails.

    One case alone would name too many: where all patches should be -1 but one, many mistakes give -1 only.
    """
    answer, mistakes = getattr(answers, name), getattr(answers, f"wrong_{name}")
    if not mistakes:
        return ""

    def first_failures(function: Callable) -> list[dict]:
        return list(islice((case for case in cases if not _agree(function, answer, case)), NAMED_CASES))

    with suppress(TimeoutError), time_limit():  # in a later case yours may have no end
        cases = _recorded_cases(name, answers)
        failures = first_failures(yours)
        for mistake, function in mistakes.items():
            if all(_agree(yours, function, case) for case in failures + first_failures(function)):
                return f"\nThe same comes out of a function that {mistake}."
    return ""


def _recorded_cases(name: str, answers: ModuleType) -> list[dict]:
    """The cases of a check, {argument: value} each, in its order."""
    answer, cases = getattr(answers, name), []

    def record(*args, **kwargs):
        cases.append(copy.deepcopy(inspect.signature(answer).bind(*args, **kwargs).arguments))
        return answer(*args, **kwargs)
    getattr(answers, f"check_{name}")(record)
    return cases


def _agree(yours: Callable, other: Callable, case: dict) -> bool:
    """Whether two functions give the same in one case. Raises TimeoutError if yours has no end there."""
    try:
        compare(yours, other, [case])
    except Mismatch as error:
        if isinstance(error.__cause__, TimeoutError):
            raise error.__cause__
        return False
    except Exception:  # a learner's code, and a mistake outside the case that it is for, may raise anything
        return False
    return True


def check_lesson(folder: Path, mine: Path = ROOT / "mine") -> list[Result]:
    """The results of the learner's copy of one lesson's exercises. If the file cannot be read none counts,
    and the first says why."""
    answers, path = load_module(folder / "answers.py"), mine / f"{folder.name}.py"
    names = list_exercises(answers)
    if not path.exists():
        return [Result(name, NOT_BEGUN) for name in names]
    try:
        with time_limit():
            module = load_module(path)
    except (Exception, SystemExit) as error:  # a learner's file may raise anything as it is read
        message = (f"{path.name} cannot be read, so nothing counts until this line is mended:\n"
                   f"{describe_error(error)}")
        return [Result(name, BROKEN, message * (name == names[0])) for name in names]
    missing = f"{path.name} has no function of this name: lessons/{folder.name}/exercise.py has its stub"
    return [check_exercise(name, answers, getattr(module, name)) if hasattr(module, name)
            else Result(name, NOT_BEGUN, missing) for name in names]


# the commands

def copy_stubs(folder: Path, mine: Path = ROOT / "mine") -> Path:
    """Copy a lesson's stubs to mine/. Raises ValueError if the learner's work is there already."""
    path = mine / f"{folder.name}.py"
    with locked(mine):
        if path.exists():
            raise ValueError(f"{path} holds your work already, which would be overwritten. Go on with it, or "
                             f"move it away first.")
        write_text(path, (folder / "exercise.py").read_text(encoding="utf-8"))
    return path


def print_results(folder: Path, out: Path = ROOT / "out" / "lessons") -> None:
    """Print the result of each exercise of one lesson, and save the pictures of what differs."""
    results, path = check_lesson(folder), f"mine/{folder.name}.py"
    for result in results:
        print(f"{result.name:<28} {result.state}")
        for line in result.message.splitlines():
            print(f"    {line}")
        if result.picture:
            out.mkdir(parents=True, exist_ok=True)
            image = out / f"{folder.name}_{result.name}.png"
            write_image(image, result.picture)
            print(f"    drawn: {image}")
    if not (ROOT / path).exists():
        print(f"make start N={lesson_number(folder)} puts the stubs into {path}")
    elif any(result.state != PASSED for result in results):
        print(f"write in {path}, then make check N={lesson_number(folder)}")
    elif read_build_list(folder):
        print(f"all passed. next: make blank N={lesson_number(folder)} empties the library's functions in "
              f"your copy, for you to build")
    else:
        print(f"all passed. {what_to_build(folder)}. next: make progress shows the other lessons")


def print_progress() -> None:
    """Run all checks; print a line for each lesson, and what comes next."""
    ahead = []  # what is not passed yet, as (not begun, what to do)
    for folder in find_lessons():
        states = [result.state for result in check_lesson(folder)]
        num_passed = states.count(PASSED)
        built, to_build = count_built(folder), len(read_build_list(folder))
        bar = "#" * num_passed + "." * (len(states) - num_passed)
        print(f"{folder.name:<22} {bar:<8} {num_passed} of {len(states)} written, "
              f"{built} of {to_build} built" + f", {BROKEN}" * (BROKEN in states), flush=True)
        if num_passed < len(states) or built < to_build and num_passed:
            ahead.append(_next_step(folder, states))
    print("written: exercises passed in mine/NN_name.py (make check). built: functions of your own in "
          "mine/minimolmo that pass the library's tests (make blank, make marks)")
    print(min(ahead)[1] if ahead else "all exercises are passed; the rest is yours to invent")


def _next_step(folder: Path, states: list[str]) -> tuple[bool, str]:
    """(whether the lesson is not begun, what to do for it next)."""
    begun, number = (ROOT / "mine" / f"{folder.name}.py").exists(), lesson_number(folder)
    if states.count(PASSED) == len(states):
        return not begun, f"next: lesson {folder.name}, build it: make blank N={number}"
    names = list_exercises(load_module(folder / "answers.py"))
    name = names[[state == PASSED for state in states].index(False)]
    what = f"exercise {name}: make check N={number}" if begun else f"make start N={number}"
    return not begun, f"next: lesson {folder.name}, {what}"


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", nargs="?", default="", help="its number (default: the table of all)")
    parser.add_argument("--start", action="store_true", help="copy the lesson's stubs to mine/")
    args = parser.parse_args(arguments)
    if args.start and not args.lesson:
        raise ValueError("no lesson is named, so there is nothing to start. Try make start N=00.")
    if args.start:
        folder, = find_lessons(args.lesson)
        if (ROOT / "mine" / f"{folder.name}.py").exists():  # no error: make's "Error 1" looks like a crash
            print(f"mine/{folder.name}.py holds your work already and stays as it is: go on with it, then "
                  f"make check N={args.lesson}. To begin again, move it away first")
            return
        path = copy_stubs(folder).relative_to(ROOT)
        print(f"yours to fill in: {path}; then make check N={args.lesson}")
        return
    try:
        if not args.lesson:
            return print_progress()
        folder, = find_lessons(args.lesson)
        print_results(folder)
    except KeyboardInterrupt as error:  # Ctrl-C in an endless loop: say where it was
        print(f"\nstopped in {describe_error(error)}", file=sys.stderr)
        raise


if __name__ == "__main__":
    run_command(main)
