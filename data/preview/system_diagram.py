"""Draw README's diagram of the system: every box names its file and its lesson.

    python -m data.preview.system_diagram     writes data/pictures/system.png, and prints the table below it

The example is real: a scene of level easy, the released nano's tokens, and the answer that training teaches.
Coordinates are pixels at the size shown in README, 900 x 640. The file has twice as many in each direction,
so that text is sharp on any screen.
"""
from __future__ import annotations

import math
import random
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from data.scenes.easy import EASY, make_scene
from minimolmo.command import run_command, say
from minimolmo.disk import write_image
from minimolmo.draw import (
    BAD,
    CARD,
    COLORS,
    GOOD,
    INK,
    LINE,
    MUTED,
    Canvas,
    draw_crops,
    draw_points,
    text_width,
)
from minimolmo.options import Parser
from minimolmo.text.points import points_to_text
from minimolmo.text.tokenizer import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "data" / "pictures" / "system.png"
TOKENIZER = ROOT / "data" / "released" / "minimolmo-nano" / "tokenizer.json"
WIDTH, HEIGHT, SCALE = 900, 640, 2
BLUE, ORANGE, GREEN, PURPLE = COLORS[0], COLORS[1], COLORS[2], COLORS[3]
QUESTION = "Point to the red circle."
CROPS = [(0, 0, 100, 100)] + [(x, y, 200 / 3, 200 / 3) for y in (0, 100 / 3) for x in (0, 100 / 3)]  # percent
PATCHES, VISUAL_TOKENS = 8, 4   # in a row and in a column of nano's crop


class Box(NamedTuple):
    """A box of the diagram."""
    name: str
    file: str                      # of the repository, the one to open first
    lessons: tuple[int, ...]       # none: see `make inside`
    does: str                      # one line
    edges: tuple[int, int, int, int]
    color: str


BOXES = {box.name: box for box in (
    Box("data/SET", "data/points/prepare.py", (1, 11), "draws images, writes annotations",
        (16, 16, 252, 208), ORANGE),
    Box("image/", "minimolmo/image/tiler.py", (2, 5), "image to overlapping crops",
        (288, 16, 560, 120), GREEN),
    Box("text/", "minimolmo/text/tokenizer.py", (7, 8), "text to ids and back; points",
        (288, 130, 560, 208), GREEN),
    Box("batch/", "minimolmo/batch/sequence.py", (10,), "all annotations, one sequence",
        (596, 16, 884, 208), GREEN),
    Box("ViT", "minimolmo/model/vit.py", (3, 4), "patches to features", (32, 276, 228, 398), BLUE),
    Box("pooling", "minimolmo/model/pooling.py", (6,), "4 patches to 1 token", (248, 276, 444, 398), BLUE),
    Box("projector", "minimolmo/model/mlp.py", (6,), "to the decoder's width", (464, 276, 660, 398), BLUE),
    Box("decoder", "minimolmo/model/decoder.py", (9,), "predicts the next token", (680, 276, 868, 398), BLUE),
    Box("train", "train.py", (12, 13), "bootstrap, pretrain, finetune", (16, 450, 294, 556), PURPLE),
    Box("answer", "minimolmo/answer.py", (0, 14), "generates text and points", (311, 450, 589, 556), PURPLE),
    Box("evaluate", "minimolmo/evaluate.py", (14,), "right, blank, other image",
        (606, 450, 884, 556), PURPLE),
    Box("training/", "minimolmo/training/run.py", (12, 16), "losses, optimizer, log",
        (16, 578, 294, 624), MUTED),
    Box("weights/", "minimolmo/weights/official.py", (17,), "files, released Molmos",
        (311, 578, 589, 624), MUTED),
    Box("viz/", "minimolmo/viz/figures.py", (), "figures of the model's activations",
        (606, 578, 884, 624), MUTED),
)}
MODEL = (16, 244, 884, 410)


