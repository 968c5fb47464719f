"""Runs with adapters (LoRA): loads them onto their base, and merges both into an ordinary model.

    python -m minimolmo.weights.adapters out/cups out/cups-merged
    python -m minimolmo.weights.adapters out/cups out/cups-merged --base=FOLDER    the base was moved there

A checkpoint of such a run holds the adapters and the connector alone; its config names the base's folder.
"""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from minimolmo.command import python_command, run_command, say
from minimolmo.config import RunConfig
from minimolmo.device import frozen_dtype
from minimolmo.disk import check_absent_or_own
from minimolmo.model import lora
from minimolmo.model.molmo import MiniMolmo
from minimolmo.options import Parser, path_argument
from minimolmo.weights import checkpoint, official
from minimolmo.weights.counts import meta_model


def load_adapted(folder: Path, config: RunConfig, device: torch.device,
                 dtype: torch.dtype | None = None) -> MiniMolmo:
    """The adapted model of a checkpoint, on a device. Raises ValueError if its base is not where it was.

    dtype  of the base's matrices; default: that of training
    """
    merge = python_command("-m", "minimolmo.weights.adapters", str(folder), "MERGED", "--base=FOLDER")
    base = find_base(config, folder, f"{merge} makes one model of both")
    model = meta_model(config.model)
    lora.adapt(model, config.lora, config.lora_vit, dtype or frozen_dtype(device))
    model = model.to_empty(device=device)
    model.decoder.tie()
    lora.init_adapters(model)
    official.load_official(base, model)
    checkpoint.load_weights(folder, model)
    return model.eval()


def find_base(config: RunConfig, folder: Path, remedy: str) -> Path:
    """The folder of the weights that a run adapts. Raises ValueError if they are not where they were.

    folder  of the run or its checkpoint
    remedy  what to try if the base was moved to FOLDER
    """
    if not official.is_official(config.base):
        raise ValueError(f"{folder} holds adapters for the weights in {config.base}, and there are none any "
                         f"more, so the model is not whole. Put them back, or a link to them. If they are in "
                         f"another FOLDER now: {remedy}.")
    return Path(config.base)


def merge(run: Path, out: Path, base: Path | None = None) -> int:
    """Write a run's newest checkpoint as an ordinary model in the official layout; returns its tensors.

    base  the folder of the weights that were adapted, if they were moved

    Matrices that were adapted are written in float32, as are all others. Raises ValueError if the run has no
    adapters, or if `out` is there and is no export of ours.
    """
    out = out.absolute()
    check_absent_or_own(out, official.KIND)
    folder = checkpoint.latest(run) or run
    config = checkpoint.load_config(folder)
    if not config.lora:
        export = python_command("-m", "minimolmo.weights.official", str(run), str(out))
        raise ValueError(f"{run} has no adapters, so there is nothing to merge. To export it: {export}")
    config = replace(config, base=str(base)) if base else config
    if Path(config.base).resolve() == out.resolve():
        raise ValueError(f"{out} is the base of {run}, and writing the merged model there would destroy it. "
                         f"Try another folder.")
    weights = lora.merged_state(load_adapted(folder, config, torch.device("cpu"), torch.float32))
    model = meta_model(config.model)
    model.load_state_dict(weights, strict=False, assign=True)  # a tied head has no name of its own
    model.decoder.tie()
    official.write_export(out, model, folder / "tokenizer.json")
    return len(official.official_names(model))


def main(arguments: list[str]) -> None:
    """The command line: merge a run's adapters into its base."""
    parser = Parser(description="Write a run with adapters as an ordinary model in the official layout.")
    parser.add_argument("run", type=path_argument, help="the run's folder, as out/cups")
    parser.add_argument("out", type=path_argument, help="the folder to write, as out/cups-merged")
    parser.add_argument("--base", type=path_argument, help="the adapted weights' folder, if it was moved")
    given = parser.parse_args(arguments)
    say(f"written: {given.out}, {merge(given.run, given.out, given.base)} tensors")


if __name__ == "__main__":
    run_command(main)
