"""The face without its hands: case, dial, hour marks, minute track. Lengths are in radii of the dial."""
from __future__ import annotations

import colorsys
import math
import random

from data.clocks.pen import XY, Color, Pen, dial_point, blend_colors
from data.clocks.styles import Palette, Style

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
HOURS = range(1, 13)
ROMAN = ("I", "II", "III", "IIII", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")  # clocks use IIII for 4
NUM_RINGS = 8  # rings of a dial that is brighter in the middle


def polygon_outline(shape: str, scale: float) -> list[XY]:
    """The corners of a square or octagon around the centre; a square of scale 1 has sides of 2."""
    corners, first = {"square": (4, 45.0), "octagon": (8, 22.5)}[shape]
    distance = scale / math.cos(math.pi / corners)
    return [dial_point(first + 360 / corners * corner, distance) for corner in range(corners)]


def draw_plate(pen: Pen, shape: str, scale: float, fill: Color) -> None:
    """Draw a filled disc, square or octagon around the centre."""
    if shape == "round":
        pen.disc(0, 0, scale, fill)
    else:
        pen.polygon(polygon_outline(shape, scale), fill)


def draw_case(pen: Pen, style: Style, palette: Palette) -> None:
    """Draw the case as rings of dark and light, which look like a rounded rim."""
    if style.dial == "open":
        pen.ring(0, 0, 1.0 + style.rim_width, 0.06, palette.case)
        return
    for fraction, amount, blend_color in ((1, 0.45, BLACK), (0.9, 0.35, WHITE), (0.72, 0.0, BLACK),
                                          (0.2, 0.4, BLACK)):
        draw_plate(pen, style.shape, 1 + style.rim_width * fraction,
                   blend_colors(palette.case, blend_color, amount))


def draw_dial(pen: Pen, style: Style, palette: Palette, rng: random.Random) -> None:
    """Draw the dial, a little brighter in the middle, and its decoration."""
    if style.dial == "open":
        _open_work(pen, palette)
        return
    fade = (0.75, BLACK) if style.dial == "fade" else (0.1, BLACK)
    for step in range(NUM_RINGS):
        tone = blend_colors(palette.dial, fade[1], fade[0] * (1 - step / NUM_RINGS) ** 1.5)
        draw_plate(pen, style.shape, 1 - 0.9 * step / NUM_RINGS, tone)
    if style.dial == "stars":
        _night_sky(pen, palette, rng)
    if style.dial == "plate":
        pen.ring(0, 0, 0.99, 0.02, palette.accent)
        pen.ring(0, 0, 0.54, 0.012, blend_colors(palette.dial, palette.accent, 0.5))


def _open_work(pen: Pen, palette: Palette) -> None:
    """Draw two rings and some wheels in place of a dial, so that the wall shows."""
    pen.ring(0, 0, 0.6, 0.03, palette.case)
    for radius in (0.2, 0.13):
        pen.ring(0, 0, radius, 0.03, blend_colors(palette.case, WHITE, 0.35))
    for tooth in range(24):
        pen.bar(dial_point(15 * tooth, 0.19), dial_point(15 * tooth, 0.23), 0.025,
                blend_colors(palette.case, WHITE, 0.35))


def _night_sky(pen: Pen, palette: Palette, rng: random.Random) -> None:
    """Draw faint stars and a moon, darker than the hands."""
    for _ in range(40):
        x, y = dial_point(rng.uniform(0, 360), 0.95 * math.sqrt(rng.random()))
        pen.disc(x, y, rng.uniform(0.006, 0.014), blend_colors(palette.dial, WHITE, rng.uniform(0.25, 0.55)))
    x, y = dial_point(rng.uniform(0, 360), 0.45)
    pen.disc(x, y, 0.14, blend_colors(palette.dial, (250, 240, 200), 0.4))
    pen.disc(x + 0.06, y - 0.03, 0.12, palette.dial)


def draw_track(pen: Pen, style: Style, palette: Palette) -> None:
    """Draw the minute track."""
    soft_ink = blend_colors(palette.ink, palette.dial, 0.25)
    for minute in range(60):
        angle = 6 * minute
        if style.minute_track == "dots":
            pen.disc(*dial_point(angle, 0.94), 0.012 if minute % 5 else 0.02, soft_ink)
        elif style.minute_track == "strokes":
            pen.bar(dial_point(angle, 0.95), dial_point(angle, 0.88), 0.03, palette.ink)
        elif style.minute_track in ("ticks", "rails"):
            inner = 0.92 if minute % 5 else 0.89
            pen.bar(dial_point(angle, 0.97), dial_point(angle, inner), 0.012 if minute % 5 else 0.024,
                    soft_ink)
    if style.minute_track == "rails":
        pen.ring(0, 0, 0.98, 0.012, soft_ink)
        pen.ring(0, 0, 0.92, 0.012, soft_ink)


def draw_marks(pen: Pen, style: Style, palette: Palette) -> None:
    """Draw the hour marks."""
    for hour in HOURS:
        HOUR_MARKS[style.hour_marks](pen, hour, palette,
                                     1.12 if style.shape == "square" and hour % 3 else 1.0)


def _number(pen: Pen, hour: int, palette: Palette, distance: float, size: float = 0.2,
            bold: float = 0.0) -> None:
    pen.text(*dial_point(30 * hour, (0.76 if size < 0.23 else 0.74) * distance), str(hour), size,
             palette.ink, bold)


def _bold(pen: Pen, hour: int, palette: Palette, distance: float) -> None:
    _number(pen, hour, palette, distance, size=0.25, bold=0.035)


def _even(pen: Pen, hour: int, palette: Palette, distance: float) -> None:
    if hour % 2:
        pen.bar(dial_point(30 * hour, 0.84), dial_point(30 * hour, 0.7), 0.035, palette.ink)
    else:
        _number(pen, hour, palette, distance, 0.21)


def _quarters(pen: Pen, hour: int, palette: Palette, distance: float) -> None:
    if hour % 3:
        pen.disc(*dial_point(30 * hour, 0.78), 0.025, palette.ink)
    else:
        _number(pen, hour, palette, distance, 0.3, bold=0.02)


def _twelve(pen: Pen, hour: int, palette: Palette, distance: float) -> None:
    if hour == 12:
        pen.text(0, -0.74, "12", 0.26, palette.ink)
    else:
        pen.bar(dial_point(30 * hour, 0.85), dial_point(30 * hour, 0.79), 0.02, palette.ink)


def _minutes(pen: Pen, hour: int, palette: Palette, distance: float) -> None:
    """Draw a pilot's dial: minutes at the hour marks, and a triangle at the top."""
    if hour == 12:
        pen.polygon([(-0.1, -0.86), (0.1, -0.86), (0, -0.68)], palette.ink)
    else:
        pen.text(*dial_point(30 * hour, 0.76), f"{5 * hour:02}", 0.19, palette.ink, 0.02)


def _mark_stroke(pen: Pen, hour: int, palette: Palette, distance: float, inner: float = 0.72,
                 width: float = 0.05) -> None:
    angle, outer = 30 * hour, 0.87
    if hour == 12:
        for offset in (-width * 0.8, width * 0.8):
            pen.bar((offset, -outer), (offset, -inner), width, palette.ink)
    else:
        pen.bar(dial_point(angle, outer), dial_point(angle, inner), width, palette.ink)


def _bars(pen: Pen, hour: int, palette: Palette, distance: float) -> None:
    pen.bar(dial_point(30 * hour, 0.95), dial_point(30 * hour, 0.71), 0.075, palette.ink)


def _needles(pen: Pen, hour: int, palette: Palette, distance: float) -> None:
    _mark_stroke(pen, hour, palette, distance, inner=0.68 if hour % 3 == 0 else 0.75, width=0.026)


def _dots(pen: Pen, hour: int, palette: Palette, distance: float) -> None:
    size = 0.065 if hour == 12 else 0.05 if hour % 3 == 0 else 0.034
    pen.disc(*dial_point(30 * hour, 0.82), size, palette.ink)


def _diver_marks(pen: Pen, hour: int, palette: Palette, distance: float) -> None:
    """Draw a diver's dial: a triangle at twelve, bars at three, six and nine, discs at the other hours."""
    if hour == 12:
        pen.polygon([(-0.11, -0.85), (0.11, -0.85), (0, -0.64)], palette.ink)
    elif hour % 3:
        pen.disc(*dial_point(30 * hour, 0.77), 0.065, palette.ink)
    else:
        pen.bar(dial_point(30 * hour, 0.86), dial_point(30 * hour, 0.68), 0.085, palette.ink)


def _rainbow(pen: Pen, hour: int, palette: Palette, distance: float) -> None:
    """Draw a coloured disc for each hour, with its number in white."""
    hue = tuple(round(255 * share) for share in colorsys.hsv_to_rgb(hour / 12, 0.75, 0.8))
    pen.disc(*dial_point(30 * hour, 0.8), 0.155, hue)
    pen.text(*dial_point(30 * hour, 0.8), str(hour), 0.19, WHITE, 0.04)


def _roman(pen: Pen, hour: int, palette: Palette, distance: float, height: float = 0.2) -> None:
    """Draw a Roman numeral of thick and thin strokes, its foot towards the centre."""
    letter_widths = {"I": 0.35, "V": 0.85, "X": 0.85}
    letters = ROMAN[hour - 1]
    left = -sum(letter_widths[letter] for letter in letters) / 2 * height * 0.8
    for letter in letters:
        right = left + letter_widths[letter] * height * 0.8
        for (x0, y0), (x1, y1), thick in _letter_strokes(letter, left + 0.01, right - 0.01, height):
            pen.bar(_letter_point(hour, x0, y0, distance), _letter_point(hour, x1, y1, distance), thick,
                    palette.ink)
        left = right


def _letter_strokes(letter: str, left: float, right: float, height: float) -> list[tuple[XY, XY, float]]:
    """The strokes (from, to, thickness) of a letter between two lines; y goes up from its middle."""
    top, bottom, middle, thick_width, thin_width = height / 2, -height / 2, (left + right) / 2, 0.034, 0.014
    serifs = [((left, top), (right, top), thin_width)]
    if letter == "V":
        return serifs + [((left + 0.02, top), (middle, bottom), thick_width),
                         ((right - 0.02, top), (middle, bottom), thin_width)]
    serifs.append(((left, bottom), (right, bottom), thin_width))
    if letter == "I":
        return serifs + [((middle, top), (middle, bottom), thick_width)]
    return serifs + [((left + 0.02, top), (right - 0.02, bottom), thick_width),
                     ((right - 0.02, top), (left + 0.02, bottom), thin_width)]


def _letter_point(hour: int, x: float, y: float, distance: float) -> XY:
    """A point of a letter, moved to its hour on the dial."""
    (right, down), turn = dial_point(30 * hour, 0.77 * distance + y), math.radians(30 * hour)
    return right + x * math.cos(turn), down + x * math.sin(turn)


HOUR_MARKS = {
    "arabic": _number, "bold": _bold, "even": _even, "quarters": _quarters, "twelve": _twelve,
    "minutes": _minutes, "batons": _mark_stroke, "bars": _bars, "needles": _needles, "dots": _dots,
    "lamps": _diver_marks, "rainbow": _rainbow, "roman": _roman
}
