"""point_explanations at level easy: every sentence and every point is checked against the pixels."""
import math
import random
import re
from collections import Counter
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from test_scenes_easy import colored_regions
from tools.text_only_baseline import compute_accuracy, group_questions

from data.point_explanations import prepare
from data.point_explanations.prepare import is_clearly_larger, make_example
from data.scenes.easy import COLORS, KIND_AREAS, KINDS
from data.scenes.easy_wording import label_text, with_preposition
from data.scenes.levels import LEVELS
from minimolmo.flow import Answer, Example, Thing
from minimolmo.metrics import EvalItem, is_correct, score_exact, score_explanation_points
from minimolmo.text.facts import NUMBER_WORDS, place_name
from minimolmo.text.points import parse_points, plain_text

EASY = LEVELS["easy"]
TAG = re.compile(r"<points?\s[^<>]*>([^<>]*)</points?>")
MIN_OFFSET = 8.0  # percent; the pixels give a centre to half a pixel, 0.8 percent
SIDES = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}


class Found(NamedTuple):
    """An object as the pixels show it."""
    color: str
    kind: str
    x: float  # percent
    y: float
    area: float  # pixels


@cache
def examples_of(split: str = "train", count: int = 200):
    return [make_example(EASY, split, random.Random(f"{split}/{index}")) for index in range(count)]


@cache
def pixels_and_notes(split: str) -> list:
    """(objects found in the pixels, annotations) of 200 pictures."""
    return [(find_objects(scene.draw()), notes) for scene, notes in examples_of(split)]


def find_objects(image) -> list[Found]:
    """All objects of an image, from its pixels alone."""
    pixels, found = np.asarray(image).astype(int), []
    for region in colored_regions(pixels):
        (top, left), (bottom, right) = region.min(axis=0), region.max(axis=0) + 1
        y, x = (top + bottom) / 2, (left + right) / 2
        color = min(COLORS, key=lambda name: np.abs(pixels[int(y), int(x)] - COLORS[name]).sum())
        coverage = np.zeros(pixels.shape[:2])  # 1 inside, less at the edge
        spread = np.ptp(pixels, axis=2)[tuple(region.T)]
        coverage[tuple(region.T)] = np.minimum(1, spread / np.median(spread))
        kind = read_kind(coverage[top:bottom, left:right])
        found.append(Found(color, kind, 100 * x / 64, 100 * y / 64, coverage.sum()))
    return found


def read_kind(coverage: np.ndarray) -> str:
    """The kind of an object from the share of its box that is painted: 1, 0.79, and 0.5 for two of them."""
    share = coverage.sum() / coverage.sum(axis=0).max() / coverage.sum(axis=1).max()
    height, width = coverage.shape
    lower_left = coverage[int(0.78 * height), int(0.22 * width)]
    return "square" if share > 0.9 else "circle" if share > 0.66 else "triangle" if lower_left else "cross"


def pointed_at(objects: list[Found], text: str) -> list[tuple[str, list[Found]]]:
    """(label, objects) of each tag: the object nearest to each point, within a pixel and a half."""
    tags = []
    for tag in TAG.finditer(text):
        nearest = [min(objects, key=lambda o: math.dist((o.x, o.y), point)) for point in parse_points(tag[0])]
        for point, thing in zip(parse_points(tag[0]), nearest):
            assert math.dist((thing.x, thing.y), point) < 2.3, text
        tags.append((tag[1], nearest))
    return tags


def of_label(objects: list[Found], label: str) -> list[Found]:
    """The objects that a label names by colour and kind."""
    words = set(re.findall("|".join([*COLORS, *KINDS]), label))
    return [each for each in objects if words <= {each.color, each.kind}]


@pytest.mark.parametrize("split", ["train", "val", "novel"])
def test_every_point_lies_on_an_object_of_its_label(split):
    """The pixels at the points of a tag have the colour and the kind that its words name."""
    for objects, notes in pixels_and_notes(split):
        for note in notes:
            for label, things in pointed_at(objects, note.answer):
                names = {label_text((color, thing.kind), plural=len(things) > 1)
                         for thing in things for color in ("", thing.color)}
                assert len(set(things)) == len(things) and label in names, note
                assert set(things) <= set(of_label(objects, label)), note


@pytest.mark.parametrize("split", ["train", "val", "novel"])
def test_every_explanation_is_true_of_the_pixels(split):
    """Each type, recognised by its words, is checked from the objects that the pixels show."""
    types = Counter(check_explanation(objects, note.question.lower(), note.answer)
                    for objects, notes in pixels_and_notes(split) for note in notes)
    assert set(types) == {"beside", "larger", "yes", "no", "color", "count"}
    assert min(types.values()) > 20


def check_explanation(objects: list[Found], question: str, answer: str) -> str:
    """Assert that an explanation is true and complete, and return its type."""
    tags, words = pointed_at(objects, answer), plain_text(answer).lower()
    pointed = [thing for _, things in tags for thing in things]
    if side := re.search(r"(left of|right of|above|below) the (\w+ \w+)", words):
        assert side[0] in question
        return check_beside(objects, side[1], of_label(objects, side[2]), pointed)
    if words.startswith(("yes", "no")):
        return check_presence(objects, re.search(r"\ban? (\w+ \w+)", question)[1], words, pointed)
    if "larger" in words:
        large, small = pointed
        assert large.area > 1.35 * small.area and all(label in question for label, _ in tags)
        return "larger"
    if color := re.search(rf" in ({'|'.join(COLORS)})\.|^in ({'|'.join(COLORS)}) ", words):
        assert (color[1] or color[2]) in question
        assert set(pointed) == set(of_label(objects, color[0])) and len(pointed) == len(set(pointed))
        return "color"
    kind = re.search("|".join(KINDS), question)[0]
    assert set(pointed) == set(of_label(objects, kind)) and 2 <= len(pointed) <= 4
    assert re.search(rf"(are|count) {NUMBER_WORDS[len(pointed)]} ", words)
    return "count"


