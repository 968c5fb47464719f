"""One clock: the time it tells, how it looks, and its picture, which is a function of nothing else.

    random_clock -> Clock -> Clock.draw -> pixels
                      `----> prepare.py -> questions, answers
"""
from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

from PIL import Image

from data.clocks.accessories import AROUND
from data.clocks.face import draw_case, draw_dial, draw_marks, draw_track
from data.clocks.backgrounds import cast_shadow, draw_ground
from data.clocks.hands import draw_hands, draw_second_hand, draw_small_seconds, hand_angles
from data.clocks.pen import Pen
from data.clocks.styles import NOVEL, PAINTS, STYLES, Paint
from data.splits import train_or_val
from minimolmo.flow import Thing

SUPERSAMPLE = 2          # draw so much larger, then average: smooth edges
SHORT = (160, 384)       # pixels along the shorter side
LONGEST = 4 / 3          # longer side, in shorter sides
SHARE = (0.45, 0.95)     # how much of the shorter side the clock fills
SMALLEST = 0.42          # but its dial at least so much, however wide its surroundings
SHADE = 9                # a palette's colour varies by so much per channel (0-255)
GLASS = (255, 255, 255, 22)


@dataclass(frozen=True)
class Clock:
    """What is told and where. `look` seeds whatever carries no fact: colours, background, shape of the hands.

    hour 1..12, minute and second 0..59; a clock without a second hand stands at second 0
    x, y, radius  centre and radius of the dial, pixels;  turn  degrees clockwise by which it leans
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
    turn: float
    look: int
    things: ClassVar[tuple[Thing, ...]] = ()  # nobody points at it
    suffix: ClassVar[str] = ".jpg"

    @property
    def columns(self) -> dict:
        """The facts, under PixMo's own names."""
        return {"watchface_name": self.style, "time_format": "12h",
                "watch_time": f"{self.hour:02}:{self.minute:02}:{self.second:02}",
                "shows_seconds": self.second_hand, "hour_visible": 1, "minute_visible": 1,
                "second_visible": int(self.second_hand)}

    def draw(self) -> Image.Image:
        """The clock as an RGB picture, antialiased."""
        rng, style = random.Random(self.look), STYLES[self.style]
        paint = _shaded(PAINTS[rng.choice(style.paints)], rng)
        picture = draw_ground(rng.choice(style.grounds), (self.width, self.height), rng)
        if style.dial != "open":
            cast_shadow(picture, (self.x, self.y), self.radius * (1 + style.rim), style.shape == "square")
        size = SUPERSAMPLE * self.width, SUPERSAMPLE * self.height
        canvas = picture.resize(size, Image.Resampling.NEAREST)
        centre = SUPERSAMPLE * self.x, SUPERSAMPLE * self.y
        self._paint_on(Pen(canvas, centre, SUPERSAMPLE * self.radius, self.turn), paint, rng)
        return canvas.reduce(SUPERSAMPLE)

    def _paint_on(self, pen: Pen, paint: Paint, rng: random.Random):
        """From the back to the front."""
        style = STYLES[self.style]
        hour, minute, second = hand_angles(self.hour, self.minute, self.second)
        AROUND[style.around](pen, paint, rng)
        draw_case(pen, style, paint)
        draw_dial(pen, style, paint, rng)
        draw_track(pen, style, paint)
        draw_marks(pen, style, paint)
        if self.second_hand and style.second == "small":
            draw_small_seconds(pen, paint, second)
        draw_hands(pen, style, paint, (hour, minute), rng)
        if self.second_hand and style.second != "small":
            draw_second_hand(pen, style, paint, second)
        if style.shape == "round" and style.dial != "open":
            pen.polygon([(-0.85, -0.5), (-0.5, -0.85), (0.85, 0.5), (0.7, 0.7)], GLASS)


def random_clock(split: str, rng: random.Random) -> Clock:
    """Any time of the twelve hours to the minute, any style of the split, any size and place."""
    while True:
        style = NOVEL if split == "novel" else rng.choice([name for name in STYLES if name != NOVEL])
        hour, minute, shown = rng.randint(1, 12), rng.randrange(60), rng.random() < 0.5
        second = rng.randrange(60) if shown else 0
        clock = Clock(style, hour, minute, second, shown, *_place(style, rng), rng.getrandbits(32))
        if split_of(clock) == split:
            return clock


def split_of(clock: Clock) -> str:
    """The one split that may hold a clock of this style at this hour and minute, however it is drawn."""
    if clock.style == NOVEL:
        return "novel"
    return train_or_val((clock.style, clock.hour, clock.minute))


def _place(name: str, rng: random.Random) -> tuple[int, int, float, float, float, float]:
    """Width, height, x, y and radius in pixels, turn in degrees: the dial is always in sight."""
    style = STYLES[name]
    short = round(SHORT[0] * (SHORT[1] / SHORT[0]) ** rng.random())
    long = round(short * rng.uniform(1, LONGEST))
    width, height = rng.choice(((short, long), (long, short)))
    share = rng.uniform(max(SHARE[0], SMALLEST * style.reach), SHARE[1])
    radius = share * short / 2 / style.reach
    x, y = (rng.uniform(share * short / 2, side - share * short / 2) for side in (width, height))
    turn = rng.uniform(-1, 1) * style.tilt
    return width, height, round(x, 2), round(y, 2), round(radius, 2), round(turn, 1)


def _shaded(paint: Paint, rng: random.Random) -> Paint:
    """Each colour a little off, as no two clocks are alike."""
    return Paint(*(tuple(min(255, max(0, channel + rng.randint(-SHADE, SHADE))) for channel in color)
                   for color in paint))
