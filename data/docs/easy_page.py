"""Pages of level easy: a small canvas, and the base class of all records.

    record -> EasyPage.draw -> EasyCanvas -> 64 x 64 pixels
         `--> things, data

All lengths are pixels of the finished image, origin top-left. The font is the one built into Pillow.
"""
from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import ClassVar, TypeVar

from PIL import Image, ImageDraw

from data.docs.canvas import XY, Color, load_font, text_color_on
from data.scenes.easy import COLORS, SHADE_JITTER, SUPERSAMPLE
from data.splits import train_or_val
from minimolmo.flow import Thing

SIZE = 64                      # pixels a side
PAPER_RANGE = 232, 252         # a channel of the paper (0-255)
PAPER_TINT = 5                 # largest difference of a channel from the paper's grey
INK: Color = (38, 40, 48)      # labels call it black
WHITE: Color = (255, 255, 255)
FAINT: Color = (206, 208, 212)  # grid lines
TEXT_SIZE = 12                 # smallest font size; its digits are 8.4 pixels high
DIGIT_HEIGHT = 0.7             # height of a digit, as a part of the font size
INKS = {"black": INK, "white": WHITE}
STROKE = 1 / 48                # extra width on each side of a letter's lines, as a part of the font size

Box = tuple[float, float, float, float]   # left, top, right, bottom in pixels


class EasyCanvas:
    """A page to draw on, with paper of a random light tint. `rng` varies tints and shades."""

    def __init__(self, rng: random.Random, paper: Color | None = None):
        self._rng = rng
        self._canvas = Image.new("RGB", (SIZE * SUPERSAMPLE,) * 2, paper or _random_paper(rng))
        self._pen = ImageDraw.Draw(self._canvas)

    def shade(self, color: str) -> Color:
        """A named colour, slightly varied. Draw an object with one shade."""
        return tuple(min(255, max(0, channel + self._rng.randint(-SHADE_JITTER, SHADE_JITTER)))
                     for channel in COLORS[color])

    def rectangle(self, box: Box, fill: Color | None = None, outline: Color | None = None,
                  width: float = 1, radius: float = 0) -> None:
        """Draw a rectangle, right - left pixels wide, perhaps with an outline inside its edge."""
        self._pen.rounded_rectangle(_large_box(box), radius * SUPERSAMPLE, fill, outline,
                                    round(width * SUPERSAMPLE))

    def ellipse(self, box: Box, fill: Color | None = None, outline: Color | None = None,
                width: float = 1) -> None:
        """Draw an ellipse into its box."""
        self._pen.ellipse(_large_box(box), fill, outline, round(width * SUPERSAMPLE))

    def disc(self, x: float, y: float, radius: float, fill: Color) -> None:
        """Draw a disc."""
        self.ellipse((x - radius, y - radius, x + radius, y + radius), fill)

    def slice(self, box: Box, start: float, end: float, fill: Color) -> None:
        """Draw a slice of a pie. Degrees run clockwise from the right."""
        self._pen.pieslice(_large_box(box), start, end, fill)

    def line(self, spots: list[XY], color: Color = INK, width: float = 1) -> None:
        """Draw a line through the points."""
        self._pen.line([(x * SUPERSAMPLE, y * SUPERSAMPLE) for x, y in spots], color,
                       round(width * SUPERSAMPLE), joint="curve")

    def polygon(self, spots: list[XY], fill: Color) -> None:
        """Draw a filled polygon."""
        self._pen.polygon(list(zip(*(_large_sides(sides) for sides in zip(*spots)))), fill)

    def arrow(self, start: XY, end: XY, color: Color = INK, width: float = 1.5, head: float = 5) -> None:
        """Draw a straight arrow. `head` is the length and the width of its head."""
        (x0, y0), (x1, y1) = start, end
        length = ((x1 - x0)**2 + (y1 - y0)**2)**0.5
        u, v = (x1 - x0) / length * head, (y1 - y0) / length * head
        self.line([start, (x1 - u / 2, y1 - v / 2)], color, width)
        self.polygon([end, (x1 - u - v / 2, y1 - v + u / 2), (x1 - u + v / 2, y1 - v - u / 2)], color)

    def text(self, text: str, x: float, y: float, size: float = TEXT_SIZE, color: Color = INK) -> None:
        """Write text with its centre at (x, y). Vertically, that is the middle of digits and capitals."""
        large = round(size * SUPERSAMPLE)
        spot = round(x * SUPERSAMPLE), round((y + size * DIGIT_HEIGHT / 2) * SUPERSAMPLE)
        self._pen.text(spot, text, color, load_font(large), anchor="ms", stroke_width=_stroke(large))

    def to_image(self) -> Image.Image:
        """The finished RGB image, 64 x 64 pixels, antialiased."""
        return self._canvas.reduce(SUPERSAMPLE)


