"""How much do the words alone give away? A reader who never sees a picture, against the most common answer.

    python tests/blind.py --level=full        after `make data LEVEL=full`

The reader is a logistic regression over the bag of the question's words and pairs of words, trained on train,
asked on val. If it beats the most common answer by more than five points, the text gives something away that
only the eye should know.
"""
from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from data.generate import DATA_FOLDER, NUM_IMAGES  # noqa: E402
from minimolmo.batch.dataset import Dataset  # noqa: E402
from minimolmo.flow import Annotation  # noqa: E402
from minimolmo.score import NUMBERS, read_time  # noqa: E402

ROWS = 3000  # train rows of a set
Groups = dict[str, list[tuple[list[str], str]]]
RATE, DECAY, STEPS, BATCH = 0.03, 0.3, 300, 128


def answers_of(annotation: Annotation) -> dict[str, str]:
    """Group -> answer of a question that belongs to some of the groups: counts, yes or no, clocks."""
    style, answer = annotation.style, annotation.answer
    if style == "point_count":
        return {"counts": str(len(annotation.points))}
    if answer in ("yes", "no"):
        return {f"yes or no ({style})": answer}
    if style == "clocks":
        return _clock_answers(annotation)
    return {f"counts ({style})": answer} if answer in NUMBERS else {}


def _clock_answers(annotation: Annotation) -> dict[str, str]:
    time, question = read_time(annotation.answer), annotation.question.lower()
    if time is not None:
        return {"the time's hour": str(time // 60), "the time's minute": str(time % 60)}
    if annotation.answer.isdigit():
        return {"the minute hand alone" if "minute" in question else "the hour hand alone": annotation.answer}
    return {"before or after half past": annotation.answer}


def words_of(annotation: Annotation) -> list[str]:
    """The words of the question or label, and their pairs."""
    words = re.findall(r"\w+", (annotation.question or annotation.label).lower())
    return words + [" ".join(pair) for pair in zip(words, words[1:])]


def read(folder: Path, split: str, rows: int) -> Groups:
    """The questions in the first rows of a set."""
    data = Dataset(folder, split)
    return gather(data[row].annotations for row in range(min(rows, len(data))))


def gather(said: Iterable[Iterable[Annotation]]) -> Groups:
    """Group -> (words, answer) of every question about these pictures."""
    groups = defaultdict(list)
    for annotations in said:
        for annotation in annotations:
            for group, answer in answers_of(annotation).items():
                groups[group].append((words_of(annotation), answer))
    return groups


class Reader:
    """Logistic regression: each word votes for each answer, and training sets the votes."""

    def __init__(self, questions: list[tuple[list[str], str]]):
        torch.manual_seed(0)
        self.answers = sorted({answer for _, answer in questions})
        self.number = {word: n for n, word in enumerate(sorted({w for words, _ in questions for w in words}))}
        self.always, self.nothing = len(self.number), len(self.number) + 1  # a word that is in all; padding
        self.votes = torch.nn.EmbeddingBag(self.nothing + 1, len(self.answers), mode="sum",
                                           padding_idx=self.nothing)
        torch.nn.init.zeros_(self.votes.weight)
        self.train(self.encode([words for words, _ in questions]),
                   torch.tensor([self.answers.index(answer) for _, answer in questions]))

    def train(self, bags: torch.Tensor, right: torch.Tensor) -> None:
        """Set the votes. bags (questions, words) holds word numbers, right (questions,) answer numbers."""
        optimizer = torch.optim.AdamW(self.votes.parameters(), lr=RATE, weight_decay=DECAY)
        for _ in range(STEPS):
            part = torch.randint(len(bags), (BATCH,))
            loss = F.cross_entropy(self.votes(bags[part]), right[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def encode(self, questions: list[list[str]]) -> torch.Tensor:
        """The numbers of the questions' known words, and of the one that stands in all, padded."""
        bags = [torch.tensor([self.always, *(self.number[word] for word in words if word in self.number)])
                for words in questions]
        return torch.nn.utils.rnn.pad_sequence(bags, batch_first=True, padding_value=self.nothing)

    def guess(self, questions: list[list[str]]) -> list[str]:
        """The likeliest answer to each question."""
        return [self.answers[i] for i in self.votes(self.encode(questions)).argmax(dim=1).tolist()]


def scores(train: list[tuple[list[str], str]], held_out: list[tuple[list[str], str]]) -> tuple[float, float]:
    """How often the reader is right on held-out questions, and how often one answer to all of them is."""
    guesses = Reader(train).guess([words for words, _ in held_out])
    truth = [answer for _, answer in held_out]
    right = sum(guess == answer for guess, answer in zip(guesses, truth))
    return right / len(truth), Counter(truth).most_common(1)[0][1] / len(truth)


def main(arguments: list[str]) -> None:
    """The command line: a line for each group of each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--level", default="full", choices=list(NUM_IMAGES))
    parser.add_argument("--folder", type=Path, default=DATA_FOLDER)
    given = parser.parse_args(arguments)
    for name in NUM_IMAGES[given.level]:
        train = read(given.folder / name / given.level, "train", ROWS)
        held_out = read(given.folder / name / given.level, "val", ROWS)
        for group in sorted(train):
            right, usual = scores(train[group], held_out[group])
            print(f"{name:<20} {group:<26} blind reader {right:.3f}   most common answer {usual:.3f}   "
                  f"of {len(held_out[group])}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
