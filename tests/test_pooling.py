"""Attention pooling: the window's mean is the query, its patches are keys and values."""
import math

import pytest
import torch
from torch import nn

from minimolmo.config import ImageConfig
from minimolmo.image.tiler import window_patch_ids
from minimolmo.model.pooling import AttentionPooling


def pooling_of_ones():
    """Pooling of width 1, with every matrix 1 and every bias 0, so that results can be checked by hand."""
    pooling = AttentionPooling(in_width=1, width=1, heads=1)
    for name, parameter in pooling.named_parameters():
        nn.init.constant_(parameter, 0.0 if name.endswith("bias") else 1.0)
    return pooling


def random_pooling():
    torch.manual_seed(0)
    pooling = AttentionPooling(in_width=6, width=8, heads=2)
    for parameter in pooling.parameters():
        nn.init.normal_(parameter)
    return pooling


def test_a_window_of_one_patch_gives_that_patch():
    assert pooling_of_ones()(torch.tensor([[5.0], [7.0]]), torch.tensor([[1]])).tolist() == [[7.0]]


def test_four_patches_by_hand():
    """Patches 0, 0, 0, 4: the query is their mean, 1. Scores are 0, 0, 0, 4, so patch 4 weighs e^4 to 3."""
    pooled = pooling_of_ones()(torch.tensor([[0.0], [0.0], [0.0], [4.0]]), torch.tensor([[0, 1, 2, 3]]))
    assert pooled.item() == pytest.approx(4 * math.exp(4) / (3 + math.exp(4)))


def test_a_missing_patch_takes_part_in_pooling_as_zeros():
    """Patch 4 and three missing ones: the same mean, scores and output as above."""
    pooled = pooling_of_ones()(torch.tensor([[4.0]]), torch.tensor([[0, -1, -1, -1]]))
    assert pooled.item() == pytest.approx(4 * math.exp(4) / (3 + math.exp(4)))


def test_with_biases_too_a_missing_patch_equals_a_patch_of_zeros():
    pooling, features = random_pooling(), torch.randn(3, 6)
    with_zeros = torch.cat([features, torch.zeros(1, 6)])
    torch.testing.assert_close(pooling(features, torch.tensor([[0, -1, 2, -1]])),
                               pooling(with_zeros, torch.tensor([[0, 3, 2, 3]])))


def test_visual_tokens_come_in_the_order_of_the_windows():
    pooling, features = random_pooling(), torch.randn(16, 6)
    windows = torch.from_numpy(window_patch_ids(ImageConfig(crop_size=4, patch_size=1, margins=(0, 0))))
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(pooling(features, windows[order]), pooling(features, windows)[order])


def test_the_order_within_a_window_does_not_matter():
    pooling, features = random_pooling(), torch.randn(4, 6)
    torch.testing.assert_close(pooling(features, torch.tensor([[0, 1, 2, 3]])),
                               pooling(features, torch.tensor([[3, 1, 0, 2]])))


def test_a_visual_token_depends_on_its_own_window_and_nothing_else():
    """4x4 patches, windows of 2x2: the first visual token depends on patches 0, 1, 4 and 5."""
    pooling, features = random_pooling(), torch.randn(16, 6, requires_grad=True)
    windows = torch.from_numpy(window_patch_ids(ImageConfig(crop_size=4, patch_size=1, margins=(0, 0))))
    pooling(features, windows)[0].square().sum().backward()
    assert features.grad.abs().sum(dim=1).nonzero().flatten().tolist() == [0, 1, 4, 5]
