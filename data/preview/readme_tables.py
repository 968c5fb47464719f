"""Keep the sets' pages true: counts, sha256, one row and its picture, written from a full drawing.

    python -m data.prepare_all --level=full --folder=/tmp/full
    python -m data.preview.readme_tables --folder=/tmp/full

Between two marks of data/<set>/README.md stands what this program wrote; the table of data/README.md is made
of the same numbers. `tests/test_pages.py` holds the pages against each other and the rows against the code.
"""
from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from PIL import Image

from data.preview.contact_sheets import choose, liveliness, points_in, sheet
from data.prepare_all import SETS
from data.generate import HERE, MANIFEST, SIZES, SPLITS, Plan, compose_row, make_plan
from minimolmo.batch.dataset import Dataset, read_example
from minimolmo.draw import draw_points
from minimolmo.flow import Example

LEVEL = "full"
MARKS = "<!-- written by python -m data.preview.readme_tables -->", "<!-- up to here -->"
ON_SHEET, AMONG = 8, 24    # pictures on a page's sheet; first val rows among which the sample is chosen
SHOWN, LETTERS = 3, 240    # annotations and things of the sample row; letters of a long text in it
WIDEST = 480               # pixels of the sample's picture
JPEG = dict(quality=90, subsampling=0)


def write_pages(folder: Path, pages: Path = HERE) -> None:
    """All pages from the sets under `folder`. Raises ValueError if one of them is not the usual drawing."""
    told = {name: measure(folder, name) for name in SIZES[LEVEL]}
    for name, numbers in told.items():
        place, index = folder / name / LEVEL, liveliest(name)
        row = sample(name, index)
        page = pages / name / "README.md"
        fill(page, f"{numbers_table(numbers)}\n\n{sample_text(name, row)}")
        sheet(place, ON_SHEET).save(pages / "pictures" / f"{name}-sheet.jpg", **JPEG)
        sample_picture(place, index).save(pages / "pictures" / f"{name}-row.jpg", **JPEG)
        print(f"pages: {page}")
    fill(pages / "README.md", sets_table(told))


def measure(folder: Path, name: str) -> dict[str, tuple[int, int, str]]:
    """Split -> (images, annotations, sha256 of the jsonl) of the usual drawing: full size, seed 1."""
    place = folder / name / LEVEL
    if not (place / MANIFEST).is_file():
        raise ValueError(f"{place} was not drawn, so its page cannot be written. Run \"python -m "
                         f"data.prepare_all --level={LEVEL} --folder={folder}\" first.")
    manifest, plan = json.loads((place / MANIFEST).read_text()), usual_plan(name)
    if (manifest["seed"], manifest["counts"]) != (plan.seed, plan.counts):
        raise ValueError(f"{place} holds {manifest['counts']} of seed {manifest['seed']}, so its numbers are "
                         f"not those of everybody's drawing. Try it without --images and --seed.")
    return {split: (plan.counts[split], annotations_in(place / f"{split}.jsonl"), manifest["sha256"][split])
            for split in SPLITS}


def usual_plan(name: str) -> Plan:
    """The set as the pages tell of it."""
    return make_plan(name, LEVEL)


def annotations_in(file: Path) -> int:
    """How many annotations the rows of a file hold."""
    with open(file) as lines:
        return sum(len(json.loads(line)["annotations"]) for line in lines)


def liveliest(name: str) -> int:
    """Which of the first val rows shows most."""
    return max(range(AMONG), key=lambda index: liveliness(val_row(name, index)[1]))


def val_row(name: str, index: int) -> tuple[dict, Example]:
    """A val row as it is written, and as it is read again."""
    _, row = compose_row(usual_plan(name), SETS[name], "val", index)
    return row, read_example(json.loads(json.dumps(row)), HERE, name)


def sample(name: str, index: int) -> dict:
    """A val row as the page shows it: some annotations and things, long texts cut."""
    row, example = val_row(name, index)
    chosen = [example.annotations.index(annotation) for annotation in choose(example)]
    if name == "cap":
        chosen.append(1)   # a transcript beside the caption
    kept = {"annotations": [row["annotations"][i] for i in chosen], "things": row["things"][:SHOWN]}
    return cut(row | kept)


def cut(value):
    """The same JSON with every long text and every long list of texts cut."""
    if isinstance(value, str) and len(value) > LETTERS:
        return value[:LETTERS].rsplit(" ", 1)[0] + " ..."
    if isinstance(value, dict):
        return {key: cut(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [cut(part) for part in (value[:SHOWN] if value and isinstance(value[0], str) else value)]
    return value


def sample_text(name: str, row: dict) -> str:
    """The row as a block of JSON, an annotation or a thing a line, and its picture."""
    parts = []
    for key, value in row.items():
        lines = [json.dumps(part) for part in value] if key in ("annotations", "things") else []
        parts.append(f'"{key}": [\n   ' + ",\n   ".join(lines) + "]" if lines else
                     f'"{key}": {json.dumps(value)}')
    block = "{" + ",\n ".join(parts) + "}"
    return (f"One row of `val`, shortened, and its picture:\n\n```json\n{block}\n```\n\n"
            f"![The row's picture](../pictures/{name}-row.jpg)\n\n"
            f"![Held-out pictures of {name}](../pictures/{name}-sheet.jpg)")


def sample_picture(place: Path, index: int) -> Image.Image:
    """The sample's picture with the points of its first annotation."""
    example = Dataset(place, "val")[index]
    with Image.open(example.image) as image:
        picture = draw_points(image.convert("RGB"), points_in(choose(example)[0]))
    picture.thumbnail((WIDEST, WIDEST))
    return picture


def numbers_table(numbers: dict[str, tuple[int, int, str]]) -> str:
    """What to expect of one set."""
    lines = [f"| `{split}` | {images:,} | {annotations:,} | `{digest}` |"
             for split, (images, annotations, digest) in numbers.items()]
    return "\n".join([f"Level `{LEVEL}`, seed 1, in its usual size:\n",
                      "| split | images | annotations | sha256 of the jsonl |", "|---|---|---|---|", *lines])


def sets_table(told: dict[str, dict]) -> str:
    """What to expect of all sets, for data/README.md."""
    lines = [f"| [{name}]({name}/README.md) | {' '.join(f'{n[0]:,}' for n in numbers.values())} "
             f"| {numbers['train'][1]:,} | `{numbers['train'][2][:16]}` |" for name, numbers in told.items()]
    head = "| set | images: train, val, novel | annotations in train | sha256 of train.jsonl (seed 1) |"
    return "\n".join([head, "|---|---|---|---|", *lines])


def fill(page: Path, text: str) -> None:
    """Put the text between the page's marks. Raises ValueError if it has none."""
    pattern = "(?<=" + re.escape(MARKS[0]) + ").*?(?=" + re.escape(MARKS[1]) + ")"
    old = page.read_text()
    if not re.search(pattern, old, re.DOTALL):
        raise ValueError(f"{page} lacks the lines {' and '.join(MARKS)}, so there is no place for its "
                         f"numbers. Put them back.")
    page.write_text(re.sub(pattern, lambda _: f"\n\n{text}\n\n", old, flags=re.DOTALL))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=HERE, help="where the sets of level full are")
    try:
        write_pages(parser.parse_args().folder)
    except ValueError as error:
        sys.exit(str(error))
