"""Settings, parameter counts and memory of every preset, as a table.

    python -m minimolmo.weights.sizes

Parameters are counted on PyTorch's device "meta", where a tensor has a shape but no memory. So a
laptop counts the 72 billion of Molmo-72B in one second.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

from minimolmo.command import run_command, say
from minimolmo.config import MolmoConfig, RunConfig
from minimolmo.model.experts import Experts
from minimolmo.model.molmo import MiniMolmo
from minimolmo.options import Parser
from minimolmo.overrides import to_dict
from minimolmo.presets import PRESETS

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


def cache_bytes(config: MolmoConfig, num_tokens: int) -> int:
    """The memory of a KV cache for one sequence, in bfloat16."""
    decoder = config.decoder
    return 2 * 2 * num_tokens * decoder.layers * decoder.kv_heads * decoder.head_size


def list_settings(run: RunConfig) -> dict[str, str]:
    """Every setting of a run by its dotted name, as for --name=value. A stage of 0 steps shows steps only."""
    def flatten(values: dict, prefix: str = "") -> Iterator[tuple[str, str]]:
        for name, value in values.items():
            if isinstance(value, dict) and name != "mix":
                yield from flatten(value, f"{prefix}{name}.")
            elif name not in ("name", "mix") and (name == "steps" or values.get("steps") != 0):
                yield prefix + name, _format(value)
    return dict(flatten(to_dict(run)))


def _format(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return " ".join(map(_format, value))
    if isinstance(value, bool):
        return "yes" if value else "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else value


def presets_table(runs: dict[str, RunConfig]) -> str:
    """A text table with a column for each preset: settings, then parameters, then gigabytes."""
    columns = {name: {**list_settings(run), "": "", **_list_sizes(run)} for name, run in runs.items()}
    names = max(columns.values(), key=len)  # of the column with the most settings
    rows = [[name, *(column.get(name, "") for column in columns.values())] for name in names]
    rows = [["", *columns], *rows]
    widths = [max(map(len, cells)) for cells in zip(*rows)]
    lines = ([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
             for row in rows)
    return "\n".join("  ".join(line).rstrip() for line in lines)


def _list_sizes(run: RunConfig) -> dict[str, str]:
    """The number of parameters of each part, and the gigabytes of all."""
    counts = count_parameters(run.model)
    sizes = {"GB in float32": counts["total"] * 4, "GB in bfloat16": counts["total"] * 2,
             "GB of KV cache": cache_bytes(run.model, run.max_tokens)}
    return {**{f"parameters: {part}": f"{count:,}" for part, count in counts.items()},
            **{name: f"{size / GB:.2f}" for name, size in sizes.items()}}


def main(arguments: list[str]) -> None:
    """The command line: print the table."""
    Parser(description=__doc__.splitlines()[0]).parse_args(arguments)
    say(presets_table(PRESETS))


if __name__ == "__main__":
    run_command(main)
