"""Drawing with Pillow: points, crops, contact sheets, matrices and tokens. plot.py draws loss curves."""
from __future__ import annotations

import functools
import math
import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageChops, ImageDraw, ImageFont, features

from minimolmo.flow import Point

PAPER, CARD, INK, MUTED, LINE = "#f4f5f7", "#ffffff", "#1f2933", "#6b7785", "#dde1e6"
PINK, GOOD, BAD = "#f0307f", "#1f9d61", "#d83a3a"
COLORS = ("#2f6fde", "#e8743b", "#1f9d61", "#8a56c9", "#d9a514", "#1aa3b8", "#d44a8a", "#7a6a58")
SCALABLE = features.check("freetype2")  # without it Pillow has one small bitmap font and no anchors
SUPERSAMPLE = 2  # everything is drawn this much larger and shrunk at the end, so that edges are smooth


class Canvas:
    """An image to draw on, in pixels of the final size. A colour may have an alpha value: "#2f6fde40"."""

    def __init__(self, width: float, height: float, color: str = CARD):
        self.width, self.height = math.ceil(width), math.ceil(height)
        self.sheet = Image.new("RGB", (self.width * SUPERSAMPLE, self.height * SUPERSAMPLE), color)
        self.pen = ImageDraw.Draw(self.sheet, "RGBA")

    def line(self, points: list[tuple[float, float]], color: str, width: float = 1) -> None:
        """Draw a line through points (x, y)."""
        scaled = [(x * SUPERSAMPLE, y * SUPERSAMPLE) for x, y in points]
        self.pen.line(scaled, color, round(width * SUPERSAMPLE), joint="curve")

    def box(self, edges: Iterable[float], fill: str | None = None, outline: str | None = None,
            width: float = 1, radius: float = 0) -> None:
        """Draw a box; its edges are left, top, right, bottom."""
        scaled = [round(edge * SUPERSAMPLE) for edge in edges]
        self.pen.rounded_rectangle(scaled, radius * SUPERSAMPLE, fill, outline, round(width * SUPERSAMPLE))

    def circle(self, x: float, y: float, radius: float, fill: str | None = None, outline: str | None = None,
               width: float = 1) -> None:
        """Draw a circle around x, y; its outline lies inside the radius."""
        edges = [edge * SUPERSAMPLE for edge in (x - radius, y - radius, x + radius, y + radius)]
        self.pen.ellipse(edges, fill, outline, max(1, round(width * SUPERSAMPLE)))

    def text(self, x: float, y: float, text: str, size: float = 12, color: str = INK,
             anchor: str = "la") -> None:
        """Write text. The anchor is Pillow's: "la" puts the left top corner at x, y; "mm" the middle."""
        font = _font(size * SUPERSAMPLE)
        self.pen.text((x * SUPERSAMPLE, y * SUPERSAMPLE), _printable(text), color, font, anchor)

    def paste(self, image: Image.Image, x: float, y: float, width: float, height: float) -> None:
        """Paste an image, resized to width x height, with its left top corner at x, y."""
        size = max(1, round(width * SUPERSAMPLE)), max(1, round(height * SUPERSAMPLE))
        self.sheet.paste(image.convert("RGB").resize(size, Image.Resampling.LANCZOS),
                         (round(x * SUPERSAMPLE), round(y * SUPERSAMPLE)))

    def to_image(self) -> Image.Image:
        """The finished drawing, in its final size."""
        return self.sheet.reduce(SUPERSAMPLE)


