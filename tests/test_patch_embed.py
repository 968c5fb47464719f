"""Patch embedding: from a square of pixels to a vector that knows its position."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from minimolmo.config import ImageConfig, VisionConfig
from minimolmo.image.tiler import to_patches
from minimolmo.model.patch_embed import (
    GeneralPatchEmbed,
    interpolate_positions,
    make_patch_embed,
    initial_positions,
)

IMAGE = ImageConfig(crop_size=6, patch_size=2, margins=(0, 0))  # 3x3 patches


def make(**settings):
    """A patch embedding with random parameters, so that no zero hides an error."""
    torch.manual_seed(0)
    embed = make_patch_embed(IMAGE, VisionConfig(width=8, heads=1, **settings))
    for parameter in embed.parameters():
        torch.nn.init.normal_(parameter)
    return embed


def test_one_matrix_for_every_patch_equals_a_strided_convolution():
    """CLIP uses a convolution: its kernel, channels last and flattened, is our matrix."""
    embed, image = make(), np.random.default_rng(0).random((1, 6, 6, 3), np.float32)
    patches = torch.from_numpy(to_patches(image, IMAGE))
    kernel = embed.project.weight.view(8, 2, 2, 3).permute(0, 3, 1, 2)                # (D, 3, 2, 2)
    expected = F.conv2d(torch.from_numpy(image).permute(0, 3, 1, 2), kernel, stride=2)  # (1, D, 3, 3)

    torch.testing.assert_close(embed.project(patches), expected.flatten(2).transpose(1, 2))


def test_the_class_token_comes_first_then_the_patches_each_with_its_own_position():
    """By hand, before the norm: class token + position 0, then patch 0 + position 1, ..."""
    embed, patches = make(), torch.rand(2, 9, 12)
    rows = [embed.class_token.expand(2, 8)] + [patches[:, s] @ embed.project.weight.T for s in range(9)]
    expected = torch.stack([row + embed.positions[i] for i, row in enumerate(rows)], dim=1)
    torch.testing.assert_close(embed(patches), embed.norm(expected))


def test_equal_patches_differ_by_their_position_embedding_alone():
    embed = make()
    x = embed(torch.ones(1, 9, 12))[0, 1:]
    assert len({tuple(row) for row in x.tolist()}) == 9

    embed.positions.data.zero_()
    x = embed(torch.ones(1, 9, 12))[0, 1:]
    torch.testing.assert_close(x, x[:1].expand(9, -1))


def test_every_vector_is_normed_before_the_first_block():
    embed = make()
    torch.nn.init.ones_(embed.norm.weight), torch.nn.init.zeros_(embed.norm.bias)
    x = embed(100 * torch.rand(2, 9, 12))
    torch.testing.assert_close(x.mean(dim=-1), torch.zeros(2, 10), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.var(dim=-1, correction=0), torch.ones(2, 10), atol=1e-3, rtol=0)


def test_position_embeddings_start_as_sines_and_cosines_of_column_and_row():
    """Width 4 has one frequency, a radian a patch: sin x, cos x, sin y, cos y."""
    positions = initial_positions(side=3, width=4)                                     # patches row by row
    expected = [np.sin(2), np.cos(2), np.sin(1), np.cos(1)]
    np.testing.assert_allclose(positions[1 * 3 + 2], expected, rtol=1e-6)             # column 2, row 1


def test_initial_position_embeddings_depend_on_distance_alone():
    positions = initial_positions(side=8, width=32).unflatten(0, (8, 8))
    similarity = positions[3, 3] @ positions[3].T                                     # to all of its row
    assert similarity[3] > similarity[4] > similarity[5] > similarity[6]
    torch.testing.assert_close(positions[3, 3] @ positions[4, 5], positions[6, 0] @ positions[7, 2])


# Other families, other grids

def test_siglip_has_no_class_token_no_first_norm_and_a_bias():
    embed, patches = make(family="siglip"), torch.rand(2, 9, 12)
    assert {name for name, _ in embed.named_parameters()} == {"project.weight", "project.bias", "positions"}
    torch.testing.assert_close(embed(patches), patches @ embed.project.weight.T + embed.project.bias +
                               embed.positions)


def test_dino_has_a_class_token_and_a_bias_but_no_first_norm():
    names = {name for name, _ in make(family="dino").named_parameters()}
    assert names == {"project.weight", "project.bias", "class_token", "positions"}


def test_positions_are_interpolated_for_another_grid_and_the_class_tokens_is_kept():
    """2x2 positions used for 3x3 patches: the corners keep their order, the middle is the mean of all."""
    positions = torch.tensor([[9.0], [0.0], [1.0], [2.0], [3.0]])                     # class, then row by row
    interpolated = interpolate_positions(positions, num_prefix=1, grid=2, side=3)
    square = interpolated[1:].view(3, 3)

    assert interpolated[0] == 9
    assert square[1, 1].item() == pytest.approx(1.5)
    assert square[0, 0] < square[0, 1] < square[0, 2] < square[2, 0] < square[2, 2]
    assert (square[0, 1] - square[0, 0]).item() == pytest.approx((square[0, 2] - square[0, 1]).item())


def test_interpolation_to_a_smaller_grid_uses_every_position():
    """16x16 positions become 2x2: each of the four depends on its whole quarter, corners included."""
    positions = torch.zeros(16, 16)
    positions[0, 0] = 1.0
    square = interpolate_positions(positions.view(-1, 1), num_prefix=0, grid=16, side=2).view(2, 2)
    assert square[0, 0] > 0.005 > square[1, 1].abs()


def test_the_same_grid_leaves_the_positions_unchanged():
    embed, patches = make(position_grid=3), torch.rand(1, 9, 12)
    assert torch.equal(embed(patches), make()(patches))


def test_both_patch_embeddings_give_the_same_output_for_clip():
    simple, patches = make(), torch.rand(2, 9, 12)
    general = GeneralPatchEmbed(IMAGE, VisionConfig(width=8, heads=1))
    general.load_state_dict(simple.state_dict())
    assert torch.equal(general(patches), simple(patches))


@pytest.mark.parametrize("grid, prefix", [(2, 1), (3, 0), (2, 0)])
def test_a_tower_with_another_grid_or_without_a_class_token_is_embedded(grid, prefix):
    embed, patches = make(position_grid=grid, family="clip" if prefix else "siglip"), torch.rand(2, 9, 12)
    rows = [embed.class_token.expand(2, 1, 8)] if prefix else []
    positions = interpolate_positions(embed.positions, prefix, grid, 3)
    expected = torch.cat([*rows, embed.project(patches)], dim=1) + positions
    assert torch.equal(embed(patches), embed.norm(expected)) and len(embed.positions) == prefix + grid ** 2
