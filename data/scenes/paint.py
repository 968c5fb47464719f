"""Paint objects: an object becomes a map of palette indices, and a palette gives each index its colour.

    Thing -> palette_map -> where it is not 0: silhouette
                 `--------> palette of its colour -> pixels on the canvas

`python -m data.preview.catalogue` draws pictures of all kinds and backgrounds into data/pictures. Nothing
here is antialiased: callers paint at twice the size and average.
"""
from __future__ import annotations

import random
import zlib
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFont

from data.scenes.objects import COLORS, KINDS
from data.scenes.shapes import BODY, INK, OUTLINE, SECOND, Outline
from minimolmo.flow import Thing

Color = tuple[int, ...]          # red, green, blue, 0-255
PixelBox = tuple[int, int, int, int]  # left, top, right, bottom, in pixels

BRIGHTNESS_JITTER = 14  # largest random change of all three channels together (0-255)
CHANNEL_JITTER = 6            # largest further change of each channel (0-255)
OUTLINE_FRACTION = 70            # the outline is 1/70 of the object's shorter side
NUM_BANDS = 4.6          # stripes or rows of dots across an object
STRIPE_SHARE = 0.36         # share of the body that stripes cover; under half, so the main colour stays clear
DOT_RADIUS = 0.3            # radius of a dot, in spacings; dots cover 28 %
SIGN_BOARD = (0.06, 0.06, 0.94, 0.43)  # the area for a sign's word, in its box: above the centre
FIXED_COLORS = {
    "dark": (52, 54, 64), "light": (250, 248, 240), "glass": (190, 222, 240), "wood": (128, 86, 52),
    "leaf": (74, 150, 66), "metal": (128, 134, 146), "gold": (238, 176, 44)
}  # in the order of the indices in shapes.py


def paint(canvas: Image.Image, thing: Thing, rng: random.Random) -> None:
    """Paint an object into its box on an RGB canvas of any size. `rng` chooses the shade only.

    A sign's word is as large as the board allows. Letters are 9 pixels high on signs of 36 pixels width (3
    letters) or 66 pixels (6 letters). Words under 4 pixels are left out.
    """
    box = _pixel_box(thing, canvas.size)
    indices = palette_map(thing, box)
    has_ink = any(index == INK for index, _ in KINDS[thing.kind].parts)
    palette = [channel for color in _palette(COLORS[thing.color], has_ink, rng) for channel in color]
    mask = indices.point(_ANY_INDEX)
    indices.putpalette(palette)
    canvas.paste(indices.convert("RGB"), box[:2], mask)


def silhouette(thing: Thing, width: int, height: int) -> Image.Image:
    """The pixels that `paint` covers in an image of width x height pixels: mode L, 255 there, else 0."""
    box = _pixel_box(thing, (width, height))
    picture = Image.new("L", (width, height))
    picture.paste(palette_map(thing, box).point(_ANY_INDEX), box[:2])
    return picture


def is_mirrored(thing: Thing) -> bool:
    """Does the object face left? It depends on the object alone, so silhouettes need no random generator."""
    identity = thing.kind, thing.x, thing.y, thing.width, thing.height
    return zlib.crc32(repr(identity).encode()) % 2 == 1


def palette_map(thing: Thing, box: PixelBox) -> Image.Image:
    """The object alone, as large as its box: mode L, each pixel a palette index of shapes.py."""
    size = max(1, box[2] - box[0]), max(1, box[3] - box[1])
    line = max(1, round(min(size) / OUTLINE_FRACTION))
    indices = Image.new("L", size)
    pen = ImageDraw.Draw(indices)
    for index, outline in KINDS[thing.kind].parts:
        pen.polygon(_corners(outline, size, line, is_mirrored(thing)), fill=index)
    if thing.pattern != "plain":
        indices.paste(SECOND,
                      mask=ImageChops.darker(_pattern_mask(thing.pattern, size), indices.point(_BODY_INDEX)))
    if thing.kind == "sign" and thing.word:
        _write_word(pen, thing.word, size)
    return _with_outline(indices, line)


def _lookup_table(*indices: int) -> list[int]:
    return [255 if index in indices else 0 for index in range(256)]


_ANY_INDEX, _BODY_INDEX = _lookup_table(*range(1, 256)), _lookup_table(BODY)


def _pixel_box(thing: Thing, size: tuple[int, int]) -> PixelBox:
    """The object's box in pixels."""
    x, y, width, height = (share / 100 * size[i % 2]
                           for i, share in enumerate((thing.x, thing.y, thing.width, thing.height)))
    return round(x - width / 2), round(y - height / 2), round(x + width / 2), round(y + height / 2)


