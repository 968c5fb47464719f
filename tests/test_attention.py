"""Attention: a weighted mean, written out and compared with PyTorch's own kernel."""
import math

import pytest
import torch
import torch.nn.functional as F

from minimolmo.model.attention import (
    MultiHeadAttention,
    attention,
    attention_mask,
    causal_mask,
    fused_attention,
    merge_heads,
    single_query_attention,
    split_heads,
)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def causal(length):
    return torch.ones(length, length, dtype=torch.bool).tril()[None, None]


def test_a_query_takes_the_mean_of_the_values_weighted_by_how_well_their_keys_match():
    """Scores 0 and ln 3 are weights 1/4 and 3/4, so values 0 and 100 make 75."""
    q, k, v = torch.tensor([1.0]), torch.tensor([0.0, math.log(3)]), torch.tensor([0.0, 100.0])
    output = attention(q.view(1, 1, 1, 1), k.view(1, 1, 2, 1), v.view(1, 1, 2, 1))
    assert output.item() == pytest.approx(75)


def test_a_score_is_divided_by_the_root_of_the_head_size():
    """Head size 4: a product of 2 ln 3 counts as ln 3, and the weights are 1/4 and 3/4 again."""
    q = torch.tensor([2.0, 0, 0, 0]).view(1, 1, 1, 4)
    k = torch.tensor([[0.0, 0, 0, 0], [math.log(3), 0, 0, 0]]).view(1, 1, 2, 4)
    v = torch.tensor([[0.0, 0, 0, 0], [100.0, 0, 0, 0]]).view(1, 1, 2, 4)
    assert attention(q, k, v)[0, 0, 0, 0].item() == pytest.approx(75)


@pytest.mark.parametrize("key_heads", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_written_out_equals_pytorchs_own(key_heads, masked):
    q, k, v = random(2, 4, 5, 8), random(2, key_heads, 5, 8, seed=1), random(2, key_heads, 5, 8, seed=2)
    visible = causal(5) if masked else None
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, enable_gqa=True)

    torch.testing.assert_close(attention(q, k, v, visible), expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(fused_attention(q, k, v, visible), expected, atol=1e-6, rtol=1e-5)


def test_the_fused_kernel_has_the_same_gradients():
    inputs = [random(1, 4, 5, 8), random(1, 2, 5, 8, seed=1), random(1, 2, 5, 8, seed=2)]
    gradients = []
    for function in (attention, fused_attention):
        q, k, v = (x.clone().requires_grad_() for x in inputs)
        gradients.append(torch.autograd.grad(function(q, k, v, causal(5)).square().sum(), (q, k, v)))
    for written_out, fused in zip(*gradients):
        torch.testing.assert_close(written_out, fused, atol=1e-5, rtol=1e-4)


def test_single_query_attention_has_the_same_output_and_gradients():
    inputs = [random(9, 4, 1, 8), random(9, 4, 5, 8, seed=1), random(9, 4, 5, 8, seed=2)]
    results = []
    for function in (attention, single_query_attention):
        q, k, v = (x.clone().requires_grad_() for x in inputs)
        output = function(q, k, v)
        results.append((output, *torch.autograd.grad(output.square().sum(), (q, k, v))))
    for written_out, single_query in zip(*results):
        torch.testing.assert_close(written_out, single_query, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_a_single_query_of_shared_heads_copies_no_keys_and_has_the_same_output(monkeypatch, masked):
    """Decoding: 4 query heads share 2 key heads, and a cache of 7 tokens is not repeated for them."""
    q, k, v = random(2, 4, 1, 8), random(2, 2, 7, 8, seed=1), random(2, 2, 7, 8, seed=2)
    visible = torch.tensor([[1, 1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 1, 1, 1]]).bool()[:, None, None]
    visible = visible if masked else None
    expected = attention(q, k, v, visible)
    monkeypatch.setattr("minimolmo.model.attention.repeat_kv", None)
    torch.testing.assert_close(fused_attention(q, k, v, visible, causal=True), expected, atol=1e-6, rtol=1e-5)


def test_the_causal_flag_equals_the_causal_mask():
    q, k, v = random(2, 4, 5, 8), random(2, 2, 5, 8, seed=1), random(2, 2, 5, 8, seed=2)
    torch.testing.assert_close(fused_attention(q, k, v, causal=True), attention(q, k, v, causal(5)))


@pytest.mark.parametrize("segments, plain", [
    ([[0, 0, 1, 1], [0, 0, 1, 1]], True), ([[0, 0, 0, 0]], True), ([[0, 0, 1, 2]], False),
    ([[0, 0, 1, 1], [0, 1, 1, -1]], False)])
def test_an_image_with_one_annotation_and_no_padding_needs_no_mask(segments, plain):
    segments = torch.tensor(segments)
    mask = attention_mask(segments, segments)
    assert (causal_mask(segments) is None) == plain == bool((mask == causal(4)).all())


@pytest.mark.parametrize("function", [attention, fused_attention])
def test_neighbouring_query_heads_share_a_key_and_value_head(function):
    """Four query heads, two key and value heads: 0 and 1 get the first one's values (0), 2 and 3 the second's
    (10)."""
    values = torch.tensor([0.0, 10.0])[None, :, None, None].expand(1, 2, 3, 8)
    outputs = function(random(1, 4, 1, 8), random(1, 2, 3, 8), values)
    torch.testing.assert_close(outputs[0, :, 0, 0], torch.tensor([0.0, 0.0, 10.0, 10.0]))


@pytest.mark.parametrize("function", [attention, fused_attention])
def test_a_masked_key_has_no_weight(function):
    q, k, v = random(1, 2, 3, 4), random(1, 2, 3, 4, seed=1), random(1, 2, 3, 4, seed=2)
    before = function(q, k, v, causal(3))
    k[:, :, 2], v[:, :, 2] = 50.0, 1e6
    after = function(q, k, v, causal(3))

    assert torch.equal(before[:, :, :2], after[:, :, :2])      # positions 0 and 1 do not attend to position 2
    assert not torch.allclose(before[:, :, 2], after[:, :, 2])  # position 2 attends to itself


def test_heads_are_neighbouring_slices_of_the_width():
    x = torch.arange(6.0).view(1, 1, 6)
    assert split_heads(x, heads=2)[0, :, 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_merging_undoes_splitting():
    x = random(2, 5, 12)
    assert torch.equal(merge_heads(split_heads(x, heads=3)), x)


def test_the_order_of_the_keys_does_not_matter():
    """Attention itself knows no positions: they must be in the vectors."""
    attention, x, context = MultiHeadAttention(8, 12, heads=3), random(1, 2, 8), random(1, 5, 8, seed=1)
    torch.testing.assert_close(attention(x, context), attention(x, context.flip(1)))


def test_with_a_single_key_the_output_is_its_value_for_any_query():
    attention, context = MultiHeadAttention(8, 12, heads=3), random(1, 1, 8)
    expected = attention.out(attention.value(context))
    for seed in range(3):
        torch.testing.assert_close(attention(random(1, 1, 8, seed=seed), context), expected)
