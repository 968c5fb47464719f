"""Questions about pages of level easy: wordings with slots, and the choice of four to six for a page."""
from __future__ import annotations

import random
from collections.abc import Collection
from typing import NamedTuple

from minimolmo.flow import Annotation

NUM_QUESTIONS = 4, 6  # questions for one image


class EasyQuestion(NamedTuple):
    """A question as its wordings, the values of their slots, and the answer.

    about  the parts of the page that it is about, for example the colours of bars
    """
    wordings: tuple[str, ...]
    slots: dict[str, str]
    answer: str
    about: tuple[str, ...] = ()

    def to_annotation(self, style: str, rng: random.Random) -> Annotation:
        """The question in a random wording."""
        return Annotation(style, question=rng.choice(self.wordings).format(**self.slots), answer=self.answer)


def choose_questions(groups: list[list[EasyQuestion]], style: str, rng: random.Random,
                     novel_parts: Collection[str] = ()) -> list[Annotation]:
    """Four to six different questions, fewer if there are fewer: one of each group in turn.

    groups       the questions of each type; the first types come up most often
    novel_parts  if any part of the page is held out, only questions about these parts are asked
    """
    pools = [[question for question in group if not novel_parts or set(question.about) & set(novel_parts)]
             for group in groups]
    pools = [rng.sample(pool, len(pool)) for pool in pools]
    num_wanted, chosen = rng.randint(*NUM_QUESTIONS), []
    while len(chosen) < num_wanted and any(pools):
        chosen += [pool.pop() for pool in pools if pool]
    annotations = [question.to_annotation(style, rng) for question in chosen[:num_wanted]]
    return rng.sample(annotations, len(annotations))
