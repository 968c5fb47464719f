"""Draw a contact sheet for each dataset: images with their points, and annotations below.

    python -m data.preview.contact_sheets --level=full        out/look/<dataset>.png for each drawn dataset
    python -m data.preview.contact_sheets --own=data/pixmo    the same for one folder of your own
"""
from __future__ import annotations

from pathlib import Path

from PIL import Image

from data.generate import DATA_FOLDER, NUM_IMAGES
from minimolmo.batch.dataset import Dataset
from minimolmo.command import run_command, say
from minimolmo.disk import write_image
from minimolmo.draw import contact_sheet, draw_points
from minimolmo.flow import Annotation, Example
from minimolmo.image.resize import open_image
from minimolmo.options import Parser, count_argument, path_argument
from minimolmo.text.points import parse_points, plain_text

NUM_ANNOTATIONS = 3       # annotations below each image; a caption stands alone
MAX_WORDS = 60     # longer captions are cut
ROWS_PER_TILE = 20   # of this many rows, the most interesting one is shown
ENOUGH = 8     # points or objects; more of them do not make an image more interesting
MIN_RING_SIZE = 7.0    # percent of the image side; a ring covers smaller objects


def dataset_sheet(folder: Path, num_images: int) -> Image.Image:
    """A contact sheet of validation images, each with some of its annotations."""
    dataset = Dataset(folder, "val")
    groups = [
        range(start, min(start + ROWS_PER_TILE, len(dataset)))
        for start in range(0, len(dataset), ROWS_PER_TILE)
    ]
    examples = [max((dataset[row] for row in group), key=interest) for group in groups[:num_images]]
    return contact_sheet([_tile(example) for example in examples], columns=4)


def interest(example: Example) -> tuple[int, int]:
    """Sort key: large objects minus small ones, then the number of points."""
    num_large = sum(1 if min(thing.width, thing.height) > MIN_RING_SIZE else -1 for thing in example.things)
    max_points = max(len(points_in(annotation)) for annotation in example.annotations)
    return min(num_large, ENOUGH), max_points if max_points <= ENOUGH else 0


def _tile(example: Example) -> tuple[Image.Image, str, list[str], None]:
    """An image with the points of one annotation, and the text of that one and some others."""
    shown = annotations_to_show(example)
    picture = draw_points(Image.fromarray(open_image(example.image)), points_in(shown[0]))
    return picture, shown[0].style, [annotation_text(annotation) for annotation in shown], None


def annotations_to_show(example: Example) -> list[Annotation]:
    """The annotation with the most points, then others with another label or question, in order."""
    first = max(example.annotations, key=lambda annotation: len(points_in(annotation)))
    if first.style == "long_caption":
        return [first]
    others = [a for a in example.annotations if (a.question, a.label) != (first.question, first.label)]
    return [first, *others][:NUM_ANNOTATIONS]


def points_in(annotation: Annotation) -> list:
    """The points of an annotation: its own, or those inside its answer."""
    return list(annotation.points) or parse_points(annotation.answer)


def annotation_text(annotation: Annotation) -> str:
    """Question and answer in one line, without tags and at most MAX_WORDS long."""
    question, num_points = annotation.question or annotation.label, len(annotation.points)
    answer = plain_text(annotation.answer) or ("1 point" if num_points == 1 else
                                               f"{num_points} points" if num_points else "none")
    words = (f"{question} - {answer}" if question else answer).split()
    return " ".join(words[:MAX_WORDS]) + " ..." * (len(words) > MAX_WORDS)


def main(arguments: list[str]) -> None:
    """Run the command line."""
    parser = Parser(description="One contact sheet for each dataset that was drawn.")
    parser.add_argument("--level", default="full", choices=list(NUM_IMAGES), help="default: %(default)s")
    parser.add_argument("--folder", type=path_argument, default=DATA_FOLDER, help="folder of the datasets")
    parser.add_argument("--own", type=path_argument, help="one folder with a val.jsonl, in place of a level")
    parser.add_argument("--out", type=path_argument, default=Path("out/look"), help="default: %(default)s")
    parser.add_argument("--pictures", type=count_argument(), default=12,
                        help="on each sheet (default: %(default)s)")
    parsed = parser.parse_args(arguments)
    folders = {name: parsed.folder / name / parsed.level for name in NUM_IMAGES[parsed.level]}
    existing = ({parsed.own.resolve().name: parsed.own}
                if parsed.own else {name: folder
                                    for name, folder in folders.items() if folder.is_dir()})
    if not existing:
        raise ValueError(f"{parsed.folder} holds no dataset of level {parsed.level}, so there is nothing to "
                         f"show. Try \"make data LEVEL={parsed.level}\" first.")
    parsed.out.mkdir(parents=True, exist_ok=True)
    for name, folder in existing.items():
        write_image(parsed.out / f"{name}.png", dataset_sheet(folder, parsed.pictures))
        say(f"look: {parsed.out / name}.png")


if __name__ == "__main__":
    run_command(main)
