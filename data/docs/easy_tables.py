"""Tables of level easy: two to four rows, each a coloured symbol and its number.

    make_page -> Table -> Table.draw -> 64 x 64 pixels
                   `----> questions -> annotations
"""
from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from data.docs.easy_page import (
    FAINT,
    INK,
    SIZE,
    WHITE,
    Box,
    EasyCanvas,
    EasyPage,
    make_thing,
    page_of_split,
    text_things,
)
from data.docs.easy_questions import EasyQuestion, choose_questions
from data.scenes.easy import COLORS
from minimolmo.flow import Annotation, Thing

KINDS = ("square", "circle", "triangle")
LOOKS = ("rules", "frame", "zebra")
HEADS = ("none", "dark", "light")
NUM_ROWS = 2, 4
MAX_NUMBER = 99              # also the largest sum that is asked for
HELD_OUT_EVERY = 12          # one colour-number pair in this many is kept from train and val
SHORT_SHARE = 0.5            # tables that have only numbers of one digit
ONE_DIGIT_SHARE = 0.3        # numbers of one digit in the other tables
SHORT_SUM_SHARE = 0.8        # tables of which only sums of two digits are asked for, where there are any

HEAD_HEIGHT = 6              # all further lengths are pixels
ROW_HEIGHT = 13, 18
SYMBOL_COLUMN = 15, 24       # widths
NUMBER_COLUMN = 21, 28
SYMBOL_SIZE = 8, 11
TEXT_SIZES = 13, 14, 15      # digits are 9.1 to 10.5 pixels high
ROW_SPACE = 4                # least difference between the height of a row and of its symbol
RULE_OFFSET = 0.5            # a row begins with a line of 1 pixel, so its middle is lower by half of it
RULE, STRIPE, LIGHT_HEAD, HEAD_MARK = (150, 154, 162), (226, 232, 242), (198, 206, 220), (176, 182, 194)

VALUE = ("What number does {a} have?", "What is the number for {a}?", "Which number is next to {a}?",
         "number for {a}?", "what number is next to {a}", "Which number belongs to {a}?")
COLOR = ("Which color has {n}?", "Which color has the number {n}?", "What color is next to {n}?",
         "which color has {n}", "Which color belongs to {n}?")
EXTREMUM_COLOR = ("Which color has the {most} number?", "What color is next to the {most} number?",
                  "Name the color with the {most} number.", "which color has the {most} number",
                  "Which color belongs to the {most} number?")
EXTREMUM_NUMBER = ("What is the {most} number?", "Which number is the {most}?", "Name the {most} number.",
                   "what is the {most} number", "{most} number?")
COMPARE = ("Does {a} have more than {b}?", "Is {a} more than {b}?", "does {a} have more than {b}",
           "{a} more than {b}?", "Has {a} got more than {b}?")
SUM = ("What is {a} plus {b}?", "How much are {a} and {b} together?", "What is the sum of {a} and {b}?",
       "{a} plus {b}?", "how much is {a} plus {b}", "Add {a} and {b}.")
ROWS = ("How many rows are there?", "How many rows does the table have?", "how many rows are there",
        "Count the rows.", "Number of rows?")


class Row(NamedTuple):
    """One row: the colour and kind of its symbol, and its number."""
    color: str
    kind: str
    number: int


@dataclass(frozen=True)
class Layout:
    """The appearance of a table. Lengths are pixels."""
    look: str             # of LOOKS
    head: str             # of HEADS
    numbers_first: bool   # is the column of numbers the left one?
    row_height: int
    symbol_column: int    # width
    number_column: int    # width
    symbol_size: int
    text_size: int        # of the font
    left: int
    top: int

    @property
    def head_height(self) -> int:
        """Height of the strip above the rows."""
        return 0 if self.head == "none" else HEAD_HEIGHT

    @property
    def width(self) -> int:
        """Width of the table."""
        return self.symbol_column + self.number_column

    @property
    def column_line(self) -> int:
        """x of the line between the columns."""
        return self.left + (self.number_column if self.numbers_first else self.symbol_column)

    def row_box(self, index: int) -> Box:
        """The box of a row."""
        top = self.top + self.head_height + index * self.row_height
        return self.left, top, self.left + self.width, top + self.row_height

    def middles(self, index: int) -> tuple[float, float, float]:
        """x of a row's symbol, x of its number, and y of both."""
        left, top, right, bottom = self.row_box(index)
        first, second, y = (left + self.column_line) / 2, (self.column_line + right) / 2, (top + bottom) / 2
        return (second, first, y + RULE_OFFSET) if self.numbers_first else (first, second, y + RULE_OFFSET)


