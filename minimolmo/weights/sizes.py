"""Settings, parameter counts and memory of every preset, as a table; and whether a run fits your GPU.

    python -m minimolmo.weights.sizes                                                the table
    python -m minimolmo.weights.sizes --from=Molmo-7B-D-0924 --lora=16 --gpu=24      will it fit 24 GB?
    python -m minimolmo.weights.sizes --preset=mini --gpu=16 --finetune.view=bird    settings as for train.py
"""
from __future__ import annotations

from collections.abc import Iterator

from minimolmo.command import run_command, say
from minimolmo.config import STAGES, MolmoConfig, RunConfig
from minimolmo.options import Parser, number_argument, path_argument
from minimolmo.overrides import override, to_dict
from minimolmo.presets import PRESETS, preset, with_adapters
from minimolmo.weights.advice import describe, verdict
from minimolmo.weights.counts import GB, count_parameters, meta_model
from minimolmo.weights.fit import training_need
from minimolmo.weights.official import finetune_config

__all__ = ["cache_bytes", "count_parameters", "list_settings", "meta_model", "presets_table"]

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
    """The command line: print the table, or the memory of one run."""
    parser = Parser(description=__doc__.splitlines()[0])
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--from", type=path_argument, dest="released", help="a released folder to fine-tune")
    begin.add_argument("--preset", choices=PRESETS, help="a preset, whose folder need not be there")
    parser.add_argument("--gpu", type=number_argument(1), help="the GPU's memory in GB")
    parser.add_argument("--stage", choices=STAGES[1:], default="finetune")
    given, settings = parser.parse_known_args(arguments)
    if not arguments:
        return say(presets_table(PRESETS))
    if not given.released and not given.preset:
        raise ValueError(f"{arguments[0]} asks about a run, and no model is named. Try --preset=mini, or "
                         f"--from=FOLDER with released weights.")
    config = finetune_config(given.released) if given.released else preset(given.preset)
    config = override(config, settings)
    config = override(with_adapters(config), settings) if config.lora else config
    if given.gpu:
        return say(verdict(config, given.stage, given.gpu * GB))
    say(f"{describe(config, given.stage, training_need(config, given.stage, reduced=True))}.")


if __name__ == "__main__":
    run_command(main)
