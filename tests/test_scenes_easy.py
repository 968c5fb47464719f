"""The world of mini-PixMo: what a scene says is what its pixels show. `read_pixels` never sees the record."""
import doctest
import random
from collections import Counter

import numpy as np
import pytest

import data.scenes.easy_wording
from data.cap.prepare import caption, make_example
from data.scenes.easy import COLORS, KINDS, Scene, choose_pairs, make_scene, pair_of, place_things, split_of
from data.scenes.easy_wording import absent_labels, matching_things, place_of
from data.scenes.levels import LEVELS, get_level
from minimolmo.flow import Thing
from minimolmo.text.facts import facts_in, facts_of

EASY = LEVELS["easy"]


def scenes(count: int, split: str = "train") -> list[Scene]:
    """Scenes of one to six things, as the sets make them."""
    made = []
    for index in range(count):
        rng = random.Random(index)
        made.append(make_scene(choose_pairs(1 + index % 6, EASY, split, rng), EASY, split, rng))
    return made


def patches_of_paint(pixels: np.ndarray) -> list[np.ndarray]:
    """Connected patches of strong colour, each an array of (y, x); the background is pale, so it has none."""
    painted = {(int(y), int(x)) for y, x in np.argwhere(np.ptp(pixels, axis=2) > 60)}
    patches = []
    while painted:
        patch, frontier = [], [painted.pop()]
        while frontier:
            y, x = frontier.pop()
            patch.append((y, x))
            near = {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} & painted
            painted -= near
            frontier += near
        patches.append(np.array(patch))
    return patches


