"""point_explanations: answers that point while they speak: "The <point ...>red boat</point> is ...".

    python -m data.point_explanations.prepare
"""
from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from data.scenes.easy_wording import NUMBERS, WAYS, sentence, with_article
from data.scenes.objects import KINDS
from data.scenes.full_wording import LARGER, alone, area, clearly, hidden_pairs, listed, name, noun, where, wish_of
from data.point_explanations import wordings as words
from data.scenes.full import FullScene, Wish, is_held_out, make_scene
from data.scenes.full import FullLevel
from data.generate import command
from minimolmo.flow import Annotation, Thing
from minimolmo.text.points import points_to_text

ASKED = (4, 6)
FEW = 4           # things that one answer lists at the most
FACED = (2, 5)    # things of a kind that are gone through one by one

Talk = tuple[str, str]  # question and answer


def compose(level: FullLevel, split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene and about five questions, each answered with points inside the sentences."""
    while True:
        scene = make_scene(split, rng)
        offered = [pair for talk in rng.sample(TALKS, len(TALKS))
                   for pair in _few(_fitting(talk(scene, rng), scene, split), rng)]
        if offered:
            return scene, [Annotation("point_explanations", question=question, answer=answer)
                           for question, answer in offered[:rng.randint(*ASKED)]]


def _fitting(pairs: list[Talk], scene: FullScene, split: str) -> list[Talk]:
    """In `novel` those that name a held-out pair."""
    unseen = [name(thing) for thing in scene.things if is_held_out(thing)]
    return [(q, a) for q, a in pairs if split != "novel" or any(label in q + a for label in unseen)]


def _few(pairs: list[Talk], rng: random.Random) -> list[Talk]:
    return rng.sample(pairs, min(2, len(pairs)))


def _say(questions: tuple[str, ...], answers: tuple[str, ...], rng: random.Random, **slots: str) -> Talk:
    """A question and an answer, each in one of its wordings. No answer begins with a tag."""
    return tuple(sentence(rng.choice(wordings).format(**slots)) for wordings in (questions, answers))


def tag(things: list[Thing] | tuple[Thing, ...], label: str) -> str:
    """The words with points to the things behind them."""
    return points_to_text([(thing.x, thing.y) for thing in things], label, label)


def one(thing: Thing) -> str:
    """Its name, pointed at; the article stands outside."""
    return tag([thing], name(thing))


def together(things: list[Thing] | tuple[Thing, ...], called: Callable[[Thing], Wish] = wish_of) -> dict:
    """{seen}: "a red cup and two keys", where things of one name share a tag; {there}: "there is"."""
    groups: dict[Wish, list[Thing]] = {}
    for thing in sorted(things, key=lambda thing: thing.x):
        groups.setdefault(called(thing), []).append(thing)
    seen = [tag(group, _counted(wish, len(group))) for wish, group in groups.items()]
    several = len(next(iter(groups.values()))) > 1
    return {"seen": listed(seen), "there": "there are" if several else "there is"}


def _counted(wish: Wish, number: int) -> str:
    return with_article(noun(wish)) if number == 1 else f"{NUMBERS[number]} {noun(wish, several=True)}"


def beside(scene, rng) -> list[Talk]:
    """What lies where, seen from a thing."""
    found = []
    for anchor in alone(scene):
        for way, step in WAYS.items():
            there = clearly(step, anchor, scene.things)
            if 1 <= len(there) <= FEW:
                found.append(_say(words.BESIDE, words.BESIDE_ANSWERS, rng, way=way, one=name(anchor),
                                  anchor=one(anchor), **together(there)))
    return found


def larger(scene, rng) -> list[Talk]:
    """Which of two is larger, and where both are."""
    known, found = alone(scene), []
    for large in known:
        for small in known:
            if area(scene, large) > LARGER * area(scene, small):
                a, b = rng.sample((name(large), name(small)), 2)
                found.append(_say(words.LARGER, words.LARGER_ANSWERS, rng, a=a, b=b,
                                  large=one(large), small=one(small)))
    return found


def count(scene, rng) -> list[Talk]:
    """How many, and what colours they have."""
    found = []
    for kind, n in Counter(thing.kind for thing in scene.things).items():
        if FACED[0] <= n <= FACED[1]:
            things = sorted((thing for thing in scene.things if thing.kind == kind), key=lambda t: t.x)
            each = [f"{tag([thing], f'one {where(thing)}')} is {thing.color}" for thing in things]
            found.append(_say(words.COUNT, words.COUNT_ANSWERS, rng, n=NUMBERS[n], many=KINDS[kind].plural,
                              each=listed(each)))
    return found


def covered(scene, rng) -> list[Talk]:
    """What hides what."""
    return [_say(words.COVERED, words.COVERED_ANSWERS, rng, back=name(back), front=one(front),
                 behind=one(back)) for front, back in hidden_pairs(scene)]


def reads(scene, rng) -> list[Talk]:
    """What the signs say, and where they are."""
    signs = sorted((thing for thing in scene.things if thing.word), key=lambda thing: thing.x)
    if not signs:
        return [_say(words.READS, words.NO_TEXT, rng)]
    each = [f'{tag([sign], with_article(f"{sign.color} sign"))} that says "{sign.word}"' for sign in signs]
    return [_say(words.READS, words.READS_ANSWERS, rng, signs=listed(each), there="there is")]


def shares_color(scene, rng) -> list[Talk]:
    """Everything of one colour."""
    found = []
    for color in sorted({thing.color for thing in scene.things}):
        things = [thing for thing in scene.things if thing.color == color]
        if len(things) <= FEW:
            found.append(_say(words.SHARES_COLOR, words.SHARES_COLOR_ANSWERS, rng, color=color,
                              **together(things, lambda thing: Wish(kind=thing.kind))))
    return found


def nothing(scene, rng) -> list[Talk]:
    """Asked for what is not there: said so, and pointed at something else."""
    kinds = {thing.kind for thing in scene.things}
    missing = rng.choice([kind for kind in KINDS if kind not in kinds])
    question, answer = _say(words.NOTHING, words.NOTHING_ANSWERS, rng, one=missing,
                            a_one=with_article(missing))
    if known := alone(scene):
        thing = rng.choice(known)
        answer += rng.choice(words.BUT).format(near=tag([thing], with_article(name(thing))), at=where(thing))
    return [(question, answer)]


TALKS = (beside, larger, count, covered, reads, shares_color, nothing)


if __name__ == "__main__":
    command({"point_explanations": compose})
