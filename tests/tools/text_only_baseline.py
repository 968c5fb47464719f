"""Text-only baseline: how often the question alone gives the answer, against the most common answer.

    python tests/tools/text_only_baseline.py --level=full        after `make data LEVEL=full`

It is a logistic regression over the bag of the question's words and pairs of words, trained on train and
scored on val. If it beats the most common answer by more than five points, the text gives away something that
only the image should tell.
"""
from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from minimolmo.command import run_command  # noqa: E402  first: the slow imports follow

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

from data.generate import DATA_FOLDER, NUM_IMAGES  # noqa: E402
from data.scenes.easy_wording import with_preposition  # noqa: E402
from data.scenes.objects import COLORS, KINDS  # noqa: E402
from minimolmo.batch.dataset import Dataset  # noqa: E402
from minimolmo.flow import Annotation  # noqa: E402
from minimolmo.metrics import parse_time  # noqa: E402
from minimolmo.options import Parser, path_argument  # noqa: E402
from minimolmo.text.facts import NUMBER_WORDS, PLACES  # noqa: E402
from minimolmo.text.points import plain_text  # noqa: E402

Questions = list[tuple[list[str], str]]  # (words, answer)
ANSWER_GROUPS = {"counts": NUMBER_WORDS, "colors": COLORS, "kinds": KINDS,
                 "places": [with_preposition(place) for place in PLACES]}
MAX_ROWS = 3000  # of a split
LEARNING_RATE, WEIGHT_DECAY, STEPS, BATCH_SIZE = 0.03, 0.3, 300, 128


def answers_of(annotation: Annotation) -> dict[str, str]:
    """Group -> answer, for each group (counts, yes or no, clocks) that a question belongs to."""
    style, answer = annotation.style, annotation.answer
    if style == "point_count":
        return {"counts": str(len(annotation.points))}
    if answer in ("yes", "no"):
        return {f"yes or no ({style})": answer}
    if style == "clocks":
        return _clock_answers(annotation)
    if style == "point_explanations":
        return _explanation_answers(annotation.question, plain_text(answer))
    groups = ANSWER_GROUPS if style == "cap_qa" else {"counts": NUMBER_WORDS}
    return {f"{group} ({style})": answer for group, answers in groups.items() if answer in answers}


def _explanation_answers(question: str, answer: str) -> dict[str, str]:
    """Yes or no, the number of objects, or which of the two named objects is larger."""
    if found := re.match("(Yes|No), ", answer):
        return {"yes or no (explanations)": found[1]}
    if found := re.match("The (.+?) is (?:larger than|the larger one)", answer):
        words = question.lower().split(found[1])[0].split()
        return {"larger (explanations)": "second" if "or" in words or "and" in words else "first"}
    beside = re.search("left of|right of|above|below", answer.lower())
    found = None if beside else re.match("(?:There are|I count) ([a-z]+) ", answer)
    return {"counts (explanations)": found[1]} if found and found[1] in NUMBER_WORDS else {}


def _clock_answers(annotation: Annotation) -> dict[str, str]:
    time, question = parse_time(annotation.answer), annotation.question.lower()
    if time is not None:
        return {"the time's hour": str(time // 60), "the time's minute": str(time % 60)}
    if annotation.answer.isdigit():
        return {"the minute hand alone" if "minute" in question else "the hour hand alone": annotation.answer}
    return {"before or after half past": annotation.answer}


def extract_words(annotation: Annotation) -> list[str]:
    """The words of the question or label, and their pairs."""
    words = re.findall(r"\w+", (annotation.question or annotation.label).lower())
    return words + [" ".join(pair) for pair in zip(words, words[1:])]


def read_questions(folder: Path, split: str, max_rows: int = MAX_ROWS) -> dict[str, Questions]:
    """Group -> the questions in the first rows of a dataset."""
    data = Dataset(folder, split)
    return group_questions(data[row].annotations for row in range(min(max_rows, len(data))))


def group_questions(images: Iterable[Iterable[Annotation]]) -> dict[str, Questions]:
    """Group -> the questions about these images. Each image is its annotations."""
    groups = defaultdict(list)
    for notes in images:
        for annotation in notes:
            for group, answer in answers_of(annotation).items():
                groups[group].append((extract_words(annotation), answer))
    return groups


class BagOfWords:
    """Logistic regression from a bag of words to an answer."""

    def __init__(self, questions: Questions):
        torch.manual_seed(0)
        self.answers = sorted({answer for _, answer in questions})
        vocabulary = sorted({word for words, _ in questions for word in words})
        self.word_ids = {word: index for index, word in enumerate(vocabulary)}
        self.bias, self.padding = len(vocabulary), len(vocabulary) + 1  # ids; every bag has the bias
        self.weights = torch.nn.EmbeddingBag(self.padding + 1, len(self.answers), mode="sum",
                                             padding_idx=self.padding)
        torch.nn.init.zeros_(self.weights.weight)
        self.train(self.encode([words for words, _ in questions]),
                   torch.tensor([self.answers.index(answer) for _, answer in questions]))

    def train(self, bags: torch.Tensor, targets: torch.Tensor) -> None:
        """Train the weights on word ids (questions, words) and answer ids (questions,)."""
        optimizer = torch.optim.AdamW(self.weights.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        for _ in range(STEPS):
            rows = torch.randint(len(bags), (BATCH_SIZE,))
            loss = F.cross_entropy(self.weights(bags[rows]), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def encode(self, questions: list[list[str]]) -> torch.Tensor:
        """The ids of the bias and of the questions' known words, padded."""
        bags = [torch.tensor([self.bias, *(self.word_ids[word] for word in words if word in self.word_ids)])
                for words in questions]
        return torch.nn.utils.rnn.pad_sequence(bags, batch_first=True, padding_value=self.padding)

    def predict(self, questions: list[list[str]]) -> list[str]:
        """The likeliest answer to each question."""
        return [self.answers[i] for i in self.weights(self.encode(questions)).argmax(dim=1).tolist()]


def compute_accuracy(train: Questions, held_out: Questions) -> tuple[float, float]:
    """Accuracy on held-out questions: of the bag of words, and of the most common answer to all of them."""
    predicted = BagOfWords(train).predict([words for words, _ in held_out])
    target = [answer for _, answer in held_out]
    num_correct = sum(answer == truth for answer, truth in zip(predicted, target))
    return num_correct / len(target), Counter(target).most_common(1)[0][1] / len(target)


def main(arguments: list[str]) -> None:
    """The command line: a line for each group of each set."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--level", default="full", choices=list(NUM_IMAGES))
    parser.add_argument("--folder", type=path_argument, default=DATA_FOLDER)
    args = parser.parse_args(arguments)
    for name in NUM_IMAGES[args.level]:
        train = read_questions(args.folder / name / args.level, "train")
        held_out = read_questions(args.folder / name / args.level, "val")
        for group in sorted(train):
            accuracy, most_common = compute_accuracy(train[group], held_out[group])
            print(f"{name:<20} {group:<26} text only {accuracy:.3f}   most common answer {most_common:.3f}   "
                  f"of {len(held_out[group])}")


if __name__ == "__main__":
    run_command(main)
