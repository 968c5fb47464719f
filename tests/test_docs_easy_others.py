"""Other pages of level easy: digits, pips, columns and arms are read in the pixels."""
import random
import re
from collections import Counter
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from data.docs.easy_numbers import CalendarLeaf, PriceTag, limit_question, make_calendar, make_tag
from data.docs.easy_objects import HELD_OUT_COLUMNS, Domino, Thermometers, make_domino, make_thermometers
from data.docs.easy_others import make_page, questions
from data.docs.easy_page import page_of_split, split_of
from data.docs.easy_signposts import HELD_OUT, Signpost, make_signpost
from data.scenes.easy import COLORS

MAKERS = {PriceTag: make_tag, CalendarLeaf: make_calendar, Signpost: make_signpost,
          Thermometers: make_thermometers, Domino: make_domino}


@cache
def examples_of(split: str = "train", count: int = 800) -> list:
    """(page, annotations)."""
    generators = [random.Random(f"others/{split}/{index}") for index in range(count)]
    return [(page := make_page(split, rng), questions(page, rng)) for rng in generators]


def pages(kind: type, count: int = 200) -> list:
    """Pages of one class, of train and novel in turn."""
    rng = random.Random(kind.__name__)
    return [page_of_split(lambda: MAKERS[kind](rng), ("train", "novel")[index % 2]) for index in range(count)]


def pixels_of(page) -> np.ndarray:
    return np.asarray(page.draw()).astype(int)


def color_of(pixel: np.ndarray) -> str:
    """The named colour of a pixel, or "" if it is grey."""
    nearest = min(COLORS, key=lambda name: np.abs(pixel - COLORS[name]).sum())
    return nearest if np.ptp(pixel) >= 60 else ""


def pixel_box(thing) -> tuple[float, ...]:
    """Left, top, right, bottom in pixels."""
    return tuple(0.64 * side for side in (thing.x - thing.width / 2, thing.y - thing.height / 2,
                                          thing.x + thing.width / 2, thing.y + thing.height / 2))


@cache
def digit_templates() -> dict[str, np.ndarray]:
    """Every digit in large type, cut to its ink, and reduced to 16 x 24."""
    templates = {}
    for digit in "0123456789":
        image = Image.new("L", (400, 400))
        ImageDraw.Draw(image).text((100, 50), digit, 255, ImageFont.load_default(200), stroke_width=4)
        templates[digit] = standardized(image, image.getbbox())
    return templates


def standardized(image: Image.Image, box) -> np.ndarray:
    """The part of an image in the box as 16 x 24 numbers of mean 0 and deviation 1."""
    values = np.asarray(image.resize((16, 24), Image.Resampling.BILINEAR, box)).astype(float)
    return (values - values.mean()) / values.std()


def read_digit(page, thing) -> str:
    """The digit whose template fits best to the pixels in the box."""
    image = page.draw().convert("L")
    if thing.color != "white":
        image = image.point(lambda value: 255 - value)
    values = standardized(image, pixel_box(thing))
    return max(digit_templates(), key=lambda digit: (digit_templates()[digit] * values).mean())


def read_number(page) -> int:
    """The number that the digits of a page show, from left to right."""
    digits = sorted((thing for thing in page.things if thing.kind.isdigit()), key=lambda thing: thing.x)
    return int("".join(read_digit(page, thing) for thing in digits))


def count_blobs(mask: np.ndarray) -> int:
    """The number of connected regions."""
    spots, blobs = {tuple(spot) for spot in np.argwhere(mask).tolist()}, 0
    while spots:
        frontier, blobs = {spots.pop()}, blobs + 1
        while frontier:
            near = {(y + v, x + u) for y, x in frontier for v, u in ((-1, 0), (1, 0), (0, -1), (0, 1))}
            frontier = near & spots
            spots -= frontier
    return blobs


def read_pips(page: Domino) -> tuple[int, ...]:
    """The pips of each half: regions of another colour than the stone, away from its edges."""
    pixels, counts = pixels_of(page), []
    for thing in page.things:
        left, top, right, bottom = (round(side) for side in pixel_box(thing))
        inside = pixels[top + 2:bottom - 2, left + 2:right - 2]
        stone = np.array(COLORS[thing.color])
        counts.append(count_blobs(np.abs(inside - stone).sum(axis=2) > 150))
    return tuple(counts)


@pytest.mark.parametrize("kind", [PriceTag, CalendarLeaf])
def test_prices_and_days_are_read_in_the_pixels(kind):
    """200 pages: each digit is compared with templates of all ten."""
    for page in pages(kind):
        assert read_number(page) == page.number, page


