"""Tables of level easy: rows, pixels, labels and answers agree."""
import itertools
import random
import re
from collections import Counter
from functools import cache, partial

import numpy as np
import pytest
from PIL import Image, ImageDraw

from data.docs import easy_tables
from data.docs.canvas import load_font
from data.docs.easy_page import split_of
from data.docs.easy_tables import KINDS, MAX_NUMBER, Row, is_held_out, make_page, questions
from data.scenes.easy import COLORS

DARK, VIVID = 130, 60   # ink is darker than this; symbols have a larger difference between channels
HALF_ROW = 7            # pixels above and below the middle of a row that show no other row's digits
EDGES = 0.45, 0.55, 0.65  # the ink of a line at the edge of a number: pale lines may belong to it or not
WIDEST_INK = 20         # pixels of ink in one line of a number, at most; a dark head has more
WORDINGS = {name: getattr(easy_tables, name) for name in (
    "EXTREMUM_COLOR", "EXTREMUM_NUMBER", "COLOR", "VALUE", "COMPARE", "SUM", "ROWS")}


@cache
def examples(split: str = "train", count: int = 200):
    """(table, annotations), without images."""
    generators = [random.Random(f"tables/{split}/{index}") for index in range(count)]
    return [(table := make_page(split, rng), questions(table, rng)) for rng in generators]


# Pixels

def pixels_of(table) -> np.ndarray:
    return np.asarray(table.draw()).astype(int)


def is_vivid(pixels: np.ndarray) -> np.ndarray:
    return np.ptp(pixels, axis=2) > VIVID


def is_ink(pixels: np.ndarray) -> np.ndarray:
    return (pixels.mean(axis=2) < DARK) & ~is_vivid(pixels)


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the true pixels."""
    ys, xs = np.nonzero(mask)
    return xs.min(), ys.min(), xs.max() + 1, ys.max() + 1


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and last + 1 of each run of true values."""
    edges = np.flatnonzero(np.diff([0, *flags.astype(int), 0]))
    return list(zip(edges[::2], edges[1::2]))


def crop_ink(gray: np.ndarray, edge: float) -> np.ndarray:
    """The smallest box that holds the ink; 0 is paper, 1 is ink."""
    left, _, right, _ = box_of(gray < DARK)
    paper = np.percentile(gray[:, left:right], 75)   # white, or a stripe
    ink = np.clip((paper - gray) / (paper - 40), 0, 1)
    left, top, right, bottom = box_of(ink > edge)
    return ink[top:bottom, left:right]


@cache
def templates() -> dict[tuple[int, int], tuple[list, np.ndarray]]:
    """Height and width -> numbers and their pixels, drawn at 3 sizes and 16 fractions of a pixel."""
    by_shape = {}
    for number, size in itertools.product(range(1, MAX_NUMBER + 1), (13, 14, 15)):
        large = Image.new("L", (128, 80), 255)
        ImageDraw.Draw(large).text((12, 68), str(number), 39, load_font(4 * size), anchor="ls",
                                   stroke_width=1)
        for shift in itertools.product(range(4), repeat=2):
            gray = np.roll(np.asarray(large), shift, (0, 1)).reshape(20, 4, 32, 4).mean(axis=(1, 3))
            for ink in {ink.shape: ink for ink in map(partial(crop_ink, gray), EDGES)}.values():
                by_shape.setdefault(ink.shape, []).append((number, ink))
    return {shape: ([number for number, _ in both], np.array([ink for _, ink in both]))
            for shape, both in by_shape.items()}


def read_number(gray: np.ndarray) -> int:
    """The number whose picture differs least from the ink. Pale lines at its edge may belong to it."""
    found = []
    for edge in EDGES:
        ink = crop_ink(gray, edge)
        numbers, pictures = templates().get(ink.shape, ([], None))
        if numbers:
            errors = np.abs(pictures - ink).mean(axis=(1, 2))
            found.append((errors.min(), numbers[errors.argmin()]))
    return min(found)[1]


