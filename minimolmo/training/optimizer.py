"""The optimizers: AdamW or Muon with three parts, the learning-rate schedule, and clipping part by part.

AdamW, with the paper's betas and eps, drives every weight of the official presets. Molmo starts from trained
parts; ours start from random numbers, and there *Muon* needs about 40 % fewer steps (RUNS.md). It replaces
each matrix's momentum by the nearest orthogonal matrix, so that every direction of a matrix is trained at the
same rate, also those in which its gradients are small.
"""
from __future__ import annotations

import math
from collections import defaultdict

import torch
from torch import Tensor

from minimolmo.config import StageConfig
from minimolmo.distributed import is_sharded

PARTS = ("vit", "connector", "decoder")
BETAS, EPS = (0.9, 0.95), 1e-6   # of AdamW, as in the paper
MOMENTUM = 0.95                  # of Muon, Nesterov's
RATE_SCALE = 0.4                 # of Muon's update, so that AdamW's learning rates suit it
NEWTON_SCHULZ = (                # coefficients of each step: Amsel et al. 2025, "Polar Express"
    (8.2872, -23.5959, 17.3004), (4.1071, -2.9479, 0.5448), (3.9487, -2.9089, 0.5518))


def orthogonalize(matrices: Tensor) -> Tensor:
    """The nearest orthogonal matrix of each, nearly: (n, rows, columns), rows <= columns, the same shape.

    Newton-Schulz iteration: an odd polynomial of a matrix is that polynomial of its singular values. Each
    step moves those from 0 to 1 towards 1. Three steps, after which most are between 0.3 and 1.8, train as
    well as five (RUNS.md). Source: Jordan et al. 2024, "Muon".
    """
    x = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for a, b, c in NEWTON_SCHULZ:
        gram = x @ x.mT                                                                # (n, rows, rows)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


class Muon(torch.optim.AdamW):
    """Muon for matrices, AdamW for all other weights.

    groups  of two kinds: AdamW's own, and those with `rows`: for each of the group's matrices, the numbers of
            rows of its pieces, which are orthogonalised apart (queries, keys and values are stored as one)
    """

    @torch.no_grad()
    def step(self) -> None:
        """Update all weights. A matrix's gradient is used up: AdamW skips weights without a gradient."""
        for group in self.param_groups:
            if "rows" in group:
                self.update_matrices(group)
        super().step()

    def update_matrices(self, group: dict) -> None:
        """Orthogonalise the momentum of a group's matrices, those of one shape at once, and subtract it."""
        trained = [(matrix, rows) for matrix, rows in zip(group["params"], group["rows"])
                   if matrix.grad is not None]
        by_shape = defaultdict(list)
        for (matrix, rows), update in zip(trained, self.nesterov_momenta([matrix for matrix, _ in trained])):
            matrix.grad = None
            for weight, change in zip(matrix.split(rows), update.split(rows)):
                wide = (weight, change) if len(weight) <= weight.shape[1] else (weight.T, change.T)
                by_shape[wide[0].shape].append(wide)
        for shape, pairs in by_shape.items():
            weights, changes = zip(*pairs)
            rate = RATE_SCALE * group["lr"] * shape[1] ** 0.5
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(weights, orthogonalize(torch.stack(changes)).unbind(), alpha=-rate)

    def nesterov_momenta(self, matrices: list[Tensor]) -> list[Tensor]:
        """Add each gradient to its matrix's momentum; returns the momenta one step ahead."""
        for matrix in matrices:
            if not self.state[matrix]:  # "step" is what AdamW expects of every weight's state
                self.state[matrix] |= {"step": torch.tensor(0.0), "momentum": torch.zeros_like(matrix)}
            self.state[matrix]["step"] += 1
        momenta, gradients = [self.state[m]["momentum"] for m in matrices], [m.grad for m in matrices]
        if not matrices:
            return []
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        return torch._foreach_lerp(gradients, momenta, MOMENTUM)


def make_optimizer(groups: dict[str, list], weight_decay: float,
                   matrices: dict[torch.nn.Parameter, list[int]] | None = None) -> torch.optim.AdamW:
    """AdamW with one parameter group for each of PARTS, in their order; Muon for the `matrices` among them.

    matrices  each with the numbers of rows of its pieces; none: AdamW for all
    """
    matrices = matrices or {}
    named = [{"params": [p for p in groups[name] if p not in matrices], "name": name} for name in PARTS]
    settings = dict(lr=0.0, betas=BETAS, eps=EPS, weight_decay=weight_decay, fused=True)
    if not matrices:
        return torch.optim.AdamW(named, **settings)
    own = {name: [p for p in groups[name] if p in matrices] for name in PARTS}
    named += [{"params": own[name], "name": name, "rows": [matrices[p] for p in own[name]]} for name in PARTS]
    return Muon(named, **settings)


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
    for group in optimizer.param_groups:
        group["lr"] = rates[PARTS.index(group["name"])]
    return rates


def clip_gradients(optimizer: torch.optim.Optimizer, max_norm: float) -> list[float]:
    """Clip each part's gradient to norm `max_norm`, separately; returns the three norms before clipping.

    Source: paper, Section 2: one noisy part must not slow the other two. Factor min(1, max_norm/(norm+1e-6)).
    """
    weights = {name: [weight for group in optimizer.param_groups if group["name"] == name
                      for weight in group["params"]] for name in PARTS}
    norms = [torch.nn.utils.clip_grad_norm_(weights[name], max_norm) for name in PARTS]
    return [float(norm.full_tensor() if is_sharded(norm) else norm) for norm in norms]
