"""Pages of level easy with one large number: price tags and calendar leaves."""
from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

from data.docs.easy_page import INK, INKS, WHITE, EasyCanvas, EasyPage, ink_on, make_thing, text_things
from data.docs.easy_questions import COLOR_OF, EasyQuestion
from data.scenes.easy import COLORS
from minimolmo.flow import Thing

PRICES, HELD_OUT_SUM = (11, 99), 11     # prices whose digits add up to 11 are held out: 29, 38, ...
THRESHOLDS = 20, 90                     # the limits of "Is it more than 40?"
TAG_HEIGHT, TAG_TIP, TAG_WIDTH, HOLE = 26, 11, 53, 2   # pixels; the hole has this radius
STRING = (128, 118, 104)

DAYS, HELD_OUT_DAYS = (10, 31), (13, 18, 24, 29)
DAY_THRESHOLDS = 15, 25
NUMBER_COLORS = "black", "red", "blue", "green"        # of the day; these are readable on white
LEAF_WIDTH, LEAF_HEIGHT, HEADER_HEIGHT = 46, 50, 13    # pixels
EDGE = (176, 178, 184)

PRICE = ("How much is it?", "What does it cost?", "What is the price?", "how much is it",
         "Tell me the price.")
TWO = ("How much are two of them?", "What do two of them cost?", "how much are two",
       "What is the price of two?")
DIGIT = ("What is the {which} digit?", "Which digit comes {which}?", "Tell me the {which} digit.",
         "what is the {which} digit")
MORE = ("Is it more than {limit}?", "Does it cost more than {limit}?", "is it more than {limit}",
        "Is the price more than {limit}?")
DAY = ("What day is it?", "Which day is it?", "what day is it", "What is the date?", "Tell me the day.")
TOMORROW = ("What day is tomorrow?", "Which day is tomorrow?", "what day is it tomorrow",
            "What day comes next?")
YESTERDAY = ("What day was yesterday?", "Which day was yesterday?", "what day was it yesterday",
             "What day came before?")
AFTER = ("Is it after the {limit}th?", "is it after the {limit}th", "Is the day after the {limit}th?",
         "Is the date after the {limit}th?")


@dataclass(frozen=True)
class NumberPage(EasyPage):
    """A number of two digits on something of a colour."""
    color: str
    number: int
    family: ClassVar[str] = "other"

    @property
    def novel_parts(self) -> list[str]:
        """The number, if it is held out."""
        return ["number"] * self.is_novel


@dataclass(frozen=True)
class PriceTag(NumberPage):
    """A price on a coloured tag with a string."""

    @property
    def is_novel(self) -> bool:
        return sum(divmod(self.number, 10)) == HELD_OUT_SUM

    @property
    def things(self) -> tuple[Thing, ...]:
        """The two digits."""
        return text_things(*self._text, ink_on(self.color), self._text_size)

    @property
    def corner(self) -> tuple[int, int]:
        """The left end and the middle of the tag's height in pixels."""
        return self.style(0, 3, 8), self.style(1, 22, 46)

    @property
    def _text(self) -> tuple[str, float, float]:
        return str(self.number), self.corner[0] + (TAG_TIP + TAG_WIDTH) / 2, self.corner[1]

    @property
    def _text_size(self) -> int:
        return self.style(2, 24, 28)

    def paint(self, canvas: EasyCanvas, rng: random.Random) -> None:
        """The string, the tag with its hole, and the price."""
        (x, y), half = self.corner, TAG_HEIGHT / 2
        hole = x + TAG_TIP - 4
        canvas.ellipse((hole - 4, y - 19, hole + 5, y + 1), outline=STRING)
        end, start = x + TAG_WIDTH, x + TAG_TIP
        canvas.polygon([(x, y - 5), (start, y - half), (end, y - half), (end, y + half), (start, y + half),
                        (x, y + 5)], canvas.shade(self.color))
        canvas.disc(hole, y, HOLE, WHITE)
        canvas.text(*self._text, self._text_size, INKS[ink_on(self.color)])

    def questions(self, rng: random.Random) -> list[list[EasyQuestion]]:
        """The price, a comparison, its digits, the price of two, and the colour."""
        first, last = str(self.number)
        return [
            [EasyQuestion(PRICE, {}, str(self.number), ("number",))],
            limit_question(MORE, self.number, 10, THRESHOLDS, rng),
            [EasyQuestion(COLOR_OF, {"it": "the tag"}, self.color, ("tag",))],
            [EasyQuestion(DIGIT, {"which": "first"}, first, ("number",)),
             EasyQuestion(DIGIT, {"which": "last"}, last, ("number",))],
            [EasyQuestion(TWO, {}, str(2 * self.number), ("number",))],
        ]


