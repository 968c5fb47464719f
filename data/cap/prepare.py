"""cap: one dense caption and three transcripts of an image, as if three people had talked about it.

    python -m data.cap.prepare --level=easy --seed=1

Every sentence obeys the rule of `facts.py`: the n-th thing goes with the n-th place.
"""
from __future__ import annotations

import random
from collections.abc import Callable

from data.cap import full
from data.cap.full import CORRECTIONS, WALKS
from data.scenes.easy_wording import NUMBERS, a_thing, at, name, place_of, sentence
from data.scenes.easy import EasyLevel, Scene, choose_pairs, make_scene, pair_of
from data.scenes.full import FULL
from data.scenes.levels import Level
from data.generate import Picture, command
from minimolmo.flow import Annotation, Thing

THINGS = (1, 5)       # in one image, all different
BORDER = 3.0          # percent between a centre and the line where "left" becomes "center"
TRANSCRIPTS = 3
SLIP = 0.3            # share of transcripts in which the speaker corrects a colour

# {n}: "three shapes".
OPENINGS = ("There {are} {n}.", "The picture shows {n}.", "{n} on a light background.", "This image has {n}.",
            "We see {n}.", "{n} can be seen.")
SENTENCES = ("{a} is {at}.", "{at} is {a}.", "{at} there is {a}.", "{a} sits {at}.", "There is {a} {at}.")
STARTS = ("okay so i see {n} here.", "um, there {are} {n} in this picture.", "so this one has {n}.",
          "let me see, {n}, i think.", "alright, {n}.", "well, we have {n} here.")
SPOKEN = ("{uh}there's {a} {at}.", "then {uh}{at} there's {a}.", "and {a}, that one is {at}.",
          "{at} i can see {a}.", "next is {a}, {uh}{at}.", "{uh}{at}, yeah, {a}.", "and we have {a} {at}.")
FILLERS = ("uh, ", "um, ", "you know, ", "", "", "", "")
ENDINGS = ("that's it.", "that's all i see.", "nothing else.", "", "", "")


def compose(level: Level, split: str, rng: random.Random) -> tuple[Picture, list[Annotation]]:
    """One scene, its caption and its transcripts."""
    if level is FULL:
        return full.compose(split, rng)
    pairs = choose_pairs(rng.randint(*THINGS), level, split, rng)
    scene = make_scene(pairs, level, split, rng, BORDER)
    speakers = zip(rng.sample(WALKS, TRANSCRIPTS), rng.sample(STARTS, TRANSCRIPTS))
    spoken = [transcript(scene, level, walk, start, rng) for walk, start in speakers]
    return scene, [Annotation("long_caption", answer=caption(scene, rng)),
                   *(Annotation("transcript", answer=text) for text in spoken)]


def caption(scene: Scene, rng: random.Random) -> str:
    """Written: how many, then every thing with its place, in reading order."""
    things = sorted(scene.things, key=WALKS[0])
    sentences = [_count(rng.choice(OPENINGS), things)]
    sentences += [_place(rng.choice(SENTENCES), thing, a_thing(pair_of(thing))) for thing in things]
    return " ".join(map(sentence, sentences))


def transcript(scene: Scene, level: EasyLevel, walk: Callable, start: str, rng: random.Random) -> str:
    """Spoken: the same facts on another walk, with fillers and now and then a slip of the tongue."""
    things = sorted(scene.things, key=walk)
    slip = rng.choice(things) if rng.random() < SLIP else None
    parts = [_count(start, things)]
    for thing in things:
        words = _slip(thing, level, rng) if thing is slip else a_thing(pair_of(thing))
        parts.append(_place(rng.choice(SPOKEN), thing, words, uh=rng.choice(FILLERS)))
    return " ".join(part for part in [*parts, rng.choice(ENDINGS)] if part)


def _count(template: str, things: list[Thing]) -> str:
    several = len(things) > 1
    shapes = f"{NUMBERS[len(things)]} {name(('', ''), several)}"
    return template.format(n=shapes, are="are" if several else "is")


def _place(template: str, thing: Thing, words: str, uh: str = "") -> str:
    return template.format(a=words, at=at(place_of(thing)), uh=uh)


def _slip(thing: Thing, level: EasyLevel, rng: random.Random) -> str:
    """A wrong colour, taken back at once: "a blue shape, no, a red circle"."""
    wrong = rng.choice([color for color in level.colors if color != thing.color])
    return f"{a_thing((wrong, ''))}, {rng.choice(CORRECTIONS)}, {a_thing(pair_of(thing))}"


if __name__ == "__main__":
    command({"cap": compose})
