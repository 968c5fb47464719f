"""Drawing in the coordinates of a clock face: centre (0, 0), radius 1, twelve at the top.

    angle    degrees clockwise from twelve
    x, y     right and down, in radii of the face
    fill     (red, green, blue), or four numbers with an alpha channel
"""
from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, ...]
XY = tuple[float, float]


def dial_point(angle: float, radius: float = 1.0) -> XY:
    """The point at an angle on a circle around the centre.

    >>> [round(value, 3) for value in dial_point(90, 0.5)]
    [0.5, -0.0]
    """
    radians = math.radians(angle)
    return radius * math.sin(radians), -radius * math.cos(radians)


class Pen:
    """Draws shapes given in radii of the face. `tilt` turns the whole clock clockwise, in degrees."""

    def __init__(self, canvas: Image.Image, centre: XY, radius: float, tilt: float = 0.0):
        self.canvas, self.centre, self.radius, self.tilt = canvas, centre, radius, tilt
        self._solid, self._glassy = ImageDraw.Draw(canvas), ImageDraw.Draw(canvas, "RGBA")
        self._cos, self._sin = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))

    def to_pixels(self, x: float, y: float) -> XY:
        """A point in pixels of the canvas."""
        return (self.centre[0] + self.radius * (x * self._cos - y * self._sin),
                self.centre[1] + self.radius * (x * self._sin + y * self._cos))

    def polygon(self, corners: Iterable[XY], fill: Color) -> None:
        """Draw a filled polygon."""
        self._brush(fill).polygon([self.to_pixels(*corner) for corner in corners], fill=fill)

    def disc(self, x: float, y: float, radius: float, fill: Color) -> None:
        """Draw a filled circle."""
        self._brush(fill).ellipse(self._box(x, y, radius), fill=fill)

    def ring(self, x: float, y: float, radius: float, width: float, fill: Color) -> None:
        """Draw the line of a circle, inside its radius."""
        thick = max(1, round(width * self.radius))
        self._brush(fill).ellipse(self._box(x, y, radius), outline=fill, width=thick)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Color) -> None:
        """Draw a filled rectangle, tilted like the clock."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], fill)

    def bar(self, start: XY, end: XY, width: float, fill: Color, end_width: float | None = None) -> None:
        """Draw a straight stroke with flat ends."""
        along = (end[0] - start[0], end[1] - start[1])
        length = math.hypot(*along) or 1.0
        across = -along[1] / length / 2, along[0] / length / 2
        corners = []
        for (x, y), width_here in ((start, width), (end, width if end_width is None else end_width)):
            sides = [(x + sign * across[0] * width_here, y + sign * across[1] * width_here)
                     for sign in (1, -1)]
            corners += sides if not corners else sides[::-1]
        self.polygon(corners, fill)

    def text(self, x: float, y: float, string: str, size: float, fill: Color, bold: float = 0.0) -> None:
        """Draw text of height `size` around a centre. `bold` widens the strokes by a fraction of it."""
        pixels = max(6, round(size * self.radius))
        glyphs = _text_mask(string, pixels, round(bold * pixels))
        if self.tilt:
            glyphs = glyphs.rotate(-self.tilt, Image.Resampling.BICUBIC, expand=True)
        left, top = self.to_pixels(x, y)
        corner = round(left - glyphs.width / 2), round(top - glyphs.height / 2)
        self.canvas.paste(fill, corner, glyphs)

    def _brush(self, fill: Color) -> ImageDraw.ImageDraw:
        """The drawing object for this fill. Blending is slow, so only transparent fills use it."""
        return self._glassy if len(fill) == 4 else self._solid

    def _box(self, x: float, y: float, radius: float) -> tuple[float, ...]:
        (left, top), distance = self.to_pixels(x, y), radius * self.radius
        return left - distance, top - distance, left + distance, top + distance


@lru_cache(maxsize=4096)
def _text_mask(string: str, size: int, stroke: int) -> Image.Image:
    """A mask that fits the text tightly, in Pillow's built-in font."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(string, stroke_width=stroke)
    mask = Image.new("L", (math.ceil(right - left) + 2, math.ceil(bottom - top) + 2))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), string, fill=255, font=font, stroke_width=stroke)
    return mask


def blend_colors(first: Color, second: Color, share: float) -> Color:
    """A blend of two colours: share 0 is the first, 1 the second.

    >>> blend_colors((0, 0, 0), (200, 100, 50), 0.5)
    (100, 50, 25)
    """
    return tuple(round(a + (b - a) * share) for a, b in zip(first, second))
