"""Draw four overviews: all kinds of object, all backgrounds, some documents, some clocks.

    python -m data.preview.catalogue     writes objects.png, backgrounds.png, docs.png, clocks.png

The files are written to data/pictures. Drawn datasets are shown by contact_sheets.py.
"""
from __future__ import annotations

import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from data.clocks.clock import Clock
from data.clocks.styles import STYLES
from data.docs.full import Document
from data.docs.full import make_example as make_document
from data.scenes.backgrounds import BACKGROUNDS, draw_background
from data.scenes.full import SKY_KINDS
from data.scenes.objects import COLORS, KINDS, PATTERNS
from data.scenes.paint import paint
from minimolmo.command import run_command
from minimolmo.disk import write_image
from minimolmo.flow import Thing
from minimolmo.options import Parser

PICTURES_FOLDER = Path(__file__).resolve().parent.parent / "pictures"
SUPERSAMPLE = 2
PAGE_WHITE, PAPER, DESK = (255, 255, 255), (242, 240, 234), (176, 182, 194)

COLUMNS, CELL, CAPTION = 8, 116, 16  # objects.png: cells in a row, and pixels
SCENE_SIZE = 420, 300  # backgrounds.png: pixels of one scene
SIGN_WORDS = ("CAFE", "OPEN", "BUS", "STOP", "ZOO", "BAKERY")

DOCUMENT_SIZE = 316, 250  # docs.png: largest size of one document, pixels
DOCUMENT_KINDS = ("bars", "grouped", "pie", "Table", "lines", "Flow with a decision", "Receipt", "rows",
                  "Tree", "scatter", "Poster", "Timetable")

CLOCK_SIDE = 120  # clocks.png: pixels of one clock
CLOCK_STYLES = ("classroom", "railway", "wrist watch", "cuckoo", "pocket watch", "moonlight", "alarm clock",
                "diver", "skeleton", "sunburst", "toy", "tower")
TIMES = ((10, 9, 33), (2, 45, 10), (7, 20, 52), (12, 5, 20), (4, 38, 45), (9, 0, 28))


