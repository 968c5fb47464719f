"""Mixture of experts: many small MLPs in place of one; a router sends each token to a few of them.

MolmoE-1B has 6.9 billion parameters, of which a token uses 1.3 billion.
"""
from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Routing(NamedTuple):
    """How one block's router distributed the tokens of a batch.

    counts               (E,) tokens sent to each expert
    load_balancing_loss  E times the sum over experts of (fraction of tokens) x (mean router probability): 1
                         if all get the same, E / top_k if every token goes to the same top_k experts
    """
    counts: Tensor
    load_balancing_loss: Tensor


class StackedExpertWeight(nn.Module):
    """One weight matrix for each expert, stacked: weight (E, inner, width)."""

    bias = None

    def __init__(self, experts: int, inner: int, width: int, in_features: int):
        super().__init__()
        self.in_features = in_features  # scales the initial weights
        self.weight = nn.Parameter(torch.zeros(experts, inner, width))

    def matrices(self) -> tuple[Tensor, ...]:
        """One matrix (inner, width) for each expert."""
        return self.weight.unbind()


class Experts(nn.Module):
    """A mixture of SwiGLU experts: each token goes to its `top_k` best. (..., D) -> (..., D) and a Routing.

    The outputs are summed, weighted by the router's softmax. Router weights are not renormalised after the
    top-k choice, so their sum is below 1. No token is dropped.

    Source: OLMoE (dropless, not renormalised); the loss is the Switch Transformer's, Section 2.2.
    """

    def __init__(self, width: int, inner: int, experts: int, top_k: int):
        super().__init__()
        self.top_k = top_k
        self.router = nn.Linear(width, experts, bias=False)
        self.gate = StackedExpertWeight(experts, inner, width, in_features=width)
        self.up = StackedExpertWeight(experts, inner, width, in_features=width)
        self.down = StackedExpertWeight(experts, inner, width, in_features=inner)

    def forward(self, x: Tensor) -> tuple[Tensor, Routing]:
        tokens = x.flatten(0, -2)                                                      # (n, D)
        probabilities = self.router(tokens).float().softmax(dim=-1)                    # (n, E)
        weight, chosen = probabilities.topk(self.top_k, dim=-1)                        # (n, k)
        routing = routing_stats(probabilities, chosen)
        output = torch.zeros_like(tokens)
        gate, up, down = self.gate.matrices(), self.up.matrices(), self.down.matrices()
        for expert in routing.counts.nonzero().flatten().tolist():
            token, rank = (chosen == expert).nonzero(as_tuple=True)                    # tokens sent to it
            routed = tokens[token]
            inner = F.silu(routed @ gate[expert].T) * (routed @ up[expert].T)          # (sent, inner)
            update = (inner @ down[expert]) * weight[token, rank, None].to(x.dtype)
            output = output.index_add(0, token, update.to(output.dtype))
        return output.view_as(x), routing


def routing_stats(probabilities: Tensor, chosen: Tensor) -> Routing:
    """Build a Routing from router probabilities (n, E) and the chosen experts (n, k).

    The loss is E * sum of f * p over the experts: f, an expert's share of the n * k choices, and p, the mean
    of its probabilities over the n tokens.
    """
    experts = probabilities.shape[-1]
    counts = chosen.flatten().bincount(minlength=experts)                              # (E,)
    return Routing(counts, experts * (counts / chosen.numel() * probabilities.mean(dim=0)).sum())
