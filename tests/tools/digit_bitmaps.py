"""Prints the digits of minimolmo/page/digits.js: what Pillow's font covers on the enlarged canvas of a page.

    python tests/tools/digit_bitmaps.py
"""
from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

import numpy as np  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

from data.docs.canvas import load_font  # noqa: E402
from data.docs.easy_page import SUPERSAMPLE, _stroke  # noqa: E402
from data.docs.easy_tables import TEXT_SIZES  # noqa: E402
from minimolmo.options import Parser  # noqa: E402

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
WIDTH = 36      # pixels of a row; the first one is 2 pixels to the left of the digit's origin
LEFT = 2
PIXELS = 6      # of a letter
LINE_LENGTH = 102


def covered(digit: str, large: int) -> np.ndarray:
    """The pixels of a digit that are covered by half or more: (large, WIDTH) bool. The last row is 1 below
    the line of writing."""
    image = Image.new("L", (WIDTH, large))
    ImageDraw.Draw(image).text((LEFT, large - 2), digit, 255, load_font(large), anchor="ls",
                               stroke_width=_stroke(large))
    return np.asarray(image) > 127


def as_letters(pixels: np.ndarray) -> str:
    """A row of letters for each row of pixels, without the empty rows above the digit."""
    rows = pixels[pixels.any(axis=1).argmax():].reshape(-1, PIXELS)
    return "".join(LETTERS[value] for value in rows @ (1 << np.arange(PIXELS)[::-1]))


def table() -> dict[int, list[str]]:
    """Font size on the enlarged canvas -> the letters of the digits 0 to 9."""
    sizes = [round(size * SUPERSAMPLE) for size in TEXT_SIZES]
    return {size: [as_letters(covered(digit, size)) for digit in "0123456789"] for size in sizes}


def main(arguments: list[str]) -> None:
    """Print the table as JavaScript."""
    Parser(description=__doc__.splitlines()[0]).parse_args(arguments)
    for size, digits in table().items():
        print(f"  {size}: [")
        for letters in digits:
            lines = [letters[start:start + LINE_LENGTH] for start in range(0, len(letters), LINE_LENGTH)]
            print("    " + " +\n    ".join(f'"{line}"' for line in lines) + ",")
        print("  ],")


if __name__ == "__main__":
    run_command(main)
