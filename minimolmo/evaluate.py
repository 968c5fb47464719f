"""Evaluation under three conditions: the right image, a blank one, another example's.

    python -m minimolmo.evaluate --weights=out/nano                prints a table; report.json, report.png
    python -m minimolmo.evaluate --sets=mine --out=out/before      your own held-out images alone

Each condition is a column of the table. A model that ignores the image scores the same in all three.
"""
from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from minimolmo import draw
from minimolmo.answer import ask, load, map_in_threads
from minimolmo.batch.dataset import Dataset, is_empty
from minimolmo.command import run_command, say
from minimolmo.config import VIEWS
from minimolmo.device import explain_out_of_memory, keep_freed_memory
from minimolmo.disk import write_image, write_text
from minimolmo.image.resize import open_image
from minimolmo.metrics import SCORERS, EvalItem, is_correct, report_lines, score_items
from minimolmo.model.molmo import MiniMolmo
from minimolmo.options import Parser, count_argument, path_argument
from minimolmo.presets import DRAWN
from minimolmo.text.prompts import answer_text, evaluation_question
from minimolmo.text.tokenizer import Tokenizer

DATA = Path(__file__).resolve().parents[1] / "data"
BATCH_SIZE = 128   # questions answered at once
EXTRA_TOKENS = 16  # the limit for an answer: the longest target, plus a quarter, plus this
RIGHT_IMAGE, BLANK_IMAGE, OTHER_IMAGE = COLUMNS = ("right image", "blank image", "other image")


def sample_questions(name: str, data: Dataset, rows: Iterable[int], seed: int = 0,
                     untagged: float = 0.0) -> list[EvalItem]:
    """One annotation of each style from each of these rows, with a random wording, asked as in training."""
    rng, items = np.random.default_rng(seed), []
    for row in rows:
        example, styles = data[row], defaultdict(list)
        for annotation in example.annotations:
            styles[annotation.style].append(annotation)
        for style in [style for style in SCORERS if style in styles]:
            annotation = styles[style][rng.integers(len(styles[style]))]
            items.append(EvalItem(name, example, annotation, evaluation_question(annotation, rng,
                                                                             untagged)))
    return items


def collect_items(folders: dict[str, Path], split: str, rows: int, untagged: float = 0.0) -> list[EvalItem]:
    """Questions about the first rows of every dataset, sorted by style and target.

    A dataset without rows in this split is left out.
    """
    items = []
    for name, folder in folders.items():
        if is_empty(folder, split):
            continue
        data = Dataset(folder, split)
        items += sample_questions(name, data, range(min(rows, len(data))), untagged=untagged)
    return sorted(items, key=sort_key)


def sort_key(item: EvalItem) -> tuple:
    """The key that sorts items by style, and within a style by target."""
    return item.annotation.style, len(item.annotation.points), item.annotation.answer


def mismatched_images(items: list[EvalItem]) -> list[Path]:
    """For each item, another image: that of the item half a list later, usually with another target.

    Raises ValueError if all items are about one image.
    """
    paths, half = [item.example.image for item in items], len(items) // 2
    if len(set(paths)) == 1:
        raise ValueError(f"{items[0].example.name}: no other image has a {items[0].annotation.style} "
                         f"question, so there is none to swap with. Add one, or take more --rows.")
    repeated = paths * 3
    return [next(path for path in repeated[i + half:] if path != own) for i, own in enumerate(paths)]


def answer_all(model: MiniMolmo, tokenizer: Tokenizer, items: list[EvalItem], column: str, view: str,
               bar: tqdm | None = None) -> list[EvalItem]:
    """The items with the model's answers to that column's images, in batches."""
    max_tokens, answered = max_answer_tokens(tokenizer, items), []
    paths = mismatched_images(items) if column == OTHER_IMAGE else [item.example.image for item in items]
    for start in range(0, len(items), BATCH_SIZE):
        part = items[start:start + BATCH_SIZE]
        images = map_in_threads(open_image, paths[start:start + BATCH_SIZE])
        if column == BLANK_IMAGE:
            images = [np.full_like(image, 255) for image in images]
        answers = ask(model, tokenizer, images, [item.question for item in part], view, max_tokens)
        for item, image, answer in zip(part, images, answers):
            # the target's points are in the item's own image, so its aspect counts in every column
            aspect = image.shape[1] / image.shape[0] if column == RIGHT_IMAGE else item.aspect
            answered.append(replace(item, answer=answer, aspect=aspect))
        if bar:
            bar.update(len(part))
    return answered


def max_answer_tokens(tokenizer: Tokenizer, items: list[EvalItem]) -> int:
    """The token limit for answers to these items: the longest target's length, plus a quarter, plus a few.

    All questions of a style have the same limit, so it reveals nothing about a single answer.
    """
    longest = max(len(tokenizer.encode(" " + answer_text(item.annotation))) for item in items)
    return longest * 5 // 4 + EXTRA_TOKENS


