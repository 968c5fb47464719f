"""docs: charts, tables, diagrams, other documents. A persona and a topic give data, style and questions.

    python -m data.docs.prepare --level=full --seed=1
"""
from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from PIL import Image

from data.docs import charts, diagrams, posters_and_timetables, receipts_and_forms, tables
from data.docs.render import Page, render
from data.docs.topics import PERSONAS, Persona
from data.docs.wordings import DocsQuestion, choose_questions
from data.generate import run_command_line
from data.scenes.levels import Level
from data.splits import train_or_val
from minimolmo.flow import Annotation, Thing


class Recipe(NamedTuple):
    """How a kind of page is made, and what can be asked about it."""
    share: int     # of 100 pictures
    make: callable
    questions: callable


RECIPES = (
    Recipe(44, charts.make_chart, charts.chart_questions),   # shares as in PixMo-Docs
    Recipe(18, tables.make_table, tables.table_questions),
    Recipe(10, diagrams.make_diagram, diagrams.diagram_questions),
    Recipe(7, receipts_and_forms.make_receipt, receipts_and_forms.receipt_questions),
    Recipe(7, receipts_and_forms.make_form, receipts_and_forms.form_questions),
    Recipe(7, posters_and_timetables.make_poster, posters_and_timetables.poster_questions),
    Recipe(7, posters_and_timetables.make_timetable, posters_and_timetables.timetable_questions),
)


@dataclass(frozen=True)
class Document:
    """A page, and its questions under PixMo's own names."""
    page: Page
    columns: dict
    things: ClassVar[tuple[Thing, ...]] = ()   # nothing is pointed at
    suffix: ClassVar[str] = ".png"             # JPEG would smear the letters

    def draw(self) -> Image.Image:
        """The page as an RGB picture: the same each time."""
        return render(self.page).to_image()


def make_example(level: Level, split: str, rng: random.Random) -> tuple[Document, list[Annotation]]:
    """One page and six to nine questions about it. There is one level only, so `level` is not looked at."""
    recipe = rng.choices(RECIPES, [recipe.share for recipe in RECIPES])[0]
    persona = rng.choice(PERSONAS)
    page = make_page(recipe, persona, split, rng)
    annotations_list = word_questions(
        choose_questions(recipe.questions(page, rng), persona.preferred_types, rng), page.family, rng)
    question_columns = {
        "question": [annotation.question for annotation in annotations_list],
        "answer": [annotation.answer for annotation in annotations_list]
    }
    return Document(page, {"image_id": image_id(page), "questions": question_columns}), annotations_list


def make_page(recipe: Recipe, persona: Persona, split: str, rng: random.Random) -> Page:
    """A page that belongs to the split: made again until it does."""
    while True:
        page = recipe.make(persona, split == "novel", rng)
        if split == "novel" or split_of(page) == split:
            return page


def split_of(page: Page) -> str:
    """Train or val, read off the facts themselves: no page is in both. Novel topics are in neither."""
    return train_or_val(page.data)


def image_id(page: Page) -> str:
    """A name for the page, from all that it is."""
    return f"{page.family}_{zlib.crc32(repr(page).encode()):08x}"


def word_questions(questions: list[DocsQuestion], style: str, rng: random.Random) -> list[Annotation]:
    """The questions in words, none of them twice."""
    by_question = {}
    for question in questions:
        annotation = question.to_annotation(style, rng)
        by_question.setdefault(annotation.question, annotation)
    return list(by_question.values())


if __name__ == "__main__":
    run_command_line({"docs": make_example})