class Diagram(Canvas):
    """A canvas with boxes and arrows. Coordinates are pixels at the size shown in README."""

    def __init__(self, width: int, height: int):
        super().__init__(width * SCALE, height * SCALE, CARD)

    def frame(self, edges: tuple[float, float, float, float], color: str, radius: float = 8) -> None:
        """A tinted rectangle."""
        self.box([edge * SCALE for edge in edges], color + "12", color + "90", 1.2 * SCALE, radius * SCALE)

    def fill(self, edges: tuple[float, float, float, float], color: str, radius: float = 2) -> None:
        """A filled rectangle."""
        self.box([edge * SCALE for edge in edges], color, radius=radius * SCALE)

    def write(self, x: float, y: float, text: str, size: float = 12, color: str = INK,
              anchor: str = "la") -> None:
        """Text at x, y."""
        self.text(x * SCALE, y * SCALE, text, size * SCALE, color, anchor)

    def put(self, image: Image.Image, x: float, y: float, width: float, height: float) -> None:
        """An image in a thin frame."""
        self.paste(image, x * SCALE, y * SCALE, width * SCALE, height * SCALE)
        self.box([edge * SCALE for edge in (x, y, x + width, y + height)], None, LINE, SCALE)

    def stroke(self, points: list[tuple[float, float]], color: str = MUTED, width: float = 1.6) -> None:
        """A line through points."""
        self.line([(x * SCALE, y * SCALE) for x, y in points], color, width * SCALE)

    def arrow(self, *points: tuple[float, float], color: str = MUTED) -> None:
        """A line with a head at its last point."""
        self.stroke(list(points), color)
        (x0, y0), (x1, y1) = points[-2:]
        angle = math.atan2(y1 - y0, x1 - x0)
        sides = [(x1 - 8 * math.cos(angle + turn), y1 - 8 * math.sin(angle + turn)) for turn in (-0.45, 0.45)]
        self.stroke([sides[0], (x1, y1), sides[1]], color)

    def pill(self, right: float, y: float, text: str, color: str) -> None:
        """White text on a pill (a coloured label with round ends) whose right end is at `right`."""
        width = text_width(text, 10.5) + 12
        self.fill((right - width, y, right, y + 17), color, 8.5)
        self.write(right - width / 2, y + 8.5, text, 10.5, CARD, "mm")

    def card(self, box: Box) -> None:
        """A box's frame, name, file, task and lessons."""
        left, top, right, _ = box.edges
        self.frame(box.edges, box.color)
        self.write(left + 10, top + 8, box.name, 15)
        self.pill(right - 8, top + 8, lesson_label(box), box.color)
        self.write(left + 10, top + 28, short_file(box), 11.5, box.color)

    def chips(self, x: float, y: float, words: list[str], color: str) -> None:
        """Words in boxes, one after another."""
        for word in words:
            width = text_width(word, 10.5) + 8
            self.fill((x, y, x + width, y + 18), color + "40", 3)
            self.write(x + width / 2, y + 9, word, 10.5, INK, "mm")
            x += width + 3


def lesson_label(box: Box) -> str:
    """The text in a box's pill (a label with round ends).

    >>> lesson_label(BOXES["image/"])
    'lesson 02, 05'
    """
    return "lesson " + ", ".join(f"{number:02}" for number in box.lessons) if box.lessons else "make inside"


def short_file(box: Box) -> str:
    """The file without the name of the package, which is the same in nearly all boxes."""
    return box.file.removeprefix("minimolmo/")


def system_diagram() -> Image.Image:
    """The whole diagram."""
    page = Diagram(WIDTH, HEIGHT)
    pairs = [("red", "circle"), ("blue", "square"), ("green", "triangle")]
    scene = make_scene(pairs, EASY, "val", random.Random(2))
    image, point = scene.draw(), (scene.things[0].x, scene.things[0].y)
    page.frame(MODEL, BLUE)
    page.write(26, 251, "model/", 15)
    page.write(80, 253.5, "molmo.py joins the four parts", 11.5, BLUE)
    for box in BOXES.values():
        page.card(box)
    _draw_inputs(page, image, point)
    _draw_model(page, image)
    _draw_uses(page, image, point)
    _draw_arrows(page)
    return page.to_image()