def read_kind(patch: np.ndarray) -> str:
    """By its width near the top and near the bottom, as shares of its box."""
    rows = Counter(patch[:, 0].tolist())
    first, height, width = min(rows), len(rows), np.ptp(patch[:, 1]) + 1
    upper, lower = rows[first + height // 6] / width, rows[first + height - 1 - height // 6] / width
    if lower - upper > 0.35:
        return "triangle"
    return "square" if upper > 0.9 else "circle" if upper > 0.5 else "cross"


def read_pixels(scene: Scene) -> list[tuple[str, str, float, float]]:
    """(colour, kind, x, y) of whatever can be seen in the picture; x and y in percent."""
    pixels = np.asarray(scene.draw()).astype(int)
    seen = []
    for patch in patches_of_paint(pixels):
        y, x = (patch.min(axis=0) + patch.max(axis=0) + 1) / 2
        paint = pixels[int(y), int(x)]
        color = min(COLORS, key=lambda name: np.abs(paint - COLORS[name]).sum())
        seen.append((color, read_kind(patch), 100 * x / scene.width, 100 * y / scene.height))
    return seen


def test_objects_found_in_the_pixels_are_those_of_the_record():
    """200 scenes: the number of things, each one's colour and kind, and its centre to a pixel."""
    for scene in scenes(200):
        seen = read_pixels(scene)
        assert len(seen) == len(scene.things)
        for thing in scene.things:
            color, kind, x, y = min(seen, key=lambda other: abs(other[2] - thing.x) + abs(other[3] - thing.y))
            assert (color, kind) == pair_of(thing)
            assert abs(x - thing.x) < 100 / 64 and abs(y - thing.y) < 100 / 64


def test_a_point_lands_on_its_object():
    """The centre of the box is painted for every kind, the triangle too."""
    for scene in scenes(200, split="novel"):
        pixels = np.asarray(scene.draw()).astype(int)
        for thing in scene.things:
            paint = pixels[int(thing.y * 0.64), int(thing.x * 0.64)]
            assert np.abs(paint - COLORS[thing.color]).max() <= 12


def test_the_centre_of_mass_of_a_square_is_its_point_to_a_tenth_of_a_pixel():
    """Edges are antialiased, so a picture knows places finer than its pixels."""
    thing = Thing("square", "blue", x=40.23, y=60.16, width=20.31, height=20.31)
    red = np.asarray(Scene(64, 64, 7, (thing,)).draw()).astype(float)[:, :, 0]
    ink = np.where(red < red.max() - 12, np.median(red) - red, 0)
    ys, xs = np.mgrid[:64, :64] + 0.5
    assert abs((ink * xs).sum() / ink.sum() - 0.4023 * 64) < 0.1
    assert abs((ink * ys).sum() / ink.sum() - 0.6016 * 64) < 0.1


def test_when_an_object_moves_its_pixels_move_with_it():
    """25 % of 64 pixels are 16 pixels."""
    here = Thing("cross", "green", x=25.0, y=50.0, width=25.0, height=25.0)
    there = Thing("cross", "green", x=50.0, y=50.0, width=25.0, height=25.0)
    pictures = [np.asarray(Scene(64, 64, 7, (thing,)).draw()).astype(int) for thing in (here, there)]
    green = [np.ptp(picture, axis=2) > 60 for picture in pictures]
    assert green[0].any() and np.array_equal(green[0][:, :48], green[1][:, 16:])


def test_things_keep_a_gap_and_stay_inside():
    """At the fullest, seven things."""
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
    """So train, val and novel share none, whatever their sizes."""
    for split in ("train", "val", "novel"):
        assert {split_of(scene.things, EASY) for scene in scenes(40, split)} == {split}


def test_three_pairs_are_kept_from_training_but_not_their_colours_and_kinds():
    """24 pairs, 21 trained; every colour is still seen on 3 kinds, every kind in 5 colours."""
    assert len(EASY.pairs) == 21 and not set(EASY.held_out) & set(EASY.pairs)
    assert min(Counter(color for color, _ in EASY.pairs).values()) == 3
    assert min(Counter(kind for _, kind in EASY.pairs).values()) == 5


def test_pointing_at_the_centre_misses_most_objects():
    """The blind guess, the centre, misses by a median of more than 25 % of the width."""
    centres = np.array([(thing.x, thing.y) for scene in scenes(300) for thing in scene.things])
    assert np.median(np.hypot(*(centres - 50).T)) > 25


@pytest.mark.parametrize("x, y, place", [(10, 10, "top left"), (50, 50, "center"), (90, 50, "right"),
                                         (34, 90, "bottom"), (33, 90, "bottom left")])
def test_a_place_is_a_ninth_of_the_picture(x, y, place):
    """Lines at 1/3 and 2/3."""
    assert place_of(Thing("circle", "red", x, y, 20, 20)) == place


def test_no_object_lies_on_the_line_between_two_named_places():
    """Where places are named, centres keep 3 % away from the lines between them."""
    for seed in range(100):
        for thing in place_things(EASY.pairs[:5], EASY, random.Random(seed), grid_margin=3.0):
            assert min(abs(value - line) for value in (thing.x, thing.y) for line in (100 / 3, 200 / 3)) >= 3


def test_facts_are_read_back_from_every_caption_and_every_transcript():
    """Fillers, slips of the tongue and the order of the walk change nothing."""
    for index in range(200):
        scene, annotations = make_example(EASY, "train", random.Random(index))
        for annotation in annotations:
            assert facts_in(annotation.answer, COLORS, KINDS) == facts_of(scene.things), annotation.answer


def test_captions_are_not_one_template():
    """One scene, many captions: all with the same facts."""
    scene = scenes(3)[2]
    assert len({caption(scene, random.Random(seed)) for seed in range(50)}) > 40


@pytest.mark.parametrize("text", ["", "a red", "red circle red circle", "at the top left", "." * 1000])
def test_no_fact_is_read_from_broken_text(text):
    """A half-trained model says such things."""
    assert facts_in(text, COLORS, KINDS) == set()


def test_labels_match_exactly_the_objects_they_name():
    """Any colour, any kind, both; and what is absent is named only within the split."""
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
    """What was given, why not, what to try."""
    with pytest.raises(ValueError, match="'hard' does not exist.*Try one of: easy"):
        get_level("hard")
