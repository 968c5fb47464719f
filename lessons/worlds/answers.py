"""Answers to the page on clocks and documents. Try first."""
from collections import Counter

import numpy as np

from lessons.compare import compare


# time_of

def time_of(short_hand, long_hand):
    minute = round(long_hand / 6) % 60
    return round((short_hand - minute / 2) / 30) % 12 or 12, minute


def check_time_of(yours):
    cases = [dict(short_hand=90.0, long_hand=0.0), dict(short_hand=110.0, long_hand=240.0),
             dict(short_hand=1.0, long_hand=-1.0), dict(short_hand=-2.0, long_hand=3.5),
             dict(short_hand=359.0, long_hand=354.5), dict(short_hand=28.5, long_hand=352.0),
             dict(short_hand=201.0, long_hand=258.0), dict(short_hand=60.0, long_hand=358.0),
             dict(short_hand=325.0, long_hand=0.0), dict(short_hand=335.0, long_hand=0.0),
             dict(short_hand=125.0, long_hand=348.0)]
    compare(yours, time_of, cases, because="Minutes from the long hand first, then the hour from the rest.")


def _hour_passed(short_hand, long_hand):
    return int(short_hand // 30) % 12 or 12, round(long_hand / 6) % 60


wrong_time_of = {
    "takes the hour that the short hand has passed, though it may be a degree off": _hour_passed,
    "rounds the short hand to the nearest hour": lambda short_hand, long_hand: (
        round(short_hand / 30) % 12 or 12, round(long_hand / 6) % 60),
    "has an hour 0": lambda short_hand, long_hand: (
        time_of(short_hand, long_hand)[0] % 12, time_of(short_hand, long_hand)[1]),
}


# bar_values

def bar_values(painted, step):
    heights = [0, *painted.sum(axis=0).tolist(), 0]
    edges = [x for x in range(1, len(heights)) if bool(heights[x]) != bool(heights[x - 1])]
    return [round(max(heights[start:end]) / step) for start, end in zip(edges[::2], edges[1::2])]


def check_bar_values(yours):
    two = np.array([[0, 0, 0, 1], [1, 1, 0, 1], [1, 1, 0, 1], [1, 1, 0, 1]], dtype=bool)
    soft = np.zeros((12, 9), dtype=bool)          # a bar whose outer columns are shorter
    soft[8:, 0], soft[6:, 1:3], soft[8:, 3] = True, True, True
    soft[0:, 5:7] = True
    uneven = np.arange(8)[::-1, None] < [7, 0, 1, 4]  # heights of the columns
    cases = [dict(painted=two, step=2), dict(painted=two, step=1),
             dict(painted=np.zeros((4, 3), dtype=bool), step=2), dict(painted=soft, step=3),
             dict(painted=np.ones((6, 2), dtype=bool), step=3), dict(painted=uneven, step=3)]
    compare(yours, bar_values, cases, because="One value for each run of columns: its highest.")


def _first_columns(painted, step):
    heights = [0, *painted.sum(axis=0).tolist()]
    return [round(heights[x] / step) for x in range(1, len(heights)) if heights[x] and not heights[x - 1]]


wrong_bar_values = {
    "gives one value for each column": lambda painted, step: [
        round(height / step) for height in painted.sum(axis=0).tolist() if height],
    "measures the first column of a bar": _first_columns,
    "counts pixels and not steps": lambda painted, step: bar_values(painted, 1),
}


# best_guess

def best_guess(train, test):
    seen = {}
    for question, answer in train:
        seen.setdefault(question, Counter())[answer] += 1
    best = {question: counts.most_common(1)[0][0] for question, counts in seen.items()}
    return sum(best.get(question) == answer for question, answer in test) / len(test) if test else 0.0


def check_best_guess(yours):
    train = [("A?", "yes"), ("A?", "yes"), ("A?", "no"), ("B?", "no")]
    cases = [dict(train=train, test=[("A?", "yes"), ("B?", "no")]), dict(train=train, test=[]),
             dict(train=train, test=[("A?", "no"), ("B?", "no")]),
             dict(train=train, test=[("C?", "yes"), ("A?", "yes"), ("A?", "yes"), ("A?", "no")]),
             dict(train=[("A?", "4"), ("A?", "5"), ("A?", "5")],
                  test=[("A?", "5"), ("A?", "4"), ("A?", "6")]),
             dict(train=[("A?", "no"), ("A?", "yes"), ("A?", "no")], test=[("A?", "no")]),
             dict(train=[("A?", "no"), ("B?", "yes")], test=[("A?", "no")])]
    compare(yours, best_guess, cases, because="Each question gets its most frequent answer in train.")


def _one_answer_for_all(train, test):
    most, _ = Counter(answer for _, answer in train).most_common(1)[0]
    return sum(answer == most for _, answer in test) / len(test) if test else 0.0


def _guess_from_test(train, test):
    return best_guess(test, test)


wrong_best_guess = {
    "gives one answer to all questions": _one_answer_for_all,
    "counts the answers of test, which a guesser does not know": _guess_from_test,
    "leaves out the questions that train does not have": lambda train, test: best_guess(
        train, [pair for pair in test if pair[0] in dict(train)]),
}


# the three steps of make hint

HINTS = {
    "time_of": (
        "The long hand alone gives the minute: how many degrees is one?",
        "At 3:40 the short hand is at 110: 20 degrees past the 3, because 40 minutes are over.",
        "minute = round(long_hand / 6) % 60; hour = round((short_hand - minute / 2) / 30) % 12, and 0 is 12.",
    ),
    "bar_values": (
        "painted.sum(axis=0) is the number of painted pixels in each column.",
        "A bar begins where a column has pixels and the one to its left has none. Where does it end?",
        "Collect the heights of a run in a list; at its end append round(max(run) / step).",
    ),
    "best_guess": (
        "Count the answers of each question of train: a dictionary of Counters.",
        "Counter.most_common(1)[0][0] is the most frequent answer.",
        "right = the tests whose question was seen and whose answer is that one; divide by len(test).",
    ),
}
