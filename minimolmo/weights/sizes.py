"""Every preset side by side: all its numbers, and how many parameters each part has.

    python -m minimolmo.weights.sizes

Parameters are counted on PyTorch's device "meta", where a tensor has a shape and no memory: so the 72 billion
of Molmo-72B are counted in a second on a laptop. """
from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from minimolmo.config import MolmoConfig, RunConfig
from minimolmo.model.experts import Experts
from minimolmo.model.molmo import MiniMolmo
from minimolmo.overrides import to_dict
from minimolmo.presets import PRESETS

GB = 10 ** 9
TRAINING_BYTES = 16  # of a weight, its gradient and AdamW's two moments: four numbers in float32


def meta_model(config: MolmoConfig) -> MiniMolmo:
    """A model with shapes and names, but no memory and no numbers."""
    with torch.device("meta"):
        return MiniMolmo(config)


def count(config: MolmoConfig) -> dict[str, int]:
    """Parameters of each part, exactly; `active` are those of the decoder that one token meets."""
    model = meta_model(config)
    blocks, parts = model.decoder.blocks, {name: _numbers(part) for name, part in model.parameter_groups().items()}
    asleep = sum(inactive_parameters(block.mlp) for block in blocks if isinstance(block.mlp, Experts))
    return {"vit": parts["vit"], "pooling": _numbers(model.pooling.parameters()),
            "projector": _numbers(model.projector.parameters()), "padding": model.padding.numel(),
            "extra embedding": model.extra_embedding.weight.numel(), "connector": parts["connector"],
            "embedding": model.decoder.embedding.weight.numel(),
            "one block": _numbers(blocks[0].parameters()),
            "decoder": parts["decoder"], "active": parts["decoder"] - asleep,
            "total": _numbers(model.parameters())}


def _numbers(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def inactive_parameters(experts: Experts) -> int:
    """Parameters of the experts that a token does not ask."""
    stacks = [experts.gate.weight, experts.up.weight, experts.down.weight]
    return _numbers(stacks) // len(stacks[0]) * (len(stacks[0]) - experts.top_k)


def cache_bytes(config: MolmoConfig, tokens: int) -> int:
    """Memory of the KV cache in bfloat16, for one answer."""
    decoder = config.decoder
    return 2 * 2 * tokens * decoder.layers * decoder.kv_heads * decoder.head_size


def settings(run: RunConfig) -> dict[str, str]:
    """Every number of a preset under its dotted name, as --name=value would set it; of a stage that is left
    out, only that."""
    def flat(values: dict, before: str = ""):
        for name, value in values.items():
            if isinstance(value, dict) and name != "mix":
                yield from flat(value, f"{before}{name}.")
            elif name not in ("name", "mix") and (name == "steps" or values.get("steps") != 0):
                yield before + name, _short(value)
    return dict(flat(to_dict(run)))


def _short(value) -> str:
    if isinstance(value, (tuple, list)):
        return " ".join(map(_short, value))
    if isinstance(value, bool):
        return "yes" if value else "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else value


def table(runs: dict[str, RunConfig]) -> str:
    """All presets side by side: settings, then parameters, then gigabytes."""
    columns = {name: {**settings(run), "": "", **_weights(run)} for name, run in runs.items()}
    names = max(columns.values(), key=len)  # of the one that leaves out least
    rows = [[name, *(column.get(name, "") for column in columns.values())] for name in names]
    rows = [["", *columns], *rows]
    widths = [max(map(len, cells)) for cells in zip(*rows)]
    lines = ([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
             for row in rows)
    return "\n".join("  ".join(line).rstrip() for line in lines)


def _weights(run: RunConfig) -> dict[str, str]:
    """Parameters of each part, and the gigabytes they take."""
    counts = count(run.model)
    sizes = {"GB in float32": counts["total"] * 4, "GB in bfloat16": counts["total"] * 2,
             "GB of KV cache": cache_bytes(run.model, run.max_tokens)}
    return {**{f"parameters: {part}": f"{number:,}" for part, number in counts.items()},
            **{what: f"{size / GB:.2f}" for what, size in sizes.items()}}


if __name__ == "__main__":
    print(table(PRESETS))