def evaluate(model: MiniMolmo, tokenizer: Tokenizer, folders: dict[str, Path], view: str, rows: int,
             score: Callable[[list[EvalItem]], dict] = score_items,
             untagged: float = 0.0) -> tuple[dict, list[EvalItem]]:
    """Scores on val in all columns, scores on novel pairs with the right image, and val's answered items.

    score     turns answered items into scores by style; `score_by_dataset` keeps own datasets apart
    untagged  the setting of the model's training: above 0, only styles of ONLY_TAG_TELLS have a tag
    """
    novel = {name: folder for name, folder in folders.items() if (folder / "novel.jsonl").exists()}
    items = {"val": collect_items(folders, "val", rows, untagged),
             "novel": collect_items(novel, "novel", rows, untagged)}
    check_items(items["val"], folders)
    tasks = [("val", column) for column in COLUMNS] + [("novel", RIGHT_IMAGE)] * bool(items["novel"])
    report, right = {}, []
    with tqdm(total=sum(len(items[split]) for split, _ in tasks), desc="evaluating", delay=1) as bar:
        for split, column in tasks:
            answered = answer_by_style(model, tokenizer, items[split], column, view, bar)
            report["novel pairs" if split == "novel" else column] = score(answered)
            if (split, column) == tasks[0]:
                right = items["val"] = answered  # later columns need their images' aspects
    return report, right


def check_items(items: list[EvalItem], folders: dict[str, Path]) -> None:
    """Say which datasets have nothing to score. Raises ValueError if none has anything."""
    empty = [folder / "val.jsonl" for name, folder in folders.items()
             if name not in {item.dataset for item in items}]
    if not items:
        raise ValueError(f"{', '.join(map(str, empty)) or 'the mix'} holds no question that could be scored. "
                         f"Put rows into val.jsonl: pictures that are not trained on, as data/README.md "
                         f"shows.")
    for file in empty:
        say(f"note: {file} holds no question, so this dataset has no scores", file=sys.stderr)


def group_items(items: list[EvalItem]) -> dict[str, list[EvalItem]]:
    """The items by task, as scores name it: "pointing" of the drawn sets, "mine/pointing" of others.

    Each drawn style is that of one dataset, or of two that ask alike. Your own images are another task, so
    neither their scores nor their "other images" are mixed with those of drawn ones.
    """
    groups: dict[str, list[EvalItem]] = {}
    own = dict.fromkeys(item.dataset for item in items if item.dataset not in DRAWN)
    for prefix, names in [("", DRAWN), *((f"{name}/", (name,)) for name in own)]:
        for style in SCORERS:
            found = [item for item in items if item.dataset in names and item.annotation.style == style]
            groups |= {prefix + style: found} if found else {}
    return groups


def score_by_dataset(items: list[EvalItem]) -> dict[str, dict[str, float]]:
    """`score_items` for each group of `group_items`: own datasets are scored apart from drawn ones."""
    return {task: score_items(group)[group[0].annotation.style] for task, group in group_items(items).items()}


def answer_by_style(model: MiniMolmo, tokenizer: Tokenizer, items: list[EvalItem], column: str, view: str,
                    bar: tqdm) -> list[EvalItem]:
    """`answer_all`, task by task. In the column "other image" a task with a single image is left out."""
    answered = []
    for group in group_items(items).values():
        if column != OTHER_IMAGE or len({item.example.image for item in group}) > 1:
            answered += answer_all(model, tokenizer, group, column, view, bar)
    return answered


def format_table(report: dict) -> str:
    """The report as a text table: a line for each score, a column for each kind of image."""
    head = f"{'':<40}" + "".join(f"{column:>14}" for column in report)
    rows = [f"{name:<40}" + "".join(f"{value:>14.4g}" for value in values)
            for name, values in report_lines(report)]
    return "\n".join([head, *rows])


def report_sheet(items: list[EvalItem], per_style: int = 4) -> Image.Image:
    """A contact sheet: some questions of each task, with the answers drawn into the images."""
    cards = []
    for group in group_items(items).values():
        for item in group[::max(1, len(group) // per_style)][:per_style]:
            cards.append(result_card(item, items))
    return draw.contact_sheet(cards, columns=per_style)


def result_card(item: EvalItem, among: list[EvalItem]) -> tuple[Image.Image, str, list[str], bool | None]:
    """A card for `draw.contact_sheet`: image with points, question, answer, and whether it is correct."""
    image = draw.draw_points(Image.fromarray(open_image(item.example.image)), item.answer.points)
    return image, item.question, [item.answer.text], is_correct(item, among)


@explain_out_of_memory()
def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description="Score a trained model on held-out images.")
    parser.add_argument("--weights", type=path_argument, default=Path("out/nano"),
                        help="a run's folder (default: %(default)s)")
    parser.add_argument("--data", type=path_argument, default=DATA, help="the folder of the datasets")
    parser.add_argument("--rows", type=count_argument(2), default=256,
                        help="rows of each dataset; each needs another to swap with (default: %(default)s)")
    parser.add_argument("--view", choices=VIEWS, help="default: the one of training")
    parser.add_argument("--sets", help="as mine,points: the datasets to score (default: those of training)")
    parser.add_argument("--out", type=path_argument, help="folder of the report (default: the weights')")
    given = parser.parse_args(arguments)
    keep_freed_memory()
    model, tokenizer, config = load(given.weights)
    names = given.sets.split(",") if given.sets else [name for name, weight in config.mix.items() if weight]
    folders = {name: config.folder(given.data, name) for name in names}
    report, items = evaluate(model, tokenizer, folders, given.view or config.finetune.view, given.rows,
                             score_by_dataset, config.untagged)
    say(format_table(report))
    out = given.out or given.weights
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "report.json", json.dumps(report, indent=1))
    write_image(out / "report.png", report_sheet(items))
    say(f"written: {out / 'report.json'}, {out / 'report.png'}")


if __name__ == "__main__":
    run_command(main)
