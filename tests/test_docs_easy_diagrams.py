"""Diagrams of level easy: boxes, arrows, pixels, labels and answers agree."""
import random
import re
from collections import Counter
from functools import cache

import numpy as np
import pytest

from data.docs import easy_diagrams
from data.docs.easy_diagrams import ARROW_GAP, HEAD_SIZE, HELD_OUT, make_page, questions
from data.docs.easy_page import split_of
from data.scenes.easy import COLORS

DARK, VIVID = 130, 60   # arrows are darker than this; boxes have a larger difference between channels
WORDINGS = {name: getattr(easy_diagrams, name) for name in (
    "AFTER", "BEFORE", "END", "HOW_MANY", "LEADS", "STEPS")}


@cache
def examples(split: str = "train", count: int = 200):
    """(diagram, annotations), without images."""
    generators = [random.Random(f"diagrams/{split}/{index}") for index in range(count)]
    return [(diagram := make_page(split, rng), questions(diagram, rng)) for rng in generators]


# Pixels

def regions(mask: np.ndarray) -> list[np.ndarray]:
    """Connected regions of true pixels, corners included, each an array of (x, y)."""
    painted = {(int(x), int(y)) for y, x in np.argwhere(mask)}
    found = []
    while painted:
        region, frontier = [], [painted.pop()]
        while frontier:
            x, y = frontier.pop()
            region.append((x, y))
            near = {(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & painted
            painted -= near
            frontier += near
        found.append(np.array(region))
    return found


def read_pixels(pixels: np.ndarray) -> tuple[dict[str, np.ndarray], list[tuple[np.ndarray, np.ndarray]]]:
    """Colour -> the centre of its box, and (tail, tip) of each arrow, from the pixels alone."""
    vivid = np.ptp(pixels, axis=2) > VIVID
    boxes = {}
    for region in regions(vivid):
        center = (region.min(axis=0) + region.max(axis=0) + 1) / 2
        paint = pixels[int(center[1]), int(center[0])]
        boxes[min(COLORS, key=lambda name: np.abs(paint - COLORS[name]).sum())] = center
    darkness = np.where(vivid, 0, np.clip(1 - pixels.mean(axis=2) / 220, 0, 1))
    return boxes, [ends_of(region, darkness) for region in regions((pixels.mean(axis=2) < DARK) & ~vivid)]


def ends_of(arrow: np.ndarray, darkness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The tail and the tip of an arrow. From its widest line, the arrow narrows slowly towards its tip."""
    low, high = arrow.min(axis=0), arrow.max(axis=0)
    along = int((high - low).argmax())
    left, top, right, bottom = *(low - 1), *(high + 2)
    widths = np.pad(darkness[max(0, top):bottom, max(0, left):right].sum(axis=along), 2)
    widest = widths.argmax()
    first, last = (arrow[arrow[:, along] == end[along]].mean(axis=0) + 0.5 for end in (low, high))
    return (first, last) if widths[widest + 2] > widths[widest - 2] else (last, first)


def nearest(boxes: dict[str, np.ndarray], spot: np.ndarray) -> str:
    return min(boxes, key=lambda color: np.abs(boxes[color] - spot).sum())


@pytest.mark.parametrize("split", ["train", "novel"])
def test_boxes_and_arrows_read_from_the_pixels_are_those_of_the_record(split):
    """200 diagrams: the colours, the centres to a pixel, and both boxes of each arrow in the right order."""
    for diagram, _ in examples(split):
        boxes, arrows = read_pixels(np.asarray(diagram.draw()).astype(int))
        assert boxes.keys() == {box.color for box in diagram.boxes}
        for box in diagram.boxes:
            assert np.abs(boxes[box.color] - (box.x, box.y)).max() <= 1
        read = [(nearest(boxes, tail), nearest(boxes, tip)) for tail, tip in arrows]
        assert sorted(read) == sorted(diagram.arrows)


def test_the_labelled_heads_are_around_the_tips_of_the_arrows():
    """A head is 6 pixels long, so its centre is 3 pixels behind its tip."""
    for diagram, _ in examples():
        boxes, arrows = read_pixels(np.asarray(diagram.draw()).astype(int))
        tips = np.array([tip + (tail - tip) / np.linalg.norm(tail - tip) * 2.5 for tail, tip in arrows])
        heads = [thing for thing in diagram.things if thing.kind == "arrow"]
        assert len(heads) == len(arrows) == len(diagram.arrows)
        for head in heads:
            assert np.abs(tips - np.array((head.x, head.y)) * 0.64).sum(axis=1).min() <= 2
            assert head.color == "black" and head.width == head.height == 12.5
        labels = {thing.color: thing for thing in diagram.things if thing.kind == "box"}
        assert labels.keys() == boxes.keys()
        for color, thing in labels.items():
            assert np.abs(boxes[color] - np.array((thing.x, thing.y)) * 0.64).max() <= 1
            assert thing.width == thing.height == round(diagram.side / 0.64, 2)


def distance_to_box(spots: np.ndarray, box, side: float) -> float:
    """The smallest distance, along x or y, of these points to a box; negative inside."""
    return (np.abs(spots - (box.x, box.y)).max(axis=1) - side / 2).min()


def test_no_arrow_crosses_a_box_and_every_arrow_is_long_enough_to_be_seen():
    """An arrow ends a pixel before its boxes and stays 6 pixels or more away from the others."""
    for diagram, _ in examples("train", 600):
        for arrow in diagram.arrows:
            start, end = map(np.array, diagram.arrow_ends(arrow))
            spots = start + (end - start) * np.linspace(0, 1, 50)[:, None]
            assert np.linalg.norm(end - start) >= HEAD_SIZE + 4
            for box in diagram.boxes:
                joined = box.color in arrow
                far = distance_to_box(spots, box, diagram.side)
                assert abs(far - ARROW_GAP) < 0.01 if joined else far >= 6


def test_boxes_have_eleven_pixels_and_a_gap_and_lie_on_the_page():
    """Neighbours are 24 pixels apart or more."""
    for diagram, _ in examples("train", 600):
        assert 3 <= len(diagram.boxes) <= 5 and diagram.side >= 11
        for box in diagram.boxes:
            assert all(diagram.side / 2 + 0.7 <= value <= 63.3 - diagram.side / 2
                       for value in (box.x, box.y))
            assert all(max(abs(box.x - other.x), abs(box.y - other.y)) >= 23.98
                       for other in diagram.boxes if other != box)


def test_a_diagram_is_a_function_of_its_seed():
    """Same seed, same diagram and picture; another seed, another one."""
    first, again, other = (make_page("train", random.Random(seed)) for seed in (1, 1, 2))
    assert first == again and first.draw().tobytes() == again.draw().tobytes()
    assert first.draw().tobytes() != other.draw().tobytes()
    assert questions(first, random.Random(3)) == questions(again, random.Random(3))


def test_a_diagram_is_a_chain_or_has_one_fork():
    """Each box but the first has one arrow to it; at most one box has two arrows from it."""
    num_forks = 0
    for diagram, _ in examples("train", 600):
        starts, ends = (Counter(side) for side in zip(*diagram.arrows))
        assert ends.keys() == {box.color for box in diagram.boxes[1:]} and set(ends.values()) == {1}
        assert sorted(starts.values())[:-1] == [1] * (len(starts) - 1) and max(starts.values()) <= 2
        num_forks += max(starts.values()) == 2
    assert 240 < num_forks < 360


# Splits

def test_the_split_of_a_diagram_follows_from_its_facts():
    """No facts are in two splits."""
    for split in ("train", "val", "novel"):
        assert {split_of(diagram) for diagram, _ in examples(split)} == {split}
    facts = {split: {diagram.data for diagram, _ in examples(split, 600)} for split in ("train", "val")}
    assert not facts["train"] & facts["val"]


def test_held_out_arrows_are_neither_drawn_nor_asked_for_in_train_and_val():
    """Their colours are, in other arrows. In novel, each question names a colour of such an arrow."""
    for split in ("train", "val"):
        for diagram, annotations in examples(split, 600):
            assert not set(HELD_OUT) & set(diagram.arrows)
            for annotation in annotations:
                assert tuple(re.findall("|".join(COLORS), annotation.question)) not in HELD_OUT
    starts, ends = ({arrow[side] for diagram, _ in examples() for arrow in diagram.arrows} for side in (0, 1))
    assert starts == ends == set(COLORS)
    for diagram, annotations in examples("novel"):
        colors = {color for arrow in diagram.arrows if arrow in HELD_OUT for color in arrow}
        for annotation in annotations:
            name, slots = parse(annotation.question)
            assert name == "STEPS" or colors & {annotation.answer, *slots.values()}
            assert name != "HOW_MANY"


# Questions

def parse(question: str) -> tuple[str, dict[str, str]]:
    """The type of a question and the values of its slots."""
    for name, wordings in WORDINGS.items():
        for wording in wordings:
            found = re.fullmatch(re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\w+)", re.escape(wording)), question)
            if found:
                return name, found.groupdict()
    raise AssertionError(question)


def answer_of(question: str, colors: list[str], arrows: tuple) -> str:
    """The answer from the facts alone."""
    name, slots = parse(question)
    table = np.array([[(a, b) in arrows for b in colors] for a in colors], dtype=int)
    if name == "HOW_MANY":
        return str(len(colors) if slots["things"] == "boxes" else table.sum())
    if name == "END":
        ends, = np.flatnonzero(table.sum(axis=0 if slots["end"] == "first" else 1) == 0)[None]
        assert len(ends) == 1
        return colors[ends[0]]
    a = colors.index(slots["a"])
    if name in ("AFTER", "BEFORE"):
        other, = np.flatnonzero(table[a] if name == "AFTER" else table[:, a])
        return colors[other]
    b = colors.index(slots["b"])
    if name == "LEADS":
        return "yes" if table[a, b] else "no"
    return str(next(steps for steps in range(1, 5) if np.linalg.matrix_power(table, steps)[a, b]))


@pytest.mark.parametrize("split", ["train", "val", "novel"])
def test_every_answer_follows_from_the_data(split):
    """Four to six different questions for each diagram. The answer is computed from question and data."""
    for diagram, annotations in examples(split, 600):
        _, boxes, arrows = diagram.data
        assert 4 <= len(annotations) <= 6
        assert len({annotation.question for annotation in annotations}) == len(annotations)
        for annotation in annotations:
            assert annotation.style == "diagrams"
            assert annotation.answer == answer_of(annotation.question, [color for color, _ in boxes], arrows)


def test_every_wording_is_used():
    """34 wordings of six types."""
    asked = [annotation for _, annotations in examples("train", 600) for annotation in annotations]
    patterns = {re.sub(rf"\b({'|'.join(COLORS)})\b", "{color}", annotation.question) for annotation in asked}
    wordings = {re.sub(r"{[ab]}", "{color}", wording) for group in WORDINGS.values() for wording in group}
    assert patterns == {wording.format(color="{color}", end=end, things=things) for wording in wordings
                        for end in ("first", "last") for things in ("boxes", "arrows")}


def test_yes_is_as_frequent_as_no():
    """Within 4 percent, and every number of boxes is equally frequent within 5."""
    answers = Counter(a.answer for _, annotations in examples("train", 1500) for a in annotations)
    assert abs(answers["yes"] / (answers["yes"] + answers["no"]) - 0.5) < 0.04
    boxes = Counter(len(diagram.boxes) for diagram, _ in examples("train", 1500))
    assert all(abs(count / 1500 - 1 / 3) < 0.05 for count in boxes.values())
