"""Scenes of level easy: the record of a scene agrees with its pixels and its annotations."""
import doctest
import random
from collections import Counter

import numpy as np
import pytest

import data.scenes.easy_wording
from data.cap.prepare import caption, make_example
from data.scenes.easy import (
    COLORS,
    KINDS,
    Scene,
    choose_pairs,
    color_kind_pair,
    make_scene,
    place_things,
    split_of,
)
from data.scenes.easy_wording import absent_labels, matching_things, place_of
from data.scenes.levels import LEVELS, get_level
from minimolmo.flow import Thing
from minimolmo.text.facts import facts_in, facts_of

EASY = LEVELS["easy"]


def scenes(count: int, split: str = "train") -> list[Scene]:
    """Scenes of one to six objects, made as the datasets make them."""
    result = []
    for index in range(count):
        rng = random.Random(index)
        result.append(make_scene(choose_pairs(1 + index % 6, EASY, split, rng), EASY, split, rng))
    return result


def colored_regions(pixels: np.ndarray) -> list[np.ndarray]:
    """Connected regions of strong colour, each an array of (y, x). The background is pale, so it has none."""
    painted = {(int(y), int(x)) for y, x in np.argwhere(np.ptp(pixels, axis=2) > 60)}
    regions = []
    while painted:
        region, frontier = [], [painted.pop()]
        while frontier:
            y, x = frontier.pop()
            region.append((y, x))
            near = {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} & painted
            painted -= near
            frontier += near
        regions.append(np.array(region))
    return regions


