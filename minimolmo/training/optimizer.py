"""The optimizers: AdamW or Muon with three parts, the learning-rate schedule, and clipping part by part.

AdamW, with the paper's betas and eps, drives every weight of the official presets. Molmo starts from trained
parts; ours start from random numbers, and there *Muon* needs about half as many steps (RUNS.md). It replaces
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
RATE_SCALE = float(__import__("os").environ.get("RS", "0.4"))
import os
_NS = {"5": ((3.4445, -4.7750, 2.0315),) * 5, "3": ((3.4445, -4.7750, 2.0315),) * 3, "p4": ((8.28721201814563, -23.595886519098837, 17.300387312530933), (4.107059111542203, -2.9478499167379106, 0.5448431082926601), (3.9486908534822946, -2.908902115962949, 0.5518191394370137), (3.3184196573706015, -2.488488024314874, 0.51004894012372)), "p3": ((8.28721201814563, -23.595886519098837, 17.300387312530933), (4.107059111542203, -2.9478499167379106, 0.5448431082926601), (3.9486908534822946, -2.908902115962949, 0.5518191394370137))}
NEWTON_SCHULZ = _NS[os.environ.get("NS", "5")]


def orthogonalize(matrices: Tensor) -> Tensor:
    """The nearest orthogonal matrix of each, nearly: (n, rows, columns), rows <= columns, the same shape.

    Newton-Schulz iteration: an odd polynomial of a matrix is that polynomial of its singular values, and
    these move all singular values from 0..1 to about 1. Source: Jordan et al. 2024, "Muon".
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
        by_shape = defaultdict(list)
        for matrix, rows in zip(group["params"], group["rows"]):
            if matrix.grad is not None:
                pieces = zip(matrix.split(rows), self.nesterov_momentum(matrix).split(rows))
                for weight, update in pieces:
                    by_shape[min(weight.shape), max(weight.shape)].append((weight, update))
                matrix.grad = None
        for (_, longest), pairs in by_shape.items():
            wide = [update if len(update) <= update.shape[1] else update.T for _, update in pairs]
            step = orthogonalize(torch.stack(wide)) * (RATE_SCALE * group["lr"] * longest ** 0.5)
            for (weight, update), change in zip(pairs, step):
                weight -= change if len(update) <= update.shape[1] else change.T

    def nesterov_momentum(self, matrix: Tensor) -> Tensor:
        """Add the gradient to the matrix's momentum; returns the momentum one step ahead."""
        state = self.state[matrix]
        if not state:  # "step" is what AdamW expects of every weight's state
            state |= {"step": torch.tensor(0.0), "momentum": torch.zeros_like(matrix)}
        state["step"] += 1
        state["momentum"].lerp_(matrix.grad, 1 - MOMENTUM)
        return matrix.grad.lerp(state["momentum"], MOMENTUM)


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
