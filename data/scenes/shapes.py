"""Outlines, and the numbers of painting by numbers: a thing is a few outlines, each filled with its number.

    HOLE       what lies behind shows through
    OUTLINE    the thin line around everything
    BODY       the colour that the thing is said to have; SECOND: the stripes or dots on it
    SHADE      the same colour, darker; TINT: lighter
    INK        dark on a light body, light on a dark one: hands, eyes, letters
    the rest   have colours of their own: a wheel is dark, a trunk is brown, whatever the thing is

Outlines are drawn on paper of any size, y downwards; `data/scenes/objects.py` stretches each thing into its box.
"""
from __future__ import annotations

import math

Outline = tuple[tuple[float, float], ...]  # corners
Part = tuple[int, Outline]                 # its number, and where it is

HOLE, OUTLINE, BODY, SECOND, SHADE, TINT, INK, DARK, LIGHT, GLASS, WOOD, LEAF, METAL, GOLD = range(14)
CORNERS = 36  # of a full circle


def polygon(numbers: str) -> Outline:
    """Corners as x y x y ...

    >>> polygon("0 0  10 0  5 8")
    ((0.0, 0.0), (10.0, 0.0), (5.0, 8.0))
    """
    values = [float(number) for number in numbers.split()]
    return tuple(zip(values[::2], values[1::2]))


def box(left: float, top: float, right: float, bottom: float) -> Outline:
    """A rectangle."""
    return (left, top), (right, top), (right, bottom), (left, bottom)


def arc(x: float, y: float, across: float, down: float, start: float, stop: float) -> Outline:
    """A piece of an ellipse's edge. Degrees, clockwise from the right; `across` and `down` are radii."""
    steps = max(4, round(abs(stop - start) / 360 * CORNERS))
    turns = [math.radians(start + (stop - start) * i / steps) for i in range(steps + 1)]
    return tuple((x + across * math.cos(turn), y + down * math.sin(turn)) for turn in turns)


def oval(x: float, y: float, across: float, down: float | None = None) -> Outline:
    """An ellipse around x, y; a circle if one radius is given."""
    return arc(x, y, across, down or across, 0, 360)


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> Outline:
    """A rectangle with round corners."""
    xs, ys = (right - radius, left + radius), (bottom - radius, top + radius)
    centres = (xs[0], ys[0]), (xs[1], ys[0]), (xs[1], ys[1]), (xs[0], ys[1])
    return sum((arc(x, y, radius, radius, 90 * i, 90 * i + 90) for i, (x, y) in enumerate(centres)), ())


def arch(x: float, y: float, radius: float, thick: float, start: float, stop: float) -> Outline:
    """A piece of a ring, `thick` wide, its outer edge at `radius`. Degrees as in `arc`."""
    inner = radius - thick
    return arc(x, y, radius, radius, start, stop) + arc(x, y, inner, inner, stop, start)


def curve(start: tuple, pull: tuple, stop: tuple) -> Outline:
    """From start to stop, drawn towards `pull` on the way (a quadratic Bezier curve)."""
    corners = []
    for t in (i / 12 for i in range(13)):
        shares = (1 - t) ** 2, 2 * t * (1 - t), t ** 2
        corners.append(tuple(sum(share * point[axis] for share, point in zip(shares, (start, pull, stop)))
                             for axis in (0, 1)))
    return tuple(corners)


def stroke(path: Outline, thick: float) -> Outline:
    """A line along the path, as an outline."""
    left, right = [], []
    for i, (x, y) in enumerate(path):
        (x0, y0), (x1, y1) = path[max(0, i - 1)], path[min(len(path) - 1, i + 1)]
        length = math.hypot(x1 - x0, y1 - y0)
        dx, dy = (y0 - y1) / length * thick / 2, (x1 - x0) / length * thick / 2
        left.append((x + dx, y + dy))
        right.append((x - dx, y - dy))
    return tuple(left + right[::-1])


def bar(x0: float, y0: float, x1: float, y1: float, thick: float) -> Outline:
    """A straight line as an outline."""
    return stroke(((x0, y0), (x1, y1)), thick)


def star(x: float, y: float, points: int, outer: float, inner: float) -> Outline:
    """A star with its first point upwards; two radii."""
    turns = [math.pi * i / points - math.pi / 2 for i in range(2 * points)]
    return tuple((x + radius * math.cos(turn), y + radius * math.sin(turn))
                 for turn, radius in zip(turns, (outer, inner) * points))


def heart() -> Outline:
    """The well-known curve; about 32 wide."""
    turns = [2 * math.pi * i / CORNERS for i in range(CORNERS)]
    xs = (16 * math.sin(t) ** 3 for t in turns)
    ys = (5 * math.cos(2 * t) + 2 * math.cos(3 * t) + math.cos(4 * t) - 13 * math.cos(t) for t in turns)
    return tuple(zip(xs, ys))
