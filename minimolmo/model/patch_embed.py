"""Patch embedding: pixels are normalised, and each patch becomes a vector with its position."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.config import PIXEL_MEAN, PIXEL_STD, ImageConfig, VisionConfig


def normalise_pixels(patches: Tensor) -> Tensor:
    """Pixels 0..255 to about -2..2, by the mean and standard deviation of CLIP's training images.

        patches  (C, S, 3*patch*patch) uint8 or float, each flattened as (y, x, channel)
        returns  the same shape, float32

    Training sends uint8 to the GPU, a quarter of the data. Black padding is normalised too, as in the
    official preprocessor.
    """
    mean, std = (torch.tensor(values, device=patches.device) for values in (PIXEL_MEAN, PIXEL_STD))
    pixels = patches.unflatten(-1, (-1, 3)).float() / 255
    return ((pixels - mean) / std).flatten(-2)


def initial_positions(side: int, width: int) -> Tensor:
    """Initial position embeddings: sines and cosines of each patch's column and row, (side*side, width).

    Patches row by row. Frequency n of width/4 is 10 ** (-n / (width/4)) radians a patch. In this order: the
    sines of the column times each frequency, its cosines, the sines of the row, its cosines.

    Positions are learned. Without CLIP's weights they start like this: neighbouring patches have similar
    positions, so a small ViT learns "left" and "below" in minutes. Source: "Better plain ViT baselines",
    where they stay fixed.
    """
    frequencies = 10.0 ** (-torch.arange(width // 4) / (width // 4))                  # radians per patch
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    angles = [axis.reshape(-1, 1) * frequencies for axis in (x, y)]                    # two of (S, width/4)
    return torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)


class PatchEmbed(nn.Module):
    """One linear layer for every patch, then a class token, learned positions and a LayerNorm.

        patches  (C, S, 3*patch*patch)   normalised pixels, flattened as (y, x, channel)
        returns  (C, 1+S, D)

    Source: ViT, Section 3.1; CLIP adds the norm and has no bias. Other towers: `GeneralPatchEmbed`.
    """

    def __init__(self, image: ImageConfig, config: VisionConfig):
        super().__init__()
        tower, self.side = config.tower, image.side
        self.position_grid = config.position_grid or image.side
        self.num_prefix = int(tower.class_token)  # tokens before the patches
        self.project = nn.Linear(3 * image.patch_size ** 2, config.width, bias=tower.patch_bias)
        self.class_token = nn.Parameter(torch.zeros(config.width)) if tower.class_token else None
        self.positions = nn.Parameter(torch.zeros(self.num_prefix + self.position_grid ** 2, config.width))
        self.norm = nn.LayerNorm(config.width, eps=config.eps) if tower.first_norm else nn.Identity()

    def forward(self, patches: Tensor) -> Tensor:
        x = self.project(patches.to(self.project.weight.dtype))                       # (C, S, D)
        x = torch.cat([self.class_token.expand(len(x), 1, -1), x], dim=1)             # (C, 1+S, D)
        return self.norm(x + self.positions)


class GeneralPatchEmbed(PatchEmbed):
    """A patch embedding without a class token, or with positions learned on another grid.

    (C, S, 3*patch*patch) -> (C, 1+S, D), or (C, S, D) without the token. No released Molmo needs it.
    """

    def forward(self, patches: Tensor) -> Tensor:
        x = self.project(patches.to(self.project.weight.dtype))                       # (C, S, D)
        prefix = [] if self.class_token is None else [self.class_token.expand(len(x), 1, -1)]
        positions = interpolate_positions(self.positions, self.num_prefix, self.position_grid, self.side)
        return self.norm(torch.cat([*prefix, x], dim=1) + positions)


def make_patch_embed(image: ImageConfig, config: VisionConfig) -> PatchEmbed:
    """The patch embedding of a tower: PatchEmbed if it suits, else GeneralPatchEmbed."""
    plain = config.tower.class_token and config.position_grid in (0, image.side)
    return (PatchEmbed if plain else GeneralPatchEmbed)(image, config)


def interpolate_positions(positions: Tensor, num_prefix: int, grid: int, side: int) -> Tensor:
    """Position embeddings of a grid x grid square, resized to side x side. Prefix tokens keep theirs.

    (num_prefix + grid*grid, D) -> (num_prefix + side*side, D). Source: official code, bicubic, antialiased.
    """
    if grid == side:
        return positions
    square = positions[num_prefix:].float().T.reshape(1, -1, grid, grid)              # (1, D, grid, grid)
    square = F.interpolate(square, (side, side), mode="bicubic", align_corners=False, antialias=True)
    return torch.cat([positions[:num_prefix], square[0].flatten(1).T.to(positions.dtype)])
