"""Write counts, digests and a sample row of each dataset into its README, from full-size datasets.

    python -m data.prepare_all --level=full --folder=/tmp/full
    python -m data.preview.readme_tables --folder=/tmp/full

The program replaces the text between two markers in data/<dataset>/README.md and in data/README.md.
`tests/test_readme_tables.py` compares the READMEs with each other and the sample rows with the code.
"""
from __future__ import annotations

import json
import re
from pathlib import Path

from PIL import Image

from data.generate import DATA_FOLDER, MANIFEST, NUM_IMAGES, SPLITS, DatasetSpec, make_dataset_spec, make_row
from data.prepare_all import DATASETS
from data.preview.contact_sheets import annotations_to_show, dataset_sheet, interest, points_in
from minimolmo.batch.dataset import Dataset, read_example
from minimolmo.command import python_command, run_command, say
from minimolmo.disk import write_image, write_text
from minimolmo.draw import draw_points
from minimolmo.flow import Example
from minimolmo.image.resize import open_image
from minimolmo.options import Parser, path_argument

LEVEL_NAME = "full"
MARKERS = "<!-- written by python -m data.preview.readme_tables -->", "<!-- up to here -->"
IMAGES_ON_SHEET, NUM_CANDIDATES = 8, 24  # images on a sheet; candidates for the sample
MAX_ITEMS, MAX_CHARACTERS = 3, 240    # in the sample row: annotations, objects; letters of a text
MAX_IMAGE_SIDE = 480               # pixels of the sample image
JPEG = dict(quality=90, subsampling=0)


def write_readmes(folder: Path, readme_folder: Path = DATA_FOLDER) -> None:
    """Update all READMEs from the datasets in `folder`. ValueError if one is not the default drawing."""
    numbers_by_name = {name: dataset_numbers(folder, name) for name in NUM_IMAGES[LEVEL_NAME]}
    for name, numbers in numbers_by_name.items():
        folder_of_level, index = folder / name / LEVEL_NAME, most_interesting_index(name)
        row = sample_row(name, index)
        readme = readme_folder / name / "README.md"
        replace_between_markers(readme, f"{numbers_table(numbers)}\n\n{sample_text(name, row)}")
        sheet, sample = dataset_sheet(folder_of_level, IMAGES_ON_SHEET), sample_image(folder_of_level, index)
        write_image(readme_folder / "pictures" / f"{name}-sheet.jpg", sheet, **JPEG)
        write_image(readme_folder / "pictures" / f"{name}-row.jpg", sample, **JPEG)
        say(f"pages: {readme}")
    replace_between_markers(readme_folder / "README.md", datasets_table(numbers_by_name))


def dataset_numbers(folder: Path, name: str) -> dict[str, tuple[int, int, str]]:
    """Split -> (images, annotations, sha256 of the jsonl) of the default dataset: full size, seed 1."""
    level_folder = folder / name / LEVEL_NAME
    if not (level_folder / MANIFEST).is_file():
        draw = python_command("-m", "data.prepare_all", f"--level={LEVEL_NAME}", f"--folder={folder}")
        raise ValueError(f"{level_folder} was not drawn, so its README cannot be written. Run first: {draw}")
    manifest, spec = json.loads((level_folder / MANIFEST).read_text(encoding="utf-8")), default_spec(name)
    if (manifest["seed"], manifest["counts"]) != (spec.seed, spec.num_images):
        raise ValueError(
            f"{level_folder} holds {manifest['counts']} of seed {manifest['seed']}, so its numbers are "
            f"not those of the default drawing. Draw it without --images and --seed.")
    return {
        split: (spec.num_images[split], count_annotations(level_folder / f"{split}.jsonl"),
                manifest["sha256"][split])
        for split in SPLITS
    }


def default_spec(name: str) -> DatasetSpec:
    """The spec that the READMEs describe."""
    return make_dataset_spec(name, LEVEL_NAME)


def count_annotations(file: Path) -> int:
    """The number of annotations in all rows of a file."""
    with open(file, encoding="utf-8") as lines:
        return sum(len(json.loads(line)["annotations"]) for line in lines)


def most_interesting_index(name: str) -> int:
    """The index of the most interesting of the first val rows."""
    return max(range(NUM_CANDIDATES), key=lambda index: interest(val_row(name, index)[1]))