def test_kilometers_and_ways_are_read_in_the_pixels():
    """200 signposts: the digit beside each end, and the end that is a tip and no straight edge."""
    for page in pages(Signpost):
        pixels, arms = pixels_of(page), [thing for thing in page.things if thing.kind == "arm"]
        digits = [thing for thing in page.things if thing.kind != "arm"]
        for color, way, km, arm, digit in zip(page.colors, page.ways, page.distances, arms, digits):
            assert read_digit(page, digit) == str(km) and abs(arm.y - digit.y) < 2
            left, top, right, bottom = (round(side) for side in pixel_box(arm))
            is_painted = [sum(color_of(pixel) == color for pixel in pixels[top:bottom, x])
                          for x in (left + 2, right - 3)]
            assert (is_painted[0] < is_painted[1]) == (way == "left")
            assert max(is_painted) == bottom - top


def test_the_pips_of_a_domino_are_counted_in_the_pixels():
    """200 dominoes, lying and standing."""
    for page in pages(Domino):
        assert read_pips(page) == page.pips, page


def test_a_column_ends_at_the_tick_of_its_temperature():
    """200 pages: from the first coloured pixel in the middle of each tube; ten degrees are 6 pixels."""
    for page in pages(Thermometers):
        pixels = pixels_of(page)
        for x, color, degrees in zip((12, 52), page.colors, page.degrees):
            top = next(y for y in range(64) if color_of(pixels[y, x]))
            assert color_of(pixels[top, x]) == color and (46 - top) / 6 * 10 == degrees
            scale = pixels[top, 19 if x == 12 else 44]
            assert scale.max() < pixels[2, 2].min() - 50


def test_the_boxes_of_the_digits_are_those_of_their_ink():
    """Of black digits on a calendar leaf, to a pixel on each side."""
    for page in (page for page in pages(CalendarLeaf, 400) if page.number_color == "black"):
        dark = pixels_of(page).max(axis=2) < 140
        header, *digits = (pixel_box(thing) for thing in page.things)
        dark[:int(header[3]) + 2] = False
        ys, xs = np.nonzero(dark)
        ink = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
        box = (digits[0][0], min(digits[0][1], digits[1][1]), digits[1][2], max(digits[0][3], digits[1][3]))
        assert np.abs(np.array(ink) - box).max() < 1.1, page


def true_answer(page, question: str) -> str:
    words = re.findall(r"\w+", question.lower())
    if "color" in words:
        return page.number_color if "number" in words else page.color
    return ANSWERS[type(page)](page, words)


def tag_answer(page: PriceTag, words: list[str]) -> str:
    if "than" in words:
        return "yes" if page.number > int(words[-1]) else "no"
    digits = str(page.number)
    return {"first": digits[0], "last": digits[1], "two": str(page.number * 2)}.get(
        next((word for word in words if word in ("first", "last", "two")), ""), digits)


def calendar_answer(page: CalendarLeaf, words: list[str]) -> str:
    if "after" in words:
        return "yes" if page.number > int(words[-1].removesuffix("th")) else "no"
    if "digit" in words:
        return str(page.number)[1]
    return str(page.number + ("tomorrow" in words or "next" in words)
               - ("yesterday" in words or "before" in words))


def signpost_answer(page: Signpost, words: list[str]) -> str:
    named = [word for word in words if word in COLORS]
    km = [page.distances[page.colors.index(color)] for color in named]
    if "nearer" in words:
        return named[km.index(min(km))]
    if "farther" in words:
        is_number = {"much", "many"} & set(words)
        return str(km[0] - km[1]) if is_number else "yes" if km[0] > km[1] else "no"
    if not named:
        return str(page.ways.count("left" if "left" in words else "right"))
    return str(km[0]) if "far" in words or "km" in words else page.ways[page.colors.index(named[0])]


def thermometer_answer(page: Thermometers, words: list[str]) -> str:
    named = [word for word in words if word in COLORS]
    shown = [page.degrees[page.colors.index(color)] for color in named]
    if "30" in words:
        return "yes" if shown[0] > 30 else "no"
    if len(named) == 1:
        return str(shown[0])
    if {"how", "much"} & set(words):
        return str(shown[0] - shown[1])
    return named[shown.index(max(shown))] if "or" in words and "yes" not in words else (
        "yes" if shown[0] > shown[1] else "no")


