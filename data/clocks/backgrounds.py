"""Backgrounds behind clocks: walls, table tops, a blurred room; and the clock's shadow."""
from __future__ import annotations

import random

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from data.clocks.pen import Color, blend_colors

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
ROOM_COLORS = ((196, 176, 150), (120, 96, 78), (88, 100, 92), (176, 188, 186), (70, 74, 88), (214, 196, 168),
               (150, 120, 96))
RESAMPLING = Image.Resampling.BICUBIC
WALL_COLORS = ((232, 226, 214), (206, 220, 226), (226, 208, 198), (196, 214, 196), (240, 232, 196),
               (170, 186, 206), (118, 134, 148), (196, 150, 134), (222, 216, 232), (92, 112, 108))
WOOD_COLORS = (((92, 54, 28), (150, 98, 56)), ((168, 122, 76), (214, 172, 120)),
               ((58, 38, 28), (100, 70, 50)), ((186, 158, 128), (226, 204, 176)))


def draw_background(name: str, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Paint a background by name: an RGB image of `size` pixels."""
    return BACKGROUNDS[name](size, rng)


def cast_shadow(picture: Image.Image, centre: tuple[float, float], radius: float, square: bool) -> None:
    """Draw a soft shadow to the lower right of a clock. Lengths are in pixels."""
    mask = Image.new("L", (48, 48))
    shape = ImageDraw.Draw(mask).rectangle if square else ImageDraw.Draw(mask).ellipse
    shape((10, 10, 37, 37), fill=120)
    side = round(radius * 2 * 48 / 28)
    mask = mask.filter(ImageFilter.BoxBlur(3)).resize((side, side), Image.Resampling.BILINEAR)
    corner = [round(value - side / 2 + 0.09 * radius) for value in centre]
    picture.paste(BLACK, tuple(corner), mask)


def _noise(size: tuple[int, int], cells: tuple[int, int], rng: random.Random) -> Image.Image:
    """Low-resolution grey noise, resized to `size`. Wide, low cells look like wood grain."""
    columns, rows = (max(2, cell) for cell in cells)
    return Image.frombytes("L", (columns, rows), rng.randbytes(columns * rows)).resize(size, RESAMPLING)


def _two_colored(grey: Image.Image, dark: Color, light: Color) -> Image.Image:
    return ImageOps.colorize(grey, dark, light)


def _wall_color(rng: random.Random) -> Color:
    return blend_colors(rng.choice(WALL_COLORS), rng.choice((BLACK, WHITE)), 0.25 * rng.random())


def _plain(size: tuple[int, int], rng: random.Random) -> Image.Image:
    return Image.new("RGB", size, _wall_color(rng))


def _gradient(size: tuple[int, int], rng: random.Random) -> Image.Image:
    color = _wall_color(rng)
    return _two_colored(_noise(size, (2, 2), rng), blend_colors(color, BLACK, 0.35),
                        blend_colors(color, WHITE, 0.3))


def _plaster(size: tuple[int, int], rng: random.Random) -> Image.Image:
    color = blend_colors(rng.choice(WALL_COLORS[:5]), WHITE, 0.3)
    cells = size[0] // 7, size[1] // 7
    return _two_colored(_noise(size, cells, rng), blend_colors(color, BLACK, 0.06),
                        blend_colors(color, WHITE, 0.4))


def _stripes(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Striped wallpaper."""
    color, picture = _wall_color(rng), _plain(size, rng)
    step, pen = rng.randint(12, 40), ImageDraw.Draw(picture)
    picture.paste(color, (0, 0, *size))
    for left in range(0, size[0], 2 * step):
        pen.rectangle((left, 0, left + step - 1, size[1]), fill=blend_colors(color, WHITE, 0.22))
        pen.line((left + step // 2, 0, left + step // 2, size[1]), fill=blend_colors(color, BLACK, 0.12))
    return picture


def _bricks(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Rows of bricks in different shades, with pale mortar."""
    color = rng.choice(((168, 84, 62), (146, 96, 78), (196, 178, 156), (122, 124, 130)))
    picture, brick_height = Image.new("RGB", size, blend_colors(color, WHITE, 0.5)), rng.randint(12, 22)
    pen, brick_width = ImageDraw.Draw(picture), round(2.4 * brick_height)
    for row in range(-(-size[1] // brick_height)):
        for left in range(-(row % 2) * brick_width // 2, size[0], brick_width):
            shade = blend_colors(color, rng.choice((BLACK, WHITE)), 0.18 * rng.random())
            pen.rectangle((left + 1, row * brick_height + 1, left + brick_width - 2,
                           row * brick_height + brick_height - 2),
                          fill=shade)
    return picture


def _wood(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """A table top: noise stretched along the grain, and the joints of boards."""
    picture = _two_colored(_noise(size, (3, size[1] // 4), rng), *rng.choice(WOOD_COLORS))
    pen = ImageDraw.Draw(picture, "RGBA")
    for joint in range(rng.randint(20, 60), size[1], rng.randint(60, 120)):
        pen.line((0, joint, size[0], joint), fill=(0, 0, 0, 110), width=2)
    return picture


def _cloth(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """A checked cloth."""
    color, step = _wall_color(rng), rng.randint(14, 36)
    picture = Image.new("RGB", size, blend_colors(color, WHITE, 0.5))
    pen = ImageDraw.Draw(picture, "RGBA")
    for start in range(0, max(size), 2 * step):
        pen.rectangle((start, 0, start + step - 1, size[1]), fill=(*color, 120))
        pen.rectangle((0, start, size[0], start + step - 1), fill=(*color, 120))
    return picture


def _photo(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """A blurred room with discs of light."""
    cells = Image.new("RGB", (5, 4))
    cells.putdata([blend_colors(rng.choice(ROOM_COLORS), rng.choice((BLACK, WHITE)), 0.3 * rng.random())
                   for _ in range(20)])
    picture = cells.resize(size, RESAMPLING)
    pen = ImageDraw.Draw(picture, "RGBA")
    for _ in range(rng.randint(3, 9)):
        x, y, radius = rng.random() * size[0], rng.random() * size[1], rng.uniform(0.02, 0.07) * size[0]
        pen.ellipse((x - radius, y - radius, x + radius, y + radius),
                    fill=(255, 244, 214, rng.randint(30, 80)))
    return picture


def _sky(size: tuple[int, int], rng: random.Random) -> Image.Image:
    return _two_colored(_noise(size, (5, 9), rng), (116, 168, 222), (236, 242, 248))


BACKGROUNDS = {
    "plain": _plain, "gradient": _gradient, "plaster": _plaster, "stripes": _stripes, "bricks": _bricks,
    "wood": _wood, "cloth": _cloth, "photo": _photo, "sky": _sky
}
