"""Scores, in three columns: the right image, a blank one, another example's. Is it looking?

    python -m minimolmo.evaluate --weights=out/nano     prints the table, writes report.json and report.png

A model that has only learnt how answers usually sound scores the same in all three columns.
"""
from __future__ import annotations

import argparse
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
from minimolmo.answer import ask, in_threads, load
from minimolmo.batch.dataset import Dataset
from minimolmo.device import room_to_answer
from minimolmo.image.resize import open_image
from minimolmo.score import SCORES, Asked, is_right, lines_of, score
from minimolmo.text.prompts import answer_text, question_text

BATCH = 128       # questions answered at once
SPARE = 16        # tokens
RIGHT_IMAGE, BLANK_IMAGE, OTHER_IMAGE = COLUMNS = ("right image", "blank image", "other image")


def pick_questions(name: str, data: Dataset, rows: Iterable[int], seed: int = 0) -> list[Asked]:
    """From each of these rows one annotation of each style it has, in a wording drawn for it."""
    rng, asked = np.random.default_rng(seed), []
    for row in rows:
        example, styles = data[row], defaultdict(list)
        for annotation in example.annotations:
            styles[annotation.style].append(annotation)
        for style in [style for style in SCORES if style in styles]:
            annotation = styles[style][rng.integers(len(styles[style]))]
            asked.append(Asked(name, example, annotation, question_text(annotation, rng)))
    return asked


def pick_all(folders: dict[str, Path], split: str, rows: int) -> list[Asked]:
    """Questions to the first rows of every dataset, those with like answers side by side."""
    asked = []
    for name, folder in folders.items():
        data = Dataset(folder, split)
        asked += pick_questions(name, data, range(min(rows, len(data))))
    return sorted(asked, key=likeness)


def likeness(asked: Asked) -> tuple:
    """Sorts questions so that those of a style, and in it those with like answers, stand side by side."""
    return asked.annotation.style, len(asked.annotation.points), asked.annotation.answer


def other_images(asked: list[Asked]) -> list[Path]:
    """For each question the image of the one half a list away: of another answer if it can be, never its own.

    Raises ValueError if all questions are about one image.
    """
    paths, half = [a.example.image for a in asked], len(asked) // 2
    if len(set(paths)) == 1:
        raise ValueError(f"{asked[0].example.name}: no other picture has a {asked[0].annotation.style} "
                         f"question, so there is none to swap with. Add one, or ask more --rows.")
    circle = paths * 3
    return [next(path for path in circle[i + half:] if path != own) for i, own in enumerate(paths)]


def answer_all(model, tokenizer, asked: list[Asked], column: str, view: str,
               bar: tqdm | None = None) -> None:
    """Put every question to the model, BATCH at a time, about the column's image, and keep what it says."""
    longest = room(tokenizer, asked)
    paths = other_images(asked) if column == OTHER_IMAGE else [a.example.image for a in asked]
    for start in range(0, len(asked), BATCH):
        part, images = asked[start:start + BATCH], in_threads(open_image, paths[start:start + BATCH])
        if column == BLANK_IMAGE:
            images = [np.full_like(image, 255) for image in images]
        answers = ask(model, tokenizer, images, [a.question for a in part], view, longest)
        for a, image, answer in zip(part, images, answers):
            a.answer = answer
            if column == RIGHT_IMAGE:  # the true points lie in the question's own image, in every column
                a.aspect = image.shape[1] / image.shape[0]
        if bar:
            bar.update(len(part))


def room(tokenizer, asked: list[Asked]) -> int:
    """Tokens that an answer to one of these may have: the longest true one's and a quarter more.

    A caption of level full needs hundreds, a colour two; a model that never says end-of-text stops there. All
    questions of a style have the same room, so it tells nothing about the single answer.
    """
    return max(len(tokenizer.encode(" " + answer_text(a.annotation))) for a in asked) * 5 // 4 + SPARE


def evaluate(model, tokenizer, folders: dict[str, Path], view: str, rows: int,
             judge: Callable[[list[Asked]], dict] = score) -> tuple[dict, list[Asked]]:
    """All columns on val, the right image on novel pairs too: (report, answers to val's right images).

    judge  turns answers into scores by style; whoever knows more of the pictures may bring one
    """
    novel = {name: folder for name, folder in folders.items() if (folder / "novel.jsonl").exists()}
    questions = {"val": pick_all(folders, "val", rows), "novel": pick_all(novel, "novel", rows)}
    tasks = [("val", column) for column in COLUMNS] + [("novel", RIGHT_IMAGE)] * bool(novel)
    report, answers = {}, []
    with tqdm(total=sum(len(questions[split]) for split, _ in tasks), desc="asking", delay=1) as bar:
        for split, column in tasks:
            asked = questions[split]
            answered = []
            for style in SCORES:
                mine = [a for a in asked if a.annotation.style == style]
                if mine and (column != OTHER_IMAGE or len({a.example.image for a in mine}) > 1):
                    answer_all(model, tokenizer, mine, column, view, bar)
                    answered += mine
            report["novel pairs" if split == "novel" else column] = judge(answered)
            if (split, column) == tasks[0]:
                answers = [replace(a) for a in asked]
    return report, answers


def table(report: dict) -> str:
    """The report as a table of text: one line a score, one column a kind of image."""
    head = f"{'':<40}" + "".join(f"{column:>14}" for column in report)
    rows = [f"{name:<40}" + "".join(f"{value:>14.4g}" for value in values)
            for name, values in lines_of(report)]
    return "\n".join([head, *rows])


def sheet(answers: list[Asked], per_style: int = 4) -> Image.Image:
    """A contact sheet: some questions of each style, the answers drawn into the pictures."""
    tiles = []
    for style in SCORES:
        mine = [a for a in answers if a.annotation.style == style]
        for a in mine[::max(1, len(mine) // per_style)][:per_style]:
            tiles.append(tile(a, answers))
    return draw.contact_sheet(tiles, columns=per_style)


def tile(asked: Asked, among: list[Asked]) -> tuple[Image.Image, str, list[str], bool | None]:
    """One picture for a contact sheet: image with points, question, answer, right or wrong."""
    image = draw.draw_points(Image.fromarray(open_image(asked.example.image)), asked.answer.points)
    return image, asked.question, [asked.answer.text], is_right(asked, among)


@room_to_answer()
def main(arguments: list[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Score a trained model on held-out pictures.")
    parser.add_argument("--weights", type=Path, default=Path("out/nano"),
                        help="a run's folder (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=Path("data"), help="where the datasets lie")
    parser.add_argument("--rows", type=int, default=256, help="rows of each dataset (default: %(default)s)")
    parser.add_argument("--view", choices=["bird", "ground", "close_up"], help="default: the one of training")
    given = parser.parse_args(arguments)
    if given.rows < 2:
        raise ValueError(f"--rows={given.rows} leaves no other image to swap with. Try --rows=256.")
    model, tokenizer, config = load(given.weights)
    folders = {name: config.folder(given.data, name) for name, weight in config.mix.items() if weight}
    report, answers = evaluate(model, tokenizer, folders, given.view or config.mixture.view, given.rows)
    print(table(report))
    (given.weights / "report.json").write_text(json.dumps(report, indent=1))
    sheet(answers).save(given.weights / "report.png")
    print(f"written: {given.weights / 'report.json'}, {given.weights / 'report.png'}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
