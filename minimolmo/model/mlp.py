"""The two MLPs: GELU in the ViT, SwiGLU in the decoder and the projector."""
from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def quick_gelu(x: Tensor) -> Tensor:
    """CLIP's approximation of GELU: x * sigmoid(1.702 x)."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS = {"quick_gelu": quick_gelu, "gelu": F.gelu, "gelu_tanh": partial(F.gelu, approximate="tanh")}


class GeluMLP(nn.Module):
    """Two linear layers with biases and an activation between: (..., D) -> (..., D). Source: CLIP's ViT."""

    def __init__(self, width: int, inner: int, activation: str = "quick_gelu"):
        super().__init__()
        self.up = nn.Linear(width, inner)
        self.activation = ACTIVATIONS[activation]
        self.down = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.activation(self.up(x)))


class SwiGLU(nn.Module):
    """A gated MLP: silu(gate) * up, then down. (..., in) -> (..., out), no biases.

    Source: paper, hyperparameter table ("SwiGLU" for both connector and LLM); Shazeer 2020.
    """

    def __init__(self, in_width: int, inner: int, out_width: int):
        super().__init__()
        self.gate = nn.Linear(in_width, inner, bias=False)
        self.up = nn.Linear(in_width, inner, bias=False)
        self.down = nn.Linear(inner, out_width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))
