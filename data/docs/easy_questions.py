"""Questions about pages of level easy: wordings with slots, and the choice of four to six for a page."""
from __future__ import annotations

import itertools
import random
from collections.abc import Collection
from typing import NamedTuple

from minimolmo.flow import Annotation

NUM_QUESTIONS = 4, 6  # questions for one image
COLOR_OF = ("What color is {it}?", "Which color is {it}?", "what color is {it}", "What is the color of {it}?")


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


def yes_no_pairs(wordings: tuple[str, ...], values: dict[str, int],
                 slots: dict[str, str] = {}) -> list[EasyQuestion]:
    """Is the value of one colour larger than that of another? Each "yes" has a swapped "no"."""
    return [EasyQuestion(wordings, slots | {"a": a, "b": b}, "yes" if values[a] > values[b] else "no", (a, b))
            for a, b in itertools.permutations(values, 2) if values[a] != values[b]]
