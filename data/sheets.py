"""Two pictures for the reader: every kind of thing, and every setting with a few things in it.

    python -m data.sheets     draws data/pictures/kinds.png and settings.png
"""
from __future__ import annotations

import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from data.kinds import COLORS, KINDS, PATTERNS
from data.paint import paint
from data.scenes import IN_THE_SKY
from data.settings import SETTINGS, background
from minimolmo.flow import Thing

HERE = Path(__file__).parent / "pictures"
SUPERSAMPLE = 2
COLUMNS, CELL, CAPTION = 8, 116, 16  # kinds.png: cells in a row, and pixels
VIEW = 420, 300                      # settings.png: pixels of one picture
GAP = 6                              # between pictures
WORDS = ("CAFE", "OPEN", "BUS", "STOP", "ZOO", "BAKERY")


def kinds_sheet() -> Image.Image:
    """Every kind, named; colours and patterns take turns."""
    rows = -(-len(KINDS) // COLUMNS)
    width, height = COLUMNS * CELL, rows * (CELL + CAPTION)
    canvas = Image.new("RGB", (width * SUPERSAMPLE, height * SUPERSAMPLE), (242, 240, 234))
    for i, kind in enumerate(KINDS):
        pattern, color = PATTERNS[(0, 0, 1, 0, 2)[i % 5]], list(COLORS)[(i * 7 + i // 10) % len(COLORS)]
        middle = (i % COLUMNS + 0.5) * CELL, i // COLUMNS * (CELL + CAPTION) + CELL / 2 + 3
        paint(canvas, _thing(kind, color, pattern, middle, CELL * 0.84, (width, height)), random.Random(i))
    sheet = canvas.reduce(SUPERSAMPLE)
    for i, kind in enumerate(KINDS):
        spot = (i % COLUMNS + 0.5) * CELL, (i // COLUMNS + 1) * (CELL + CAPTION) - 3
        ImageDraw.Draw(sheet).text(spot, kind, (70, 70, 78), ImageFont.load_default(12), anchor="ms")
    return sheet


def settings_sheet() -> Image.Image:
    """The seven settings, two in a row; in the last place every kind once more, small."""
    rows = -(-len(SETTINGS) // 2)
    sheet = Image.new("RGB", (2 * VIEW[0] + GAP, rows * (VIEW[1] + GAP) - GAP), (255, 255, 255))
    views = [settings_view(setting, random.Random(i + 3)) for i, setting in enumerate(SETTINGS)]
    for i, view in enumerate([*views, small_view()]):
        sheet.paste(view, (i % 2 * (VIEW[0] + GAP), i // 2 * (VIEW[1] + GAP)))
    return sheet


def settings_view(setting: str, rng: random.Random) -> Image.Image:
    """Eight things that may be found in the setting: those that fly above, the others below."""
    canvas = background(setting, VIEW[0] * SUPERSAMPLE, VIEW[1] * SUPERSAMPLE, rng)
    fitting = [kind for kind in KINDS if setting in KINDS[kind].settings]
    kinds = (rng.sample(fitting, len(fitting)) + rng.choices(fitting, k=8))[:8]
    for i, kind in enumerate(sorted(kinds, key=IN_THE_SKY.__contains__, reverse=True)):
        x, y = i % 4 + rng.uniform(0.4, 0.6), i // 4 * 0.45 + rng.uniform(0.25, 0.33)
        middle = x * VIEW[0] / 4, y * VIEW[1]
        color, pattern = rng.choice(list(COLORS)), rng.choice(("plain", *PATTERNS))
        paint(canvas, _thing(kind, color, pattern, middle, rng.uniform(50, 100), VIEW), rng)
    return canvas.reduce(SUPERSAMPLE)


def small_view() -> Image.Image:
    """Every kind, 24 pixels large."""
    canvas = background("plain", VIEW[0] * SUPERSAMPLE, VIEW[1] * SUPERSAMPLE, random.Random(1))
    for i, kind in enumerate(KINDS):
        middle = (i % COLUMNS + 0.5) * VIEW[0] / COLUMNS, (i // COLUMNS + 0.5) * VIEW[1] / 5
        color = list(COLORS)[(i * 3 + i // 10) % len(COLORS)]
        paint(canvas, _thing(kind, color, PATTERNS[i % 3], middle, 24, VIEW), random.Random(i))
    return canvas.reduce(SUPERSAMPLE)


def _thing(kind: str, color: str, pattern: str, middle: tuple, side: float, size: tuple[int, int]) -> Thing:
    """A thing whose longer side is `side` pixels, around the middle, in a picture of this size in pixels."""
    aspect = KINDS[kind].aspect
    width, height = min(side, side * aspect), min(side, side / aspect)
    word = WORDS[sum(map(ord, color)) % len(WORDS)] if kind == "sign" else ""
    return Thing(kind, color, middle[0] / size[0] * 100, middle[1] / size[1] * 100,
                 width / size[0] * 100, height / size[1] * 100, pattern, word)


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    kinds_sheet().save(HERE / "kinds.png", optimize=True)
    settings_sheet().save(HERE / "settings.png", optimize=True)
