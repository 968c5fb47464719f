"""The decoder: norms, rotary positions, token dropout and the KV cache."""
import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from minimolmo.config import DecoderConfig
from minimolmo.model.attention import (
    KVCache,
    apply_rotary,
    attention,
    merge_heads,
    rotary_angles,
    split_heads,
)
from minimolmo.model.decoder import (
    Decoder,
    GroupedQueryAttention,
    RMSNorm,
    token_dropout,
)

CONFIG = DecoderConfig(width=16, layers=2, heads=4, kv_heads=2, mlp=24, vocab=50, additional_vocab=4)


def randomised(module):
    """Every parameter random, biases and norms too, so that no zero or one hides an error."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module


def causal(length):
    return torch.ones(1, 1, length, length, dtype=torch.bool).tril()


# Norm

def test_rmsnorm_divides_by_the_root_of_the_mean_square():
    """(3, 4): the mean square is 12.5, its root 3.5355."""
    x = RMSNorm(2, eps=0.0)(torch.tensor([3.0, 4.0]))
    assert x.tolist() == pytest.approx([0.84853, 1.13137], abs=1e-5)


def test_rmsnorm_equals_pytorchs_own():
    norm, x = randomised(RMSNorm(16, eps=1e-2)), torch.randn(3, 16) / 10
    torch.testing.assert_close(norm(x), F.rms_norm(x, (16,), norm.weight, eps=1e-2))


def test_rmsnorm_computes_in_float32_whatever_comes_in():
    """300 squared is too large for float16. For bfloat16 the result is that of float32, rounded once."""
    norm = RMSNorm(1000, eps=1e-6)
    assert norm.half()(torch.full((1000,), 300.0).half()).tolist() == [1.0] * 1000

    x = torch.randn(4, 1000).bfloat16()
    assert torch.equal(norm.bfloat16()(x), norm.float()(x.float()).bfloat16())


def test_a_vector_of_zeros_stays_zeros():
    assert RMSNorm(4, eps=1e-6)(torch.zeros(4)).tolist() == [0, 0, 0, 0]


# Rotary positions

def rotated(x, position, theta=10_000.0):
    """The vector of one head, rotated by its position."""
    angles = rotary_angles(torch.tensor([[position]]), x.shape[-1], theta)
    return apply_rotary(x.view(1, 1, 1, -1), *angles).flatten()


def test_the_first_position_is_not_rotated():
    x = torch.randn(8)
    assert torch.equal(rotated(x, 0), x)


def test_the_first_pair_rotates_one_radian_a_position():
    for position in (1, 2, 30):
        assert rotated(torch.tensor([1.0, 0.0]), position).tolist() == pytest.approx(
            [math.cos(position), math.sin(position)], abs=1e-5)


def test_a_pair_is_a_number_and_the_one_half_a_head_further():
    """Head size 4, theta 10000: the second pair, (1, 3), rotates 100 times slower than the first."""
    x = rotated(torch.tensor([0.0, 1.0, 0.0, 0.0]), 100)
    assert x.tolist() == pytest.approx([0, math.cos(1), 0, math.sin(1)], abs=1e-5)


def test_only_the_distance_between_query_and_key_counts():
    torch.manual_seed(0)
    q, k = torch.randn(8), torch.randn(8)
    products = [(rotated(q, start + 4) @ rotated(k, start)).item() for start in (0, 1, 17, 300)]
    assert products == pytest.approx([products[0]] * 4, abs=1e-4)
    assert (rotated(q, 5) @ rotated(k, 0)).item() != pytest.approx(products[0], abs=1e-2)


def test_rotation_keeps_the_norm():
    x = torch.randn(8)
    assert rotated(x, 123).norm().item() == pytest.approx(x.norm().item())


def test_every_token_is_rotated_by_its_own_position():
    x = torch.randn(1, 2, 3, 8)  # one sequence, two heads, three tokens
    output = apply_rotary(x, *rotary_angles(torch.tensor([[7, 0, 4]]), 8, 10_000.0))
    for head in range(2):
        for token, position in enumerate((7, 0, 4)):
            torch.testing.assert_close(output[0, head, token], rotated(x[0, head, token], position))


def test_rotation_is_computed_in_float32_and_returned_in_the_input_dtype():
    x = torch.randn(1, 1, 1, 8).bfloat16()
    angles = rotary_angles(torch.tensor([[1234]]), 8, 10_000.0)
    assert torch.equal(apply_rotary(x, *angles), apply_rotary(x.float(), *angles).bfloat16())


# Attention

@pytest.mark.parametrize("bias", [True, False])
def test_grouped_query_attention_by_hand_project_rotate_attend_merge(bias):
    layer = randomised(GroupedQueryAttention(dataclasses.replace(CONFIG, qkv_bias=bias)))
    x, angles = torch.randn(2, 5, 16), rotary_angles(torch.arange(5)[None], 4, 10_000.0)
    projected = x @ layer.qkv.weight.T + (layer.qkv.bias if bias else 0)
    q, k, v = projected.split([16, 8, 8], dim=-1)  # 4 query heads and 2 key heads, each 4 wide
    q, k, v = split_heads(q, 4), split_heads(k, 2), split_heads(v, 2)
    attended = attention(apply_rotary(q, *angles), apply_rotary(k, *angles), v, causal(5))
    expected = merge_heads(attended) @ layer.out.weight.T

    torch.testing.assert_close(layer(x, angles, causal(5), 0, None), expected, atol=1e-5, rtol=1e-4)


def test_only_query_key_and_value_have_biases():
    biased = [name for name, _ in Decoder(CONFIG).named_parameters() if name.endswith("bias")]
    assert biased == ["blocks.0.attention.qkv.bias", "blocks.1.attention.qkv.bias"]


def test_a_token_depends_on_earlier_tokens_and_on_no_later_one():
    decoder, x = randomised(Decoder(CONFIG)), torch.randn(1, 6, 16, requires_grad=True)
    decoder(x, torch.arange(6)[None], causal(6)).last[0, 2].square().sum().backward()
    assert x.grad[0].abs().sum(dim=-1).nonzero().flatten().tolist() == [0, 1, 2]


def test_shifting_all_positions_changes_nothing_but_doubling_them_does():
    decoder, x, position = randomised(Decoder(CONFIG)), torch.randn(1, 6, 16), torch.arange(6)[None]
    expected = decoder(x, position, causal(6)).last
    torch.testing.assert_close(decoder(x, position + 50, causal(6)).last, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(decoder(x, position * 2, causal(6)).last, expected, atol=1e-2)


# Head

def test_a_tied_head_is_the_embedding_and_an_untied_one_is_not():
    tied, untied = Decoder(CONFIG), Decoder(dataclasses.replace(CONFIG, tied=False))
    assert tied.head.weight is tied.embedding.weight
    assert untied.head.weight is not untied.embedding.weight
    assert sum(p.numel() for p in untied.parameters()) - sum(p.numel() for p in tied.parameters()) == 50 * 16


def test_the_special_image_tokens_are_never_predicted():
    assert Decoder(CONFIG).logits(torch.randn(2, 3, 16)).shape == (2, 3, 50)  # without the image tokens


# Cache

@pytest.mark.parametrize("pieces", [[6], [5, 1], [3, 1, 1, 1], [1] * 6, [2, 4]])
def test_reading_in_pieces_with_a_cache_equals_reading_at_once(pieces):
    decoder, x, position = randomised(Decoder(CONFIG)), torch.randn(2, 6, 16), torch.arange(6)[None]
    cache, outputs, start = KVCache(CONFIG.layers, max_tokens=6), [], 0
    for length in pieces:
        stop = start + length
        visible = causal(6)[:, :, start:stop, :stop]
        outputs.append(decoder(x[:, start:stop], position[:, start:stop], visible, cache=cache).last)
        start = stop
    expected = decoder(x, position, causal(6)).last
    torch.testing.assert_close(torch.cat(outputs, dim=1), expected, atol=1e-5, rtol=1e-4)


def test_the_cache_holds_the_few_key_heads_not_the_many_query_heads():
    decoder, cache = Decoder(CONFIG), KVCache(CONFIG.layers, max_tokens=6)
    decoder(torch.randn(3, 6, 16), torch.arange(6)[None], causal(6), cache=cache)
    assert [keys.shape for keys, _ in cache.pairs] == [(3, 2, 6, 4)] * 2  # B, 2 of 4 heads, T, head size


def test_the_outputs_of_chosen_blocks_come_back_and_the_last_one_normed_is_the_result():
    decoder, x = randomised(Decoder(CONFIG)), torch.randn(1, 6, 16)
    decoded = decoder(x, torch.arange(6)[None], causal(6), keep=(1,))
    assert list(decoded.kept) == [1]
    assert torch.equal(decoder.norm(decoded.kept[1]), decoded.last)


# Tokens whose outputs are not needed

@pytest.mark.parametrize("post_norm", [False, True])
def test_tokens_that_skip_the_last_mlp_change_neither_the_wanted_outputs_nor_any_gradient(post_norm):
    """One of three sequences wants no token. Dropout of rate 0 has a rate to be selected for each token."""
    decoder = randomised(Decoder(dataclasses.replace(CONFIG, post_norm=post_norm)))
    x, position = torch.randn(3, 6, 16), torch.arange(6).expand(3, 6)
    wanted = torch.tensor([[0, 0, 1, 0, 1, 1], [0] * 6, [1, 0, 0, 0, 0, 1]]).bool()
    outputs, calls = [], []
    decoder.blocks[-1].mlp.register_forward_hook(lambda _, inputs, output: calls.append(inputs[0].shape))
    for selection, rates in ((None, None), (wanted, None), (wanted, torch.zeros(3, 6))):
        last = decoder(x, position, causal(6), rates, wanted=selection).last
        outputs.append([last[wanted], *torch.autograd.grad(last[wanted].square().sum(),
                                                           [*decoder.blocks.parameters()])])
    assert calls == [(3, 6, 16), (5, 16), (5, 16)]
    for skipping in outputs[1:]:
        torch.testing.assert_close(skipping, outputs[0])


def test_no_token_skips_the_last_mlp_if_that_blocks_output_is_kept_or_has_experts():
    position, x, wanted = torch.arange(6)[None], torch.randn(1, 6, 16), torch.zeros(1, 6).bool()
    decoder = randomised(Decoder(CONFIG))
    assert decoder(x, position, causal(6), keep=(1,), wanted=wanted).kept[1].shape == (1, 6, 16)
    experts = Decoder(dataclasses.replace(CONFIG, experts=4, top_k=2))
    routing = experts(x, position, causal(6), wanted=wanted).routing
    assert [counts.sum().item() for counts, _ in routing] == [12, 12]


# Dropout

def test_no_rate_is_no_dropout():
    x = torch.randn(2, 3, 4)
    assert token_dropout(x, None) is x


def test_a_token_of_rate_zero_is_untouched_whatever_its_neighbours_rate():
    torch.manual_seed(0)
    x = torch.ones(1, 3, 1000)
    dropped = token_dropout(x, torch.tensor([[0.0, 0.5, 0.0]]))
    assert torch.equal(dropped[0, [0, 2]], x[0, [0, 2]])
    assert sorted(set(dropped[0, 1].tolist())) == [0.0, 2.0]  # dropped, or doubled


def test_dropout_keeps_the_expectation():
    torch.manual_seed(0)
    dropped = token_dropout(torch.ones(1, 2, 100_000), torch.tensor([[0.1, 0.75]]))
    assert dropped.mean(dim=-1).tolist() == [pytest.approx([1, 1], abs=0.02)]
    assert (dropped == 0).float().mean(dim=-1).tolist() == [pytest.approx([0.1, 0.75], abs=0.01)]


def test_dropout_at_the_last_token_does_not_change_earlier_ones():
    decoder, x, position = randomised(Decoder(CONFIG)), torch.randn(1, 6, 16), torch.arange(6)[None]
    without = decoder(x, position, causal(6)).last
    with_dropout = decoder(x, position, causal(6), dropout=torch.tensor([[0, 0, 0, 0, 0, 0.5]])).last
    torch.testing.assert_close(with_dropout[:, :5], without[:, :5])
    assert not torch.allclose(with_dropout[:, 5], without[:, 5])


@pytest.mark.parametrize("zeroed", ["attention.out", "mlp.down"])
def test_dropout_applies_to_both_sublayers_of_a_block(zeroed):
    """With one sublayer's output zero, dropout still changes the result, so it applies to the other."""
    decoder, x, position = randomised(Decoder(CONFIG)), torch.randn(1, 6, 16), torch.arange(6)[None]
    for block in decoder.blocks:
        nn.init.zeros_(block.get_submodule(zeroed).weight)
    without, with_dropout = (decoder(x, position, causal(6), dropout=rates).last
                             for rates in (None, torch.full((1, 6), 0.5)))
    assert not torch.allclose(with_dropout, without)
