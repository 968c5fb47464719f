"""ask_model_anything at level full: free questions of more than twenty types about one picture.

A type is a function (scene, rng) -> questions it can ask of this scene, each with its one right answer.
"""
from __future__ import annotations

import itertools
import random
from collections import Counter

from data.ask_model_anything import wordings as words
from data.ask_model_anything.question_template import Ask
from data.scenes.easy_wording import NUMBERS, WAYS, ahead, sentence, with_article
from data.scenes.objects import KINDS
from data.scenes.full_wording import (CLEAR, LARGER, absent, alone, area, clearly, extremes, hidden_pairs, matching, name,
                          noun, relations, sizes, where, wishes_of)
from data.scenes.full import FullScene, Wish, is_held_out, make_scene
from minimolmo.flow import Annotation

ASKED = (11, 16)


def compose(split: str, rng: random.Random) -> tuple[FullScene, list[Annotation]]:
    """One scene and about ten questions, of as many types as it allows."""
    scene = make_scene(split, rng)
    asks = []
    for questions in rng.sample(TYPES, len(TYPES)):
        offered = [ask for ask in questions(scene, rng) if split != "novel" or _touches_held_out(ask, scene)]
        asks += rng.sample(offered, min(1, len(offered)))
    return scene, [ask.say(rng) for ask in asks[:rng.randint(*ASKED)]]


def _touches_held_out(ask: Ask, scene: FullScene) -> bool:
    return any(name(thing) in f"{ask.subject} {ask.answer}" for thing in scene.things if is_held_out(thing))


def _only(scene: FullScene, wish: Wish) -> bool:
    return len(matching(scene, wish)) == 1


def color_of(scene, rng) -> list[Ask]:
    """The colour of the one thing of a kind."""
    return [Ask(words.COLOR_OF, t.kind, t.color) for t in scene.things if _only(scene, Wish(kind=t.kind))]


def kind_of(scene, rng) -> list[Ask]:
    """What the one thing of a colour is."""
    return [Ask(words.KIND_OF, t.color, t.kind) for t in scene.things if _only(scene, Wish(color=t.color))]


def place_of_thing(scene, rng) -> list[Ask]:
    """In which ninth of the picture a thing is."""
    return [Ask(words.PLACE_OF_THING, name(t), where(t)) for t in alone(scene)]


def what_is_at(scene, rng) -> list[Ask]:
    """What is in a ninth that holds one thing alone."""
    count = Counter(where(t) for t in scene.things)
    return [Ask(words.WHAT_IS_AT, where(t), with_article(name(t)))
            for t in scene.things if count[where(t)] == 1]


def pattern_of(scene, rng) -> list[Ask]:
    """Plain, striped or dotted."""
    return [Ask(words.PATTERN_OF, f"{t.color} {t.kind}", t.pattern) for t in alone(scene)]


def with_pattern(scene, rng) -> list[Ask]:
    """What the one striped (or dotted) thing is."""
    return [Ask(words.WITH_PATTERN, t.pattern, with_article(f"{t.color} {t.kind}")) for t in scene.things
            if t.pattern != "plain" and _only(scene, Wish(pattern=t.pattern))]


def presence(scene, rng) -> list[Ask]:
    """Is there one? As often yes as no, and each "no" is a near miss."""
    if rng.random() < 0.5:
        return [Ask(words.PRESENCE, with_article(f"{t.color} {t.kind}"), "yes") for t in scene.things]
    return [Ask(words.PRESENCE, with_article(noun(w)), "no")
            for w in absent(scene, rng, held_out=False) if w.color and w.kind]


def presence_of_kind(scene, rng) -> list[Ask]:
    """The same for a kind alone."""
    if rng.random() < 0.5:
        return [Ask(words.PRESENCE_OF_KIND, KINDS[t.kind].plural, "yes") for t in scene.things]
    kinds = {t.kind for t in scene.things}
    return [Ask(words.PRESENCE_OF_KIND, kind.plural, "no")
            for word, kind in KINDS.items() if word not in kinds]


def relation_check(scene, rng) -> list[Ask]:
    """Is the cup left of the tree? Each "yes" comes with its "no", the other way round."""
    twos = itertools.permutations(alone(scene), 2)
    return [Ask(words.IS_IT, f"the {name(a)} {side} the {name(b)}",
                "yes" if ahead(a, b, way) > 0 else "no")
            for (side, way), (a, b) in itertools.product(WAYS.items(), twos) if abs(ahead(a, b, way)) > CLEAR]


def beside(scene, rng) -> list[Ask]:
    """What is left of the tree? Where just one thing is, and all others clearly are not."""
    asks = []
    for anchor, (side, way) in itertools.product(alone(scene), WAYS.items()):
        there = clearly(way, anchor, scene.things)
        if len(there) == 1:
            asks.append(Ask(words.BESIDE, f"{side} the {name(anchor)}", with_article(name(there[0]))))
    return asks


def extreme(scene, rng) -> list[Ask]:
    """What colour is the largest cup?"""
    return [Ask(words.EXTREME, r.one, r.things[0].color) for r in extremes(scene)
            if not any(color in r.one for color in {t.color for t in scene.things})]


def largest(scene, rng) -> list[Ask]:
    """The largest or the smallest of all."""
    return [Ask(words.LARGEST, word, with_article(name(t))) for word, t in sizes(scene, scene.things)]


