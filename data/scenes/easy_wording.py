"""A scene's facts and their words: places, names, numbers; and the way back, from free text to facts.

A fact is (colour, kind, place): ("red", "circle", "top left"). Every sentence of our captions obeys one rule,
the only one `read_facts` needs: **within a sentence, the n-th thing goes with the n-th place.**
"""
from __future__ import annotations

import re

from data.scenes.easy import COLORS, KINDS, EasyLevel, Pair
from minimolmo.flow import Point, Thing

Fact = tuple[str, str, str]  # colour, kind, place
Label = tuple[str, str]      # colour, kind; "" = any

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
           "twelve", "thirteen", "fourteen", "fifteen", "sixteen")
WAYS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}
PLACES = (("top left", "top", "top right"),
          ("left", "center", "right"),
          ("bottom left", "bottom", "bottom right"))
PLACE_WORDS = tuple(place for row in PLACES for place in row)


def place_of(thing: Thing) -> str:
    """Which ninth of the picture its centre is in.

    >>> place_of(Thing("circle", "red", x=10.0, y=50.0, width=20.0, height=20.0))
    'left'
    """
    return PLACES[int(thing.y * 3 // 100)][int(thing.x * 3 // 100)]


def at(place: str) -> str:
    """A place with its preposition: "at the top left", "on the left", "in the center"."""
    return f"{ {'left': 'on', 'right': 'on', 'center': 'in'}.get(place, 'at')} the {place}"


def name(label: Label, several: bool = False) -> str:
    """A label in words.

    >>> name(("red", "circle")), name(("red", ""), several=True), name(("", "cross"), several=True)
    ('red circle', 'red shapes', 'crosses')
    """
    color, kind = label
    noun = kind or "shape"
    plural = ("es" if noun.endswith("s") else "s") if several else ""
    return f"{color} {noun}{plural}".strip()


def a_thing(pair: Pair) -> str:
    """With its article: "a red circle", "an orange cross"."""
    return with_article(name(pair))


def with_article(words: str) -> str:
    """"a red car", "an orange cat"."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def sentence(text: str) -> str:
    """With its capital."""
    return text[0].upper() + text[1:]


def ahead(a: Thing, b: Thing, way: tuple[int, int]) -> float:
    """How far `a` lies from `b` in a direction, in percent."""
    return way[0] * (a.x - b.x) + way[1] * (a.y - b.y)


def matching(things, label: Label) -> list[Thing]:
    """The things a label means."""
    color, kind = label
    return [thing for thing in things if color in ("", thing.color) and kind in ("", thing.kind)]


def labels_of(pair: Pair) -> list[Label]:
    """Every label that means a thing of this pair: "red circle", "red shape", "circle", "shape"."""
    color, kind = pair
    return [(color, kind), (color, ""), ("", kind), ("", "")]


def absent_labels(things, level: EasyLevel, split: str) -> list[Label]:
    """Labels that match nothing here. Pairs of another split are not even named."""
    pairs = level.held_out if split == "novel" else level.pairs
    alone = [] if split == "novel" else [(c, "") for c in level.colors] + [("", k) for k in level.kinds]
    return [label for label in [*pairs, *alone] if not matching(things, label)]


def points_of(things) -> tuple[Point, ...]:
    """Where to point: the centre of each."""
    return tuple((thing.x, thing.y) for thing in things)


def facts_of(things) -> set[Fact]:
    """All that a caption should say."""
    return {(thing.color, thing.kind, place_of(thing)) for thing in things}


# The longest words first, or "top left" would be read as "top"; with "the", or "left of it" would be a place.
_FACT_WORDS = re.compile(rf"\b(?:({'|'.join(COLORS)}) ({'|'.join(KINDS)})"
                         rf"|the ({'|'.join(sorted(PLACE_WORDS, key=len, reverse=True))}))\b")


def read_facts(text: str) -> set[Fact]:
    """Free text to facts: within a sentence, the n-th thing goes with the n-th place.

    >>> sorted(read_facts("On the left is a blue, sorry, a red circle. A blue star."))
    [('red', 'circle', 'left')]
    """
    facts = set()
    for sentence in re.split(r"[.!?\n]", text.lower()):
        found = _FACT_WORDS.findall(sentence)
        pairs = [(color, kind) for color, kind, place in found if not place]
        places = [place for _, _, place in found if place]
        facts |= {(*pair, place) for pair, place in zip(pairs, places)}
    return facts
