"""Outlines of simple shapes, and the palette indices that fill them.

    HOLE       transparent: the background shows through
    OUTLINE    the thin line around an object
    BODY       the object's named colour; SECOND: the stripes or dots on it
    SHADE      a darker body colour; TINT: a lighter one
    INK        dark on a light body, light on a dark one: hands, eyes, letters
    the rest   fixed colours, such as dark wheels and brown trunks

Outlines have any scale, with y downwards; objects.py stretches each object to its box.
"""
from __future__ import annotations

import math

Outline = tuple[tuple[float, float], ...]  # corners
Part = tuple[int, Outline]                 # palette index, outline

HOLE, OUTLINE, BODY, SECOND, SHADE, TINT, INK, DARK, LIGHT, GLASS, WOOD, LEAF, METAL, GOLD = range(14)
CORNERS = 36  # corners of a full circle


def polygon(coordinates: str) -> Outline:
    """An outline from a string of coordinates, x y x y ...

    >>> polygon("0 0  10 0  5 8")
    ((0.0, 0.0), (10.0, 0.0), (5.0, 8.0))
    """
    values = [float(coordinate) for coordinate in coordinates.split()]
    return tuple(zip(values[::2], values[1::2]))


def box(left: float, top: float, right: float, bottom: float) -> Outline:
    """The outline of a rectangle."""
    return (left, top), (right, top), (right, bottom), (left, bottom)


def arc(x: float, y: float, radius_x: float, radius_y: float, start: float, stop: float) -> Outline:
    """A piece of an ellipse's edge, in degrees clockwise from the right."""
    steps = max(4, round(abs(stop - start) / 360 * CORNERS))
    angles = [math.radians(start + (stop - start) * i / steps) for i in range(steps + 1)]
    return tuple((x + radius_x * math.cos(angle), y + radius_y * math.sin(angle)) for angle in angles)


def oval(x: float, y: float, radius_x: float, radius_y: float | None = None) -> Outline:
    """The outline of an ellipse around x, y; a circle if one radius is given."""
    return arc(x, y, radius_x, radius_y or radius_x, 0, 360)


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> Outline:
    """The outline of a rectangle with round corners."""
    xs, ys = (right - radius, left + radius), (bottom - radius, top + radius)
    centres = (xs[0], ys[0]), (xs[1], ys[0]), (xs[1], ys[1]), (xs[0], ys[1])
    return sum((arc(x, y, radius, radius, 90 * i, 90 * i + 90) for i, (x, y) in enumerate(centres)), ())


def arch(x: float, y: float, radius: float, width: float, start: float, stop: float) -> Outline:
    """A piece of a ring, `width` wide, whose outer edge is at `radius`. Degrees as in `arc`."""
    inner = radius - width
    return arc(x, y, radius, radius, start, stop) + arc(x, y, inner, inner, stop, start)


def curve(start: tuple, control: tuple, stop: tuple) -> Outline:
    """A quadratic Bezier curve from start to stop with one control point."""
    corners = []
    for t in (i / 12 for i in range(13)):
        weights = (1 - t) ** 2, 2 * t * (1 - t), t ** 2
        corners.append(
            tuple(
                sum(weight * point[axis]
                    for weight, point in zip(weights, (start, control, stop)))
                for axis in (0, 1)))
    return tuple(corners)


def stroke(path: Outline, width: float) -> Outline:
    """The outline of a line of this width along a path."""
    left, right = [], []
    for i, (x, y) in enumerate(path):
        (x0, y0), (x1, y1) = path[max(0, i - 1)], path[min(len(path) - 1, i + 1)]
        length = math.hypot(x1 - x0, y1 - y0)
        dx, dy = (y0 - y1) / length * width / 2, (x1 - x0) / length * width / 2
        left.append((x + dx, y + dy))
        right.append((x - dx, y - dy))
    return tuple(left + right[::-1])


def bar(x0: float, y0: float, x1: float, y1: float, width: float) -> Outline:
    """The outline of a straight line of this width."""
    return stroke(((x0, y0), (x1, y1)), width)


def star(x: float, y: float, points: int, outer: float, inner: float) -> Outline:
    """The outline of a star with its first point upwards."""
    angles = [math.pi * i / points - math.pi / 2 for i in range(2 * points)]
    return tuple((x + radius * math.cos(angle), y + radius * math.sin(angle))
                 for angle, radius in zip(angles, (outer, inner) * points))


def heart() -> Outline:
    """The outline of a heart, about 32 wide."""
    angles = [2 * math.pi * i / CORNERS for i in range(CORNERS)]
    xs = (16 * math.sin(angle) ** 3 for angle in angles)
    ys = (5 * math.cos(2 * angle) + 2 * math.cos(3 * angle) + math.cos(4 * angle) - 13 * math.cos(angle)
          for angle in angles)
    return tuple(zip(xs, ys))
