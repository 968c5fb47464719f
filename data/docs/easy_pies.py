"""Pies of level easy: three slices of whole tenths, with a tick at every tenth."""
from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass
from typing import ClassVar

from data.docs.easy_page import EasyCanvas, EasyPage, make_thing
from data.docs.easy_questions import EasyQuestion, yes_no_pairs
from data.scenes.easy import COLORS
from minimolmo.flow import Thing

CENTER, RADIUS = 32, 25     # pixels
TICK_RADIUS = 27, 30        # pixels: where the ticks start and end
LABEL_RADIUS, LABEL_SIZE = 15, 12  # pixels: distance of a slice's label from the center, side of its box
TICK_COLOR = (120, 123, 130)
DEGREES = 36                # of one tenth
MAX_TENTHS = 8
LARGE = 6                   # tenths; then the two others are less than half
LARGE_SHARE = 2 / 3         # of the pies have a large slice
OTHERS_SHARE = 0.585        # of these are asked about the two others, so that half of the answers are no

# Close to the average, 3.3 tenths, so that no colour is larger than another on average.
HELD_OUT = {("red", 3), ("green", 4), ("blue", 3), ("yellow", 4), ("purple", 3), ("orange", 4)}

PERCENT = ("What percent is {a}?", "What percent of the pie is {a}?", "what percent is {a}",
           "How large is {a} in percent?", "How much of the pie is {a}, in percent?")
SUM = ("What percent are {a} and {b} together?", "What percent do {a} and {b} make together?",
       "what percent are {a} and {b} together", "How large are {a} and {b} together in percent?")
LARGEST = ("Which slice is the largest?", "What color is the largest slice?", "which slice is the largest",
           "Which color is the largest?", "Name the largest slice.")
SMALLEST = ("Which slice is the smallest?", "What color is the smallest slice?",
            "which slice is the smallest", "Which color is the smallest?", "Name the smallest slice.")
COMPARE = ("Is {a} larger than {b}?", "Is the {a} slice larger than the {b} slice?",
           "is {a} larger than {b}", "Yes or no: is {a} larger than {b}?")
HALF = ("Are {a} and {b} together more than half?", "are {a} and {b} more than half",
        "Do {a} and {b} make more than half?", "Yes or no: are {a} and {b} together more than half?")

SHARES = [shares for shares in itertools.product(range(1, MAX_TENTHS + 1), repeat=3) if sum(shares) == 10]


@dataclass(frozen=True)
class Pie(EasyPage):
    """Three slices, clockwise. The tick where the first one starts is a matter of style."""
    colors: tuple[str, str, str]
    tenths: tuple[int, int, int]
    family: ClassVar[str] = "charts"

    @property
    def novel_parts(self) -> list[str]:
        """The colours of the slices that are held out."""
        return [pair[0] for pair in zip(self.colors, self.tenths) if pair in HELD_OUT]

    @property
    def angles(self) -> list[tuple[int, int]]:
        """Start and end of each slice in degrees, clockwise from the right."""
        first = -90 + DEGREES * self.style(0, 0, 9)
        ends = [first + DEGREES * total for total in itertools.accumulate(self.tenths, initial=0)]
        return list(itertools.pairwise(ends))

    @property
    def things(self) -> tuple[Thing, ...]:
        """Every slice, with a small box in its middle."""
        things = []
        for color, angles in zip(self.colors, self.angles):
            x, y = _at(sum(angles) / 2, LABEL_RADIUS)
            half = LABEL_SIZE / 2
            things.append(make_thing("slice", color, (x - half, y - half, x + half, y + half)))
        return tuple(things)

    def paint(self, canvas: EasyCanvas, rng: random.Random) -> None:
        """Ten ticks around the slices."""
        box = (CENTER - RADIUS, CENTER - RADIUS, CENTER + RADIUS, CENTER + RADIUS)
        for tick in range(10):
            canvas.line([_at(-90 + DEGREES * tick, radius) for radius in TICK_RADIUS], TICK_COLOR)
        for color, (start, end) in zip(self.colors, self.angles):
            canvas.slice(box, start, end, canvas.shade(color))


def make_pie(rng: random.Random) -> Pie:
    """A random pie of any split."""
    is_large = rng.random() < LARGE_SHARE
    shares = rng.choice([shares for shares in SHARES if (max(shares) >= LARGE) == is_large])
    return Pie(rng.getrandbits(32), tuple(rng.sample(list(COLORS), 3)), shares)


def pie_questions(page: Pie, rng: random.Random) -> list[list[EasyQuestion]]:
    """All questions about a pie: percents, extrema, comparisons, two slices against a half, and their sum."""
    slices = dict(zip(page.colors, page.tenths))
    largest, second, smallest = sorted(slices, key=slices.get, reverse=True)
    return [
        [EasyQuestion(PERCENT, {"a": color}, f"{tenths}0", (color,)) for color, tenths in slices.items()],
        [EasyQuestion(LARGEST, {}, largest, (largest,))] * (slices[largest] > slices[second])
        + [EasyQuestion(SMALLEST, {}, smallest, (smallest,))] * (slices[smallest] < slices[second]),
        yes_no_pairs(COMPARE, slices),
        half_question(slices, rng),
        [EasyQuestion(SUM, {"a": a, "b": b}, f"{slices[a] + slices[b]}0", (a, b))
         for a, b in itertools.permutations(slices, 2)],
    ]


def half_question(slices: dict[str, int], rng: random.Random) -> list[EasyQuestion]:
    """Are two slices more than half? Not asked of exactly a half."""
    third = rng.choice(list(slices))
    if max(slices.values()) >= LARGE:
        is_others = rng.random() < OTHERS_SHARE
        third = rng.choice([color for color in slices if (slices[color] >= LARGE) == is_others])
    a, b = rng.sample([color for color in slices if color != third], 2)
    together = slices[a] + slices[b]
    answer = "yes" if together > 5 else "no"
    return [EasyQuestion(HALF, {"a": a, "b": b}, answer, (a, b))] * (together != 5)


def _at(degrees: float, radius: float) -> tuple[float, float]:
    turn = math.radians(degrees)
    return CENTER + radius * math.cos(turn), CENTER + radius * math.sin(turn)
