"""How much do the words alone give away? A reader who never sees a picture, against the most common answer.

    python tests/blind.py --level=full        after `make data LEVEL=full`

The reader is a naive Bayes over the bag of the question's words, trained on train, asked on val. If it beats
the most common answer by more than five points, the text gives something away that only the eye should know.
"""
from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from math import log
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from data.write import HERE, SIZES  # noqa: E402
from minimolmo.batch.dataset import Dataset  # noqa: E402
from minimolmo.flow import Annotation  # noqa: E402
from minimolmo.score import read_time  # noqa: E402

ROWS = 3000  # train rows of a set


def answer_of(annotation: Annotation) -> tuple[str, str] | None:
    """(group, answer) of a question that belongs to one of the groups: counts, yes or no, times."""
    if annotation.style == "point_count":
        return "counts", str(len(annotation.points))
    if annotation.answer in ("yes", "no"):
        return f"yes or no ({annotation.style})", annotation.answer
    if annotation.style == "clocks" and read_time(annotation.answer) is not None:
        return "times, to the hour", str(read_time(annotation.answer) // 60)
    return None


def words_of(annotation: Annotation) -> list[str]:
    """The words of the question or label, and their pairs."""
    words = re.findall(r"\w+", (annotation.question or annotation.label).lower())
    return words + [" ".join(pair) for pair in zip(words, words[1:])]


def read(folder: Path, split: str, rows: int) -> dict[str, list[tuple[list[str], str]]]:
    """Group -> (words, answer) of every question in the first rows."""
    data, groups = Dataset(folder, split), defaultdict(list)
    for row in range(min(rows, len(data))):
        for annotation in data[row].annotations:
            if found := answer_of(annotation):
                groups[found[0]].append((words_of(annotation), found[1]))
    return groups


class Reader:
    """Naive Bayes: how often each answer is given, and how often each word goes with it."""

    def __init__(self, questions: list[tuple[list[str], str]]):
        self.answers = Counter(answer for _, answer in questions)
        self.words: dict[str, Counter] = defaultdict(Counter)
        for words, answer in questions:
            self.words[answer].update(set(words))

    def guess(self, words: list[str]) -> str:
        """The likeliest answer to a question of these words."""
        return max(self.answers, key=lambda answer: log(self.answers[answer]) + sum(
            log((self.words[answer][word] + 0.5) / (self.answers[answer] + 1)) for word in set(words)))


def main(arguments: list[str]) -> None:
    """The command line: a line for each group of each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--level", default="full", choices=list(SIZES))
    parser.add_argument("--folder", type=Path, default=HERE)
    given = parser.parse_args(arguments)
    for name in SIZES[given.level]:
        train = read(given.folder / name / given.level, "train", ROWS)
        held_out = read(given.folder / name / given.level, "val", ROWS)
        for group in sorted(train):
            reader, asked = Reader(train[group]), held_out[group]
            right = sum(reader.guess(words) == answer for words, answer in asked) / len(asked)
            usual = Counter(answer for _, answer in asked).most_common(1)[0][1] / len(asked)
            print(f"{name:<20} {group:<24} blind reader {right:.3f}   most common answer {usual:.3f}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