def _draw_inputs(page: Diagram, image: Image.Image, point: tuple[float, float]) -> None:
    page.put(image, 26, 66, 104, 104)
    place = f"{point[0]:.1f}, {point[1]:.1f} percent."
    for row, line in enumerate(["Points: one for", "the red circle at", place, "Questions.", "A caption."]):
        page.write(140, 68 + 19 * row, line, 11, MUTED)
    page.write(26, 182, BOXES["data/SET"].does, 11.5)
    page.put(draw_crops(image, CROPS), 490, 48, 64, 64)
    page.write(298, 68, BOXES["image/"].does, 11.5)
    page.write(298, 86, "64 patches of 8 x 8 pixels per crop", 11, MUTED)
    tokenizer = Tokenizer.load(TOKENIZER)
    words = [tokenizer.decode([token]).strip() for token in tokenizer.encode(" " + QUESTION)]
    page.chips(298, 180, words, GREEN)
    page.write(550, 189, str(len(words)) + " ids", 11, MUTED, "rm")
    _draw_sequence(page, 606, 72)
    page.write(606, 182, BOXES["batch/"].does, 11.5)


def _draw_sequence(page: Diagram, x: float, y: float) -> None:
    """Two annotations packed after one image, one cell per token."""
    segments = [("image", BLUE, 24), ("annotation 1", ORANGE, 18), ("annotation 2", PURPLE, 12)]
    for row, (name, color, length) in enumerate(segments):
        top = y + 34 * row
        page.write(x, top, name, 11, MUTED)
        for left in range(int(x), int(x) + 11 * length, 11):
            page.fill((left, top + 15, left + 9, top + 25), color + ("ff" if row == 0 else "b0"))


def _draw_model(page: Diagram, image: Image.Image) -> None:
    left, top, _, _ = BOXES["ViT"].edges
    page.put(image, left + 10, top + 48, 46, 46)
    for step in range(1, PATCHES):
        at = 46 * step / PATCHES
        page.stroke([(left + 10 + at, top + 48), (left + 10 + at, top + 94)], CARD, 0.8)
        page.stroke([(left + 10, top + 48 + at), (left + 56, top + 48 + at)], CARD, 0.8)
    page.arrow((left + 66, top + 71), (left + 88, top + 71))
    _draw_cells(page, left + 98, top + 48, PATCHES, 46, BLUE)
    left, top, _, _ = BOXES["pooling"].edges
    _draw_cells(page, left + 10, top + 48, PATCHES, 46, BLUE)
    page.arrow((left + 66, top + 71), (left + 88, top + 71))
    _draw_cells(page, left + 98, top + 48, VISUAL_TOKENS, 46, BLUE)
    left, top, _, _ = BOXES["projector"].edges
    page.arrow((left + 74, top + 71), (left + 96, top + 71))
    for number in range(4):
        narrow, wide = left + 14 + 13 * number, left + 108 + 13 * number
        page.fill((narrow, top + 61, narrow + 9, top + 81), BLUE + "90")
        page.fill((wide, top + 50, wide + 9, top + 92), BLUE)
    left, top, _, _ = BOXES["decoder"].edges
    for row, (token, share) in enumerate([("8", 0.86), ("1", 0.34), ("2", 0.2)]):
        page.write(left + 12, top + 56 + 16 * row, token, 11, INK, "lm")
        page.fill((left + 26, top + 51 + 16 * row, left + 26 + 140 * share, top + 61 + 16 * row),
                  BLUE if row == 0 else BLUE + "70")
    for name in ("ViT", "pooling", "projector", "decoder"):
        left, _, _, bottom = BOXES[name].edges
        page.write(left + 10, bottom - 20, BOXES[name].does, 11.5)


def _draw_cells(page: Diagram, x: float, y: float, count: int, side: float, color: str) -> None:
    """A square of count x count cells."""
    cell = side / count
    for row in range(count):
        for column in range(count):
            shade = f"{90 + (row * 37 + column * 61) % 140:02x}"
            left, top = x + cell * column, y + cell * row
            page.fill((left, top, left + cell - 1, top + cell - 1), color + shade, 1)


