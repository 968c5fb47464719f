"""Patch embedding: a square of pixels becomes a vector that knows where in its crop it stands."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.config import PIXEL_MEAN, PIXEL_STD, ImageConfig, VisionConfig


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

    Source: ViT, Section 3.1; CLIP adds the norm and leaves out the matrix's bias. Others: `OtherPatchEmbed`.
    """

    def __init__(self, image: ImageConfig, config: VisionConfig):
        super().__init__()
        tower, self.side = config.tower, image.side
        self.table = config.table or image.side
        self.first = int(tower.class_token)  # rows in front of the patches'
        self.project = nn.Linear(3 * image.patch_size ** 2, config.width, bias=tower.patch_bias)
        self.class_token = nn.Parameter(torch.zeros(config.width)) if tower.class_token else None
        self.positions = nn.Parameter(torch.zeros(self.first + self.table ** 2, config.width))
        self.norm = nn.LayerNorm(config.width, eps=config.eps) if tower.first_norm else nn.Identity()

    def forward(self, patches: Tensor) -> Tensor:
        x = self.project(patches.to(self.project.weight.dtype))                       # (C, S, D)
        x = torch.cat([self.class_token.expand(len(x), 1, -1), x], dim=1)             # (C, 1+S, D)
        return self.norm(x + self.positions)


class OtherPatchEmbed(PatchEmbed):
    """As above, for a tower that has no class token, or that learned its positions on another grid than ours:
    (C, S, 3*patch*patch) -> (C, 1+S, D), or (C, S, D) without the token. No released Molmo needs it."""

    def forward(self, patches: Tensor) -> Tensor:
        x = self.project(patches.to(self.project.weight.dtype))                       # (C, S, D)
        front = [] if self.class_token is None else [self.class_token.expand(len(x), 1, -1)]
        positions = stretch(self.positions, self.first, self.table, self.side)
        return self.norm(torch.cat([*front, x], dim=1) + positions)


def patch_embed(image: ImageConfig, config: VisionConfig) -> PatchEmbed:
    """The one of the two that a tower needs."""
    plain = config.tower.class_token and config.table in (0, image.side)
    return (PatchEmbed if plain else OtherPatchEmbed)(image, config)


def stretch(positions: Tensor, first: int, table: int, side: int) -> Tensor:
    """Positions learned for table x table patches, drawn to side x side; the `first` rows stay as they are.

    (first + table*table, D) -> (first + side*side, D). Source: official code, bicubic with antialiasing.
    """
    if table == side:
        return positions
    square = positions[first:].float().T.reshape(1, -1, table, table)                 # (1, D, table, table)
    square = F.interpolate(square, (side, side), mode="bicubic", align_corners=False, antialias=True)
    return torch.cat([positions[:first], square[0].flatten(1).T.to(positions.dtype)])