def read_kind(pixels: np.ndarray, box: tuple[int, int, int, int]) -> str:
    """The kind of a symbol, from the part of its box that it fills: a half, three quarters, or all."""
    left, top, right, bottom = box
    strength = np.ptp(pixels[top - 1:bottom + 1, left - 1:right + 1], axis=2)   # with pale edges
    cover = np.clip((strength - 20) / (strength.max() - 20), 0, 1)
    filled = cover.sum() / cover.sum(axis=0).max() / cover.sum(axis=1).max()
    return "triangle" if filled < 0.66 else "circle" if filled < 0.9 else "square"


def read_rows(pixels: np.ndarray) -> list[Row]:
    """The table, from its pixels alone: symbols are found by their colour, numbers beside them."""
    rows, vivid = [], is_vivid(pixels)
    for top, bottom in runs(vivid.any(axis=1)):
        symbol = np.zeros_like(vivid)
        symbol[top:bottom] = vivid[top:bottom]
        left, _, right, _ = box = box_of(symbol)
        paint = pixels[(2 * top + bottom) // 3 + 1, (left + right) // 2]
        color = min(COLORS, key=lambda name: np.abs(paint - COLORS[name]).sum())
        middle = (top + bottom) // 2
        beside = pixels[max(0, middle - HALF_ROW):middle + HALF_ROW]
        gray = np.where(is_vivid(beside), 255, beside.mean(axis=2))
        gray[:, left - 1:right + 1] = 255   # the edge of the symbol is no ink
        gray[(gray < DARK).sum(axis=1) > WIDEST_INK] = 255
        rows.append(Row(color, read_kind(pixels, box), read_number(gray)))
    return rows


@pytest.mark.parametrize("split", ["train", "novel"])
def test_rows_read_from_the_pixels_are_those_of_the_record(split):
    """200 tables: colour and kind of each symbol, and the number beside it, by comparison with the font."""
    for table, _ in examples(split):
        assert read_rows(pixels_of(table)) == list(table.rows)


def test_the_labelled_boxes_are_those_of_the_ink():
    """A symbol's box to a pixel; the boxes of a number's digits, from left to right, together too."""
    for table, _ in examples():
        pixels, things = pixels_of(table), list(table.things)
        for row in table.rows:
            symbol, digits = things[0], things[1:1 + len(str(row.number))]
            del things[:1 + len(digits)]
            assert (symbol.kind, symbol.color) == (row.kind, row.color)
            assert "".join(digit.kind for digit in digits) == str(row.number)
            assert {digit.color for digit in digits} == {"black"}
            assert_covers(is_vivid(pixels), [symbol])
            assert_covers(is_ink(pixels), digits)
        assert not things


def assert_covers(mask: np.ndarray, things: list) -> None:
    """The things' boxes together end where the mask around them ends. The tip of a triangle is pale."""
    boxes = np.array([[t.x - t.width / 2, t.y - t.height / 2, t.x + t.width / 2, t.y + t.height / 2]
                      for t in things]) * 0.64
    left, top, right, bottom = *boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)
    near = np.zeros_like(mask)
    near[int(top):int(np.ceil(bottom)) + 1, int(left) - 1:int(np.ceil(right)) + 1] = True
    assert np.abs(np.array(box_of(mask & near)) - (left, top, right, bottom)).max() <= 1.3


def test_digits_are_nine_pixels_high_and_everything_lies_on_the_page():
    """64 pixels are 100 percent."""
    for table, _ in examples():
        for thing in table.things:
            assert thing.kind in KINDS or thing.height >= 9 / 0.64 * 0.98
            assert thing.width / 2 < thing.x < 100 - thing.width / 2
            assert thing.height / 2 < thing.y < 100 - thing.height / 2


def test_a_table_is_a_function_of_its_seed():
    """Same seed, same table and picture; another seed, another one."""
    first, again, other = (make_page("train", random.Random(seed)) for seed in (1, 1, 2))
    assert first == again and first.draw().tobytes() == again.draw().tobytes()
    assert first.draw().tobytes() != other.draw().tobytes()
    assert questions(first, random.Random(3)) == questions(again, random.Random(3))


# Splits

def test_no_colour_and_no_number_occurs_twice_in_a_table():
    """So every question has one answer."""
    for table, _ in examples():
        assert 2 <= len(table.rows) <= 4
        assert len({row.color for row in table.rows}) == len({row.number for row in table.rows}) == len(
            table.rows)


