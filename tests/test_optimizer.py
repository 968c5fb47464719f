"""The optimizer: three parts with their own learning rates, the schedule, and clipping part by part."""
import copy
import math

import pytest
import torch

from minimolmo.config import StageConfig
from minimolmo.model.molmo import MiniMolmo
from minimolmo.presets import preset
from minimolmo.training import optimizer as optimizers
from minimolmo.training.optimizer import (
    MOMENTUM,
    NEWTON_SCHULZ,
    PARTS,
    RATE_SCALE,
    clip_gradients,
    learning_rate,
    make_optimizer,
    orthogonalize,
    set_learning_rates,
)


def optimizer_of_ones(weight_decay=0.0):
    """An optimizer of three parts, each one parameter of two ones."""
    return make_optimizer({name: [torch.nn.Parameter(torch.ones(2))] for name in PARTS}, weight_decay)


def set_gradients(optimizer, *gradients):
    for group, gradient in zip(optimizer.param_groups, gradients):
        group["params"][0].grad = torch.tensor(gradient)


def test_the_learning_rate_rises_linearly_and_decays_along_a_cosine_to_a_tenth():
    """100 steps, 10 of warm-up; half-way through the decay (step 55) it is half-way between 1 and 0.1."""
    rates = [learning_rate(step, steps=100, peak=1.0, warmup=10) for step in (1, 5, 10, 55, 100)]
    assert rates == pytest.approx([0.1, 0.5, 1.0, 0.55, 0.1])


def test_the_official_formula_gives_the_same_rate_at_every_step():
    for step in range(1, 101):
        progress = (step - 20) / (100 - 20)
        expected = step / 20 if step < 20 else 0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2
        assert learning_rate(step, steps=100, peak=2e-5, warmup=20) == pytest.approx(2e-5 * expected)


def test_hold_fraction_keeps_the_peak_rate_for_that_part_of_the_steps():
    rates = [learning_rate(step, steps=100, peak=1.0, warmup=10, hold_fraction=0.5)
             for step in (10, 30, 50, 75, 100)]
    assert rates == pytest.approx([1.0, 1.0, 1.0, 0.55, 0.1])


def test_without_warm_up_the_first_step_has_nearly_the_peak_rate():
    assert learning_rate(1, steps=1000, peak=1.0, warmup=0) == pytest.approx(1.0, abs=1e-4)


def test_a_stage_shorter_than_its_warm_up_never_reaches_the_peak_rate():
    assert [learning_rate(step, steps=4, peak=1.0, warmup=10) for step in (1, 4)] == pytest.approx([0.1, 0.4])


def test_parameter_groups_stand_in_the_order_of_the_learning_rates():
    assert [group["name"] for group in optimizer_of_ones().param_groups] == ["vit", "connector", "decoder"]


def test_each_part_has_its_own_learning_rate_and_warm_up():
    optimizer = optimizer_of_ones()
    stage = StageConfig(steps=1000, learning_rates=(1.0, 2.0, 3.0), warmup_steps=(10, 100, 5))
    assert set_learning_rates(optimizer, stage, step=5) == pytest.approx([0.5, 0.1, 3.0])
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.5, 0.1, 3.0])


def test_adams_first_step_has_the_size_of_the_learning_rate_for_any_gradient():
    optimizer = optimizer_of_ones()
    set_gradients(optimizer, [100.0, 1.0], [-5.0, 5.0], [1.0, 1.0])
    stage = StageConfig(steps=10, learning_rates=(0.1, 0.2, 0.0), warmup_steps=(1, 1, 1))
    set_learning_rates(optimizer, stage, step=1)
    optimizer.step()
    expected = [[0.9, 0.9], [1.2, 0.8], [1.0, 1.0]]
    for group, values in zip(optimizer.param_groups, expected):
        assert group["params"][0].tolist() == pytest.approx(values, abs=1e-5)


