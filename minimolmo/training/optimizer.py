"""The optimizer: AdamW with three parameter groups, the learning-rate schedule, and clipping part by part."""
from __future__ import annotations

import math

import torch

from minimolmo.config import StageConfig
from minimolmo.distributed import is_sharded

PARTS = ("vit", "connector", "decoder")


def make_optimizer(groups: dict[str, list], weight_decay: float) -> torch.optim.AdamW:
    """AdamW with one parameter group for each of PARTS, in their order. Betas and eps as in the paper."""
    named = [{"params": groups[name], "name": name} for name in PARTS]
    return torch.optim.AdamW(named, lr=0.0, betas=(0.9, 0.95), eps=1e-6, weight_decay=weight_decay,
                             fused=True)


def learning_rate(step: int, steps: int, peak: float, warmup: int, hold_fraction: float = 0.0) -> float:
    """The learning rate at step 1 ... `steps`: linear warm-up, constant, then a cosine down to 10 %.

    >>> [round(learning_rate(s, steps=100, peak=1.0, warmup=10), 2) for s in (1, 10, 55, 100)]
    [0.1, 1.0, 0.55, 0.1]

    Source: official schedule (hold_fraction = 0).
    """
    if step < warmup:
        return peak * step / warmup
    start = max(warmup, hold_fraction * steps)
    progress = min(1.0, max(0.0, step - start) / max(1, steps - start))
    return peak * (0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2)


def set_learning_rates(optimizer: torch.optim.Optimizer, stage: StageConfig, step: int) -> list[float]:
    """Set each parameter group's learning rate for this step (counted from 1); returns the three rates."""
    parts = zip(stage.learning_rates, stage.warmup_steps)
    rates = [learning_rate(step, stage.steps, peak, warmup, stage.hold_fraction) for peak, warmup in parts]
    for group, rate in zip(optimizer.param_groups, rates):
        group["lr"] = rate
    return rates


def clip_gradients(optimizer: torch.optim.Optimizer, max_norm: float) -> list[float]:
    """Clip each parameter group's gradient to norm `max_norm`, separately; returns the norms before clipping.

    Source: paper, Section 2: one noisy part must not slow the other two. Factor min(1, max_norm/(norm+1e-6)).
    """
    norms = [torch.nn.utils.clip_grad_norm_(group["params"], max_norm) for group in optimizer.param_groups]
    return [float(norm.full_tensor() if is_sharded(norm) else norm) for norm in norms]