def test_the_split_of_a_table_follows_from_its_rows():
    """Another appearance does not change it."""
    for split in ("train", "val", "novel"):
        assert {split_of(table) for table, _ in examples(split)} == {split}
    tables = {split: {table.rows for table, _ in examples(split)} for split in ("train", "val")}
    assert not tables["train"] & tables["val"]


def test_a_twelfth_of_the_pairs_is_held_out_but_no_colour_and_no_number():
    """594 pairs: 50 are held out. A number keeps 5 of 6 colours or more, a colour 90 of 99 numbers."""
    pairs = [Row(color, "circle", number) for color in COLORS for number in range(1, 100)]
    kept = [row for row in pairs if not is_held_out(row)]
    assert abs(len(pairs) - len(kept) - 50) <= 2
    assert min(Counter(row.number for row in kept).values()) == 5
    assert min(Counter(row.color for row in kept).values()) >= 90


def test_held_out_pairs_are_neither_drawn_nor_asked_for_in_train_and_val():
    """In novel, each question or its answer names the colour or the number of such a pair."""
    for split in ("train", "val"):
        assert not any(is_held_out(row) for table, _ in examples(split) for row in table.rows)
    for table, annotations in examples("novel"):
        colors = [row.color for row in table.rows if is_held_out(row)]
        numbers = [str(row.number) for row in table.rows if is_held_out(row)]
        for annotation in annotations:
            words = re.findall(r"\w+", annotation.question)
            assert {annotation.answer, *words} & {*colors, *numbers}


# Questions

def parse(question: str) -> tuple[str, dict[str, str]]:
    """The type of a question and the values of its slots."""
    for name, wordings in WORDINGS.items():
        for wording in wordings:
            found = re.fullmatch(re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\w+)", re.escape(wording)), question)
            if found and (name != "COLOR" or found["n"].isdigit()):
                return name, found.groupdict()
    raise AssertionError(question)


def answer_of(question: str, rows: tuple) -> str:
    """The answer from the facts alone."""
    name, slots = parse(question)
    number = {color: value for color, _, value in rows}
    color = {str(value): color for color, _, value in rows}
    if name == "ROWS":
        return str(len(rows))
    if name.startswith("EXTREMUM"):
        best = {"largest": max, "smallest": min}[slots["most"]](number.values())
        return str(best) if name == "EXTREMUM_NUMBER" else color[str(best)]
    if name == "COLOR":
        return color[slots["n"]]
    if name == "VALUE":
        return str(number[slots["a"]])
    a, b = number[slots["a"]], number[slots["b"]]
    return str(a + b) if name == "SUM" else "yes" if a > b else "no"


@pytest.mark.parametrize("split", ["train", "val", "novel"])
def test_every_answer_follows_from_the_data(split):
    """Four to six different questions for each table. The answer is computed from question and data."""
    for table, annotations in examples(split, 600):
        assert 4 <= len(annotations) <= 6
        assert len({annotation.question for annotation in annotations}) == len(annotations)
        for annotation in annotations:
            assert annotation.style == "tables"
            assert annotation.answer == answer_of(annotation.question, table.data[1]), annotation


def test_every_wording_is_used_and_sums_stay_below_100():
    """38 wordings of seven types."""
    asked = [annotation for _, annotations in examples("train", 600) for annotation in annotations]
    patterns = {re.sub(r"\b\d+\b", "{n}", re.sub(rf"\b({'|'.join(COLORS)})\b", "{color}", a.question))
                for a in asked}
    wordings = {re.sub(r"{[ab]}", "{color}", wording) for group in WORDINGS.values() for wording in group}
    filled = {wording.format(most=most, color="{color}", n="{n}")
              for wording in wordings for most in ("largest", "smallest")}
    assert patterns == filled
    assert max(int(a.answer) for a in asked if a.answer.isdigit()) <= 99


def test_yes_is_as_frequent_as_no():
    """Within 4 percent, and every number of rows is equally frequent within 5."""
    answers = Counter(a.answer for _, annotations in examples("train", 2000) for a in annotations)
    assert abs(answers["yes"] / (answers["yes"] + answers["no"]) - 0.5) < 0.04
    rows = Counter(len(table.rows) for table, _ in examples("train", 2000))
    assert all(abs(count / 2000 - 1 / 3) < 0.05 for count in rows.values())
