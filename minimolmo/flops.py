"""How much arithmetic a step is, what share of the device's peak it reaches, and the numbers of a log line.

    MFU ("model FLOPs utilisation") = FLOPs that the model needs / (seconds x FLOPs a second at the peak)

A multiplication and an addition count as two. Only matrix products are counted, as everybody does: norms,
activations and the optimizer are small beside them. Attention counts every query with every key, masked or
not. What the scaffolding of `grow.py` costs is not counted: it is no part of the model.
"""
from __future__ import annotations

import re
import time

import torch

from minimolmo.config import MolmoConfig, RunConfig
from minimolmo.flow import PADDING, Batch

# bfloat16 FLOPs a second by makers' data sheets (dense); the first name found in the device's name is taken.
PEAKS = {"H100 PCIe": 756e12, "H100 NVL": 835e12, "H100": 989e12, "H200": 989e12, "B200": 2250e12,
         "A100": 312e12, "L40S": 362e12, "L4": 121e12, "A10G": 70e12, "RTX 4090": 165e12, "RTX 3090": 71e12}
TRAINING = 3  # forward once, and backward twice as much: a product for the inputs, one for the weights


def forward_flops(config: MolmoConfig, crops: int, visual: int, sequences: int, length: int,
                  said: int) -> dict[str, float]:
    """FLOPs of one forward pass, part by part.

    crops, visual      crops and visual tokens of the whole batch
    sequences, length  the batch's words and visual tokens, padding included: (B, T)
    said               answer tokens: only they go through the head
    """
    image, see, connect, speak = config.image, config.vision, config.connector, config.decoder
    patches, tokens = image.side ** 2, sequences * length
    inside = see.tower.class_token + patches
    seen, blocks = crops * inside, max(see.layers + tap for tap in see.taps) + 1

    embed = 2 * crops * patches * (3 * image.patch_size ** 2) * see.width
    attention = 4 * see.width ** 2 + 2 * inside * see.width              # q, k, v, out; scores and sums
    vit = embed + 2 * seen * blocks * (attention + 2 * see.width * see.mlp)

    window, tapped = image.pool ** 2, 2 * see.width
    pooling = 2 * visual * connect.width * (tapped * (1 + 2 * window) + 2 * window + connect.width)
    projector = 2 * visual * connect.mlp * (2 * connect.width + speak.width)

    qkv = speak.width * (speak.width + 2 * speak.kv_heads * speak.head_size)
    attention = qkv + speak.width ** 2 + 2 * length * speak.width
    mlp = max(1, speak.top_k) * 3 * speak.width * speak.mlp + speak.width * speak.experts  # and who is asked
    decoder = 2 * tokens * speak.layers * (attention + mlp)
    return {"vit": vit, "pooling": pooling, "projector": projector, "decoder": decoder,
            "head": 2 * said * speak.width * speak.rows}


def training_flops(config: MolmoConfig, stage: str, batch: Batch) -> float:
    """FLOPs that a training step on this Batch needs: none for padding, no decoder in stage "grow"."""
    parts = forward_flops(config, len(batch.patches), len(batch.pool_idx), *batch.ids.shape,
                          int((batch.loss_weight > 0).sum()))
    parts["decoder"] *= float((batch.branch != PADDING).float().mean())
    if stage == "grow":
        parts |= {"decoder": 0, "head": 0}
    return TRAINING * sum(parts.values())


def peak_flops(device: torch.device) -> float:
    """FLOPs a second that the device can do at most: looked up by its name, else measured."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for known, peak in PEAKS.items():
            if re.search(rf"{known}\b", name):  # an L40 is no L4, an A1000 no A100
                return peak
    return measured_peak(device)


def measured_peak(device: torch.device, tries: int = 4) -> float:
    """FLOPs a second of the largest square product that is worth waiting for, best of some tries."""
    size, dtype = (8192, torch.bfloat16) if device.type == "cuda" else (512, torch.float32)
    a, best = torch.ones(size, size, device=device, dtype=dtype), float("inf")
    for _ in range(tries):
        began = time.perf_counter()
        float((a @ a)[0, 0])  # a number on the CPU: the product is done
        best = min(best, time.perf_counter() - began)
    return 2 * size ** 3 / best


class Meter:
    """The numbers of a log line: how fast, how far below the device's peak, how much waiting and memory."""

    def __init__(self, config: RunConfig, device: torch.device):
        self.config, self.device, self.peak = config, device, peak_flops(device)

    def start(self) -> None:
        """A step begins: its batch is asked for."""
        self.began = self.fed = time.perf_counter()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

    def feed(self) -> None:
        """The batch is there."""
        self.fed = time.perf_counter()

    def read(self, stage: str, micro_batches: list[Batch], world: int) -> dict[str, float]:
        """The step is over, its loss on the CPU: what it was worth, of all `world` processes together."""
        seconds = time.perf_counter() - self.began
        images = world * sum(len(batch.ids) for batch in micro_batches)
        visual = world * sum(len(batch.pool_idx) for batch in micro_batches)
        flops = sum(training_flops(self.config.model, stage, batch) for batch in micro_batches)
        numbers = {"images_per_second": round(images / seconds, 1),
                   "visual_tokens_per_second": round(visual / seconds),
                   "mfu": round(flops / seconds / self.peak, 4),
                   "waited": round((self.fed - self.began) / seconds, 4)}
        if self.device.type == "cuda":
            numbers["peak_gib"] = round(torch.cuda.max_memory_allocated(self.device) / 2 ** 30, 2)
        return numbers
