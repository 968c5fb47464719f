"""A contact sheet: one clock of each of twelve styles, or of all.

    python -m data.clocks.sheet data/pictures/clocks.png
"""
from __future__ import annotations

import argparse
import random
from pathlib import Path

from PIL import Image

from data.clocks.clock import Clock
from data.clocks.styles import STYLES

CHOICE = ("classroom", "railway", "wrist watch", "cuckoo", "pocket watch", "moonlight", "alarm clock",
          "diver", "skeleton", "sunburst", "toy", "tower")
SIDE, GAP, COLUMNS = 120, 4, 6  # pixels, pixels, pictures in a row
TIMES = ((10, 9, 33), (2, 45, 10), (7, 20, 52), (12, 5, 20), (4, 38, 45), (9, 0, 28))


def contact_sheet(names: tuple[str, ...]) -> Image.Image:
    """One small square picture for each style, in rows."""
    rows = -(-len(names) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (SIDE + GAP) - GAP, rows * (SIDE + GAP) - GAP), (255, 255, 255))
    for index, name in enumerate(names):
        place = index % COLUMNS * (SIDE + GAP), index // COLUMNS * (SIDE + GAP)
        sheet.paste(sample(name, index).draw().reduce(2), place)
    return sheet


def sample(name: str, index: int) -> Clock:
    """A clock of the style in the middle of a square picture of 2 * SIDE pixels."""
    side, rng, style = 2 * SIDE, random.Random(name), STYLES[name]
    return Clock(name, *TIMES[index % len(TIMES)], second_hand=index % 3 != 1, width=side, height=side,
                 x=side / 2, y=side / 2, radius=0.46 * side / style.reach,
                 turn=round(rng.uniform(-1, 1) * style.tilt, 1), look=rng.getrandbits(32))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw a contact sheet of clocks.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--all", action="store_true", help="every style, not twelve")
    asked = parser.parse_args()
    contact_sheet(tuple(STYLES) if asked.all else CHOICE).save(asked.file, optimize=True)
