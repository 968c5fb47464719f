"""What is so in a scene of level full, and how people say it: names, places, sizes, relations, references.

Everything here is read off the scene's record. Where the eye could doubt (two sizes nearly equal, one thing
hardly further left than another), nothing is said: `CLEAR` and `LARGER` are the margins.
"""
from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import NamedTuple

from data.scenes.easy_wording import DIRECTIONS, offset_along, region_of, region_phrase
from data.scenes.full import FullScene, ObjectSpec, is_held_out, matches_spec
from data.scenes.objects import COLORS, KINDS
from minimolmo.flow import Thing

MIN_OFFSET = 6.0     # percent by which a centre must be further left, right, up or down to be called so
MIN_AREA_RATIO = 1.5    # times the area that a thing must have to be called larger
OUTERMOST = {"leftmost": (-1, 0), "rightmost": (1, 0), "highest": (0, -1), "lowest": (0, 1)}


class ReferringExpression(NamedTuple):
    """A phrase without article and the things it means: "red boats left of the tree"."""
    singular: str       # "red boat left of the tree"
    plural: str   # "red boats left of the tree"
    things: tuple[Thing, ...]


def spec_text(spec: ObjectSpec, plural: bool = False) -> str:
    """A wish in words, its pattern first: "striped red balloons", "red things", "fish"."""
    word = spec.kind or "thing"
    if plural:
        word = KINDS[spec.kind].plural if spec.kind else "things"
    pattern = spec.pattern if spec.pattern != "plain" else "plain" * bool(spec.pattern)
    return " ".join(part for part in (pattern, spec.color, word) if part)


def spec_of(thing: Thing) -> ObjectSpec:
    """Everything a name says of a thing; that it is plain goes without saying."""
    return ObjectSpec(thing.color, "" if thing.pattern == "plain" else thing.pattern, thing.kind)


def thing_text(thing: Thing) -> str:
    """Colour, kind and, where it has one, pattern: "dotted blue cup"."""
    return spec_text(spec_of(thing))


def matching_things(scene: FullScene, spec: ObjectSpec) -> tuple[Thing, ...]:
    """The things that are what the wish says."""
    return tuple(thing for thing in scene.things if matches_spec(thing, spec))


def specs_for(thing: Thing) -> list[ObjectSpec]:
    """Every way to name what this thing is one of."""
    specs = [
        ObjectSpec(thing.color, "", thing.kind),
        ObjectSpec("", "", thing.kind),
        ObjectSpec(thing.color, "", "")
    ]
    if thing.pattern != "plain":
        specs += [
            spec_of(thing),
            ObjectSpec("", thing.pattern, thing.kind),
            ObjectSpec("", thing.pattern, "")
        ]
    return specs


def attribute_expressions(scene: FullScene) -> list[ReferringExpression]:
    """Everything that a name alone means, several things or one."""
    specs = sorted({spec for thing in scene.things for spec in specs_for(thing)})
    return [
        ReferringExpression(spec_text(spec), spec_text(spec, plural=True), matching_things(scene, spec))
        for spec in specs
    ]


def unambiguous_things(scene: FullScene) -> list[Thing]:
    """Things whose colour and kind no other thing has: they can be named without doubt."""
    count = Counter((thing.color, thing.kind) for thing in scene.things)
    return [thing for thing in scene.things if count[thing.color, thing.kind] == 1]


def box_area(scene: FullScene, thing: Thing) -> float:
    """Of its box, in pixels."""
    return thing.width * scene.width * thing.height * scene.height / 1e4


def things_on_side(direction: tuple[int, int], anchor: Thing, things: tuple[Thing, ...]) -> tuple[Thing, ...]:
    """Those of the things, the anchor aside, that lie on this side of it; none if any one is in doubt."""
    offsets = [(offset_along(thing, anchor, direction), thing) for thing in things if thing != anchor]
    if any(abs(offset) <= MIN_OFFSET for offset, _ in offsets):
        return ()
    return tuple(thing for offset, thing in offsets if offset > MIN_OFFSET)