def test_betas_and_eps_are_the_papers():
    for group in optimizer_of_ones().param_groups:
        assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.9, 0.95), 1e-6, 0.0)


def test_clipping_shortens_a_long_gradient_and_keeps_its_direction():
    """(3, 4) has norm 5: clipped to norm 1 it is (0.6, 0.8)."""
    optimizer = optimizer_of_ones()
    set_gradients(optimizer, [3.0, 4.0], [0.3, 0.4], [0.0, 0.0])
    assert clip_gradients(optimizer, max_norm=1.0) == pytest.approx([5.0, 0.5, 0.0])  # the norms before
    assert optimizer.param_groups[0]["params"][0].grad.tolist() == pytest.approx([0.6, 0.8], abs=1e-5)


def test_a_huge_gradient_in_one_part_does_not_clip_the_others():
    optimizer = optimizer_of_ones()
    set_gradients(optimizer, [3e6, 4e6], [0.3, 0.4], [0.5, 0.5])
    clip_gradients(optimizer, max_norm=1.0)
    assert [group["params"][0].grad.tolist() for group in optimizer.param_groups[1:]] == [
        pytest.approx([0.3, 0.4]), pytest.approx([0.5, 0.5])]


def plain_muon(weight, momentum, gradient, rate):
    """Muon for one matrix, line by line as in the papers; returns the new weight and momentum."""
    momentum = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
    update = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
    tall = update.shape[0] > update.shape[1]
    x = update.T if tall else update
    x = x / x.norm()
    for a, b, c in NEWTON_SCHULZ:
        x = a * x + b * (x @ x.T) @ x + c * (x @ x.T) @ (x @ x.T) @ x
    x = x.T if tall else x
    return weight - RATE_SCALE * rate * max(weight.shape) ** 0.5 * x, momentum


def muon_of(*shapes, rows=None, weight_decay=0.0):
    """Muon for random matrices of these shapes, and AdamW for one vector; the learning rates are 0.01."""
    torch.manual_seed(1)
    weights = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    groups = {name: [] for name in PARTS} | {"decoder": [*weights, torch.nn.Parameter(torch.ones(3))]}
    pieces = rows or [[len(weight)] for weight in weights]
    optimizer = make_optimizer(groups, weight_decay, dict(zip(weights, pieces)))
    for group in optimizer.param_groups:
        group["lr"] = 0.01
    return optimizer, groups["decoder"]


def set_random_gradients(weights, seed):
    generator = torch.Generator().manual_seed(seed)
    for weight in weights:
        weight.grad = torch.randn(weight.shape, generator=generator)


def test_batched_muon_equals_the_plain_one_matrix_version():
    """Wide, tall and square matrices, two of one shape among them, over three steps."""
    optimizer, weights = muon_of((6, 10), (10, 6), (6, 6), (6, 10))
    expected = [(weight.detach().clone(), torch.zeros_like(weight)) for weight in weights[:4]]
    for step in range(3):
        set_random_gradients(weights, step)
        expected = [plain_muon(*pair, weight.grad, 0.01) for pair, weight in zip(expected, weights)]
        optimizer.step()
    for weight, (plain, _) in zip(weights, expected):
        assert torch.allclose(weight, plain, atol=1e-5)


def test_queries_keys_and_values_are_orthogonalised_apart():
    """One matrix of 24 rows in three pieces becomes what three matrices become."""
    together, (fused, _) = muon_of((24, 8), rows=[[8, 8, 8]])
    apart, (*pieces, _) = muon_of((8, 8), (8, 8), (8, 8))
    for piece, part in zip(pieces, fused.detach().split(8)):
        piece.data = part.clone()
    set_random_gradients([fused], 7)
    for piece, part in zip(pieces, fused.grad.split(8)):
        piece.grad = part.clone()
    together.step()
    apart.step()
    assert torch.allclose(fused, torch.cat(pieces), atol=1e-6)


