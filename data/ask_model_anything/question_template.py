"""A question not yet in words."""
from __future__ import annotations

import random
from typing import NamedTuple

from data.scenes.easy_wording import capitalise
from minimolmo.flow import Annotation


class QuestionTemplate(NamedTuple):
    """A question not yet in words."""
    wordings: tuple[str, ...]
    subject: str
    answer: str

    def to_annotation(self, rng: random.Random) -> Annotation:
        """The question in one of its wordings."""
        question = rng.choice(self.wordings).format(self.subject)
        return Annotation("user_qa", question=capitalise(question), answer=self.answer)
