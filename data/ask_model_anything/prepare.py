"""ask_model_anything: free questions with short answers: colour, shape, region, presence.

    python -m data.ask_model_anything.prepare --level=easy --seed=1
"""
from __future__ import annotations

import itertools
import random

from data.ask_model_anything import full
from data.ask_model_anything.question_template import QuestionTemplate
from data.generate import DrawableScene, run_command_line
from data.scenes.easy import EasyLevel, Scene, choose_pairs, make_scene, color_kind_pair, things_to_ask_about
from data.scenes.easy_wording import (
    DIRECTIONS,
    absent_labels,
    label_text,
    matching_things,
    offset_along,
    pair_with_article,
    place_of,
    with_preposition,
)
from data.scenes.full import FULL
from data.scenes.levels import Level
from minimolmo.command import run_command
from minimolmo.flow import Annotation, Thing

NUM_THINGS = (2, 5)   # objects in one image, all different
GRID_MARGIN = 3.0      # percent between a centre and a line where one region becomes another
MIN_OFFSET = 8.0      # percent between two centres, at least, for "left of" and the like
NUM_ATTRIBUTE_QUESTIONS = 3        # questions that ask for a colour or a kind; one of each other type

COLOR_OF = ("What color is {}?", "Which color does {} have?", "What is the color of {}?",
            "Tell me the color of {}.", "{} - what color is it?", "In what color is {} drawn?")
KIND_OF = ("What shape is {}?", "Which shape does {} have?", "What kind of shape is {}?",
           "Tell me the shape of {}.", "{} - what shape is it?", "What form does {} have?")
PLACE_OF = ("Where is {}?", "In which part of the picture is {}?", "Where can I find {}?",
            "Where in the image is {}?", "What is the place of {}?")
WHAT_IS = ("What is {}?", "What can be seen {}?", "Which thing is {}?", "Name what is {}.",
           "What do you see {}?")
IS_THERE = ("Is there {}?", "Can you see {}?", "Does the picture show {}?", "Is {} in the image?",
            "Do you see {} here?")
CHECK = ("Is {}?", "Yes or no: is {}?", "Do you see {}?", "Does the picture show {}?", "Can you see {}?")


def make_example(level: Level, split: str, rng: random.Random) -> tuple[DrawableScene, list[Annotation]]:
    """One scene and about six questions; half of them ask for a colour or a kind."""
    if level is FULL:
        return full.make_example(split, rng)
    pairs = choose_pairs(rng.randint(*NUM_THINGS), level, split, rng)
    scene = make_scene(pairs, level, split, rng, GRID_MARGIN)
    candidates = things_to_ask_about(scene, level, split)
    attribute_questions = color_questions(scene, candidates) + kind_questions(scene, candidates)
    questions = rng.sample(attribute_questions, min(NUM_ATTRIBUTE_QUESTIONS, len(attribute_questions)))
    questions += _sample_one(presence_questions(scene, candidates, level, split, rng), rng)
    questions += _sample_one(
        rng.choice((thing_on_side_questions, relation_yes_no_questions))(scene, candidates), rng)
    region_type = rng.choice((region_questions, thing_in_region_questions))
    questions += _sample_one(region_type(scene, candidates), rng)
    rng.shuffle(questions)
    return scene, [question.to_annotation(rng) for question in questions]


def color_questions(scene: Scene, candidates: list[Thing]) -> list[QuestionTemplate]:
    """What colour is the circle, or the shape at the top? Only if there is exactly one."""
    return ([
        QuestionTemplate(COLOR_OF, f"the {thing.kind}", thing.color)
        for thing in candidates
        if len(matching_things(scene.things, ("", thing.kind))) == 1
    ] + [
        QuestionTemplate(COLOR_OF, f"the shape {with_preposition(place_of(thing))}", thing.color)
        for thing in candidates
        if _is_alone_in_region(thing, scene)
    ])


