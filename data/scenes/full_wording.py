"""What is so in a scene of level full, and how people say it: names, places, sizes, relations, references.

Everything here is read off the scene's record. Where the eye could doubt (two sizes nearly equal, one thing
hardly further left than another), nothing is said: `CLEAR` and `LARGER` are the margins.
"""
from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import NamedTuple

from data.scenes.easy_wording import WAYS, ahead, at, place_of
from data.scenes.objects import COLORS, KINDS
from data.scenes.full import FullScene, Wish, is_held_out, meets
from minimolmo.flow import Thing

CLEAR = 6.0     # percent by which a centre must be further left, right, up or down to be called so
LARGER = 1.5    # times the area that a thing must have to be called larger
ENDS = {"leftmost": (-1, 0), "rightmost": (1, 0), "highest": (0, -1), "lowest": (0, 1)}


class Reference(NamedTuple):
    """A phrase without article and the things it means: "red boats left of the tree"."""
    one: str       # "red boat left of the tree"
    several: str   # "red boats left of the tree"
    things: tuple[Thing, ...]


def noun(wish: Wish, several: bool = False) -> str:
    """A wish in words, its pattern first: "striped red balloons", "red things", "fish"."""
    word = wish.kind or "thing"
    if several:
        word = KINDS[wish.kind].plural if wish.kind else "things"
    pattern = wish.pattern if wish.pattern != "plain" else "plain" * bool(wish.pattern)
    return " ".join(part for part in (pattern, wish.color, word) if part)


def wish_of(thing: Thing) -> Wish:
    """Everything a name says of a thing; that it is plain goes without saying."""
    return Wish(thing.color, "" if thing.pattern == "plain" else thing.pattern, thing.kind)


def name(thing: Thing) -> str:
    """Colour, kind and, where it has one, pattern: "dotted blue cup"."""
    return noun(wish_of(thing))


def matching(scene: FullScene, wish: Wish) -> tuple[Thing, ...]:
    """The things that are what the wish says."""
    return tuple(thing for thing in scene.things if meets(thing, wish))


def wishes_of(thing: Thing) -> list[Wish]:
    """Every way to name what this thing is one of."""
    wishes = [Wish(thing.color, "", thing.kind), Wish("", "", thing.kind), Wish(thing.color, "", "")]
    if thing.pattern != "plain":
        wishes += [wish_of(thing), Wish("", thing.pattern, thing.kind), Wish("", thing.pattern, "")]
    return wishes


def plain_references(scene: FullScene) -> list[Reference]:
    """Everything that a name alone means, several things or one."""
    wishes = sorted({wish for thing in scene.things for wish in wishes_of(thing)})
    return [Reference(noun(wish), noun(wish, several=True), matching(scene, wish)) for wish in wishes]


def alone(scene: FullScene) -> list[Thing]:
    """Things whose colour and kind no other thing has: they can be named without doubt."""
    count = Counter((thing.color, thing.kind) for thing in scene.things)
    return [thing for thing in scene.things if count[thing.color, thing.kind] == 1]


def area(scene: FullScene, thing: Thing) -> float:
    """Of its box, in pixels."""
    return thing.width * scene.width * thing.height * scene.height / 1e4


def clearly(way: tuple[int, int], anchor: Thing, things: tuple[Thing, ...]) -> tuple[Thing, ...]:
    """Those of the things, the anchor aside, that lie on this side of it; none if any one is in doubt."""
    gaps = [(ahead(thing, anchor, way), thing) for thing in things if thing != anchor]
    if any(abs(gap) <= CLEAR for gap, _ in gaps):
        return ()
    return tuple(thing for gap, thing in gaps if gap > CLEAR)


def relations(scene: FullScene) -> list[Reference]:
    """"boats left of the tree": the tree is known by its name, and each boat clearly is left of it or not."""
    found = []
    wishes = sorted({wish for t in scene.things for wish in (Wish(kind=t.kind), Wish(t.color, "", t.kind))})
    for anchor, wish, (words, way) in itertools.product(alone(scene), wishes, WAYS.items()):
        things = matching(scene, wish)
        there = clearly(way, anchor, things)
        if there and len(there) < len(things):
            tail = f" {words} the {anchor.color} {anchor.kind}"
            found.append(Reference(noun(wish) + tail, noun(wish, True) + tail, there))
    return found


def extremes(scene: FullScene) -> list[Reference]:
    """"largest cup", "leftmost red boat": one of several, by a clear margin."""
    found = []
    for reference in plain_references(scene):
        if len(reference.things) < 2 or reference.one.startswith("plain"):
            continue
        for word, thing in [*_ends(reference.things), *sizes(scene, reference.things)]:
            phrase = f"{word} {reference.one}"  # "largest cups" would be said of several
            found.append(Reference(phrase, phrase, (thing,)))
    return found


def _ends(things: tuple[Thing, ...]) -> list[tuple[str, Thing]]:
    found = []
    for word, way in ENDS.items():
        first, second = sorted(things, key=lambda t: -(way[0] * t.x + way[1] * t.y))[:2]
        if ahead(first, second, way) > CLEAR:
            found.append((word, first))
    return found


def sizes(scene: FullScene, things: tuple[Thing, ...]) -> list[tuple[str, Thing]]:
    """The largest and the smallest of two things or more, where the margin is clear."""
    order = sorted(things, key=lambda thing: area(scene, thing))
    found = []
    if area(scene, order[-1]) > LARGER * area(scene, order[-2]):
        found.append(("largest", order[-1]))
    if LARGER * area(scene, order[0]) < area(scene, order[1]):
        found.append(("smallest", order[0]))
    return found


def hidden_pairs(scene: FullScene) -> list[tuple[Thing, Thing]]:
    """(front, back) where the front thing hides part of the back one; both can be named."""
    known = alone(scene)
    pairs = [(scene.things[front], scene.things[back]) for front, back in scene.hides]
    return [(front, back) for front, back in pairs if front in known and back in known]


def absent(scene: FullScene, rng: random.Random, held_out: bool, most: int = 20) -> list[Wish]:
    """Names that mean nothing here, near misses first: the colour of one thing with the kind of another.

    held_out  whether pairs that training never shows may be named
    most      how many at most
    """
    near = {Wish(a.color, "", b.kind) for a in scene.things for b in scene.things}
    far = {Wish("", "", rng.choice(list(KINDS))) for _ in range(3)}
    far |= {Wish(rng.choice(list(COLORS)), "", rng.choice(list(KINDS))) for _ in range(3)}
    groups = [sorted(near), sorted(far)]
    for group in groups:
        rng.shuffle(group)
    wishes = [wish for group in groups for wish in group if not matching(scene, wish)]
    return [wish for wish in wishes if held_out or not is_held_out(wish)][:most]


def size_word(scene: FullScene, thing: Thing) -> str:
    """How large it looks in the picture; "" for the usual."""
    share = area(scene, thing) / (scene.width * scene.height)
    return "tiny" if share < 0.002 else "small" if share < 0.006 else "big" if share > 0.06 else ""


def where(thing: Thing) -> str:
    """Its ninth of the picture, with a preposition: "at the top left"."""
    return at(place_of(thing))


def listed(parts: list[str]) -> str:
    """"a cup, a key and a hat"."""
    return " and ".join([", ".join(parts[:-1])] * (len(parts) > 1) + parts[-1:])
