"""Seven backgrounds for scenes of level full.

Their colours stay pale, and the night is grey, so that every object stands out.
Each painter is a function of the size and of the random generator. HORIZON is the height of the line
between sky and ground, or between wall and floor.
"""
from __future__ import annotations

import random

from PIL import Image, ImageDraw

Color = tuple[int, ...]  # red, green, blue, 0-255

BACKGROUNDS = ("field", "sea", "room", "street", "night", "plain", "noisy")
HORIZON = 0.45  # share of the height
HORIZON_JITTER = 0.06     # largest random shift of the horizon, share of the height
COLOR_JITTER = 8        # largest random change of a colour channel (0-255)
NOISE_CELLS = 48      # squares along the longer side of the noisy background
NOISE_LEVEL = 22      # largest difference of a square from the mean colour (0-255)


def draw_background(name: str, width: int, height: int, rng: random.Random) -> Image.Image:
    """Paint a background without objects: an RGB image of width x height pixels.

    Raises ValueError if there is no background of this name.
    """
    if name not in BACKGROUNDS:
        raise ValueError(f"background {name!r} does not exist, so it cannot be painted. "
                         f"Try one of: {', '.join(BACKGROUNDS)}.")
    return _PAINTERS[name](width, height, rng)


def _field(width: int, height: int, rng: random.Random) -> Image.Image:
    """Sky, two hills, grass with tufts."""
    line = _horizon(height, rng)
    picture, pen = _sky_canvas(width, height, _varied((196, 222, 242), rng), (236, 243, 246))
    _draw_clouds(pen, width, line, (246, 249, 251), rng)
    _draw_hill(pen, width, line, rng.uniform(0.1, 0.4), _varied((204, 222, 194), rng))
    _draw_hill(pen, width, line, rng.uniform(0.6, 0.9), _varied((194, 214, 182), rng))
    pen.rectangle((0, line, width, height), fill=_varied((208, 226, 184), rng))
    for x, y, near in _scattered_points(26, width, line, height, rng):
        _draw_tuft(pen, x, y, width / 70 * (0.4 + near), (176, 202, 150))
    return picture


