"""Do the exercises' checks catch wrong answers? Each is given mutants of a right one; print those that pass.

    python tests/tools/mutants.py              all lessons (a minute of one core)
    python tests/tools/mutants.py 05 traps     some
    python tests/tools/mutants.py 05 --named   also the known mistake that `make check` names for the others

mutate.py makes the mutants, of the answers in solutions.py. equal_mutants.py lists the mutants that give the
same as the answer on everything that the stub allows.
"""
from __future__ import annotations

import inspect
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

from lessons.check import PASSED, Result, check_exercise, list_exercises, load_module  # noqa: E402
from lessons.marks import time_limit  # noqa: E402
from lessons.page import find_lessons  # noqa: E402
from minimolmo.options import Parser  # noqa: E402
from tools import solutions, solutions_later, solutions_pages  # noqa: E402
from tools.equal_mutants import EQUAL  # noqa: E402
from tools.mutate import Mutant, mutants  # noqa: E402

CPU_LIMIT = 5.0  # seconds of one check, after which a loop counts as endless; the slowest answer takes 0.9


@dataclass(frozen=True)
class Exercise:
    """One exercise: where it stands, and a right answer to it, written out."""
    lesson: str
    name: str
    answers: object  # the lesson's answers.py
    solution: object  # a function

    def all_mutants(self) -> list[Mutant]:
        """The mutants of the right answer."""
        return mutants(inspect.getsource(self.solution))

    def mutants(self) -> list[Mutant]:
        """The mutants of the right answer, but for those that do the same."""
        equal = EQUAL.get(f"{self.lesson}-{self.name}", {})
        return [mutant for mutant in self.all_mutants() if mutant.after not in equal]

    def build(self, mutant: Mutant):
        """The function that a mutant's source defines; what it calls is unchanged."""
        space = dict(vars(inspect.getmodule(self.solution)))
        exec(mutant.source, space)
        return space[self.name]

    def check(self, function, named: bool = False) -> Result:
        """What `make check` says of a function. named: also which known mistake it makes."""
        wrong = getattr(self.answers, f"wrong_{self.name}") if named else {}
        names = (self.name, f"check_{self.name}")
        answers = SimpleNamespace(**{name: getattr(self.answers, name) for name in names},
                                  **{f"wrong_{self.name}": wrong})
        with mock.patch("lessons.check.time_limit", partial(time_limit, CPU_LIMIT, computing=True)):
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


def sample(exercises: list[Exercise], count: int, seed: int) -> list[tuple[Exercise, Mutant]]:
    """One mutant each of `count` exercises, drawn with a seed: first the exercise, then its mutant."""
    rng = random.Random(seed)
    drawn = [rng.choice(exercises) for _ in range(count)]
    return [(exercise, rng.choice(exercise.mutants())) for exercise in drawn]


def print_named(exercise: Exercise) -> None:
    """Print the mistake that `make check` names for each mutant that it catches."""
    for mutant in exercise.mutants():
        message = exercise.check(exercise.build(mutant), named=True).message
        _, found, mistake = message.partition("The same comes out of a function that ")
        if found:
            print(f"    {mutant}   is named: {mistake}")


def main(arguments: list[str]) -> int:
    """The command line. The status is 1 if a mutant survives."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="their numbers (default: all)")
    parser.add_argument("--named", action="store_true", help="print what make check says of the others")
    args = parser.parse_args(arguments)
    number, alive, began = 0, 0, time.process_time()
    for exercise in exercises(args.lessons):
        if exercise.check(exercise.solution).state != PASSED:
            print(f"{exercise.lesson} {exercise.name}: its answer in solutions.py does not pass")
        count, passed = len(exercise.mutants()), survivors(exercise)
        number, alive = number + count, alive + len(passed)
        print(f"{exercise.lesson:<14} {exercise.name:<22} {count:>4} mutants, {len(passed)} survive",
              flush=True)
        for mutant in passed:
            print(f"    {mutant}", flush=True)
        if args.named:
            print_named(exercise)
    print(f"{number} mutants, {alive} survive, in {time.process_time() - began:.0f} s of one core")
    return int(alive > 0)


if __name__ == "__main__":
    run_command(main)
