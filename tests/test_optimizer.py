"""The optimizer: three parts with their own learning rates, the schedule, and clipping part by part."""
import math

import pytest
import torch

from minimolmo.config import StageConfig
from minimolmo.training.optimizer import (
    PARTS,
    clip_gradients,
    learning_rate,
    make_optimizer,
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
