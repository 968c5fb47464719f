"""Pages of level easy that show things to read: thermometers and dominoes."""
from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import ClassVar

from data.docs.easy_page import (
    INK,
    INKS,
    SIZE,
    WHITE,
    Box,
    EasyCanvas,
    EasyPage,
    ink_on,
    make_thing,
    text_things,
)
from data.docs.easy_questions import COLOR_OF, EasyQuestion, yes_no_pairs
from data.scenes.easy import COLORS
from minimolmo.flow import Thing

# Values are held out in pairs around the middle, so that no colour is warmer than another on average.
HELD_OUT_COLUMNS = {("red", 10), ("red", 50), ("blue", 20), ("blue", 40), ("yellow", 30), ("green", 20),
                    ("green", 40), ("purple", 10), ("purple", 50), ("orange", 30)}
HELD_OUT_DIFFERENCE = 3   # dominoes whose halves differ by 3 are held out

MAX_DEGREES, TICK = 60, 6                     # degrees; pixels for ten degrees
LABELLED = 0, 30, 60                          # degrees
ZERO, TUBE_TOP, BULB = 46, 6, 54              # pixels: y of zero degrees, of the tube's top, of the bulb
TUBES, TUBE_WIDTH, BULB_RADIUS = (12, 52), 7, 6.5   # pixels; x of the two tubes
GLASS, SCALE = (168, 172, 180), (110, 112, 120)

