"""Words for facts: numbers, and places on a 3 x 3 grid. `data/` writes them; `metrics.py` parses them.

A caption's fact is (colour, kind, place): ("red", "circle", "top left"). Captions obey one rule: within a
sentence, the n-th object goes with the n-th place.
"""
from __future__ import annotations

import re
from collections.abc import Iterable

from minimolmo.flow import Thing

Fact = tuple[str, str, str]  # colour, kind, place

NUMBER_WORDS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
                "fifteen sixteen seventeen eighteen nineteen twenty").split()
PLACES = ("top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right")


def place_name(x: float, y: float) -> str:
    """The name of the cell of the 3 x 3 grid that contains a point (in percent).

    >>> place_name(10.0, 50.0), place_name(100.0, 100.0)
    ('left', 'bottom right')
    """
    return PLACES[min(int(y * 3 / 100), 2) * 3 + min(int(x * 3 / 100), 2)]


def facts_of(things: Iterable[Thing]) -> set[Fact]:
    """The facts that a full caption of these objects states."""
    return {(t.color, t.kind, place_name(t.x, t.y)) for t in things}


def facts_in(text: str, colors: Iterable[str], kinds: Iterable[str]) -> set[Fact]:
    """The facts that a caption states: within a sentence, the n-th object goes with the n-th place.

    >>> facts_in("A red circle is on the left.", ["red"], ["circle"])
    {('red', 'circle', 'left')}
    """
    name = re.compile(rf"\b({_alternatives(colors)}) ({_alternatives(kinds)})\b")
    place = re.compile(rf"\bthe ({_alternatives(PLACES)})\b")
    facts = set()
    for sentence in text.lower().split("."):
        facts |= {(*pair, where) for pair, where in zip(name.findall(sentence), place.findall(sentence))}
    return facts


def _alternatives(words: Iterable[str]) -> str:
    """A regular expression for any of the words, longest first: "top left" must not be read as "top"."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
