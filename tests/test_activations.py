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
    decoder_attention_weights,
    pooling_attention_weights,
    record_attention_weights,
    record_activations,
    segment_mask,
    token_name,
)

DIALOGUES = [("Point to the red circle.", "There are none."), ("How many shapes are there?", "2")]


@pytest.fixture(scope="module")
def nano():
    return load(RELEASED)


@pytest.fixture(scope="module")
def picture():
    return np.asarray(make_scene([("red", "circle"), ("blue", "square")], LEVELS["easy"], "val",
                                 random.Random(3)).draw())


@pytest.fixture(scope="module")
def activations(nano, picture):
    return record_activations(*nano[:2], picture, DIALOGUES)


def test_attention_weights_times_values_equal_attention():
    q, k, v = torch.randn(3, 2, 4, 5, 8, generator=torch.Generator().manual_seed(0))
    k, v, visible = k[:, :2], v[:, :2], torch.ones(5, 5, dtype=torch.bool).tril()[None, None]
    weighted = attention_weights(q, k, visible) @ repeat_kv(v, 4)
    torch.testing.assert_close(weighted, attention(q, k, v, visible))


@pytest.mark.parametrize("dialogues", [DIALOGUES, DIALOGUES[:1]], ids=["a mask", "no mask: one annotation"])
def test_recorded_weights_are_the_decoders_own(nano, picture, dialogues):
    """The recorded weights times the values give each block's own output."""
    recomputed = []

    def check(module, x, *rest):
        weights = decoder_attention_weights(module, x, *rest)
        v = split_heads(module.qkv(x).split(module.widths, dim=-1)[2], module.kv_heads)
        recomputed.append(module.out(merge_heads(weights @ repeat_kv(v, module.heads))))
        return weights
    blocks, outputs = [block.attention for block in nano[0].decoder.blocks], []
    hooks = [block.register_forward_hook(lambda *call: outputs.append(call[2])) for block in blocks]
    with record_attention_weights(blocks, check):
        record_activations(*nano[:2], picture, dialogues)
    for hook in hooks:
        hook.remove()
    assert len(recomputed) == len(outputs) == len(blocks)
    for ours, used in zip(recomputed, outputs):
        torch.testing.assert_close(ours, used, atol=1e-4, rtol=1e-4)


def test_recorded_weights_are_the_poolings_own(nano):
    pooling = nano[0].pooling.attention
    window = torch.randn(3, 4, pooling.key.in_features, generator=torch.Generator().manual_seed(0))
    query = window.mean(dim=1, keepdim=True)
    weights = pooling_attention_weights(pooling, query, window)
    recomputed = pooling.out(merge_heads(weights @ split_heads(pooling.value(window), pooling.heads)))
    torch.testing.assert_close(recomputed, pooling(query, window), atol=1e-4, rtol=1e-4)


def test_each_tokens_attention_sums_to_one_and_none_goes_to_another_segment(activations):
    segments = torch.from_numpy(activations.sequence.segment_ids)
    for block in activations.attention:
        torch.testing.assert_close(block.sum(dim=-1), torch.ones(block.shape[:2]))
        assert not block[:, segments == 2][:, :, segments == 1].any()


def test_the_overviews_heat_sums_to_the_attention_on_visual_tokens(activations):
    on_image = activations.attention[1][:, 30, activations.visual_positions()].mean(dim=0).sum().item()
    assert activations.overview_heat(1, 30).sum() == pytest.approx(on_image, abs=1e-5)
    assert activations.overview_heat(1, 30).shape == (8, 8)


def test_the_segment_mask_names_the_segment_of_each_visible_key(activations):
    mask, segments = segment_mask(activations.sequence), activations.sequence.segment_ids
    last = len(segments) - 1
    assert segments[last] == 2 and mask[last].tolist() == [b if b != 1 else -1 for b in segments]


def test_the_logits_at_an_answer_are_those_that_generated_it(nano, picture):
    """The likeliest token at each position of the answer is the token that was generated."""
    question = "Point to the red circle."
    answer, = ask(*nano[:2], [picture], [question])
    activations = record_activations(*nano[:2], picture, [(question, answer.text)])
    is_answer = activations.sequence.loss_weight > 0
    likeliest = activations.logits.argmax(dim=-1).numpy()[is_answer]
    assert likeliest.tolist() == activations.sequence.targets[is_answer].tolist()


def test_the_token_red_attends_to_the_red_object(nano):
    """In the first block " red" attends more to the red object's patches than to the blue one's."""
    rng, is_red_hotter = random.Random(0), []
    for _ in range(12):
        scene = make_scene([("red", "circle"), ("blue", "square")], LEVELS["easy"], "val", rng)
        activations = record_activations(*nano[:2], np.asarray(scene.draw()), DIALOGUES[:1])
        heat = activations.overview_heat(0, activations.tokens.index(" red"))
        y, x = (np.indices((8, 8)) + 0.5) * 100 / 8
        red, blue = (heat[np.hypot(x - t.x, y - t.y) < 18].sum() for t in scene.things)
        is_red_hotter.append(red > blue)
    assert np.mean(is_red_hotter) >= 0.8


def test_hooks_are_removed_after_an_error(nano):
    module = nano[0].decoder.blocks[0].attention
    with pytest.raises(ZeroDivisionError), record_attention_weights([module], decoder_attention_weights):
        1 / 0
    assert not module._forward_hooks


def test_image_tokens_have_names_and_text_tokens_are_their_text(nano, activations):
    tokenizer = nano[1]
    assert activations.tokens[:4] == ["[end]", "[start]", "[patch]", "[patch]"]
    assert token_name(tokenizer.encode(" red")[0], tokenizer) == " red"
