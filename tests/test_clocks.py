"""clocks at level full: hands measured from the pixels agree with the time, and answers with the clock."""
import random
import re
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from data.clocks.clock import Clock, random_clock, split_of
from data.clocks.full import (
    CHECK,
    FIGURES,
    HALF,
    LAST_HOUR,
    LONG,
    MINUTES,
    SECOND_HAND,
    SECONDS,
    TELL_TIME,
    WORDS,
    make_example,
)
from data.clocks.hands import hand_angles
from data.clocks.styles import NOVEL_STYLE, STYLES
from data.clocks.time_wording import digital_time, in_hours_and_minutes, in_words, digital_time_with_seconds

SIDE, RADIUS = 200, 60.0  # pixels, of the pictures that are measured
EVERY_MINUTE = [(hour, minute) for hour in range(1, 13) for minute in range(60)]


@cache
def examples_of(split: str = "train", count: int = 1500):
    """(clock, annotations), not drawn."""
    return [make_example(split, random.Random(f"{split}/{index}")) for index in range(count)]


def upright(style: str, hour: int, minute: int, second: int = 0, second_hand: bool = False) -> Clock:
    """A clock in the middle of its image, without tilt."""
    return Clock(style, hour, minute, second, second_hand, SIDE, SIDE, x=SIDE / 2, y=SIDE / 2, radius=RADIUS,
                 tilt=0.0, style_seed=7)


def pixels(clock: Clock) -> np.ndarray:
    return np.asarray(clock.draw()).astype(int)


@cache
def without_hands(style: str) -> np.ndarray:
    """The clock without hands: the median of seven times, as no pixel is under a hand at four of them."""
    times = [(hour, (hour * 103) % 60) for hour in (1, 3, 5, 6, 8, 10, 12)]
    return np.median([pixels(upright(style, *time)) for time in times], axis=0)


def direction(change: np.ndarray, ring: tuple[float, float], centre=(0.0, 0.0), hidden: float | None = None):
    """The direction of the largest change in a ring around a centre (in radii): degrees from twelve, or None.

    hidden  ignore pixels in this direction
    """
    y, x = (np.indices(change.shape) + 0.5 - SIDE / 2) / RADIUS - np.array(centre)[::-1, None, None]
    in_ring = (np.hypot(x, y) > ring[0]) & (np.hypot(x, y) < ring[1])
    if hidden is not None:
        ahead = np.array([np.sin(np.radians(hidden)), -np.cos(np.radians(hidden))])
        in_ring &= (np.abs(x * ahead[1] - y * ahead[0]) > 0.1) | (x * ahead[0] + y * ahead[1] < 0)
    strong = in_ring & (change > max(60, 0.5 * change[in_ring].max()))
    if not strong.any():
        return None
    angles = np.arctan2(x, -y)[strong]
    return np.degrees(np.arctan2(np.sin(angles).mean(), np.cos(angles).mean())) % 360


def read_hands(clock: Clock) -> tuple[float, float]:
    """The angles of hour and minute hand, from pixels: only the minute hand reaches the outer ring."""
    change = np.abs(pixels(clock) - without_hands(clock.style)).sum(axis=2)
    minute = direction(change, (0.57, 0.67))
    hour = direction(change, (0.33, 0.45), hidden=minute)
    return (minute if hour is None else hour), minute


def difference(a: float, b: float, period: float = 360) -> float:
    """The distance of two angles, or of two numbers of any period."""
    return abs((a - b + period / 2) % period - period / 2)


def parse(answer: str) -> tuple[int, int]:
    """Hour and minute of an answer in any format; independent of the library's parser."""
    if re.fullmatch(r"\d+:\d\d(:\d\d)?", answer):
        return tuple(int(part) for part in answer.split(":")[:2])
    if re.fullmatch(r"\d+ hours? \d+ minutes?", answer):
        return tuple(int(part) for part in re.findall(r"\d+", answer))
    small = ("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
             "sixteen seventeen eighteen nineteen twenty").split()
    value = {word: number for number, word in enumerate(small, start=1)} | {"quarter": 15, "half": 30}
    *start, last = answer.removesuffix(" o'clock").split()
    if not start:
        return value[last], 0
    minutes = sum(value[word] for word in start[0].split("-"))
    return (value[last], minutes) if start[-1] == "past" else ((value[last] - 2) % 12 + 1, 60 - minutes)


# The hands

def test_the_angles_of_the_hands_change_continuously():
    """At 10:09:33 the hour hand is at 10 x 30 + 9 x 0.5 + 33 / 120 degrees."""
    assert hand_angles(10, 9, 33) == (304.775, 57.3, 198.0)
    assert hand_angles(12, 0, 0) == (0, 0, 0)
    assert hand_angles(6, 30, 0) == (195, 180, 0)