def _draw_uses(page: Diagram, image: Image.Image, point: tuple[float, float]) -> None:
    left, top, right, bottom = BOXES["train"].edges
    curve = [(left + 190 + 7.6 * t, top + 42 + 46 * (1 - math.exp(-t / 3.2)) + 2.2 * math.sin(2.3 * t))
             for t in range(11)]
    page.stroke([(left + 186, top + 38), (left + 186, bottom - 10), (right - 8, bottom - 10)], LINE, 1.4)
    page.stroke(curve, PURPLE, 2)
    left, top, right, _ = BOXES["answer"].edges
    page.put(draw_points(image, [point]), right - 72, top + 34, 64, 64)
    tag = points_to_text([point], "red circle", "red circle").split(" alt=")[0] + " ..."
    page.write(left + 10, top + 68, tag, 11, MUTED)
    left, top, right, bottom = BOXES["evaluate"].edges
    columns = [("right", 0.98, GOOD), ("blank", 0.03, BAD), ("other", 0.04, BAD)]
    for number, (name, score, color) in enumerate(columns):
        x = right - 96 + 31 * number
        page.fill((x, bottom - 24 - 46 * score, x + 22, bottom - 24), color)
        page.write(x + 11, bottom - 14, name, 10, MUTED, "mm")
    page.stroke([(right - 100, bottom - 23), (right - 8, bottom - 23)], LINE, 1.4)
    for name in ("train", "answer", "evaluate"):
        left, _, _, bottom = BOXES[name].edges
        page.write(left + 10, bottom - 22, BOXES[name].does, 11.5)
    for name in ("training/", "weights/", "viz/"):
        left, top, right, _ = BOXES[name].edges
        page.write(right - 8, top + 28, BOXES[name].does, 11, MUTED, "ra")


def _draw_arrows(page: Diagram) -> None:
    page.arrow((252, 68), (284, 68))
    page.arrow((252, 169), (284, 169))
    page.arrow((560, 68), (592, 68))
    page.arrow((560, 169), (592, 169))
    page.arrow((740, 208), (740, 240))
    page.write(732, 225, "Batch: patches, ids, positions, segments", 11, MUTED, "rm")
    for left, right in ((228, 248), (444, 464), (660, 680)):
        page.arrow((left, 340), (right - 3, 340), color=BLUE)
    page.arrow((155, MODEL[3]), (155, 446))
    page.write(167, 428, "loss", 11, MUTED, "lm")
    page.arrow((450, MODEL[3]), (450, 446))
    page.write(462, 428, "logits", 11, MUTED, "lm")
    page.arrow((589, 503), (603, 503), color=PURPLE)


def links_table() -> str:
    """README's table, two boxes per row, followed by the link definitions."""
    cells = [f"| {box.name} | [{short_file(box)}] | {_lesson_links(box)} "
             for box in BOXES.values()]
    half = len(cells) // 2
    rows = [f"{first}{second}|" for first, second in zip(cells[:half], cells[half:], strict=True)]
    addresses = [f"[{short_file(box)}]: {box.file}" for box in BOXES.values()]
    numbers = sorted({number for box in BOXES.values() for number in box.lessons})
    addresses += [f"[{number:02}]: {_lesson_folder(number)}" for number in numbers]
    head = "| box | file | lesson | box | file | lesson |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows, "", *addresses])


def _lesson_links(box: Box) -> str:
    return ", ".join(f"[{number:02}]" for number in box.lessons) or "`make inside`"


def _lesson_folder(number: int) -> str:
    folder, = (ROOT / "lessons").glob(f"{number:02}_*")
    return f"lessons/{folder.name}"


def main(arguments: list[str]) -> None:
    """The command line: write the picture, and print README's table of links."""
    Parser(description=__doc__.splitlines()[0]).parse_args(arguments)
    write_image(PICTURE, system_diagram().quantize(256), optimize=True)
    say(links_table())


if __name__ == "__main__":
    run_command(main)