def image_grid(images: list[Image.Image], columns: int, gap: int, background: tuple,
               border: int = 0) -> Image.Image:
    """Arrange images in rows, each centred in a cell of the largest size; `gap`, `border` in pixels."""
    cell = max(image.width for image in images), max(image.height for image in images)
    rows = -(-len(images) // columns)
    size = (2 * border + count * (side + gap) - gap for count, side in zip((columns, rows), cell))
    sheet = Image.new("RGB", tuple(size), background)
    for index, picture in enumerate(images):
        left = border + index % columns * (cell[0] + gap) + (cell[0] - picture.width) // 2
        top = border + index // columns * (cell[1] + gap) + (cell[1] - picture.height) // 2
        sheet.paste(picture, (left, top))
    return sheet


def objects_sheet() -> Image.Image:
    """All kinds of object with their names, in alternating colours and patterns."""
    return image_grid([_labelled_object(i, kind) for i, kind in enumerate(KINDS)], COLUMNS, 0, PAPER)


def _labelled_object(i: int, kind: str) -> Image.Image:
    pattern, color = PATTERNS[(0, 0, 1, 0, 2)[i % 5]], list(COLORS)[(i * 7 + i // 10) % len(COLORS)]
    size = CELL, CELL + CAPTION
    canvas = Image.new("RGB", (size[0] * SUPERSAMPLE, size[1] * SUPERSAMPLE), PAPER)
    paint(canvas, _thing(kind, color, pattern, (CELL / 2, CELL / 2 + 3), CELL * 0.84, size), random.Random(i))
    cell = canvas.reduce(SUPERSAMPLE)
    position, font = (CELL / 2, size[1] - 3), ImageFont.load_default(12)
    ImageDraw.Draw(cell).text(position, kind, (70, 70, 78), font, anchor="ms")
    return cell


def backgrounds_sheet() -> Image.Image:
    """One scene on each of the seven backgrounds, and one image with all kinds in small size."""
    images = [
        background_example(background, random.Random(i + 3)) for i, background in enumerate(BACKGROUNDS)
    ]
    return image_grid([*images, small_objects()], 2, 6, PAGE_WHITE)


def background_example(background: str, rng: random.Random) -> Image.Image:
    """Eight objects that may occur on this background, with sky objects at the top."""
    canvas = draw_background(background, SCENE_SIZE[0] * SUPERSAMPLE, SCENE_SIZE[1] * SUPERSAMPLE, rng)
    allowed = [kind for kind in KINDS if background in KINDS[kind].backgrounds]
    kinds = (rng.sample(allowed, len(allowed)) + rng.choices(allowed, k=8))[:8]
    for i, kind in enumerate(sorted(kinds, key=SKY_KINDS.__contains__, reverse=True)):
        x, y = i % 4 + rng.uniform(0.4, 0.6), i // 4 * 0.45 + rng.uniform(0.25, 0.33)
        center = x * SCENE_SIZE[0] / 4, y * SCENE_SIZE[1]
        color, pattern = rng.choice(list(COLORS)), rng.choice(("plain", *PATTERNS))
        paint(canvas, _thing(kind, color, pattern, center, rng.uniform(50, 100), SCENE_SIZE), rng)
    return canvas.reduce(SUPERSAMPLE)


def small_objects() -> Image.Image:
    """All kinds of object, 24 pixels large."""
    canvas = draw_background("plain", SCENE_SIZE[0] * SUPERSAMPLE, SCENE_SIZE[1] * SUPERSAMPLE,
                             random.Random(1))
    for i, kind in enumerate(KINDS):
        center = (i % COLUMNS + 0.5) * SCENE_SIZE[0] / COLUMNS, (i // COLUMNS + 0.5) * SCENE_SIZE[1] / 5
        color = list(COLORS)[(i * 3 + i // 10) % len(COLORS)]
        paint(canvas, _thing(kind, color, PATTERNS[i % 3], center, 24, SCENE_SIZE), random.Random(i))
    return canvas.reduce(SUPERSAMPLE)


def _thing(kind: str, color: str, pattern: str, center: tuple, side: float, size: tuple[int, int]) -> Thing:
    """An object around a centre, in an image of `size` pixels. The object's longer side is `side` pixels."""
    aspect = KINDS[kind].aspect
    width, height = min(side, side * aspect), min(side, side / aspect)
    word = SIGN_WORDS[sum(map(ord, color)) % len(SIGN_WORDS)] if kind == "sign" else ""
    return Thing(kind, color, center[0] / size[0] * 100, center[1] / size[1] * 100,
                 width / size[0] * 100, height / size[1] * 100, pattern, word)


def docs_sheet(seed: int = 1) -> Image.Image:
    """The first document of each of twelve types, large ones made smaller."""
    images: dict[str, Image.Image] = {}
    for index in range(2_000):
        document, _ = make_document("train", random.Random(f"{seed}/docs/sheet/{index}"))
        kind = document_kind(document)
        if kind in DOCUMENT_KINDS and kind not in images:
            images[kind] = document.draw()
            images[kind].thumbnail(DOCUMENT_SIZE, Image.Resampling.LANCZOS)
    return image_grid([images[kind] for kind in DOCUMENT_KINDS], 4, 12, DESK, border=12)


def document_kind(document: Document) -> str:
    """The type of chart, or the class of another document."""
    name = getattr(document.page, "kind", type(document.page).__name__)
    return f"{name} with a decision" if getattr(document.page, "decision", "") else name


def clocks_sheet(names: tuple[str, ...] = CLOCK_STYLES) -> Image.Image:
    """One small square image of each of these clock styles."""
    return image_grid([example_clock(name, i).draw().reduce(2) for i, name in enumerate(names)], 6, 4,
                      PAGE_WHITE)


def example_clock(name: str, index: int) -> Clock:
    """A clock of the style, centred in a square image of 2 * CLOCK_SIDE pixels."""
    side, rng, style = 2 * CLOCK_SIDE, random.Random(name), STYLES[name]
    return Clock(name, *TIMES[index % len(TIMES)], second_hand=index % 3 != 1, width=side, height=side,
                 x=side / 2, y=side / 2, radius=0.46 * side / style.extent,
                 tilt=round(rng.uniform(-1, 1) * style.max_tilt, 1), style_seed=rng.getrandbits(32))


def main(arguments: list[str]) -> None:
    """The command line: write the four sheets."""
    Parser(description=__doc__.splitlines()[0]).parse_args(arguments)
    PICTURES_FOLDER.mkdir(exist_ok=True)
    for draw in (objects_sheet, backgrounds_sheet, docs_sheet, clocks_sheet):
        write_image(PICTURES_FOLDER / f"{draw.__name__.removesuffix('_sheet')}.png", draw(), optimize=True)


if __name__ == "__main__":
    run_command(main)
