"""Look at what was drawn: one contact sheet for each set, points drawn in, words under the pictures.

    python -m data.preview.contact_sheets --level=full        writes out/look/<set>.png for every set of the level that is there
    python -m data.preview.contact_sheets --own=data/pixmo    the same for one folder that mini-PixMo did not draw
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image

from data.generate import DATA_FOLDER, NUM_IMAGES
from minimolmo.batch.dataset import Dataset
from minimolmo.draw import contact_sheet, draw_points
from minimolmo.flow import Annotation, Example
from minimolmo.image.resize import open_image
from minimolmo.text.points import parse_points, plain_text

NUM_ANNOTATIONS = 3       # annotations under each picture; one, if it is a caption
MAX_WORDS = 60     # of a caption: the rest is left out
ROWS_PER_TILE = 20   # rows of which one is shown: the one that shows most
ENOUGH = 8     # points, or things: more only make a small picture a crowd
MIN_RING_SIZE = 7.0    # percent of the picture's sides: a ring crowds what is smaller


def dataset_sheet(folder: Path, num_images: int) -> Image.Image:
    """Held-out pictures of a set, each with some of what is said about it."""
    dataset = Dataset(folder, "val")
    groups = [
        range(start, min(start + ROWS_PER_TILE, len(dataset)))
        for start in range(0, len(dataset), ROWS_PER_TILE)
    ]
    examples = [max((dataset[row] for row in group), key=interest) for group in groups[:num_images]]
    return contact_sheet([_tile(example) for example in examples], columns=4)


def interest(example: Example) -> tuple[int, int]:
    """How much there is to see: things that a ring leaves room, less those that it crowds, then points."""
    num_large = sum(1 if min(thing.width, thing.height) > MIN_RING_SIZE else -1 for thing in example.things)
    max_points = max(len(points_in(annotation)) for annotation in example.annotations)
    return min(num_large, ENOUGH), max_points if max_points <= ENOUGH else 0


def _tile(example: Example) -> tuple[Image.Image, str, list[str], None]:
    """A picture with the points of one annotation, its words first, then those of some others."""
    shown = annotations_to_show(example)
    picture = draw_points(Image.fromarray(open_image(example.image)), points_in(shown[0]))
    return picture, shown[0].style, [annotation_text(annotation) for annotation in shown], None


def annotations_to_show(example: Example) -> list[Annotation]:
    """What is shown of a picture: what has the most points, then others about something else, in order."""
    first = max(example.annotations, key=lambda annotation: len(points_in(annotation)))
    if first.style == "long_caption":
        return [first]
    others = [a for a in example.annotations if (a.question, a.label) != (first.question, first.label)]
    return [first, *others][:NUM_ANNOTATIONS]


def points_in(annotation: Annotation) -> list:
    """Where an annotation points, in its points or in its sentences."""
    return list(annotation.points) or parse_points(annotation.answer)


def annotation_text(annotation: Annotation) -> str:
    """Question and answer in a line, without tags; the first WORDS of a long one."""
    question, num_points = annotation.question or annotation.label, len(annotation.points)
    answer = plain_text(annotation.answer) or ("1 point" if num_points == 1 else
                                               f"{num_points} points" if num_points else "none")
    words = (f"{question} - {answer}" if question else answer).split()
    return " ".join(words[:MAX_WORDS]) + " ..." * (len(words) > MAX_WORDS)


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="One contact sheet for each set that was drawn.")
    parser.add_argument("--level", default="full", choices=list(NUM_IMAGES), help="default: %(default)s")
    parser.add_argument("--folder", type=Path, default=DATA_FOLDER, help="where the sets are")
    parser.add_argument("--own", type=Path, help="one folder with a val.jsonl, in place of a level")
    parser.add_argument("--out", type=Path, default=Path("out/look"), help="default: %(default)s")
    parser.add_argument("--pictures", type=int, default=12, help="on each sheet (default: %(default)s)")
    parsed = parser.parse_args(arguments)
    if parsed.pictures < 1:
        raise ValueError(f"--pictures={parsed.pictures} leaves nothing to look at. Try --pictures=12.")
    folders = {name: parsed.folder / name / parsed.level for name in NUM_IMAGES[parsed.level]}
    existing = ({parsed.own.resolve().name: parsed.own}
                if parsed.own else {name: folder
                                    for name, folder in folders.items() if folder.is_dir()})
    if not existing:
        raise ValueError(f"{parsed.folder} holds no set of level {parsed.level}, so there is nothing to look "
                         f"at. Try \"make data LEVEL={parsed.level}\" first.")
    parsed.out.mkdir(parents=True, exist_ok=True)
    for name, folder in existing.items():
        dataset_sheet(folder, parsed.pictures).save(parsed.out / f"{name}.png")
        print(f"look: {parsed.out / name}.png")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
