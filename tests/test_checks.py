"""Checks that a run can learn: targets in its batches, what the length limit cuts, data that changed."""
import numpy as np
import pytest

from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.config import ImageConfig
from minimolmo.image.tiler import tile_image
from minimolmo.overrides import override
from minimolmo.presets import preset
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.training.checks import (
    CHECKED_SEQUENCES,
    CHECKED_STEPS,
    StageCheck,
    describe_changes,
    drop_undrawn,
)

WORDS = Tokenizer([], vocab=257)
CROPS = tile_image(np.zeros((64, 64, 3), np.uint8), ImageConfig(), 0)


def batch(max_tokens=10 ** 9, thing_boxes=None):
    messages = [[WORDS.encode("How many cats?"), WORDS.encode("Three.")]]
    return collate([build_sequence(CROPS, messages, WORDS, max_tokens, thing_boxes=thing_boxes)])


def add_steps(check, number, each):
    for _ in range(number):
        check.add([each])


def test_steps_with_answers_pass():
    check = StageCheck("finetune", 320, num_steps=CHECKED_STEPS)
    add_steps(check, CHECKED_STEPS, batch())
    assert not check.summary()


def test_steps_whose_answers_are_cut_off_are_refused_when_enough_were_seen():
    check = StageCheck("finetune", 30, num_steps=1000)
    add_steps(check, CHECKED_STEPS - 1, batch(max_tokens=30))
    with pytest.raises(ValueError, match=r"8 images, 240 tokens\) have no answer tokens.*--max_tokens=60"):
        check.add([batch(max_tokens=30)])


def test_bootstrap_needs_object_labels():
    check = StageCheck("bootstrap", 320, num_steps=1000)
    add_steps(check, CHECKED_SEQUENCES - 1, batch())
    with pytest.raises(ValueError, match="512 images.*no object labels.*Try --bootstrap.steps=0"):
        check.add([batch()])


def test_data_with_few_targets_is_not_refused():
    """One sequence in a hundred has them: the first 99 have none."""
    check = StageCheck("bootstrap", 320, num_steps=1000)
    add_steps(check, 99, batch())
    check.add([batch(thing_boxes=np.full((1, 4), 50, np.float32))])
    add_steps(check, CHECKED_SEQUENCES, batch())


def test_a_short_stage_without_targets_is_refused_at_its_last_step():
    check = StageCheck("bootstrap", 320, num_steps=7)
    add_steps(check, 6, batch())
    with pytest.raises(ValueError, match="the first 7 steps of stage bootstrap .*no object labels"):
        check.add([batch()])


def test_the_share_that_was_cut_off_is_exact():
    """The image takes 23 tokens, question and answer 21, the last of which is a target alone: 43 tokens."""
    whole, cut = batch(), batch(max_tokens=40)
    assert whole.ids.shape[1] == 43 and cut.num_cut == [3]
    check = StageCheck("finetune", 40, num_steps=9)
    check.add([whole, cut])
    assert check.summary().endswith("1 of 2 sequences were longer than max_tokens=40; "
                                    "3.5% of the tokens were cut off")


def test_changes_of_data_are_named():
    saved, present = {"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "x", "d": "4"}
    assert describe_changes(saved, present, 7) == ["b changed since step 7", "c is gone since step 7",
                                                   "d is new since step 7"]


def test_level_small_trains_on_the_four_sets_that_it_draws():
    """Your own sets stay. A set with weight 0 is not missed."""
    nano = override(preset("nano"), ["--mix.mine=1", "--mix.docs=0"])
    assert drop_undrawn(nano) == (nano, [])
    config, dropped = drop_undrawn(override(nano, ["--level=small"]))
    assert dropped == ["cap_qa", "point_explanations", "clocks"]
    assert {*config.mix} == {"points", "count", "ask_model_anything", "cap", "docs", "mine"}
