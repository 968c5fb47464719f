"""A trained model as a folder to give away: bfloat16 weights in small files, and a card that says what it is.

    python -m minimolmo.weights.release out/mini

Writes data/released/NAME: config.json, tokenizer.json, README.md and weights.safetensors; if they are larger
than SHARD, weights-00001-of-00004.safetensors ... and an index that says who holds what, as Molmo's have.
The scores come from report.json, so run `minimolmo.evaluate` first.
"""
from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch
from torch import Tensor

from minimolmo.config import RunConfig
from minimolmo.metrics import report_lines
from minimolmo.overrides import to_dict
from minimolmo.presets import PRESETS
from minimolmo.weights import checkpoint, safetensors
from minimolmo.weights.shards import OURS, save_folder

SHARD, MOST = 16 * 2 ** 20, 60 * 2 ** 20  # bytes: of one file, and of all
HEADER = 2 ** 16                          # of these, kept free for a file's header
RELEASED = Path(__file__).resolve().parent.parent / "data" / "released"


def to_bfloat16(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Half the bytes; answers stay the same but for rare ties."""
    return {name: tensor.to(torch.bfloat16) for name, tensor in weights.items()}


def write_weights(folder: Path, weights: dict[str, Tensor]) -> None:
    """weights.safetensors, or if that were larger than SHARD, numbered files and their index.

    Raises ValueError if one tensor alone is larger.
    """
    for name, tensor in weights.items():
        if tensor.nbytes > SHARD - HEADER:
            raise ValueError(f"{name} has {tensor.nbytes:,} bytes and a file may have {SHARD:,}, so it fits "
                             f"none. Try a model with a smaller vocabulary or width.")
    if sum(t.nbytes for t in weights.values()) <= SHARD - HEADER:
        return safetensors.save(folder / f"{OURS}.safetensors", weights)
    save_folder(folder, weights, SHARD - HEADER, {}, OURS)


def command_of(config: RunConfig) -> str:
    """The command that trains this again: its preset, and whatever differs from it."""
    if config.name not in PRESETS:
        raise ValueError(f"{config.name!r} is no preset, so no command trains this from nothing and the card "
                         f"would promise too much. Try python -m minimolmo.weights.official to give it away.")
    usual = _flat(to_dict(PRESETS[config.name]))
    changed = [f"--{key}={json.dumps(value, separators=(',', ':')).strip(chr(34))}"
               for key, value in _flat(to_dict(config)).items() if usual.get(key) != value]
    return " ".join(["python train.py", config.name, *changed])


def _flat(values: dict, above: str = "") -> dict:
    flat = {}
    for key, value in values.items():
        inner = isinstance(value, dict)
        flat |= _flat(value, f"{above}{key}.") if inner else {above + key: value}
    return flat


def score_table(report: dict) -> list[str]:
    """The scores as rows of markdown, a column for each kind of image."""
    head = ["| held-out pictures | " + " | ".join(report) + " |", "|---" * (len(report) + 1) + "|"]
    return head + [f"| {name} | " + " | ".join(f"{value:.4g}" for value in values) + " |"
                   for name, values in report_lines(report)]


def card(name: str, config: RunConfig, weights: dict[str, Tensor], report: dict, lines: list[dict]) -> str:
    """The README of a released model: what it is, what it learned from, how good it is, what it cannot."""
    numbers, size = sum(t.numel() for t in weights.values()), sum(t.nbytes for t in weights.values())
    images = sum(getattr(config, stage).batch_size * sum(line["stage"] == stage for line in lines)
                 for stage in ("bootstrap", "pretrain", "finetune"))
    hours = sum(getattr(config, line["stage"]).batch_size / line["images_per_second"] for line in lines) / 3600
    return "\n".join([
        f"# {name}", "",
        f"A whole Molmo of {numbers / 1e6:.2f} million parameters, trained from random numbers: no CLIP, no "
        f"language model before it.", "",
        "| | |", "|---|---|",
        f"| files | weights in bfloat16, {size / 2 ** 20:.1f} MiB; `config.json`, `tokenizer.json` |",
        f"| data | mini-PixMo, level `{config.level}`, drawn from seed {config.seed}: "
        f"{', '.join(n for n, w in config.mix.items() if w)} |",
        f"| trained on | {images:,} pictures, some again; {len(lines):,} steps, {hours:.2f} hours in all |",
        f"| recipe | `python -m data.prepare_all --level={config.level} --seed={config.seed}`, "
        f"`python -m data.tokenizer.prepare --level={config.level} --vocab={config.model.decoder.vocab}`, "
        f"`{command_of(config)}` |",
        "| bit for bit | the same commands and versions give the same weights on a CPU; a GPU adds up in an "
        "order of its own, so there the scores agree and the bits do not |",
        "| limits | it knows drawn pictures of its level and the words of their templates; on photos it "
        "babbles. While growing, exact labels from the generator stood in for what CLIP and a language model "
        "know |",
        "", *score_table(report), "",
        "Apache-2.0, as the code. Ask it: `python -m minimolmo.answer PICTURE QUESTION "
        f"--weights=data/released/{name}`.", ""])


def release(out: Path, name: str = "", place: Path = RELEASED) -> Path:
    """Write place/name, or place/minimolmo-<preset>, from a run's newest checkpoint. Raises ValueError if
    there is none, no report, or if the weights are larger than a repository should carry."""
    folder = checkpoint.latest(out)
    if folder is None:
        raise ValueError(f"{out} holds no trained model, so there is nothing to release. Train one first.")
    if not (out / "report.json").is_file():
        raise ValueError(f"{out}/report.json is missing, so the card would have no scores. Run "
                         f"\"python -m minimolmo.evaluate --weights={out}\" first.")
    config, weights = checkpoint.load_config(folder), to_bfloat16(checkpoint.read_weights(folder))
    name = name or f"minimolmo-{config.name}"
    if (size := sum(t.nbytes for t in weights.values())) > MOST:
        raise ValueError(f"the weights have {size:,} bytes, and a repository should carry at most {MOST:,}. "
                         f"Try a smaller preset.")
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    text = card(name, config, weights, json.loads((out / "report.json").read_text()), lines)
    unfinished, done = place / f"{name}.part", place / name
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    write_weights(unfinished, weights)
    for file in ("config.json", "tokenizer.json"):
        shutil.copy(folder / file, unfinished / file)
    (unfinished / "README.md").write_text(text)
    shutil.rmtree(done, ignore_errors=True)
    unfinished.rename(done)
    return done


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Give a trained model away: small files and a card.")
    parser.add_argument("out", type=Path, help="the run's folder")
    parser.add_argument("--name", default="", help="default: minimolmo-PRESET, of the run's own")
    parser.add_argument("--place", type=Path, default=RELEASED, help="default: %(default)s")
    given = parser.parse_args(arguments)
    print(f"released: {release(given.out, given.name, given.place)}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(str(error))
