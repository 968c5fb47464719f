"""What stands behind and beside a clock: walls and tables, straps, bells, a cuckoo's house, a tower."""
from __future__ import annotations

import random

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from data.clocks.pen import Color, Pen, around_dial, mixed
from data.clocks.styles import Paint

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
ROOM = ((196, 176, 150), (120, 96, 78), (88, 100, 92), (176, 188, 186), (70, 74, 88), (214, 196, 168),
        (150, 120, 96))
SMOOTH = Image.Resampling.BICUBIC
WALLS = ((232, 226, 214), (206, 220, 226), (226, 208, 198), (196, 214, 196), (240, 232, 196), (170, 186, 206),
         (118, 134, 148), (196, 150, 134), (222, 216, 232), (92, 112, 108))
WOODS = (((92, 54, 28), (150, 98, 56)), ((168, 122, 76), (214, 172, 120)), ((58, 38, 28), (100, 70, 50)),
         ((186, 158, 128), (226, 204, 176)))


def draw_ground(kind: str, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """What the clock hangs on or lies on, RGB, `size` in pixels."""
    return GROUNDS[kind](size, rng)


def cast_shadow(picture: Image.Image, centre: tuple[float, float], radius: float, square: bool):
    """A soft shadow below a clock, to its lower right. Lengths in pixels; drawn small and blown up: it is soft."""
    mask = Image.new("L", (48, 48))
    shape = ImageDraw.Draw(mask).rectangle if square else ImageDraw.Draw(mask).ellipse
    shape((10, 10, 37, 37), fill=120)
    side = round(radius * 2 * 48 / 28)
    mask = mask.filter(ImageFilter.BoxBlur(3)).resize((side, side), Image.Resampling.BILINEAR)
    place = [round(value - side / 2 + 0.09 * radius) for value in centre]
    picture.paste(BLACK, tuple(place), mask)


def _grain(size: tuple[int, int], cells: tuple[int, int], rng: random.Random) -> Image.Image:
    """Grey noise of so many cells, blown up to the size: few cells make clouds, flat ones make grain."""
    columns, rows = (max(2, cell) for cell in cells)
    return Image.frombytes("L", (columns, rows), rng.randbytes(columns * rows)).resize(size, SMOOTH)


def _shaded(grey: Image.Image, dark: Color, light: Color) -> Image.Image:
    return ImageOps.colorize(grey, dark, light)


def _wall_color(rng: random.Random) -> Color:
    return mixed(rng.choice(WALLS), rng.choice((BLACK, WHITE)), 0.25 * rng.random())


def _plain(size: tuple[int, int], rng: random.Random) -> Image.Image:
    return Image.new("RGB", size, _wall_color(rng))


def _gradient(size: tuple[int, int], rng: random.Random) -> Image.Image:
    color = _wall_color(rng)
    return _shaded(_grain(size, (2, 2), rng), mixed(color, BLACK, 0.35), mixed(color, WHITE, 0.3))


def _plaster(size: tuple[int, int], rng: random.Random) -> Image.Image:
    color = mixed(rng.choice(WALLS[:5]), WHITE, 0.3)
    cells = size[0] // 7, size[1] // 7
    return _shaded(_grain(size, cells, rng), mixed(color, BLACK, 0.06), mixed(color, WHITE, 0.4))


def _stripes(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Wallpaper."""
    color, picture = _wall_color(rng), _plain(size, rng)
    step, pen = rng.randint(12, 40), ImageDraw.Draw(picture)
    picture.paste(color, (0, 0, *size))
    for left in range(0, size[0], 2 * step):
        pen.rectangle((left, 0, left + step - 1, size[1]), fill=mixed(color, WHITE, 0.22))
        pen.line((left + step // 2, 0, left + step // 2, size[1]), fill=mixed(color, BLACK, 0.12))
    return picture


def _bricks(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Rows of bricks, each of its own shade, in pale mortar."""
    color = rng.choice(((168, 84, 62), (146, 96, 78), (196, 178, 156), (122, 124, 130)))
    picture, high = Image.new("RGB", size, mixed(color, WHITE, 0.5)), rng.randint(12, 22)
    pen, wide = ImageDraw.Draw(picture), round(2.4 * high)
    for row in range(-(-size[1] // high)):
        for left in range(-(row % 2) * wide // 2, size[0], wide):
            shade = mixed(color, rng.choice((BLACK, WHITE)), 0.18 * rng.random())
            pen.rectangle((left + 1, row * high + 1, left + wide - 2, row * high + high - 2), fill=shade)
    return picture


def _wood(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """A table top: noise drawn out along the grain, and the joints of boards."""
    picture = _shaded(_grain(size, (3, size[1] // 4), rng), *rng.choice(WOODS))
    pen = ImageDraw.Draw(picture, "RGBA")
    for joint in range(rng.randint(20, 60), size[1], rng.randint(60, 120)):
        pen.line((0, joint, size[0], joint), fill=(0, 0, 0, 110), width=2)
    return picture


def _cloth(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Checked linen."""
    color, step = _wall_color(rng), rng.randint(14, 36)
    picture = Image.new("RGB", size, mixed(color, WHITE, 0.5))
    pen = ImageDraw.Draw(picture, "RGBA")
    for start in range(0, max(size), 2 * step):
        pen.rectangle((start, 0, start + step - 1, size[1]), fill=(*color, 120))
        pen.rectangle((0, start, size[0], start + step - 1), fill=(*color, 120))
    return picture


def _photo(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """A room out of focus: blurred colours, and lights grown to discs."""
    cells = Image.new("RGB", (5, 4))
    cells.putdata([mixed(rng.choice(ROOM), rng.choice((BLACK, WHITE)), 0.3 * rng.random()) for _ in range(20)])
    picture = cells.resize(size, SMOOTH)
    pen = ImageDraw.Draw(picture, "RGBA")
    for _ in range(rng.randint(3, 9)):
        x, y, far = rng.random() * size[0], rng.random() * size[1], rng.uniform(0.02, 0.07) * size[0]
        pen.ellipse((x - far, y - far, x + far, y + far), fill=(255, 244, 214, rng.randint(30, 80)))
    return picture


def _sky(size: tuple[int, int], rng: random.Random) -> Image.Image:
    return _shaded(_grain(size, (5, 9), rng), (116, 168, 222), (236, 242, 248))


GROUNDS = {"plain": _plain, "gradient": _gradient, "plaster": _plaster, "stripes": _stripes, "bricks": _bricks,
           "wood": _wood, "cloth": _cloth, "photo": _photo, "sky": _sky}


def _nothing(pen: Pen, paint: Paint, rng: random.Random):
    """Just a clock."""


def _strap(pen: Pen, paint: Paint, rng: random.Random):
    """A strap that leaves the picture, lugs and a crown."""
    leather = rng.choice(((74, 44, 28), (34, 34, 38), (124, 74, 40), (40, 56, 80), (150, 154, 160)))
    for end in (-1, 1):
        corners = [(-0.66, 0.8 * end), (0.66, 0.8 * end), (0.52, 4.0 * end), (-0.52, 4.0 * end)]
        pen.polygon([(x * 1.06 + 0.04, y) for x, y in corners], (0, 0, 0, 70))
        pen.polygon(corners, leather)
        pen.polygon([(0.86 * x, y) for x, y in corners], mixed(leather, WHITE, 0.1))
        for stitch in range(10):
            y = end * (1.25 + 0.24 * stitch)
            for side in (-1, 1):
                x = side * (0.61 - 0.044 * (abs(y) - 0.8) - 0.07)
                pen.bar((x, y), (x, y + 0.12 * end), 0.022, mixed(leather, WHITE, 0.45))
        for side in (-1, 1):
            pen.bar((side * 0.72, 0.7 * end), (side * 0.7, 1.3 * end), 0.17, mixed(paint.case, BLACK, 0.15), 0.12)
    pen.box(1.05, -0.12, 1.27, 0.12, mixed(paint.case, BLACK, 0.3))
    for groove in (-0.07, 0.0, 0.07):
        pen.box(1.08, groove - 0.015, 1.27, groove + 0.015, mixed(paint.case, WHITE, 0.3))


def _diver(pen: Pen, paint: Paint, rng: random.Random):
    """A strap, and a toothed ring that can be turned."""
    _strap(pen, paint, rng)
    for tooth in range(48):
        pen.disc(*around_dial(7.5 * tooth, 1.25), 0.05, mixed(paint.case, BLACK, 0.25))


def _chain(pen: Pen, paint: Paint, rng: random.Random):
    """A crown on top, its bow, and a chain that swings away."""
    swing, dark = rng.choice((-1, 1)), mixed(paint.case, BLACK, 0.4)
    for link in range(16):
        x, y = swing * 0.013 * link ** 2, -1.62 - 0.13 * link
        pen.ring(x, y, 0.1, 0.045, paint.case if link % 2 else dark)
    pen.ring(0, -1.42, 0.2, 0.06, dark)
    pen.box(-0.12, -1.38, 0.12, -1.05, dark)
    pen.box(-0.09, -1.36, 0.04, -1.05, paint.case)


def _bells(pen: Pen, paint: Paint, rng: random.Random):
    """Two bells, the hammer between them, two feet."""
    brass = rng.choice(((206, 168, 84), (176, 182, 188)))
    for side in (-1, 1):
        pen.bar((side * 0.5, 0.8), (side * 0.82, 1.4), 0.16, mixed(paint.case, BLACK, 0.35), 0.1)
        pen.bar((side * 0.45, -0.8), (side * 0.66, -1.22), 0.08, mixed(brass, BLACK, 0.4))
        turn = 33 * side
        dome = [around_dial(turn + step, 0.42) for step in range(-90, 91, 10)]
        x, y = around_dial(turn, 1.12)
        pen.polygon([(x + dx, y + dy) for dx, dy in dome], mixed(brass, BLACK, 0.25))
        pen.polygon([(x + 0.8 * dx - 0.03, y + 0.8 * dy - 0.03) for dx, dy in dome], brass)
    pen.bar((0, -1.0), (0, -1.42), 0.05, mixed(brass, BLACK, 0.5))
    pen.disc(0, -1.44, 0.09, mixed(brass, BLACK, 0.3))


def _rays(pen: Pen, paint: Paint, rng: random.Random):
    """A gilded sun."""
    gold = mixed((214, 172, 80), paint.case, 0.3)
    for ray in range(24):
        far = 1.62 if ray % 2 else 1.4
        left, right = around_dial(15 * ray - 5, 1.0), around_dial(15 * ray + 5, 1.0)
        tip = around_dial(15 * ray, far)
        pen.polygon([left, right, tip], mixed(gold, BLACK, 0.25))
        pen.polygon([left, around_dial(15 * ray, 1.0), tip], gold)


def _house(pen: Pen, paint: Paint, rng: random.Random):
    """A chalet: roof, boards, a door with its bird, leaves, a pendulum."""
    wood = paint.case
    pen.bar((0, 1.2), (0, 2.05), 0.05, mixed(wood, BLACK, 0.5))
    pen.disc(0, 2.05, 0.2, (196, 152, 70))
    pen.polygon([(-1.22, 1.35), (-1.22, -1.0), (0, -1.85), (1.22, -1.0), (1.22, 1.35)], wood)
    for board in range(-5, 6):
        pen.bar((0.22 * board, -1.6 + abs(0.17 * board)), (0.22 * board, 1.35), 0.015, mixed(wood, BLACK, 0.3))
    for side in (-1, 1):
        pen.bar((0, -1.9), (side * 1.5, -0.86), 0.2, mixed(wood, BLACK, 0.5))
        for leaf in range(4):
            pen.disc(side * (1.16 - 0.12 * (leaf % 2)), -0.5 + 0.52 * leaf, 0.13, mixed((62, 112, 52), BLACK, leaf / 9))
    pen.box(-0.2, -1.62, 0.2, -1.14, mixed(wood, BLACK, 0.65))
    pen.disc(0, -1.3, 0.11, (240, 200, 70))
    pen.polygon([(0.08, -1.34), (0.2, -1.29), (0.08, -1.25)], (226, 90, 40))


def _tower(pen: Pen, paint: Paint, rng: random.Random):
    """Courses of stone up to a cornice, battlements against the sky."""
    stone = mixed((186, 174, 152), rng.choice(((150, 90, 70), (130, 136, 146), (220, 212, 196))), rng.random())
    for tooth in range(5):
        pen.box(-1.45 + 0.64 * tooth, -1.9, -1.11 + 0.64 * tooth, -1.5, mixed(stone, BLACK, 0.15))
    pen.box(-1.45, -1.62, 1.45, 6, stone)
    for course in range(16):
        for block in range(-(course % 2), 5):
            shade = mixed(stone, rng.choice((BLACK, WHITE)), 0.14 * rng.random())
            left, top = -1.45 + 0.62 * block + 0.31 * (course % 2), -1.36 + 0.26 * course
            pen.box(max(-1.45, left + 0.01), top, min(1.45, left + 0.6), top + 0.245, shade)
    pen.box(-1.55, -1.62, 1.55, -1.42, mixed(stone, BLACK, 0.3))


AROUND = {"nothing": _nothing, "strap": _strap, "diver": _diver, "chain": _chain, "bells": _bells,
          "rays": _rays, "house": _house, "tower": _tower}
