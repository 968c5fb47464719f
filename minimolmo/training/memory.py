"""Memory in words: what a run needs, before it begins; and the message when a GPU's memory is full."""
from __future__ import annotations

import math
import sys

import torch

from minimolmo.command import say
from minimolmo.config import RunConfig
from minimolmo.device import frozen_dtype, has_bfloat16, trains_in_bfloat16
from minimolmo.weights.advice import describe, for_each_process, verdict
from minimolmo.weights.counts import TRAINING_BYTES, count_parameters
from minimolmo.weights.fit import training_need

SMALL = 20_000_000  # weights; a smaller model fits everywhere, and the question takes seconds


def total_gpu_memory() -> float:
    """The total memory of this process's GPU in bytes; infinity without a GPU."""
    return torch.cuda.get_device_properties().total_memory if torch.cuda.is_available() else math.inf


def note_memory(config: RunConfig, device: torch.device, world: int = 1) -> None:
    """Print what a run needs on each device, and whether it fits the GPU; nothing for a small model."""
    if count_parameters(config.model)["total"] < SMALL:
        return
    stage = "finetune" if config.finetune.steps else "pretrain"
    if device.type == "cuda":
        line = verdict(config, stage, total_gpu_memory(), world, has_bfloat16(device))
        return say(f"memory: {line}", file=sys.stderr)
    config, shards = for_each_process(config, world), world if config.shard and not config.lora else 1
    need = training_need(config, stage, trains_in_bfloat16(device), shards, frozen_dtype(device))
    say(f"memory: {describe(config, stage, need)}", file=sys.stderr)


def oom_message(config: RunConfig, stage: str | None, world: int, memory: float) -> str:
    """The message for a full GPU of `memory` bytes. `stage` is None if the model is not built yet."""
    weights = count_parameters(config.model)["total"]
    if config.lora and stage is None:
        return (f"the GPU's memory is full before training: the frozen weights of {config.name} alone take "
                f"{2 * weights / 1e9:.1f} GB in bfloat16. Try a smaller model, or a GPU with more memory.")
    shards = world if config.shard else 1
    if not config.lora and (stage is None or TRAINING_BYTES * weights / shards > memory):
        return _too_many_weights(config, weights, world, memory)
    settings, pieces = getattr(config, stage), config.accumulate * world
    more = next((n for n in range(config.accumulate + 1, settings.batch_size + 1)
                 if config.divides(n * world)), None)
    resume = (f"--resume --accumulate={more}, which cuts each batch into {more} pieces and learns the same; "
              f"or, " if more else "")
    return (f"the GPU's memory is full: stage {stage} puts {settings.batch_size // pieces} images at once "
            f"through the model. Try {resume}in a run of its own, a view with fewer crops, "
            f"--{stage}.view=bird, or shorter sequences, --max_tokens={config.max_tokens // 2}.")


def _too_many_weights(config: RunConfig, weights: int, world: int, memory: float) -> str:
    """The message if the weights alone need too much memory: it suggests a number of GPUs.

    The weights may fill half of each GPU. If one GPU is enough, another process is using it.
    """
    gpus = 1
    while TRAINING_BYTES * weights / gpus > memory / 2:
        gpus *= 2
    needed = max(gpus, 2 * world)
    remedy = (f"{needed} GPUs, each with a shard of the weights: torchrun --nproc-per-node={needed} "
              f"(--nnodes, if one machine has fewer) train.py --shard=true with the rest of the command"
              if gpus > 1 else "again when nothing else runs on this GPU; nvidia-smi lists what does")
    return (f"the GPU's memory is full: the {weights / 1e6:,.0f} million weights of {config.name}, their "
            f"gradients and AdamW's two moments take {TRAINING_BYTES * weights / 1e9:.1f} GB, and "
            f"activations come on top. Try {remedy}.")