@dataclass(frozen=True)
class CalendarLeaf(NumberPage):
    """A day in large digits below a coloured header."""
    number_color: str

    @property
    def is_novel(self) -> bool:
        return self.number in HELD_OUT_DAYS

    @property
    def things(self) -> tuple[Thing, ...]:
        """The header and the two digits."""
        left, top = self.corner
        header = make_thing("header", self.color, (left, top, left + LEAF_WIDTH, top + HEADER_HEIGHT))
        return header, *text_things(*self._text, self.number_color, self._text_size)

    @property
    def corner(self) -> tuple[int, int]:
        """The left and the upper side of the leaf in pixels."""
        return self.style(0, 4, 14), self.style(1, 5, 10)

    @property
    def _text(self) -> tuple[str, float, float]:
        left, top = self.corner
        return str(self.number), left + LEAF_WIDTH / 2, top + (HEADER_HEIGHT + LEAF_HEIGHT) / 2

    @property
    def _text_size(self) -> int:
        return self.style(2, 28, 34)

    def paint(self, canvas: EasyCanvas, rng: random.Random) -> None:
        """The leaf with its header and two rings, and the day."""
        left, top = self.corner
        right, bottom = left + LEAF_WIDTH, top + LEAF_HEIGHT
        canvas.rectangle((left, top, right, bottom), WHITE, EDGE, radius=2)
        canvas.rectangle((left, top, right, top + HEADER_HEIGHT), canvas.shade(self.color), radius=2)
        for x in (left + LEAF_WIDTH * 0.25, left + LEAF_WIDTH * 0.75):
            canvas.rectangle((x - 1.5, top - 3, x + 1.5, top + 5), WHITE, INK, 0.75, radius=1.5)
        number_color = INK if self.number_color == "black" else canvas.shade(self.number_color)
        canvas.text(*self._text, self._text_size, number_color)

    def questions(self, rng: random.Random) -> list[list[EasyQuestion]]:
        """The day, the colours, the days before and after, and a comparison."""
        colors = [("the header", self.color), ("the number", self.number_color)]
        neighbors = [(TOMORROW, self.number + 1), (YESTERDAY, self.number - 1)]
        return [
            [EasyQuestion(DAY, {}, str(self.number), ("number",))],
            [EasyQuestion(COLOR_OF, {"it": it}, color, (it,)) for it, color in colors],
            [EasyQuestion(wordings, {}, str(day), ("number",)) for wordings, day in neighbors
             if day <= DAYS[1] and day not in HELD_OUT_DAYS],
            limit_question(AFTER, self.number, 5, DAY_THRESHOLDS, rng),
            [EasyQuestion(DIGIT, {"which": "last"}, str(self.number % 10), ("number",))],
        ]


def make_tag(rng: random.Random) -> PriceTag:
    """A random price tag of any split."""
    return PriceTag(rng.getrandbits(32), rng.choice(list(COLORS)), rng.randint(*PRICES))


def make_calendar(rng: random.Random) -> CalendarLeaf:
    """A random calendar leaf of any split."""
    return CalendarLeaf(rng.getrandbits(32), rng.choice(list(COLORS)), rng.randint(*DAYS),
                        rng.choice(NUMBER_COLORS))


def limit_question(wordings: tuple[str, ...], number: int, step: int, limits: tuple[int, int],
                   rng: random.Random) -> list[EasyQuestion]:
    """Is the number more than the multiple of `step` just below or just above it?

    Each limit has as many numbers below it as above it, so that the question does not give the answer away.
    """
    below = number // step * step
    limit = rng.choice((below, below + step))
    if number == below or not limits[0] <= limit <= limits[1]:
        return []
    answer = "yes" if number > limit else "no"
    return [EasyQuestion(wordings, {"limit": str(limit)}, answer, ("number",))]
