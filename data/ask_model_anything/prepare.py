"""ask_model_anything: free questions with short answers: what colour, which shape, where, is there.

    python -m data.ask_model_anything.prepare --level=easy --seed=1
"""
from __future__ import annotations

import itertools
import random

from data.ask_model_anything import full
from data.ask_model_anything.question_template import Ask
from data.scenes.easy_wording import WAYS, a_thing, absent_labels, ahead, at, matching, name, place_of
from data.scenes.easy import EasyLevel, Scene, asked_about, choose_pairs, make_scene, pair_of
from data.scenes.full import FULL
from data.scenes.levels import Level
from data.generate import Picture, command
from minimolmo.flow import Annotation, Thing

THINGS = (2, 5)   # in one image, all different
BORDER = 3.0      # percent between a centre and the line where "left" becomes "center"
BESIDE = 8.0      # percent by which one centre must be further left (or higher) to be called so
NAMING = 3        # questions for a colour or a kind; one of each other sort

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


def compose(level: Level, split: str, rng: random.Random) -> tuple[Picture, list[Annotation]]:
    """One scene and about six questions, half of them for a colour or a kind."""
    if level is FULL:
        return full.compose(split, rng)
    pairs = choose_pairs(rng.randint(*THINGS), level, split, rng)
    scene = make_scene(pairs, level, split, rng, BORDER)
    asked = asked_about(scene, level, split)
    naming = colors(scene, asked) + kinds(scene, asked)
    asks = rng.sample(naming, min(NAMING, len(naming)))
    asks += _one_of(presence(scene, asked, level, split, rng), rng)
    asks += _one_of(rng.choice((relations, relation_checks))(scene, asked), rng)
    asks += _one_of(rng.choice((places, contents))(scene, asked), rng)
    rng.shuffle(asks)
    return scene, [ask.say(rng) for ask in asks]


def colors(scene: Scene, asked: list[Thing]) -> list[Ask]:
    """What colour is the circle? If it is the only circle; or the shape at the top, if it is alone there."""
    return ([Ask(COLOR_OF, f"the {thing.kind}", thing.color) for thing in asked
             if len(matching(scene.things, ("", thing.kind))) == 1] +
            [Ask(COLOR_OF, f"the shape {at(place_of(thing))}", thing.color) for thing in asked
             if _alone(thing, scene)])


def kinds(scene: Scene, asked: list[Thing]) -> list[Ask]:
    """What shape is the red thing? If nothing else is red; or the thing at the top, if it is alone there."""
    return ([Ask(KIND_OF, f"the {thing.color} thing", thing.kind) for thing in asked
             if len(matching(scene.things, (thing.color, ""))) == 1] +
            [Ask(KIND_OF, f"the thing {at(place_of(thing))}", thing.kind) for thing in asked
             if _alone(thing, scene)])


def places(scene: Scene, asked: list[Thing]) -> list[Ask]:
    """Where is the red circle?"""
    return [Ask(PLACE_OF, _the(thing), place_of(thing)) for thing in asked]


def contents(scene: Scene, asked: list[Thing]) -> list[Ask]:
    """What is at the top left? If there is one thing only."""
    return [Ask(WHAT_IS, at(place_of(thing)), name(pair_of(thing)))
            for thing in asked if _alone(thing, scene)]


def presence(scene: Scene, asked: list[Thing], level: EasyLevel, split: str, rng: random.Random) -> list[Ask]:
    """Is there a red circle? As often yes as no."""
    absent = [label for label in absent_labels(scene.things, level, split) if all(label)]
    if rng.random() < 0.5 or not absent:
        return [Ask(IS_THERE, a_thing(pair_of(thing)), "yes") for thing in asked]
    return [Ask(IS_THERE, a_thing(pair), "no") for pair in absent]


def relations(scene: Scene, asked: list[Thing]) -> list[Ask]:
    """What is left of the red circle? If one thing clearly is, and every other thing clearly is not."""
    asks = []
    for (words, way), anchor in itertools.product(WAYS.items(), scene.things):
        others = [thing for thing in scene.things if thing != anchor]
        beside = [thing for thing in others if ahead(thing, anchor, way) > -BESIDE]
        if len(beside) == 1 and ahead(beside[0], anchor, way) > BESIDE and {anchor, beside[0]} & set(asked):
            asks.append(Ask(WHAT_IS, f"{words} {_the(anchor)}", name(pair_of(beside[0]))))
    return asks


def relation_checks(scene: Scene, asked: list[Thing]) -> list[Ask]:
    """Is the red circle left of the blue square? Each "yes" is offered with its "no", the other way round."""
    twos = itertools.permutations(scene.things, 2)
    return [Ask(CHECK, f"{_the(a)} {words} {_the(b)}", "yes" if ahead(a, b, way) > 0 else "no")
            for (words, way), (a, b) in itertools.product(WAYS.items(), twos)
            if abs(ahead(a, b, way)) > BESIDE and {a, b} & set(asked)]


def _the(thing: Thing) -> str:
    return f"the {name(pair_of(thing))}"


def _one_of(offered: list[Ask], rng: random.Random) -> list[Ask]:
    return rng.sample(offered, min(1, len(offered)))


def _alone(thing: Thing, scene: Scene) -> bool:
    return sum(place_of(other) == place_of(thing) for other in scene.things) == 1


if __name__ == "__main__":
    command({"ask_model_anything": compose})