def draw_points(image: Image.Image, points: list[Point], labels: list[str] | None = None,
                color: str = PINK) -> Image.Image:
    """Draw each point (in percent of the image) as a small dot with a ring and a label.

    A small image is enlarged first. Points outside 0-100 are left out.
    """
    canvas = _image_canvas(image)
    radius = max(5.0, min(canvas.width, canvas.height) / 42)
    for point, label in zip(points, labels or [""] * len(points), strict=True):
        if all(0 <= percent <= 100 for percent in point):
            x, y = point[0] / 100 * canvas.width, point[1] / 100 * canvas.height
            for size, width, ink in ((2.1, 0.6, CARD), (2.0, 0.4, color)):
                canvas.circle(x, y, size * radius, None, ink, width * radius)
            for size, ink in ((0.35, CARD), (0.25, color)):
                canvas.circle(x, y, size * radius, ink)
            offset = 2.4 * radius
            if x + offset + tag_width(label) > canvas.width:
                offset = -offset - tag_width(label)  # it does not fit on the right
            draw_tag(canvas, x + offset, y - 9, label, color)
    return canvas.to_image()


def draw_crops(image: Image.Image, boxes: ArrayLike) -> Image.Image:
    """Draw crops on an image; boxes are their left, top, width, height in percent of the image, (C, 4).

    Crop 0, the overview, is a grey frame. The others are numbered and tinted, more deeply where two overlap.
    Padding, beyond the image's edge, is grey.
    """
    picture = _image_canvas(image)
    size = np.array([picture.width, picture.height])
    starts, sizes = np.split(np.asarray(boxes, dtype=float).reshape(-1, 4) / 100, 2, axis=1)
    starts, stops = starts * size, (starts + sizes) * size              # (C, 2) pixels of the picture
    shift = 12 - np.vstack([starts, [0, 0]]).min(axis=0)                # padding on the left and above
    canvas = Canvas(*(np.vstack([stops, size]).max(axis=0) + shift + 12), LINE)
    canvas.sheet.paste(picture.sheet, tuple(np.round(shift * SUPERSAMPLE).astype(int).tolist()))
    for number, (start, stop) in enumerate(zip(starts + shift, stops + shift)):
        color = COLORS[(number - 1) % len(COLORS)] if number else MUTED
        canvas.box([*start, *stop], color + "1c" if number else None, color, 2)
        draw_tag(canvas, start[0] + 6, start[1] + 6, str(number) if number else "", color)
    return canvas.to_image()


def contact_sheet(cards: list[tuple[Image.Image, str, list[str], bool | None]], columns: int = 4,
                  title: str = "", width: int = 230) -> Image.Image:
    """Cards in rows; each has an image, a title and lines of text. `width` is the card width in pixels.

    A card is (image, title, lines, correct). Correct is True for a green frame and a tick, False for a red
    frame and a cross, None for neither.
    """
    gap, top = 16, 56 if title else 16
    cards = [_draw_card(*card, width) for card in cards]
    rows = [cards[start:start + columns] for start in range(0, len(cards), columns)]
    heights = [max(card.height for card in row) for row in rows]
    across = max(gap + min(columns, len(cards)) * (width + gap), 2 * gap + text_width(title, 22))
    canvas = Canvas(across, top + sum(heights) + gap * len(rows), PAPER)
    canvas.text(gap, 18, title, 22)
    for row, height in zip(rows, heights):
        for column, card in enumerate(row):
            left = gap + column * (width + gap)
            canvas.box((left, top, left + width, top + height), CARD)
            canvas.sheet.paste(card.sheet, (left * SUPERSAMPLE, top * SUPERSAMPLE))
        top += height + gap
    return canvas.to_image()


