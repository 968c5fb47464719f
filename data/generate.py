"""Scenes to files: rows in jsonl, pictures in images/, a manifest at the very end.

    data/points/easy/train.jsonl  val.jsonl  novel.jsonl  images/  manifest.json

A set is drawn in a folder beside its place and renamed when it is whole: what stands there is finished.
Every scene has its own generator, seeded by (seed, set, split, index): the number of workers changes nothing.
"""
from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import multiprocessing.connection
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Protocol

from PIL import Image
from tqdm import tqdm

from data.scenes.levels import Level, get_level
from data.splits import SPLITS
from minimolmo.flow import Annotation, Thing


class Picture(Protocol):
    """What a set may draw: a scene, a chart, a clock."""
    things: tuple[Thing, ...]   # for grow.py and the scores; () where nothing is pointed at
    columns: dict               # facts of the whole picture, under PixMo's own names
    suffix: str                 # of its file: .png for flat colours, .jpg for the rest

    def draw(self) -> Image.Image:
        """The same RGB pixels each time."""


# How a set makes one image: (level, split, generator) -> what is there, and what was said about it.
Compose = Callable[[Level, str, random.Random], tuple[Picture, list[Annotation]]]

SIZES = {  # level -> set -> images of (train, val, novel)
    "easy": {
        "points": (20_000, 512, 256),
        "count": (14_000, 512, 256),
        "ask_model_anything": (10_000, 512, 256),
        "cap": (8_000, 512, 256),
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
# Fast, and small enough; full colour in every pixel, as some things are only a few pixels wide.
SAVED_AS = {".png": dict(compress_level=1), ".jpg": dict(quality=90, subsampling=0)}
MANIFEST = "manifest.json"
OWN = {"train.jsonl", "val.jsonl", "novel.jsonl", "images", MANIFEST}  # what a set's folder may hold
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Plan:
    """What is asked for: the same plan and the same code give the same bytes."""
    name: str
    level: str
    seed: int
    counts: dict[str, int]  # images per split

    @property
    def parts(self) -> list[tuple[str, int]]:
        """Every (split, index) in the order of the files."""
        return [(split, index) for split in SPLITS for index in range(self.counts[split])]


def make_plan(name: str, level: str = "easy", seed: int = 1, images: int | None = None) -> Plan:
    """A checked plan. `images` asks for that many train images instead of the set's own number."""
    get_level(level)
    if name not in SIZES[level]:
        raise ValueError(f"set {name!r} does not exist at level {level}, so it cannot be drawn. "
                         f"Try one of: {', '.join(SIZES[level])}.")
    if images is not None and images < 1:
        raise ValueError(f"images={images} leaves nothing to train on: a set needs 1 or more. Try 100.")
    train, val, novel = SIZES[level][name]
    counts = (train, val, novel) if images is None else (images, min(images, val), min(images, novel))
    return Plan(name, level, seed, dict(zip(SPLITS, counts)))


def make_plans(asked: argparse.Namespace, sets: dict[str, Compose]) -> list[Plan]:
    """Plans for the sets that are asked for (all that the level has, if none are named)."""
    get_level(asked.level)
    all_of_level = [name for name in sets if name in SIZES[asked.level]]
    names = all_of_level if asked.sets is None else asked.sets.split(",")
    plans = [make_plan(name, asked.level, asked.seed) for name in names]
    if asked.images is None:
        return plans
    usual = sum(plan.counts["train"] for plan in plans)
    images = [max(1, round(asked.images * plan.counts["train"] / usual)) for plan in plans]
    images = images if asked.images > 0 else [asked.images] * len(plans)  # make_plan says what is wrong
    return [make_plan(plan.name, plan.level, plan.seed, number) for plan, number in zip(plans, images)]


def write_set(plan: Plan, compose: Compose, folder: Path = HERE, workers: int = 1) -> Path:
    """Draw the set at folder/<name>/<level>, or leave the one that is there if it is the same and whole."""
    if workers < 1:
        raise ValueError(f"workers={workers} draw nothing. Try workers=1 or workers=2.")
    place = folder / plan.name / plan.level
    code = code_version(compose)
    if is_finished(place, plan, code):
        print(f"{plan.name}: {place} is there already ({len(plan.parts):,} images), nothing to draw")
        return place
    try:
        _refuse_strange_files(place)
        _draw_and_rename(plan, compose, place, workers, code)
    except OSError as error:
        raise ValueError(f"{place} cannot be written ({error}), so {plan.name} was not drawn. "
                         f"Try another --folder, or make room on the disk.") from error
    return place


def is_finished(place: Path, plan: Plan, code: str) -> bool:
    """Whether a whole set of this plan, drawn by this code, stands there."""
    if not (place / MANIFEST).is_file():
        return False
    try:
        manifest = json.loads((place / MANIFEST).read_text())
        return manifest == _manifest(plan, place, code)
    except (OSError, ValueError):
        return False


def code_version(compose: Compose) -> str:
    """A digest of the drawing code itself: change a colour or a phrase, and the set is drawn anew."""
    files = sorted({*HERE.rglob("*.py"), Path(compose.__code__.co_filename)})
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _refuse_strange_files(place: Path):
    strange = sorted(set(os.listdir(place)) - OWN) if place.exists() else []
    if strange:
        raise ValueError(f"{place} holds {strange[0]!r}, so it is no set of ours and will not be replaced. "
                         f"Try another --folder, or move that file away.")


def _draw_and_rename(plan: Plan, compose: Compose, place: Path, workers: int, code: str):
    part, old = place.with_name(f"{place.name}.part"), place.with_name(f"{place.name}.old")
    try:
        for left_behind in (part, old):  # by a run that was killed
            shutil.rmtree(left_behind, ignore_errors=True)
        (part / "images").mkdir(parents=True)
        _write_rows(plan, compose, part, workers)
        (part / MANIFEST).write_text(json.dumps(_manifest(plan, part, code), indent=1) + "\n")
        if place.exists():
            place.rename(old)
        part.rename(place)
    finally:
        for done_with in (part, old):
            shutil.rmtree(done_with, ignore_errors=True)


def _write_rows(plan: Plan, compose: Compose, part: Path, workers: int):
    job = partial(_draw_one, plan, compose, part)
    with contextlib.ExitStack() as stack:
        files = {split: stack.enter_context(open(part / f"{split}.jsonl", "w", newline="\n"))
                 for split in SPLITS}
        rows = stack.enter_context(contextlib.closing(_run(job, plan.parts, workers)))
        for row, (split, _) in zip(tqdm(rows, plan.name, len(plan.parts), unit=" images"), plan.parts):
            files[split].write(row)


def _run(job: Callable, parts: list, workers: int) -> Iterator[str]:
    """The job on every part, in order, on one process or several."""
    if workers == 1:
        yield from map(job, parts)
        return
    with multiprocessing.Pool(workers, _obey_the_parent) as pool:
        yield from pool.imap(job, parts, chunksize=64)


def _obey_the_parent():
    """A worker leaves Ctrl-C to its parent, which cleans up, and ends if the parent was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent():
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _draw_one(plan: Plan, compose: Compose, part: Path, which: tuple[str, int]) -> str:
    """One image to its file; its row comes back as a line."""
    picture, row = compose_row(plan, compose, *which)
    picture.draw().save(part / row["image"], **SAVED_AS[picture.suffix])
    return json.dumps(row) + "\n"


def compose_row(plan: Plan, compose: Compose, split: str, index: int) -> tuple[Picture, dict]:
    """What one image shows, not yet drawn, and its row."""
    rng = random.Random(f"{plan.seed}/{plan.name}/{split}/{index}")
    picture, annotations = compose(get_level(plan.level), split, rng)
    return picture, {"image": f"images/{split}_{index:06d}{picture.suffix}", **picture.columns,
                     "annotations": [to_json(annotation) for annotation in annotations],
                     "things": [thing_to_json(thing) for thing in picture.things]}


def to_json(annotation: Annotation) -> dict:
    """An annotation as it stands in a row: empty fields are left out, but "points to nothing" is said."""
    points_matter = annotation.style in ("pointing", "point_count")
    return {key: value for key, value in vars(annotation).items()
            if value or key == "points" and points_matter}


def thing_to_json(thing: Thing) -> dict:
    """A thing as it stands in a row: what is as usual is left out."""
    usual = {field.name: field.default for field in fields(Thing)}
    return {key: value for key, value in vars(thing).items() if value != usual[key]}


def _manifest(plan: Plan, place: Path, code: str) -> dict:
    digests = {split: hashlib.sha256((place / f"{split}.jsonl").read_bytes()).hexdigest() for split in SPLITS}
    return {"set": plan.name, "level": plan.level, "seed": plan.seed, "counts": plan.counts, "code": code,
            "images": len(os.listdir(place / "images")), "sha256": digests}


def command(sets: dict[str, Compose], arguments: Iterable[str] | None = None):
    """The command line of `prepare_all` and of every `prepare`: draws the sets it is given."""
    parser = argparse.ArgumentParser(description="Draw mini-PixMo: pictures and what is said about them.")
    parser.add_argument("--level", default=next(level for level in SIZES if sets.keys() & SIZES[level]),
                        help=f"one of {', '.join(SIZES)} (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sets", help=f"names with commas between them, of {', '.join(sets)}")
    parser.add_argument("--images", type=int,
                        help="train images in all these sets together (default: the usual number)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the sets are put")
    asked = parser.parse_args(arguments)
    try:
        for plan in make_plans(asked, sets):
            write_set(plan, sets[plan.name], asked.folder, asked.workers)
    except ValueError as error:
        sys.exit(f"data: {error}")
    except KeyboardInterrupt:
        sys.exit("data: stopped; sets that were finished stay, the one in progress was thrown away")