@pytest.mark.parametrize("style", STYLES)
def test_hands_measured_from_the_pixels_give_the_stated_time(style):
    """Three random clocks of each style: the minute to 1, the hour exactly, each hand to 3 degrees."""
    rng = random.Random(style)
    for _ in range(3):
        clock = upright(style, *rng.choice(EVERY_MINUTE))
        hour, minute = read_hands(clock)
        measured = round(minute / 6) % 60
        assert difference(measured, clock.minute, 60) <= 1
        assert min(range(1, 13), key=lambda h: difference(30 * h + minute / 12, hour)) == clock.hour
        assert difference(minute, 6 * clock.minute) < 3
        if difference(hour, minute) > 30:  # else the long hand hides part of the short one
            assert difference(hour, 30 * clock.hour + clock.minute / 2) < 3


@pytest.mark.parametrize("style", STYLES)
def test_the_second_hand_measured_from_the_pixels_gives_the_stated_seconds(style):
    """Compared with the clock without a second hand; a small dial with its median at other seconds."""
    small = STYLES[style].second_hand_style == "small"
    ring, centre = ((0.1, 0.18), (0, 0.44)) if small else ((0.57, 0.67), (0, 0))
    others = [pixels(upright(style, 9, 3, second, True)) for second in (5, 12, 50)] if small else []
    for second in (20, 37):
        blank = np.median(others or [pixels(upright(style, 9, 3, second))], axis=0)
        change = np.abs(pixels(upright(style, 9, 3, second, True)) - blank).sum(axis=2)
        assert difference(direction(change, ring, centre), 6 * second) < 3


@pytest.mark.parametrize("style", ["wrist watch", "diver", "classroom"])
def test_a_tilted_clock_has_its_minute_hand_tilted_by_the_same_angle(style):
    """Tilted by ten degrees, the minute hand is at ten degrees more."""
    clock = upright(style, 4, 40)
    tilted = replace(clock, tilt=10.0)
    blank = np.median([pixels(replace(tilted, hour=hour, minute=hour * 5 - 5)) for hour in (1, 3, 5, 7, 12)],
                      axis=0)
    change = np.abs(pixels(tilted) - blank).sum(axis=2)
    assert difference(direction(change, (0.57, 0.67)), read_hands(clock)[1] + 10) < 3


# The picture

def test_the_same_clock_is_the_same_bytes():
    """The same generator makes the same clock; another style_seed draws it differently."""
    first, again = (make_example("train", random.Random(3)) for _ in range(2))
    assert first == again and first[0].draw().tobytes() == again[0].draw().tobytes()
    assert replace(first[0], style_seed=first[0].style_seed + 1).draw().tobytes() != first[0].draw().tobytes()


def test_there_are_more_than_twenty_styles_and_no_two_look_alike():
    """At the same time, seed and size, all pictures differ."""
    pictures = {upright(style, 10, 9).draw().tobytes() for style in STYLES}
    assert len(pictures) == len(STYLES) >= 21


def test_pictures_have_many_sizes_and_the_dial_is_always_whole():
    """160 to 512 pixels, 3:4 to 4:3; the dial's edge lies inside the picture."""
    for clock, _ in examples_of():
        short, long = sorted((clock.width, clock.height))
        assert 160 <= short <= long <= 512 and long / short < 1.34
        for center, side in ((clock.x, clock.width), (clock.y, clock.height)):
            assert clock.radius <= center <= side - clock.radius
        assert 0.41 < 2 * clock.radius / short < 0.95 and abs(clock.tilt) <= 10


def test_a_picture_is_as_large_as_its_record_says():
    """RGB, one for each of the splits."""
    for split in ("train", "val", "novel"):
        clock = random_clock(split, random.Random(1))
        picture = clock.draw()
        assert picture.size == (clock.width, clock.height) and picture.mode == "RGB"


def test_a_row_has_the_columns_of_pixmo():
    """The time as HH:MM:SS."""
    assert upright("toy", 9, 5, 7, True).columns == {
        "watchface_name": "toy", "time_format": "12h", "watch_time": "09:05:07", "shows_seconds": True,
        "hour_visible": 1, "minute_visible": 1, "second_visible": 1}


# The splits

def test_no_time_of_a_style_is_in_both_train_and_val():
    """Whatever the seconds, the size and the style_seed."""
    train, val = ({(clock.style, clock.hour, clock.minute) for clock, _ in examples_of(split)}
                  for split in ("train", "val"))
    assert train and val and not train & val


def test_the_split_of_a_clock_depends_on_style_hour_and_minute_alone():
    """Other seconds, positions or seeds do not change the split."""
    for clock, _ in examples_of("val", 50):
        assert split_of(replace(clock, second=59, second_hand=True, style_seed=0, x=1.0, tilt=3.0)) == "val"


