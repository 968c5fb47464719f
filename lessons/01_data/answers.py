"""The answers to lesson 01: the project's own functions, and slips that are easily made. Try first."""
import random

from data.generate import annotation_to_json
from data.scenes.easy_wording import matching_things, points_of, place_of
from lessons.compare import compare
from minimolmo.flow import Annotation, Thing

# click

def click(things, color, kind):
    there = [Thing(kind=k, color=c, x=x, y=y, width=1.0, height=1.0) for c, k, x, y in things]
    return list(points_of(matching_things(there, (color, kind))))


def _crowd(seed):
    rng = random.Random(seed)
    return [(rng.choice(("red", "blue")), rng.choice(("cup", "hat")), float(x), float(rng.randint(0, 9)))
            for x in range(5)]


def check_click(yours):
    two = [("red", "cup", 10.0, 20.0), ("blue", "hat", 60.0, 30.0)]
    labels = [("red", "cup"), ("", "hat"), ("blue", ""), ("red", "hat"), ("", "")]
    cases = [dict(things=two, color=color, kind=kind) for color, kind in labels] + [
        dict(things=[], color="red", kind="cup")]
    cases += [dict(things=_crowd(seed), color=c, kind=k) for seed in range(4) for c, k in labels]
    compare(yours, click, cases, because='Both colour and kind must fit, and "" fits everything.')


wrong_click = {
    "takes things of the colour or of the kind": lambda things, color, kind: [
        (x, y) for c, k, x, y in things if color in ("", c) or kind in ("", k)],
    'takes "" for a name like any other': lambda things, color, kind: [
        (x, y) for c, k, x, y in things if c == color and k == kind],
    "clicks on the first one alone": lambda things, color, kind: click(things, color, kind)[:1],
    "swaps x and y": lambda things, color, kind: [(y, x) for x, y in click(things, color, kind)],
}


# place

def place(x, y):
    return place_of(Thing(kind="cup", color="red", x=x, y=y, width=1.0, height=1.0))


def check_place(yours):
    spots = [(50.0, 50.0), (10.0, 50.0), (50.0, 10.0), (10.0, 90.0), (99.9, 0.0), (33.3, 66.6), (33.4, 66.7)]
    spots += [(float(x), float(y)) for x in range(0, 100, 11) for y in range(0, 100, 11)]
    compare(yours, place, [dict(x=x, y=y) for x, y in spots],
            because="x says left or right, y says top or bottom, and 0 is at the top.")


wrong_place = {
    "swaps x and y": lambda x, y: place(y, x),
    "counts y from the bottom, as in school": lambda x, y: place(x, 99.999 - y),
    "cuts into quarters, halves and quarters": lambda x, y: place(*(
        16.0 if value < 25 else 50.0 if value < 75 else 84.0 for value in (x, y))),
}


# row

def row(style, label="", answer="", points=()):
    return annotation_to_json(Annotation(style, label=label, answer=answer, points=points))


def check_row(yours):
    cases = [dict(style="count", label="cats", answer="3"), dict(style="long_caption", answer="A cat."),
             dict(style="pointing", label="cat", points=((10.0, 20.0),)), dict(style="pointing", label="dog"),
             dict(style="point_count", label="dogs", points=()), dict(style="user_qa", answer="no")]
    compare(yours, row, cases, because="What is empty is left out, but \"points to nothing\" is said.")


def _row(keep, style, label="", answer="", points=()):
    values = dict(style=style, label=label, answer=answer, points=points)
    return {key: value for key, value in values.items() if value or keep(style, key)}


wrong_row = {
    "drops empty points too": lambda **case: _row(lambda style, key: False, **case),
    "keeps empty points in every style": lambda **case: _row(lambda style, key: key == "points", **case),
    "leaves nothing out": lambda **case: _row(lambda style, key: True, **case),
}