def test_muon_is_torchs_own_muon(monkeypatch):
    """torch.optim.Muon computes in bfloat16, with five equal steps: the changes point the same way."""
    monkeypatch.setattr(optimizers, "NEWTON_SCHULZ", ((3.4445, -4.7750, 2.0315),) * 5)
    optimizer, (weight, _) = muon_of((24, 16))
    twin = torch.nn.Parameter(weight.detach().clone())
    reference = torch.optim.Muon([twin], lr=0.01 * RATE_SCALE / 0.2, weight_decay=0.0, momentum=MOMENTUM,
                                 adjust_lr_fn="match_rms_adamw")
    before = weight.detach().clone()
    for step in range(4):
        set_random_gradients([weight], step)
        twin.grad = weight.grad.clone()
        optimizer.step()
        reference.step()
    ours, theirs = weight.detach() - before, twin.detach() - before
    assert torch.allclose(ours, theirs, atol=0.03 * float(theirs.abs().max()))


def test_orthogonalising_brings_the_sizes_of_all_directions_together():
    """Singular values from 1 down to 0.03 come between 0.2 and 2; more steps would bring them closer to 1."""
    torch.manual_seed(1)
    u, _, v = torch.linalg.svd(torch.randn(1, 16, 40), full_matrices=False)
    values = torch.linalg.svdvals(orthogonalize(u * torch.logspace(0, -1.5, 16) @ v))
    assert 0.2 < values.min() and values.max() < 2


def test_weights_that_are_no_matrices_take_the_same_step_as_with_adamw():
    optimizer, (_, vector) = muon_of((4, 4))
    twin = torch.nn.Parameter(vector.detach().clone())
    plain = torch.optim.AdamW([twin], lr=0.01, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.0, fused=True)
    for step in range(3):
        set_random_gradients([vector], step)
        twin.grad = vector.grad.clone()
        optimizer.step()
        plain.step()
    assert torch.equal(vector, twin)


def test_muon_resumes_bit_for_bit_from_its_state():
    optimizer, weights = muon_of((6, 10), (10, 6))
    set_random_gradients(weights, 1)
    optimizer.step()
    other, twins = muon_of((6, 10), (10, 6))
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for twin, weight in zip(twins, weights):
        twin.data = weight.detach().clone()
    for pair in ((optimizer, weights), (other, twins)):
        set_random_gradients(pair[1], 2)
        pair[0].step()
    assert all(map(torch.equal, weights, twins))


def test_weight_decay_shrinks_matrices_as_it_does_vectors():
    """By 0.01 x 0.5 of themselves, apart from the update."""
    (plain, (weight, _)), (decaying, (smaller, _)) = muon_of((4, 6)), muon_of((4, 6), weight_decay=0.5)
    before = weight.detach().clone()
    for optimizer, each in ((plain, weight), (decaying, smaller)):
        set_random_gradients([each], 1)
        optimizer.step()
    assert torch.allclose(weight - smaller, 0.005 * before, atol=1e-6)


def test_a_matrix_without_a_gradient_stays_as_it_is():
    optimizer, weights = muon_of((4, 4), (4, 4))
    set_random_gradients(weights[:1], 1)
    before = weights[1].detach().clone()
    optimizer.step()
    assert torch.equal(weights[1], before)


def test_muon_drives_the_matrices_of_blocks_pooling_and_projector_and_nothing_else():
    """nano: 3 x 6 of the ViT, 3 x 5 of the decoder, 4 of the pooling, 3 of the projector."""
    model = MiniMolmo(preset("nano").model)
    names = {weight: name for name, weight in model.named_parameters()}
    matrices = {names[weight]: rows for weight, rows in model.matrices().items()}
    assert len(matrices) == 18 + 15 + 4 + 3
    assert matrices["decoder.blocks.0.attention.qkv.weight"] == [96, 96, 96]
    assert not any("embed" in name or "norm" in name for name in matrices)
