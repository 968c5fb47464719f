"""A question not yet in words."""
from __future__ import annotations

import random
from typing import NamedTuple

from data.scenes.easy_wording import sentence
from minimolmo.flow import Annotation


class Ask(NamedTuple):
    """A question not yet in words."""
    templates: tuple[str, ...]
    subject: str
    answer: str

    def say(self, rng: random.Random) -> Annotation:
        """The question in one of its wordings."""
        question = rng.choice(self.templates).format(self.subject)
        return Annotation("user_qa", question=sentence(question), answer=self.answer)
