"""The answers to lesson 08: the library's own functions, and common mistakes. Try first."""
import math
import random
import re

from lessons.compare import compare
from minimolmo.text import points as library

# to_percent

def to_percent(pixels, width, height):
    return library.to_percent(pixels, width, height)


def check_to_percent(yours):
    cases = [([(50, 50)], 100, 100), ([(100, 20)], 200, 80), ([(0, 0), (200, 80)], 200, 80), ([], 200, 80),
             ([(20, 100), (0.5, 7)], 80, 200), ([(1234.5, 99)], 4000, 3000)]
    compare(yours, to_percent, [dict(pixels=p, width=w, height=h) for p, w, h in cases],
            because="x is in percent of the width, y in percent of the height.")


wrong_to_percent = {
    "swaps width and height": lambda pixels, width, height: to_percent(pixels, height, width),
    "swaps x and y": lambda pixels, width, height: [(y, x) for x, y in to_percent(pixels, width, height)],
    "gives fractions from 0 to 1": lambda pixels, width, height: [(x / width, y / height) for x, y in pixels],
    "rounds to whole percents": lambda pixels, width, height: [
        (float(round(x)), float(round(y))) for x, y in to_percent(pixels, width, height)],
}


# round_to_tenth

def round_to_tenth(value):
    return library._round_to_tenth(value)


def check_round_to_tenth(yours):
    cases = [12.0, 12.31, 12.38, 12.35, 12.45, 0.05, 0.15, 1.05, 99.95, 100.0, 0.0]
    cases += [float("nan"), float("inf")]
    rng = random.Random(0)
    cases += [round(rng.uniform(0, 100), 2) for _ in range(50)]
    compare(yours, round_to_tenth, [dict(value=value) for value in cases],
            because="Times ten, a half to the even neighbour, divided by ten; ValueError for nan and inf.")


def _only_finite(function):
    def checked(value):
        if not math.isfinite(value):
            raise ValueError("not finite")
        return function(value)
    return checked


wrong_round_to_tenth = {
    "uses round(value, 1), for which 12.35 is below the half": _only_finite(lambda value: round(value, 1)),
    "rounds down": _only_finite(lambda value: math.floor(value * 10) / 10),
    "rounds every half up": _only_finite(lambda value: math.floor(value * 10 + 0.5) / 10),
    "accepts nan": lambda value: round_to_tenth(value) if math.isfinite(value) else value,
}


# write_points

def write_points(points, label):
    return library.points_to_text(points, label, label)


def check_write_points(yours):
    rng = random.Random(0)
    cases = [[(61.5, 40.4)], [], [(10, 20), (30, 8.5)], [(30, 8.5), (10, 20)], [(10, 20), (10, 5)],
             [(12.35, 7.06)], [(7.06, 12.35)], [(12.36, 80), (12.44, 20)], [(100, 0)],
             [(50, 50), (50, 50)], [(9, 1), (10, 1)]]
    cases += [[(rng.uniform(0, 100), rng.uniform(0, 100)) for _ in range(12)]]
    compare(yours, write_points, [dict(points=case, label="cats") for case in cases],
            because="Round, then sort by x and then y, then write; two or more are numbered from 1.")


def _write(points, label, key=None, first=1):
    rounded = sorted(((round_to_tenth(x), round_to_tenth(y)) for x, y in points), key=key)
    if not points:
        return ""
    tag, numbers = "points", range(first, len(rounded) + first)
    if len(rounded) == 1:
        tag, numbers = "point", [""]
    coordinates = " ".join(f'x{n}="{x:.1f}" y{n}="{y:.1f}"' for n, (x, y) in zip(numbers, rounded))
    return f'<{tag} {coordinates} alt="{label}">{label}</{tag}>'


wrong_write_points = {
    "sorts by y first": lambda points, label: _write(points, label, key=lambda point: point[::-1]),
    "sorts before it rounds": lambda points, label: _write(sorted(points), label, key=lambda point: 0),
    "keeps the given order of the points": lambda points, label: _write(
        points, label, key=lambda point: 0),
    "counts from 0": lambda points, label: _write(points, label, first=0),
    "sorts numbers as strings, so that 10 comes before 9": lambda points, label: _write(
        points, label, key=lambda point: tuple(map(str, point))),
}


# parse_points

def parse_points(text):
    return library.parse_points(text)


def check_parse_points(yours):
    cases = ['x="1.0" y="2.0"', "", "There are none.", '<point x="61.5" y="40.4" alt="cat">cat</point>',
             '<points x1="10.0" y1="20.0" x2="30" y2="8.5" alt="cats">cats</points>',
             'x2="3.0" y2="4.0" x1="1.0" y1="2.0"',
             'x1="300" y1="4" x2="5.5" y2="100"', 'x="4" y="300"', 'x="100" y="50"', 'x="100.5" y="50"',
             'x="50" y="100.5"', 'x1="1.0" y2="2.0"', 'x1="1.0" y1="2.', 'x1="a" y1="2.0"',
             'x1="-5.0" y1="2.0"', 'x="1.0" y="2.0" and x="3.0" y="4.0"', 'x12="1.0" y12="2.0"']
    compare(yours, parse_points, [dict(text=text) for text in cases],
            because="The same number after x and y, plain decimals up to 100, in the order of the text.")


def _parse(text, pattern=r'x([0-9]*)="([0-9]+(?:\.[0-9]+)?)" y\1="([0-9]+(?:\.[0-9]+)?)"', maximum=100.0):
    found = [(float(x), float(y)) for _, x, y in re.findall(pattern, text)]
    return [point for point in found if max(point) <= maximum]


wrong_parse_points = {
    "keeps points beyond 100": lambda text: _parse(text, maximum=math.inf),
    "takes x1 and y2 for a pair": lambda text: _parse(
        text, r'x([0-9]*)="([0-9]+(?:\.[0-9]+)?)" y[0-9]*="([0-9]+(?:\.[0-9]+)?)"'),
    "sorts the points": lambda text: sorted(parse_points(text)),
    "accepts only one digit after x": lambda text: _parse(
        text, r'x([0-9]?)="([0-9]+(?:\.[0-9]+)?)" y\1="([0-9]+(?:\.[0-9]+)?)"'),
    "needs a decimal point in each number": lambda text: _parse(
        text, r'x([0-9]*)="([0-9]+\.[0-9]+)" y\1="([0-9]+\.[0-9]+)"'),
}


# the three steps of make hint

HINTS = {
    "to_percent": (
        "How many pixels is one percent of the width?",
        "x and y have different hundredths.",
        "x / (width / 100).",
    ),
    "round_to_tenth": (
        "Python rounds to whole numbers as the rule wants. How do you get tenths to be whole?",
        "Infinity and NaN have no tenth: refuse them first.",
        "Python's round(x) without a second argument rounds a half to the even neighbour. "
        "math.isfinite.",
    ),
    "write_points": (
        "Three cases: no point, one point, several. The first two are short.",
        "Round, then sort, then number them from 1. Sorting before rounding can change the order.",
        'use `round_to_tenth`. sorted() sorts pairs by the first number, then the second. f"{x:.1f}".',
    ),
    "parse_points": (
        "A regular expression with three groups: the number after x, A, and B.",
        "The number after y must be the same text as the one after x, even if that is empty.",
        're.findall(r\'x([0-9]*)="([0-9]+(?:\\.[0-9]+)?)" ...\', text); \\1 stands for the N found '
        "before.",
    ),
}
