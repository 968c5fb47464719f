"""How a Molmo from parts is trained whole on one GPU: crops, micro-batch and accumulation by its memory.

    python -m minimolmo.weights.single_gpu

An estimate from shapes, for training in bfloat16 with AdamW and without activation checkpointing. The numbers
of bytes that a block keeps for the backward pass were counted by torch's saved_tensors_hooks, and a test
counts them again.
"""
from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from minimolmo.command import run_command, say
from minimolmo.config import ImageConfig, MolmoConfig, RunConfig
from minimolmo.options import Parser
from minimolmo.presets import (
    CLIP_B16,
    CLIP_L14,
    QWEN2_HALF_B,
    SMOLLM2_135M,
    SMOLLM2_360M,
    from_parts,
    preset,
)
from minimolmo.weights.counts import GB, TRAINING_BYTES, count_parameters

GPUS = (8, 16, 24, 80)              # GB
BATCH_SIZE = 128                    # of the preset single_gpu
COPY_BYTES = 2                      # of a parameter: autocast's copy in bfloat16
VISION_BYTES = 24, 6                # kept by a block for each token: times its width, times its MLP's
DECODER_BYTES = 35, 9.5             # ... with dropout
CONNECTOR_BYTES = 40                # kept for each patch, times the tower's width
LOGIT_BYTES = 18                    # of an answer token's logits and their gradients in several dtypes
TEXT_TOKENS = 844                   # Molmo's 2,304 less the longest image's 1,460
RESERVE, CONTEXT = 0.08, 0.8        # the share and the GB that fragments and CUDA itself take
PAIRS = {"CLIP ViT-B/16, SmolLM2-135M": (*CLIP_B16, SMOLLM2_135M),
         "CLIP ViT-B/16, SmolLM2-360M": (*CLIP_B16, SMOLLM2_360M),
         "CLIP ViT-L/14-336, SmolLM2-360M": (*CLIP_L14, SMOLLM2_360M),
         "CLIP ViT-L/14-336, Qwen2.5-0.5B": (*CLIP_L14, QWEN2_HALF_B)}
CROPS = (12, 9, 8, 6, 4, 3, 2, 1)   # high-res crops to try; Molmo has 12


class Fit(NamedTuple):
    """What fits a GPU: high-res crops, images in a micro-batch, tokens, and the estimate in GB."""
    crops: int
    images: int
    max_tokens: int
    gigabytes: float


def image_tokens(image: ImageConfig, crops: int) -> int:
    """The most tokens that an image of so many high-res crops becomes, with the overview's."""
    left, right = (margin // image.pool for margin in image.margins)
    inner = image.pooled_side - left - right
    grids = ((rows, columns) for rows in range(1, crops + 1) for columns in range(1, crops // rows + 1))
    stitched = max((inner * rows + left + right) * (inner * columns + left + right + 1)
                   for rows, columns in grids)
    return image.pooled_side * (image.pooled_side + 1) + stitched + 4


def activation_bytes(config: MolmoConfig, crops: int) -> float:
    """What one image, with its overview and its text, keeps in memory for the backward pass."""
    vision, decoder, patches = config.vision, config.decoder, config.image.side ** 2
    layers = vision.layers + max(vision.feature_layers) + 1  # those above are not run
    tower = (patches + 1) * layers * (VISION_BYTES[0] * vision.width + VISION_BYTES[1] * vision.mlp)
    connector = patches * CONNECTOR_BYTES * vision.width
    tokens = image_tokens(config.image, crops) + TEXT_TOKENS
    mask = 2 * tokens  # a number in bfloat16 for each pair of tokens
    block = DECODER_BYTES[0] * decoder.width + DECODER_BYTES[1] * decoder.mlp + mask
    logits = TEXT_TOKENS * LOGIT_BYTES * decoder.rows
    return (crops + 1) * (tower + connector) + tokens * decoder.layers * block + logits


@lru_cache
def num_parameters(config: MolmoConfig) -> int:
    """The number of all parameters."""
    return count_parameters(config)["total"]


def find_fit(config: MolmoConfig, gigabytes: float) -> Fit | None:
    """The most high-res crops, then the most images, that fit a GPU; None if not even one crop does."""
    room = (gigabytes * (1 - RESERVE) - CONTEXT) * GB
    room -= num_parameters(config) * (TRAINING_BYTES + COPY_BYTES)
    for crops in CROPS:
        one = activation_bytes(config, crops)
        fitting = [images for images in (1, 2, 4, 8, 16, 32) if images * one <= room]
        if fitting:
            used = gigabytes * GB - room + fitting[-1] * one
            return Fit(crops, fitting[-1], image_tokens(config.image, crops) + TEXT_TOKENS, used / GB)
    return None


def training_settings(config: MolmoConfig, memory: float) -> RunConfig:
    """The preset single_gpu for these parts and a GPU of so many bytes; without a GPU, as for 24 GB.

    Where the model does not fit whole, the smallest settings.
    """
    gigabytes = memory / GB if math.isfinite(memory) else 24
    fit = find_fit(config, gigabytes) or Fit(1, 1, image_tokens(config.image, 1) + TEXT_TOKENS, gigabytes)
    image = replace(config.image, ground_crops=fit.crops)
    return replace(preset("single_gpu"), model=replace(config, image=image), max_tokens=fit.max_tokens,
                   accumulate=BATCH_SIZE // fit.images)


def fits_table(configs: dict[str, MolmoConfig]) -> str:
    """What fits each of GPUS, a line for each, as settings for train.py."""
    lines = []
    for name, config in configs.items():
        lines.append(f"{name}: {num_parameters(config) / 1e6:,.1f} million parameters")
        for gigabytes in GPUS:
            fit = find_fit(config, gigabytes)
            lines.append(f"  {gigabytes:2} GB  " + (
                f"--accumulate={BATCH_SIZE // fit.images} --model.image.ground_crops={fit.crops} "
                f"--max_tokens={fit.max_tokens}  (about {fit.gigabytes:.0f} GB)" if fit else
                "does not fit whole"))
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """The command line: print the table."""
    Parser(description=__doc__.splitlines()[0]).parse_args(arguments)
    say(fits_table({name: from_parts(*parts) for name, parts in PAIRS.items()}))


if __name__ == "__main__":
    run_command(main)
