"""A question with a choice of wordings, and a choice of questions of several types."""
from __future__ import annotations

import itertools
import random
from typing import NamedTuple

from data.scenes.easy_wording import capitalise
from minimolmo.flow import Annotation


class QuestionTemplate(NamedTuple):
    """Wordings of a question with a slot {}, the subject that fills it, and the answer."""
    wordings: tuple[str, ...]
    subject: str
    answer: str

    def to_annotation(self, rng: random.Random) -> Annotation:
        """The question in a random wording."""
        question = rng.choice(self.wordings).format(self.subject)
        return Annotation("user_qa", question=capitalise(question), answer=self.answer)


def take_in_turn(groups: list[list], rng: random.Random) -> list:
    """All items in random order: first one of each group, then a second of each, and so on."""
    shuffled = [rng.sample(group, len(group)) for group in rng.sample(groups, len(groups))]
    rounds = itertools.zip_longest(*shuffled)
    return [item for items in rounds for item in items if item is not None]
