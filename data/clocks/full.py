"""clocks at level full: clocks and watches in 25 styles, with questions about the time."""
from __future__ import annotations

import random

from data.clocks.clock import Clock, random_clock
from data.clocks.time_wording import digital_time, in_hours_and_minutes, in_words, digital_time_with_seconds
from minimolmo.flow import Annotation

THIRD_QUESTION_SHARE = 0.4         # share of images with a third question; all images have two
SECONDS_SHARE = 0.4  # share of formats with seconds, if there is a second hand
WRONG_BY_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180)  # minutes between a wrong time and the right one

# The slot {} names the format of the answer; "" means figures.
TELL_TIME = ("What time is it{}?", "What time is being shown{}?", "What time does the clock show{}?",
             "What does the clock say{}?", "Read the clock{}.", "Tell me the time{}.", "Give the time{}.",
             "Which time do the hands show{}?", "What is the time{}?", "The time{}, please.",
             "What's the time{}?", "What time do you read here{}?", "Can you read this clock{}?",
             "what time is it{}")
FIGURES = ("", "", "", " in figures", " in digits")
WORDS = (" in words", ", in words")
LONG = (" in hours and minutes", ", in hours and minutes")
SECONDS = (" to the second", " with seconds")

LAST_HOUR = ("Which hour has the short hand passed last?", "What hour did the hour hand pass last?",
             "Which hour mark did the short hand leave behind?", "What is the last full hour?",
             "Past which hour is the short hand?", "Name the hour that the hour hand has passed.",
             "Only the hour, please.", "Which hour mark comes just before the short hand?")
MINUTES = ("How many minutes past the full hour is it?", "How many minutes does the long hand show?",
           "At which minute is the long hand?", "Only the minutes, please.", "What minute is it?",
           "How many minutes have gone by since the full hour?", "Read the minute hand alone.",
           "Just the minutes: how many?")
HALF = ("Is it before or after half past?", "Before or after half past?", "Half past: before it or after it?",
        "Do the hands stand before or after half past?", "half past: is it before or after",
        "Is this before half past or after?", "Half past: is the clock before or after it?",
        "Which is it, before half past or after?")
SECOND_HAND = ("Is there a second hand?", "Does it show seconds?", "Can you see a second hand?",
               "Does this clock have a hand for the seconds?", "Do you see a hand for seconds?",
               "second hand: yes or no", "Yes or no: is there a second hand?",
               "Are the seconds shown by a hand?")
CHECK = ("Is it {}?", "Does the clock show {}?", "Yes or no: is it {}?", "Do the hands say {}?",
         "Is {} the time shown here?", "Can it be {}?",
         "Is this clock showing {}?", "Would you say it is {}?")


def make_example(split: str, rng: random.Random) -> tuple[Clock, list[Annotation]]:
    """One clock with two or three questions: the time in figures, in another format, a detail."""
    clock = random_clock(split, rng)
    extra_questions = [
        _other_format_question(clock, rng),
        _question(*rng.choice(detail_questions(clock, rng)), rng)
    ]
    rng.shuffle(extra_questions)
    selected = extra_questions if rng.random() < THIRD_QUESTION_SHARE else extra_questions[:1]
    return clock, [_time_question(FIGURES, digital_time(clock.hour, clock.minute), rng), *selected]


def detail_questions(clock: Clock, rng: random.Random) -> list[tuple[tuple[str, ...], str]]:
    """(wordings, answer) of all questions about this clock's details."""
    is_true = rng.random() < 0.5
    time = digital_time(clock.hour, clock.minute) if is_true else wrong_time(clock, rng)
    questions = [(SECOND_HAND, "yes" if clock.second_hand else "no"), (MINUTES, str(clock.minute)),
                 (tuple(wording.format(time) for wording in CHECK), "yes" if is_true else "no")]
    if clock.minute:  # on the full hour "passed" is ambiguous
        questions.append((LAST_HOUR, str(clock.hour)))
    if clock.minute not in (0, 30):  # at 0 both half hours are equally near
        questions.append((HALF, "before" if clock.minute < 30 else "after"))
    return questions


def wrong_time(clock: Clock, rng: random.Random) -> str:
    """A wrong time in figures, distributed like the right ones, so the question gives no hint."""
    shown_minutes = (60 * clock.hour + clock.minute + rng.choice(
        (-1, 1)) * rng.choice(WRONG_BY_MINUTES)) % 720
    return digital_time(shown_minutes // 60 or 12, shown_minutes % 60)


def _other_format_question(clock: Clock, rng: random.Random) -> Annotation:
    if clock.second_hand and rng.random() < SECONDS_SHARE:
        return _time_question(SECONDS, digital_time_with_seconds(clock.hour, clock.minute, clock.second), rng)
    if rng.random() < 0.6:
        return _time_question(WORDS, in_words(clock.hour, clock.minute), rng)
    return _time_question(LONG, in_hours_and_minutes(clock.hour, clock.minute), rng)


def _time_question(formats: tuple[str, ...], answer: str, rng: random.Random) -> Annotation:
    return _question([wording.format(rng.choice(formats)) for wording in TELL_TIME], answer, rng)


def _question(wordings: list[str] | tuple[str, ...], answer: str, rng: random.Random) -> Annotation:
    return Annotation("clocks", question=rng.choice(wordings), answer=answer)
