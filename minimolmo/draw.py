"""Pictures for people: points and crops on an image, sheets of answers, loss curves, matrices. Pillow only.

Every function takes plain values and returns a PIL image; none writes a file.
"""
from __future__ import annotations

import functools
import math
import unicodedata

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont, features

Point = tuple[float, float]  # in percent (0-100) of the image, origin top-left; in a curve, simply x and y
PAPER, CARD, INK, MUTED, LINE = "#f4f5f7", "#ffffff", "#1f2933", "#6b7785", "#dde1e6"
PINK, GOOD, BAD = "#f0307f", "#1f9d61", "#d83a3a"
COLORS = ("#2f6fde", "#e8743b", "#1f9d61", "#8a56c9", "#d9a514", "#1aa3b8", "#d44a8a", "#7a6a58")
SCALABLE = features.check("freetype2")  # without it Pillow has one small font of dots, and centres nothing
FINE = 2  # everything is drawn this much larger and shrunk at the end, so that edges are smooth


class _Canvas:
    """A sheet on which things are placed in final pixels. A colour may be see-through: "#2f6fde40"."""

    def __init__(self, width: float, height: float, color: str = CARD):
        self.width, self.height = math.ceil(width), math.ceil(height)
        self.sheet = Image.new("RGB", (self.width * FINE, self.height * FINE), color)
        self.pen = ImageDraw.Draw(self.sheet, "RGBA")

    def line(self, points: list[tuple[float, float]], color: str, width: float = 1):
        self.pen.line([(x * FINE, y * FINE) for x, y in points], color, round(width * FINE), joint="curve")

    def box(self, edges, fill=None, outline=None, width: float = 1, radius: float = 0):
        """Edges are left, top, right, bottom."""
        self.pen.rounded_rectangle([round(edge * FINE) for edge in edges], radius * FINE, fill, outline,
                                   round(width * FINE))

    def dot(self, x: float, y: float, radius: float, color: str):
        self.pen.ellipse([edge * FINE for edge in (x - radius, y - radius, x + radius, y + radius)], color)

    def ring(self, x: float, y: float, radius: float, width: float, color: str):
        """The width lies inside the radius."""
        edges = [edge * FINE for edge in (x - radius, y - radius, x + radius, y + radius)]
        self.pen.ellipse(edges, None, color, max(1, round(width * FINE)))

    def text(self, x: float, y: float, words: str, size: float = 12, color: str = INK, anchor: str = "la"):
        """The anchor is Pillow's: "la" has x, y at the left and top of the words, "mm" in their middle."""
        self.pen.text((x * FINE, y * FINE), _drawable(words), color, _font(size * FINE), anchor)

    def paste(self, image: Image.Image, x: float, y: float, width: float, height: float):
        size = max(1, round(width * FINE)), max(1, round(height * FINE))
        self.sheet.paste(image.convert("RGB").resize(size, Image.Resampling.LANCZOS),
                         (round(x * FINE), round(y * FINE)))

    def finish(self) -> Image.Image:
        return self.sheet.reduce(FINE)


def draw_points(image: Image.Image, points: list[Point], labels: list[str] | None = None,
                color: str = PINK) -> Image.Image:
    """Mark points, in percent of the image, with rings, so that what is pointed at can be seen; a small dot
    is the point itself. A label stands beside its ring.

    A small image is enlarged first. Points outside 0-100 are left out.
    """
    canvas = _canvas_of(image)
    radius = max(5.0, min(canvas.width, canvas.height) / 42)
    for point, label in zip(points, labels or [""] * len(points), strict=True):
        if all(0 <= share <= 100 for share in point):
            x, y = point[0] / 100 * canvas.width, point[1] / 100 * canvas.height
            for size, width, paint in ((2.1, 0.6, CARD), (2.0, 0.4, color)):
                canvas.ring(x, y, size * radius, width * radius, paint)
            for size, paint in ((0.35, CARD), (0.25, color)):
                canvas.dot(x, y, size * radius, paint)
            aside = 2.4 * radius
            if x + aside + _tag_width(label) > canvas.width:
                aside = -aside - _tag_width(label)  # no room on the right
            _tag(canvas, x + aside, y - 9, label, color)
    return canvas.finish()


