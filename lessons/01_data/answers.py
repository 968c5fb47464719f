"""Answers to lesson 01: the library's own functions, and likely mistakes. Try first."""
import random

from data.generate import annotation_to_json
from data.scenes.easy_wording import matching_things, points_of, place_of
from lessons.compare import compare
from minimolmo.flow import Annotation, Thing

# select_points

def select_points(things, color, kind):
    objects = [Thing(kind=k, color=c, x=x, y=y, width=1.0, height=1.0) for c, k, x, y in things]
    return list(points_of(matching_things(objects, (color, kind))))


def _random_things(seed):
    rng = random.Random(seed)
    return [(rng.choice(("red", "blue")), rng.choice(("cup", "hat")), float(x), float(rng.randint(0, 9)))
            for x in range(5)]


def check_select_points(yours):
    two = [("red", "cup", 10.0, 20.0), ("blue", "hat", 60.0, 30.0)]
    labels = [("red", "cup"), ("", "hat"), ("blue", ""), ("red", "hat"), ("", "")]
    cases = [dict(things=two, color=color, kind=kind) for color, kind in labels] + [
        dict(things=[], color="red", kind="cup")]
    cases += [dict(things=_random_things(seed), color=c, kind=k) for seed in range(4) for c, k in labels]
    compare(yours, select_points, cases,
            because='Colour and kind must both match, and "" matches everything.')


wrong_select_points = {
    "takes objects of the colour or of the kind": lambda things, color, kind: [
        (x, y) for c, k, x, y in things if color in ("", c) or kind in ("", k)],
    'takes "" for a name like any other': lambda things, color, kind: [
        (x, y) for c, k, x, y in things if c == color and k == kind],
    "takes the first object alone": lambda things, color, kind: select_points(things, color, kind)[:1],
    "swaps x and y": lambda things, color, kind: [(y, x) for x, y in select_points(things, color, kind)],
}


# region

def region(x, y):
    return place_of(Thing(kind="cup", color="red", x=x, y=y, width=1.0, height=1.0))


def check_region(yours):
    points = [(50.0, 50.0), (10.0, 50.0), (50.0, 10.0), (10.0, 90.0), (99.9, 0.0), (33.3, 66.6), (33.4, 66.7)]
    points += [(float(x), float(y)) for x in range(0, 100, 11) for y in range(0, 100, 11)]
    compare(yours, region, [dict(x=x, y=y) for x, y in points],
            because="x decides left or right, y decides top or bottom, and 0 is at the top.")


wrong_region = {
    "swaps x and y": lambda x, y: region(y, x),
    "counts y from the bottom, as in school": lambda x, y: region(x, 99.999 - y),
    "cuts at a quarter and at three quarters": lambda x, y: region(*(
        16.0 if value < 25 else 50.0 if value < 75 else 84.0 for value in (x, y))),
}


# to_row

def to_row(style, label="", answer="", points=()):
    return annotation_to_json(Annotation(style, label=label, answer=answer, points=points))


def check_to_row(yours):
    cases = [dict(style="count", label="cats", answer="3"), dict(style="long_caption", answer="A cat."),
             dict(style="pointing", label="cat", points=((10.0, 20.0),)), dict(style="pointing", label="dog"),
             dict(style="point_count", label="dogs", points=()), dict(style="user_qa", answer="no")]
    compare(yours, to_row, cases,
            because="Empty fields are left out, but not the points of a pointing style.")


def _to_row(keep, style, label="", answer="", points=()):
    values = dict(style=style, label=label, answer=answer, points=points)
    return {key: value for key, value in values.items() if value or keep(style, key)}


wrong_to_row = {
    "drops empty points too": lambda **case: _to_row(lambda style, key: False, **case),
    "keeps empty points in every style": lambda **case: _to_row(lambda style, key: key == "points", **case),
    "leaves nothing out": lambda **case: _to_row(lambda style, key: True, **case),
}


# the three steps of make hint

HINTS = {
    "select_points": (
        "Think of an empty word in a label as a joker: it fits every object.",
        "Write the condition for the color alone. Then the same for the kind. An object must pass both.",
        "both conditions must hold, and each can hold in two ways.",
    ),
    "region": (
        "Solve it for x alone first: three columns, numbered 0, 1, 2.",
        "The name is made of a row's word and a column's word. One of the nine is neither: it is "
        '"center".',
        "int(x * 3 // 100) is the number of the column.",
    ),
    "to_row": (
        "Begin with the four pairs of name and value, in their order. Then decide for each whether it "
        "stays.",
        "One field has an exception, and only in two styles. Treat it before you drop what is empty.",
        "an empty tuple and an empty string are both false in an `if`.",
    ),
}
