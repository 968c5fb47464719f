"""The hands of a clock: their angles at a time, and their drawing."""
from __future__ import annotations

import random

from data.clocks.pen import XY, Pen, dial_point, blend_colors
from data.clocks.styles import Palette, Style

HOUR_LENGTH, MINUTE_LENGTH, SECOND_LENGTH = 0.54, 0.84, 0.88  # radii of the dial
HOUR_WIDTH, MINUTE_WIDTH = 0.085, 0.062
SMALL_SECONDS_DIAL = (0.0, 0.44, 0.25)   # the small dial of the seconds: x, y, radius
SHADOW = (0, 0, 0, 60)
WHITE = (255, 255, 255)

# One side of each hand's outline: (position along its length, half width in units of its width).
HAND_PROFILES: dict[str, tuple[XY, ...]] = {
    "baton": ((-0.16, 0.5), (1, 0.5)),
    "plank": ((-0.24, 0.9), (1, 0.65)),
    "sword": ((-0.14, 0.35), (0, 0.4), (0.8, 0.75), (1, 0)),
    "dauphine": ((-0.18, 0), (0, 0.9), (1, 0)),
    "leaf": ((-0.16, 0.3), (0, 0.25), (0.25, 0.6), (0.5, 0.8), (0.75, 0.5), (1, 0.05)),
    "pencil": ((-0.15, 0.6), (0.88, 0.6), (1, 0)),
    "arrow": ((-0.15, 0.35), (0.7, 0.35), (0.68, 1.35), (1, 0)),
    "spade": ((-0.14, 0.6), (-0.05, 0.3), (0.56, 0.3), (0.6, 0.5), (0.64, 1.2), (0.7, 1.5), (0.76, 1.25),
              (0.84, 0.45), (1, 0.1)),
}


def hand_angles(hour: int, minute: int, second: int) -> tuple[float, float, float]:
    """Degrees clockwise from twelve of the hour, minute and second hand.

    >>> hand_angles(10, 9, 33)
    (304.775, 57.3, 198.0)
    """
    seconds = 3600 * (hour % 12) + 60 * minute + second
    return seconds / 120, seconds % 3600 / 10, 6.0 * second


def draw_hands(pen: Pen, style: Style, palette: Palette, angles: tuple[float, float],
               rng: random.Random) -> None:
    """Draw the hour hand and the minute hand in one shape, with shadows."""
    profile, width_factor = HAND_PROFILES[rng.choice(style.hands)], rng.uniform(0.9, 1.2)
    shadow_offset = rng.uniform(0.015, 0.035)
    hour_hand_color = palette.accent if style.hour_marks == "rainbow" else palette.hands
    for angle, length, width, fill in ((angles[0], HOUR_LENGTH, HOUR_WIDTH, hour_hand_color),
                                       (angles[1], MINUTE_LENGTH, MINUTE_WIDTH, palette.hands)):
        shape = hand_outline(profile, angle, length, width * width_factor)
        pen.polygon([(x + shadow_offset, y + shadow_offset) for x, y in shape], SHADOW)
        pen.polygon(shape, fill)
        if style.luminous:
            is_dark = sum(fill) < 380
            strip = blend_colors(fill, WHITE, 0.6) if is_dark else blend_colors(fill, palette.dial, 0.35)
            pen.bar(dial_point(angle, 0.3 * length), dial_point(angle, 0.78 * length), 0.4 * width, strip)
    pen.disc(0, 0, 0.055, palette.hands)


def draw_second_hand(pen: Pen, style: Style, palette: Palette, angle: float) -> None:
    """Draw the second hand: a thin needle, or a railway clock's lollipop."""
    tip = dial_point(angle, SECOND_LENGTH)
    if style.second_hand_style == "lollipop":
        pen.bar(dial_point(angle, -0.25), dial_point(angle, 0.62), 0.034, palette.accent)
        pen.disc(*dial_point(angle, 0.62), 0.085, palette.accent)
    elif style.second_hand_style == "needle":
        pen.bar(dial_point(angle, -0.22), tip, 0.024, palette.accent)
    pen.disc(0, 0, 0.036, palette.accent)


def draw_small_seconds(pen: Pen, palette: Palette, angle: float) -> None:
    """Draw the small seconds dial with its needle. It lies below the large hands."""
    x, y, radius = SMALL_SECONDS_DIAL
    pen.disc(x, y, radius, blend_colors(palette.dial, palette.ink, 0.35))
    pen.disc(x, y, 0.94 * radius, blend_colors(palette.dial, palette.ink, 0.06))
    for tick in range(12):
        inner, outer = (dial_point(30 * tick, share * radius) for share in (0.76, 0.9))
        pen.bar((x + inner[0], y + inner[1]), (x + outer[0], y + outer[1]), 0.014, palette.ink)
    tip, tail = dial_point(angle, 0.78 * radius), dial_point(angle, -0.25 * radius)
    pen.bar((x + tail[0], y + tail[1]), (x + tip[0], y + tip[1]), 0.026, palette.accent)
    pen.disc(x, y, 0.03, palette.accent)


def hand_outline(profile: tuple[XY, ...], angle: float, length: float, width: float) -> list[XY]:
    """The outline of a hand: up one side and down the other."""
    (ahead_x, ahead_y), (side_x, side_y) = dial_point(angle), dial_point(angle + 90)
    sides = [[(ahead_x * along * length + side_x * sign * half * width,
               ahead_y * along * length + side_y * sign * half * width) for along, half in profile]
             for sign in (1, -1)]
    return sides[0] + sides[1][::-1]