def draw_crops(image: Image.Image, places: list[tuple[float, float, float, float]]) -> Image.Image:
    """Show how an image was cut. Places are the crops' left, top, width, height in percent of the image.

    Crop 0, the overview, is a grey frame; the others are numbered, and tinted more deeply where two overlap.
    What they see beyond the image's edge, their padding, is grey paper.
    """
    picture = _canvas_of(image)
    size = np.array([picture.width, picture.height])
    starts, sizes = np.split(np.asarray(places, dtype=float).reshape(-1, 4) / 100, 2, axis=1)
    starts, stops = starts * size, (starts + sizes) * size              # (C, 2) pixels of the picture
    shift = 12 - np.vstack([starts, [0, 0]]).min(axis=0)                # room on the left and above
    canvas = _Canvas(*(np.vstack([stops, size]).max(axis=0) + shift + 12), LINE)
    canvas.sheet.paste(picture.sheet, tuple(np.round(shift * FINE).astype(int).tolist()))
    for number, (start, stop) in enumerate(zip(starts + shift, stops + shift)):
        color = COLORS[(number - 1) % len(COLORS)] if number else MUTED
        canvas.box([*start, *stop], color + "1c" if number else None, color, 2)
        _tag(canvas, start[0] + 6, start[1] + 6, str(number) if number else "", color)
    return canvas.finish()


def contact_sheet(tiles: list[tuple[Image.Image, str, list[str], bool | None]], columns: int = 4,
                  title: str = "", width: int = 230) -> Image.Image:
    """Cards in rows: a picture, its title, its lines of text wrapped below. `width` is a card's, in pixels.

    A tile is (image, title, lines, right). Right is True for a green frame and a tick, False for a red frame
    and a cross, None for neither.
    """
    gap, top = 16, 56 if title else 16
    cards = [_card(*tile, width) for tile in tiles]
    rows = [cards[start:start + columns] for start in range(0, len(cards), columns)]
    heights = [max(card.height for card in row) for row in rows]
    across = max(gap + min(columns, len(cards)) * (width + gap), 2 * gap + _length(title, 22))
    canvas = _Canvas(across, top + sum(heights) + gap * len(rows), PAPER)
    canvas.text(gap, 18, title, 22)
    for row, height in zip(rows, heights):
        for column, card in enumerate(row):
            left = gap + column * (width + gap)
            canvas.box((left, top, left + width, top + height), CARD)
            canvas.sheet.paste(card.sheet, (left * FINE, top * FINE))
        top += height + gap
    return canvas.finish()


def loss_curve(series: dict[str, list[tuple[float, float]]], title: str = "",
               marks: dict[float, str] | None = None, log: bool = False) -> Image.Image:
    """Curves of (x, y): the measured values pale, their running mean strong, and where it ends in the legend.

    marks  {x: name}, a dashed line at x with a name: where a stage begins
    log    a logarithmic y axis. Values that are not finite, or no logarithm can show, are left out.
    """
    series = {name: [(x, y) for x, y in curve if math.isfinite(y) and (y > 0 or not log)]
              for name, curve in series.items()}
    points = [point for curve in series.values() for point in curve] + [(x, math.nan) for x in marks or {}]
    canvas = _Canvas(760, 420)
    axes = _Axes((60, 84, 738, 386), [x for x, _ in points], [y for _, y in points if y == y], log)
    canvas.text(16, 14, title, 18)
    axes.draw(canvas)
    axes.draw_marks(canvas, sorted((marks or {}).items()))
    x, y = 16.0, 42
    for number, (name, curve) in enumerate(series.items()):
        color, smooth = COLORS[number % len(COLORS)], _running_mean(curve)
        axes.draw_curve(canvas, curve, smooth, color)
        words = f"{name} {smooth[-1][1]:.3g}" if smooth else f"{name}: none"
        if x + _tag_width(words) > canvas.width:
            x, y = 16.0, y + 20
        _tag(canvas, x, y, words, color)
        x += _tag_width(words) + 8
    return canvas.finish()


