"""Accessories of clocks: straps, bells, chains, a cuckoo clock's house. Lengths are in radii of the dial."""
from __future__ import annotations

import random

from data.clocks.pen import Pen, dial_point, blend_colors
from data.clocks.styles import Palette

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def _nothing(pen: Pen, palette: Palette, rng: random.Random) -> None:
    """Draw no accessory."""


def _strap(pen: Pen, palette: Palette, rng: random.Random) -> None:
    """Draw a strap that runs out of the image, its lugs, and a crown."""
    leather = rng.choice(((74, 44, 28), (34, 34, 38), (124, 74, 40), (40, 56, 80), (150, 154, 160)))
    lug = blend_colors(palette.case, BLACK, 0.15)
    for end in (-1, 1):
        corners = [(-0.66, 0.8 * end), (0.66, 0.8 * end), (0.52, 4.0 * end), (-0.52, 4.0 * end)]
        pen.polygon([(x * 1.06 + 0.04, y) for x, y in corners], (0, 0, 0, 70))
        pen.polygon(corners, leather)
        pen.polygon([(0.86 * x, y) for x, y in corners], blend_colors(leather, WHITE, 0.1))
        for stitch in range(10):
            y = end * (1.25 + 0.24 * stitch)
            for side in (-1, 1):
                x = side * (0.61 - 0.044 * (abs(y) - 0.8) - 0.07)
                pen.bar((x, y), (x, y + 0.12 * end), 0.022, blend_colors(leather, WHITE, 0.45))
        for side in (-1, 1):
            pen.bar((side * 0.72, 0.7 * end), (side * 0.7, 1.3 * end), 0.17, lug, 0.12)
    pen.box(1.05, -0.12, 1.27, 0.12, blend_colors(palette.case, BLACK, 0.3))
    for groove in (-0.07, 0.0, 0.07):
        pen.box(1.08, groove - 0.015, 1.27, groove + 0.015, blend_colors(palette.case, WHITE, 0.3))


def _diver(pen: Pen, palette: Palette, rng: random.Random) -> None:
    """Draw a strap and a bezel with teeth."""
    _strap(pen, palette, rng)
    for tooth in range(48):
        pen.disc(*dial_point(7.5 * tooth, 1.25), 0.05, blend_colors(palette.case, BLACK, 0.25))


def _chain(pen: Pen, palette: Palette, rng: random.Random) -> None:
    """Draw a crown with its bow and a chain."""
    swing, dark = rng.choice((-1, 1)), blend_colors(palette.case, BLACK, 0.4)
    for link in range(16):
        x, y = swing * 0.013 * link ** 2, -1.62 - 0.13 * link
        pen.ring(x, y, 0.1, 0.045, palette.case if link % 2 else dark)
    pen.ring(0, -1.42, 0.2, 0.06, dark)
    pen.box(-0.12, -1.38, 0.12, -1.05, dark)
    pen.box(-0.09, -1.36, 0.04, -1.05, palette.case)


def _bells(pen: Pen, palette: Palette, rng: random.Random) -> None:
    """Draw two bells with a hammer between them, and two feet."""
    brass = rng.choice(((206, 168, 84), (176, 182, 188)))
    for side in (-1, 1):
        pen.bar((side * 0.5, 0.8), (side * 0.82, 1.4), 0.16, blend_colors(palette.case, BLACK, 0.35), 0.1)
        pen.bar((side * 0.45, -0.8), (side * 0.66, -1.22), 0.08, blend_colors(brass, BLACK, 0.4))
        bell_angle = 33 * side
        dome = [dial_point(bell_angle + step, 0.42) for step in range(-90, 91, 10)]
        x, y = dial_point(bell_angle, 1.12)
        pen.polygon([(x + dx, y + dy) for dx, dy in dome], blend_colors(brass, BLACK, 0.25))
        pen.polygon([(x + 0.8 * dx - 0.03, y + 0.8 * dy - 0.03) for dx, dy in dome], brass)
    pen.bar((0, -1.0), (0, -1.42), 0.05, blend_colors(brass, BLACK, 0.5))
    pen.disc(0, -1.44, 0.09, blend_colors(brass, BLACK, 0.3))


def _rays(pen: Pen, palette: Palette, rng: random.Random) -> None:
    """Draw golden rays around the dial."""
    gold = blend_colors((214, 172, 80), palette.case, 0.3)
    for ray in range(24):
        tip_distance = 1.62 if ray % 2 else 1.4
        left, right = dial_point(15 * ray - 5, 1.0), dial_point(15 * ray + 5, 1.0)
        tip = dial_point(15 * ray, tip_distance)
        pen.polygon([left, right, tip], blend_colors(gold, BLACK, 0.25))
        pen.polygon([left, dial_point(15 * ray, 1.0), tip], gold)


def _house(pen: Pen, palette: Palette, rng: random.Random) -> None:
    """Draw a chalet with roof, boards, a bird's door, leaves and a pendulum."""
    wood = palette.case
    pen.bar((0, 1.2), (0, 2.05), 0.05, blend_colors(wood, BLACK, 0.5))
    pen.disc(0, 2.05, 0.2, (196, 152, 70))
    pen.polygon([(-1.22, 1.35), (-1.22, -1.0), (0, -1.85), (1.22, -1.0), (1.22, 1.35)], wood)
    for board in range(-5, 6):
        x, top = 0.22 * board, -1.6 + abs(0.17 * board)
        pen.bar((x, top), (x, 1.35), 0.015, blend_colors(wood, BLACK, 0.3))
    for side in (-1, 1):
        pen.bar((0, -1.9), (side * 1.5, -0.86), 0.2, blend_colors(wood, BLACK, 0.5))
        for leaf in range(4):
            x, green = side * (1.16 - 0.12 * (leaf % 2)), blend_colors((62, 112, 52), BLACK, leaf / 9)
            pen.disc(x, -0.5 + 0.52 * leaf, 0.13, green)
    pen.box(-0.2, -1.62, 0.2, -1.14, blend_colors(wood, BLACK, 0.65))
    pen.disc(0, -1.3, 0.11, (240, 200, 70))
    pen.polygon([(0.08, -1.34), (0.2, -1.29), (0.08, -1.25)], (226, 90, 40))


def _tower(pen: Pen, palette: Palette, rng: random.Random) -> None:
    """Draw a tower of stone blocks with battlements."""
    other = rng.choice(((150, 90, 70), (130, 136, 146), (220, 212, 196)))
    stone = blend_colors((186, 174, 152), other, rng.random())
    for tooth in range(5):
        pen.box(-1.45 + 0.64 * tooth, -1.9, -1.11 + 0.64 * tooth, -1.5, blend_colors(stone, BLACK, 0.15))
    pen.box(-1.45, -1.62, 1.45, 6, stone)
    for course in range(16):
        for block in range(-(course % 2), 5):
            shade = blend_colors(stone, rng.choice((BLACK, WHITE)), 0.14 * rng.random())
            left, top = -1.45 + 0.62 * block + 0.31 * (course % 2), -1.36 + 0.26 * course
            pen.box(max(-1.45, left + 0.01), top, min(1.45, left + 0.6), top + 0.245, shade)
    pen.box(-1.55, -1.62, 1.55, -1.42, blend_colors(stone, BLACK, 0.3))


ACCESSORIES = {
    "nothing": _nothing, "strap": _strap, "diver": _diver, "chain": _chain, "bells": _bells, "rays": _rays,
    "house": _house, "tower": _tower
}
