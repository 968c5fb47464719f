"""Four pictures for the reader: every kind of thing, every setting, and what documents and clocks look like.

    python -m data.preview.catalogue     draws kinds.png, settings.png, docs.png and clocks.png into data/pictures

What was drawn as a set is shown by `look.py`, with its points and words.
"""
from __future__ import annotations

import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from data.clocks.clock import Clock
from data.clocks.styles import STYLES
from data.docs.prepare import Document
from data.docs.prepare import compose as compose_document
from data.scenes.objects import COLORS, KINDS, PATTERNS
from data.scenes.paint import paint
from data.scenes.full import IN_THE_SKY
from data.scenes.backgrounds import SETTINGS, background
from data.scenes.full import FULL
from minimolmo.flow import Thing

HERE = Path(__file__).parent / "pictures"
SUPERSAMPLE = 2
WHITE, PAPER, DESK = (255, 255, 255), (242, 240, 234), (176, 182, 194)

COLUMNS, CELL, CAPTION = 8, 116, 16  # kinds.png: cells in a row, and pixels
VIEW = 420, 300                      # settings.png: pixels of one picture
WORDS = ("CAFE", "OPEN", "BUS", "STOP", "ZOO", "BAKERY")

PAGE = 316, 250                      # docs.png: pixels for one document
PAGES = ("bars", "grouped", "pie", "Table", "lines", "Flow with a decision", "Receipt", "rows", "Tree",
         "scatter", "Poster", "Timetable")

FACE = 120                           # clocks.png: pixels of one clock
FACES = ("classroom", "railway", "wrist watch", "cuckoo", "pocket watch", "moonlight", "alarm clock",
         "diver", "skeleton", "sunburst", "toy", "tower")
TIMES = ((10, 9, 33), (2, 45, 10), (7, 20, 52), (12, 5, 20), (4, 38, 45), (9, 0, 28))


def in_rows(pictures: list[Image.Image], columns: int, gap: int, paper: tuple, edge: int = 0) -> Image.Image:
    """Each in the middle of a cell as large as the largest picture; gap and edge in pixels."""
    cell = max(picture.width for picture in pictures), max(picture.height for picture in pictures)
    rows = -(-len(pictures) // columns)
    size = (2 * edge + across * (side + gap) - gap for across, side in zip((columns, rows), cell))
    sheet = Image.new("RGB", tuple(size), paper)
    for place, picture in enumerate(pictures):
        left = edge + place % columns * (cell[0] + gap) + (cell[0] - picture.width) // 2
        top = edge + place // columns * (cell[1] + gap) + (cell[1] - picture.height) // 2
        sheet.paste(picture, (left, top))
    return sheet


def kinds_sheet() -> Image.Image:
    """Every kind, named; colours and patterns take turns."""
    return in_rows([_named(i, kind) for i, kind in enumerate(KINDS)], COLUMNS, 0, PAPER)


def _named(i: int, kind: str) -> Image.Image:
    pattern, color = PATTERNS[(0, 0, 1, 0, 2)[i % 5]], list(COLORS)[(i * 7 + i // 10) % len(COLORS)]
    size = CELL, CELL + CAPTION
    canvas = Image.new("RGB", (size[0] * SUPERSAMPLE, size[1] * SUPERSAMPLE), PAPER)
    paint(canvas, _thing(kind, color, pattern, (CELL / 2, CELL / 2 + 3), CELL * 0.84, size), random.Random(i))
    cell = canvas.reduce(SUPERSAMPLE)
    spot, font = (CELL / 2, size[1] - 3), ImageFont.load_default(12)
    ImageDraw.Draw(cell).text(spot, kind, (70, 70, 78), font, anchor="ms")
    return cell


def settings_sheet() -> Image.Image:
    """The seven settings, two in a row; in the last place every kind once more, small."""
    views = [settings_view(setting, random.Random(i + 3)) for i, setting in enumerate(SETTINGS)]
    return in_rows([*views, small_view()], 2, 6, WHITE)


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


def docs_sheet(seed: int = 1) -> Image.Image:
    """Twelve documents, the first of each kind that comes up; large ones are made smaller."""
    found: dict[str, Image.Image] = {}
    for index in range(2_000):
        document, _ = compose_document(FULL, "train", random.Random(f"{seed}/docs/sheet/{index}"))
        kind = kind_of(document)
        if kind in PAGES and kind not in found:
            found[kind] = document.draw()
            found[kind].thumbnail(PAGE, Image.Resampling.LANCZOS)
    return in_rows([found[kind] for kind in PAGES], 4, 12, DESK, edge=12)


def kind_of(document: Document) -> str:
    """The kind of chart, or what else it is."""
    name = getattr(document.page, "kind", type(document.page).__name__)
    return f"{name} with a decision" if getattr(document.page, "decision", "") else name


def clocks_sheet(names: tuple[str, ...] = FACES) -> Image.Image:
    """One small square picture for each style of clock."""
    return in_rows([clock(name, i).draw().reduce(2) for i, name in enumerate(names)], 6, 4, WHITE)


def clock(name: str, index: int) -> Clock:
    """A clock of the style in the middle of a square picture of 2 * FACE pixels."""
    side, rng, style = 2 * FACE, random.Random(name), STYLES[name]
    return Clock(name, *TIMES[index % len(TIMES)], second_hand=index % 3 != 1, width=side, height=side,
                 x=side / 2, y=side / 2, radius=0.46 * side / style.reach,
                 turn=round(rng.uniform(-1, 1) * style.tilt, 1), look=rng.getrandbits(32))


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for draw in (kinds_sheet, settings_sheet, docs_sheet, clocks_sheet):
        draw().save(HERE / f"{draw.__name__.removesuffix('_sheet')}.png", optimize=True)
