"""Charts of level easy: standing bars, lying bars and pies, without text.

A bar ends on one of nine grid lines; the fifth is darker. A slice ends at one of ten ticks.
"""
from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import ClassVar

from data.docs.easy_page import FAINT, Box, EasyCanvas, EasyPage, make_thing, page_of_split
from data.docs.easy_pies import Pie, make_pie, pie_questions
from data.docs.easy_questions import EasyQuestion, choose_questions, yes_no_pairs
from data.scenes.easy import COLORS
from minimolmo.flow import Annotation, Thing

PIE_SHARE, LYING_SHARE = 0.3, 0.3   # of all charts; the others have standing bars
NUM_BARS = 3, 5
MAX_VALUE = 9
STEP = 6            # pixels between two grid lines
START, END = 4, 60  # pixels: the ends of the grid lines; bars grow from one side of this square
MIN_BAR_WIDTH = 7   # pixels
DARKER, AXIS = (150, 153, 160), (96, 98, 106)

# Values are held out in pairs around the middle, so that no colour is taller than another on average.
HELD_OUT = {("red", 3), ("red", 7), ("blue", 2), ("blue", 8), ("yellow", 5), ("green", 4), ("green", 6),
            ("purple", 3), ("purple", 7), ("orange", 5)}

WORDS = {  # the slots of the wordings for each direction
    "standing": dict(tall="tall", height="height", taller="taller", tallest="tallest"),
    "lying": dict(tall="long", height="length", taller="longer", tallest="longest"),
}
VALUE = ("How {tall} is the {a} bar?", "What is the {height} of the {a} bar?", "how {tall} is the {a} bar",
         "Tell me the {height} of the {a} bar.", "How {tall} is {a}?")
TALLEST = ("Which bar is the {tallest}?", "What color is the {tallest} bar?", "which bar is the {tallest}",
           "Which color is the {tallest}?", "Name the {tallest} bar.")
SHORTEST = ("Which bar is the shortest?", "What color is the shortest bar?", "which bar is the shortest",
            "Which color is the shortest?", "Name the shortest bar.")
COMPARE = ("Is {a} {taller} than {b}?", "Is the {a} bar {taller} than the {b} bar?",
           "is {a} {taller} than {b}", "Yes or no: is {a} {taller} than {b}?")
SUM = ("How much are {a} and {b} together?", "What is {a} plus {b}?", "Add {a} and {b}.",
       "how much are {a} and {b} together", "What is the sum of {a} and {b}?")
COUNT = ("How many bars are there?", "How many bars do you see?", "Count the bars.",
         "how many bars are there")


@dataclass(frozen=True)
class BarChart(EasyPage):
    """Three to five bars of different colours. Bars stand on the lower side or lie on the left side."""
    direction: str              # standing or lying
    colors: tuple[str, ...]     # from left to right, or from top to bottom
    values: tuple[int, ...]     # 1 to 9
    family: ClassVar[str] = "charts"

    @property
    def novel_parts(self) -> list[str]:
        """The colours of the bars that are held out."""
        return [pair[0] for pair in zip(self.colors, self.values) if pair in HELD_OUT]

    @property
    def boxes(self) -> list[Box]:
        """The box of each bar in pixels. The width of the bars is a matter of style."""
        slot, width = (END - START) / len(self.values), MIN_BAR_WIDTH + self.style(0, 0, 2)
        starts = [round(START + (index + 0.5) * slot - width / 2) for index in range(len(self.values))]
        if self.direction == "standing":
            return [(start, END - value * STEP, start + width, END)
                    for start, value in zip(starts, self.values)]
        return [(START, start, START + value * STEP, start + width)
                for start, value in zip(starts, self.values)]

    @property
    def things(self) -> tuple[Thing, ...]:
        """Every bar."""
        return tuple(make_thing("bar", color, box) for color, box in zip(self.colors, self.boxes))

    def paint(self, canvas: EasyCanvas, rng: random.Random) -> None:
        """Grid lines, bars, and the side that the bars start from."""
        for value in range(MAX_VALUE + 1):
            color = AXIS if value == 0 else DARKER if value == 5 else FAINT
            at = END - value * STEP if self.direction == "standing" else START + value * STEP
            box = (START, at, END, at + 1) if self.direction == "standing" else (at - 1, START, at, END)
            canvas.rectangle(box, color)
        for color, box in zip(self.colors, self.boxes):
            canvas.rectangle(box, canvas.shade(color))


def make_page(split: str, rng: random.Random) -> BarChart | Pie:
    """A random chart that belongs to the split."""
    kind = rng.random()
    if kind < PIE_SHARE:
        return page_of_split(lambda: make_pie(rng), split)
    direction = "lying" if kind < PIE_SHARE + LYING_SHARE else "standing"
    return page_of_split(lambda: make_bars(direction, rng), split)


def make_bars(direction: str, rng: random.Random) -> BarChart:
    """A random bar chart of any split."""
    num_bars = rng.randint(*NUM_BARS)
    values = tuple(rng.randint(1, MAX_VALUE) for _ in range(num_bars))
    return BarChart(rng.getrandbits(32), direction, tuple(rng.sample(list(COLORS), num_bars)), values)


def questions(page: BarChart | Pie, rng: random.Random) -> list[Annotation]:
    """Four to six questions about a chart."""
    groups = pie_questions(page, rng) if isinstance(page, Pie) else bar_questions(page)
    return choose_questions(groups, page.family, rng, page.novel_parts)


def bar_questions(page: BarChart) -> list[list[EasyQuestion]]:
    """All questions about a bar chart: values, extrema, comparisons, sums and the number of bars."""
    bars, words = dict(zip(page.colors, page.values)), WORDS[page.direction]
    pairs = list(itertools.permutations(bars, 2))
    return [
        [EasyQuestion(VALUE, words | {"a": color}, str(bars[color]), (color,)) for color in bars],
        [EasyQuestion(wordings, words, color, (color,))
         for wordings, color in ((TALLEST, _only(bars, max)), (SHORTEST, _only(bars, min))) if color],
        yes_no_pairs(COMPARE, bars, words),
        [EasyQuestion(SUM, {"a": a, "b": b}, str(bars[a] + bars[b]), (a, b)) for a, b in pairs],
        [EasyQuestion(COUNT, {}, str(len(bars)))],
    ]


def _only(bars: dict[str, int], extremum: callable) -> str:
    """The colour of the tallest (max) or shortest (min) bar; empty if there are two."""
    best = extremum(bars.values())
    colors = [color for color, value in bars.items() if value == best]
    return colors[0] if len(colors) == 1 else ""
