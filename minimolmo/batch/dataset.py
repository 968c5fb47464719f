"""One folder of pictures and what was said about them: row i -> Example, checked on the way.

    data/mine/train.jsonl    one JSON object a line: {"image": "images/cat.jpg", "annotations": [...]}
    data/mine/val.jsonl      the same, never trained on
    data/mine/images/

    python -m minimolmo.batch.dataset data/mine      check every row of a folder
"""
from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import MISSING, fields
from pathlib import Path

import numpy as np
from tqdm import tqdm

from minimolmo.flow import Annotation, Example, Point, Thing
from minimolmo.image.resize import open_image

STYLES = {  # style: what an annotation must hold beside it
    "long_caption": ["answer"], "transcript": ["answer"],
    "pointing": ["label", "points"], "point_count": ["label", "points"], "count": ["answer"],
    **dict.fromkeys(("user_qa", "cap_qa", "point_explanations", "clocks",
                     "charts", "tables", "diagrams", "other"), ["question", "answer"])}
KEYS = {field.name for field in fields(Annotation)}
PARTS = {field.name: field.type for field in fields(Thing)}  # "str" or "float"
NEEDED = {field.name for field in fields(Thing) if field.default is MISSING}  # the others may be left out


class Dataset:
    """The rows of one split, read when asked for: only the lines' places are kept in memory.

    Errors are ValueErrors that name file and line.
    """

    def __init__(self, folder: Path, split: str):
        self.folder, self.file = Path(folder), Path(folder) / f"{split}.jsonl"
        if not self.file.is_file():
            raise ValueError(f"{self.file} is missing, so there is nothing to read. Run \"make data\" first "
                             f"(it draws mini-PixMo; with LEVEL=small or LEVEL=full, another level), or "
                             f"write your own: data/README.md shows how.")
        content = np.fromfile(self.file, dtype=np.uint8)
        ends = np.flatnonzero(content == ord("\n"))
        if len(content) and (not len(ends) or ends[-1] != len(content) - 1):
            ends = np.append(ends, len(content))
        self.starts, self.ends = np.append(0, ends[:-1] + 1), ends
        if not len(ends):
            raise ValueError(f"{self.file} is empty, so there is nothing to read. Put one row a picture "
                             f"into it: data/README.md shows how.")

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, row: int) -> Example:
        with open(self.file, "rb") as file:
            file.seek(self.starts[row])
            line = file.read(self.ends[row] - self.starts[row])
        name = f"{self.file}:{row + 1}"
        try:
            return read_example(read_json(line), self.folder, name)
        except ValueError as error:
            raise ValueError(f"{name}{error}") from None


def invalid_row(fault: str, remedy: str) -> ValueError:
    """What is wrong with a row and what to try; whoever knows the row's place puts it in front."""
    return ValueError(f": {fault}, so it cannot be used. {remedy}")


def read_json(line: bytes):
    """One line of a file as JSON."""
    if not line.strip():
        raise invalid_row("the line is blank", "Take it out.")
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:  # broken JSON, broken UTF-8, thousands of brackets
        raise invalid_row(f"this line is not JSON ({error})", 'Try one whole object a line: {"image": '
                       '"images/cat.jpg", "annotations": [...]}.') from None


def read_example(values, folder: Path, name: str) -> Example:
    """One row's JSON as an Example. Raises ValueError that says what is wrong with the row."""
    if not (isinstance(values, dict) and isinstance(values.get("image"), str)):
        raise invalid_row('the row is no object with an "image"',
                       'Try {"image": "images/cat.jpg", "annotations": [...]}.')
    rows, annotations = values.get("annotations"), []
    if not (isinstance(rows, list) and rows):
        raise invalid_row('the row has no "annotations"', 'Try "annotations": [{"style": "user_qa", '
                       '"question": "Who is it?", "answer": "A cat."}].')
    for number, row in enumerate(rows, start=1):
        try:
            annotations.append(read_annotation(row))
        except ValueError as error:
            raise ValueError(f", annotation {number}{error}") from None
    return Example(folder / values["image"], tuple(annotations), _read_things(values.get("things", [])), name)


