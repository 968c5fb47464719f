"""Scores, in three columns: the right image, a blank one, another example's. Is it looking?

    python -m minimolmo.evaluate --weights=out/nano     prints the table, writes report.json and report.png

A model that has only learnt how answers usually sound scores the same in all three columns.
"""
from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image
from tqdm import tqdm

from minimolmo import draw
from minimolmo.answer import ask, load
from minimolmo.batch.dataset import Dataset
from minimolmo.flow import Annotation, Answer, Example, Point
from minimolmo.image.resize import open_image
from minimolmo.text.prompts import question_text

RADIUS = 3.0      # percent of the image's width within which a point hits
BATCH = 128       # questions answered at once
RIGHT_IMAGE, BLANK_IMAGE, OTHER_IMAGE = COLUMNS = ("right image", "blank image", "other image")
NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
           "sixteen seventeen eighteen nineteen twenty").split()
PLACES = ("top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right")


@dataclass
class Asked:
    """One held-out question, what is true, and what was said."""
    dataset: str
    example: Example
    annotation: Annotation
    question: str
    answer: Answer | None = None
    aspect: float = 1.0  # the image's height over its width


# --- points ---------------------------------------------------------------------------------------------

def distance(a: Point, b: Point, aspect: float) -> float:
    """Between two points in percent, as percent of the image's *width*; aspect = height / width."""
    return float(np.hypot(a[0] - b[0], (a[1] - b[1]) * aspect))


def hits(said: list[Point], true: list[Point], aspect: float, radius: float = RADIUS) -> int:
    """The most said points that can be paired one to one with true ones within the radius.

    Each said point takes a free true point, or makes the one that holds it move on (Kuhn's algorithm).

    >>> hits([(10, 10), (11, 10)], [(10, 10), (50, 50)], aspect=1.0)
    1
    """
    near = [[t for t, b in enumerate(true) if distance(a, b, aspect) <= radius] for a in said]
    holder: dict[int, int] = {}

    def place(s: int, tried: set[int]) -> bool:
        for t in near[s]:
            if t not in tried:
                tried.add(t)
                if t not in holder or place(holder[t], tried):
                    holder[t] = s
                    return True
        return False

    return sum(place(s, set()) for s in range(len(said)))


def score_pointing(asked: list[Asked]) -> dict[str, float]:
    """Precision, recall and F1 as means over questions; error and share within the radius where one is there.

    To point nowhere is right when nothing is there: then precision = recall = F1 = 1. Source: official
    evaluation, whose masks are here a radius.
    """
    precision, recall, f1, errors = [], [], [], []
    for a in asked:
        said, true = a.answer.points, list(a.annotation.points)
        hit = hits(said, true, a.aspect)
        p, r = (hit / len(said), hit / len(true)) if said and true else (float(not said and not true),) * 2
        precision.append(p), recall.append(r), f1.append(2 * p * r / (p + r) if p + r else 0.0)
        if len(true) == 1:
            errors.append(distance(said[0], true[0], a.aspect) if said else 100.0)
    scores = {"precision": np.mean(precision), "recall": np.mean(recall), "F1": np.mean(f1)}
    if errors:
        scores["median error, % of width"] = median(errors)
        scores[f"within {RADIUS:g} %"] = np.mean(np.array(errors) <= RADIUS)
    return scores


# --- numbers, words, captions -----------------------------------------------------------------------------

def read_count(text: str) -> int | None:
    """The number an answer states: its last word, a number word, or "a total of N"; None if there is none.

    >>> read_count("Counting the <points ...>cats</points> shows a total of 3."), read_count("None.")
    (3, 0)
    """
    text = text.lower().strip().rstrip(".")
    last = text.split(" ")[-1]
    if last == "none":
        return 0
    if last in NUMBERS:
        return NUMBERS.index(last)
    found = re.fullmatch(r"[0-9]{1,6}", last) or re.search(r"(?<=total of )[0-9]{1,6}", text)
    return int(found[0]) if found else None


def score_count(asked: list[Asked]) -> dict[str, float]:
    """How often the number is exactly right, and how far off it is on average; no number counts as 0."""
    true = [read_count(a.annotation.answer) if a.annotation.style == "count" else len(a.annotation.points)
            for a in asked]
    said = [read_count(a.answer.text) for a in asked]
    return {"accuracy": np.mean([s == t for s, t in zip(said, true)]),
            "mean absolute error": np.mean([abs((s or 0) - t) for s, t in zip(said, true)])}


def same_words(a: str, b: str) -> bool:
    """Equal but for capitals, spaces and a final dot."""
    return " ".join(a.lower().split()).rstrip(".") == " ".join(b.lower().split()).rstrip(".")


def score_words(asked: list[Asked]) -> dict[str, float]:
    """Exact match over all questions, and over those that ask for one colour or one kind ("naming")."""
    names = {word for a in asked for t in a.example.things for word in (t.color, t.kind)}
    right = [same_words(a.answer.text, a.annotation.answer) for a in asked]
    naming = [r for r, a in zip(right, asked) if a.annotation.answer in names]
    return {"exact match": np.mean(right)} | ({"naming": np.mean(naming)} if naming else {})


def place(x: float, y: float) -> str:
    """Where on a 3 x 3 grid a point in percent lies, in words."""
    return PLACES[min(int(y * 3 / 100), 2) * 3 + min(int(x * 3 / 100), 2)]


def facts_of(example: Example) -> set[tuple[str, str, str]]:
    """What a caption should say: (colour, kind, place) of every thing."""
    return {(t.color, t.kind, place(t.x, t.y)) for t in example.things}


