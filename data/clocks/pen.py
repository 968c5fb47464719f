"""A pen that thinks in clocks: the face's centre is (0, 0), its radius is 1, twelve is up.

    angle    degrees clockwise from twelve, as hands go
    x, y     right and down, in radii of the face
    fill     (red, green, blue), or four numbers to let shine through what lies below
"""
from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, ...]
Spot = tuple[float, float]


def around_dial(angle: float, radius: float = 1.0) -> Spot:
    """Where an angle is on a circle about the centre.

    >>> [round(value, 3) for value in around_dial(90, 0.5)]
    [0.5, -0.0]
    """
    turn = math.radians(angle)
    return radius * math.sin(turn), -radius * math.cos(turn)


class Pen:
    """Draws on a canvas whatever is told in radii. `turn` leans the whole clock clockwise, in degrees."""

    def __init__(self, canvas: Image.Image, centre: Spot, radius: float, turn: float = 0.0):
        self.canvas, self.centre, self.radius, self.turn = canvas, centre, radius, turn
        self._solid, self._glassy = ImageDraw.Draw(canvas), ImageDraw.Draw(canvas, "RGBA")
        self._cos, self._sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))

    def at(self, x: float, y: float) -> Spot:
        """Radii to pixels of the canvas."""
        return (self.centre[0] + self.radius * (x * self._cos - y * self._sin),
                self.centre[1] + self.radius * (x * self._sin + y * self._cos))

    def polygon(self, corners: Iterable[Spot], fill: Color):
        """A filled outline."""
        self._brush(fill).polygon([self.at(*corner) for corner in corners], fill=fill)

    def disc(self, x: float, y: float, radius: float, fill: Color):
        """A filled circle."""
        self._brush(fill).ellipse(self._box(x, y, radius), fill=fill)

    def ring(self, x: float, y: float, radius: float, width: float, fill: Color):
        """A circle's line, inside of its radius."""
        thick = max(1, round(width * self.radius))
        self._brush(fill).ellipse(self._box(x, y, radius), outline=fill, width=thick)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Color):
        """A filled rectangle, which leans as the clock does."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], fill)

    def bar(self, start: Spot, end: Spot, width: float, fill: Color, end_width: float | None = None):
        """A straight stroke with flat ends."""
        along = (end[0] - start[0], end[1] - start[1])
        length = math.hypot(*along) or 1.0
        across = -along[1] / length / 2, along[0] / length / 2
        corners = []
        for (x, y), wide in ((start, width), (end, width if end_width is None else end_width)):
            sides = [(x + sign * across[0] * wide, y + sign * across[1] * wide) for sign in (1, -1)]
            corners += sides if not corners else sides[::-1]
        self.polygon(corners, fill)

    def text(self, x: float, y: float, words: str, size: float, fill: Color, bold: float = 0.0):
        """Words about a centre, `size` high. `bold` thickens the strokes, in shares of the size."""
        pixels = max(6, round(size * self.radius))
        glyphs = _glyphs(words, pixels, round(bold * pixels))
        if self.turn:
            glyphs = glyphs.rotate(-self.turn, Image.Resampling.BICUBIC, expand=True)
        left, top = self.at(x, y)
        corner = round(left - glyphs.width / 2), round(top - glyphs.height / 2)
        self.canvas.paste(fill, corner, glyphs)

    def _brush(self, fill: Color) -> ImageDraw.ImageDraw:
        """Blending costs time, so only what is glassy pays for it."""
        return self._glassy if len(fill) == 4 else self._solid

    def _box(self, x: float, y: float, radius: float) -> tuple[float, ...]:
        (left, top), far = self.at(x, y), radius * self.radius
        return left - far, top - far, left + far, top + far


@lru_cache(maxsize=4096)
def _glyphs(words: str, size: int, stroke: int) -> Image.Image:
    """A mask that fits the ink tightly. Pillow carries this font inside, so no file is needed."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(words, stroke_width=stroke)
    mask = Image.new("L", (math.ceil(right - left) + 2, math.ceil(bottom - top) + 2))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), words, fill=255, font=font, stroke_width=stroke)
    return mask


def mixed(first: Color, second: Color, share: float) -> Color:
    """A colour between two: share 0 is the first, 1 the second.

    >>> mixed((0, 0, 0), (200, 100, 50), 0.5)
    (100, 50, 25)
    """
    return tuple(round(a + (b - a) * share) for a, b in zip(first, second))
