"""Varied images: the points move with the window, and what is no longer true is left out."""
from pathlib import Path

import numpy as np
import pytest

from minimolmo.batch.augment import MARGIN, Variation, choose_variation, movable_annotations, shrink
from minimolmo.flow import Annotation, Example, Thing

POINTING = Annotation("pointing", label="cup", points=((50.0, 30.0),))
PHOTO = Example(Path("a.png"), (POINTING, Annotation("pointing", label="cats")))


def photo_with_a_dot(x: int, y: int) -> np.ndarray:
    """A black image, 200 wide and 100 high, with one white pixel."""
    image = np.zeros((100, 200, 3), np.uint8)
    image[y, x] = 255
    return image


@pytest.mark.parametrize("seed", range(20))
def test_a_point_stays_on_its_pixel_in_every_window(seed):
    """The pixel at (100, 30) of 200 x 100 lies at 50.25 %, 30.5 %; windows end between pixels, so ± one."""
    example = Example(Path("a.png"), (Annotation("pointing", label="dot", points=((50.25, 30.5),)),))
    variation = choose_variation(example, 0.3, np.random.default_rng(seed))
    image = variation.vary_image(photo_with_a_dot(100, 30))
    (x, y), = variation.vary_example(example).annotations[0].points
    row, column = np.unravel_index(image[..., 0].argmax(), image.shape[:2])
    assert abs(x / 100 * image.shape[1] - 0.5 - column) <= 1
    assert abs(y / 100 * image.shape[0] - 0.5 - row) <= 1


def test_windows_differ_and_keep_a_margin_around_all_points():
    rng, points = np.random.default_rng(0), ((20.0, 50.0), (95.0, 50.0))
    example = Example(Path("a.png"), (Annotation("pointing", label="cups", points=points),))
    seen = [choose_variation(example, 0.3, rng) for _ in range(200)]
    assert max(v.left for v in seen) == pytest.approx(20 - MARGIN) and min(v.right for v in seen) == 100
    assert len({v.left for v in seen}) > 20 and 0.15 < np.mean([v.bottom == 100 for v in seen]) < 0.35
    assert all(0 <= v.left < v.right <= 100 and 0 <= v.top < v.bottom <= 100 for v in seen)


@pytest.mark.parametrize("example", [
    Example(Path("a.png"), (Annotation("user_qa", "Who is it?", answer="A cat."),)),
    Example(Path("a.png"), (POINTING,), (Thing("cup", "red", 50.0, 30.0, 9.0, 9.0),)),
    Example(Path("a.png"), (Annotation("point_explanations", "Why?", "", "<point>", ((1.0, 1.0),)),)),
])
def test_images_without_points_or_with_exact_labels_are_shown_whole(example):
    for seed in range(9):
        variation = choose_variation(example, 0.3, np.random.default_rng(seed))
        assert variation.vary_example(example) == example
        assert len(set(variation.gains)) == 3  # but in other light


def test_in_a_window_no_annotation_names_a_place_or_counts_what_has_no_points():
    kept = [POINTING, Annotation("count", label="cup", answer="1"),
            Annotation("user_qa", "What color is the cup?", answer="red")]
    left_out = [Annotation("count", label="cats", answer="3"),
                Annotation("user_qa", "Where is the cup?", answer="At the top left."),
                Annotation("long_caption", answer="A cup. On the right is a cat.")]
    assert movable_annotations(Example(Path("a.png"), (*kept, *left_out))) == kept
    moved = Variation(0, 0, 80, 100, (1, 1, 1)).vary_example(Example(Path("a.png"), (*kept, *left_out)))
    assert [a.style for a in moved.annotations] == ["pointing", "count", "user_qa"]
    assert moved.annotations[0].points == ((62.5, 30.0),)


def test_light_changes_each_channel_by_its_gain():
    image = np.full((2, 2, 3), 100, np.uint8)
    assert Variation(0, 0, 100, 100, (1.5, 1, 3)).vary_image(image)[0, 0].tolist() == [150, 100, 255]


def test_a_large_photo_is_kept_small_and_a_small_one_as_it_is():
    assert shrink(np.zeros((1500, 2000, 3), np.uint8), 64).shape == (215, 286, 3)  # by 7
    small = np.zeros((100, 300, 3), np.uint8)
    assert shrink(small, 64) is small


def test_in_a_window_no_answer_holds_points_or_numbers_or_tells_the_whole():
    """Their coordinates would not move along, and what they count or tell may be cut off."""
    answers = ['I see a <point x="50.0" y="30.0" alt="cup">cup</point>.', "3", "There are two cups.", "green"]
    asked = [Annotation("user_qa", question="What?", answer=answer) for answer in answers]
    caption = Annotation("long_caption", answer="A cup beside a lamp.")
    assert movable_annotations(Example(Path("a.png"), (POINTING, *asked, caption))) == [POINTING, asked[-1]]
