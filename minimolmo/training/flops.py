"""FLOPs of a training step, their fraction of the device's peak (MFU), and the speeds in a log line.

    MFU ("model FLOPs utilisation") = FLOPs that the model needs / (seconds x the device's peak FLOPs/second)

A multiplication and an addition count as two. Only matrix products are counted, as is usual: norms,
activations and the optimizer need far fewer. Attention counts every query with every key, masked or not, and
the last MLP counts every token, also those that skip it. The auxiliary losses are not counted: they are not
part of the model.
"""
from __future__ import annotations

import re
import time
from functools import cache

import torch

from minimolmo.config import MolmoConfig, RunConfig
from minimolmo.flow import PAD_SEGMENT, Batch

# bfloat16 FLOPs per second from data sheets (dense). The first key that occurs in the device's name is used.
PEAKS = {"H100 PCIe": 756e12, "H100 NVL": 835e12, "H100": 989e12, "H200": 989e12, "B200": 2250e12,
         "A100": 312e12, "L40S": 362e12, "L4": 121e12, "A10G": 70e12, "RTX 4090": 165e12, "RTX 3090": 71e12}
TRAINING = 3  # forward once; backward twice: gradients of the inputs and of the weights


def forward_flops(config: MolmoConfig, crops: int, visual: int, sequences: int, length: int,
                  answer_tokens: int) -> dict[str, float]:
    """FLOPs of one forward pass, part by part.

    crops, visual      crops and visual tokens of the whole batch
    sequences, length  shape (B, T) of the batch's tokens, padding included
    answer_tokens      the tokens that go through the output head
    returns            vit, pooling, projector, decoder, head: 2*m*k*n for each product of matrices in it
    """
    image, vision, connector, decoder = config.image, config.vision, config.connector, config.decoder
    patches, tokens = image.side ** 2, sequences * length
    crop_tokens = vision.tower.class_token + patches
    blocks = max(vision.layers + layer for layer in vision.feature_layers) + 1

    embed = 2 * crops * patches * (3 * image.patch_size ** 2) * vision.width
    attention = 4 * vision.width ** 2 + 2 * crop_tokens * vision.width   # q, k, v, out; scores and sums
    vit = embed + 2 * crops * crop_tokens * blocks * (attention + 2 * vision.width * vision.mlp)

    window, features = image.pool ** 2, 2 * vision.width
    pooling = 2 * visual * connector.width * (features * (1 + 2 * window) + 2 * window + connector.width)
    projector = 2 * visual * connector.mlp * (2 * connector.width + decoder.width)

    qkv = decoder.width * (decoder.width + 2 * decoder.kv_heads * decoder.head_size)
    attention = qkv + decoder.width ** 2 + 2 * length * decoder.width
    router = decoder.width * decoder.experts
    mlp = max(1, decoder.top_k) * 3 * decoder.width * decoder.mlp + router
    return {"vit": vit, "pooling": pooling, "projector": projector,
            "decoder": 2 * tokens * decoder.layers * (attention + mlp),
            "head": 2 * answer_tokens * decoder.width * decoder.rows}


def training_flops(config: MolmoConfig, stage: str, batch: Batch) -> float:
    """FLOPs of a training step on a batch, without padding; in stage bootstrap without the decoder."""
    parts = forward_flops(config, len(batch.patches), len(batch.pool_idx), *batch.ids.shape,
                          int((batch.loss_weight > 0).sum()))
    parts["decoder"] *= float((batch.segment_ids != PAD_SEGMENT).float().mean())
    if stage == "bootstrap":
        parts |= {"decoder": 0, "head": 0}
    return TRAINING * sum(parts.values())


def peak_flops(device: torch.device) -> float:
    """The device's peak FLOPs per second: from PEAKS by its name, else measured."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for known, peak in PEAKS.items():
            if re.search(rf"{known}\b", name):  # L4 must not match an L40, nor A100 an A1000
                return peak
    return measured_peak(device)


@cache
def measured_peak(device: torch.device, seconds: float = 0.2) -> float:
    """FLOPs per second of a large square matrix product, the best run in this time.

    It is too low if other programs keep the device busy: see `Meter.mfu`.
    """
    size, dtype = (8192, torch.bfloat16) if device.type == "cuda" else (512, torch.float32)
    a, best = torch.ones(size, size, device=device, dtype=dtype), float("inf")
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end or best == float("inf"):
        float((a @ a)[0, 0])  # waits until the GPU has finished
        best = min(best, time.perf_counter() - began)
    return 2 * size ** 3 / best


class Meter:
    """Measures a step for its log line: speed, MFU, waiting for data, and memory."""

    def __init__(self, config: RunConfig, device: torch.device):
        self.config, self.device = config, device
        self.peak: float | None = peak_flops(device)  # None: a step has shown that it was measured too low

    def start(self) -> None:
        """Call when a step begins, before its batch is loaded."""
        self.began = self.loaded = time.perf_counter()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

    def batch_ready(self) -> None:
        """Call when the batch is loaded."""
        self.loaded = time.perf_counter()

    def log_line(self, stage: str, micro_batches: list[Batch], world: int) -> dict[str, float]:
        """The measurements of a finished step, summed over all `world` processes.

        Call when the loss is on the CPU: then the GPU has finished.
        """
        seconds = time.perf_counter() - self.began
        images = world * sum(len(batch.ids) for batch in micro_batches)
        visual = world * sum(len(batch.pool_idx) for batch in micro_batches)
        flops = sum(training_flops(self.config.model, stage, batch) for batch in micro_batches)
        numbers = {"images_per_second": round(images / seconds, 1),
                   "visual_tokens_per_second": round(visual / seconds),
                   **self.mfu(flops / seconds),
                   "data_wait": round((self.loaded - self.began) / seconds, 4)}
        if self.device.type == "cuda":
            numbers["peak_gib"] = round(torch.cuda.max_memory_allocated(self.device) / 2 ** 30, 2)
        return numbers

    def mfu(self, flops_per_second: float) -> dict[str, float]:
        """The log's MFU; nothing once a step was faster than the peak: then the peak is not known."""
        if self.peak and flops_per_second > self.peak:
            self.peak = None
        return {"mfu": round(flops_per_second / self.peak, 4)} if self.peak else {}