@dataclass(frozen=True)
class Table(EasyPage):
    """A table with a symbol and a number in each row; no colour and no number occurs twice."""
    rows: tuple[Row, ...]
    layout: Layout
    family: ClassVar[str] = "tables"

    @property
    def data(self) -> tuple:
        """The rows. The layout carries no facts."""
        return self.family, self.rows

    @property
    def novel_parts(self) -> list[str]:
        """The colours of the rows with held-out pairs of colour and number."""
        return [row.color for row in self.rows if is_held_out(row)]

    @property
    def things(self) -> tuple[Thing, ...]:
        """Each symbol and each digit."""
        things = []
        for index, row in enumerate(self.rows):
            _, x, y = self.layout.middles(index)
            things.append(make_thing(row.kind, row.color, self._symbol_box(index)))
            things += text_things(str(row.number), x, y, "black", self.layout.text_size)
        return tuple(things)

    def paint(self, canvas: EasyCanvas, rng: random.Random) -> None:
        """Draw the table."""
        _paint_ruling(canvas, self.layout, len(self.rows))
        for index, row in enumerate(self.rows):
            _, x, y = self.layout.middles(index)
            _paint_symbol(canvas, row, self._symbol_box(index))
            canvas.text(str(row.number), x, y, self.layout.text_size)

    def _symbol_box(self, index: int) -> Box:
        x, _, y = self.layout.middles(index)
        half = self.layout.symbol_size / 2
        return x - half, y - half, x + half, y + half


def is_held_out(row: Row) -> bool:
    """Is this pair of colour and number kept from train and val? Each colour and number has other pairs."""
    return (5 * row.number + list(COLORS).index(row.color)) % HELD_OUT_EVERY == 0


def make_page(split: str, rng: random.Random) -> Table:
    """A random table that belongs to the split."""
    num_rows = rng.randint(*NUM_ROWS)   # chosen first: long tables are more often novel
    return page_of_split(lambda: _random_table(num_rows, rng), split)


def _random_table(num_rows: int, rng: random.Random) -> Table:
    return Table(rng.getrandbits(32), _random_rows(num_rows, rng), _random_layout(num_rows, rng))


def _random_rows(num_rows: int, rng: random.Random) -> tuple[Row, ...]:
    """Rows of different colours and numbers. In half of the tables all symbols are of one kind."""
    kinds = rng.choice((KINDS, [rng.choice(KINDS)]))
    numbers = (_short_numbers if rng.random() < SHORT_SHARE else _mixed_numbers)(num_rows, rng)
    colors = rng.sample(list(COLORS), num_rows)
    return tuple(Row(color, rng.choice(kinds), number) for color, number in zip(colors, numbers))


def _short_numbers(num_rows: int, rng: random.Random) -> list[int]:
    """Numbers of one digit from a random range, so that the smallest one is not mostly 1."""
    span = rng.randint(num_rows, 9)
    first = rng.randint(1, 10 - span)
    return rng.sample(range(first, first + span), num_rows)


def _mixed_numbers(num_rows: int, rng: random.Random) -> list[int]:
    """Numbers of one and of two digits."""
    numbers: list[int] = []
    while len(numbers) < num_rows:
        number = rng.randint(1, 9) if rng.random() < ONE_DIGIT_SHARE else rng.randint(10, MAX_NUMBER)
        numbers += [number] * (number not in numbers)
    return numbers


