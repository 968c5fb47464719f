"""Draw a row of pictures of level easy, magnified eight times, each with a question and its answer.

    python -m data.preview.easy_sheets --sets=clocks     writes data/pictures/clocks-easy.png
"""
from __future__ import annotations

import random

from PIL import Image, ImageDraw, ImageFont

from data.prepare_all import DATASETS
from data.preview.catalogue import PAGE_WHITE, PICTURES_FOLDER, image_grid
from data.preview.contact_sheets import points_in
from data.scenes.easy import EASY
from minimolmo.command import run_command
from minimolmo.disk import write_image
from minimolmo.draw import draw_points
from minimolmo.flow import Annotation
from minimolmo.options import Parser
from minimolmo.text.points import plain_text

NUM_PICTURES, MAGNIFICATION, GAP = 6, 8, 24
TEXT_SIZE, LINE_HEIGHT, MIN_LINES = 36, 46, 3       # pixels; lines below a picture, at least
QUESTION_COLOR, ANSWER_COLOR = (90, 96, 110), (20, 24, 36)


def easy_sheet(name: str) -> Image.Image:
    """Six val pictures of a set at level easy, in a row. Each shows another of its annotations."""
    shown = []
    for index in range(NUM_PICTURES):
        scene, annotations = DATASETS[name](EASY, "val", random.Random(f"{name}/sheet/{index}"))
        shown.append((scene.draw(), annotations[index % len(annotations)]))
    width = shown[0][0].width * MAGNIFICATION
    num_lines = max(MIN_LINES, *(len(text_lines(annotation, width)) for _, annotation in shown))
    return image_grid([draw_card(*each, num_lines) for each in shown], NUM_PICTURES, GAP, PAGE_WHITE)


def draw_card(picture: Image.Image, annotation: Annotation, num_lines: int = MIN_LINES) -> Image.Image:
    """The magnified picture with its points, and question and answer in `num_lines` lines below."""
    size = picture.width * MAGNIFICATION, picture.height * MAGNIFICATION
    large = draw_points(picture.resize(size, Image.Resampling.NEAREST), points_in(annotation))
    card = Image.new("RGB", (size[0], size[1] + num_lines * LINE_HEIGHT), PAGE_WHITE)
    card.paste(large)
    pen, font = ImageDraw.Draw(card), ImageFont.load_default(TEXT_SIZE)
    for row, (line, color) in enumerate(text_lines(annotation, size[0])[:num_lines]):
        pen.text((0, size[1] + row * LINE_HEIGHT + 4), line, fill=color, font=font)
    return card


def text_lines(annotation: Annotation, width: int) -> list[tuple[str, tuple]]:
    """Question and answer as lines of at most `width` pixels, each with its colour."""
    font = ImageFont.load_default(TEXT_SIZE)
    texts = (annotation.question or annotation.label, QUESTION_COLOR), (annotation.answer, ANSWER_COLOR)
    return [(line, color) for text, color in texts for line in wrap_text(plain_text(text), font, width)]


def wrap_text(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """The text in lines of at most `width` pixels."""
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def main(arguments: list[str]) -> None:
    """The command line: write the row of each of these sets."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default="clocks,cap_qa,point_explanations",
                        help="names separated by commas (default: %(default)s)")
    for name in parser.parse_args(arguments).sets.split(","):
        if name not in DATASETS:
            raise ValueError(f"dataset {name!r} does not exist, so it cannot be shown. "
                             f"Try one of: {', '.join(DATASETS)}.")
        write_image(PICTURES_FOLDER / f"{name}-easy.png", easy_sheet(name), optimize=True)


if __name__ == "__main__":
    run_command(main)
