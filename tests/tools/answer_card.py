"""Draw README's picture of answers: held-out images of level easy and the released nano's answers.

    python tests/tools/answer_card.py       writes data/pictures/answers.png

QUESTIONS are chosen by hand: one of each kind, and one of the twelve is answered wrongly.
"""
from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from minimolmo.command import printable, run_command  # noqa: E402  first: the slow imports follow

from PIL import Image  # noqa: E402

from data.generate import make_dataset_spec, make_row  # noqa: E402
from data.prepare_all import DATASETS  # noqa: E402
from minimolmo.answer import RELEASED, ask, load  # noqa: E402
from minimolmo.batch.dataset import read_example  # noqa: E402
from minimolmo.disk import write_image  # noqa: E402
from minimolmo.draw import contact_sheet  # noqa: E402
from minimolmo.evaluate import result_card  # noqa: E402
from minimolmo.image.resize import open_image  # noqa: E402
from minimolmo.metrics import EvalItem, is_correct  # noqa: E402
from minimolmo.options import Parser  # noqa: E402
from minimolmo.text.points import plain_text  # noqa: E402

PICTURE = ROOT / "data" / "pictures" / "answers.png"
MAX_TAGGED = 2     # points of an answer whose tag is shown as it is; a longer tag is left out
CARD_WIDTH = 207   # pixels: four cards are as wide as README


class Question(NamedTuple):
    """A held-out row, one of its annotations, and the wording of the question about it."""
    dataset: str
    row: int          # of val
    annotation: int   # of the row
    wording: str      # {label} is the annotation's label


QUESTIONS = (
    Question("points", 8, 1, "Point to the {label}."),
    Question("points", 19, 1, "Point to the {label}."),
    Question("count", 33, 2, "How many {label} can you find?"),
    Question("count", 36, 1, "Without pointing, count the {label}."),
    Question("ask_model_anything", 1, 5, "{question}"),
    Question("cap", 31, 0, "Tell me everything you see."),
    Question("cap_qa", 0, 1, "{question}"),
    Question("point_explanations", 0, 1, "{question}"),
    Question("clocks", 2, 0, "{question}"),
    Question("docs", 12, 3, "{question}"),
    Question("docs", 6, 2, "{question}"),
    Question("docs", 4, 1, "{question}"),
)


def answered_items(folder: Path) -> list[EvalItem]:
    """The questions with the released nano's answers; their images are drawn into the folder."""
    items = [make_item(question, folder / question.dataset) for question in QUESTIONS]
    model, tokenizer, _ = load(RELEASED)
    images = [open_image(item.example.image) for item in items]
    answers = ask(model, tokenizer, images, [item.question for item in items])
    return [replace(item, answer=answer) for item, answer in zip(items, answers)]


def make_item(question: Question, folder: Path) -> EvalItem:
    """A question as an `EvalItem`; its image is drawn into the folder."""
    spec = make_dataset_spec(question.dataset, "easy")
    scene, row = make_row(spec, DATASETS[question.dataset], "val", question.row)
    (folder / row["image"]).parent.mkdir(parents=True, exist_ok=True)
    scene.draw().save(folder / row["image"])
    example = read_example(json.loads(json.dumps(row)), folder, question.dataset)
    annotation = example.annotations[question.annotation]
    wording = question.wording.format(label=annotation.label, question=annotation.question)
    return EvalItem(question.dataset, example, annotation, wording)


def draw_answers(items: list[EvalItem]) -> Image.Image:
    """Rows of four cards: image, question, answer, and the correct answer unless the answer is right."""
    return contact_sheet([answer_card(item, items) for item in items], columns=4, width=CARD_WIDTH)


def answer_card(item: EvalItem, items: list[EvalItem]) -> tuple[Image.Image, str, list[str], bool | None]:
    """`result_card` with a readable answer."""
    image, title, _, correct = result_card(item, items)
    text, many = item.answer.text, len(item.answer.points) > MAX_TAGGED
    lines = [plain_text(text) if many else text]
    if not correct:
        lines.append(f"Correct: {item.annotation.answer or len(item.annotation.points)}.")
    return image, title, lines, correct


def main(arguments: list[str]) -> None:
    """Draw the picture and print the answers."""
    Parser(description=__doc__.splitlines()[0]).parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        items = answered_items(Path(folder))
        write_image(PICTURE, draw_answers(items).quantize(256), optimize=True)
    for item in items:
        verdict = "right" if is_correct(item, items) else "WRONG"
        print(f"{verdict}  {item.question}  {printable(item.answer.text)}")


if __name__ == "__main__":
    run_command(main)
