"""Nine pictures of what happens inside, and what they show is so."""
import random

import numpy as np
import pytest
from PIL import Image

from data.scenes.easy import make_scene
from data.scenes.levels import LEVELS
from minimolmo.answer import RELEASED, load
from minimolmo.config import ImageConfig
from minimolmo.image.tiler import tile_image
from minimolmo.viz import figures
from minimolmo.viz.activations import record_activations
from minimolmo.viz.figures import (
    cells,
    digit_band,
    digits_written,
    draw_course,
    draw_digits,
    main,
    mosaic,
    overview,
    question_words,
    stitched,
    tiles_of,
)

NANO = ImageConfig()
ANSWER = '<points x1="5.5" y1="40.2" x2="61.0" y2="7.9" alt="red circles">red circles</points>'


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def nano():
    return load(RELEASED)


def test_the_overview_that_is_drawn_is_the_picture_that_goes_in():
    picture = noise(64, 64)
    assert np.array_equal(overview(tile_image(picture, NANO, 0), NANO), picture)


def test_the_stitched_canvas_is_the_picture_again():
    """64 x 128 pixels are just what 1 x 3 crops see: pixel for pixel, and none twice."""
    picture = noise(64, 128)
    crops = tile_image(picture, NANO, 4)
    assert crops.grid == (1, 3) and np.array_equal(stitched(crops, NANO), picture)


def test_patches_are_laid_out_row_by_row():
    crops = tile_image(noise(64, 64), NANO, 0)
    assert mosaic(tiles_of(crops, 8)[0], 8, gap=2).size == (80, 80)


def test_a_digit_narrows_the_place_tenfold():
    assert digit_band("", 6, whole=2) == (60, 70) and digit_band("6", 1, whole=2) == (61, 62)
    assert digit_band("61.", 5, whole=2) == (61.5, 61.6) and digit_band("", 5, whole=1) == (5, 6)
    assert cells(60, 70) == slice(240, 280) and len(range(400)[cells(99.9, 100)]) == figures.THIN


def test_the_digits_of_the_first_point_are_found_in_the_order_of_writing(nano):
    inside = record_activations(*nano[:2], noise(64, 64), [("Point to the red circles.", ANSWER)])
    steps = [(axis, written, digit) for _, axis, written, digit in digits_written(inside)]
    assert steps == [("x", "", "5"), ("x", "5.", "5"), ("y", "", "4"), ("y", "4", "0"), ("y", "40.", "2")]


def test_words_of_the_question_come_without_the_roles_around_it(nano):
    inside = record_activations(*nano[:2], noise(64, 64), [("Point to the red circle.", ANSWER)])
    assert [inside.words[place].strip() for place in question_words(inside)] == [
        "Point", "to", "the", "red", "circle"]


def test_without_a_point_there_is_no_heat_and_without_a_log_no_course(nano, tmp_path):
    inside = record_activations(*nano[:2], noise(64, 64), [("How many?", "There are 3.")])
    assert draw_digits(inside, Image.new("RGB", (64, 64)), nano[1]) is None
    assert draw_course(tmp_path) is None


def test_a_course_is_the_curve_and_some_of_the_samples_below_it(tmp_path):
    (tmp_path / "samples").mkdir()
    Image.new("RGB", (760, 420)).save(tmp_path / "loss.png")
    alone = draw_course(tmp_path)
    for step in range(5):
        Image.new("RGB", (960, 300)).save(tmp_path / "samples" / f"step-{step}.png")
    assert draw_course(tmp_path).height == alone.height + 3 * 300


def test_the_command_draws_what_there_is_and_says_what_is_not(tmp_path, capsys):
    scene = make_scene([("red", "circle"), ("blue", "square")], LEVELS["easy"], "val", random.Random(3))
    scene.draw().save(tmp_path / "scene.png")
    main([str(tmp_path / "scene.png"), "Point to the red circle.", f"--weights={RELEASED}",
          f"--out={tmp_path / 'inside'}"])
    said, drawn = capsys.readouterr().out, {path.stem for path in (tmp_path / "inside").iterdir()}
    assert drawn == {"patches", "crops", "stitched", "attention", "pooling", "booths", "loss_mask", "points"}
    assert "no course: these weights come without" in said
    assert all(path.stat().st_size < 400_000 for path in (tmp_path / "inside").iterdir())
