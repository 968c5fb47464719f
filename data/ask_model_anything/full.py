"""ask_model_anything at level full: free questions of 26 types about one scene."""
from __future__ import annotations

import random

from data.ask_model_anything.question_template import QuestionTemplate
from data.ask_model_anything.question_types import QUESTION_TYPES
from data.scenes.full import FullScene, is_held_out, make_scene
from data.scenes.full_wording import thing_text
from minimolmo.flow import Annotation

NUM_QUESTIONS = (11, 16)


def make_example(split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene and about thirteen questions of different types."""
    scene = make_scene(split, rng)
    questions = []
    for question_type in rng.sample(QUESTION_TYPES, len(QUESTION_TYPES)):
        possible = [
            question for question in question_type(scene, rng)
            if split != "novel" or _names_held_out(question, scene)
        ]
        questions += rng.sample(possible, min(1, len(possible)))
    return scene, [question.to_annotation(rng) for question in questions[:rng.randint(*NUM_QUESTIONS)]]


def _names_held_out(question: QuestionTemplate, scene: FullScene) -> bool:
    return any(
        thing_text(thing) in f"{question.subject} {question.answer}"
        for thing in scene.things
        if is_held_out(thing))
