"""The answers to lesson 08: the library's own functions, and slips that are easily made. Try first."""
import math
import random
import re

from lessons.compare import compare
from minimolmo.text import points as library

# percent

def percent(pixels, width, height):
    return library.to_percent(pixels, width, height)


def check_percent(yours):
    cases = [([(50, 50)], 100, 100), ([(100, 20)], 200, 80), ([(0, 0), (200, 80)], 200, 80), ([], 200, 80),
             ([(20, 100), (0.5, 7)], 80, 200), ([(1234.5, 99)], 4000, 3000)]
    compare(yours, percent, [dict(pixels=p, width=w, height=h) for p, w, h in cases],
            because="x is shared by the width, y by the height, and the whole is 100.")


wrong_percent = {
    "swaps width and height": lambda pixels, width, height: percent(pixels, height, width),
    "swaps x and y": lambda pixels, width, height: [(y, x) for x, y in percent(pixels, width, height)],
    "counts from 0 to 1": lambda pixels, width, height: [(x / width, y / height) for x, y in pixels],
    "rounds to whole percents": lambda pixels, width, height: [
        (float(round(x)), float(round(y))) for x, y in percent(pixels, width, height)],
}


# tenth

def tenth(value):
    return library._round_to_tenth(value)


def check_tenth(yours):
    cases = [12.0, 12.31, 12.38, 12.35, 12.45, 0.05, 0.15, 1.05, 99.95, 100.0, 0.0]
    cases += [float("nan"), float("inf")]
    rng = random.Random(0)
    cases += [round(rng.uniform(0, 100), 2) for _ in range(50)]
    compare(yours, tenth, [dict(value=value) for value in cases],
            because="Times ten, a half to the even neighbour, divided by ten; nan and inf are refused.")


def _refusing(function):
    def refuses(value):
        if not math.isfinite(value):
            raise ValueError("not finite")
        return function(value)
    return refuses


wrong_tenth = {
    "uses round(value, 1), which sees 12.35 a trace below the half": _refusing(lambda value: round(value, 1)),
    "cuts the rest off": _refusing(lambda value: math.floor(value * 10) / 10),
    "rounds every half up": _refusing(lambda value: math.floor(value * 10 + 0.5) / 10),
    "lets nan pass": lambda value: tenth(value) if math.isfinite(value) else value,
}


# write_points

def write_points(points, label):
    return library.points_to_text(points, label, label)


def check_write_points(yours):
    rng = random.Random(0)
    cases = [[(61.5, 40.4)], [], [(10, 20), (30, 8.5)], [(30, 8.5), (10, 20)], [(10, 20), (10, 5)],
             [(12.35, 7.06)], [(12.36, 80), (12.44, 20)], [(100, 0)], [(50, 50), (50, 50)], [(9, 1), (10, 1)]]
    cases += [[(rng.uniform(0, 100), rng.uniform(0, 100)) for _ in range(12)]]
    compare(yours, write_points, [dict(points=case, label="cats") for case in cases],
            because="Round, then sort by x and then y, then write; several are numbered from 1.")


def _write(points, label, key=None, first=1):
    rounded = sorted(((tenth(x), tenth(y)) for x, y in points), key=key)
    if not points:
        return ""
    name, numbers = "points", range(first, len(rounded) + first)
    if len(rounded) == 1:
        name, numbers = "point", [""]
    places = " ".join(f'x{n}="{x:.1f}" y{n}="{y:.1f}"' for n, (x, y) in zip(numbers, rounded))
    return f'<{name} {places} alt="{label}">{label}</{name}>'


wrong_write_points = {
    "sorts by y first": lambda points, label: _write(points, label, key=lambda point: point[::-1]),
    "sorts before it rounds": lambda points, label: _write(sorted(points), label, key=lambda point: 0),
    "keeps the order in which the points came": lambda points, label: _write(
        points, label, key=lambda point: 0),
    "counts from 0": lambda points, label: _write(points, label, first=0),
    "sorts numbers as words, so that 10 comes before 9": lambda points, label: _write(
        points, label, key=lambda point: tuple(map(str, point))),
}


# read_points

def read_points(text):
    return library.parse_points(text)


def check_read_points(yours):
    cases = ['x="1.0" y="2.0"', "", "There are none.", '<point x="61.5" y="40.4" alt="cat">cat</point>',
             '<points x1="10.0" y1="20.0" x2="30" y2="8.5" alt="cats">cats</points>',
             'x2="3.0" y2="4.0" x1="1.0" y1="2.0"',
             'x1="300" y1="4" x2="5.5" y2="100"', 'x1="1.0" y2="2.0"', 'x1="1.0" y1="2.', 'x1="a" y1="2.0"',
             'x1="-5.0" y1="2.0"', 'x="1.0" y="2.0" and x="3.0" y="4.0"', 'x12="1.0" y12="2.0"']
    compare(yours, read_points, [dict(text=text) for text in cases],
            because="The same number behind x and y, plain decimals up to 100, as they stand.")


def _read(text, pattern=r'x([0-9]*)="([0-9]+(?:\.[0-9]+)?)" y\1="([0-9]+(?:\.[0-9]+)?)"', most=100.0):
    found = [(float(x), float(y)) for _, x, y in re.findall(pattern, text)]
    return [point for point in found if max(point) <= most]


wrong_read_points = {
    "takes points beyond 100": lambda text: _read(text, most=math.inf),
    "takes x1 and y2 for a pair": lambda text: _read(
        text, r'x([0-9]*)="([0-9]+(?:\.[0-9]+)?)" y[0-9]*="([0-9]+(?:\.[0-9]+)?)"'),
    "sorts the points": lambda text: sorted(read_points(text)),
    "reads numbers of one digit behind x only": lambda text: _read(
        text, r'x([0-9]?)="([0-9]+(?:\.[0-9]+)?)" y\1="([0-9]+(?:\.[0-9]+)?)"'),
    "needs a digit behind the point": lambda text: _read(
        text, r'x([0-9]*)="([0-9]+\.[0-9]+)" y\1="([0-9]+\.[0-9]+)"'),
}
