"""Other documents of level easy: price tags, calendar leaves, signposts, thermometers and dominoes."""
from __future__ import annotations

import random

from data.docs.easy_numbers import make_calendar, make_tag
from data.docs.easy_objects import make_domino, make_thermometers
from data.docs.easy_page import EasyPage, page_of_split
from data.docs.easy_questions import choose_questions
from data.docs.easy_signposts import make_signpost
from minimolmo.flow import Annotation

MAKERS = make_tag, make_calendar, make_signpost, make_thermometers, make_domino


def make_page(split: str, rng: random.Random) -> EasyPage:
    """A random page that belongs to the split."""
    make = rng.choice(MAKERS)
    return page_of_split(lambda: make(rng), split)


def questions(page: EasyPage, rng: random.Random) -> list[Annotation]:
    """Four to six questions about a page, fewer if it has fewer."""
    return choose_questions(page.questions(rng), page.family, rng, page.novel_parts)
