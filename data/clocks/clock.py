"""A clock: the time it shows, its appearance, and its image.

    random_clock -> Clock -> Clock.draw -> pixels
                      `----> prepare.py -> questions, answers
"""
from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

from PIL import Image

from data.clocks.accessories import ACCESSORIES
from data.clocks.backgrounds import cast_shadow, draw_background
from data.clocks.face import draw_case, draw_dial, draw_marks, draw_track
from data.clocks.hands import draw_hands, draw_second_hand, draw_small_seconds, hand_angles
from data.clocks.pen import Pen
from data.clocks.styles import NOVEL_STYLE, PALETTES, STYLES, Palette
from data.splits import train_or_val
from minimolmo.flow import Thing

SUPERSAMPLE = 2          # draw at this multiple of the size, then average: smooth edges
SHORT_SIDE = (160, 384)       # pixels along the shorter side
MAX_ASPECT = 4 / 3          # longest side, in shorter sides
FILL_SHARE = (0.45, 0.95)     # share of the shorter side that the clock fills
MIN_DIAL_SHARE = 0.42          # share that the dial alone fills, at least
COLOR_JITTER = 9                # largest random change of a colour channel (0-255)
GLASS_REFLECTION = (255, 255, 255, 22)


@dataclass(frozen=True)
class Clock:
    """The time and placement of a clock. `style_seed` seeds details that no annotation mentions.

    hour 1..12, minute and second 0..59; a clock without a second hand has second 0
    x, y, radius  centre and radius of the dial in pixels;  tilt  degrees clockwise
    """
    style: str
    hour: int
    minute: int
    second: int
    second_hand: bool
    width: int   # pixels
    height: int
    x: float
    y: float
    radius: float
    tilt: float
    style_seed: int
    things: ClassVar[tuple[Thing, ...]] = ()  # the dataset has no points
    suffix: ClassVar[str] = ".jpg"

    @property
    def columns(self) -> dict:
        """Additional columns of the row, with PixMo's names."""
        return {"watchface_name": self.style, "time_format": "12h",
                "watch_time": f"{self.hour:02}:{self.minute:02}:{self.second:02}",
                "shows_seconds": self.second_hand, "hour_visible": 1, "minute_visible": 1,
                "second_visible": int(self.second_hand)}

    def draw(self) -> Image.Image:
        """Draw the clock as an antialiased RGB image."""
        rng, style = random.Random(self.style_seed), STYLES[self.style]
        palette = _varied_palette(PALETTES[rng.choice(style.palettes)], rng)
        picture = draw_background(rng.choice(style.backgrounds), (self.width, self.height), rng)
        if style.dial != "open":
            cast_shadow(picture, (self.x, self.y), self.radius * (1 + style.rim_width),
                        style.shape == "square")
        size = SUPERSAMPLE * self.width, SUPERSAMPLE * self.height
        canvas = picture.resize(size, Image.Resampling.NEAREST)
        centre = SUPERSAMPLE * self.x, SUPERSAMPLE * self.y
        self._draw_layers(Pen(canvas, centre, SUPERSAMPLE * self.radius, self.tilt), palette, rng)
        return canvas.reduce(SUPERSAMPLE)

    def _draw_layers(self, pen: Pen, palette: Palette, rng: random.Random) -> None:
        """Draw all parts of the clock from back to front."""
        style = STYLES[self.style]
        hour, minute, second = hand_angles(self.hour, self.minute, self.second)
        ACCESSORIES[style.accessory](pen, palette, rng)
        draw_case(pen, style, palette)
        draw_dial(pen, style, palette, rng)
        draw_track(pen, style, palette)
        draw_marks(pen, style, palette)
        if self.second_hand and style.second_hand_style == "small":
            draw_small_seconds(pen, palette, second)
        draw_hands(pen, style, palette, (hour, minute), rng)
        if self.second_hand and style.second_hand_style != "small":
            draw_second_hand(pen, style, palette, second)
        if style.shape == "round" and style.dial != "open":
            pen.polygon([(-0.85, -0.5), (-0.5, -0.85), (0.85, 0.5), (0.7, 0.7)], GLASS_REFLECTION)


def random_clock(split: str, rng: random.Random) -> Clock:
    """A clock with random time, style (of the split), size and position."""
    while True:
        style = NOVEL_STYLE if split == "novel" else rng.choice(
            [name for name in STYLES if name != NOVEL_STYLE])
        hour, minute, has_second_hand = rng.randint(1, 12), rng.randrange(60), rng.random() < 0.5
        second = rng.randrange(60) if has_second_hand else 0
        clock = Clock(style, hour, minute, second, has_second_hand, *_random_placement(style, rng),
                      rng.getrandbits(32))
        if split_of(clock) == split:
            return clock


def split_of(clock: Clock) -> str:
    """The split of a clock. It depends on style, hour and minute only."""
    if clock.style == NOVEL_STYLE:
        return "novel"
    return train_or_val((clock.style, clock.hour, clock.minute))


def _random_placement(style_name: str, rng: random.Random) -> tuple[int, int, float, float, float, float]:
    """Width, height, x, y and radius in pixels, and tilt in degrees. The dial is always inside the image."""
    style = STYLES[style_name]
    short_side = round(SHORT_SIDE[0] * (SHORT_SIDE[1] / SHORT_SIDE[0]) ** rng.random())
    long_side = round(short_side * rng.uniform(1, MAX_ASPECT))
    width, height = rng.choice(((short_side, long_side), (long_side, short_side)))
    share = rng.uniform(max(FILL_SHARE[0], MIN_DIAL_SHARE * style.extent), FILL_SHARE[1])
    radius = share * short_side / 2 / style.extent
    x, y = (rng.uniform(share * short_side / 2, side - share * short_side / 2) for side in (width, height))
    tilt = rng.uniform(-1, 1) * style.max_tilt
    return width, height, round(x, 2), round(y, 2), round(radius, 2), round(tilt, 1)


def _varied_palette(palette: Palette, rng: random.Random) -> Palette:
    """The palette with small random changes of each colour."""
    return Palette(*(tuple(
        min(255, max(0, channel + rng.randint(-COLOR_JITTER, COLOR_JITTER)))
        for channel in color)
                     for color in palette))
