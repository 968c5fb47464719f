"""Patch embedding: a square of pixels becomes a vector that knows where in its crop it stands."""
from __future__ import annotations

import torch
from torch import Tensor, nn

from minimolmo.config import PIXEL_MEAN, PIXEL_STD


def waves(side: int, width: int) -> Tensor:
    """Where each patch stands, as sine and cosine waves along its column and its row: (side*side, width).

    Positions are learned, but they *start* like this when there is no CLIP to start from: neighbours are
    alike, distances show, and a small eye learns in minutes what "left" and "below" mean. Waves run from one
    radian a patch to a tenth. Source: "Better plain ViT baselines", where they are kept fixed.
    """
    rates = 10.0 ** (-torch.arange(width // 4) / (width // 4))                        # radians a patch
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    turns = [place.reshape(-1, 1) * rates for place in (x, y)]                         # two of (S, width/4)
    return torch.cat([wave(turn) for turn in turns for wave in (torch.sin, torch.cos)], dim=1)


def as_numbers(patches: Tensor) -> Tensor:
    """Patches of bytes, (C, S, 3*patch*patch) uint8, normalised as `image/resize.py` does it, to the last bit
    on a CPU; patches that already are numbers stay as they are.

    Training sends bytes, so that a GPU's feed is a quarter as wide and the GPU does the arithmetic.
    """
    if patches.dtype != torch.uint8:
        return patches
    mean, std = (torch.tensor(values, device=patches.device) for values in (PIXEL_MEAN, PIXEL_STD))
    pixels = patches.unflatten(-1, (-1, 3)).float() / 255
    return ((pixels - mean) / std).flatten(-2)


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
