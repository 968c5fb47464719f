"""Patch embedding: a square of pixels becomes a vector that knows where in its crop it stands."""
from __future__ import annotations

import torch
from torch import Tensor, nn


class PatchEmbed(nn.Module):
    """One matrix for every patch, a class token in front, a learned position on each, and a first LayerNorm.

        patches  (C, S, 3*patch*patch)   normalised pixels, flattened as (y, x, channel)
        returns  (C, 1+S, D)

    Source: ViT, Section 3.1; CLIP adds the norm and leaves out the matrix's bias.
    """

    def __init__(self, patch_size: int, patches: int, width: int, eps: float):
        super().__init__()
        self.project = nn.Linear(3 * patch_size ** 2, width, bias=False)
        self.class_token = nn.Parameter(torch.zeros(width))
        self.positions = nn.Parameter(torch.zeros(1 + patches, width))
        self.norm = nn.LayerNorm(width, eps=eps)

    def forward(self, patches: Tensor) -> Tensor:
        x = self.project(patches)                                                     # (C, S, D)
        first = self.class_token.expand(len(x), 1, -1)                                # (C, 1, D)
        return self.norm(torch.cat([first, x], dim=1) + self.positions)               # (C, 1+S, D)
