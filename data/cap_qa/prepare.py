"""cap_qa: questions that can be answered from the caption alone.

    python -m data.cap_qa.prepare --level=easy --seed=1

The caption is written first, as in `cap`. Every answer occurs in it, word for word.
"""
from __future__ import annotations

import random
from dataclasses import replace

from data.ask_model_anything.question_template import QuestionTemplate, take_in_turn
from data.cap.prepare import GRID_MARGIN, NUM_THINGS, caption
from data.cap_qa import full
from data.generate import DrawableScene, run_command_line
from data.scenes.easy import EasyLevel, Scene, choose_pairs, color_kind_pair, make_scene, things_to_ask_about
from data.scenes.easy_wording import (
    COUNT_WORDS,
    fill_wording,
    label_text,
    matching_things,
    pair_with_article,
    place_of,
    with_preposition,
)
from data.scenes.full import FULL
from data.scenes.levels import Level
from minimolmo.command import run_command
from minimolmo.flow import Annotation, Thing

NUM_QUESTIONS = (4, 6)

HOW_MANY = ("How many shapes are there?", "What is the number of shapes?", "Count the shapes.",
            "In a word, how many shapes?", "how many shapes do you see", "number of shapes")
COLOR_OF = ("What color is {}?", "Which color does {} have?", "Name the color of {}.", "{}: which color?",
            "what color is {}", "the color of {}")
KIND_OF = ("What shape is {}?", "Which shape is {}?", "Name the shape that is {}.",
           "Tell me which shape is {}.", "what shape is {}", "which shape is {}")
PLACE_OF = ("Where is {}?", "Where can {} be seen?", "Say where {} is.", "{}: where is it?", "where is {}",
            "where do you see {}")
WHAT_IS = ("What is {}?", "What can be seen {}?", "{}, what is there?", "Say what is {}.", "what is {}",
           "what do you see {}")


def make_example(level: Level, split: str, rng: random.Random) -> tuple[DrawableScene, list[Annotation]]:
    """One scene and about five questions about its caption, which is a column of the row."""
    if level is FULL:
        return full.make_example(split, rng)
    while True:
        pairs = choose_pairs(rng.randint(*NUM_THINGS), level, split, rng)
        scene = make_scene(pairs, level, split, rng, GRID_MARGIN)
        scene = replace(scene, columns={"caption": caption(scene, rng)})
        questions = choose_questions(scene, level, split, rng)
        if len(questions) >= NUM_QUESTIONS[0]:  # in `novel` a scene may have fewer
            return scene, [_to_annotation(question, rng) for question in questions]


def choose_questions(scene: Scene, level: EasyLevel, split: str,
                     rng: random.Random) -> list[QuestionTemplate]:
    """Questions of all types in turn. In `novel` all are about the held-out objects."""
    candidates = things_to_ask_about(scene, level, split)
    groups = [color_questions(scene, candidates), kind_questions(scene, candidates),
              place_questions(candidates), thing_at_place_questions(scene, candidates)]
    if split != "novel":
        groups.append([QuestionTemplate(HOW_MANY, "", COUNT_WORDS[len(scene.things)])])
    return take_in_turn(groups, rng)[:rng.randint(*NUM_QUESTIONS)]


def color_questions(scene: Scene, candidates: list[Thing]) -> list[QuestionTemplate]:
    """What color is the circle, or the shape at the top? Only if there is exactly one."""
    by_kind = [QuestionTemplate(COLOR_OF, f"the {thing.kind}", thing.color) for thing in candidates
               if len(matching_things(scene.things, ("", thing.kind))) == 1]
    return by_kind + [QuestionTemplate(COLOR_OF, f"the shape {_at(thing)}", thing.color)
                      for thing in candidates if _is_alone_in_region(thing, scene)]


def kind_questions(scene: Scene, candidates: list[Thing]) -> list[QuestionTemplate]:
    """What shape is red, or at the top? Only if there is exactly one."""
    by_color = [QuestionTemplate(KIND_OF, thing.color, thing.kind) for thing in candidates
                if len(matching_things(scene.things, (thing.color, ""))) == 1]
    return by_color + [QuestionTemplate(KIND_OF, _at(thing), thing.kind)
                       for thing in candidates if _is_alone_in_region(thing, scene)]


def place_questions(candidates: list[Thing]) -> list[QuestionTemplate]:
    """Where is the red circle?"""
    return [QuestionTemplate(PLACE_OF, f"the {label_text(color_kind_pair(thing))}", _at(thing))
            for thing in candidates]


def thing_at_place_questions(scene: Scene, candidates: list[Thing]) -> list[QuestionTemplate]:
    """What is at the top left? Only if one object is there."""
    return [QuestionTemplate(WHAT_IS, _at(thing), pair_with_article(color_kind_pair(thing)))
            for thing in candidates if _is_alone_in_region(thing, scene)]


def _to_annotation(question: QuestionTemplate, rng: random.Random) -> Annotation:
    text = fill_wording(rng.choice(question.wordings), question.subject)
    return Annotation("cap_qa", question=text, answer=question.answer)


def _at(thing: Thing) -> str:
    return with_preposition(place_of(thing))


def _is_alone_in_region(thing: Thing, scene: Scene) -> bool:
    return sum(place_of(other) == place_of(thing) for other in scene.things) == 1


def main(arguments: list[str]) -> None:
    """The command line: draw this dataset."""
    run_command_line({"cap_qa": make_example}, arguments)


if __name__ == "__main__":
    run_command(main)