def read_annotation(row) -> Annotation:
    """One annotation's JSON, checked: known style, everything the style needs, points in percent."""
    if not isinstance(row, dict):
        raise invalid_row(f"{row!r} is not an object", 'Try {"style": ..., "answer": ...}.')
    style = row.get("style")
    if not (isinstance(style, str) and style in STYLES):
        raise invalid_row(f'its "style" is {style!r}', f"Try one of {', '.join(STYLES)}.")
    if not row.keys() <= KEYS:
        key = next(key for key in row if key not in KEYS)
        close = difflib.get_close_matches(key, KEYS, n=1) or [", ".join(sorted(KEYS))]
        raise invalid_row(f'"{key}" is nothing an annotation has', f"Did you mean {close[0]}?")
    question, label, answer = row.get("question", ""), row.get("label", ""), row.get("answer", "")
    for key, text in (("question", question), ("label", label), ("answer", answer)):
        if not isinstance(text, str):
            raise invalid_row(f'"{key}" is {text!r}, not text', "Put it in quotes.")
    for key in STYLES[style]:  # only a list of points may be empty: "there are none"
        if not (key in row if key == "points" else row.get(key, "").strip()):
            raise invalid_row(f'style {style} needs "{key}"', f'Add "{key}" to the annotation.')
    if style == "count" and not (label or question):
        raise invalid_row("it says nothing to count", 'Add "label": "cat".')
    if style == "count" and not re.fullmatch("[0-9]{1,6}", answer):
        raise invalid_row(f"the count {answer!r} is no number in digits", 'Try "answer": "3".')
    return Annotation(style, question, label, answer, _read_points(row.get("points", [])))


def _read_things(things) -> tuple[Thing, ...]:
    if not isinstance(things, list):
        raise invalid_row(f'"things" is {things!r}, not a list', "Leave it out.")
    for thing in things:
        fine = isinstance(thing, dict) and NEEDED <= thing.keys() <= PARTS.keys()
        if not (fine and all(_tells(part, value) for part, value in thing.items())):
            raise invalid_row(f"the thing {thing!r} is not told by {', '.join(PARTS)}",
                           'Leave "things" out if you do not know them: only stage bootstrap needs them.')
    return tuple(Thing(**thing) for thing in things)


def _tells(part: str, value) -> bool:
    """Whether a thing's part is text, or a number of usual size: JSON's true, NaN and Infinity are none."""
    return isinstance(value, str) if PARTS[part] == "str" else (
        type(value) in (int, float) and abs(value) < 1e9)  # NaN is not


def _read_points(points) -> tuple[Point, ...]:
    if not isinstance(points, list):
        raise invalid_row(f'"points" is {points!r}, not a list', "Try [[61.5, 40.4]].")
    for point in points:
        if not (isinstance(point, list) and len(point) == 2
                and all(type(value) in (int, float) and 0 <= value <= 100 for value in point)):
            raise invalid_row(f"the point {point!r} is not [x, y] in percent",
                           "Divide pixels by the image's width and height and multiply by 100: [61.5, 40.4].")
    return tuple((float(x), float(y)) for x, y in points)


def has_captions(dataset: Dataset, rows: int = 100) -> bool:
    """Whether a caption or a transcript stands in the first rows: then stage pretrain learns from it."""
    first = (dataset[row] for row in range(min(rows, len(dataset))))
    return any(a.style in ("long_caption", "transcript") for example in first for a in example.annotations)


def has_things(dataset: Dataset, rows: int = 100) -> bool:
    """Whether the first rows know what was drawn where: then stage bootstrap learns from it."""
    return any(dataset[row].things for row in range(min(rows, len(dataset))))


def check_split(folder: Path, split: str) -> str:
    """Read every row and open every picture of one split; returns a line that says what was found."""
    data = Dataset(folder, split)
    said = 0
    for row in tqdm(range(len(data)), desc=f"checking {data.file}", leave=False, delay=1):
        example = data[row]
        try:
            open_image(example.image)
        except ValueError as error:
            raise ValueError(f"{example.name}: {error}") from None
        said += len(example.annotations)
    return f"{data.file}: {len(data)} pictures, {said} annotations, all good"


def check_own_folders(folders: Iterable[Path]) -> None:
    """Check those of some folders that mini-PixMo did not draw: they have no manifest."""
    for folder in folders:
        if folder.is_dir() and not (folder / "manifest.json").exists():
            for split in ("train", "val"):
                print(check_split(folder, split))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say which folder to check, e.g. python -m minimolmo.batch.dataset data/mine")
    try:
        for split in ("train", "val"):
            print(check_split(Path(sys.argv[1]), split))
    except ValueError as error:
        sys.exit(str(error))
