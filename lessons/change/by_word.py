"""Score held-out questions that have a word, beside those that have not: is the new colour known?

    python -m lessons.change.by_word --weights=out/teal teal diamond
"""
from __future__ import annotations

import random
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from minimolmo.answer import load
from minimolmo.batch.dataset import Dataset
from minimolmo.command import run_command, say
from minimolmo.evaluate import DATA, RIGHT_IMAGE, answer_all, group_items, sort_key
from minimolmo.metrics import EvalItem, is_correct
from minimolmo.options import Parser, count_argument, path_argument
from minimolmo.text.prompts import evaluation_question

STYLES = "pointing", "count", "user_qa"


def has_word(item: EvalItem, word: str) -> bool:
    """Whether a question or its answer has the word, in the singular or the plural."""
    return bool(re.search(rf"\b{word}s?\b", f"{item.question} {item.annotation.answer}".lower()))


def questions_of(folders: dict[str, Path], styles: Iterable[str], untagged: float) -> list[EvalItem]:
    """All questions of these styles in split val, each with one random wording, in random order."""
    rng, items = np.random.default_rng(0), []
    for name, folder in folders.items():
        data = Dataset(folder, "val")
        items += [EvalItem(name, example, annotation, evaluation_question(annotation, rng, untagged))
                  for example in (data[row] for row in range(len(data)))
                  for annotation in example.annotations if annotation.style in styles]
    return random.Random(0).sample(items, len(items))


def by_word(items: list[EvalItem], words: list[str], most: int) -> dict[str, list[EvalItem]]:
    """For each word the first `most` questions of each style that have it; under "" those with none."""
    groups = {word: [item for item in items if has_word(item, word)] for word in words}
    groups[""] = [item for item in items if not any(has_word(item, word) for word in words)]
    return {word: [item for style in STYLES
                   for item in [item for item in group if item.annotation.style == style][:most]]
            for word, group in groups.items()}


def main(arguments: list[str]) -> None:
    """The command line: a line for each word and style."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="+", help="as teal diamond")
    parser.add_argument("--weights", type=path_argument, required=True, help="a run's folder")
    parser.add_argument("--data", type=path_argument, default=DATA, help="the folder of the datasets")
    parser.add_argument("--most", type=count_argument(), default=100, help="questions of one kind")
    given = parser.parse_args(arguments)
    model, tokenizer, config = load(given.weights)
    folders = {name: config.folder(given.data, name) for name in ("points", "count", "ask_model_anything")}
    items = questions_of(folders, STYLES, config.untagged)
    for word, group in by_word(items, given.words, given.most).items():
        for style, asked in group_items(sorted(group, key=sort_key)).items():
            answered = answer_all(model, tokenizer, asked, RIGHT_IMAGE, config.finetune.view)
            right = sum(bool(is_correct(item, answered)) for item in answered)
            say(f"{word or 'all others':<12} {style:<10} {right:>4} of {len(answered):>3} right")


if __name__ == "__main__":
    run_command(main)
