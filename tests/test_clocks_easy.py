"""clocks at level easy: hands measured from the pixels agree with the time, and answers with the clock."""
import random
import re
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tools import text_only_baseline

from data.clocks import easy
from data.clocks.easy import FACES, HOUR_HANDS, EasyClock, is_held_out, make_example, random_clock, split_of
from data.clocks.prepare import make_example as make_example_of_level
from data.scenes.easy import COLORS
from data.scenes.levels import LEVELS
from minimolmo.metrics import parse_time

SPLITS = ("train", "val", "novel")
QUESTIONS = {name: getattr(easy, name) for name in ("TELL_TIME", "HOUR", "MINUTE", "HALF", "CHECK")}


@cache
def examples_of(split: str = "train", count: int = 2000) -> list:
    """(clock, annotations), not drawn."""
    return [make_example(split, random.Random(f"{split}/{index}")) for index in range(count)]


def clocks_of(split: str = "train", count: int = 200) -> list[EasyClock]:
    return [clock for clock, _ in examples_of(split)[:count]]


def pixels(clock: EasyClock) -> np.ndarray:
    return np.asarray(clock.draw()).astype(float)


def difference(a: float, b: float) -> float:
    """The distance of two angles in degrees."""
    return abs((a - b + 180) % 360 - 180)


def read_angle(strength: np.ndarray, clock: EasyClock, ring: tuple[float, float]) -> float:
    """The direction of the strong pixels in a ring of the dial: degrees from its mark at twelve."""
    y, x = np.indices(strength.shape) + 0.5
    x, y = x - clock.x, y - clock.y
    weight = strength * (np.hypot(x, y) > ring[0] * clock.radius) * (np.hypot(x, y) < ring[1] * clock.radius)
    return np.degrees(np.arctan2((weight * x / np.hypot(x, y)).sum(), -(weight * y / np.hypot(x, y)).sum())
                      ) - clock.tilt


def read_hands(clock: EasyClock) -> tuple[float, float]:
    """The angles of hour and minute hand. Only the minute hand lies in the outer ring.

    A black hand is darker, and a white hand lighter, than any of the six colours in every channel.
    """
    picture, dial = pixels(clock), np.array(FACES[clock.face].dial)
    minute = read_angle(np.abs(picture - dial).sum(axis=2), clock, (0.6, 0.72))
    black = FACES[clock.face].hour_hand == "black"
    strength = np.clip(140 - picture.max(axis=2) if black else picture.min(axis=2) - 70, 0, None)
    return read_angle(strength, clock, (0.28, 0.46)), minute


# The picture

@pytest.mark.parametrize("split", SPLITS)
def test_hands_measured_from_the_pixels_give_the_stated_time(split):
    """200 clocks: the minute hand to 3 degrees, half a minute; the hour hand to 5, where an hour has 30."""
    for clock in clocks_of(split):
        hour, minute = read_hands(clock)
        assert difference(minute, 6 * clock.minute) < 3, clock
        assert difference(hour, 30 * clock.hour + clock.minute / 2) < 5, clock


def test_the_labels_lie_on_the_tips_and_name_their_colours():
    """The pixel at x, y is nearer to the named colour than to the dial and to all other colours of hands."""
    for clock in clocks_of():
        picture, names = pixels(clock), COLORS | HOUR_HANDS | {"dial": FACES[clock.face].dial}
        for thing in clock.things:
            pixel = picture[int(thing.y * 0.64), int(thing.x * 0.64)]
            nearest = min(names, key=lambda name: np.abs(pixel - names[name]).sum())
            assert nearest == thing.color, (clock, thing)


def test_the_labels_are_at_the_ends_of_the_hands_with_boxes_inside_the_picture():
    """At 3:00 in an upright clock the hour's tip is to the right of the centre and the minute's above it."""
    clock = replace(clocks_of()[0], hour=3, minute=0, x=32.0, y=32.0, radius=25.0, tilt=0.0)
    hour, minute = clock.things
    assert (hour.kind, hour.x, hour.y) == ("hour", 50 + 100 * 0.48 * 25 / 64, 50)
    assert (minute.kind, minute.x, minute.y) == ("minute", 50, round(50 - 100 * 0.76 * 25 / 64, 2))
    for thing in (thing for clock in clocks_of(count=2000) for thing in clock.things):
        assert thing.width == thing.height == round(1000 / 64, 2)
        assert all(thing.width / 2 <= value <= 100 - thing.width / 2 for value in (thing.x, thing.y))


