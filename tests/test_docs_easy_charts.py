"""Charts of level easy: heights and angles are measured in the pixels, answers are computed again."""
import random
import re
from collections import Counter
from functools import cache

import numpy as np
import pytest

from data.docs import easy_charts, easy_pies
from data.docs.easy_charts import BarChart, make_page, questions
from data.docs.easy_page import split_of
from data.docs.easy_pies import Pie
from data.scenes.easy import COLORS


@cache
def examples_of(split: str = "train", count: int = 700) -> list:
    """(page, annotations)."""
    generators = [random.Random(f"charts/{split}/{index}") for index in range(count)]
    return [(page := make_page(split, rng), questions(page, rng)) for rng in generators]


def pages(kind: type, count: int = 200) -> list:
    """Pages of one class."""
    return [page for page, _ in examples_of() if isinstance(page, kind)][:count]


def color_of(pixel: np.ndarray) -> str:
    """The named colour of a pixel, or "" if it is pale."""
    if np.ptp(pixel) < 60:
        return ""
    return min(COLORS, key=lambda name: np.abs(pixel - COLORS[name]).sum())


def read_bars(page: BarChart) -> list[tuple[str, float]]:
    """(colour, length in grid steps) of each bar, from the pixels alone."""
    pixels = np.asarray(page.draw()).astype(int)
    if page.direction == "standing":   # turn the chart, so that bars grow from the left
        pixels = pixels[::-1].transpose(1, 0, 2)
    names = [color_of(pixel) for pixel in pixels[:, 6]]
    runs = [(name, at) for at, name in enumerate(names) if name and names[at - 1] != name]
    return [(name, sum(bool(color_of(pixel)) for pixel in pixels[at + 2]) / easy_charts.STEP)
            for name, at in runs]


def read_slices(page: Pie) -> dict[str, float]:
    """Colour -> tenths of the circle, from 720 pixels on a circle around the center."""
    pixels, turns = np.asarray(page.draw()).astype(int), np.radians(np.arange(0, 360, 0.5) + 0.25)
    names = [color_of(pixels[int(32 + 20 * np.sin(turn)), int(32 + 20 * np.cos(turn))]) for turn in turns]
    return {name: count / 72 for name, count in Counter(names).items()}


def test_bars_measured_in_the_pixels_are_those_of_the_record():
    """200 charts, standing and lying: the colours in order, and every length in grid steps."""
    for page in pages(BarChart):
        assert read_bars(page) == list(zip(page.colors, page.values)), page


def test_a_bar_ends_on_its_grid_line():
    """The pixels beside the end of a bar are those of a line, which is darker than the paper."""
    for page in pages(BarChart):
        gray = np.asarray(page.draw().convert("L")).astype(int)
        gray = gray if page.direction == "standing" else gray.T[::-1]
        ends = [easy_charts.END - value * easy_charts.STEP for value in page.values]
        beside = gray[ends, easy_charts.START]
        assert (beside < gray[2, 2] - 10).all()


def test_slices_measured_in_the_pixels_are_those_of_the_record():
    """200 pies: the share of each colour to a fifth of a tenth."""
    for page in pages(Pie):
        measured = read_slices(page)
        assert all(abs(measured[color] - tenths) < 0.2 for color, tenths in zip(page.colors, page.tenths))


def test_a_label_lies_on_its_bar_or_slice():
    """The pixel in the centre of every box has the colour of the label; a bar fills its box."""
    for page, _ in examples_of():
        pixels = np.asarray(page.draw()).astype(int)
        for thing in page.things:
            assert color_of(pixels[int(thing.y * 0.64), int(thing.x * 0.64)]) == thing.color
    page = pages(BarChart)[0]
    painted = sum(bool(color_of(pixel)) for row in np.asarray(page.draw()).astype(int) for pixel in row)
    assert painted == sum(round(thing.width * 0.64) * round(thing.height * 0.64) for thing in page.things)


def true_answer(page, question: str) -> str:
    """The answer, from the question's words and the record."""
    values = dict(zip(page.colors, page.values if isinstance(page, BarChart) else page.tenths))
    named = [values[color] for color in re.findall("|".join(COLORS), question)]
    words = set(re.findall(r"\w+", question.lower()))
    if "half" in words:
        return "yes" if sum(named) > 5 else "no"
    if words & {"taller", "longer", "larger"}:
        return "yes" if named[0] > named[1] else "no"
    if words & {"tallest", "longest", "largest", "shortest", "smallest"}:
        wanted = (min if words & {"shortest", "smallest"} else max)(values.values())
        assert list(values.values()).count(wanted) == 1
        return next(color for color, value in values.items() if value == wanted)
    if words & {"together", "plus", "add", "sum"}:
        return str(sum(named) * (10 if isinstance(page, Pie) else 1))
    if "bars" in words:
        return str(len(values))
    assert len(named) == 1, question
    return str(named[0] * (10 if isinstance(page, Pie) else 1))


@pytest.mark.parametrize("split", ["train", "novel"])
def test_all_answers_are_those_of_the_record(split):
    """They are computed again from the words of the question."""
    for page, annotations in examples_of(split):
        for annotation in annotations:
            assert annotation.answer == true_answer(page, annotation.question), (page, annotation)


def test_a_picture_has_four_to_six_different_questions():
    """In all splits."""
    for split in ("train", "val", "novel"):
        for page, annotations in examples_of(split, 200):
            assert 4 <= len({annotation.question for annotation in annotations}) == len(annotations) <= 6
            assert {annotation.style for annotation in annotations} == {"charts"}


def test_yes_is_as_common_as_no():
    """Also for each kind of question alone."""
    answers = Counter()
    for _, annotations in examples_of(count=4000):
        answers.update(("half" in annotation.question, annotation.answer) for annotation in annotations)
    for is_half in (False, True):
        yes, no = answers[is_half, "yes"], answers[is_half, "no"]
        assert 0.46 < yes / (yes + no) < 0.54


def test_held_out_values_are_in_novel_alone_and_its_questions_are_about_them():
    """For example a red bar of 7 or a red slice of 30 percent; counting the bars is not asked."""
    for split in ("train", "val", "novel"):
        for page, annotations in examples_of(split, 300):
            pairs = set(zip(page.colors, page.values if isinstance(page, BarChart) else page.tenths))
            held_out = pairs & (easy_charts.HELD_OUT if isinstance(page, BarChart) else easy_pies.HELD_OUT)
            assert bool(held_out) == (split == "novel") and split_of(page) == split
            colors = {color for color, _ in held_out}
            assert split != "novel" or all(
                colors & set(re.findall(r"\w+", f"{annotation.question} {annotation.answer}"))
                for annotation in annotations)


def test_no_colour_is_held_out_at_one_end():
    """Else the colour alone would tell which of two bars is taller: values come in pairs around 5."""
    assert {(color, 10 - value) for color, value in easy_charts.HELD_OUT} == easy_charts.HELD_OUT
