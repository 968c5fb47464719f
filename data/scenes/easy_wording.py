"""Words for simple scenes (labels, regions, captions' facts), and the parser that reads facts back.

A fact is (colour, kind, region): ("red", "circle", "top left"). All captions follow one rule, and
`parse_facts` needs no other: **within a sentence, the n-th object goes with the n-th region.**
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from data.scenes.easy import COLORS, KINDS, EasyLevel, Pair
from minimolmo.flow import Point, Thing

Fact = tuple[str, str, str]  # colour, kind, region
Label = tuple[str, str]      # colour, kind; "" = any

NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
                "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen")
DIRECTIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}
REGIONS = (("top left", "top", "top right"),
           ("left", "center", "right"),
           ("bottom left", "bottom", "bottom right"))
REGION_NAMES = tuple(region for row in REGIONS for region in row)


def region_of(thing: Thing) -> str:
    """The cell of a 3 x 3 grid in which the object's centre lies.

    >>> region_of(Thing("circle", "red", x=10.0, y=50.0, width=20.0, height=20.0))
    'left'
    """
    return REGIONS[int(thing.y * 3 // 100)][int(thing.x * 3 // 100)]


def region_phrase(region: str) -> str:
    """A region with its preposition: "at the top left", "on the left", "in the center"."""
    return f"{ {'left': 'on', 'right': 'on', 'center': 'in'}.get(region, 'at')} the {region}"


def label_text(label: Label, plural: bool = False) -> str:
    """A label in words, singular or plural.

    >>> label_text(("red", "circle")), label_text(("", "cross"), plural=True)
    ('red circle', 'crosses')
    """
    color, kind = label
    noun = kind or "shape"
    suffix = ("es" if noun.endswith("s") else "s") if plural else ""
    return f"{color} {noun}{suffix}".strip()


def pair_with_article(pair: Pair) -> str:
    """A pair with its article: "a red circle", "an orange cross"."""
    return with_article(label_text(pair))


def with_article(words: str) -> str:
    """The words with "a" or "an" before them: "a red car", "an orange cat"."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def capitalise(text: str) -> str:
    """The text with a capital first letter."""
    return text[0].upper() + text[1:]


def offset_along(a: Thing, b: Thing, direction: tuple[int, int]) -> float:
    """How far `a` lies beyond `b` in a direction, in percent of the image."""
    return direction[0] * (a.x - b.x) + direction[1] * (a.y - b.y)


def matching_things(things: Iterable[Thing], label: Label) -> list[Thing]:
    """The objects that a label refers to."""
    color, kind = label
    return [thing for thing in things if color in ("", thing.color) and kind in ("", thing.kind)]


def labels_for_pair(pair: Pair) -> list[Label]:
    """All labels that refer to an object of this pair: "red circle", "red shape", "circle", "shape"."""
    color, kind = pair
    return [(color, kind), (color, ""), ("", kind), ("", "")]


def absent_labels(things: Sequence[Thing], level: EasyLevel, split: str) -> list[Label]:
    """Labels that match no object here. Pairs of another split are never named."""
    pairs = level.held_out if split == "novel" else level.pairs
    single_attributes = [(color, "") for color in level.colors] + [("", kind) for kind in level.kinds]
    if split == "novel":
        single_attributes = []
    return [label for label in [*pairs, *single_attributes] if not matching_things(things, label)]


def points_of(things: Iterable[Thing]) -> tuple[Point, ...]:
    """The centre of each object, in percent."""
    return tuple((thing.x, thing.y) for thing in things)


def facts_of(things: Iterable[Thing]) -> set[Fact]:
    """The facts of a scene: all that a caption should say."""
    return {(thing.color, thing.kind, region_of(thing)) for thing in things}


# Longest names first, so that "top left" is not read as "top". "the" excludes phrases such as "left of it".
_FACT_WORDS = re.compile(rf"\b(?:({'|'.join(COLORS)}) ({'|'.join(KINDS)})"
                         rf"|the ({'|'.join(sorted(REGION_NAMES, key=len, reverse=True))}))\b")


def parse_facts(text: str) -> set[Fact]:
    """Parse free text into facts: within a sentence, the n-th object goes with the n-th region.

    >>> sorted(parse_facts("On the left is a blue, sorry, a red circle. A blue star."))
    [('red', 'circle', 'left')]
    """
    facts = set()
    for text_of_sentence in re.split(r"[.!?\n]", text.lower()):
        found = _FACT_WORDS.findall(text_of_sentence)
        pairs = [(color, kind) for color, kind, region in found if not region]
        regions = [region for _, _, region in found if region]
        facts |= {(*pair, region) for pair, region in zip(pairs, regions)}
    return facts
