"""The vision transformer: patches attend to each other, and two blocks' outputs are kept."""
import pytest
import torch
from torch import nn

from minimolmo.config import ImageConfig, VisionConfig
from minimolmo.model.mlp import quick_gelu
from minimolmo.model.vit import VisionBlock, VisionTransformer

IMAGE = ImageConfig(crop_size=6, patch_size=2, margins=(0, 0), pool=1)  # 3x3 patches of 2x2 pixels
SIZES = dict(width=8, layers=4, heads=2, mlp=16)


def make(feature_layers=(-1, -3)):
    torch.manual_seed(0)
    return VisionTransformer(IMAGE, VisionConfig(**SIZES, feature_layers=feature_layers))


def block_by_block(vit, patches):
    """The outputs of all blocks. Row 0 is the class token."""
    x, outputs = vit.embed(patches), []
    for block in vit.blocks:
        x = block(x)
        outputs.append(x)
    return outputs


@pytest.mark.parametrize("layers, first, second", [((-1, -3), 3, 1), ((-3, -1), 1, 3), ((-2, -4), 2, 0)])
def test_the_outputs_of_two_blocks_are_concatenated_in_the_order_given(layers, first, second):
    vit, patches = make(layers), torch.rand(2, 9, 12)
    outputs = block_by_block(vit, patches)
    expected = torch.cat([outputs[first], outputs[second]], dim=-1)[:, 1:]
    assert torch.equal(vit(patches), expected)


def test_the_class_token_is_dropped_at_the_end_but_patches_attended_to_it():
    vit, patches = make(), torch.rand(1, 9, 12)
    features = vit(patches)
    nn.init.normal_(vit.embed.class_token)

    assert features.shape == (1, 9, 16)
    assert not torch.allclose(vit(patches), features)


def test_blocks_above_the_last_feature_layer_are_not_run():
    vit, patches = make(feature_layers=(-2, -4)), torch.rand(1, 9, 12)
    blocks_run = []
    for number, block in enumerate(vit.blocks):
        block.register_forward_hook(lambda *_, number=number: blocks_run.append(number))
    vit(patches)
    assert blocks_run == [0, 1, 2]


def test_a_patch_attends_to_all_patches_of_its_crop_and_to_no_others():
    vit, patches = make(), torch.rand(2, 9, 12, requires_grad=True)
    vit(patches)[0, 4].square().sum().backward()
    gradient = patches.grad.abs().sum(dim=-1)                                         # (C, S)

    assert (gradient[0] > 0).all()
    assert (gradient[1] == 0).all()


def test_each_crop_is_encoded_alone_so_their_order_does_not_matter():
    vit, patches = make(), torch.rand(3, 9, 12)
    torch.testing.assert_close(vit(patches.flip(0)), vit(patches).flip(0))
    torch.testing.assert_close(vit(patches[1:2]), vit(patches)[1:2])


def test_a_patch_at_another_position_has_other_features():
    vit, patches = make(), torch.rand(1, 9, 12)
    nn.init.normal_(vit.embed.positions)
    assert not torch.allclose(vit(patches.flip(1)), vit(patches).flip(1), atol=1e-3)


def test_a_block_equals_pytorchs_pre_norm_encoder_layer():
    torch.manual_seed(0)
    ours = VisionBlock(VisionConfig(**SIZES))
    theirs = nn.TransformerEncoderLayer(8, 2, 16, dropout=0, activation=quick_gelu, batch_first=True,
                                        norm_first=True)
    for parameter in ours.parameters():
        nn.init.normal_(parameter, std=0.5)
    attention = ours.attention
    theirs.self_attn.in_proj_weight.data = torch.cat(
        [attention.query.weight, attention.key.weight, attention.value.weight])
    theirs.self_attn.in_proj_bias.data = torch.cat(
        [attention.query.bias, attention.key.bias, attention.value.bias])
    pairs = ((theirs.self_attn.out_proj, attention.out), (theirs.norm1, ours.attention_norm),
             (theirs.norm2, ours.mlp_norm), (theirs.linear1, ours.mlp.up), (theirs.linear2, ours.mlp.down))
    for target, source in pairs:
        target.load_state_dict(source.state_dict())

    x = torch.randn(2, 10, 8)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-4)


def test_dino_scales_the_output_of_each_half_of_a_block():
    """With a scale of 0 a half adds nothing; the initial scale is 1."""
    config = VisionConfig(**SIZES, feature_layers=(-1, -3), family="dino")
    torch.manual_seed(0)
    block, x = VisionBlock(config), torch.randn(2, 10, 8)
    nn.init.zeros_(block.attention_scale.weight)
    torch.testing.assert_close(block(x), x + block.mlp(block.mlp_norm(x)))
    nn.init.zeros_(block.mlp_scale.weight)
    assert torch.equal(block(x), x)


def test_a_tower_without_a_class_token_returns_the_features_of_all_patches():
    torch.manual_seed(0)
    vit = VisionTransformer(IMAGE, VisionConfig(**SIZES, feature_layers=(-1, -3), family="siglip"))
    patches = torch.rand(2, 9, 12)
    x = vit.embed(patches)
    assert x.shape == (2, 9, 8) and vit(patches).shape == (2, 9, 16)
    for block in vit.blocks:
        x = block(x)
    assert torch.equal(vit(patches)[..., :8], x)