def test_the_dial_is_whole_and_measures_44_to_60_pixels():
    """Also where a square dial leans: the border of the picture is background alone, as light as the wall."""
    for clock in clocks_of():
        assert 22 <= clock.radius <= 30 and abs(clock.tilt) <= 4
        picture = pixels(clock)
        border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert (border.min(axis=1) > 150).mean() > 0.75
        reach = clock.radius * (1.07 if clock.square else 1)
        assert reach - 0.01 <= min(clock.x, clock.y) and max(clock.x, clock.y) <= 64 - reach + 0.01


def test_the_same_clock_is_the_same_bytes():
    """Another style_seed draws another background."""
    clock, again = (random_clock("train", random.Random(3)) for _ in range(2))
    assert clock == again and clock.draw().tobytes() == again.draw().tobytes()
    assert replace(clock, style_seed=clock.style_seed + 1).draw().tobytes() != clock.draw().tobytes()
    assert clock.draw().size == (64, 64) and clock.draw().mode == "RGB"


def test_all_looks_and_colours_occur_and_every_hand_stands_out():
    """A hand differs from its dial by 100 or more in one channel; yellow is on dark dials only."""
    clocks = clocks_of(count=2000)
    assert {(c.face, c.square, c.marks, c.has_accent) for c in clocks} == {
        (face, square, marks, accent) for face in FACES for square in (False, True)
        for marks in easy.MARKS for accent in (False, True)}
    colors = Counter(clock.minute_color for clock in clocks)
    assert set(colors) == set(COLORS) and min(colors.values()) > 0.13 * len(clocks)
    for clock in clocks:
        dial, hand = FACES[clock.face].dial, COLORS[clock.minute_color]
        assert max(abs(a - b) for a, b in zip(dial, hand)) >= 100, clock
        assert clock.minute_color != "yellow" or max(dial) < 100


# The splits

@pytest.mark.parametrize("part, count", [("hour", 12), ("minute", 60)])
def test_all_hours_and_minutes_are_about_equally_common(part, count):
    """Each as often as expected, within four standard deviations."""
    counts = Counter(getattr(clock, part) for clock in clocks_of(count=2000))
    expected = 2000 / count
    assert len(counts) == count
    assert all(abs(number - expected) < 4 * expected ** 0.5 for number in counts.values())


