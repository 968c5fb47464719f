"""A contact sheet of twelve documents, one of each kind, for the README.

    python -m data.docs.contact_sheet data/pictures/docs.png --seed=1
"""
from __future__ import annotations

import argparse
import random
from pathlib import Path

from PIL import Image

from data.docs.prepare import Document, compose
from data.world import EASY

CELL = 316, 250       # pixels for one document
GAP = 12              # pixels between two
DESK = (176, 182, 194)
ACROSS = 4
SHOWN = ("bars", "grouped", "pie", "Table", "lines", "Flow with a decision", "Receipt", "rows", "Tree",
         "scatter", "Poster", "Timetable")


def kind_of(document: Document) -> str:
    """The kind of chart, or what else it is."""
    name = getattr(document.page, "kind", type(document.page).__name__)
    return f"{name} with a decision" if getattr(document.page, "decision", "") else name


def pick_documents(seed: int) -> list[Document]:
    """The first of each kind."""
    found: dict[str, Document] = {}
    for index in range(2_000):
        document, _ = compose(EASY, "train", random.Random(f"{seed}/docs/sheet/{index}"))
        found.setdefault(kind_of(document), document)
    return [found[kind] for kind in SHOWN]


def draw_sheet(documents: list[Document]) -> Image.Image:
    """The documents side by side, the large ones made smaller."""
    rows = -(-len(documents) // ACROSS)
    sheet = Image.new("RGB", (GAP + ACROSS * (CELL[0] + GAP), GAP + rows * (CELL[1] + GAP)), DESK)
    for place, document in enumerate(documents):
        picture = document.draw()
        picture.thumbnail(CELL, Image.Resampling.LANCZOS)
        left = GAP + place % ACROSS * (CELL[0] + GAP) + (CELL[0] - picture.width) // 2
        top = GAP + place // ACROSS * (CELL[1] + GAP) + (CELL[1] - picture.height) // 2
        sheet.paste(picture, (left, top))
    return sheet


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description="Draw twelve documents on one sheet.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    asked.file.parent.mkdir(parents=True, exist_ok=True)
    draw_sheet(pick_documents(asked.seed))\
        .quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(asked.file, optimize=True)


if __name__ == "__main__":
    main()