def larger_check(scene, rng) -> list[Ask]:
    """Is the cup larger than the tree?"""
    pairs = itertools.permutations(alone(scene), 2)
    sizes = [(a, b, area(scene, a) / area(scene, b)) for a, b in pairs]
    return [Ask(words.IS_IT, f"the {name(a)} larger than the {name(b)}", "yes" if ratio > 1 else "no")
            for a, b, ratio in sizes if ratio > LARGER or 1 / ratio > LARGER]


def compare_numbers(scene, rng) -> list[Ask]:
    """Are there more cups or more trees?"""
    count = Counter(t.kind for t in scene.things)
    many = {kind: KINDS[kind].plural for kind in count}
    return [Ask(words.COMPARE_NUMBERS, f"{many[a]} or {many[b]}", many[max(a, b, key=count.get)])
            for a, b in itertools.permutations(count, 2) if count[a] != count[b]]


def how_many(scene, rng) -> list[Ask]:
    """A small number, in a word."""
    wishes = sorted({wish for t in scene.things for wish in wishes_of(t)})
    return [Ask(words.HOW_MANY, noun(w, True), NUMBERS[len(matching(scene, w))]) for w in wishes]


def total(scene, rng) -> list[Ask]:
    """All things together."""
    return [Ask(words.TOTAL, "things", NUMBERS[len(scene.things)])]


def reads(scene, rng) -> list[Ask]:
    """What a sign says."""
    return [Ask(words.READS, f"{t.color} sign", t.word) for t in alone(scene) if t.word]


def says(scene, rng) -> list[Ask]:
    """Which sign says a word."""
    signs = Counter(t.word for t in scene.things)
    return [Ask(words.SAYS, t.word, t.color) for t in scene.things if t.word and signs[t.word] == 1]


def in_front(scene, rng) -> list[Ask]:
    """What hides part of a thing."""
    fronts = Counter(back for _, back in scene.hides)
    return [Ask(words.IN_FRONT, name(back), with_article(name(front))) for front, back in hidden_pairs(scene)
            if fronts[scene.things.index(back)] == 1]


def setting(scene, rng) -> list[Ask]:
    """What is behind everything."""
    asked = rng.choice(("setting", "background", "scenery"))
    return [Ask(words.SETTING, asked, words.SETTING_WORDS[scene.setting])]


def same_color(scene, rng) -> list[Ask]:
    """Do two things have the same colour?"""
    known = [t for t in scene.things if _only(scene, Wish(kind=t.kind))]
    asks = [Ask(words.SAME_COLOR, f"the {a.kind} and the {b.kind}", "yes" if a.color == b.color else "no")
            for a, b in itertools.combinations(known, 2)]
    answer = rng.choice(("yes", "no"))  # equal colours are rare: else "no" would nearly always be right
    return [ask for ask in asks if ask.answer == answer]


def nearest(scene, rng) -> list[Ask]:
    """What is closest to a thing, by a clear margin (in pixels, as the eye sees it)."""
    asks = []
    for thing in alone(scene):
        far = {t: ((t.x - thing.x) * scene.width) ** 2 + ((t.y - thing.y) * scene.height) ** 2
               for t in scene.things if t != thing}
        order = sorted(far, key=far.get)
        if len(order) > 1 and far[order[1]] > 2 * far[order[0]]:
            asks.append(Ask(words.NEAREST, name(thing), with_article(name(order[0]))))
    return asks


def describe(scene, rng) -> list[Ask]:
    """A thing in a sentence: colour, pattern, place."""
    known = [thing for thing in scene.things if _only(scene, Wish(kind=thing.kind))]
    return [Ask(words.DESCRIBE, t.kind, sentence(rng.choice(words.SENTENCES).format(
        kind=t.kind, color=t.color, pattern=t.pattern, with_it=words.WITH_IT[t.pattern], at=where(t))))
        for t in known]


def most_common(scene, rng) -> list[Ask]:
    """The colour or the kind that occurs most."""
    asks = []
    shared = {"color": [t.color for t in scene.things], "kind of thing": [t.kind for t in scene.things]}
    for word, values in shared.items():
        (first, n), *rest = Counter(values).most_common(2)
        if not rest or n > rest[0][1]:
            asks.append(Ask(words.MOST_COMMON, word, first))
    return asks


def between(scene, rng) -> list[Ask]:
    """Things a relation picks out, by number."""
    return [Ask(words.BETWEEN, r.several, NUMBERS[len(r.things)]) for r in relations(scene)]


def unanswerable(scene, rng) -> list[Ask]:
    """What no picture tells: the honest answer is to say so."""
    kinds = {t.kind for t in scene.things if _only(scene, Wish(kind=t.kind))}
    return [Ask((template.replace("{one}", "{}"),), kind, rng.choice(words.UNKNOWN_ANSWERS))
            for template, asked in words.UNKNOWN.items() for kind in asked if kind in kinds]


TYPES = (color_of, kind_of, place_of_thing, what_is_at, pattern_of, with_pattern, presence, presence_of_kind,
         relation_check, beside, extreme, largest, larger_check, compare_numbers, how_many, total, reads,
         says, in_front, setting, same_color, nearest, describe, most_common, between, unanswerable)
