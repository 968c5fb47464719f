"""The vision transformer: every patch of a crop looks at every other, block after block."""
from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from minimolmo.config import ImageConfig, VisionConfig
from minimolmo.model.attention import MultiHeadAttention
from minimolmo.model.mlp import GeluMLP
from minimolmo.model.patch_embed import patch_embed


class Scale(nn.Module):
    """A learned factor for each number: (..., D) -> (..., D). Source: DINOv2's layer scale."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x


class VisionBlock(nn.Module):
    """Look around, then think: two residual steps behind a LayerNorm each. (C, 1+S, D) -> (C, 1+S, D)"""

    def __init__(self, config: VisionConfig):
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, eps=config.eps)
        self.attention = MultiHeadAttention(config.width, config.width, config.heads)
        self.mlp_norm = nn.LayerNorm(config.width, eps=config.eps)
        self.mlp = GeluMLP(config.width, config.mlp, config.tower.activation)
        scale = partial(Scale, config.width) if config.tower.layer_scale else nn.Identity
        self.attention_scale, self.mlp_scale = scale(), scale()

    def forward(self, x: Tensor) -> Tensor:
        seen = self.attention_norm(x)
        x = x + self.attention_scale(self.attention(seen, seen))
        return x + self.mlp_scale(self.mlp(self.mlp_norm(x)))


class VisionTransformer(nn.Module):
    """Patches in, the outputs of two chosen blocks out, side by side.

        patches  (C, S, 3*patch*patch)
        returns  (C, S, 2*D)   tap 0 first; the class token has done its work and is dropped

    There is no final LayerNorm: blocks above the highest tap are never run (Molmo-7B-D's 23rd is one).
    Source: paper, Section 2: features "from the third-to-last and tenth-from-last" of CLIP's 24 layers.
    """

    def __init__(self, image: ImageConfig, config: VisionConfig):
        super().__init__()
        self.taps = [config.layers + tap for tap in config.taps]
        self.embed = patch_embed(image, config)
        self.blocks = nn.ModuleList(VisionBlock(config) for _ in range(config.layers))

    def forward(self, patches: Tensor) -> Tensor:
        x, outputs = self.embed(patches), []
        for block in self.blocks[:max(self.taps) + 1]:
            x = block(x)
            outputs.append(x)
        tapped = torch.cat([outputs[tap] for tap in self.taps], dim=-1)               # (C, 1+S, 2*D)
        return tapped[:, self.embed.first:]
