"""Look at what was drawn: one contact sheet for each set, points drawn in, words under the pictures.

    python -m data.look --level=full        writes out/look/<set>.png for every set of the level that is there
    python -m data.look --own=data/pixmo    the same for one folder that mini-PixMo did not draw
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image

from data.write import HERE, SIZES
from minimolmo.batch.dataset import Dataset
from minimolmo.draw import contact_sheet, draw_points
from minimolmo.flow import Annotation, Example
from minimolmo.text.points import parse_points, plain_text

SAID = 3                # annotations under each picture
COLORS = 200            # of the file: a fifth of the size, and nobody sees it
STEP = 7                # rows between two pictures: neighbours in a file are no more alike than others


def sheet(folder: Path, pictures: int) -> Image.Image:
    """The first held-out pictures of a set, each with some of what is said about it."""
    data = Dataset(folder, "val")
    rows = [data[row * STEP % len(data)] for row in range(min(pictures, len(data)))]
    return contact_sheet([_tile(example) for example in rows], columns=4)


def _tile(example: Example) -> tuple[Image.Image, str, list[str], None]:
    """A picture with the points of its first annotation, and the words of the first few."""
    said = example.annotations[:1 if example.annotations[0].style == "long_caption" else SAID]
    with Image.open(example.image) as image:
        picture = draw_points(image.convert("RGB"), points_in(said[0]))
    return picture, said[0].style, [words_of(annotation) for annotation in said], None


def points_in(annotation: Annotation) -> list:
    """Where an annotation points, in its points or in its sentences."""
    return list(annotation.points) or parse_points(annotation.answer)


def words_of(annotation: Annotation) -> str:
    """Question and answer in a line, without tags."""
    asked = annotation.question or annotation.label
    answer = plain_text(annotation.answer) or f"{len(annotation.points)} points"
    return f"{asked} - {answer}" if asked else answer


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="One contact sheet for each set that was drawn.")
    parser.add_argument("--level", default="full", choices=list(SIZES), help="default: %(default)s")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the sets are")
    parser.add_argument("--own", type=Path, help="one folder with a val.jsonl, in place of a level")
    parser.add_argument("--out", type=Path, default=Path("out/look"), help="default: %(default)s")
    parser.add_argument("--pictures", type=int, default=12, help="on each sheet (default: %(default)s)")
    given = parser.parse_args(arguments)
    if given.pictures < 1:
        raise ValueError(f"--pictures={given.pictures} leaves nothing to look at. Try --pictures=12.")
    drawn = {name: given.folder / name / given.level for name in SIZES[given.level]}
    drawn = {name: folder for name, folder in drawn.items() if folder.is_dir()}
    if given.own:
        drawn = {given.own.resolve().name: given.own}
    if not drawn:
        raise ValueError(f"{given.folder} holds no set of level {given.level}, so there is nothing to look "
                         f"at. Try \"make data LEVEL={given.level}\" first.")
    given.out.mkdir(parents=True, exist_ok=True)
    for name, folder in drawn.items():
        page = sheet(folder, given.pictures)
        page.quantize(COLORS).save(given.out / f"{name}.png", optimize=True)
        print(f"look: {given.out / name}.png")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
