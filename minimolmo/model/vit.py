"""The vision transformer: every patch of a crop attends to every other, block after block."""
from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from minimolmo.config import ImageConfig, VisionConfig
from minimolmo.model.attention import MultiHeadAttention
from minimolmo.model.mlp import GeluMLP
from minimolmo.model.patch_embed import make_patch_embed


class LayerScale(nn.Module):
    """A learned factor for each feature: (..., D) -> (..., D). Source: DINOv2."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x


class VisionBlock(nn.Module):
    """Attention, then an MLP: two residual steps, each preceded by a LayerNorm (pre-norm).

    (C, 1+S, D) -> (C, 1+S, D)
    """

    def __init__(self, config: VisionConfig):
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, eps=config.eps)
        self.attention = MultiHeadAttention(config.width, config.width, config.heads)
        self.mlp_norm = nn.LayerNorm(config.width, eps=config.eps)
        self.mlp = GeluMLP(config.width, config.mlp, config.tower.activation)
        scale = partial(LayerScale, config.width) if config.tower.layer_scale else nn.Identity
        self.attention_scale, self.mlp_scale = scale(), scale()

    def forward(self, x: Tensor) -> Tensor:
        normed = self.attention_norm(x)
        x = x + self.attention_scale(self.attention(normed, normed))
        return x + self.mlp_scale(self.mlp(self.mlp_norm(x)))


class VisionTransformer(nn.Module):
    """A ViT that returns the outputs of two chosen blocks, concatenated.

        patches  (C, S, 3*patch*patch)   normalised pixels
        returns  (C, S, 2*D)             the first feature layer first, the class token dropped

    There is no final LayerNorm. Blocks above the highest feature layer are never run (in Molmo-7B-D, one).
    Source: paper, Section 2: features "from the third-to-last and tenth-from-last" of CLIP's 24 layers.
    """

    def __init__(self, image: ImageConfig, config: VisionConfig):
        super().__init__()
        self.feature_layers = [config.layers + layer for layer in config.feature_layers]
        self.embed = make_patch_embed(image, config)
        self.blocks = nn.ModuleList(VisionBlock(config) for _ in range(config.layers))

    def forward(self, patches: Tensor) -> Tensor:
        x, outputs = self.embed(patches), []
        for block in self.blocks[:max(self.feature_layers) + 1]:
            x = block(x)
            outputs.append(x)
        features = torch.cat([outputs[layer] for layer in self.feature_layers], dim=-1)  # (C, 1+S, 2*D)
        return features[:, self.embed.num_prefix:]
