"""Mixture of experts: each token goes to its top-k experts, and the load stays even."""
import pytest
import torch
import torch.nn.functional as F

from minimolmo.config import DecoderConfig
from minimolmo.model.decoder import Decoder
from minimolmo.model.experts import Experts


def shaken(module):
    """Every parameter random, so that nothing hides behind a zero."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


def make(experts=4, top_k=2):
    return shaken(Experts(width=6, inner=5, experts=experts, top_k=top_k))


def swiglu(layer, expert: int, x):
    """One expert, asked directly."""
    gate, up, down = layer.gate.weight[expert], layer.up.weight[expert], layer.down.weight[expert]
    return (F.silu(x @ gate.T) * (x @ up.T)) @ down


def test_a_token_gets_the_answers_of_its_two_best_by_the_shares_the_router_gave_them():
    layer, x = make(), torch.randn(2, 3, 6)
    for row, said in zip(x.flatten(0, 1), layer(x).flatten(0, 1)):
        shares = (layer.router.weight @ row).softmax(dim=0)  # over all four; the two best need not make 1
        best = shares.argsort(descending=True)[:2]
        expected = sum(shares[e] * swiglu(layer, e, row) for e in best.tolist())
        torch.testing.assert_close(said, expected, atol=1e-5, rtol=1e-4)


def test_when_all_are_asked_it_is_a_weighted_mean_of_all():
    layer, x = make(experts=3, top_k=3), torch.randn(5, 6)
    shares = layer.router(x).softmax(dim=-1)
    expected = sum(shares[:, e, None] * swiglu(layer, e, x) for e in range(3))
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-4)


def test_a_token_hears_the_same_whoever_else_is_there():
    layer, x = make(), torch.randn(7, 6)
    torch.testing.assert_close(torch.cat([layer(row[None]) for row in x]), layer(x))


def test_it_counts_how_often_each_expert_was_asked():
    layer, x = make(experts=4, top_k=2), torch.randn(50, 6)
    layer(x)
    by_hand = [0] * 4
    for row in x:
        for expert in (layer.router.weight @ row).argsort(descending=True)[:2].tolist():
            by_hand[expert] += 1
    assert layer.asked.tolist() == by_hand and sum(by_hand) == 100


def test_the_imbalance_is_1_when_all_are_asked_alike_and_experts_by_top_k_when_always_the_same():
    layer = make(experts=4, top_k=1)
    layer.weigh(torch.full((8, 4), 0.25), torch.arange(8)[:, None] % 4)
    assert layer.imbalance.item() == pytest.approx(1.0)
    layer.weigh(torch.tensor([[1.0, 0, 0, 0]]).expand(8, 4), torch.zeros(8, 1, dtype=torch.long))
    assert layer.imbalance.item() == pytest.approx(4.0)


def test_following_the_imbalance_downhill_spreads_the_load():
    """A router that sends nearly everybody to expert 0 learns from this loss alone to use all four."""
    torch.manual_seed(0)
    layer, x = make(experts=4, top_k=1), torch.randn(256, 6) + torch.tensor([3.0, 0, 0, 0, 0, 0])
    layer.router.weight.data[:, 0] = torch.tensor([2.0, 0, 0, 0])
    layer(x)
    before = layer.asked.max() / 256
    optimizer = torch.optim.Adam([layer.router.weight], lr=0.05)
    for _ in range(100):
        layer(x)
        optimizer.zero_grad()
        layer.imbalance.backward()
        optimizer.step()
    assert before > 0.9 and layer.asked.max() / 256 < 0.4


def test_every_expert_has_a_gradient_even_if_nobody_asked_it():
    """The processes of one run must agree on who has gradients; an expert unasked has zeros."""
    layer = make(experts=8, top_k=1)
    layer(torch.randn(1, 6)).sum().backward()
    moved = layer.up.weight.grad.abs().sum(dim=(1, 2)) > 0
    assert moved.sum() == 1 and layer.router.weight.grad is not None


def test_a_decoder_of_experts_reports_the_mean_imbalance_of_its_blocks():
    config = DecoderConfig(width=6, layers=2, heads=1, kv_heads=1, mlp=5, vocab=9, experts=4, top_k=2)
    decoder, dense = shaken(Decoder(config)), Decoder(DecoderConfig(vocab=9))
    decoder(torch.randn(1, 3, 6), torch.arange(3)[None], torch.ones(1, 1, 3, 3, dtype=torch.bool))
    blocks = [block.mlp.imbalance.item() for block in decoder.blocks]
    assert decoder.imbalance().item() == pytest.approx(sum(blocks) / 2) and blocks[0] != blocks[1]
    assert dense.imbalance() == 0
