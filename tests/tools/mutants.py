"""Do the exercises' checks catch wrong answers? Each is given mutants of a right one; print those that pass.

    python tests/tools/mutants.py            all lessons (minutes)
    python tests/tools/mutants.py 05 traps   some
    python tests/tools/mutants.py 05 --named   also what `make check` says of those that it catches

mutate.py makes the mutants, of the answers in solutions.py. EQUAL (in equal_mutants.py) lists the mutants that give the
same as the answer on everything that the stub allows.
"""
from __future__ import annotations

import inspect
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from lessons import marks  # noqa: E402
from lessons.check import PASSED, check_exercise, list_exercises, load_module  # noqa: E402
from lessons.page import find_lessons  # noqa: E402
from minimolmo.command import run_command  # noqa: E402
from minimolmo.options import Parser  # noqa: E402
from tools import solutions, solutions_later, solutions_pages  # noqa: E402
from tools.equal_mutants import EQUAL  # noqa: E402
from tools.mutate import Mutant, mutants  # noqa: E402

TIME_LIMIT = 2.0  # seconds for one check, in which an endless loop is noticed; the slowest answer takes 0.2


@dataclass(frozen=True)
class Exercise:
    """One exercise: where it stands, and a right answer to it, written out."""
    lesson: str
    name: str
    answers: object  # the lesson's answers.py
    solution: object  # a function

    def mutants(self) -> list[Mutant]:
        """The mutants of the right answer, but for those that do the same."""
        equal = EQUAL.get(f"{self.lesson}-{self.name}", {})
        return [mutant for mutant in mutants(inspect.getsource(self.solution)) if str(mutant) not in equal]

    def build(self, mutant: Mutant):
        """The function that a mutant's source defines; what it calls is unchanged."""
        space = dict(vars(inspect.getmodule(self.solution)))
        exec(mutant.source, space)
        return space[self.name]

    def check(self, function, named: bool = False):
        """What `make check` says of a function: its Result. named: also which known mistake it makes."""
        wrong = getattr(self.answers, f"wrong_{self.name}") if named else {}
        answers = SimpleNamespace(**{f"check_{self.name}": getattr(self.answers, f"check_{self.name}"),
                                     f"wrong_{self.name}": wrong})
        with mock.patch("lessons.check.time_limit", lambda: marks.time_limit(TIME_LIMIT)):
            return check_exercise(self.name, answers, function)


def exercises(lessons: list[str]) -> Iterator[Exercise]:
    """The exercises of some lessons; of all if none is named."""
    for folder in [folder for lesson in lessons or [""] for folder in find_lessons(lesson)]:
        answers = load_module(folder / "answers.py")
        files = (solutions, solutions_later) if folder.name[0].isdigit() else (solutions_pages,)
        for name in list_exercises(answers):
            solution = next(getattr(file, name) for file in files if hasattr(file, name))
            yield Exercise(folder.name, name, answers, solution)


def survivors(exercise: Exercise) -> list[Mutant]:
    """The mutants that the check of an exercise takes for right."""
    return [mutant for mutant in exercise.mutants()
            if exercise.check(exercise.build(mutant)).state == PASSED]


def sample(count: int, seed: int) -> list[tuple[Exercise, Mutant]]:
    """Some mutants of all lessons, drawn with a seed."""
    pairs = [(exercise, mutant) for exercise in exercises([]) for mutant in exercise.mutants()]
    return random.Random(seed).sample(pairs, count)


def print_named(exercise: Exercise) -> None:
    """Print the mistake that `make check` names for each mutant that it catches."""
    for mutant in exercise.mutants():
        message = exercise.check(exercise.build(mutant), named=True).message
        _, found, mistake = message.partition("The same comes out of a function that ")
        if found:
            print(f"    {mutant.line:>2}  {mutant}   is named: {mistake}")


def main(arguments: list[str]) -> int:
    """The command line. The status is 1 if a mutant survives."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="their numbers (default: all)")
    parser.add_argument("--named", action="store_true", help="print what make check says of the others")
    args = parser.parse_args(arguments)
    number, alive, began = 0, 0, time.monotonic()
    for exercise in exercises(args.lessons):
        started, passed = time.monotonic(), survivors(exercise)
        number, alive = number + len(exercise.mutants()), alive + len(passed)
        print(f"{exercise.lesson:<14} {exercise.name:<22} {len(exercise.mutants()):>4} mutants, {len(passed)} "
              f"survive, {time.monotonic() - started:.1f} s", flush=True)
        for mutant in passed:
            print(f"    line {mutant.line:>2}  {mutant}", flush=True)
        if args.named:
            print_named(exercise)
    print(f"{number} mutants, {alive} survive, in {time.monotonic() - began:.0f} s")
    return int(alive > 0)


if __name__ == "__main__":
    run_command(main)
