"""Three parts, three rates: the optimizer's groups, the schedule, and clipping part by part."""
from __future__ import annotations

import math

import torch

from minimolmo.config import StageConfig
from minimolmo.parallel import is_share

PARTS = ("vit", "connector", "decoder")


def make_optimizer(parts: dict[str, list], weight_decay: float) -> torch.optim.AdamW:
    """AdamW with one group for each part, in the order of PARTS; betas and eps are the paper's."""
    groups = [{"params": parts[name], "name": name} for name in PARTS]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.95), eps=1e-6, weight_decay=weight_decay,
                             fused=True)


def rate(step: int, steps: int, peak: float, warmup: int, hold: float = 0.0) -> float:
    """The learning rate of step 1 ... `steps`: a straight climb, `hold` of all steps flat, a cosine to 10 %.

    >>> [round(rate(s, steps=100, peak=1.0, warmup=10), 2) for s in (1, 10, 55, 100)]
    [0.1, 1.0, 0.55, 0.1]

    Source: official schedule (hold = 0).
    """
    if step < warmup:
        return peak * step / warmup
    start = max(warmup, hold * steps)
    way = min(1.0, max(0.0, step - start) / max(1, steps - start))
    return peak * (0.1 + 0.9 * (1 + math.cos(math.pi * way)) / 2)


def set_rates(optimizer: torch.optim.Optimizer, stage: StageConfig, step: int) -> list[float]:
    """Give each part its own rate for this step (counted from 1); returns the three."""
    parts = zip(stage.rates, stage.warmups)
    rates = [rate(step, stage.steps, peak, warmup, stage.hold) for peak, warmup in parts]
    for group, value in zip(optimizer.param_groups, rates):
        group["lr"] = value
    return rates


def clip(optimizer: torch.optim.Optimizer, most: float) -> list[float]:
    """Shorten each part's gradient to norm `most` at the most, each part by itself; returns the norms before.

    Source: paper, Section 2: one noisy part must not slow the other two. Factor min(1, most/(norm+1e-6)).
    """
    norms = [torch.nn.utils.clip_grad_norm_(group["params"], most) for group in optimizer.param_groups]
    return [float(norm.full_tensor() if is_share(norm) else norm) for norm in norms]
