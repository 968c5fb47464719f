"""Recorded activations: the weights that are drawn are the weights that were used."""
import random

import numpy as np
import pytest
import torch

from data.scenes.easy import make_scene
from data.scenes.levels import LEVELS
from minimolmo.answer import RELEASED, ask, load
from minimolmo.model.attention import attention, merge_heads, repeat_kv, split_heads
from minimolmo.viz.activations import (
    attention_weights,
    decoder_weights,
    pooling_weights,
    record,
    record_activations,
    segment_mask,
    token_name,
)

TALKS = [("Point to the red circle.", "There are none."), ("How many shapes are there?", "2")]


@pytest.fixture(scope="module")
def nano():
    return load(RELEASED)


@pytest.fixture(scope="module")
def picture():
    return np.asarray(make_scene([("red", "circle"), ("blue", "square")], LEVELS["easy"], "val",
                                 random.Random(3)).draw())


@pytest.fixture(scope="module")
def inside(nano, picture):
    return record_activations(*nano[:2], picture, TALKS)


def test_weights_times_values_are_what_attention_gives():
    q, k, v = torch.randn(3, 2, 4, 5, 8, generator=torch.Generator().manual_seed(0))
    k, v, visible = k[:, :2], v[:, :2], torch.ones(5, 5, dtype=torch.bool).tril()[None, None]
    torch.testing.assert_close(attention_weights(q, k, visible) @ repeat_kv(v, 4), attention(q, k, v, visible))


def test_what_is_drawn_is_what_the_decoder_used(nano, picture):
    """The recomputed attention_weights, applied to the values, give each block's own output."""
    apart = []

    def check(module, x, *rest):
        drawn = decoder_weights(module, x, *rest)
        v = repeat_kv(split_heads(module.qkv(x).split(module.widths, dim=-1)[2], module.kv_heads), module.heads)
        apart.append(module.out(merge_heads(drawn @ v)))
        return drawn
    blocks, outputs = [block.attention for block in nano[0].decoder.blocks], []
    hooks = [block.register_forward_hook(lambda *call: outputs.append(call[2])) for block in blocks]
    with record(blocks, check):
        record_activations(*nano[:2], picture, TALKS)
    for hook in hooks:
        hook.remove()
    assert len(apart) == len(outputs) == len(blocks)
    for mine, used in zip(apart, outputs):
        torch.testing.assert_close(mine, used, atol=1e-4, rtol=1e-4)


def test_what_is_drawn_is_what_the_pooling_used(nano):
    pooling = nano[0].pooling.attention
    window = torch.randn(3, 4, pooling.key.in_features, generator=torch.Generator().manual_seed(0))
    question = window.mean(dim=1, keepdim=True)
    drawn = pooling_weights(pooling, question, window)
    mine = pooling.out(merge_heads(drawn @ split_heads(pooling.value(window), pooling.heads)))
    torch.testing.assert_close(mine, pooling(question, window), atol=1e-4, rtol=1e-4)


def test_every_tokens_looks_add_up_to_one_and_none_goes_into_another_booth(inside):
    branch = torch.from_numpy(inside.sequence.segment_ids)
    for block in inside.attention:
        torch.testing.assert_close(block.sum(dim=-1), torch.ones(block.shape[:2]))
        assert not block[:, branch == 2][:, :, branch == 1].any()


def test_the_heat_of_the_patches_is_the_share_that_went_to_the_picture(inside):
    looked = inside.attention[1][:, 30, inside.visual()].mean(dim=0).sum().item()
    assert inside.overview_heat(1, 30).sum() == pytest.approx(looked, abs=1e-5)
    assert inside.overview_heat(1, 30).shape == (8, 8)


def test_a_plan_of_booths_names_whose_words_may_be_seen(inside):
    plan, branch = segment_mask(inside), inside.sequence.segment_ids
    last = len(branch) - 1
    assert branch[last] == 2 and plan[last].tolist() == [b if b != 1 else -1 for b in branch]


def test_reading_an_answer_shows_the_choices_by_which_it_was_written(nano, picture):
    """The likeliest word at each place of the answer is the word that the model then said."""
    question = "Point to the red circle."
    answer, = ask(*nano[:2], [picture], [question])
    inside = record_activations(*nano[:2], picture, [(question, answer.text)])
    said = inside.sequence.loss_weight > 0
    assert inside.scores.argmax(dim=-1).numpy()[said].tolist() == inside.sequence.targets[said].tolist()


def test_red_looks_at_the_red_thing(nano):
    """In the first block the word "red" looks more at the red thing's patches than at the blue one's."""
    rng, more = random.Random(0), []
    for _ in range(12):
        scene = make_scene([("red", "circle"), ("blue", "square")], LEVELS["easy"], "val", rng)
        inside = record_activations(*nano[:2], np.asarray(scene.draw()), TALKS[:1])
        heat = inside.overview_heat(0, inside.words.index(" red"))
        y, x = (np.indices((8, 8)) + 0.5) * 100 / 8
        red, blue = (heat[np.hypot(x - t.x, y - t.y) < 18].sum() for t in scene.things)
        more.append(red > blue)
    assert np.mean(more) >= 0.8


def test_nobody_watches_once_the_reading_is_over(nano):
    module = nano[0].decoder.blocks[0].attention
    with pytest.raises(ZeroDivisionError), record([module], decoder_weights):
        1 / 0
    assert not module._forward_hooks


def test_image_tokens_have_names_and_words_are_themselves(nano, inside):
    tokenizer = nano[1]
    assert inside.words[:4] == ["[end]", "[start]", "[patch]", "[patch]"]
    assert token_name(tokenizer.encode(" red")[0], tokenizer) == " red"
