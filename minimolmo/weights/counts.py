"""The number of parameters of a model's parts, counted without memory.

On PyTorch's device "meta" a tensor has a shape but no memory. So a laptop counts the 72 billion of
Molmo-72B in one second.
"""
from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from minimolmo.config import MolmoConfig
from minimolmo.model.experts import Experts
from minimolmo.model.molmo import MiniMolmo

GB = 10 ** 9
TRAINING_BYTES = 16  # of a parameter, its gradient and AdamW's two moments: four values in float32


def meta_model(config: MolmoConfig) -> MiniMolmo:
    """A model on device "meta": parameters with names and shapes, but without memory or values."""
    with torch.device("meta"):
        return MiniMolmo(config)


def count_parameters(config: MolmoConfig) -> dict[str, int]:
    """The number of parameters of each part; "active" counts those of the decoder that one token uses."""
    model = meta_model(config)
    groups = {name: _num_values(group) for name, group in model.parameter_groups().items()}
    blocks = model.decoder.blocks
    inactive = sum(inactive_parameters(block.mlp) for block in blocks if isinstance(block.mlp, Experts))
    return {"vit": groups["vit"], "pooling": _num_values(model.pooling.parameters()),
            "projector": _num_values(model.projector.parameters()), "padding": model.padding.numel(),
            "extra embedding": model.extra_embedding.weight.numel(), "connector": groups["connector"],
            "embedding": model.decoder.embedding.weight.numel(),
            "one block": _num_values(blocks[0].parameters()),
            "decoder": groups["decoder"], "active": groups["decoder"] - inactive,
            "total": _num_values(model.parameters())}


def _num_values(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def inactive_parameters(experts: Experts) -> int:
    """The number of parameters in a block's experts that a token is not routed to."""
    stacks = [experts.gate.weight, experts.up.weight, experts.down.weight]
    return _num_values(stacks) // len(stacks[0]) * (len(stacks[0]) - experts.top_k)
