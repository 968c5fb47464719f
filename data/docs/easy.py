"""Documents of level easy: charts, tables, diagrams and others of 64 x 64 pixels."""
from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from data.docs import easy_charts, easy_diagrams, easy_others, easy_tables
from data.docs.easy_page import EasyPage
from minimolmo.flow import Annotation


class Family(NamedTuple):
    """The functions that make a page of one family and its questions."""
    share: int     # percent of all images
    make_page: Callable[[str, random.Random], EasyPage]
    questions: Callable[[EasyPage, random.Random], list[Annotation]]


FAMILIES = (
    Family(30, easy_charts.make_page, easy_charts.questions),
    Family(25, easy_tables.make_page, easy_tables.questions),
    Family(25, easy_diagrams.make_page, easy_diagrams.questions),
    Family(20, easy_others.make_page, easy_others.questions),
)


def make_example(split: str, rng: random.Random) -> tuple[EasyPage, list[Annotation]]:
    """One page with four to six questions."""
    family = rng.choices(FAMILIES, [family.share for family in FAMILIES])[0]
    page = family.make_page(split, rng)
    return page, family.questions(page, rng)
