"""Draw twelve documents of level easy, magnified eight times, each with a question and its answer.

    python -m data.preview.easy_documents     writes data/pictures/docs-easy.png
"""
from __future__ import annotations

import random

from PIL import Image

from data.docs.easy import make_example
from data.docs.easy_page import EasyPage
from data.preview.catalogue import PAGE_WHITE, PICTURES_FOLDER, image_grid
from data.preview.easy_sheets import GAP, NUM_PICTURES, draw_card
from minimolmo.command import run_command
from minimolmo.disk import write_image
from minimolmo.options import Parser

NUM_COLORS = 256  # of the file
KINDS = ("BarChart standing", "BarChart lying", "Pie", "Table", "Table", "Diagram",
         "Diagram", "PriceTag", "CalendarLeaf", "Signpost", "Thermometers", "Domino standing")


def documents_sheet() -> Image.Image:
    """The first val pages of these kinds in two rows. Each shows another of its annotations."""
    cards, index = [], 0
    while len(cards) < len(KINDS):
        page, annotations = make_example("val", random.Random(f"docs/sheet/{index}"))
        if page_kind(page) == KINDS[len(cards)]:
            cards.append(draw_card(page.draw(), annotations[len(cards) % len(annotations)]))
        index += 1
    return image_grid(cards, NUM_PICTURES, GAP, PAGE_WHITE)


def page_kind(page: EasyPage) -> str:
    """The class of the page and its direction, if it has one."""
    return f"{type(page).__name__} {getattr(page, 'direction', '')}".strip()


def main(arguments: list[str]) -> None:
    """The command line: write the sheet."""
    Parser(description=__doc__.splitlines()[0]).parse_args(arguments)
    sheet = documents_sheet().quantize(NUM_COLORS, dither=Image.Dither.NONE)  # a third of the bytes
    write_image(PICTURES_FOLDER / "docs-easy.png", sheet, optimize=True)


if __name__ == "__main__":
    run_command(main)
