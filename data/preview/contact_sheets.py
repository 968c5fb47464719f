"""Look at what was drawn: one contact sheet for each set, points drawn in, words under the pictures.

    python -m data.preview.contact_sheets --level=full        writes out/look/<set>.png for every set of the level that is there
    python -m data.preview.contact_sheets --own=data/pixmo    the same for one folder that mini-PixMo did not draw
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image

from data.generate import HERE, SIZES
from minimolmo.batch.dataset import Dataset
from minimolmo.draw import contact_sheet, draw_points
from minimolmo.flow import Annotation, Example
from minimolmo.text.points import parse_points, plain_text

SAID = 3       # annotations under each picture; one, if it is a caption
WORDS = 60     # of a caption: the rest is left out
STRETCH = 20   # rows of which one is shown: the one that shows most
PLENTY = 8     # points, or things: more only make a small picture a crowd
LARGE = 7.0    # percent of the picture's sides: a ring crowds what is smaller


def sheet(folder: Path, pictures: int) -> Image.Image:
    """Held-out pictures of a set, each with some of what is said about it."""
    data = Dataset(folder, "val")
    stretches = [range(start, min(start + STRETCH, len(data))) for start in range(0, len(data), STRETCH)]
    rows = [max((data[row] for row in stretch), key=liveliness) for stretch in stretches[:pictures]]
    return contact_sheet([_tile(example) for example in rows], columns=4)


def liveliness(example: Example) -> tuple[int, int]:
    """How much there is to see: things that a ring leaves room, less those that it crowds, then points."""
    large = sum(1 if min(thing.width, thing.height) > LARGE else -1 for thing in example.things)
    most = max(len(points_in(annotation)) for annotation in example.annotations)
    return min(large, PLENTY), most if most <= PLENTY else 0


def _tile(example: Example) -> tuple[Image.Image, str, list[str], None]:
    """A picture with the points of one annotation, its words first, then those of some others."""
    said = choose(example)
    with Image.open(example.image) as image:
        picture = draw_points(image.convert("RGB"), points_in(said[0]))
    return picture, said[0].style, [words_of(annotation) for annotation in said], None


def choose(example: Example) -> list[Annotation]:
    """What is shown of a picture: what has the most points, then others about something else, in order."""
    first = max(example.annotations, key=lambda annotation: len(points_in(annotation)))
    if first.style == "long_caption":
        return [first]
    others = [a for a in example.annotations if (a.question, a.label) != (first.question, first.label)]
    return [first, *others][:SAID]


def points_in(annotation: Annotation) -> list:
    """Where an annotation points, in its points or in its sentences."""
    return list(annotation.points) or parse_points(annotation.answer)


def words_of(annotation: Annotation) -> str:
    """Question and answer in a line, without tags; the first WORDS of a long one."""
    asked, n = annotation.question or annotation.label, len(annotation.points)
    answer = plain_text(annotation.answer) or ("1 point" if n == 1 else f"{n} points" if n else "none")
    words = (f"{asked} - {answer}" if asked else answer).split()
    return " ".join(words[:WORDS]) + " ..." * (len(words) > WORDS)


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
    sets = {name: given.folder / name / given.level for name in SIZES[given.level]}
    drawn = ({given.own.resolve().name: given.own} if given.own else
             {name: folder for name, folder in sets.items() if folder.is_dir()})
    if not drawn:
        raise ValueError(f"{given.folder} holds no set of level {given.level}, so there is nothing to look "
                         f"at. Try \"make data LEVEL={given.level}\" first.")
    given.out.mkdir(parents=True, exist_ok=True)
    for name, folder in drawn.items():
        sheet(folder, given.pictures).save(given.out / f"{name}.png")
        print(f"look: {given.out / name}.png")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
