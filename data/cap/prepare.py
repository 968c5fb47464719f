"""cap: one dense caption and three spoken transcripts of each image.

    python -m data.cap.prepare --level=easy --seed=1

Every sentence follows the rule of easy_wording.py: the n-th object goes with the n-th region.
"""
from __future__ import annotations

import random
from collections.abc import Callable

from data.cap import full
from data.cap.full import CORRECTIONS, READING_ORDERS
from data.generate import DrawableScene, run_command_line
from data.scenes.easy import EasyLevel, Scene, choose_pairs, make_scene, color_kind_pair
from data.scenes.easy_wording import (
    COUNT_WORDS,
    capitalise,
    label_text,
    pair_with_article,
    place_of,
    with_preposition,
)
from data.scenes.full import FULL
from data.scenes.levels import Level
from minimolmo.command import run_command
from minimolmo.flow import Annotation, Thing

NUM_THINGS = (1, 5)       # objects in one image, all different
GRID_MARGIN = 3.0          # percent between a centre and a line where one region becomes another
NUM_TRANSCRIPTS = 3
CORRECTION_SHARE = 0.3            # share of transcripts with a corrected colour

# {n} is a phrase such as "three shapes".
OPENINGS = ("There {are} {n}.", "The picture shows {n}.", "{n} on a light background.", "This image has {n}.",
            "We see {n}.", "{n} can be seen.")
SENTENCES = ("{a} is {at}.", "{at} is {a}.", "{at} there is {a}.", "{a} sits {at}.", "There is {a} {at}.")
SPOKEN_OPENINGS = ("okay so i see {n} here.", "um, there {are} {n} in this picture.", "so this one has {n}.",
                   "let me see, {n}, i think.", "alright, {n}.", "well, we have {n} here.")
SPOKEN_SENTENCES = ("{uh}there's {a} {at}.", "then {uh}{at} there's {a}.", "and {a}, that one is {at}.",
                    "{at} i can see {a}.", "next is {a}, {uh}{at}.", "{uh}{at}, yeah, {a}.",
                    "and we have {a} {at}.")
FILLERS = ("uh, ", "um, ", "you know, ", "", "", "", "")
ENDINGS = ("that's it.", "that's all i see.", "nothing else.", "", "", "")


def make_example(level: Level, split: str, rng: random.Random) -> tuple[DrawableScene, list[Annotation]]:
    """One scene with its caption and transcripts."""
    if level is FULL:
        return full.make_example(split, rng)
    pairs = choose_pairs(rng.randint(*NUM_THINGS), level, split, rng)
    scene = make_scene(pairs, level, split, rng, GRID_MARGIN)
    orders_and_openings = zip(rng.sample(READING_ORDERS, NUM_TRANSCRIPTS),
                              rng.sample(SPOKEN_OPENINGS, NUM_TRANSCRIPTS))
    transcripts = [transcript(scene, level, order, opening, rng) for order, opening in orders_and_openings]
    return scene, [Annotation("long_caption", answer=caption(scene, rng)),
                   *(Annotation("transcript", answer=text) for text in transcripts)]


def caption(scene: Scene, rng: random.Random) -> str:
    """A written caption: the number of objects, then each object with its region, in reading order."""
    things = sorted(scene.things, key=READING_ORDERS[0])
    sentences = [_count_sentence(rng.choice(OPENINGS), things)]
    sentences += [
        _place_sentence(rng.choice(SENTENCES), thing, pair_with_article(color_kind_pair(thing)))
        for thing in things
    ]
    return " ".join(map(capitalise, sentences))


def transcript(scene: Scene, level: EasyLevel, order: Callable, opening: str, rng: random.Random) -> str:
    """A spoken description: the same facts in another order, with fillers and sometimes a correction."""
    things = sorted(scene.things, key=order)
    corrected = rng.choice(things) if rng.random() < CORRECTION_SHARE else None
    parts = [_count_sentence(opening, things)]
    for thing in things:
        name_in_words = _corrected_name(thing, level, rng) if thing is corrected else pair_with_article(
            color_kind_pair(thing))
        parts.append(
            _place_sentence(rng.choice(SPOKEN_SENTENCES), thing, name_in_words, uh=rng.choice(FILLERS)))
    return " ".join(part for part in [*parts, rng.choice(ENDINGS)] if part)


def _count_sentence(template: str, things: list[Thing]) -> str:
    plural = len(things) > 1
    shapes = f"{COUNT_WORDS[len(things)]} {label_text(('', ''), plural)}"
    return template.format(n=shapes, are="are" if plural else "is")


def _place_sentence(template: str, thing: Thing, name_in_words: str, uh: str = "") -> str:
    return template.format(a=name_in_words, at=with_preposition(place_of(thing)), uh=uh)


def _corrected_name(thing: Thing, level: EasyLevel, rng: random.Random) -> str:
    """A wrong colour and its correction: "a blue shape, no, a red circle"."""
    wrong_color = rng.choice([color for color in level.colors if color != thing.color])
    wrong = pair_with_article((wrong_color, ""))
    return f"{wrong}, {rng.choice(CORRECTIONS)}, {pair_with_article(color_kind_pair(thing))}"


def main(arguments: list[str]) -> None:
    """The command line: draw this dataset."""
    run_command_line({"cap": make_example}, arguments)


if __name__ == "__main__":
    run_command(main)
