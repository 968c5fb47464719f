"""Signposts of level easy: coloured arms that point left or right, each with a number of kilometers."""
from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import ClassVar

from data.docs.canvas import XY
from data.docs.easy_page import INKS, SIZE, Box, EasyCanvas, EasyPage, ink_on, make_thing, text_things
from data.docs.easy_questions import EasyQuestion, yes_no_pairs
from data.scenes.easy import COLORS
from minimolmo.flow import Thing

# Values are held out in pairs around the middle, so that no colour is farther than another on average.
HELD_OUT = {("red", 3), ("red", 7), ("blue", 2), ("blue", 8), ("yellow", 5), ("green", 4), ("green", 6),
            ("purple", 3), ("purple", 7), ("orange", 5)}

NUM_ARMS, MAX_KM = (2, 3), 9
ARM_TOPS = {2: (8, 31), 3: (4, 22, 40)}            # pixels, by the number of arms
ARM_HEIGHT, ARM_LENGTH, ARM_TIP, ARM_FOOT = 15, 38, 7, 10  # pixels; the foot reaches beyond the pole
ARM_TEXT_SIZE = 16
ARM_END = 16             # pixels from the tip to the number
POLE, GRASS, GROUND = (124, 96, 66), (176, 200, 150), 58   # colours; the ground's upper side in pixels

WAY = ("Which way is {a}?", "which way is {a}", "Which way does {a} point?", "Which way do I go to {a}?",
       "Is {a} to the left or the right?")
KM = ("How far is it to {a}?", "how far is {a}", "How many km is it to {a}?", "How far away is {a}?")
NEARER = ("Which is nearer, {a} or {b}?", "which is nearer, {a} or {b}", "Is {a} or {b} nearer?",
          "What is nearer: {a} or {b}?")
FARTHER = ("Is it farther to {a} than to {b}?", "Is {a} farther than {b}?", "is {a} farther than {b}",
           "Is {a} farther away than {b}?")
HOW_MUCH_FARTHER = ("How much farther is {a} than {b}?", "how much farther is {a} than {b}",
                    "How many km farther is {a} than {b}?", "How much farther is it to {a} than to {b}?")
ARMS = ("How many arms point {way}?", "how many arms point {way}", "How many signs point {way}?",
        "Count the arms that point {way}.")


@dataclass(frozen=True)
class Signpost(EasyPage):
    """Two or three arms from top to bottom. Each has a colour, a way (left or right) and kilometers."""
    colors: tuple[str, ...]
    ways: tuple[str, ...]
    distances: tuple[int, ...]   # different ones of 1 to 9
    family: ClassVar[str] = "other"

    @property
    def novel_parts(self) -> list[str]:
        """The colours of the arms that are held out."""
        return [pair[0] for pair in zip(self.colors, self.distances) if pair in HELD_OUT]

    @property
    def pole(self) -> int:
        """The x of the pole in pixels."""
        return self.style(0, 29, 35)

    @property
    def boxes(self) -> list[Box]:
        """The box of each arm in pixels."""
        lefts = [self.pole + ARM_FOOT - ARM_LENGTH if way == "left" else self.pole - ARM_FOOT
                 for way in self.ways]
        return [(left, top, left + ARM_LENGTH, top + ARM_HEIGHT)
                for left, top in zip(lefts, ARM_TOPS[len(self.ways)])]

    @property
    def _texts(self) -> list[tuple[str, float, float]]:
        """Text, x and y of each number."""
        return [(str(km), (left + right + (ARM_TIP if way == "left" else -ARM_TIP)) / 2, (top + bottom) / 2)
                for km, way, (left, top, right, bottom) in zip(self.distances, self.ways, self.boxes)]

    @property
    def things(self) -> tuple[Thing, ...]:
        """The arms without the part around the number, then the numbers."""
        arms = [make_thing("arm", color, _pointed_end(way, box))
                for color, way, box in zip(self.colors, self.ways, self.boxes)]
        digits = [text_things(*text, ink_on(color), ARM_TEXT_SIZE)
                  for color, text in zip(self.colors, self._texts)]
        return *arms, *itertools.chain(*digits)

    def paint(self, canvas: EasyCanvas, rng: random.Random) -> None:
        """The grass, the pole, and the arms with their numbers."""
        canvas.rectangle((0, GROUND, SIZE, SIZE), GRASS)
        canvas.rectangle((self.pole - 1.5, 2, self.pole + 1.5, GROUND + 3), POLE)
        for color, way, box, text in zip(self.colors, self.ways, self.boxes, self._texts):
            canvas.polygon(_outline(way, box), canvas.shade(color))
            canvas.text(*text, ARM_TEXT_SIZE, INKS[ink_on(color)])

    def questions(self, rng: random.Random) -> list[list[EasyQuestion]]:
        """Distances, ways, comparisons, differences, and the number of arms that point one way."""
        km, pairs = dict(zip(self.colors, self.distances)), list(itertools.permutations(self.colors, 2))
        return [
            [EasyQuestion(KM, {"a": color}, str(km[color]), (color,)) for color in km],
            [EasyQuestion(WAY, {"a": color}, way, (color,)) for color, way in zip(self.colors, self.ways)],
            [EasyQuestion(NEARER, {"a": a, "b": b}, min(a, b, key=km.get), (a, b)) for a, b in pairs],
            yes_no_pairs(FARTHER, km),
            [EasyQuestion(ARMS, {"way": way}, str(self.ways.count(way))) for way in ("left", "right")],
            [EasyQuestion(HOW_MUCH_FARTHER, {"a": a, "b": b}, str(km[a] - km[b]), (a, b))
             for a, b in pairs if km[a] > km[b]],
        ]


def make_signpost(rng: random.Random) -> Signpost:
    """A random signpost of any split."""
    num_arms = rng.randint(*NUM_ARMS)
    return Signpost(rng.getrandbits(32), tuple(rng.sample(list(COLORS), num_arms)),
                    tuple(rng.choices(("left", "right"), k=num_arms)),
                    tuple(rng.sample(range(1, MAX_KM + 1), num_arms)))


def _outline(way: str, box: Box) -> list[XY]:
    """The corners of an arm, its tip first."""
    left, top, right, bottom = box
    tip, neck, foot = (right, right - ARM_TIP, left) if way == "right" else (left, left + ARM_TIP, right)
    return [(tip, (top + bottom) / 2), (neck, bottom), (foot, bottom), (foot, top), (neck, top)]


def _pointed_end(way: str, box: Box) -> Box:
    """The box of the arm's part from the number to the tip."""
    left, top, right, bottom = box
    return (right - ARM_END, top, right, bottom) if way == "right" else (left, top, left + ARM_END, bottom)
