"""The traps lesson: put into the library, each broken function fails the library test named beside it."""
import inspect
import itertools
import re

import pytest

from lessons.check import list_exercises, load_module
from lessons.page import ROOT

TRAPS = ROOT / "lessons" / "traps"
ANSWERS, BROKEN = load_module(TRAPS / "answers.py"), load_module(TRAPS / "exercise.py")
NAMES = list_exercises(ANSWERS)


def argument_sets(test) -> list[dict]:
    """Every set of arguments that a parametrized test is run with."""
    parameters = []
    for mark in getattr(test, "pytestmark", []):
        names = [name.strip() for name in mark.args[0].split(",")]
        rows = [row if len(names) > 1 else (row,) for row in mark.args[1]]
        parameters.append([dict(zip(names, row)) for row in rows])
    sets = [{name: value for part in parts for name, value in part.items()}
            for parts in itertools.product(*parameters)]
    assert all(inspect.signature(test).parameters.keys() == arguments.keys() for arguments in sets)
    return sets


def count_failures(name: str, function, monkeypatch, other_test: str = "") -> int:
    """How many runs of its library test fail when the function replaces the library's."""
    library_test, target, adapt = ANSWERS.LAWS[name]
    monkeypatch.setattr(target, adapt(function))
    file, test = (other_test or library_test).split(":")
    test, failed = getattr(load_module(ROOT / file), test), 0  # loaded again, so that it imports the function
    for arguments in argument_sets(test):
        try:
            test(**arguments)
        except AssertionError:
            failed += 1
    return failed


def test_every_exercise_names_a_library_test():
    assert list(ANSWERS.LAWS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_function_fails_its_library_test_and_a_correct_one_passes(name, monkeypatch):
    assert count_failures(name, getattr(ANSWERS, name), monkeypatch) == 0
    assert count_failures(name, getattr(BROKEN, name), monkeypatch) > 0


def test_a_test_with_a_single_head_misses_a_scale_by_width(monkeypatch):
    """With one head, width and head size are equal, so the page names another test."""
    weak_test = "tests/test_attention.py:test_a_score_is_divided_by_the_root_of_the_head_size"
    assert count_failures("attention", BROKEN.attention, monkeypatch, weak_test) == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_function_runs_without_an_error_and_is_shown_a_case(name):
    """The output is wrong, and no exception stops the function."""
    with pytest.raises(AssertionError, match="yours .*\n(.*\n)*expected") as caught:
        getattr(ANSWERS, f"check_{name}")(getattr(BROKEN, name))
    assert caught.value.__cause__ is None


def test_every_section_of_the_page_names_its_library_test():
    page = (TRAPS / "README.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", page, flags=re.M)
    for name in NAMES:
        section, = [section for section in sections if f"`{name}`" in section.splitlines()[0]]
        assert ANSWERS.LAWS[name][0].split(":")[1] in section
