"""The traps museum: each broken piece, put into the library, fails the law that its label names."""
import inspect
import itertools
import re

import pytest

from lessons.check import exercises, read
from lessons.page import ROOT

HALL = ROOT / "lessons" / "traps"
ANSWERS, PIECES = read(HALL / "answers.py"), read(HALL / "exercise.py")
NAMES = exercises(ANSWERS)


def runs(law) -> list[dict]:
    """Every set of arguments that a test is run with."""
    given = []
    for mark in getattr(law, "pytestmark", []):
        names = [name.strip() for name in mark.args[0].split(",")]
        rows = [row if len(names) > 1 else (row,) for row in mark.args[1]]
        given.append([dict(zip(names, row)) for row in rows])
    runs_ = [{name: value for part in parts for name, value in part.items()}
             for parts in itertools.product(*given)]
    assert all(inspect.signature(law).parameters.keys() == each.keys() for each in runs_)
    return runs_


def broken_by(name: str, piece, monkeypatch, other_law: str = "") -> int:
    """How many runs of its law fail when the piece stands in the library."""
    law, place, fit = ANSWERS.LAWS[name]
    law = other_law or law
    monkeypatch.setattr(place, fit(piece))
    file, test = law.split(":")
    test, failed = getattr(read(ROOT / file), test), 0  # read anew: it imports what stands in the library now
    for arguments in runs(test):
        try:
            test(**arguments)
        except AssertionError:
            failed += 1
    return failed


def test_every_piece_has_a_law():
    assert list(ANSWERS.LAWS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_piece_fails_its_law_and_a_sound_one_passes(name, monkeypatch):
    assert broken_by(name, getattr(ANSWERS, name), monkeypatch) == 0
    assert broken_by(name, getattr(PIECES, name), monkeypatch) > 0


def test_a_law_with_a_single_head_sleeps_through_a_scale_by_width(monkeypatch):
    """With one head, width and head size are one number: why the room names another law."""
    asleep = "tests/test_attention.py:test_a_score_is_divided_by_the_root_of_the_head_size"
    assert broken_by("attend", PIECES.attend, monkeypatch, asleep) == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_broken_piece_runs_without_complaint_and_is_shown_a_case(name):
    """Yours and the expected are printed: no error stops it."""
    with pytest.raises(AssertionError, match="yours .*\n(.*\n)*expected") as caught:
        getattr(ANSWERS, f"check_{name}")(getattr(PIECES, name))
    assert caught.value.__cause__ is None


def test_every_label_in_the_museum_names_its_law():
    page = (HALL / "README.md").read_text()
    rooms = re.split(r"^## ", page, flags=re.M)
    for name in NAMES:
        room, = [room for room in rooms if f"`{name}`" in room.splitlines()[0]]
        assert ANSWERS.LAWS[name][0].split(":")[1] in room
