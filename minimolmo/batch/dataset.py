"""A dataset: one folder of images and annotations. Row i becomes an Example, checked when it is read.

    data/mine/train.jsonl    one JSON object per line: {"image": "images/cat.jpg", "annotations": [...]}
    data/mine/val.jsonl      the same format; never used for training
    data/mine/images/

    python -m minimolmo.batch.dataset data/mine      check every row of a folder
"""
from __future__ import annotations

import difflib
import json
import os
import re
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path

import numpy as np
from tqdm import tqdm

from minimolmo.command import printable, run_command, say
from minimolmo.flow import Annotation, Example, Point, Thing
from minimolmo.image.resize import open_image
from minimolmo.options import Parser, path_argument
from minimolmo.presets import DRAWN

STYLES = {  # style: the fields that its annotations need
    "long_caption": ["answer"], "transcript": ["answer"],
    "pointing": ["label", "points"], "point_count": ["label", "points"], "count": ["answer"],
    **dict.fromkeys(("user_qa", "cap_qa", "point_explanations", "clocks",
                     "charts", "tables", "diagrams", "other"), ["question", "answer"])}
ANNOTATION_FIELDS = {field.name for field in fields(Annotation)}
THING_FIELDS = {field.name: field.type for field in fields(Thing)}  # "str" or "float"
MAX_THING_SIDE = 200  # percent: a thing may reach beyond the image
REQUIRED_THING_FIELDS = {field.name for field in fields(Thing) if field.default is MISSING}


class Dataset:
    """The rows of one split as Examples. A row is read on access; only line offsets are kept in memory.

    The file is opened once: while it is replaced, as the page replaces it, a running training keeps its rows.
    Errors are ValueErrors that name file and line.
    """

    def __init__(self, folder: Path, split: str):
        self.folder, self.file = Path(folder), Path(folder) / f"{split}.jsonl"
        if not self.file.is_file():
            raise ValueError(f"{self.file} is missing, so there is nothing to read. "
                             f"{how_to_get(self.folder)}")
        self._open()
        content = np.frombuffer(self._read(0, self._version[0]), dtype=np.uint8)
        ends = np.flatnonzero(content == ord("\n"))
        if len(content) and (not len(ends) or ends[-1] != len(content) - 1):
            ends = np.append(ends, len(content))  # the last line has no line end
        self.starts, self.ends = np.append(0, ends[:-1] + 1), ends
        if not len(ends):
            raise ValueError(f"{self.file} is empty, so there is nothing to read. Put one row a picture "
                             f"into it: data/README.md shows how.")

    def _open(self) -> None:
        self._handle = open(self.file, "rb", buffering=0)
        weakref.finalize(self, self._handle.close)
        status = os.fstat(self._handle.fileno())
        self._version = status.st_size, status.st_mtime_ns

    def __getstate__(self) -> dict:
        return {name: value for name, value in vars(self).items() if name != "_handle"}

    def __setstate__(self, state: dict) -> None:
        """Open the file again, in another process. Raises ValueError if it has been replaced meanwhile."""
        vars(self).update(state)
        self._open()
        if self._version != state["_version"]:
            raise ValueError(f"{self.file} has changed while a data worker was starting, so its rows are "
                             f"others now. Try again.")

    def _read(self, start: int, stop: int) -> bytes:
        """Bytes of the file. Forked workers share the handle, so reading must not move its position."""
        pieces = []
        while start < stop and (piece := self._read_once(start, stop)):  # one call reads 2 GB at the most
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)

    def _read_once(self, start: int, stop: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._handle.fileno(), stop - start, start)
        self._handle.seek(start)  # Windows forks no workers
        return self._handle.read(stop - start)

    def __len__(self) -> int:
        return len(self.ends)

    def rows_matching(self, pattern: bytes) -> Iterator[int]:
        """The rows whose line matches a regular expression, without reading the others as JSON."""
        for match in re.finditer(pattern, self._read(0, int(self.ends[-1]))):
            yield int(np.searchsorted(self.ends, match.start()))

    def __getitem__(self, row: int) -> Example:
        line = self._read(int(self.starts[row]), int(self.ends[row]))
        name = f"{self.file}:{row + 1}"
        try:
            return read_example(read_json(line), self.folder, name)
        except ValueError as error:
            raise ValueError(f"{name}{error}") from None