def draw_grid(values, cell: int = 8, rows: list[str] | None = None, columns: list[str] | None = None,
              title: str = "") -> Image.Image:
    """A matrix as coloured cells of `cell` pixels, with the names of its rows and columns.

    Booleans: true is filled. Whole numbers are groups, each with a colour, and -1 is none. Other numbers run
    from pale (the smallest) to dark (the largest).
    """
    values, size = np.asarray(values), min(12, max(8, cell - 2))
    height, width = (count * cell for count in values.shape)
    left = 16 + max((_length(name, size) + 6 for name in rows or []), default=0)
    top = (44 if title else 16) + max((_length(name, size) + 6 for name in columns or []), default=0)
    canvas = _Canvas(max(left + width, _length(title, 16) + 16) + 16, top + height + 16)
    canvas.text(16, 14, title, 16)
    colors = _cell_colors(values).repeat(cell * FINE, axis=0).repeat(cell * FINE, axis=1)
    if cell >= 6:  # lines between smaller cells would hide them
        colors[::cell * FINE] = colors[:, ::cell * FINE] = _rgb(LINE)
    canvas.sheet.paste(Image.fromarray(colors), (round(left * FINE), round(top * FINE)))
    canvas.box((left, top, left + width, top + height), None, LINE)
    every = math.ceil(size / cell)  # where names would touch, only every so many is written
    for index, name in list(enumerate(rows or []))[::every]:
        canvas.text(left - 6, top + (index + 0.5) * cell, name, size, MUTED, "rm")
    for index, name in list(enumerate(columns or []))[::every]:
        _text_upwards(canvas, left + (index + 0.5) * cell, top - 5, name, size)
    return canvas.finish()


def draw_heat(image: Image.Image, heat) -> Image.Image:
    """An image, bright where the heat is and dark where there is none.

    Heat (rows, columns), numbers of 0 or more, is spread over the whole image; the largest is full light.
    """
    heat, canvas = np.asarray(heat, dtype=float), _canvas_of(image)
    light = np.uint8(255 * (0.2 + 0.8 * heat / (heat.max() or 1)))
    light = Image.fromarray(light).resize(canvas.sheet.size, Image.Resampling.NEAREST)
    canvas.sheet = ImageChops.multiply(canvas.sheet, Image.merge("RGB", [light] * 3))
    return canvas.finish()


def draw_tokens(pieces: list[str], weights: list[float], width: int = 760, title: str = "") -> Image.Image:
    """Text as its tokens, each in a box: green if it has weight, the paler the less; grey if it has none."""
    boxes, x, y, most = [], 16.0, 50 if title else 16, max([*weights, 0]) or 1
    for piece, weight in zip(pieces, weights, strict=True):
        wide = _length(piece, 14) + 10
        if x + wide > width - 16 and x > 16:
            x, y = 16.0, y + 32
        boxes.append((x, y, wide, piece, weight / most))
        x += wide + 4
    canvas = _Canvas(width, y + 42)
    canvas.text(16, 16, title, 18)
    for x, y, wide, piece, share in boxes:
        color = f"{GOOD}{round(100 + 155 * share):02x}" if share else LINE
        canvas.box((x, y, x + wide, y + 26), color, radius=4)
        canvas.text(x + 5, y + 13, piece, 14, CARD if share > 0.4 else INK, "lm")
    return canvas.finish()


def stack(images: list[Image.Image], width: int = 960) -> Image.Image:
    """Images below each other, each drawn to the same width."""
    heights = [round(image.height * width / image.width) for image in images]
    canvas = _Canvas(width, sum(heights), PAPER)
    for image, height, above in zip(images, heights, np.cumsum([0, *heights]).tolist()):
        canvas.paste(image, 0, above, width, height)
    return canvas.finish()