def test_the_novel_style_is_in_split_novel_only():
    """Split novel has no other style."""
    assert {clock.style for clock, _ in examples_of("novel", 50)} == {NOVEL_STYLE}
    for split in ("train", "val"):
        assert {clock.style for clock, _ in examples_of(split)} == {*STYLES} - {NOVEL_STYLE}


# Questions and answers

@pytest.mark.parametrize("time, words", [
    ((10, 0), "ten o'clock"), ((10, 9), "nine minutes past ten"), ((10, 10), "ten past ten"),
    ((3, 15), "quarter past three"), ((12, 30), "half past twelve"), ((2, 45), "quarter to three"),
    ((12, 35), "twenty-five to one"), ((7, 1), "one minute past seven"), ((11, 59), "one minute to twelve"),
])
def test_a_time_in_words_is_spoken_english(time, words):
    assert in_words(*time) == words


def test_every_format_parses_back_to_its_time():
    """All 720 of them."""
    for time in EVERY_MINUTE:
        answers = (in_words(*time), digital_time(*time), in_hours_and_minutes(*time),
                   digital_time_with_seconds(*time, 33))
        assert [parse(answer) for answer in answers] == [time] * 4


def wording_of(question: str) -> str:
    """The question without its format and without any time in it."""
    formats = sorted({*FIGURES, *WORDS, *LONG, *SECONDS} - {""}, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, formats)) + r"|\d+:\d\d", "", question)


def test_answers_are_true_of_the_clock():
    """Each type of question, recognised by its words."""
    checks, counts = {re.sub(r"\{\}", "", wording) for wording in CHECK}, Counter()
    for clock, annotations in examples_of():
        for annotation in annotations:
            words, named = wording_of(annotation.question), re.search(r"\d+:\d\d", annotation.question)
            if named:
                correct = parse(named[0]) == (clock.hour, clock.minute)
                target, question_type = "yes" if correct else "no", "check"
                assert words in checks
            elif words in SECOND_HAND:
                target, question_type = "yes" if clock.second_hand else "no", "second hand"
            elif words in HALF:
                target, question_type = "before" if clock.minute < 30 else "after", "half"
            elif words in MINUTES:
                target, question_type = str(clock.minute), "minutes"
            elif words in LAST_HOUR:
                target, question_type = str(clock.hour), "hour"
            else:
                assert parse(annotation.answer) == (clock.hour, clock.minute)
                target, question_type = annotation.answer, "time"
            assert annotation.answer == target, annotation
            counts[question_type] += 1
    assert len(counts) == 6 and min(counts.values()) > 100


def test_the_question_says_which_format_is_wanted():
    """Words, hours and minutes, seconds where a hand shows them; else figures."""
    for clock, annotations in examples_of():
        for annotation in annotations:
            if " to the second" in annotation.question or " with seconds" in annotation.question:
                assert clock.second_hand and annotation.answer.endswith(f":{clock.second:02}")
                assert annotation.answer.count(":") == 2
            elif "in words" in annotation.question:
                assert not re.search(r"\d", annotation.answer)
            elif "in hours and minutes" in annotation.question:
                assert "hour" in annotation.answer
            elif wording_of(annotation.question) in {wording.format("") for wording in TELL_TIME}:
                assert re.fullmatch(r"\d+:\d\d", annotation.answer)


def test_the_time_is_asked_in_many_wordings_and_none_is_common():
    """Fourteen, each in fewer than one question of five."""
    plain = {wording.format("") for wording in TELL_TIME}
    counts = Counter(wording_of(annotation.question)
                     for _, annotations in examples_of() for annotation in annotations)
    counts = {wording: count for wording, count in counts.items() if wording in plain}
    assert len(counts) >= 12 and max(counts.values()) < 0.2 * sum(counts.values())


def test_no_question_gives_its_answer_away():
    """Yes is as common as no, before as after, whatever the wording; half of all answers are like 10:09."""
    annotations = [annotation for _, annotations in examples_of() for annotation in annotations]
    counts = Counter(annotation.answer for annotation in annotations)
    assert 0.45 < counts["yes"] / (counts["yes"] + counts["no"]) < 0.55
    assert 0.42 < counts["before"] / (counts["before"] + counts["after"]) < 0.58
    assert 0.4 < sum(":" in annotation.answer for annotation in annotations) / len(annotations) < 0.6
    yes, no = ({wording_of(annotation.question) for annotation in annotations if annotation.answer == answer}
               for answer in ("yes", "no"))
    assert yes == no
    hours = Counter(clock.hour for clock, _ in examples_of())
    assert max(hours.values()) < 0.12 * len(examples_of())


def test_every_clock_has_two_or_three_questions_and_none_twice():
    """All of style clocks, without object labels."""
    for clock, annotations in examples_of():
        questions = {annotation.question for annotation in annotations}
        assert 2 <= len(annotations) <= 3 and len(questions) == len(annotations)
        assert {annotation.style for annotation in annotations} == {"clocks"} and clock.things == ()
