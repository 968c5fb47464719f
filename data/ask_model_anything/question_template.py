"""A question with a choice of wordings."""
from __future__ import annotations

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