def is_empty(folder: Path, split: str) -> bool:
    """Whether a split's file is there and has no rows. Such a split is left out where others are left."""
    file = Path(folder) / f"{split}.jsonl"
    return file.is_file() and not file.read_bytes().strip()


def how_to_get(folder: Path) -> str:
    """What to try if a dataset's folder lacks its files: draw, download or write them."""
    if {folder.name, folder.parent.name} & {*DRAWN}:
        return ('Run "make data" first (it draws mini-PixMo; with LEVEL=small or LEVEL=full, another level).')
    if folder.name == "pixmo":
        return 'Run "make data-pixmo" first: it downloads a subset of PixMo.'
    return "Try writing it: data/README.md shows how, or try another folder."


def invalid_row(fault: str, remedy: str) -> ValueError:
    """The error for an invalid row: what is wrong, and what to try. Callers put file and line in front."""
    return ValueError(f": {fault}, so it cannot be used. {remedy}")


def read_json(line: bytes) -> object:
    """Parse one line of a file as JSON."""
    if not line.strip():
        raise invalid_row("the line is blank", "Remove it.")
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:  # broken JSON, broken UTF-8, thousands of brackets
        raise invalid_row(f"this line is not JSON ({error})", 'Try one whole object a line: {"image": '
                          '"images/cat.jpg", "annotations": [...]}.') from None


