"""The figures show what the model received and computed."""
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
    percent_to_bins,
    digit_interval,
    draw_point_digits,
    draw_training,
    image_grid,
    main,
    overview_image,
    patch_images,
    point_digits,
    question_tokens,
    stitched_image,
)

NANO = ImageConfig()
ANSWER = '<points x1="5.5" y1="40.2" x2="61.0" y2="7.9" alt="red circles">red circles</points>'


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def nano():
    return load(RELEASED)


def test_the_overview_is_drawn_as_the_vit_receives_it():
    picture = noise(64, 64)
    assert np.array_equal(overview_image(tile_image(picture, NANO, 0), NANO), picture)


def test_the_stitched_image_equals_the_image():
    """1 x 3 crops cover 64 x 128 pixels exactly, so the stitched image has each pixel once."""
    picture = noise(64, 128)
    crops = tile_image(picture, NANO, 4)
    assert crops.grid == (1, 3) and np.array_equal(stitched_image(crops, NANO), picture)


def test_patches_are_laid_out_row_by_row():
    crops = tile_image(noise(64, 64), NANO, 0)
    assert image_grid(patch_images(crops, 8)[0], 8, gap=2).size == (80, 80)


def test_each_digit_narrows_the_interval_tenfold():
    assert digit_interval("", 6, whole=2) == (60, 70) and digit_interval("6", 1, whole=2) == (61, 62)
    assert digit_interval("61.", 5, whole=2) == (61.5, 61.6) and digit_interval("", 5, whole=1) == (5, 6)
    assert percent_to_bins(60, 70) == slice(240, 280)
    assert len(range(400)[percent_to_bins(99.9, 100)]) == figures.MIN_BINS


def test_the_digits_of_the_first_point_are_found_in_their_order(nano):
    activations = record_activations(*nano[:2], noise(64, 64), [("Point to the red circles.", ANSWER)])
    steps = [(axis, digits, digit) for _, axis, digits, digit in point_digits(activations)]
    assert steps == [("x", "", "5"), ("x", "5.", "5"), ("y", "", "4"), ("y", "4", "0"), ("y", "40.", "2")]


def test_question_tokens_leave_out_the_roles(nano):
    activations = record_activations(*nano[:2], noise(64, 64), [("Point to the red circle.", ANSWER)])
    assert [activations.tokens[token].strip() for token in question_tokens(activations)] == [
        "Point", "to", "the", "red", "circle"]


def test_without_a_point_or_a_log_there_is_no_such_figure(nano, tmp_path):
    activations = record_activations(*nano[:2], noise(64, 64), [("How many?", "There are 3.")])
    assert draw_point_digits(activations, Image.new("RGB", (64, 64)), nano[1]) is None
    assert draw_training(tmp_path) is None


def test_a_figure_never_replaces_the_image_that_was_given(tmp_path, monkeypatch):
    picture = Image.fromarray(noise(9, 9))
    picture.save(tmp_path / "crops.png")
    monkeypatch.setattr(figures, "draw_all", lambda *_: {"patches": picture, "crops": picture})
    with pytest.raises(ValueError, match="crops.png is the image that was given.*Try another --out"):
        main([str(tmp_path / "crops.png"), "Who?", f"--out={tmp_path}"])
    assert not (tmp_path / "patches.png").exists()


def test_the_training_figure_is_the_loss_curve_above_some_samples(tmp_path):
    (tmp_path / "samples").mkdir()
    Image.new("RGB", (760, 420)).save(tmp_path / "loss.png")
    alone = draw_training(tmp_path)
    for step in range(5):
        Image.new("RGB", (960, 300)).save(tmp_path / "samples" / f"step-{step}.png")
    assert draw_training(tmp_path).height == alone.height + 3 * 300


def test_the_command_draws_every_possible_figure_and_names_the_missing_one(tmp_path, capsys):
    scene = make_scene([("red", "circle"), ("blue", "square")], LEVELS["easy"], "val", random.Random(3))
    scene.draw().save(tmp_path / "scene.png")
    main([str(tmp_path / "scene.png"), "Point to the red circle.", f"--weights={RELEASED}",
          f"--out={tmp_path / 'inside'}"])
    printed, figure_names = capsys.readouterr().out, {p.stem for p in (tmp_path / "inside").iterdir()}
    assert figure_names == {"patches", "crops", "stitched", "attention", "pooling", "attention_mask",
                            "loss_mask", "points"}
    assert "no training: these weights come without" in printed
    assert all(path.stat().st_size < 400_000 for path in (tmp_path / "inside").iterdir())
