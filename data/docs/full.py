"""Documents of level full: charts, tables, diagrams and others.

A persona and a topic determine the data, the appearance and the questions.
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
from data.splits import train_or_val
from minimolmo.flow import Annotation, Thing


class Recipe(NamedTuple):
    """The functions that make a page of one type and its questions."""
    share: int     # percent of all images
    make: callable
    questions: callable


RECIPES = (
    Recipe(44, charts.make_chart, charts.chart_questions),   # shares follow PixMo-Docs
    Recipe(18, tables.make_table, tables.table_questions),
    Recipe(10, diagrams.make_diagram, diagrams.diagram_questions),
    Recipe(7, receipts_and_forms.make_receipt, receipts_and_forms.receipt_questions),
    Recipe(7, receipts_and_forms.make_form, receipts_and_forms.form_questions),
    Recipe(7, posters_and_timetables.make_poster, posters_and_timetables.poster_questions),
    Recipe(7, posters_and_timetables.make_timetable, posters_and_timetables.timetable_questions),
)


@dataclass(frozen=True)
class Document:
    """A page and the additional columns of its row: the questions, under PixMo's names."""
    page: Page
    columns: dict
    things: ClassVar[tuple[Thing, ...]] = ()   # the dataset has no points
    suffix: ClassVar[str] = ".png"             # JPEG would blur the letters

    def draw(self) -> Image.Image:
        """Draw the page. The result is the same each time."""
        return render(self.page).to_image()


def make_example(split: str, rng: random.Random) -> tuple[Document, list[Annotation]]:
    """One page with six to nine questions."""
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
    """A page of this recipe that belongs to the split."""
    while True:
        page = recipe.make(persona, split == "novel", rng)
        if split == "novel" or split_of(page) == split:
            return page


def split_of(page: Page) -> str:
    """Train or val: a checksum of the facts decides. Novel topics occur in neither."""
    return train_or_val(page.data)


def image_id(page: Page) -> str:
    """An identifier of the page: a checksum of its repr, with all fields."""
    return f"{page.family}_{zlib.crc32(repr(page).encode()):08x}"


def word_questions(questions: list[DocsQuestion], style: str, rng: random.Random) -> list[Annotation]:
    """The questions in words, without duplicates."""
    by_question = {}
    for question in questions:
        annotation = question.to_annotation(style, rng)
        by_question.setdefault(annotation.question, annotation)
    return list(by_question.values())
