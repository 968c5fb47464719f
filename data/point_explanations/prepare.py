"""point_explanations: answers that point while they speak: "The <point ...>red boat</point> is left of ...".

    python -m data.point_explanations.prepare
"""
from __future__ import annotations

import random
from collections import Counter

from data.facts import NUMBERS, WAYS, sentence, with_article
from data.kinds import KINDS
from data.phrases import LARGER, alone, area, clearly, hidden_pairs, listed, name, where
from data.scenes import FullScene, is_held_out, make_scene
from data.world import FullLevel
from data.write import command
from minimolmo.flow import Annotation, Thing
from minimolmo.text.points import points_to_text

ASKED = (4, 6)


def compose(level: FullLevel, split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene and about five questions, each answered with points inside the sentences."""
    scene = make_scene(split, rng)
    offered = [pair for talk in rng.sample(TALKS, len(TALKS)) for pair in _few(talk(scene, rng), rng)]
    if split == "novel":
        unseen = [name(thing) for thing in scene.things if is_held_out(thing)]
        offered = [(q, a) for q, a in offered if any(words in q + a for words in unseen)]
        if not offered:  # nothing can be said about what was never seen
            return compose(level, split, rng)
    return scene, [Annotation("point_explanations", question=sentence(question), answer=answer)
                   for question, answer in offered[:rng.randint(*ASKED)]]


def _few(pairs: list, rng: random.Random) -> list:
    return rng.sample(pairs, min(2, len(pairs)))


def tag(things: list[Thing] | tuple[Thing, ...], words: str) -> str:
    """The words with points to the things behind them."""
    return points_to_text([(thing.x, thing.y) for thing in things], words, words)


def _the(thing: Thing) -> str:
    return "the " + tag([thing], name(thing))


def beside(scene, rng) -> list[tuple[str, str]]:
    """What lies where, seen from a thing."""
    ask = (
        "what is {way} the {one}?", "look at the {one}. what is {way} it?",
        "which things are {way} the {one}?", "tell me what you see {way} the {one}.",
        "explain what is {way} the {one}.", "anything {way} the {one}?", "what stands {way} the {one}?",
        "name what is {way} the {one}.")
    found = []
    for anchor in alone(scene):
        for words, way in WAYS.items():
            there = sorted(clearly(way, anchor, scene.things), key=lambda thing: thing.x)
            if 1 <= len(there) <= 4:
                seen = listed([tag([thing], with_article(name(thing))) for thing in there])
                found.append((rng.choice(ask).format(way=words, one=name(anchor)),
                              f"{sentence(words)} {_the(anchor)} one finds {seen}."))
    return found


def larger(scene, rng) -> list[tuple[str, str]]:
    """Which of two is larger, and where both are."""
    ask = (
        "which is larger, the {a} or the {b}?", "is the {a} or the {b} the larger one?",
        "compare the {a} and the {b} in size.", "the {a} and the {b}: which one is bigger?",
        "what is bigger, the {a} or the {b}?", "does the {a} or the {b} take more room?",
        "of the {a} and the {b}, which is larger?", "tell me which is bigger, the {a} or the {b}.")
    known, found = alone(scene), []
    for a in known:
        for b in known:
            if area(scene, a) > LARGER * area(scene, b):
                first, second = rng.sample((a, b), 2)
                found.append((rng.choice(ask).format(a=name(first), b=name(second)),
                              f"{sentence(_the(a))} is larger than {_the(b)}."))
    return found


def count(scene, rng) -> list[tuple[str, str]]:
    """How many, and what colours they have."""
    ask = (
        "how many {many} are there, and what colors do they have?",
        "count the {many} and say their colors.", "tell me about the {many}.",
        "what colors are the {many}?", "describe the {many}.", "the {many}: how many, and which colors?",
        "go through the {many} one by one.", "what can you say about the {many}?")
    found = []
    for kind, n in Counter(thing.kind for thing in scene.things).items():
        if 2 <= n <= 5:
            things = sorted((thing for thing in scene.things if thing.kind == kind), key=lambda t: t.x)
            each = [f"{tag([thing], f'one {where(thing)}')} is {thing.color}" for thing in things]
            found.append((rng.choice(ask).format(many=KINDS[kind].plural),
                          f"There are {NUMBERS[n]} {KINDS[kind].plural}: {listed(each)}."))
    return found


def covered(scene, rng) -> list[tuple[str, str]]:
    """What hides what."""
    ask = (
        "what hides part of the {back}?", "is anything in front of the {back}?",
        "why is the {back} not seen in full?", "what covers the {back}?",
        "explain what is in front of the {back}.", "what is the {back} behind?",
        "which thing stands before the {back}?", "what is in the way of the {back}?")
    return [(rng.choice(ask).format(back=name(back)), f"{sentence(_the(front))} hides part of {_the(back)}.")
            for front, back in hidden_pairs(scene)]


def reads(scene, rng) -> list[tuple[str, str]]:
    """What a sign says, and where it is."""
    ask = (
        "what is written in the picture?", "is there any text?", "which words can you read?",
        "read what is written.", "what do the signs say?", "do you see any letters?",
        "what text is there, and where?", "point out the writing.")
    signs = [thing for thing in scene.things if thing.word]
    if not signs:
        return [(rng.choice(ask), "No text can be seen here.")]
    signs.sort(key=lambda thing: thing.x)
    each = [f'{tag([thing], f"{thing.color} sign")} says "{thing.word}"' for thing in signs]
    return [(rng.choice(ask), f"The {listed(each)}.")]


def shares_color(scene, rng) -> list[tuple[str, str]]:
    """Everything of one colour."""
    ask = (
        "what is {color} here?", "which things are {color}?", "name all that is {color}.",
        "find everything {color}.", "what do you see that is {color}?", "list the {color} things.",
        "show me what is {color}.", "anything {color}?")
    found = []
    for color in sorted({thing.color for thing in scene.things}):
        things = sorted((thing for thing in scene.things if thing.color == color), key=lambda t: t.x)
        if len(things) <= 4:
            seen = listed([tag([thing], with_article(thing.kind)) for thing in things])
            are = "are" if len(things) > 1 else "is"
            found.append((rng.choice(ask).format(color=color), f"{sentence(color)} {are} {seen}."))
    return found


def nothing(scene, rng) -> list[tuple[str, str]]:
    """Asked for what is not there: said so, and pointed at what comes near."""
    ask = (
        "where is the {many}?", "can you show me the {many}?", "is there a {many}?",
        "find the {many} for me.", "point out the {many}, please.", "show where the {many} is.",
        "do you see a {many}?", "i am looking for a {many}.")
    kinds = {thing.kind for thing in scene.things}
    missing = rng.choice([kind for kind in KINDS if kind not in kinds])
    near = rng.choice(alone(scene) or [None])
    more = f" But there is {tag([near], with_article(name(near)))} {where(near)}." if near else ""
    return [(rng.choice(ask).format(many=missing), f"There is no {missing} here.{more}")]


TALKS = (beside, larger, count, covered, reads, shares_color, nothing)


if __name__ == "__main__":
    command({"point_explanations": compose})