def wrap(text: str, width: float, size: float = 12) -> list[str]:
    """Break text into lines of at most `width` pixels; a word too long for a line is broken as well."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if _length(joined, size) <= width:
            lines[-1] = joined
            continue
        lines.append("")
        for letter in word:
            if lines[-1] and _length(lines[-1] + letter, size) > width:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]


@functools.cache
def _font(size: float):
    return ImageFont.load_default(size) if SCALABLE else ImageFont.load_default_imagefont()


def _drawable(words: str) -> str:
    """What the built-in font can show, ASCII: accents are dropped, other letters become question marks."""
    letters = (letter for letter in unicodedata.normalize("NFKD", words) if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in letters)


def _length(words: str, size: float) -> float:
    return _font(size * FINE).getlength(_drawable(words)) / FINE


def _canvas_of(image: Image.Image) -> _Canvas:
    """An image to draw on: its short side at least 256 pixels, unless its long side would pass 1600."""
    scale = min(max(1.0, 256 / min(image.size)), 1600 / max(image.size))
    canvas = _Canvas(*(max(1, round(side * scale)) for side in image.size))
    canvas.paste(image, 0, 0, canvas.width, canvas.height)
    return canvas


def _tag(canvas: _Canvas, x: float, y: float, words: str, color: str) -> None:
    """White words on a coloured label, kept inside the canvas; no words, no label."""
    if words:
        x, y = max(0, min(x, canvas.width - _tag_width(words))), max(0, min(y, canvas.height - 19))
        canvas.box((x, y, x + _tag_width(words), y + 18), color, radius=5)
        canvas.text(x + 6, y + 9, words, 12, CARD, "lm")


def _tag_width(words: str) -> float:
    return _length(words, 12) + 12


def _card(image: Image.Image, title: str, lines: list[str], right: bool | None, width: int) -> _Canvas:
    """One tile of a contact sheet: a square for the picture, and below it as much room as its words need."""
    headings = wrap(title, width - (20 if right is None else 52), 14)
    words = [part for line in lines for part in wrap(line, width - 20, 12)]
    canvas = _Canvas(width, width + 18 + 19 * len(headings) + 16 * len(words))
    scale = (width - 8) / max(image.size)
    wide, high = (side * scale for side in image.size)
    canvas.box((4, 4, width - 4, width - 4), PAPER)
    canvas.paste(image, (width - wide) / 2, (width - high) / 2, wide, high)
    if right is not None:
        canvas.box((0, 0, width, width), None, GOOD if right else BAD, 4)
        _verdict(canvas, width - 22, width + 18, right)
    for index, heading in enumerate(headings):
        canvas.text(10, width + 9 + 19 * index, heading, 14)
    for index, line in enumerate(words):
        canvas.text(10, width + 9 + 19 * len(headings) + 16 * index, line, 12, MUTED)
    return canvas


def _verdict(canvas: _Canvas, x: float, y: float, right: bool) -> None:
    """A round badge with a tick or a cross, so that colour is never the only sign."""
    canvas.dot(x, y, 14, CARD)
    canvas.dot(x, y, 12, GOOD if right else BAD)
    strokes = [[(-6, 0), (-2, 5), (6, -4)]] if right else [[(-4, -4), (4, 4)], [(-4, 4), (4, -4)]]
    for stroke in strokes:
        canvas.line([(x + dx, y + dy) for dx, dy in stroke], CARD, 2.5)


class _Axes:
    """The frame of a plot: turns numbers into places, and draws ticks and marks."""

    def __init__(self, box: tuple[float, float, float, float], xs: list[float], ys: list[float], log: bool):
        self.box, self.log = box, log
        self.xs = min(xs, default=0), max(xs, default=1)
        low, high = min([0, *ys]), max([0, *ys])  # a linear axis always shows the zero
        self.ys = low, high + 0.05 * (high - low) or 1
        if log:
            self.ys = min(ys, default=1) / 1.2, max(ys, default=1) * 1.2

    def at(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = self.box
        scale = math.log if self.log else float
        across = (x - self.xs[0]) / ((self.xs[1] - self.xs[0]) or 1)
        up = (scale(y) - scale(self.ys[0])) / (scale(self.ys[1]) - scale(self.ys[0]))
        return left + across * (right - left), bottom - up * (bottom - top)

    def draw(self, canvas: _Canvas) -> None:
        left, _, right, bottom = self.box
        for y in _log_ticks(*self.ys) if self.log else _ticks(*self.ys):
            height = self.at(self.xs[0], y)[1]
            canvas.line([(left, height), (right, height)], LINE)
            canvas.text(left - 8, height, f"{y:g}", 12, MUTED, "rm")
        for x in _ticks(*self.xs):
            canvas.text(self.at(x, self.ys[1])[0], bottom + 8, f"{x:g}", 12, MUTED, "ma")
        canvas.line([(left, bottom), (right, bottom)], MUTED)

    def draw_curve(self, canvas: _Canvas, curve: list[Point], smooth: list[Point], color: str) -> None:
        canvas.line([self.at(x, y) for x, y in curve], color + "48")
        canvas.line([self.at(x, y) for x, y in smooth], color, 2)
        for x, y in curve if len(curve) < 30 else ():
            canvas.dot(*self.at(x, y), 3, color)

    def draw_marks(self, canvas: _Canvas, marks: list[tuple[float, str]]) -> None:
        _, top, right, bottom = self.box
        for index, (x, name) in enumerate(marks):
            place = self.at(x, self.ys[1])[0]
            for y in range(round(top), round(bottom), 8):
                canvas.line([(place, y), (place, y + 4)], MUTED)
            canvas.text(min(place + 5, right - _length(name, 12)), top + 15 * (index % 2), name, 12, INK)


def _ticks(low: float, high: float) -> list[float]:
    """Four to ten round numbers from low to high: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / 6 or 1
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * share for share in (1, 2, 5, 10) if power * share >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    shares = (1, 2, 5) if len(powers) < 6 else (1,)
    ticks = [share * 10.0 ** power for power in powers for share in shares]
    return [tick for tick in ticks if low <= tick <= high]


