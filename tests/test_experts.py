"""Mixture of experts: each token goes to its best experts, and the load is balanced."""
import pytest
import torch
import torch.nn.functional as F

from minimolmo.config import DecoderConfig
from minimolmo.model.decoder import Decoder
from minimolmo.model.experts import Experts, routing_stats


def randomised(module):
    """Every parameter random, so that no zero hides an error."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


def make(experts=4, top_k=2):
    return randomised(Experts(width=6, inner=5, experts=experts, top_k=top_k))


def swiglu(layer, expert: int, x):
    """The output of one expert."""
    gate, up, down = layer.gate.weight[expert], layer.up.weight[expert], layer.down.weight[expert]
    return (F.silu(x @ gate.T) * (x @ up.T)) @ down


def test_a_tokens_output_is_that_of_its_two_best_experts_weighted_by_the_router():
    layer, x = make(), torch.randn(2, 3, 6)
    for row, output in zip(x.flatten(0, 1), layer(x)[0].flatten(0, 1)):
        weights = (layer.router.weight @ row).softmax(dim=0)  # over all four experts
        best = weights.argsort(descending=True)[:2]
        expected = sum(weights[e] * swiglu(layer, e, row) for e in best.tolist())
        torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-4)


def test_with_all_experts_chosen_the_output_is_their_weighted_mean():
    layer, x = make(experts=3, top_k=3), torch.randn(5, 6)
    weights = layer.router(x).softmax(dim=-1)
    expected = sum(weights[:, e, None] * swiglu(layer, e, x) for e in range(3))
    torch.testing.assert_close(layer(x)[0], expected, atol=1e-5, rtol=1e-4)


def test_a_tokens_output_does_not_depend_on_the_other_tokens():
    layer, x = make(), torch.randn(7, 6)
    torch.testing.assert_close(torch.cat([layer(row[None])[0] for row in x]), layer(x)[0])


def test_the_tokens_of_each_expert_are_counted():
    layer, x = make(experts=4, top_k=2), torch.randn(50, 6)
    _, routing = layer(x)
    expected = [0] * 4
    for row in x:
        for expert in (layer.router.weight @ row).argsort(descending=True)[:2].tolist():
            expected[expert] += 1
    assert routing.counts.tolist() == expected and sum(expected) == 100


def test_the_load_balancing_loss_is_1_for_an_even_load_and_experts_by_top_k_for_always_the_same():
    even = routing_stats(torch.full((8, 4), 0.25), torch.arange(8)[:, None] % 4)
    assert even.load_balancing_loss.item() == pytest.approx(1.0)
    same = routing_stats(torch.tensor([[1.0, 0, 0, 0]]).expand(8, 4), torch.zeros(8, 1, dtype=torch.long))
    assert same.load_balancing_loss.item() == pytest.approx(4.0)


def test_minimising_the_load_balancing_loss_spreads_the_load():
    """A router that sends nearly all tokens to expert 0 learns from this loss alone to use all four."""
    torch.manual_seed(0)
    layer, x = make(experts=4, top_k=1), torch.randn(256, 6) + torch.tensor([3.0, 0, 0, 0, 0, 0])
    layer.router.weight.data[:, 0] = torch.tensor([2.0, 0, 0, 0])
    before = layer(x)[1].counts.max() / 256
    optimizer = torch.optim.Adam([layer.router.weight], lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        layer(x)[1].load_balancing_loss.backward()
        optimizer.step()
    assert before > 0.9 and layer(x)[1].counts.max() / 256 < 0.4


def test_an_expert_without_tokens_has_a_gradient_of_zeros():
    """All processes of a run must have gradients of the same parameters, so an unused expert has zeros."""
    layer = make(experts=8, top_k=1)
    layer(torch.randn(1, 6))[0].sum().backward()
    has_gradient = layer.up.weight.grad.abs().sum(dim=(1, 2)) > 0
    assert has_gradient.sum() == 1 and layer.router.weight.grad is not None


def test_a_decoders_load_balancing_loss_is_the_mean_over_its_blocks():
    config = DecoderConfig(width=6, layers=2, heads=1, kv_heads=1, mlp=5, vocab=9, experts=4, top_k=2)
    decoder, dense = randomised(Decoder(config)), Decoder(DecoderConfig(vocab=9))
    visible = torch.ones(1, 1, 3, 3, dtype=torch.bool)
    decoded = decoder(torch.randn(1, 3, 6), torch.arange(3)[None], visible)
    blocks = [routing.load_balancing_loss.item() for routing in decoded.routing]
    assert decoded.load_balancing_loss().item() == pytest.approx(sum(blocks) / 2) and blocks[0] != blocks[1]
    assert dense(torch.randn(1, 3, 96), torch.arange(3)[None], visible).load_balancing_loss() == 0