def domino_answer(page: Domino, words: list[str]) -> str:
    sides = ("left", "right") if page.direction == "lying" else ("top", "bottom")
    named = [page.pips[sides.index(word)] for word in words if word in sides]
    if len(named) == 2:
        return "yes" if named[0] > named[1] else "no"
    if "more" in words:
        return sides[page.pips.index(max(page.pips))]
    return str(named[0] if named else sum(page.pips))


ANSWERS = {PriceTag: tag_answer, CalendarLeaf: calendar_answer, Signpost: signpost_answer,
           Thermometers: thermometer_answer, Domino: domino_answer}


@pytest.mark.parametrize("split", ["train", "novel"])
def test_all_answers_are_those_of_the_record(split):
    """They are computed again from the words of the question."""
    for page, annotations in examples_of(split):
        for annotation in annotations:
            assert annotation.answer == true_answer(page, annotation.question), (page, annotation)


def test_a_picture_has_four_to_six_different_questions_and_all_five_kinds_come_up():
    """In all splits; kinds are equally common."""
    for split in ("train", "val", "novel"):
        for page, annotations in examples_of(split):
            assert 4 <= len({annotation.question for annotation in annotations}) == len(annotations) <= 6
            assert {annotation.style for annotation in annotations} == {"other"}
        counts = Counter(type(page) for page, _ in examples_of(split))
        assert counts.keys() == MAKERS.keys() and min(counts.values()) > 100


def test_yes_is_as_common_as_no_for_each_kind():
    """So that the question does not give the answer away."""
    answers = Counter((type(page), annotation.answer)
                      for page, annotations in examples_of(count=4000) for annotation in annotations)
    for kind in MAKERS:
        assert 0.44 < answers[kind, "yes"] / (answers[kind, "yes"] + answers[kind, "no"]) < 0.56, kind


@pytest.mark.parametrize("limit", range(20, 100, 10))
def test_a_limit_has_as_many_prices_below_it_as_above_it(limit):
    """Counted over all prices, twenty times each."""
    rng, answers = random.Random(1), Counter()
    for price in [*range(11, 100)] * 50:
        for question in limit_question(("{limit}",), price, 10, (20, 90), rng):
            answers[question.answer] += question.slots["limit"] == str(limit)
    assert 0.4 < answers["yes"] / (answers["yes"] + answers["no"]) < 0.6


def is_held_out(page) -> bool:
    if isinstance(page, PriceTag):
        return page.number in (29, 38, 47, 56, 65, 74, 83, 92)
    if isinstance(page, CalendarLeaf):
        return page.number in (13, 18, 24, 29)
    if isinstance(page, Domino):
        return page.pips in [(0, 3), (3, 0), (1, 4), (4, 1), (2, 5), (5, 2), (3, 6), (6, 3)]
    if isinstance(page, Signpost):
        return bool(HELD_OUT & set(zip(page.colors, page.distances)))
    return bool(HELD_OUT_COLUMNS & set(zip(page.colors, page.degrees)))


def test_held_out_values_are_in_novel_alone():
    """For example the price 47, the 24th, a red arm of 7 km, and a domino of 1 and 4."""
    for split in ("train", "val", "novel"):
        for page, annotations in examples_of(split):
            assert is_held_out(page) == (split == "novel") and split_of(page) == split


def test_questions_about_a_novel_page_are_about_what_is_held_out():
    """Its colours are named, or its number or its pips are asked for; its background colour is not."""
    for page, annotations in examples_of("novel"):
        for annotation in annotations:
            words = set(re.findall(r"\w+", f"{annotation.question} {annotation.answer}"))
            if isinstance(page, (Signpost, Thermometers)):
                assert words & set(page.novel_parts), annotation
            else:
                assert "color" not in words


def test_the_day_before_and_after_is_never_a_held_out_day():
    """It would be an answer in train and val."""
    for split in ("train", "val"):
        answers = {annotation.answer for page, annotations in examples_of(split)
                   for annotation in annotations if isinstance(page, CalendarLeaf)}
        assert "14" in answers and not answers & {"13", "18", "24", "29"}


def test_a_page_is_drawn_the_same_each_time_and_another_seed_draws_another():
    """The facts stay when only the seed changes."""
    for page, _ in examples_of()[:40]:
        assert page.draw().tobytes() == page.draw().tobytes()
        other = type(page)(page.style_seed + 1, *list(vars(page).values())[1:])
        assert other.data == page.data and other.draw().tobytes() != page.draw().tobytes()
        assert page.draw().size == (64, 64) and page.draw().mode == "RGB"
