"""The answers to lesson 14: the library's own functions, and slips that are easily made. Try first."""
import re

import numpy as np

from lessons.compare import compare
from minimolmo import metrics
from minimolmo.flow import Annotation, Answer, Example

# most_hits


def most_hits(said, true, radius):
    return metrics.count_hits([(x, 0) for x in said], [(x, 0) for x in true], 1.0, radius)


def check_most_hits(yours):
    random = np.random.default_rng(0)
    cases = [([], []), ([5], [6]), ([5], [8]), ([5], [9]), ([5, 6], [5]), ([12, 9], [10, 14]),
             ([9, 12], [10, 14]), ([10, 11, 12], [9, 12, 14])]
    cases += [(random.integers(0, 16, 5).tolist(), random.integers(0, 16, 4).tolist()) for _ in range(12)]
    compare(yours, most_hits, [dict(said=said, true=true, radius=3) for said, true in cases],
            because="Each point once, at a distance of at most the radius, and as many pairs as can be.")


def _greedily(said, true, radius):
    free, found = list(true), 0
    for a in said:
        near = sorted((abs(a - b), b) for b in free if abs(a - b) <= radius)
        if near:
            free.remove(near[0][1])
            found += 1
    return found


wrong_most_hits = {
    "lets each take the nearest free one, and nobody move on": _greedily,
    "lets two said points share a true one": lambda said, true, radius: sum(
        any(abs(a - b) <= radius for b in true) for a in said),
    "does not count what is exactly at the radius": lambda said, true, radius: most_hits(
        said, true, radius - 1e-6),
}


# stated_number

def stated_number(text):
    return metrics.parse_count(text)


def check_stated_number(yours):
    texts = ["3", "3.", " Seven. ", "There are none.", "There are 12", "many", "", "3 cats",
             'Counting the <points x1="10.0" y1="20.0" x2="30.0" y2="8.5" alt="cats">cats</points> '
             "shows a total of 2.", "a total of 5 cats", "3.5", "9" * 7, "twenty", "Zero"]
    compare(yours, stated_number, [dict(text=text) for text in texts],
            because="The last word decides, then a total; nothing else is a stated number.")


def _first_number(text):
    found = re.findall("[0-9]+", text)
    return int(found[0]) if found else stated_number(text)


wrong_stated_number = {
    "takes the first number it meets": _first_number,
    "reads digits alone": lambda text: (
        stated_number(text) if re.search("[0-9]", text) or "none" in text.lower() else None),
    "does not know that none is zero": lambda text: stated_number(text) or None,
}


# in_time

def in_time(said, true):
    asked = metrics.EvalItem("clocks", Example("", ()), Annotation("clocks", question="?", answer=true), "?",
                        Answer(said, []))
    return bool(metrics.score_clocks([asked])["within 5 minutes"])


def check_in_time(yours):
    pairs = [("9:05", "9:05"), ("9:10", "9:05"), ("9:11", "9:05"), ("9:00", "9:05"), ("10:02", "9:58"),
             ("12:02", "11:58"), ("12:58", "1:01"), ("1:01", "12:58"), ("3:05", "9:05"), ("1:00", "12:00"),
             ("4:37", "7:20")]
    compare(yours, in_time, [dict(said=said, true=true) for said, true in pairs],
            because="The shorter way round a dial of 720 minutes, 5 included.")


def _minutes(text, per_hour=60):
    hour, minute = map(int, text.split(":"))
    return hour * per_hour + minute


wrong_in_time = {
    "counts along a line and not round the dial": lambda said, true: abs(
        _minutes(said) - _minutes(true)) <= 5,
    "looks one way round only": lambda said, true: (_minutes(said) - _minutes(true)) % 720 <= 5,
    "reads the time as a number of hundreds": lambda said, true: abs(
        _minutes(said, 100) - _minutes(true, 100)) <= 5,
    "compares the minutes alone": lambda said, true: min(
        (_minutes(said) - _minutes(true)) % 60, (_minutes(true) - _minutes(said)) % 60) <= 5,
}


# facts

COLORS, KINDS = ["red", "blue", "green"], ["circle", "square", "cross"]
PLACES = sorted(metrics.PLACES, key=len, reverse=True)


def facts(text, colors, kinds, places):
    return {fact for fact in metrics.facts_in(text, set(colors), set(kinds)) if fact[2] in places}


def check_facts(yours):
    texts = ["A red circle is at the top.", "Nice.", "A red circle is at the top left.",
             "A red circle is at the top. At the left there is a blue square.",
             "A red circle and a blue square are at the left and in the center.",
             "Two shapes: a red circle. A blue square is at the bottom right.",
             "uh, a green shape, no, a green cross at the right. THE END.", "A redcircle sits at the top."]
    compare(yours, facts, [dict(text=t, colors=COLORS, kinds=KINDS, places=PLACES) for t in texts],
            because="Sentence by sentence, the n-th colour and kind with the n-th place.")


def _pairs(text, colors, kinds):
    return re.findall(rf"\b({'|'.join(colors)}) ({'|'.join(kinds)})\b", text)


def _all_at_once(text, colors, kinds, places):
    found = re.findall(rf"\bthe ({'|'.join(places)})\b", text.lower())
    return {(*pair, place) for pair, place in zip(_pairs(text.lower(), colors, kinds), found)}


def _each_with_each(text, colors, kinds, places):
    return {(*pair, place) for sentence in text.lower().split(".") for pair in _pairs(sentence, colors, kinds)
            for place in re.findall(rf"\bthe ({'|'.join(places)})\b", sentence)}


wrong_facts = {
    "takes the whole text for one sentence": _all_at_once,
    "puts each thing in every place of its sentence": _each_with_each,
    "finds the short places first": lambda text, colors, kinds, places: facts(
        text.lower().replace("top left", "top").replace("bottom right", "bottom"), colors, kinds, places),
}
