"""The answers to lesson 14: the library's own functions, and plausible mistakes. Try first."""
import re

import numpy as np

from lessons.compare import compare
from minimolmo import metrics
from minimolmo.flow import Annotation, Answer, Example
from minimolmo.text import facts

# count_hits


def count_hits(predicted, target, radius):
    return metrics.count_hits([(x, 0) for x in predicted], [(x, 0) for x in target], 1.0, radius)


def check_count_hits(yours):
    rng = np.random.default_rng(0)
    cases = [([], []), ([5], [6]), ([5], [8]), ([5], [9]), ([5, 6], [5]), ([12, 9], [10, 14]),
             ([9, 12], [10, 14]), ([10, 11, 12], [9, 12, 14])]
    cases += [(rng.integers(0, 16, 5).tolist(), rng.integers(0, 16, 4).tolist()) for _ in range(12)]
    compare(yours, count_hits, [dict(predicted=p, target=t, radius=3) for p, t in cases],
            because="Each point is in one pair at most, at most a radius apart. The most pairs count.")


def _greedily(predicted, target, radius):
    free, hits = list(target), 0
    for a in predicted:
        near = sorted((abs(a - b), b) for b in free if abs(a - b) <= radius)
        if near:
            free.remove(near[0][1])
            hits += 1
    return hits


wrong_count_hits = {
    "takes the nearest free target and never moves a pair": _greedily,
    "lets two predictions share a target": lambda predicted, target, radius: sum(
        any(abs(a - b) <= radius for b in target) for a in predicted),
    "does not count a point exactly at the radius": lambda predicted, target, radius: count_hits(
        predicted, target, radius - 1e-6),
}


# parse_count

def parse_count(text):
    return metrics.parse_count(text)


def check_parse_count(yours):
    texts = ["3", "3.", " Seven. ", "There are none.", "There are 12", "many", "", "3 cats",
             'Counting the <points x1="10.0" y1="20.0" x2="30.0" y2="8.5" alt="cats">cats</points> '
             "shows a total of 2.", "a total of 5 cats", "3.5", "9" * 7, "twenty", "Zero"]
    compare(yours, parse_count, [dict(text=text) for text in texts],
            because="The last word decides, then a total; nothing else states a count.")


def _first_number(text):
    found = re.findall("[0-9]+", text)
    return int(found[0]) if found else parse_count(text)


wrong_parse_count = {
    "takes the first number in the text": _first_number,
    "reads only digits": lambda text: (
        parse_count(text) if re.search("[0-9]", text) or "none" in text.lower() else None),
    "does not know that none is zero": lambda text: parse_count(text) or None,
}


# within_five_minutes

def within_five_minutes(predicted, target):
    annotation = Annotation("clocks", question="?", answer=target)
    item = metrics.EvalItem("clocks", Example("", ()), annotation, "?", Answer(predicted, []))
    return bool(metrics.score_clocks([item])["within 5 minutes"])


def check_within_five_minutes(yours):
    pairs = [("9:05", "9:05"), ("9:10", "9:05"), ("9:11", "9:05"), ("9:00", "9:05"), ("9:05", "9:11"),
             ("10:02", "9:58"), ("12:02", "11:58"), ("12:58", "1:01"), ("1:01", "12:58"), ("3:05", "9:05"),
             ("1:00", "12:00"), ("4:37", "7:20")]
    compare(yours, within_five_minutes, [dict(predicted=p, target=t) for p, t in pairs],
            because="The shorter way round a dial of 720 minutes, 5 included.")


def _minutes(text, per_hour=60):
    hour, minute = map(int, text.split(":"))
    return hour * per_hour + minute


wrong_within_five_minutes = {
    "measures along a line and not around the dial": lambda predicted, target: abs(
        _minutes(predicted) - _minutes(target)) <= 5,
    "measures one way round only": lambda predicted, target: (
        _minutes(predicted) - _minutes(target)) % 720 <= 5,
    "reads the time as a number of hundreds": lambda predicted, target: abs(
        _minutes(predicted, 100) - _minutes(target, 100)) <= 5,
    "compares only the minutes": lambda predicted, target: min(
        (_minutes(predicted) - _minutes(target)) % 60, (_minutes(target) - _minutes(predicted)) % 60) <= 5,
}


# facts_in

COLORS, KINDS = ["red", "blue", "green"], ["circle", "square", "cross"]
PLACES = sorted(facts.PLACES, key=len, reverse=True)


def facts_in(text, colors, kinds, places):
    return {fact for fact in facts.facts_in(text, set(colors), set(kinds)) if fact[2] in places}


def check_facts_in(yours):
    texts = ["A red circle is at the top.", "Nice.", "A red circle is at the top left.",
             "A Red circle is at The Top.",
             "A red circle is at the top. At the left there is a blue square.",
             "A red circle and a blue square are at the left and in the center.",
             "Two shapes: a red circle. A blue square is at the bottom right.",
             "uh, a green shape, no, a green cross at the right. THE END.", "A redcircle sits at the top."]
    compare(yours, facts_in, [dict(text=t, colors=COLORS, kinds=KINDS, places=PLACES) for t in texts],
            because="Sentence by sentence, the n-th colour and kind with the n-th place.")


def _pairs(text, colors, kinds):
    return re.findall(rf"\b({'|'.join(colors)}) ({'|'.join(kinds)})\b", text)


def _all_at_once(text, colors, kinds, places):
    found = re.findall(rf"\bthe ({'|'.join(places)})\b", text.lower())
    return {(*pair, place) for pair, place in zip(_pairs(text.lower(), colors, kinds), found)}


def _each_with_each(text, colors, kinds, places):
    return {(*pair, place) for sentence in text.lower().split(".") for pair in _pairs(sentence, colors, kinds)
            for place in re.findall(rf"\bthe ({'|'.join(places)})\b", sentence)}


wrong_facts_in = {
    "takes the whole text for one sentence": _all_at_once,
    "puts each object at every place of its sentence": _each_with_each,
    "finds the short places first": lambda text, colors, kinds, places: facts_in(
        text.lower().replace("top left", "top").replace("bottom right", "bottom"), colors, kinds, places),
}


# the three steps of make hint

HINTS = {
    "count_hits": (
        "Taking the nearest target each time is not always best. Try all ways.",
        "Remove the first prediction, with or without a target, and ask the same question about the "
        "rest.",
        "there are at most 5 points, so try everything: the first predicted point stays alone, or takes"
        " any near target; add the best of what is left. A function may call itself.",
    ),
    "parse_count": (
        "Follow the rule in its order, and return as soon as a line fits.",
        "The last word decides in three cases. Only then look inside the text.",
        're.fullmatch("[0-9]{1,6}", word), and re.search("(?<=total of )[0-9]{1,6}", text).',
    ),
    "within_five_minutes": (
        "5 to twelve and 5 past twelve are ten minutes apart, not 710.",
        "On a circle there are two ways from one time to another, and together they are 720 minutes.",
        "(a - b) % 720 is the way round in one direction, and never negative.",
    ),
    "facts_in": (
        "Solve one sentence first. Then do it for all, in order.",
        "Collect colors with kinds in one list and places in another. Then go through both at once.",
        're.findall(rf"\\b({\'|\'.join(colors)}) ({\'|\'.join(kinds)})\\b", sentence) gives pairs; zip '
        "stops at the shorter. `places` is in the right order already.",
    ),
}
