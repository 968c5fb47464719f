"""Write a dataset: examples become rows in jsonl and files in images/; the manifest comes last.

    data/points/easy/train.jsonl  val.jsonl  novel.jsonl  images/  manifest.json

A dataset is drawn in a temporary folder and renamed once it is complete. Each example has its own random
generator, seeded by (seed, dataset, split, index), so the number of workers does not change the result.
"""
from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Protocol

from PIL import Image
from tqdm import tqdm

from data.own import (
    KIND,
    UNFINISHED,
    digest_of_all,
    edited_files,
    is_own_dataset,
    refuse_edited,
    unknown_files,
)
from data.scenes.levels import Level, get_level
from data.splits import SPLITS
from minimolmo.command import os_error_message, say
from minimolmo.disk import (
    MANIFEST,
    PART,
    WRITER,
    image_format,
    is_unused,
    read_manifest,
    remove_folder,
    replace_folder,
    replaced_name,
    sha256_of,
    write_text,
)
from minimolmo.flow import Annotation, Thing
from minimolmo.locks import locked
from minimolmo.options import Parser, count_argument, path_argument
from minimolmo.pool import map_in_order


class DrawableScene(Protocol):
    """What a dataset draws: a scene, a document or a clock."""
    things: tuple[Thing, ...]   # labelled objects, for training and scores; () if there are none
    columns: dict               # further columns of the row, with PixMo's names
    suffix: str                 # file type: .png for flat colours, else .jpg

    def draw(self) -> Image.Image:
        """Draw the RGB image. The result is the same each time."""


# The function of a dataset that makes one example: (level, split, generator) -> scene, annotations.
MakeExample = Callable[[Level, str, random.Random], tuple[DrawableScene, list[Annotation]]]

NUM_IMAGES = {  # level -> dataset -> number of images in (train, val, novel)
    "easy": {
        "points": (20_000, 512, 256),
        "count": (14_000, 512, 256),
        "ask_model_anything": (10_000, 512, 256),
        "cap": (8_000, 512, 256),
        "clocks": (20_000, 512, 256),
        "docs": (24_000, 512, 256),
        "cap_qa": (6_000, 512, 256),
        "point_explanations": (8_000, 512, 256),
    },
    "small": {
        "points": (8_000, 512, 256),
        "count": (5_000, 512, 256),
        "ask_model_anything": (10_000, 512, 256),
        "cap": (5_000, 512, 256),
    },
    "full": {
        "cap": (3_000, 256, 128),
        "ask_model_anything": (4_500, 256, 128),
        "points": (5_500, 256, 128),
        "count": (4_000, 256, 128),
        "cap_qa": (1_500, 256, 128),
        "point_explanations": (1_500, 256, 128),
        "docs": (6_000, 384, 128),
        "clocks": (4_000, 256, 128),
    },
}
# JPEG keeps full colour resolution (subsampling=0), because some objects are a few pixels wide.
SAVE_OPTIONS = {".png": dict(compress_level=1), ".jpg": dict(quality=90, subsampling=0)}
DATA_FOLDER = Path(__file__).parent
MAX_WORKERS = 1024


@dataclass(frozen=True)
class DatasetSpec:
    """The size and seed of a dataset. The same spec and the same code give the same bytes."""
    name: str
    level: str
    seed: int
    num_images: dict[str, int]  # images per split

    @property
    def indices(self) -> list[tuple[str, int]]:
        """All (split, index) pairs in the order of the files."""
        return [(split, index) for split in SPLITS for index in range(self.num_images[split])]


def make_dataset_spec(name: str, level: str = "easy", seed: int = 1,
                      images: int | None = None) -> DatasetSpec:
    """A valid spec. `images` sets the number of train images; the default is the dataset's own size."""
    get_level(level)
    if name not in NUM_IMAGES[level]:
        raise ValueError(f"dataset {name!r} does not exist at level {level}, so it cannot be drawn. "
                         f"Try one of: {', '.join(NUM_IMAGES[level])}.")
    if images is not None and images < 1:
        raise ValueError(f"images={images} leaves no training images, but a dataset needs 1 or more. "
                         f"Try images=100.")
    train, val, novel = NUM_IMAGES[level][name]
    num_images = (train, val, novel) if images is None else (images, min(images, val), min(images, novel))
    return DatasetSpec(name, level, seed, dict(zip(SPLITS, num_images)))


