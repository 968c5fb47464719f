"""A canvas for documents: shapes are supersampled twofold, text is not.

All lengths are pixels of the finished image. The font is the one built into Pillow.
"""
from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]
XY = tuple[float, float]

SCALE = 2           # shapes are drawn at this multiple of the size
SIDE_RANGE = 224, 640    # pixels: shortest and longest side of an image
TEXT_SIZE = 13           # smallest font size; its capitals and digits are 9 pixels high
ARROW_SIZE = 8           # pixels along an arrow head

COLORS: dict[str, Color] = {  # names for questions; all colours are easy to tell apart
    "blue": (58, 110, 210), "orange": (240, 134, 36), "green": (56, 158, 84), "red": (212, 58, 64),
    "purple": (136, 84, 184), "teal": (42, 168, 176), "pink": (230, 112, 168), "brown": (140, 96, 62),
}


@dataclass(frozen=True)
class Theme:
    """The colours of a page."""
    paper: Color
    text_color: Color
    faint: Color   # secondary text
    rule: Color    # grid lines, borders
    panel: Color   # behind plots, table heads, boxes


THEMES = {
    "light": Theme((255, 255, 255), (28, 32, 44), (92, 98, 114), (212, 216, 224), (243, 245, 249)),
    "dark": Theme((24, 28, 40), (236, 239, 246), (166, 174, 192), (66, 73, 92), (36, 42, 58)),
    "paper": Theme((250, 244, 228), (58, 44, 30), (118, 98, 74), (220, 206, 176), (242, 232, 206)),
    "mint": Theme((238, 247, 242), (20, 52, 46), (78, 110, 102), (196, 219, 208), (222, 239, 230)),
    "slate": Theme((44, 52, 62), (242, 240, 232), (182, 184, 180), (84, 94, 106), (56, 66, 78)),
    "rose": Theme((253, 244, 244), (66, 28, 42), (132, 92, 104), (233, 210, 214), (248, 229, 232)),
}


@lru_cache(maxsize=None)
def load_font(size: int) -> ImageFont.FreeTypeFont:
    """The built-in font of this size, with the basic layout, which all machines have."""
    return ImageFont.load_default(size).font_variant(layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=50_000)
def text_width(text: str, size: int = TEXT_SIZE) -> int:
    """The width of the text in pixels."""
    return math.ceil(load_font(size).getlength(text))


def max_text_width(texts: Iterable[str], size: int = TEXT_SIZE) -> int:
    """The width of the widest text in pixels; 0 if there is none."""
    return max((text_width(text, size) for text in texts), default=0)


def clamp_side(side: float) -> int:
    """A side of an image in pixels, limited to SIDE_RANGE."""
    return max(SIDE_RANGE[0], min(SIDE_RANGE[1], round(side)))


class Canvas:
    """A page to draw on. `text_boxes` lists every text as (left, top, right, bottom, text, size)."""

    def __init__(self, width: int, height: int, theme: str):
        self.width, self.height, self.theme = width, height, THEMES[theme]
        self.text_boxes: list[tuple] = []
        self._texts: list[tuple] = []
        self._canvas = Image.new("RGB", (width * SCALE, height * SCALE), self.theme.paper)
        self._pen = ImageDraw.Draw(self._canvas)

    def text(self, text: str, x: float, y: float, size: int = TEXT_SIZE, color: Color | None = None,
             anchor: str = "lm", bold: bool = False) -> None:
        """Write text at (x, y). Anchors are Pillow's, but "m" means the middle of the capitals."""
        if anchor[1] == "m":  # Pillow's middle between ascender and descender is too high for digits
            y, anchor = y + size * 0.35, anchor[0] + "s"
        box = load_font(size).getbbox(text, anchor=anchor)
        self.text_boxes.append((x + box[0], y + box[1], x + box[2] + bold, y + box[3], text, size))
        for shift in (0, 1) if bold else (0,):
            self._texts.append(((round(x) + shift, round(y)), text, color
                                or self.theme.text_color, size, anchor))

    def box(self, left: float, top: float, right: float, bottom: float, fill: Color | None = None,
            outline: Color | None = None, radius: float = 0, line: float = 1) -> None:
        """Draw a rectangle, right - left pixels wide."""
        corners = [round(left * SCALE), round(top * SCALE), round(right * SCALE) - 1,
                   round(bottom * SCALE) - 1]
        if corners[2] >= corners[0] and corners[3] >= corners[1]:
            self._pen.rounded_rectangle(corners, radius * SCALE, fill, outline, round(line * SCALE))

    def banner(self, title: str, height: float, color_name: str, x: float, size: int,
               anchor: str = "lm") -> None:
        """Draw a coloured strip along the top with the title in it."""
        self.box(0, 0, self.width, height, COLORS[color_name])
        self.text(title, x, height / 2, size, text_color_on(COLORS[color_name]), anchor, bold=True)

    def line(self, spots: list[XY], color: Color | None = None, width: float = 1) -> None:
        """Draw a line through the points."""
        self._pen.line(self._large(spots), color or self.theme.rule, round(width * SCALE), joint="curve")

    def polygon(self, spots: list[XY], fill: Color, outline: Color | None = None, line: float = 1) -> None:
        """Draw a filled polygon."""
        self._pen.polygon(self._large(spots), fill, outline, round(line * SCALE))

    def dot(self, x: float, y: float, radius: float, fill: Color) -> None:
        """Draw a disc."""
        self._pen.ellipse(_disc_box(x, y, radius), fill)

    def slice(self, x: float, y: float, radius: float, start: float, end: float, fill: Color) -> None:
        """Draw a slice of a pie. Degrees run clockwise from the right."""
        self._pen.pieslice(_disc_box(x, y, radius), start, end, fill, self.theme.paper, 1)

    def text_on_circle(self, text: str, x: float, y: float, radius: float, degrees: float,
                       color: Color) -> None:
        """Write text at an angle and a distance from (x, y)."""
        turn = math.radians(degrees)
        self.text(text, x + radius * math.cos(turn), y + radius * math.sin(turn), color=color, anchor="mm")

    def arrow(self, spots: list[XY], color: Color, width: float = 1.5) -> None:
        """Draw a line with an arrow head at its last point."""
        (x0, y0), (x1, y1) = spots[-2:]
        far = math.hypot(x1 - x0, y1 - y0) or 1
        u, v = (x1 - x0) / far * ARROW_SIZE, (y1 - y0) / far * ARROW_SIZE
        self.line([*spots[:-1], (x1 - u / 2, y1 - v / 2)], color, width)
        self.polygon([(x1, y1), (x1 - u - v / 2, y1 - v + u / 2), (x1 - u + v / 2, y1 - v - u / 2)], color)

    def to_image(self) -> Image.Image:
        """The finished image: averaged shapes with the text on top."""
        picture = self._canvas.reduce(SCALE)
        pen = ImageDraw.Draw(picture)
        for spot, text, color, size, anchor in self._texts:
            pen.text(spot, text, color, load_font(size), anchor)
        return picture

    def _large(self, spots: list[XY]) -> list[XY]:
        return [(x * SCALE, y * SCALE) for x, y in spots]


def _disc_box(x: float, y: float, radius: float) -> list[float]:
    """The box of a disc on the enlarged canvas."""
    return [(x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE]


def text_color_on(background: Color) -> Color:
    """Black or white, whichever is easier to read on the colour."""
    return (20, 22,
            28) if 0.3 * background[0] + 0.59 * background[1] + 0.11 * background[2] > 138 else (255, 255,
                                                                                                 255)