def read_kind(region: np.ndarray) -> str:
    """The kind of an object, from its relative width near the top and near the bottom."""
    rows = Counter(region[:, 0].tolist())
    first, height, width = min(rows), len(rows), np.ptp(region[:, 1]) + 1
    upper, lower = rows[first + height // 6] / width, rows[first + height - 1 - height // 6] / width
    if lower - upper > 0.35:
        return "triangle"
    return "square" if upper > 0.9 else "circle" if upper > 0.5 else "cross"


def read_pixels(scene: Scene) -> list[tuple[str, str, float, float]]:
    """(colour, kind, x, y) of every object in the image, from its pixels alone; x and y in percent."""
    pixels = np.asarray(scene.draw()).astype(int)
    objects = []
    for region in colored_regions(pixels):
        y, x = (region.min(axis=0) + region.max(axis=0) + 1) / 2
        paint = pixels[int(y), int(x)]
        color = min(COLORS, key=lambda name: np.abs(paint - COLORS[name]).sum())
        objects.append((color, read_kind(region), 100 * x / scene.width, 100 * y / scene.height))
    return objects


def test_objects_found_in_the_pixels_are_those_of_the_record():
    """200 scenes: the number of objects, the colour and kind of each, and its centre to a pixel."""
    for scene in scenes(200):
        objects = read_pixels(scene)
        assert len(objects) == len(scene.things)
        for thing in scene.things:
            color, kind, x, y = min(objects, key=lambda o: abs(o[2] - thing.x) + abs(o[3] - thing.y))
            assert (color, kind) == color_kind_pair(thing)
            assert abs(x - thing.x) < 100 / 64 and abs(y - thing.y) < 100 / 64


def test_a_point_lands_on_its_object():
    """The centre of the box is painted for every kind, the triangle too."""
    for scene in scenes(200, split="novel"):
        pixels = np.asarray(scene.draw()).astype(int)
        for thing in scene.things:
            paint = pixels[int(thing.y * 0.64), int(thing.x * 0.64)]
            assert np.abs(paint - COLORS[thing.color]).max() <= 12


def test_the_centre_of_mass_of_a_square_is_its_point_to_a_tenth_of_a_pixel():
    """Edges are antialiased, so positions are finer than pixels."""
    thing = Thing("square", "blue", x=40.23, y=60.16, width=20.31, height=20.31)
    red = np.asarray(Scene(64, 64, 7, (thing,)).draw()).astype(float)[:, :, 0]
    ink = np.where(red < red.max() - 12, np.median(red) - red, 0)
    ys, xs = np.mgrid[:64, :64] + 0.5
    assert abs((ink * xs).sum() / ink.sum() - 0.4023 * 64) < 0.1
    assert abs((ink * ys).sum() / ink.sum() - 0.6016 * 64) < 0.1


def test_when_an_object_moves_its_pixels_move_with_it():
    """25 % of 64 pixels are 16 pixels."""
    before = Thing("cross", "green", x=25.0, y=50.0, width=25.0, height=25.0)
    after = Thing("cross", "green", x=50.0, y=50.0, width=25.0, height=25.0)
    pictures = [np.asarray(Scene(64, 64, 7, (thing,)).draw()).astype(int) for thing in (before, after)]
    green = [np.ptp(picture, axis=2) > 60 for picture in pictures]
    assert green[0].any() and np.array_equal(green[0][:, :48], green[1][:, 16:])


def test_things_keep_a_gap_and_stay_inside():
    """With the largest number of objects, seven."""
    for seed in range(50):
        things = place_things(EASY.pairs[:EASY.max_things], EASY, random.Random(seed))
        for a in things:
            assert a.width / 2 <= a.x + 0.01 and a.x <= 100.01 - a.width / 2
            assert all(abs(a.x - b.x) >= (a.width + b.width) / 2 + EASY.gap or
                       abs(a.y - b.y) >= (a.height + b.height) / 2 + EASY.gap for b in things if b is not a)


def test_a_scene_is_a_function_of_its_seed():
    """Same seed, same picture; another seed, another one."""
    first, again, other = (make_scene(EASY.pairs[:3], EASY, "train", random.Random(s)) for s in (1, 1, 2))
    assert first == again and first.draw().tobytes() == again.draw().tobytes()
    assert first.draw().tobytes() != other.draw().tobytes()


def test_the_split_of_a_scene_follows_from_its_objects():
    """So train, val and novel share no scene, whatever their sizes."""
    for split in ("train", "val", "novel"):
        assert {split_of(scene.things, EASY) for scene in scenes(40, split)} == {split}


def test_three_pairs_are_kept_from_training_but_not_their_colours_and_kinds():
    """21 of 24 pairs are in training; there every colour has 3 kinds or more, every kind 5 colours."""
    assert len(EASY.pairs) == 21 and not set(EASY.held_out) & set(EASY.pairs)
    assert min(Counter(color for color, _ in EASY.pairs).values()) == 3
    assert min(Counter(kind for _, kind in EASY.pairs).values()) == 5


def test_pointing_at_the_centre_misses_most_objects():
    """The median distance of objects to the centre is more than 25 % of the width."""
    centres = np.array([(thing.x, thing.y) for scene in scenes(300) for thing in scene.things])
    assert np.median(np.hypot(*(centres - 50).T)) > 25


@pytest.mark.parametrize("x, y, place", [(10, 10, "top left"), (50, 50, "center"), (90, 50, "right"),
                                         (34, 90, "bottom"), (33, 90, "bottom left")])
def test_a_place_is_a_ninth_of_the_picture(x, y, place):
    """Lines at 1/3 and 2/3."""
    assert place_of(Thing("circle", "red", x, y, 20, 20)) == place


def test_no_object_lies_on_the_line_between_two_named_places():
    """Where captions name places, centres are 3 % or more away from the lines between places."""
    for seed in range(100):
        for thing in place_things(EASY.pairs[:5], EASY, random.Random(seed), grid_margin=3.0):
            assert min(abs(value - line) for value in (thing.x, thing.y) for line in (100 / 3, 200 / 3)) >= 3


def test_facts_are_parsed_back_from_every_caption_and_every_transcript():
    """Also from transcripts with fillers, corrections and another order."""
    for index in range(200):
        scene, annotations = make_example(EASY, "train", random.Random(index))
        for annotation in annotations:
            assert facts_in(annotation.answer, COLORS, KINDS) == facts_of(scene.things), annotation.answer


def test_captions_are_not_one_template():
    """One scene, many captions: all with the same facts."""
    scene = scenes(3)[2]
    assert len({caption(scene, random.Random(seed)) for seed in range(50)}) > 40


@pytest.mark.parametrize("text", ["", "a red", "red circle red circle", "at the top left", "." * 1000])
def test_no_fact_is_parsed_from_broken_text(text):
    """A half-trained model generates such text."""
    assert facts_in(text, COLORS, KINDS) == set()


def test_labels_match_exactly_the_objects_they_name():
    """A colour, a kind, or both; labels of absent objects are pairs of the split."""
    red, blue = Thing("circle", "red", 20, 20, 20, 20), Thing("circle", "blue", 80, 80, 20, 20)
    assert matching_things((red, blue), ("", "circle")) == [red, blue]
    assert matching_things((red, blue), ("red", "")) == [red]
    assert ("red", "circle") not in absent_labels((red, blue), EASY, "train")
    assert not set(EASY.held_out) & set(absent_labels((red, blue), EASY, "train"))
    assert set(absent_labels((red, blue), EASY, "novel")) == set(EASY.held_out)


def test_the_examples_in_the_docstrings_are_true():
    """`place_of`, `label_text`."""
    assert doctest.testmod(data.scenes.easy_wording).failed == 0


def test_an_unknown_level_is_refused_with_the_list_of_levels():
    """The message gives the value, the reason and what to try."""
    with pytest.raises(ValueError, match="'hard' does not exist.*Try one of: easy"):
        get_level("hard")