def kind_questions(scene: Scene, candidates: list[Thing]) -> list[QuestionTemplate]:
    """What shape is the red thing, or the thing at the top? Only if there is exactly one."""
    return ([
        QuestionTemplate(KIND_OF, f"the {thing.color} thing", thing.kind)
        for thing in candidates
        if len(matching_things(scene.things, (thing.color, ""))) == 1
    ] + [
        QuestionTemplate(KIND_OF, f"the thing {with_preposition(place_of(thing))}", thing.kind)
        for thing in candidates
        if _is_alone_in_region(thing, scene)
    ])


def region_questions(scene: Scene, candidates: list[Thing]) -> list[QuestionTemplate]:
    """Where is the red circle?"""
    return [QuestionTemplate(PLACE_OF, _with_the(thing), place_of(thing)) for thing in candidates]


def thing_in_region_questions(scene: Scene, candidates: list[Thing]) -> list[QuestionTemplate]:
    """What is at the top left? Only if one object is there."""
    return [QuestionTemplate(WHAT_IS, with_preposition(place_of(thing)), label_text(color_kind_pair(thing)))
            for thing in candidates if _is_alone_in_region(thing, scene)]


def presence_questions(scene: Scene, candidates: list[Thing], level: EasyLevel, split: str,
                       rng: random.Random) -> list[QuestionTemplate]:
    """Is there a red circle? "yes" as often as "no"."""
    absent = [label for label in absent_labels(scene.things, level, split) if all(label)]
    if rng.random() < 0.5 or not absent:
        present = [color_kind_pair(thing) for thing in candidates]
        return [QuestionTemplate(IS_THERE, pair_with_article(pair), "yes") for pair in present]
    return [QuestionTemplate(IS_THERE, pair_with_article(pair), "no") for pair in absent]


def thing_on_side_questions(scene: Scene, candidates: list[Thing]) -> list[QuestionTemplate]:
    """What is left of the red circle? Only if exactly one object is clearly on that side."""
    questions = []
    for (relation, direction), anchor in itertools.product(DIRECTIONS.items(), scene.things):
        others = [thing for thing in scene.things if thing != anchor]
        on_side = [thing for thing in others if offset_along(thing, anchor, direction) > -MIN_OFFSET]
        if len(on_side) == 1 and offset_along(
                on_side[0], anchor, direction) > MIN_OFFSET and {anchor, on_side[0]} & set(candidates):
            questions.append(
                QuestionTemplate(WHAT_IS, f"{relation} {_with_the(anchor)}",
                                 label_text(color_kind_pair(on_side[0]))))
    return questions


def relation_yes_no_questions(scene: Scene, candidates: list[Thing]) -> list[QuestionTemplate]:
    """Is the red circle left of the blue square? Each "yes" question has a swapped "no" question."""
    pairs = itertools.permutations(scene.things, 2)
    return [
        QuestionTemplate(CHECK, f"{_with_the(a)} {relation} {_with_the(b)}",
                         "yes" if offset_along(a, b, direction) > 0 else "no")
        for (relation, direction), (a, b) in itertools.product(DIRECTIONS.items(), pairs)
        if abs(offset_along(a, b, direction)) > MIN_OFFSET and {a, b} & set(candidates)
    ]


def _with_the(thing: Thing) -> str:
    return f"the {label_text(color_kind_pair(thing))}"


def _sample_one(questions: list[QuestionTemplate], rng: random.Random) -> list[QuestionTemplate]:
    return rng.sample(questions, min(1, len(questions)))


def _is_alone_in_region(thing: Thing, scene: Scene) -> bool:
    return sum(place_of(other) == place_of(thing) for other in scene.things) == 1


def main(arguments: list[str]) -> None:
    """The command line: draw this dataset."""
    run_command_line({"ask_model_anything": make_example}, arguments)


if __name__ == "__main__":
    run_command(main)