def facts_in(text: str, colors: set[str], kinds: set[str]) -> set[tuple[str, str, str]]:
    """What a caption does say: sentence by sentence, the n-th colour-and-kind goes with the n-th place."""
    pair = re.compile(rf"\b({'|'.join(sorted(colors))}) ({'|'.join(sorted(kinds))})\b")
    spot = re.compile(rf"\b({'|'.join(sorted(PLACES, key=len, reverse=True))})\b")
    facts = set()
    for sentence in text.lower().split("."):
        facts |= {(*names, where) for names, where in zip(pair.findall(sentence), spot.findall(sentence))}
    return facts


def score_caption(asked: list[Asked]) -> dict[str, float]:
    """Precision, recall and F1 of colour-kind-place facts, over all captions together.

    In place of the paper's cap F1, where a language model judges free statements: ours are read off exactly.
    A picture whose things are not known has no score.
    """
    asked = [a for a in asked if a.example.things]
    things = [t for a in asked for t in a.example.things]
    if not things:
        return {}
    colors, kinds = {t.color for t in things}, {t.kind for t in things}
    said = [facts_in(a.answer.text, colors, kinds) for a in asked]
    true = [facts_of(a.example) for a in asked]
    both = sum(len(s & t) for s, t in zip(said, true))
    precision, recall = both / max(1, sum(map(len, said))), both / max(1, sum(map(len, true)))
    return {"fact precision": precision, "fact recall": recall,
            "fact F1": 2 * precision * recall / (precision + recall) if both else 0.0}


SCORES = {"pointing": score_pointing, "point_count": score_count, "count": score_count,
          "user_qa": score_words, "long_caption": score_caption}


# --- asking -----------------------------------------------------------------------------------------------

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
    paths = other_images(asked) if column == OTHER_IMAGE else [a.example.image for a in asked]
    for start in range(0, len(asked), BATCH):
        part, images = asked[start:start + BATCH], [open_image(path) for path in paths[start:start + BATCH]]
        if column == BLANK_IMAGE:
            images = [np.full_like(image, 255) for image in images]
        answers = ask(model, tokenizer, images, [a.question for a in part], view)
        for a, image, answer in zip(part, images, answers):
            a.answer = answer
            if column == RIGHT_IMAGE:  # the true points lie in the question's own image, in every column
                a.aspect = image.shape[0] / image.shape[1]
        if bar:
            bar.update(len(part))


def score(asked: list[Asked]) -> dict[str, dict[str, float]]:
    """Scores by style, rounded to four digits, with the number of questions."""
    report = {}
    for style in SCORES:
        mine = [a for a in asked if a.annotation.style == style]
        if mine:
            values = {key: round(float(value), 4) for key, value in SCORES[style](mine).items()}
            report[style] = {"questions": len(mine), **values}
    return report


def evaluate(model, tokenizer, folders: dict[str, Path], view: str, rows: int) -> tuple[dict, list[Asked]]:
    """All columns on val, the right image on novel pairs too: (report, answers to val's right images)."""
    novel = {name: folder for name, folder in folders.items() if (folder / "novel.jsonl").exists()}
    questions = {"val": pick_all(folders, "val", rows), "novel": pick_all(novel, "novel", rows)}
    tasks = [("val", column) for column in COLUMNS] + [("novel", RIGHT_IMAGE)] * bool(novel)
    report, answers = {}, []
    with tqdm(total=sum(len(questions[split]) for split, _ in tasks), desc="asking", delay=1) as bar:
        for split, column in tasks:
            asked = questions[split]
            for style in SCORES:
                mine = [a for a in asked if a.annotation.style == style]
                answer_all(model, tokenizer, mine, column, view, bar)
            report["novel pairs" if split == "novel" else column] = score(asked)
            if (split, column) == tasks[0]:
                answers = [replace(a) for a in asked]
    return report, answers


# --- telling ----------------------------------------------------------------------------------------------

def table(report: dict) -> str:
    """The report as a table of text: one line a score, one column a kind of image."""
    columns = list(report)
    lines = [f"{'':<40}" + "".join(f"{column:>14}" for column in columns)]
    for style, scores in report[columns[0]].items():
        for name in scores:
            values = [report[column].get(style, {}).get(name, float("nan")) for column in columns]
            lines.append(f"{style + ': ' + name:<40}" + "".join(f"{value:>14.4g}" for value in values))
    return "\n".join(lines)


def is_right(asked: Asked) -> bool | None:
    """Is this one answer right: points hit, number exact, words equal, facts told? None: nobody knows."""
    scores = SCORES[asked.annotation.style]([asked])
    key = {"pointing": "F1", "user_qa": "exact match", "long_caption": "fact F1"}
    return bool(scores[key.get(asked.annotation.style, "accuracy")] == 1) if scores else None


def sheet(answers: list[Asked], per_style: int = 4) -> Image.Image:
    """A contact sheet: some questions of each style, the answers drawn into the pictures."""
    tiles = []
    for style in SCORES:
        mine = [a for a in answers if a.annotation.style == style]
        for a in mine[::max(1, len(mine) // per_style)][:per_style]:
            tiles.append(tile(a))
    return draw.contact_sheet(tiles, columns=per_style)


def tile(asked: Asked) -> tuple[Image.Image, str, list[str], bool | None]:
    """One picture for a contact sheet: image with points, question, answer, right or wrong."""
    image = draw.draw_points(Image.fromarray(open_image(asked.example.image)), asked.answer.points)
    return image, asked.question, [asked.answer.text], is_right(asked)


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