def _corners(outline: Outline, size: tuple[int, int], line: int, mirrored: bool) -> list[tuple[float, float]]:
    """An outline in pixels, with space for the line around it. Pillow fills the last pixel too: - 1."""
    width, height = size[0] - 1 - 2 * line, size[1] - 1 - 2 * line
    if mirrored:
        return [(line + (1 - u) * width, line + v * height) for u, v in outline]
    return [(line + u * width, line + v * height) for u, v in outline]


def _with_outline(indices: Image.Image, line: int) -> Image.Image:
    """The map with index OUTLINE on every free pixel that is at most `line` pixels from the object."""
    wide = indices.point([min(index, OUTLINE) for index in range(256)])
    for dx, dy in ((line, 0), (0, line)):
        width, height = wide.size
        there = wide.crop((dx, dy, width + dx, height + dy))
        back = wide.crop((-dx, -dy, width - dx, height - dy))
        wide = ImageChops.lighter(wide, ImageChops.lighter(there, back))
    return ImageChops.lighter(wide, indices)  # OUTLINE is the lowest index


def _pattern_mask(pattern: str, size: tuple[int, int]) -> Image.Image:
    """A mask of stripes or dots. The centre stays free, so that points lie on the main colour."""
    mask = Image.new("L", size)
    pen = ImageDraw.Draw(mask)
    (x, y), spacing = (size[0] / 2, size[1] / 2), max(4.0, min(size) / NUM_BANDS)
    rows, columns = (int(half / spacing) + 2 for half in (y, x))
    centers = [x + (i + 0.5) * spacing for i in range(-columns, columns)]
    for center in centers:
        if pattern == "striped":
            half_stripe = STRIPE_SHARE / 2 * spacing
            pen.rectangle((center - half_stripe, 0, center + half_stripe, size[1]), fill=255)
        for row in range(-rows, rows) if pattern == "dotted" else ():
            _draw_dot(pen, center, y + (row + 0.5) * spacing, DOT_RADIUS * spacing)
    return mask


def _draw_dot(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)


@lru_cache(maxsize=512)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _write_word(pen: ImageDraw.ImageDraw, word: str, size: tuple[int, int]) -> None:
    """Write a sign's word without antialiasing, because intermediate values would be other indices."""
    left, top, right, bottom = (share * size[i % 2] for i, share in enumerate(SIGN_BOARD))
    _, ascent, text_width, _ = _font(100).getbbox(word, anchor="ls")
    text_height = -ascent
    font_size = int(min((right - left) / text_width, (bottom - top) / text_height) * 100)
    if font_size >= 4:
        pen.rectangle((left, top, right, bottom), fill=BODY)  # the letters' background has no pattern
        pen.fontmode = "1"
        center = (left + right) / 2, (top + bottom) / 2 + text_height * font_size / 200
        pen.text(center, word, fill=INK, font=_font(font_size), anchor="ms")


def _palette(color: Color, has_ink: bool, rng: random.Random) -> list[Color]:
    """The colours of all palette indices for an object of about this colour.

    has_ink  whether it has light details (a face, clock hands), which white dots would hide
    """
    brightness = rng.randint(-BRIGHTNESS_JITTER, BRIGHTNESS_JITTER)
    jitter = CHANNEL_JITTER if max(color) - min(color) > 10 else 2  # keep white, grey and black neutral
    body = tuple(min(255, max(0, channel + brightness + rng.randint(-jitter, jitter))) for channel in color)
    light, black = _lightness(body), max(body) < 70
    shade = _mix(body, (10, 20, 50), 0.13 if light > 225 else 0.22)
    if black:
        shade = _mix(body, (120, 122, 134), 0.35)
    if light > 195 or has_ink and not black:
        second = _mix(body, (20, 20, 40), 0.36)
    else:
        second = _mix(body, (255, 255, 255), 0.45 if has_ink else 0.75)
    outline = (186, 188, 196) if black else _mix(body, (16, 18, 34), 0.66)
    ink = (44, 44, 54) if light > 110 else (250, 248, 240)
    return [(0, 0, 0), outline, body, second, shade,
            _mix(body, (255, 255, 255), 0.45), ink, *FIXED_COLORS.values()]


def _mix(color: Color, other: Color, share: float) -> Color:
    """A blend of two colours, with `share` of `other`."""
    return tuple(round(a + (b - a) * share) for a, b in zip(color, other))


def _lightness(color: Color) -> float:
    """The perceived brightness of a colour, 0-255."""
    return 0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2]