def draw_grid(values: ArrayLike, cell: int = 8, rows: list[str] | None = None,
              columns: list[str] | None = None, title: str = "") -> Image.Image:
    """A matrix as coloured cells of `cell` pixels, with the names of its rows and columns.

    Booleans: true is filled. Integers are groups, each with a colour, and -1 is blank. Floats run from pale
    (the smallest) to dark (the largest).
    """
    values, size = np.asarray(values), min(12, max(8, cell - 2))
    height, width = (count * cell for count in values.shape)
    left = 16 + max((text_width(name, size) + 6 for name in rows or []), default=0)
    top = (44 if title else 16) + max((text_width(name, size) + 6 for name in columns or []), default=0)
    canvas = Canvas(max(left + width, text_width(title, 16) + 16) + 16, top + height + 16)
    canvas.text(16, 14, title, 16)
    colors = _cell_colors(values).repeat(cell * SUPERSAMPLE, axis=0).repeat(cell * SUPERSAMPLE, axis=1)
    if cell >= 6:  # lines between smaller cells would hide them
        colors[::cell * SUPERSAMPLE] = colors[:, ::cell * SUPERSAMPLE] = _rgb(LINE)
    canvas.sheet.paste(Image.fromarray(colors), (round(left * SUPERSAMPLE), round(top * SUPERSAMPLE)))
    canvas.box((left, top, left + width, top + height), None, LINE)
    every = math.ceil(size / cell)  # if neighbouring names would overlap, only every n-th is written
    for index, name in list(enumerate(rows or []))[::every]:
        canvas.text(left - 6, top + (index + 0.5) * cell, name, size, MUTED, "rm")
    for index, name in list(enumerate(columns or []))[::every]:
        _draw_vertical_text(canvas, left + (index + 0.5) * cell, top - 5, name, size)
    return canvas.to_image()


def dim_by_heatmap(image: Image.Image, heat: ArrayLike) -> Image.Image:
    """An image, bright where the heat map is high and dark where it is zero.

    The heat map (rows, columns), numbers of 0 or more, covers the image; its maximum is full brightness.
    """
    heat, canvas = np.asarray(heat, dtype=float), _image_canvas(image)
    light = np.uint8(255 * (0.2 + 0.8 * heat / (heat.max() or 1)))
    light = Image.fromarray(light).resize(canvas.sheet.size, Image.Resampling.NEAREST)
    canvas.sheet = ImageChops.multiply(canvas.sheet, Image.merge("RGB", [light] * 3))
    return canvas.to_image()


def draw_tokens(tokens: list[str], weights: list[float], width: int = 760, title: str = "") -> Image.Image:
    """Tokens as boxes of text: the greener, the higher the weight; grey for zero."""
    boxes, x, y, largest = [], 16.0, 50 if title else 16, max([*weights, 0]) or 1
    for token, weight in zip(tokens, weights, strict=True):
        box_width = text_width(token, 14) + 10
        if x + box_width > width - 16 and x > 16:
            x, y = 16.0, y + 32
        boxes.append((x, y, box_width, token, weight / largest))
        x += box_width + 4
    canvas = Canvas(width, y + 42)
    canvas.text(16, 16, title, 18)
    for x, y, box_width, token, strength in boxes:
        color = f"{GOOD}{round(100 + 155 * strength):02x}" if strength else LINE
        canvas.box((x, y, x + box_width, y + 26), color, radius=4)
        canvas.text(x + 5, y + 13, token, 14, CARD if strength > 0.4 else INK, "lm")
    return canvas.to_image()


def stack(images: list[Image.Image], width: int = 960) -> Image.Image:
    """Images stacked vertically, resized to the same width."""
    heights = [round(image.height * width / image.width) for image in images]
    canvas = Canvas(width, sum(heights), PAPER)
    for image, height, top in zip(images, heights, np.cumsum([0, *heights]).tolist()):
        canvas.paste(image, 0, top, width, height)
    return canvas.to_image()