def make_dataset_specs(arguments: argparse.Namespace, datasets: dict[str, MakeExample]) -> list[DatasetSpec]:
    """The specs that the command line asks for: the named datasets, or all of the level."""
    get_level(arguments.level)
    all_of_level = [name for name in datasets if name in NUM_IMAGES[arguments.level]]
    names = all_of_level if arguments.sets is None else arguments.sets.split(",")
    specs = [make_dataset_spec(name, arguments.level, arguments.seed) for name in names]
    if arguments.images is None:
        return specs
    default_total = sum(spec.num_images["train"] for spec in specs)
    images = [max(1, round(arguments.images * spec.num_images["train"] / default_total)) for spec in specs]
    if arguments.images < 1:  # make_dataset_spec raises the error
        images = [arguments.images] * len(specs)
    return [
        make_dataset_spec(spec.name, spec.level, spec.seed, num_train)
        for spec, num_train in zip(specs, images)
    ]


def write_dataset(spec: DatasetSpec, make_example: MakeExample, data_folder: Path = DATA_FOLDER,
                  workers: int = 1) -> Path:
    """Draw the dataset at data_folder/<name>/<level>, unless it is there already. Returns its folder."""
    if workers < 1:
        raise ValueError(f"workers={workers} is less than 1, so nothing can be drawn. Try workers=2.")
    folder = data_folder / spec.name / spec.level
    code = code_digest(make_example)
    if is_finished(folder, spec, code):
        say(f"{spec.name}: {folder} is there already ({len(spec.indices):,} images), nothing to draw")
        return folder
    try:
        with locked(folder.parent):  # not the folder itself, which is replaced
            _check_is_own(folder)
            _note_replaced(folder, spec)
            _draw_and_rename(spec, make_example, folder, workers, code)
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise ValueError(f"{os_error_message(error)} {spec.name} was not drawn; another --folder may do."
                         ) from error
    return folder


def is_finished(folder: Path, spec: DatasetSpec, code: str) -> bool:
    """Is a complete dataset of this spec, drawn by this code, in the folder?"""
    try:
        manifest = read_manifest(folder)
        return manifest == _manifest(spec, folder, code, manifest.get("images_sha256"))
    except OSError:  # files are missing
        return False


def code_digest(make_example: MakeExample) -> str:
    """A digest of the drawing code, so that the dataset is redrawn when the code changes."""
    files = sorted({*DATA_FOLDER.rglob("*.py"), Path(make_example.__code__.co_filename)})
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _check_is_own(folder: Path) -> None:
    """Raise ValueError if a folder that would be replaced was not drawn by us, or was edited since."""
    own = not folder.is_symlink() and (is_unused(folder) or is_own_dataset(folder))
    if folder.exists() and not own:
        unknown = unknown_files(folder)
        refuse_edited(folder, [] if unknown else edited_files(folder), "drawn")
        what = repr(unknown[0]) if unknown else f"no {MANIFEST} of ours"
        raise ValueError(f"{folder} holds {what}, so it is no dataset of ours and is not replaced. "
                         f"Try another --folder, or move it away.")


def _note_replaced(folder: Path, spec: DatasetSpec) -> None:
    """Say what will be replaced: a drawn dataset of another size or seed, or of other code."""
    manifest = read_manifest(folder)
    counts = manifest.get("counts")
    old = counts.get("train") if isinstance(counts, dict) else None
    if isinstance(old, int):
        seed = f" of seed {manifest.get('seed')}" if manifest.get("seed") != spec.seed else ""
        new = spec.num_images["train"]
        say(f"{spec.name}: replaces {old:,} drawn train images{seed} by {new:,} in {folder}")


def _draw_and_rename(spec: DatasetSpec, make_example: MakeExample, folder: Path, workers: int,
                     code: str) -> None:
    partial_folder = folder.with_name(f"{folder.name}{PART}")
    for leftover in (partial_folder, replaced_name(folder)):  # of a run that was killed
        _check_is_own(leftover)
        _remove_if_there(leftover)
    try:
        partial_folder.mkdir(parents=True)
        write_text(partial_folder / MANIFEST, json.dumps({"writer": WRITER, "kind": UNFINISHED}))
        (partial_folder / "images").mkdir()
        images = _write_rows(spec, make_example, partial_folder, workers)
        manifest = json.dumps(_manifest(spec, partial_folder, code, images), indent=1)
        write_text(partial_folder / MANIFEST, manifest + "\n")
        replace_folder(partial_folder, folder)
    finally:
        _remove_if_there(partial_folder)