def _random_layout(num_rows: int, rng: random.Random) -> Layout:
    """A random appearance and a place at which the table lies inside the page."""
    head = rng.choice(HEADS)
    head_height = 0 if head == "none" else HEAD_HEIGHT
    row_height = rng.randint(ROW_HEIGHT[0], min(ROW_HEIGHT[1], (SIZE - 2 - head_height) // num_rows))
    symbol_column, number_column = rng.randint(*SYMBOL_COLUMN), rng.randint(*NUMBER_COLUMN)
    return Layout(
        rng.choice(LOOKS), head, rng.random() < 0.5, row_height, symbol_column, number_column,
        symbol_size=rng.randint(SYMBOL_SIZE[0], min(SYMBOL_SIZE[1], row_height - ROW_SPACE)),
        text_size=rng.choice([size for size in TEXT_SIZES if 0.7 * size + ROW_SPACE - 0.5 < row_height]),
        left=rng.randint(1, SIZE - 1 - symbol_column - number_column),
        top=rng.randint(1, SIZE - 1 - head_height - num_rows * row_height))


def _paint_ruling(canvas: EasyCanvas, layout: Layout, num_rows: int) -> None:
    """The white sheet, stripes, head and lines of a table."""
    boxes = [layout.row_box(index) for index in range(num_rows)]
    left, top, right, bottom = layout.left, layout.top, layout.left + layout.width, boxes[-1][3]
    canvas.rectangle((left, top, right, bottom), WHITE)
    for box in boxes[::2] if layout.look == "zebra" else ():
        canvas.rectangle(box, STRIPE)
    _paint_head(canvas, layout)
    line = RULE if layout.look == "frame" else FAINT
    for box in boxes[1:]:
        canvas.rectangle((left, box[1], right, box[1] + 1), line)
    if layout.look == "frame":
        canvas.rectangle((left, top, right, bottom), outline=line)
    if layout.look != "zebra":
        canvas.rectangle((layout.column_line, boxes[0][1], layout.column_line + 1, bottom), line)
    if layout.look == "rules":
        canvas.rectangle((left, bottom - 1, right, bottom), RULE)


def _paint_head(canvas: EasyCanvas, layout: Layout) -> None:
    """A strip with a dash above each column, where a title would be."""
    if layout.head == "none":
        return
    left, right, bottom = layout.left, layout.left + layout.width, layout.top + HEAD_HEIGHT
    canvas.rectangle((left, layout.top, right, bottom), INK if layout.head == "dark" else LIGHT_HEAD)
    y = layout.top + HEAD_HEIGHT / 2
    for x in ((left + layout.column_line) / 2, (layout.column_line + right) / 2):
        canvas.rectangle((x - 4, y - 0.5, x + 4, y + 0.5), HEAD_MARK if layout.head == "dark" else WHITE)


def _paint_symbol(canvas: EasyCanvas, row: Row, box: Box) -> None:
    left, top, right, bottom = box
    shade = canvas.shade(row.color)
    if row.kind == "square":
        canvas.rectangle(box, shade)
    elif row.kind == "circle":
        canvas.ellipse(box, shade)
    else:
        canvas.polygon([((left + right) / 2, top), (right, bottom), (left, bottom)], shade)


def questions(table: Table, rng: random.Random) -> list[Annotation]:
    """Four to six questions. On a novel page all are about rows with held-out pairs."""
    rows = table.rows
    more = [_extremum_color_questions(rows), _extremum_number_questions(rows), _sum_questions(rows, rng),
            [EasyQuestion(ROWS, {}, str(len(rows)))]]
    groups = [
        [EasyQuestion(VALUE, {"a": row.color}, str(row.number), (row.color,)) for row in rows],
        [EasyQuestion(COLOR, {"n": str(row.number)}, row.color, (row.color,)) for row in rows],
        [EasyQuestion(COMPARE, {"a": a.color, "b": b.color}, "yes" if a.number > b.number else "no",
                      (a.color, b.color)) for a, b in itertools.permutations(rows, 2)],
        *rng.sample(more, len(more))]
    return choose_questions(groups, table.family, rng, table.novel_parts)


def _extremum_color_questions(rows: tuple[Row, ...]) -> list[EasyQuestion]:
    return [EasyQuestion(EXTREMUM_COLOR, {"most": most}, row.color, (row.color,))
            for most, row in _extrema(rows)]


def _extremum_number_questions(rows: tuple[Row, ...]) -> list[EasyQuestion]:
    return [EasyQuestion(EXTREMUM_NUMBER, {"most": most}, str(row.number), (row.color,))
            for most, row in _extrema(rows)]


def _extrema(rows: tuple[Row, ...]) -> list[tuple[str, Row]]:
    ordered = sorted(rows, key=lambda row: row.number)
    return [("smallest", ordered[0]), ("largest", ordered[-1])]


def _sum_questions(rows: tuple[Row, ...], rng: random.Random) -> list[EasyQuestion]:
    """Sums of two rows, below 100. If two numbers have one digit, mostly their sum alone."""
    pairs = [(a, b) for a, b in itertools.permutations(rows, 2) if a.number + b.number <= MAX_NUMBER]
    short = [(a, b) for a, b in pairs if max(a.number, b.number) < 10]
    return [EasyQuestion(SUM, {"a": a.color, "b": b.color}, str(a.number + b.number), (a.color, b.color))
            for a, b in (short if short and rng.random() < SHORT_SUM_SHARE else pairs)]