MAX_PIPS = 6
HALF, PIP_RADIUS, PIP_STEP = 28, 2.9, 8       # pixels
PIPS = {  # places of the pips of a half, in steps from its centre
    0: [], 1: [(0, 0)], 2: [(-1, -1), (1, 1)], 3: [(-1, -1), (0, 0), (1, 1)],
    4: [(-1, -1), (1, -1), (-1, 1), (1, 1)], 5: [(-1, -1), (1, -1), (0, 0), (-1, 1), (1, 1)],
    6: [(-1, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (1, 1)],
}
PLACES = {"lying": {"left": "on the left", "right": "on the right"},
          "standing": {"top": "at the top", "bottom": "at the bottom"}}

DEGREES = ("What does {a} show?", "How many degrees does {a} show?", "what does {a} show",
           "How warm is {a}?", "Read the {a} thermometer.")
WARMER = ("Which is warmer, {a} or {b}?", "which is warmer, {a} or {b}", "Is {a} or {b} warmer?",
          "What is warmer: {a} or {b}?")
IS_WARMER = ("Is {a} warmer than {b}?", "is {a} warmer than {b}", "Is it warmer at {a} than at {b}?",
             "Yes or no: is {a} warmer than {b}?")
HOW_MUCH_WARMER = ("How much warmer is {a} than {b}?", "how much warmer is {a} than {b}",
                   "How many degrees warmer is {a} than {b}?", "By how much is {a} warmer than {b}?")
ABOVE = ("Is {a} above 30?", "is {a} above 30", "Does {a} show more than 30?", "Is {a} warmer than 30?")

PIPS_AT = ("How many dots are {at}?", "how many dots are {at}", "How many dots do you see {at}?",
           "Count the dots {at}.")
ALL_PIPS = ("How many dots are there in all?", "how many dots in all", "Count all the dots.",
            "How many dots are on the domino?")
MORE_PIPS = ("Which side has more dots?", "which side has more dots", "Where are there more dots?",
             "On which side are there more dots?")
ARE_MORE = ("Are there more dots {at} than {other}?", "are there more dots {at} than {other}",
            "Yes or no: are there more dots {at} than {other}?", "Do you see more dots {at} than {other}?")


@dataclass(frozen=True)
class Thermometers(EasyPage):
    """Two thermometers of different colours with a scale between them."""
    colors: tuple[str, str]     # from left to right
    degrees: tuple[int, int]    # two different ones of 0, 10, ..., 60
    family: ClassVar[str] = "other"

    @property
    def novel_parts(self) -> list[str]:
        """The colours of the columns that are held out."""
        return [pair[0] for pair in zip(self.colors, self.degrees) if pair in HELD_OUT_COLUMNS]

    @property
    def boxes(self) -> list[Box]:
        """The box of each column in pixels, from its top to the lower side of the bulb."""
        half = TUBE_WIDTH / 2 - 1
        return [(x - half, _height_of(degrees), x + half, BULB + BULB_RADIUS)
                for x, degrees in zip(TUBES, self.degrees)]

    @property
    def things(self) -> tuple[Thing, ...]:
        """The columns, then the digits of the scale."""
        columns = [make_thing("column", color, box) for color, box in zip(self.colors, self.boxes)]
        digits = [text_things(str(degrees), SIZE / 2, _height_of(degrees), "black")
                  for degrees in LABELLED]
        return *columns, *itertools.chain(*digits)

    def paint(self, canvas: EasyCanvas, rng: random.Random) -> None:
        """The scale, the glass, and the columns."""
        for degrees in range(0, MAX_DEGREES + 1, 10):
            y, length = _height_of(degrees), 5 if degrees % 30 == 0 else 3
            for start, end in ((18, 18 + length), (46 - length, 46)):
                canvas.rectangle((start, y, end, y + 1), SCALE)
        for degrees in LABELLED:
            canvas.text(str(degrees), SIZE / 2, _height_of(degrees))
        for x, color, box in zip(TUBES, self.colors, self.boxes):
            half, paint = TUBE_WIDTH / 2, canvas.shade(color)
            canvas.disc(x, BULB, BULB_RADIUS + 1, GLASS)
            canvas.rectangle((x - half, TUBE_TOP, x + half, BULB), WHITE, GLASS, radius=half)
            canvas.disc(x, BULB, BULB_RADIUS, paint)
            canvas.rectangle((box[0], box[1], box[2], BULB), paint)

    def questions(self, rng: random.Random) -> list[list[EasyQuestion]]:
        """What they show, which is warmer and by how much, and whether one is above 30."""
        shown, pairs = dict(zip(self.colors, self.degrees)), list(itertools.permutations(self.colors))
        return [
            [EasyQuestion(DEGREES, {"a": color}, str(shown[color]), (color,)) for color in shown],
            [EasyQuestion(WARMER, {"a": a, "b": b}, max(a, b, key=shown.get), (a, b)) for a, b in pairs],
            yes_no_pairs(IS_WARMER, shown),
            [EasyQuestion(ABOVE, {"a": color}, "yes" if shown[color] > 30 else "no", (color,))
             for color in shown if shown[color] != 30],
            [EasyQuestion(HOW_MUCH_WARMER, {"a": a, "b": b}, str(shown[a] - shown[b]), (a, b))
             for a, b in pairs if shown[a] > shown[b]],
        ]


@dataclass(frozen=True)
class Domino(EasyPage):
    """A coloured domino with up to six pips on each half."""
    color: str
    direction: str              # lying or standing
    pips: tuple[int, int]       # left and right, or top and bottom
    family: ClassVar[str] = "other"

    @property
    def novel_parts(self) -> list[str]:
        """The pips, if they are held out."""
        return ["pips"] * self.is_novel

    @property
    def is_novel(self) -> bool:
        return abs(self.pips[0] - self.pips[1]) == HELD_OUT_DIFFERENCE

    @property
    def boxes(self) -> list[Box]:
        """The box of each half in pixels."""
        along, across = self.style(0, 2, 6), self.style(1, 12, 24)
        halves = [(start, across, start + HALF, across + HALF) for start in (along, along + HALF)]
        return [half if self.direction == "lying" else _transposed(half) for half in halves]

    @property
    def things(self) -> tuple[Thing, ...]:
        """The two halves."""
        return tuple(make_thing("half", self.color, box) for box in self.boxes)

    def paint(self, canvas: EasyCanvas, rng: random.Random) -> None:
        """The stone, the line between its halves, and the pips."""
        first, second = self.boxes
        ink = INKS[ink_on(self.color)]
        canvas.rectangle((*first[:2], *second[2:]), canvas.shade(self.color), INK, 0.75, radius=3)
        x, y = second[:2]
        line = (x - 0.5, y + 3, x + 0.5, y + HALF - 3)
        canvas.rectangle(line if self.direction == "lying" else (x + 3, y - 0.5, x + HALF - 3, y + 0.5), ink)
        for (left, top, *_), number in zip(self.boxes, self.pips):
            for u, v in PIPS[number]:
                canvas.disc(left + HALF / 2 + u * PIP_STEP, top + HALF / 2 + v * PIP_STEP, PIP_RADIUS, ink)

    def questions(self, rng: random.Random) -> list[list[EasyQuestion]]:
        """The dots of a half and in all, comparisons, and the colour."""
        places = PLACES[self.direction]
        dots = dict(zip(places, self.pips))
        return [
            [EasyQuestion(PIPS_AT, {"at": places[side]}, str(dots[side]), ("pips",)) for side in dots],
            [EasyQuestion(ALL_PIPS, {}, str(sum(self.pips)), ("pips",))],
            [EasyQuestion(MORE_PIPS, {}, max(dots, key=dots.get), ("pips",))] * (len({*self.pips}) == 2),
            [EasyQuestion(ARE_MORE, {"at": places[a], "other": places[b]},
                          "yes" if dots[a] > dots[b] else "no", ("pips",))
             for a, b in itertools.permutations(dots) if dots[a] != dots[b]],
            [EasyQuestion(COLOR_OF, {"it": "the domino"}, self.color, ("color",))],
        ]


def make_thermometers(rng: random.Random) -> Thermometers:
    """Two random thermometers of any split. They show different temperatures."""
    degrees = tuple(rng.sample(range(0, MAX_DEGREES + 1, 10), 2))
    return Thermometers(rng.getrandbits(32), tuple(rng.sample(list(COLORS), 2)), degrees)


def make_domino(rng: random.Random) -> Domino:
    """A random domino of any split."""
    return Domino(rng.getrandbits(32), rng.choice(list(COLORS)), rng.choice(list(PLACES)),
                  (rng.randint(0, MAX_PIPS), rng.randint(0, MAX_PIPS)))


def _height_of(degrees: int) -> float:
    """The y of a temperature in pixels."""
    return ZERO - degrees // 10 * TICK


def _transposed(box: Box) -> Box:
    left, top, right, bottom = box
    return top, left, bottom, right
