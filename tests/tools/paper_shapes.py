"""Writes what a learner would make of ten minutes with scissors: own photos of paper shapes, annotated.

    python tests/tools/paper_shapes.py data/mine --train=30 --val=10 --seed=1

The folder is a dataset as data/README.md describes it: train.jsonl, val.jsonl, images/. A line of truth.jsonl
has the outline of each shape in a photo, so that a script can annotate the photos through the page instead.
A photo depends on the seed, its split and its number alone: ten photos are the first ten of a hundred.
"""
from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from minimolmo.command import run_command, say  # noqa: E402  first: the slow imports follow

import numpy as np  # noqa: E402

from data.ask_model_anything.prepare import COLOR_OF, IS_THERE, KIND_OF, PLACE_OF  # noqa: E402
from data.scenes.easy_wording import label_text, with_article, with_preposition  # noqa: E402
from minimolmo.options import Parser, count_argument, path_argument  # noqa: E402
from minimolmo.text.facts import NUMBER_WORDS, place_name  # noqa: E402
from tools.paper_photos import KINDS, PAPERS, Paper, take_photo  # noqa: E402

QUESTIONS = 3  # free ones about a photo
SPLITS = ("train", "val")


def write_photos(folder: Path, counts: dict[str, int], seed: int) -> None:
    """Write the photos of both splits, their rows, and their truth."""
    (folder / "images").mkdir(parents=True)
    truths = []
    for split, count in counts.items():
        rows = []
        for number in range(count):
            rng = np.random.default_rng((seed, SPLITS.index(split), number))
            photo, name = take_photo(rng), f"images/{split}_{number:03d}.jpg"
            photo.image.save(folder / name, quality=photo.quality)
            rows.append({"image": name, "annotations": annotate(photo.papers, rng)})
            truths.append({"image": name, "surface": photo.surface, "papers": [*map(asdict, photo.papers)]})
        write_lines(folder / f"{split}.jsonl", rows)
    write_lines(folder / "truth.jsonl", truths)


def write_lines(path: Path, rows: list[dict]) -> None:
    """Write one JSON object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def annotate(papers: tuple[Paper, ...], rng: np.random.Generator) -> list[dict]:
    """What a person would annotate in one photo: each shape, groups of them, none, questions, a caption.

    Groups are pointed at and counted, as the page writes both.
    """
    singles = [label_text((paper.color, paper.kind)) for paper in papers]
    rows = [point_at(label, [paper], "pointing") for label, paper in zip(singles, papers)]
    for label, group in groups(papers, rng):
        rows += [point_at(label, group, "pointing"), point_at(label, group, "point_count"),
                 {"style": "count", "label": label, "answer": str(len(group))}]
    questions = free_questions(papers, rng)
    rows += [questions[i] for i in rng.permutation(len(questions))[:QUESTIONS]]
    return rows + [{"style": "long_caption", "answer": caption(papers)}]


def point_at(label: str, papers: list[Paper], style: str) -> dict:
    """An annotation with the centres of these shapes."""
    return {"style": style, "label": label, "points": [[paper.x, paper.y] for paper in papers]}


def groups(papers: tuple[Paper, ...], rng: np.random.Generator) -> list[tuple[str, list[Paper]]]:
    """Labels in the plural with their shapes: all, those of one kind or colour, and a pair that is absent."""
    one = papers[rng.integers(len(papers))]
    absent = [(color, kind) for color in PAPERS for kind in KINDS
              if (color, kind) not in {(paper.color, paper.kind) for paper in papers}]
    some = ("", one.kind) if rng.random() < 0.5 else (one.color, "")
    none = absent[rng.integers(len(absent))]
    return [(label_text(label, plural=True),
             [paper for paper in papers if label[0] in ("", paper.color) and label[1] in ("", paper.kind)])
            for label in (("", ""), some, none)]


def free_questions(papers: tuple[Paper, ...], rng: np.random.Generator) -> list[dict]:
    """Questions for colours, kinds, places and presence, where they have one answer."""
    rows = []
    for paper in papers:
        pair = label_text((paper.color, paper.kind))
        rows.append(ask(PLACE_OF, f"the {pair}", place_name(paper.x, paper.y), rng))
        rows.append(ask(IS_THERE, with_article(pair), "yes", rng))
        if sum(other.kind == paper.kind for other in papers) == 1:
            rows.append(ask(COLOR_OF, f"the {paper.kind}", paper.color, rng))
        if sum(other.color == paper.color for other in papers) == 1:
            rows.append(ask(KIND_OF, f"the {paper.color} thing", paper.kind, rng))
    return rows


def ask(wordings: tuple[str, ...], subject: str, answer: str, rng: np.random.Generator) -> dict:
    """A free question with its answer."""
    text = wordings[rng.integers(len(wordings))].format(subject)
    return {"style": "user_qa", "question": text[0].upper() + text[1:], "answer": answer}


def caption(papers: tuple[Paper, ...]) -> str:
    """A caption that says every shape and its place."""
    some = f"{NUMBER_WORDS[len(papers)].capitalize()} shape{'s' * (len(papers) > 1)} can be seen."
    each = [f"{with_article(label_text((paper.color, paper.kind)))} is "
            f"{with_preposition(place_name(paper.x, paper.y))}." for paper in papers]
    return " ".join([some, *(text[0].upper() + text[1:] for text in each)])


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description="Write a dataset of photo-like pictures of paper shapes.")
    parser.add_argument("folder", type=path_argument, help="a folder that does not exist, as data/mine")
    parser.add_argument("--train", type=count_argument(1, 100_000), default=30, help="default: %(default)s")
    parser.add_argument("--val", type=count_argument(0, 100_000), default=10, help="default: %(default)s")
    parser.add_argument("--seed", type=count_argument(0), default=1, help="default: %(default)s")
    given = parser.parse_args(arguments)
    if given.folder.exists():
        raise ValueError(f"{given.folder} exists, and what is in it would be lost. Try another folder, or "
                         f"move it away.")
    write_photos(given.folder, {"train": given.train, "val": given.val}, given.seed)
    say(f"written: {given.folder}, {given.train} photos to train on and {given.val} held out")


if __name__ == "__main__":
    run_command(main)