@dataclass(frozen=True)
class EasyPage(ABC):
    """The facts of one page. `style_seed` seeds tints and shades, which carry no facts."""
    style_seed: int
    family: ClassVar[str]                   # the style of its annotations
    columns: ClassVar[dict] = {}            # no columns besides the annotations
    suffix: ClassVar[str] = ".png"

    @property
    def data(self) -> tuple:
        """The facts, for the checksum that decides the split: all fields except `style_seed`."""
        return type(self).__name__, *(getattr(self, field.name) for field in fields(self)
                                      if field.name != "style_seed")

    @property
    @abstractmethod
    def things(self) -> tuple[Thing, ...]:
        """What has to be read, with its boxes."""

    @property
    @abstractmethod
    def novel_parts(self) -> list:
        """What the page shows of held-out compositions: what the questions of split `novel` are about."""

    @property
    def is_novel(self) -> bool:
        """Does the page show a held-out composition?"""
        return bool(self.novel_parts)

    def style(self, index: int, low: int, high: int) -> int:
        """A number from low to high that follows from the seed: a position or a size, which is no fact.

        index  0 to 4: numbers of the same page with different indices are independent
        """
        return low + (self.style_seed >> 6 * index) % (high - low + 1)

    @abstractmethod
    def paint(self, canvas: EasyCanvas, rng: random.Random) -> None:
        """Draw the page on the canvas."""

    def draw(self) -> Image.Image:
        """Draw the page as an RGB image. The result is the same each time."""
        rng = random.Random(self.style_seed)
        canvas = EasyCanvas(rng)
        self.paint(canvas, rng)
        return canvas.to_image()


AnyPage = TypeVar("AnyPage", bound=EasyPage)


def split_of(page: EasyPage) -> str:
    """The split of a page with these facts. It depends on the facts alone: no facts are in two splits."""
    return "novel" if page.is_novel else train_or_val(page.data)


def page_of_split(make: Callable[[], AnyPage], split: str) -> AnyPage:
    """The first page that belongs to the split. `make` makes a random page."""
    while True:
        page = make()
        if split_of(page) == split:
            return page


def make_thing(kind: str, color: str, box: Box) -> Thing:
    """A labelled object from its box in pixels."""
    left, top, right, bottom = box
    values = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    return Thing(kind, color, *(round(value * 100 / SIZE, 2) for value in values))


def text_things(text: str, x: float, y: float, color: str, size: float = TEXT_SIZE) -> tuple[Thing, ...]:
    """A labelled object for each character that `EasyCanvas.text` writes at (x, y)."""
    large = round(size * SUPERSAMPLE)
    left = x * SUPERSAMPLE - _advance(text, large) / 2
    things = []
    for index, character in enumerate(text):
        ink = _ink_box(character, large)
        start, baseline = left + _advance(text[:index], large), (y + size * DIGIT_HEIGHT / 2) * SUPERSAMPLE
        box = start + ink[0], baseline + ink[1], start + ink[2], baseline + ink[3]
        things.append(make_thing(character, color, tuple(side / SUPERSAMPLE for side in box)))
    return tuple(things)


def ink_on(color: str) -> str:
    """The ink that is readable on a named colour: "black" or "white"."""
    return "black" if text_color_on(COLORS[color])[0] < 128 else "white"


@lru_cache(maxsize=50_000)
def _advance(text: str, large: int) -> float:
    """The width of the text on the enlarged canvas."""
    return load_font(large).getlength(text)


@lru_cache(maxsize=50_000)
def _ink_box(character: str, large: int) -> tuple[int, int, int, int]:
    """The box of a character's ink, from the left end of its baseline. `getbbox` adds the space around."""
    image, origin = Image.new("L", (3 * large, 3 * large)), (large, 2 * large)
    ImageDraw.Draw(image).text(origin, character, 255, load_font(large), anchor="ls",
                               stroke_width=_stroke(large))
    left, top, right, bottom = image.getbbox()
    return left - origin[0], top - origin[1], right - origin[0], bottom - origin[1]


def _stroke(large: int) -> int:
    """Extra width of the letters on the enlarged canvas: the font's own lines are thin."""
    return round(large * STROKE)


def _random_paper(rng: random.Random) -> Color:
    grey = rng.randint(*PAPER_RANGE)
    return tuple(min(255, grey + rng.randint(-PAPER_TINT, PAPER_TINT)) for _ in range(3))


def _large_sides(sides: tuple[float, ...]) -> list[float]:
    """The x or y of corners on the enlarged canvas, one pixel less wide: Pillow fills the last pixel too."""
    low, high = min(sides) * SUPERSAMPLE, max(sides) * SUPERSAMPLE
    return [low + (side * SUPERSAMPLE - low) * (1 - 1 / (high - low)) for side in sides]


def _large_box(box: Box) -> list[int]:
    """The box on the enlarged canvas. Pillow fills the last pixel too, so 1 is subtracted."""
    left, top, right, bottom = (round(side * SUPERSAMPLE) for side in box)
    return [left, top, right - 1, bottom - 1]