def test_each_hour_and_each_sector_of_five_minutes_lacks_one_combination():
    """12 of the 144 are held out: training shows each hour and each sector with eleven partners."""
    held_out = {(hour, minute // 5) for hour, minute in easy.TIMES if is_held_out((hour, minute))}
    assert len(held_out) == 12
    assert {hour for hour, _ in held_out} == {*range(1, 13)}
    assert {sector for _, sector in held_out} == {*range(12)}
    shown = {(clock.hour, clock.minute // 5) for clock in clocks_of(count=2000)}
    assert len(shown) == 132 and not shown & held_out


@pytest.mark.parametrize("split", SPLITS)
def test_held_out_times_are_drawn_and_asked_in_split_novel_alone(split):
    """Also the wrong times of yes-or-no questions."""
    for clock, annotations in examples_of(split):
        text = " ".join(f"{note.question} {note.answer}" for note in annotations)
        named = {(int(hour), int(minute)) for hour, minute in re.findall(r"(\d+):(\d\d)", text)}
        times = named | {(clock.hour, clock.minute)}
        assert all(is_held_out(time) == (split == "novel") for time in times), annotations


def test_no_time_of_a_face_and_a_hand_is_in_both_train_and_val():
    """Neither the tilt nor the position can put a clock into another split."""
    train, val = ({(c.hour, c.minute, c.face, c.minute_color) for c in clocks_of(split, 2000)}
                  for split in ("train", "val"))
    assert train and val and not train & val
    for clock in clocks_of("val", 50):
        assert split_of(replace(clock, x=31.0, tilt=2.0, style_seed=0, square=True, marks="bars")) == "val"


# Questions and answers

@pytest.mark.parametrize("name", QUESTIONS)
def test_every_type_of_question_has_four_to_six_wordings_and_one_as_people_type(name):
    """That one has no capital and no punctuation."""
    assert 4 <= len(set(QUESTIONS[name])) == len(QUESTIONS[name]) <= 6
    assert any(re.fullmatch(r"[a-z :{}]+", wording) for wording in QUESTIONS[name])


def test_every_clock_has_the_time_in_figures_and_two_or_three_other_questions():
    """All of style clocks, none twice."""
    for clock, annotations in examples_of():
        assert 3 <= len(annotations) <= 4 and len({note.question for note in annotations}) == len(annotations)
        assert {note.style for note in annotations} == {"clocks"}
        assert annotations[0].answer == f"{clock.hour}:{clock.minute:02}"


@pytest.mark.parametrize("split", SPLITS)
def test_answers_are_true_of_the_clock_and_the_scorer_reads_every_time(split):
    """Each type of question, recognised by its words."""
    counts = Counter(check_answer(note.question.lower(), note.answer, clock)
                     for clock, notes in examples_of(split) for note in notes)
    assert set(counts) == {"check", "half", "hour", "minute", "words", "long", "figures"}
    assert min(counts.values()) > 500 and counts["figures"] == 2000


def check_answer(question: str, answer: str, clock: EasyClock) -> str:
    """Assert that the answer is true, and return the type of the question."""
    minutes = 60 * (clock.hour % 12) + clock.minute
    if named := re.search(r"\d+:\d\d", question):
        assert answer == ("yes" if named[0] == f"{clock.hour}:{clock.minute:02}" else "no")
        return "check"
    if "half past" in question:
        assert answer == ("before" if clock.minute < 30 else "after") and clock.minute not in (0, 30)
        return "half"
    for kind, value in (("hour", clock.hour), ("minute", clock.minute)):
        if re.search(rf"{kind}s?\b", question) and "hours and minutes" not in question:
            assert answer == str(value)
            return kind
    assert parse_time(answer) == minutes
    question_type = ("words" if "in words" in question else
                     "long" if "in hours and minutes" in question else "figures")
    assert re.fullmatch({"words": "[a-z' -]+", "long": r"\d+ hours? \d+ minutes?", "figures": r"\d+:\d\d"}[
        question_type], answer)
    return question_type


def test_yes_is_as_common_as_no_and_wrong_times_are_like_right_ones():
    """No hour and no sector is in more than 14 % of the questions with the answer yes, or no."""
    asked = {answer: [tuple(map(int, re.search(r"(\d+):(\d\d)", note.question).groups()))
                      for _, notes in examples_of() for note in notes if note.answer == answer]
             for answer in ("yes", "no")}
    assert 0.46 < len(asked["yes"]) / (len(asked["yes"]) + len(asked["no"])) < 0.54
    for times in asked.values():
        hours = Counter(hour for hour, _ in times)
        sectors = Counter(minute // 5 for _, minute in times)
        for counts in (hours, sectors):
            assert len(counts) == 12 and max(counts.values()) < 0.14 * len(times)


def test_a_wrong_time_is_never_the_right_one_and_often_differs_in_one_hand():
    """Half of them: another hour at the same minute, or another minute in the same hour."""
    rng, one_hand = random.Random(0), 0
    for time in easy.TIMES:
        wrong = easy.wrong_time(time, rng)
        assert wrong != time and is_held_out(wrong) == is_held_out(time)
        one_hand += wrong[0] == time[0] or wrong[1] == time[1]
    assert 0.45 < one_hand / len(easy.TIMES) < 0.65


def test_the_words_of_a_question_do_not_give_its_answer_away():
    """The text-only baseline is hardly better than the most common answer."""
    groups = {split: text_only_baseline.group_questions(notes for _, notes in examples_of(split))
              for split in ("train", "val")}
    for group, held_out in groups["val"].items():
        accuracy, most_common = text_only_baseline.compute_accuracy(groups["train"][group], held_out)
        assert accuracy <= most_common + 0.05, group


def test_level_easy_has_small_dials_and_level_full_large_pictures():
    """`prepare.py` chooses by the level."""
    assert isinstance(make_example_of_level(LEVELS["easy"], "train", random.Random(1))[0], EasyClock)
    assert make_example_of_level(LEVELS["full"], "train", random.Random(1))[0].width >= 160
