"""Words for simple scenes: labels, articles, places. The words for facts are in minimolmo/text/facts.py."""
from __future__ import annotations

from collections.abc import Iterable, Sequence

from data.scenes.easy import EasyLevel, Pair
from minimolmo.flow import Point, Thing
from minimolmo.text import facts

Label = tuple[str, str]      # colour, kind; "" = any

COUNT_WORDS = ("no", *facts.NUMBER_WORDS[1:])  # "no circles", "three circles"
DIRECTIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}


def place_of(thing: Thing) -> str:
    """The name of the 3 x 3 grid cell that contains the object's centre.

    >>> place_of(Thing("circle", "red", x=10.0, y=50.0, width=20.0, height=20.0))
    'left'
    """
    return facts.place_name(thing.x, thing.y)


def with_preposition(place: str) -> str:
    """A place with its preposition: "at the top left", "on the left", "in the center"."""
    return f"{ {'left': 'on', 'right': 'on', 'center': 'in'}.get(place, 'at')} the {place}"


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


def fill_wording(wording: str, *subject: str, **slots: str) -> str:
    """A wording with filled slots. It begins with a capital letter, unless it is typed without an end mark.

    >>> fill_wording("{}: where is it?", "the cross"), fill_wording("where is {}", "the cross")
    ('The cross: where is it?', 'where is the cross')
    """
    text = wording.format(*subject, **slots)
    return capitalise(text) if text[-1] in ".?" else text


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