def read_example(values: object, folder: Path, name: str) -> Example:
    """Convert one row's JSON to an Example. Raises ValueError that says what is wrong with the row.

    It is invalid_row(...) if the row is no object, its "image" is no text, or its "annotations" are no list
    or an empty one. What read_annotation raises gets ", annotation 2" in front, counted from 1.
    """
    if not (isinstance(values, dict) and isinstance(values.get("image"), str)):
        raise invalid_row('the row is not an object with an "image"',
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


def read_annotation(row: object) -> Annotation:
    """Convert one annotation's JSON to an Annotation. Raises ValueError that says what is wrong with it."""
    check_fields(row)
    points = _read_points(row.get("points", []))
    text = [row.get(field, "") for field in ("style", "question", "label", "answer")]
    return Annotation(*text, points)


def check_fields(row: object) -> None:
    """Check that the style is known, the fields are valid, and none that the style needs is missing."""
    if not isinstance(row, dict):
        raise invalid_row(f"{row!r} is not an object", 'Try {"style": ..., "answer": ...}.')
    style = row.get("style")
    if not (isinstance(style, str) and style in STYLES):
        raise invalid_row(f'its "style" is {style!r}', f"Try one of {', '.join(STYLES)}.")
    for field in row:
        if field not in ANNOTATION_FIELDS:
            known = sorted(ANNOTATION_FIELDS)
            close = difflib.get_close_matches(field, known, n=1) or [", ".join(known)]
            raise invalid_row(f'"{field}" is not a field of an annotation', f"Did you mean {close[0]}?")
    for field in ("question", "label", "answer"):
        if not isinstance(row.get(field, ""), str):
            raise invalid_row(f'"{field}" is {row[field]!r}, not text', "Put it in quotes.")
    for field in STYLES[style]:  # "points" may be an empty list: there are none
        if not (field in row if field == "points" else row.get(field, "").strip()):
            raise invalid_row(f'style {style} needs "{field}"', f'Add "{field}" to the annotation.')
    if style == "count":
        check_count(row)
    if style == "point_count":
        check_point_count(row)


def check_count(row: dict) -> None:
    """Check an annotation of style count: it needs a label or a question, and an answer in digits."""
    if not (row.get("label") or row.get("question")):
        raise invalid_row('style count needs "label" or "question"', 'Add "label": "cat".')
    if not re.fullmatch("[0-9]{1,6}", row["answer"]):
        raise invalid_row(f"the count {row['answer']!r} is not a number in digits", 'Try "answer": "3".')


def check_point_count(row: dict) -> None:
    """Check an annotation of style point_count: its answer, if it has one, is the number of points."""
    number = len(_read_points(row["points"]))
    if str(row.get("answer") or number) != str(number):
        raise invalid_row(f'its answer is {row["answer"]!r}, but it has {number} points',
                          "Leave the answer out: it is the number of points.")


def _read_things(things: object) -> tuple[Thing, ...]:
    if not isinstance(things, list):
        raise invalid_row(f'"things" is {things!r}, not a list', "Leave it out.")
    for thing in things:
        if not _is_valid_thing(thing):
            raise invalid_row(f"the thing {thing!r} does not have the fields {', '.join(THING_FIELDS)} as "
                              f"text and numbers, x and y in percent of the image",
                              'Leave "things" out: only stage bootstrap needs them.')
    return tuple(Thing(**thing) for thing in things)


def _is_valid_thing(thing: object) -> bool:
    return (isinstance(thing, dict) and REQUIRED_THING_FIELDS <= thing.keys() <= THING_FIELDS.keys()
            and all(_is_valid_field(field, value) for field, value in thing.items())
            and all(0 <= thing[axis] <= 100 for axis in "xy")
            and all(0 < thing[side] <= MAX_THING_SIDE for side in ("width", "height")))


def _is_valid_field(field: str, value: object) -> bool:
    """Whether a field of an object label has the right type. true, NaN and Infinity are not numbers here."""
    if THING_FIELDS[field] == "str":
        return isinstance(value, str)
    return type(value) in (int, float) and abs(value) < 1e9  # false for NaN


def _read_points(points: object) -> tuple[Point, ...]:
    """Convert JSON's points to floats.

    Raises invalid_row(...) if they are no list, or if one of them is no list of two numbers from 0 to 100.
    True, "50" and NaN are no such numbers.
    """
    if not isinstance(points, list):
        raise invalid_row(f'"points" is {points!r}, not a list', "Try [[61.5, 40.4]].")
    for point in points:
        if not (isinstance(point, list) and len(point) == 2
                and all(type(value) in (int, float) and 0 <= value <= 100 for value in point)):
            raise invalid_row(f"the point {point!r} is not [x, y] in percent",
                              "Divide pixels by the image's width and height and multiply by 100: "
                              "[61.5, 40.4].")
    return tuple((float(x), float(y)) for x, y in points)


def has_captions(dataset: Dataset) -> bool:
    """Whether any row has a caption or a transcript, which stage pretrain needs."""
    examples = (dataset[row] for row in dataset.rows_matching(rb'"(long_caption|transcript)"'))
    return any(a.style in ("long_caption", "transcript") for example in examples for a in example.annotations)


def has_things(dataset: Dataset) -> bool:
    """Whether any row has object labels, which stage bootstrap needs."""
    return any(dataset[row].things for row in dataset.rows_matching(rb'"things"\s*:\s*\[\s*\{'))


def check_split(folder: Path, split: str) -> str:
    """Read every row and open every image of one split; returns a one-line summary with the counts.

    Only val may be empty: then nothing can be said about images that the model has not seen.
    """
    if split == "val" and is_empty(folder, split):
        return f"{Path(folder) / 'val.jsonl'}: empty, so no picture is held out to be scored"
    dataset, annotations = Dataset(folder, split), 0
    for row in tqdm(range(len(dataset)), desc=printable(f"checking {dataset.file}"), leave=False, delay=1):
        example = dataset[row]
        try:
            open_image(example.image)
        except ValueError as error:
            raise ValueError(f"{example.name}: {error}") from None
        annotations += len(example.annotations)
    return f"{dataset.file}: {len(dataset)} pictures, {annotations} annotations, all good"


def check_user_datasets(folders: Iterable[Path]) -> None:
    """Check the user's own dataset folders (those without a manifest)."""
    for folder in folders:
        if folder.is_dir() and not (folder / "manifest.json").exists():
            for split in ("train", "val"):
                say(check_split(folder, split))


def main(arguments: list[str]) -> None:
    """The command line: check both splits of one folder."""
    parser = Parser(description="Check a dataset: every row and every image.")
    parser.add_argument("folder", type=path_argument, help="as data/mine")
    folder = parser.parse_args(arguments).folder
    if folder.is_file() or folder.suffix == ".jsonl":
        raise ValueError(f"{folder} is a file, and a dataset is a folder with train.jsonl, val.jsonl and "
                         f"images. Try giving the folder: {folder.parent}")
    for split in ("train", "val"):
        say(check_split(folder, split))


if __name__ == "__main__":
    run_command(main)