def relation_expressions(scene: FullScene) -> list[ReferringExpression]:
    """"boats left of the tree": the tree is known by its name, and each boat clearly is left of it or not."""
    found = []
    specs = sorted(
        {spec
         for t in scene.things
         for spec in (ObjectSpec(kind=t.kind), ObjectSpec(t.color, "", t.kind))})
    for anchor, spec, (relation, direction) in itertools.product(unambiguous_things(scene), specs,
                                                                 DIRECTIONS.items()):
        things = matching_things(scene, spec)
        on_side = things_on_side(direction, anchor, things)
        if on_side and len(on_side) < len(things):
            phrase = f" {relation} the {anchor.color} {anchor.kind}"
            found.append(
                ReferringExpression(spec_text(spec) + phrase,
                                    spec_text(spec, True) + phrase, on_side))
    return found


def superlative_expressions(scene: FullScene) -> list[ReferringExpression]:
    """"largest cup", "leftmost red boat": one of several, by a clear margin."""
    found = []
    for expression in attribute_expressions(scene):
        if len(expression.things) < 2 or expression.singular.startswith("plain"):
            continue
        for superlative, thing in [
                *_outermost_things(expression.things), *largest_and_smallest(scene, expression.things)
        ]:
            phrase = f"{superlative} {expression.singular}"  # "largest cups" would be said of several
            found.append(ReferringExpression(phrase, phrase, (thing,)))
    return found


def _outermost_things(things: tuple[Thing, ...]) -> list[tuple[str, Thing]]:
    found = []
    for superlative, direction in OUTERMOST.items():
        first, second = sorted(things, key=lambda t: -(direction[0] * t.x + direction[1] * t.y))[:2]
        if offset_along(first, second, direction) > MIN_OFFSET:
            found.append((superlative, first))
    return found


def largest_and_smallest(scene: FullScene, things: tuple[Thing, ...]) -> list[tuple[str, Thing]]:
    """The largest and the smallest of two things or more, where the margin is clear."""
    by_area = sorted(things, key=lambda thing: box_area(scene, thing))
    found = []
    if box_area(scene, by_area[-1]) > MIN_AREA_RATIO * box_area(scene, by_area[-2]):
        found.append(("largest", by_area[-1]))
    if MIN_AREA_RATIO * box_area(scene, by_area[0]) < box_area(scene, by_area[1]):
        found.append(("smallest", by_area[0]))
    return found


def occluded_pairs(scene: FullScene) -> list[tuple[Thing, Thing]]:
    """(front, back) where the front thing hides part of the back one; both can be named."""
    nameable = unambiguous_things(scene)
    pairs = [(scene.things[front], scene.things[back]) for front, back in scene.occlusions]
    return [(front, back) for front, back in pairs if front in nameable and back in nameable]


def absent_specs(scene: FullScene, rng: random.Random, allow_held_out: bool,
                 max_specs: int = 20) -> list[ObjectSpec]:
    """Names that mean nothing here, near misses first: the colour of one thing with the kind of another.

    held_out  whether pairs that training never shows may be named
    most      how many at most
    """
    near_misses = {ObjectSpec(a.color, "", b.kind) for a in scene.things for b in scene.things}
    others = {ObjectSpec("", "", rng.choice(list(KINDS))) for _ in range(3)}
    others |= {ObjectSpec(rng.choice(list(COLORS)), "", rng.choice(list(KINDS))) for _ in range(3)}
    groups = [sorted(near_misses), sorted(others)]
    for group in groups:
        rng.shuffle(group)
    specs = [spec for group in groups for spec in group if not matching_things(scene, spec)]
    return [spec for spec in specs if allow_held_out or not is_held_out(spec)][:max_specs]


def size_word(scene: FullScene, thing: Thing) -> str:
    """How large it looks in the picture; "" for the usual."""
    share = box_area(scene, thing) / (scene.width * scene.height)
    return "tiny" if share < 0.002 else "small" if share < 0.006 else "big" if share > 0.06 else ""


def place_phrase(thing: Thing) -> str:
    """Its ninth of the picture, with a preposition: "at the top left"."""
    return region_phrase(region_of(thing))


def join_with_and(items: list[str]) -> str:
    """"a cup, a key and a hat"."""
    return " and ".join([", ".join(items[:-1])] * (len(items) > 1) + items[-1:])