def _remove_if_there(folder: Path) -> None:
    if folder.exists():
        remove_folder(folder)


def _write_rows(spec: DatasetSpec, make_example: MakeExample, partial_folder: Path, workers: int) -> str:
    """Draw all examples into a folder. Returns the digest of all images."""
    digests, job = [], partial(_write_example, spec, make_example, partial_folder)
    with contextlib.ExitStack() as stack:
        files = {split: stack.enter_context(open(partial_folder / f"{split}.jsonl", "w", encoding="utf-8",
                                                  newline="\n"))
                 for split in SPLITS}
        rows = stack.enter_context(contextlib.closing(map_in_order(job, spec.indices, workers)))
        bar = tqdm(rows, spec.name, len(spec.indices), unit=" images")
        for (row, digest), (split, _) in zip(bar, spec.indices):
            files[split].write(row)
            digests.append(digest)
    return digest_of_all(digests)


def _write_example(spec: DatasetSpec, make_example: MakeExample, partial_folder: Path,
                   split_and_index: tuple[str, int]) -> tuple[str, bytes]:
    """Draw one example and save its image. Returns its row as a line of JSON, and the image's sha256."""
    picture, row = make_row(spec, make_example, *split_and_index)
    content = BytesIO()
    picture.draw().save(content, image_format(row["image"]), **SAVE_OPTIONS[picture.suffix])
    (partial_folder / row["image"]).write_bytes(content.getbuffer())
    return json.dumps(row) + "\n", hashlib.sha256(content.getbuffer()).digest()


def make_row(spec: DatasetSpec, make_example: MakeExample, split: str,
             index: int) -> tuple[DrawableScene, dict]:
    """One example as (scene, row). The image is not drawn yet."""
    rng = random.Random(f"{spec.seed}/{spec.name}/{split}/{index}")
    picture, annotations = make_example(get_level(spec.level), split, rng)
    return picture, {"image": f"images/{split}_{index:06d}{picture.suffix}", **picture.columns,
                     "annotations": [annotation_to_json(annotation) for annotation in annotations],
                     "things": [thing_to_json(thing) for thing in picture.things]}


def annotation_to_json(annotation: Annotation) -> dict:
    """The annotation as a dictionary without empty fields, except empty `points` that mean "none here"."""
    keep_empty_points = annotation.style in ("pointing", "point_count")
    return {key: value for key, value in vars(annotation).items()
            if value or key == "points" and keep_empty_points}


def thing_to_json(thing: Thing) -> dict:
    """The object as a dictionary without the fields that have their default value."""
    defaults = {field.name: field.default for field in fields(Thing)}
    return {key: value for key, value in vars(thing).items() if value != defaults[key]}


def _manifest(spec: DatasetSpec, folder: Path, code: str, images: str | None) -> dict:
    digests = {split: sha256_of(folder / f"{split}.jsonl") for split in SPLITS}
    return {"writer": WRITER, "kind": KIND, "set": spec.name, "level": spec.level, "seed": spec.seed,
            "counts": spec.num_images, "code": code,
            "images": len(os.listdir(folder / "images")), "sha256": digests,
            **({"images_sha256": images} if images else {})}


def run_command_line(datasets: dict[str, MakeExample], arguments: list[str]) -> None:
    """Run the command line of `prepare_all` and of each `prepare`: draw these datasets."""
    parser = Parser(description="Draw mini-PixMo: images with annotations.")
    parser.add_argument("--level",
                        default=next(level for level in NUM_IMAGES if datasets.keys() & NUM_IMAGES[level]),
                        help=f"one of {', '.join(NUM_IMAGES)} (default: %(default)s)")
    parser.add_argument("--seed", type=count_argument(0), default=1)
    parser.add_argument("--sets", help=f"names separated by commas, of {', '.join(datasets)}")
    parser.add_argument("--images", type=count_argument(),
                        help="train images in all these datasets together (default: the full size)")
    parser.add_argument("--workers", type=count_argument(1, MAX_WORKERS), default=os.cpu_count() or 1,
                        help="processes")
    parser.add_argument("--folder", type=path_argument, default=DATA_FOLDER, help="folder of the datasets")
    parsed = parser.parse_args(arguments)
    for spec in make_dataset_specs(parsed, datasets):
        write_dataset(spec, datasets[spec.name], parsed.folder, parsed.workers)