def _sea(width: int, height: int, rng: random.Random) -> Image.Image:
    """Sky, water with waves, a strip of sand."""
    line = _horizon(height, rng)
    picture, pen = _sky_canvas(width, height, _varied((206, 226, 244), rng), (244, 244, 240))
    _draw_clouds(pen, width, line, (250, 251, 252), rng)
    pen.rectangle((0, line, width, height), fill=_varied((176, 212, 222), rng))
    thick = max(1, width // 300)
    for x, y, near in _scattered_points(40, width, line, height, rng):
        long = width / 30 * (0.4 + near)
        pen.arc((x - long, y - long / 4, x, y + long / 4), 0, 180, fill=(214, 234, 238), width=thick)
        pen.arc((x, y - long / 4, x + long, y + long / 4), 0, 180, fill=(214, 234, 238), width=thick)
    depth = height * rng.uniform(0.05, 0.16)
    pen.ellipse((-width * 0.3, height - depth, width * 1.2, height + depth * 2), fill=(236, 226, 200))
    return picture


def _room(width: int, height: int, rng: random.Random) -> Image.Image:
    """Striped wallpaper, a skirting board, floorboards."""
    line = _horizon(height, rng) + round(height * 0.15)
    wall = _varied(rng.choice(((238, 230, 214), (222, 232, 226), (226, 226, 238), (240, 224, 222))), rng)
    picture, pen = _sky_canvas(width, height, wall, wall)
    stripe = max(4, width // 24)
    for x in range(0, width, 2 * stripe):
        pen.rectangle((x, 0, x + stripe, line), fill=tuple(channel - 6 for channel in wall))
    floor = _varied((224, 206, 182), rng)
    pen.rectangle((0, line, width, height), fill=floor)
    for i in range(-12, 24):
        pen.line((width * (0.5 + (i - 6) / 18), line, width * (0.5 + (i - 6) / 9), height),
                 fill=tuple(channel - 14 for channel in floor), width=max(1, width // 400))
    pen.rectangle((0, line - height / 40, width, line), fill=(248, 246, 240))
    pen.line((0, line, width, line), fill=(196, 182, 162), width=max(1, height // 300))
    return picture


def _street(width: int, height: int, rng: random.Random) -> Image.Image:
    """House fronts far away, a pavement, a road with a broken line."""
    line = _horizon(height, rng)
    picture, pen = _sky_canvas(width, height, _varied((214, 226, 238), rng), (240, 242, 244))
    x = 0.0
    while x < width:
        wide, high = width * rng.uniform(0.08, 0.16), line * rng.uniform(0.35, 0.8)
        _draw_house_front(pen, (x, line - high, x + wide, line), _varied((214, 212, 214), rng))
        x += wide
    pen.rectangle((0, line, width, height), fill=_varied((222, 220, 214), rng))
    road, end = line + (height - line) * 0.35, line + (height - line) * 0.9
    pen.rectangle((0, road, width, end), fill=_varied((186, 188, 194), rng))
    for i in range(9):
        pen.rectangle((width * (i + 0.1) / 8, (road + end) / 2 - height / 120,
                       width * (i + 0.6) / 8, (road + end) / 2 + height / 120), fill=(238, 238, 234))
    return picture


def _night(width: int, height: int, rng: random.Random) -> Image.Image:
    """A dark grey-blue sky with specks of light, hills, a darker ground."""
    line = _horizon(height, rng) + round(height * 0.2)
    picture, pen = _sky_canvas(width, height, _varied((50, 56, 78), rng), (92, 98, 120))
    for _ in range(60):
        x, y, size = rng.uniform(0, width), rng.uniform(0, line), width / rng.uniform(500, 900)
        pen.ellipse((x - size, y - size, x + size, y + size), fill=(196, 200, 210))
    _draw_hill(pen, width, line, rng.uniform(0.1, 0.9), _varied((72, 80, 96), rng))
    pen.rectangle((0, line, width, height), fill=_varied((64, 72, 82), rng))
    for x, y, near in _scattered_points(20, width, line, height, rng):
        _draw_tuft(pen, x, y, width / 70 * (0.4 + near), (84, 94, 100))
    return picture


def _plain(width: int, height: int, rng: random.Random) -> Image.Image:
    """One pale colour."""
    return Image.new("RGB", (width, height), tuple(rng.randint(222, 246) for _ in range(3)))


def _noisy(width: int, height: int, rng: random.Random) -> Image.Image:
    """Small squares of random pale colours."""
    cell = max(width, height) / NOISE_CELLS
    columns, rows = max(1, round(width / cell)), max(1, round(height / cell))
    noise = Image.frombytes("RGB", (columns, rows), rng.randbytes(columns * rows * 3))
    tint = [rng.randint(206, 255 - NOISE_LEVEL) for _ in range(3)]
    pale = noise.point(
        [base + byte % (2 * NOISE_LEVEL + 1) - NOISE_LEVEL for base in tint for byte in range(256)])
    return pale.resize((width, height), Image.Resampling.NEAREST)


_PAINTERS = dict(zip(BACKGROUNDS, (_field, _sea, _room, _street, _night, _plain, _noisy)))


def _sky_canvas(width: int, height: int, top: Color,
                bottom: Color) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An image whose colour fades from top to bottom, and its drawing object."""
    column = Image.new("RGB", (1, 3), bottom)
    column.putpixel((0, 0), top)
    smooth = column.resize((1, height), Image.Resampling.BILINEAR)
    picture = smooth.resize((width, height), Image.Resampling.NEAREST)
    return picture, ImageDraw.Draw(picture)


def _horizon(height: int, rng: random.Random) -> int:
    return round(height * rng.uniform(HORIZON - HORIZON_JITTER, HORIZON + HORIZON_JITTER))


def _varied(color: Color, rng: random.Random) -> Color:
    return tuple(min(255, channel + rng.randint(-COLOR_JITTER, COLOR_JITTER)) for channel in color)


def _scattered_points(num_points: int, width: int, top: int, bottom: int, rng: random.Random):
    """Yield random points below the horizon as (x, y, nearness 0-1), distant ones first."""
    for near in sorted(rng.random() for _ in range(num_points)):
        yield rng.uniform(0, width), top + (bottom - top) * near, near


def _draw_clouds(pen: ImageDraw.ImageDraw, width: int, line: int, color: Color, rng: random.Random) -> None:
    for _ in range(rng.randint(2, 4)):
        x, y, size = rng.uniform(0, width), rng.uniform(0.15, 0.6) * line, width * rng.uniform(0.03, 0.05)
        for dx, grow in ((-1.4, 0.7), (0, 1.0), (1.4, 0.75), (0.6, 0.8)):
            pen.ellipse((x + (dx - 1.2 * grow) * size, y - grow * 0.8 * size,
                         x + (dx + 1.2 * grow) * size, y + grow * 0.5 * size), fill=color)


def _draw_hill(pen: ImageDraw.ImageDraw, width: int, line: int, middle: float, color: Color) -> None:
    pen.ellipse(((middle - 0.5) * width, line * 0.72, (middle + 0.5) * width, line * 1.28), fill=color)


def _draw_tuft(pen: ImageDraw.ImageDraw, x: float, y: float, size: float, color: Color) -> None:
    """Draw three blades of grass."""
    for lean in (-0.7, 0.0, 0.7):
        pen.polygon(((x - size / 5, y), (x + lean * size, y - size), (x + size / 5, y)), fill=color)


def _draw_house_front(pen: ImageDraw.ImageDraw, box: tuple, color: Color) -> None:
    """Draw a house front with rows of windows."""
    left, top, right, bottom = box
    pen.rectangle(box, fill=color)
    across, down = (right - left) / 7, (right - left) / 4
    for row in range(int((bottom - top) / down / 1.3)):
        for column in (1, 3, 5):
            x, y = left + column * across, top + (row * 1.3 + 0.4) * down
            pen.rectangle((x, y, x + across, y + down * 0.8), fill=(228, 232, 236))