def val_row(name: str, index: int) -> tuple[dict, Example]:
    """A val row as written, and the example that is read from it."""
    _, row = make_row(default_spec(name), DATASETS[name], "val", index)
    return row, read_example(json.loads(json.dumps(row)), DATA_FOLDER, name)


def sample_row(name: str, index: int) -> dict:
    """A val row for the README: some annotations and objects, long texts cut."""
    row, example = val_row(name, index)
    chosen = [example.annotations.index(annotation) for annotation in annotations_to_show(example)]
    if name == "cap":
        chosen.append(1)   # add a transcript to the caption
    selected = {"annotations": [row["annotations"][i] for i in chosen], "things": row["things"][:MAX_ITEMS]}
    return shortened(row | selected)


def shortened(value: object) -> object:
    """The same JSON with long texts and long lists of texts cut."""
    if isinstance(value, str) and len(value) > MAX_CHARACTERS:
        return value[:MAX_CHARACTERS].rsplit(" ", 1)[0] + " ..."
    if isinstance(value, dict):
        return {key: shortened(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [
            shortened(part) for part in (value[:MAX_ITEMS] if value and isinstance(value[0], str) else value)
        ]
    return value


def sample_text(name: str, row: dict) -> str:
    """The row as a JSON block, with one line for each annotation and object, and its image."""
    parts = []
    for key, value in row.items():
        lines = [json.dumps(part) for part in value] if key in ("annotations", "things") else []
        parts.append(f'"{key}": [\n   ' + ",\n   ".join(lines) + "]" if lines else
                     f'"{key}": {json.dumps(value)}')
    block = "{" + ",\n ".join(parts) + "}"
    return (f"One row of `val`, shortened, and its picture:\n\n```json\n{block}\n```\n\n"
            f"![The row's picture](../pictures/{name}-row.jpg)\n\n"
            f"![Held-out pictures of {name}](../pictures/{name}-sheet.jpg)")


def sample_image(folder: Path, index: int) -> Image.Image:
    """The sample's image with the points of its first annotation."""
    example = Dataset(folder, "val")[index]
    image = Image.fromarray(open_image(example.image))
    picture = draw_points(image, points_in(annotations_to_show(example)[0]))
    picture.thumbnail((MAX_IMAGE_SIDE, MAX_IMAGE_SIDE))
    return picture


def numbers_table(numbers: dict[str, tuple[int, int, str]]) -> str:
    """The table of one dataset: images, annotations and digest of each split."""
    lines = [f"| `{split}` | {images:,} | {annotations:,} | `{digest}` |"
             for split, (images, annotations, digest) in numbers.items()]
    return "\n".join([f"Level `{LEVEL_NAME}`, seed 1, in its usual size:\n",
                      "| split | images | annotations | sha256 of the jsonl |", "|---|---|---|---|", *lines])


def datasets_table(numbers_by_name: dict[str, dict]) -> str:
    """The table of all datasets for data/README.md."""
    lines = [
        f"| [{name}]({name}/README.md) | {' '.join(f'{split[0]:,}' for split in numbers.values())} "
        f"| {numbers['train'][1]:,} | `{numbers['train'][2][:16]}` |"
        for name, numbers in numbers_by_name.items()
    ]
    head = "| dataset | images: train, val, novel | annotations in train | sha256 of train.jsonl (seed 1) |"
    return "\n".join([head, "|---|---|---|---|", *lines])


def replace_between_markers(readme: Path, text: str) -> None:
    """Replace the text between the README's markers. Raises ValueError if it has none."""
    pattern = "(?<=" + re.escape(MARKERS[0]) + ").*?(?=" + re.escape(MARKERS[1]) + ")"
    old = readme.read_text(encoding="utf-8")
    if not re.search(pattern, old, re.DOTALL):
        raise ValueError(f"{readme} lacks the lines {' and '.join(MARKERS)}, so its numbers have no place. "
                         f"Put them back.")
    write_text(readme, re.sub(pattern, lambda _: f"\n\n{text}\n\n", old, flags=re.DOTALL))


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=path_argument, default=DATA_FOLDER, help="folder of the datasets")
    write_readmes(parser.parse_args(arguments).folder)


if __name__ == "__main__":
    run_command(main)
