"""Mixture of experts: many small MLPs in place of one, and each token asks only the few that suit it.

MolmoE-1B holds 6.9 billion numbers of which a word uses 1.3: it knows as much as a large model and thinks as
fast as a small one. """
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Stack(nn.Module):
    """The matrices of all experts, one behind the other: weight (E, inner, width)."""

    bias = None

    def __init__(self, experts: int, inner: int, width: int, in_features: int):
        super().__init__()
        self.in_features = in_features  # numbers that one of its outputs is made of
        self.weight = nn.Parameter(torch.zeros(experts, inner, width))

    def each(self) -> tuple[Tensor, ...]:
        """One matrix (inner, width) for each expert."""
        return self.weight.unbind()


class Experts(nn.Module):
    """A router gives each token shares of all experts; its `top_k` best are asked. (..., D) -> (..., D)

    An expert is a SwiGLU. The answers are added up by their shares as they stand: what the other experts
    would have had is lost, so a token that suits nobody well changes little. No token is turned away.

    After a forward pass `asked` (E,) says how often each expert was asked, and `imbalance` is the loss that
    keeps the load even: experts times the sum, over experts, of (share of the questions it got) x (mean share
    the router gave it). It is 1 when all get the same, and experts / top_k when everybody asks the same few.

    Source: OLMoE (dropless, shares not renormalised); the loss is the Switch Transformer's, Section 2.2.
    """

    def __init__(self, width: int, inner: int, experts: int, top_k: int):
        super().__init__()
        self.top_k = top_k
        self.router = nn.Linear(width, experts, bias=False)
        self.gate = Stack(experts, inner, width, in_features=width)
        self.up = Stack(experts, inner, width, in_features=width)
        self.down = Stack(experts, inner, width, in_features=inner)
        self.asked: Tensor | None = None
        self.imbalance: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(0, -2)                                                      # (n, D)
        shares = self.router(tokens).float().softmax(dim=-1)                           # (n, E)
        share, chosen = shares.topk(self.top_k, dim=-1)                                # (n, k)
        self.weigh(shares, chosen)
        answer = torch.zeros_like(tokens)
        gate, up, down = self.gate.each(), self.up.each(), self.down.each()
        for expert in self.asked.nonzero().flatten().tolist():
            token, place = (chosen == expert).nonzero(as_tuple=True)                   # those who ask it
            asking = tokens[token]
            inner = F.silu(asking @ gate[expert].T) * (asking @ up[expert].T)          # (askers, inner)
            said = (inner @ down[expert]) * share[token, place, None].to(x.dtype)
            answer = answer.index_add(0, token, said.to(answer.dtype))
        return answer.view_as(x)

    def weigh(self, shares: Tensor, chosen: Tensor) -> None:
        """Note how often each expert was asked, and how uneven that is: (n, E), (n, k)."""
        experts = shares.shape[-1]
        self.asked = chosen.flatten().bincount(minlength=experts)                      # (E,)
        self.imbalance = experts * (self.asked / chosen.numel() * shares.mean(dim=0)).sum()