def check_beside(objects: list[Found], relation: str, anchors: list[Found], pointed: list[Found]) -> str:
    """All objects on that side of the one anchor are pointed at, and the side of none is in doubt."""
    (anchor,), (dx, dy) = anchors, SIDES[relation]
    assert anchor in pointed
    offsets = {o: dx * (o.x - anchor.x) + dy * (o.y - anchor.y) for o in objects if o != anchor}
    assert {o for o, offset in offsets.items() if offset > 0} == set(pointed) - {anchor}
    assert min(map(abs, offsets.values())) > MIN_OFFSET - 1.6
    return "beside"


def check_presence(objects: list[Found], label: str, words: str, pointed: list[Found]) -> str:
    """Yes if the named object is there; then, or for another object after "But", its place is true."""
    answer = words.split(",")[0]
    assert bool(of_label(objects, label)) == (answer == "yes") and label in words
    assert len(pointed) <= 1 and (answer == "no" or pointed == of_label(objects, label))
    for thing in pointed:
        assert words.endswith(f"{with_preposition(place_name(thing.x, thing.y))}.")
    return answer


@pytest.mark.parametrize("split", ["train", "novel"])
def test_sentences_are_grammatical(split):
    """a or an, is or are, a number word before several points, and no tag at the beginning or left open."""
    for _, notes in examples_of(split):
        for note in notes:
            text = plain_text(note.answer)
            assert "<" not in text and not note.answer.startswith("<") and text.endswith(".")
            assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|\bone ", text.replace("larger one", "")), text
            assert not re.search(r"there is (two|three|four)|there are an? ", text.lower()), text
            for number, tag in re.findall(r"(\w+) (<points .*?>)", note.answer):
                assert number == NUMBER_WORDS[len(parse_points(tag))], note.answer


def test_answers_are_short():
    """Four tags at most in an answer, two at most on average, six in a row."""
    rows = [[len(TAG.findall(note.answer)) for note in notes] for _, notes in examples_of(count=600)]
    tags = [count for row in rows for count in row]
    assert max(tags) <= 4 and 1 < np.mean(tags) <= 2
    assert max(map(sum, rows)) <= prepare.MAX_TAGS_IN_ROW


def test_yes_is_as_common_as_no():
    answers = Counter(note.answer.split(",")[0] for _, notes in examples_of(count=2000) for note in notes)
    assert 0.46 < answers["Yes"] / (answers["Yes"] + answers["No"]) < 0.54


def test_the_question_alone_does_not_give_the_answer_away():
    """Yes or no, the number, and which of two is larger: a bag of words is hardly better than a constant."""
    train, val = (group_questions(notes for _, notes in examples_of(*each))
                  for each in (("train", 1500), ("val", 600)))
    assert len(val) == 3
    for group, held_out in val.items():
        accuracy, most_common = compute_accuracy(train[group], held_out)
        noise = 2 * math.sqrt(most_common * (1 - most_common) / len(held_out))
        assert accuracy <= most_common + 0.05 + noise, group


def test_no_kind_is_more_often_the_larger_one():
    """A square of side 20 and a triangle of side 25: the larger box has less paint, so this is not asked."""
    square, triangle = Thing("square", "red", 20, 20, 20, 20), Thing("triangle", "blue", 70, 70, 25, 25)
    assert KIND_AREAS["square"] == 1 and KIND_AREAS["triangle"] == 0.5
    assert not is_clearly_larger(triangle, square) and not is_clearly_larger(square, triangle)
    small = Thing("square", "blue", 70, 70, 16, 16)
    assert is_clearly_larger(square, small) and not is_clearly_larger(small, square)


def test_the_questions_of_a_novel_picture_are_about_its_held_out_object():
    """Question and answer name the pair, or its colour and in a tag its kind."""
    for _, notes in examples_of("novel"):
        for note in notes:
            text, words = plain_text(note.answer), note.question + " " + note.answer
            named = any(label_text(pair) in words for pair in EASY.held_out)
            assert named or any(re.search(rf"\b{color}\b", text) and re.search(rf"\b{kind}", text)
                                for color, kind in EASY.held_out), note


def test_the_true_answer_scores_one_and_a_shifted_point_does_not():
    """By the points, and as a text."""
    for scene, notes in examples_of(count=50):
        items = [EvalItem("", Example("", (note,), scene.things), note, "",
                          Answer(note.answer, parse_points(note.answer))) for note in notes]
        assert score_explanation_points(items) == {"precision": 1, "recall": 1, "F1": 1}
        assert score_exact(items) == {"exact match": 1} and all(is_correct(item, items) for item in items)
        shifted = [EvalItem("", item.example, item.annotation, "", Answer(
            item.answer.text, [(x + 4, y) for x, y in item.answer.points])) for item in items]
        assert score_explanation_points(shifted)["F1"] < 1


def test_the_same_generator_gives_the_same_row_and_picture():
    (first, notes), (again, same) = (make_example(EASY, "train", random.Random(5)) for _ in range(2))
    assert notes == same and first.draw().tobytes() == again.draw().tobytes()
    assert {note.style for note in notes} == {"point_explanations"}


@pytest.mark.parametrize("name", ["BESIDE", "LARGER", "COUNT", "SHARES_COLOR", "IS_THERE"])
def test_each_question_has_six_wordings_and_some_are_as_people_type(name):
    wordings = getattr(prepare, name)
    assert len(set(wordings)) == 6 and any(wording[-1] not in ".?" for wording in wordings)
