"""Words for scenes of level full: names, regions, sizes, relations and referring expressions.

All facts come from the scene's objects. Doubtful cases are left out: two sizes that are nearly equal, or an
object that is hardly further left than another. MIN_OFFSET and MIN_AREA_RATIO are the margins.
"""
from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import NamedTuple

from data.scenes.easy_wording import DIRECTIONS, offset_along, place_of, with_preposition
from data.scenes.full import FullScene, ObjectSpec, is_held_out, matches_spec
from data.scenes.objects import COLORS, KINDS
from minimolmo.flow import Thing

MIN_OFFSET = 6.0     # percent between two centres, at least, for "left of", "above" and the like
MIN_AREA_RATIO = 1.5    # ratio of two areas, at least, for "larger"
OUTERMOST = {"leftmost": (-1, 0), "rightmost": (1, 0), "highest": (0, -1), "lowest": (0, 1)}


class ReferringExpression(NamedTuple):
    """A phrase without article, and the objects that it refers to."""
    singular: str       # "red boat left of the tree"
    plural: str   # "red boats left of the tree"
    things: tuple[Thing, ...]


def spec_text(spec: ObjectSpec, plural: bool = False) -> str:
    """A spec in words, pattern first: "striped red balloons", "red things", "fish"."""
    word = spec.kind or "thing"
    if plural:
        word = KINDS[spec.kind].plural if spec.kind else "things"
    pattern = spec.pattern if spec.pattern != "plain" else "plain" * bool(spec.pattern)
    return " ".join(part for part in (pattern, spec.color, word) if part)


def spec_of(thing: Thing) -> ObjectSpec:
    """The spec of an object's full name. The pattern "plain" is not part of a name."""
    return ObjectSpec(thing.color, "" if thing.pattern == "plain" else thing.pattern, thing.kind)


def thing_text(thing: Thing) -> str:
    """Pattern (unless plain), colour and kind of an object: "dotted blue cup"."""
    return spec_text(spec_of(thing))


def matching_things(scene: FullScene, spec: ObjectSpec) -> tuple[Thing, ...]:
    """The objects that match the spec."""
    return tuple(thing for thing in scene.things if matches_spec(thing, spec))


def specs_for(thing: Thing) -> list[ObjectSpec]:
    """All specs by which an object can be named."""
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
    """All referring expressions that use attributes only, for one object or several."""
    specs = sorted({spec for thing in scene.things for spec in specs_for(thing)})
    return [
        ReferringExpression(spec_text(spec), spec_text(spec, plural=True), matching_things(scene, spec))
        for spec in specs
    ]


def unambiguous_things(scene: FullScene) -> list[Thing]:
    """Objects whose colour and kind no other object shares, so that a name identifies them."""
    count = Counter((thing.color, thing.kind) for thing in scene.things)
    return [thing for thing in scene.things if count[thing.color, thing.kind] == 1]


def box_pixels(scene: FullScene, thing: Thing) -> float:
    """The area of an object's box in pixels."""
    return thing.width * scene.width * thing.height * scene.height / 1e4


def unambiguous_things_on_side(direction: tuple[int, int], anchor: Thing,
                               things: tuple[Thing, ...]) -> tuple[Thing, ...]:
    """The objects on this side of the anchor; empty if the side of any object is in doubt."""
    offsets = [(offset_along(thing, anchor, direction), thing) for thing in things if thing != anchor]
    if any(abs(offset) <= MIN_OFFSET for offset, _ in offsets):
        return ()
    return tuple(thing for offset, thing in offsets if offset > MIN_OFFSET)


def relation_expressions(scene: FullScene) -> list[ReferringExpression]:
    """Expressions such as "boats left of the tree": the anchor is unambiguous, and no side is in doubt."""
    found = []
    specs = sorted(
        {spec
         for t in scene.things
         for spec in (ObjectSpec(kind=t.kind), ObjectSpec(t.color, "", t.kind))})
    for anchor, spec, (relation, direction) in itertools.product(unambiguous_things(scene), specs,
                                                                 DIRECTIONS.items()):
        things = matching_things(scene, spec)
        on_side = unambiguous_things_on_side(direction, anchor, things)
        if on_side and len(on_side) < len(things):
            phrase = f" {relation} the {anchor.color} {anchor.kind}"
            found.append(
                ReferringExpression(spec_text(spec) + phrase,
                                    spec_text(spec, True) + phrase, on_side))
    return found


def superlative_expressions(scene: FullScene) -> list[ReferringExpression]:
    """Expressions such as "largest cup" or "leftmost red boat": one of several, by a clear margin."""
    found = []
    for expression in attribute_expressions(scene):
        if len(expression.things) < 2 or expression.singular.startswith("plain"):
            continue
        for superlative, thing in [
                *_outermost_things(expression.things), *largest_and_smallest(scene, expression.things)
        ]:
            phrase = f"{superlative} {expression.singular}"  # "largest cups" would be several
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
    """("largest", object) and ("smallest", object) of two objects or more, where the margin is clear."""
    by_area = sorted(things, key=lambda thing: box_pixels(scene, thing))
    found = []
    if box_pixels(scene, by_area[-1]) > MIN_AREA_RATIO * box_pixels(scene, by_area[-2]):
        found.append(("largest", by_area[-1]))
    if MIN_AREA_RATIO * box_pixels(scene, by_area[0]) < box_pixels(scene, by_area[1]):
        found.append(("smallest", by_area[0]))
    return found


def occluded_pairs(scene: FullScene) -> list[tuple[Thing, Thing]]:
    """(front, back) pairs where the front object hides part of the back one, and both are unambiguous."""
    nameable = unambiguous_things(scene)
    pairs = [(scene.things[front], scene.things[back]) for front, back in scene.occlusions]
    return [(front, back) for front, back in pairs if front in nameable and back in nameable]


def absent_specs(scene: FullScene, rng: random.Random, allow_held_out: bool,
                 max_specs: int = 20) -> list[ObjectSpec]:
    """Specs that match no object, near misses first: the colour of one object with the kind of another.

    allow_held_out  whether pairs that never occur in training may be named
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
    """The object's size in the image as a word; "" for an ordinary size."""
    share = box_pixels(scene, thing) / (scene.width * scene.height)
    return "tiny" if share < 0.002 else "small" if share < 0.006 else "big" if share > 0.06 else ""


def place_phrase(thing: Thing) -> str:
    """The object's region with its preposition: "at the top left"."""
    return with_preposition(place_of(thing))


def join_with_and(items: list[str]) -> str:
    """Join words into a list: "a cup, a key and a hat"."""
    return " and ".join([", ".join(items[:-1])] * (len(items) > 1) + items[-1:])
