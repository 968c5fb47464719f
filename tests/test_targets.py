"""The goals of mini: points are scored by visible masks, and every goal has a line in the table."""
import random
from pathlib import Path

import numpy as np
import pytest
from tools import targets

from data.scenes.full import make_scene
from data.scenes.masks import covers_point, visible_masks
from minimolmo.flow import Annotation, Answer, Example, Thing
from minimolmo.metrics import EvalItem

SCENES = [make_scene("val", random.Random(seed), (), 10) for seed in range(6)]
HIDDEN = (Thing("square", "red", 40, 50, 40, 40), Thing("circle", "blue", 62, 50, 30, 30))  # in front


def test_masks_are_as_large_as_the_scene_says_and_never_overlap():
    """A scene measures the visible part on a coarse grid, hence the tolerance of 0.1."""
    for scene in SCENES:
        masks = visible_masks(scene.things, scene.width, scene.height)
        assert np.sum(masks, axis=0).max() <= 1
        for thing, mask in zip(scene.things, masks):
            whole = visible_masks([thing], scene.width, scene.height)[0]
            assert mask.sum() / whole.sum() == pytest.approx(thing.visible, abs=0.1)


def test_a_things_centre_is_always_in_its_mask():
    for scene in SCENES:
        for thing, mask in zip(scene.things, visible_masks(scene.things, scene.width, scene.height)):
            assert covers_point(mask, (thing.x, thing.y)) or scene.height * thing.height < 1200


def pointing_item(tmp_path: Path, predicted: list, target=((40.0, 50.0),)) -> EvalItem:
    from PIL import Image
    path = tmp_path / "two.png"
    Image.new("RGB", (200, 100)).save(path)
    annotation = Annotation("pointing", label="red square", points=tuple(target))
    example = Example(path, (annotation,), HIDDEN)
    return EvalItem("points", example, annotation, "?", Answer("", predicted))


def test_a_point_hits_where_the_thing_is_visible_and_misses_where_another_hides_it(tmp_path):
    """The square reaches from 20 to 60 % and the circle hides its right part: 22 hits, 18 and 58 miss."""
    scores = [targets.masked_f1(pointing_item(tmp_path, [(x, 50)])) for x in (22, 40, 18, 58)]
    assert scores == [1, 1, 0, 0]


def test_f1_in_masks_pairs_points_and_things_one_to_one(tmp_path):
    both = ((40.0, 50.0), (62.0, 50.0))
    assert targets.masked_f1(pointing_item(tmp_path, [(25, 50), (30, 50)], both)) == 0.5  # both on the square
    assert targets.masked_f1(pointing_item(tmp_path, [(62, 50), (25, 50)], both)) == 1
    assert targets.masked_f1(pointing_item(tmp_path, [], ())) == 1
    assert targets.masked_f1(pointing_item(tmp_path, [(5, 5)], ())) == 0


def test_closed_types_are_the_free_questions_without_a_sentence_for_an_answer(tmp_path):
    def free(target, predicted):
        annotation = Annotation("user_qa", question="?", answer=target)
        return EvalItem("ama", Example(Path("a.png"), (annotation,)), annotation, "?", Answer(predicted, []))
    items = [free("red", "red"), free("yes", "no"), free("The picture does not tell.", "red")]
    report = targets.score_with_masks(items)
    assert report["user_qa"]["closed types"] == 0.5
    assert report["user_qa"]["exact match"] == pytest.approx(1 / 3, abs=1e-4)


def test_every_goal_has_a_line_with_all_columns_and_says_whether_it_is_met():
    report = {"right image": {"pointing": {"mask F1": 0.96, "median error, % of width": 1.2}},
              "blank image": {"pointing": {"mask F1": 0.1}}}
    lines = targets.compare(report)
    assert [line["what"] for line in lines] == list(targets.GOALS)
    assert [line["met"] for line in lines[:3]] == [True, False, None]
    rows = targets.format_table(lines).splitlines()
    assert len(lines) == len(targets.GOALS)  # no line for unseen pairs: the report lacks them
    assert rows[0] == "| what | right image | blank image | goal | met |"
    assert rows[2] == "| pointing F1, in the visible mask | 0.96 | 0.1 | 0.95 | yes |"


@pytest.mark.parametrize("unseen, met", [(0.86, True), (0.84, False)])
def test_unseen_pairs_may_be_five_points_worse_than_seen_ones(unseen, met):
    report = {"right image": {"user_qa": {"closed types": 0.9}},
              "novel pairs": {"user_qa": {"closed types": unseen}}}
    line = targets.compare(report)[-1]
    assert (line["right image"], line["goal"], line["met"]) == (unseen, 0.85, met)