def wrap(text: str, width: float, size: float = 12) -> list[str]:
    """Break text into lines of at most `width` pixels; a word too long for a line is broken as well."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if text_width(joined, size) <= width:
            lines[-1] = joined
            continue
        lines.append("")
        for letter in word:
            if lines[-1] and text_width(lines[-1] + letter, size) > width:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]


@functools.cache
def _font(size: float) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size) if SCALABLE else ImageFont.load_default_imagefont()


def _printable(text: str) -> str:
    """Text in ASCII, which every font has: accents are dropped, other letters become question marks."""
    letters = (letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in letters)


def text_width(text: str, size: float) -> float:
    """The width of a line of text in pixels."""
    return _font(size * SUPERSAMPLE).getlength(_printable(text)) / SUPERSAMPLE


def _image_canvas(image: Image.Image) -> Canvas:
    """A canvas with the image on it, its short side at least 256 pixels and its long side at most 1600."""
    scale = min(max(1.0, 256 / min(image.size)), 1600 / max(image.size))
    canvas = Canvas(*(max(1, round(side * scale)) for side in image.size))
    canvas.paste(image, 0, 0, canvas.width, canvas.height)
    return canvas


def draw_tag(canvas: Canvas, x: float, y: float, text: str, color: str) -> None:
    """Draw white text on a coloured tag, moved inside the canvas if needed. Empty text has no tag."""
    if text:
        x, y = max(0, min(x, canvas.width - tag_width(text))), max(0, min(y, canvas.height - 19))
        canvas.box((x, y, x + tag_width(text), y + 18), color, radius=5)
        canvas.text(x + 6, y + 9, text, 12, CARD, "lm")


def tag_width(text: str) -> float:
    """The width, in pixels, of a tag with this text."""
    return text_width(text, 12) + 12


def _draw_card(image: Image.Image, title: str, lines: list[str], correct: bool | None, width: int) -> Canvas:
    """One card of a contact sheet: the image in a square, and title and lines below it."""
    headings = wrap(title, width - (20 if correct is None else 52), 14)
    wrapped = [part for line in lines for part in wrap(line, width - 20, 12)]
    canvas = Canvas(width, width + 18 + 19 * len(headings) + 16 * len(wrapped))
    scale = (width - 8) / max(image.size)
    image_width, image_height = (side * scale for side in image.size)
    canvas.box((4, 4, width - 4, width - 4), PAPER)
    canvas.paste(image, (width - image_width) / 2, (width - image_height) / 2, image_width, image_height)
    if correct is not None:
        canvas.box((0, 0, width, width), None, GOOD if correct else BAD, 4)
        _draw_badge(canvas, width - 22, width + 18, correct)
    for index, heading in enumerate(headings):
        canvas.text(10, width + 9 + 19 * index, heading, 14)
    for index, line in enumerate(wrapped):
        canvas.text(10, width + 9 + 19 * len(headings) + 16 * index, line, 12, MUTED)
    return canvas


def _draw_badge(canvas: Canvas, x: float, y: float, correct: bool) -> None:
    """A round badge with a tick or a cross, so that the verdict does not depend on seeing colours."""
    canvas.circle(x, y, 14, CARD)
    canvas.circle(x, y, 12, GOOD if correct else BAD)
    strokes = [[(-6, 0), (-2, 5), (6, -4)]] if correct else [[(-4, -4), (4, 4)], [(-4, 4), (4, -4)]]
    for stroke in strokes:
        canvas.line([(x + dx, y + dy) for dx, dy in stroke], CARD, 2.5)


def _cell_colors(values: np.ndarray) -> np.ndarray:
    """The colour of each value: (rows, cols) of any type to (rows, cols, 3) uint8. See `draw_grid`."""
    palette = np.array([_rgb(color) for color in COLORS + (CARD,)], dtype=np.uint8)
    if values.dtype == bool:
        return palette[np.where(values, 0, -1)]
    if np.issubdtype(values.dtype, np.integer):
        return palette[np.where(values < 0, -1, values % len(COLORS))]
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0, 1)
    depth = np.nan_to_num((values.clip(low, high) - low) / (high - low or 1))[..., None]
    return (np.array(_rgb("#f3f7ff")) * (1 - depth) + np.array(_rgb("#123a86")) * depth).astype(np.uint8)


def _rgb(color: str) -> tuple[int, int, int]:
    return tuple(bytes.fromhex(color[1:]))


def _draw_vertical_text(canvas: Canvas, x: float, bottom: float, text: str, size: float) -> None:
    """Text that runs upwards from `bottom`, centred on x."""
    strip = Canvas(text_width(text, size) + 1, size * 1.4)
    strip.text(0, strip.height / 2, text, size, MUTED, "lm")
    corner = round((x - strip.height / 2) * SUPERSAMPLE), round((bottom - strip.width) * SUPERSAMPLE)
    canvas.sheet.paste(strip.sheet.rotate(90, expand=True), corner)