def _running_mean(curve: list[Point]) -> list[Point]:
    """Each value averaged with a fortieth of the curve around it; short curves stay as they are."""
    reach, ys = len(curve) // 80, np.array([y for _, y in curve])
    means = [float(ys[max(0, index - reach):index + reach + 1].mean()) for index in range(len(ys))]
    return [(x, mean) for (x, _), mean in zip(curve, means)]


def _cell_colors(values: np.ndarray) -> np.ndarray:
    """(rows, cols) of any kind to (rows, cols, 3) bytes, as `draw_grid` describes."""
    palette = np.array([_rgb(color) for color in COLORS + (CARD,)], dtype=np.uint8)
    if values.dtype == bool:
        return palette[np.where(values, 0, -1)]
    if np.issubdtype(values.dtype, np.integer):
        return palette[np.where(values < 0, -1, values % len(COLORS))]
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0, 1)
    share = np.nan_to_num((values.clip(low, high) - low) / (high - low or 1))[..., None]
    return (np.array(_rgb("#f3f7ff")) * (1 - share) + np.array(_rgb("#123a86")) * share).astype(np.uint8)


def _rgb(color: str) -> tuple[int, int, int]:
    return tuple(bytes.fromhex(color[1:]))


def _text_upwards(canvas: _Canvas, x: float, bottom: float, words: str, size: float) -> None:
    """Words read from below upwards, centred on x."""
    strip = _Canvas(_length(words, size) + 1, size * 1.4)
    strip.text(0, strip.height / 2, words, size, MUTED, "lm")
    place = round((x - strip.height / 2) * FINE), round((bottom - strip.width) * FINE)
    canvas.sheet.paste(strip.sheet.rotate(90, expand=True), place)
