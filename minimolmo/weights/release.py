"""Exports a trained model as a folder to publish: bfloat16 weights in small files, and a model card.

    python -m minimolmo.weights.release out/mini

Writes data/released/NAME: config.json, tokenizer.json, README.md (the card) and weights.safetensors. Weights
larger than SHARD_BYTES become weights-00001-of-00004.safetensors ... and an index, as those of Molmo. The
scores come from report.json, so run `minimolmo.evaluate` first.
"""
from __future__ import annotations

import json
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor

from minimolmo.bounds import check_plain_name, is_finite_number
from minimolmo.command import python_command, run_command, say
from minimolmo.config import RunConfig
from minimolmo.disk import (
    PART,
    REPLACED,
    check_absent_or_own,
    check_unchanged,
    remove_own,
    replace_own,
    write_manifest,
    write_text,
)
from minimolmo.locks import locked
from minimolmo.logfile import read_log
from minimolmo.metrics import report_lines
from minimolmo.options import Parser, path_argument
from minimolmo.overrides import to_dict
from minimolmo.presets import PRESETS
from minimolmo.weights import checkpoint, safetensors
from minimolmo.weights.shards import CHECKPOINT_STEM, save_folder

SHARD_BYTES, TOTAL_BYTES = 16 * 2 ** 20, 60 * 2 ** 20  # at most: of one file, and of all
KIND, UNFINISHED = "release", "unfinished release"
SLOWEST = 0.05  # images a second: log.jsonl rounds it to 0.0
HEADER_BYTES = 2 ** 16                                 # of each file, reserved for its header
RELEASED = Path(__file__).resolve().parents[2] / "data" / "released"


def to_bfloat16(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights in half the bytes. Answers stay the same, except for rare ties between tokens."""
    return {name: tensor.to(torch.bfloat16) for name, tensor in weights.items()}


def write_weights(folder: Path, weights: dict[str, Tensor]) -> None:
    """Write weights.safetensors; or numbered files and an index, if it would be larger than SHARD_BYTES.

    Raises ValueError if one tensor alone is larger.
    """
    limit = SHARD_BYTES - HEADER_BYTES
    for name, tensor in weights.items():
        if tensor.nbytes > limit:
            raise ValueError(f"{name} has {tensor.nbytes:,} bytes and a file may have {SHARD_BYTES:,}, so it "
                             f"fits no file. Try a model with a smaller vocabulary or width.")
    if sum(tensor.nbytes for tensor in weights.values()) <= limit:
        return safetensors.save(folder / f"{CHECKPOINT_STEM}.safetensors", weights)
    save_folder(folder, weights, limit, {}, CHECKPOINT_STEM)


def training_command(config: RunConfig) -> str:
    """The command that trains this model again: its preset, and every setting that differs from it."""
    if config.name not in PRESETS:
        export = python_command("-m", "minimolmo.weights.official")
        raise ValueError(f"{config.name!r} is not a preset, so no command for the card trains this model "
                         f"from scratch. Try {export} to publish it.")
    defaults = _flatten(to_dict(PRESETS[config.name]))
    changed = [f"--{key}={json.dumps(value, separators=(',', ':')).strip(chr(34))}"
               for key, value in _flatten(to_dict(config)).items() if defaults.get(key) != value]
    return " ".join(["python train.py", config.name, *changed])


def training_commands(config: RunConfig, log: list[dict]) -> str:
    """The commands that train this model again: one, and one for each resume with more steps.

    A run that ended has a low learning rate. If log.jsonl shows that it rose again, or another mix, the steps
    before were an earlier run, with fewer steps and its own mix.
    """
    lines = [line for line in log if line["stage"] == "finetune"]
    warmup = max(config.finetune.warmup_steps)
    mixes = list(accumulate((line.get("mix") for line in lines), lambda last, new: new or last,
                            initial=config.mix))  # the mix before each step: logged where a run starts
    ends = [step for step in range(warmup + 1, len(lines)) if _rates(lines[step]) > _rates(lines[step - 1])
            or mixes[step + 1] != mixes[step]]
    runs = [replace(config, finetune=replace(config.finetune, steps=steps), mix=mixes[steps])
            for steps in ends] + [config]
    commands = [training_command(run) + (" --resume" if number else "") for number, run in enumerate(runs)]
    return "`, then `".join(commands)


def _rates(line: dict) -> list[float]:
    """The learning rates of a step, for the ViT, the connector and the decoder; older logs have none."""
    return line.get("learning_rates", [])


def _flatten(values: dict, prefix: str = "") -> dict:
    """Nested settings as one dictionary with dotted names."""
    flat = {}
    for key, value in values.items():
        inner = isinstance(value, dict)
        flat |= _flatten(value, f"{prefix}{key}.") if inner else {prefix + key: value}
    return flat


def score_table(report: dict) -> list[str]:
    """The scores as the lines of a Markdown table, with a column for each kind of image."""
    head = ["| held-out pictures | " + " | ".join(report) + " |", "|---" * (len(report) + 1) + "|"]
    return head + [f"| {name} | " + " | ".join(f"{value:.4g}" for value in values) + " |"
                   for name, values in report_lines(report)]


def model_card(name: str, config: RunConfig, weights: dict[str, Tensor], report: dict,
               log: list[dict]) -> str:
    """The README of a released model: what it is, its training data, scores and limits.

    log  the lines of log.jsonl
    """
    num_parameters, size = sum(t.numel() for t in weights.values()), sum(t.nbytes for t in weights.values())
    images = sum(getattr(config, stage).batch_size * sum(line["stage"] == stage for line in log)
                 for stage in ("bootstrap", "pretrain", "finetune"))
    hours = sum(getattr(config, line["stage"]).batch_size / max(line["images_per_second"], SLOWEST)
                for line in log) / 3600
    return "\n".join([
        f"# {name}", "",
        f"A whole Molmo of {num_parameters / 1e6:.2f} million parameters, trained from random numbers: no "
        f"CLIP, no language model before it.", "",
        "| | |", "|---|---|",
        f"| files | weights in bfloat16, {size / 2 ** 20:.1f} MiB; `config.json`, `tokenizer.json` |",
        f"| data | mini-PixMo, level `{config.level}`, drawn from seed {config.seed}: "
        f"{', '.join(n for n, w in config.mix.items() if w)} |",
        f"| trained on | {images:,} pictures, some again; {len(log):,} steps, {hours:.2f} hours in all |",
        f"| recipe | `python -m data.prepare_all --level={config.level} --seed={config.seed}`, "
        f"`python -m data.tokenizer.prepare --level={config.level} --vocab={config.model.decoder.vocab}`, "
        f"`{training_commands(config, log)}` |",
        "| bit for bit | the same commands, versions, kind of CPU and number of threads give the same "
        "weights; other kinds and GPUs add in another order, so there the scores differ a little |",
        "| limits | it knows drawn pictures of its level and the words of their templates, and nothing of "
        "photos. Stage bootstrap trains on exact labels from the generator, in place of the weights of CLIP "
        "and of a language model |",
        "", *score_table(report), "",
        "Apache-2.0, as the code. Ask it: `python -m minimolmo.answer PICTURE QUESTION "
        f"--weights=data/released/{name}`.", ""])


def read_report(path: Path) -> dict:
    """A report.json of minimolmo.evaluate. Raises ValueError if it is missing, or is none."""
    again = f"Run it again: {python_command('-m', 'minimolmo.evaluate', f'--weights={path.parent}')}"
    if not path.is_file():
        raise ValueError(f"{path} is missing, so the card would have no scores. {again}")
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        report = None
    if not (report and _is_scores(report, depth=2)):
        raise ValueError(f"{path} is not a report of minimolmo.evaluate, so the card would have no scores. "
                         f"{again}")
    return report


def _is_scores(value: object, depth: int) -> bool:
    """Whether a value is a dictionary of dictionaries, `depth` times, and then of finite numbers."""
    inner = list(value.values()) if isinstance(value, dict) else [None]
    return all(_is_scores(each, depth - 1) if depth else is_finite_number(each) for each in inner)


def read_training_log(path: Path) -> list[dict]:
    """The lines of a run's log.jsonl. Raises ValueError if it is missing, or lacks the speed of a step."""
    if not path.is_file():
        raise ValueError(f"{path} is missing, so the card could not tell what the model was trained on. Try "
                         f"the folder in which it was trained.")
    log = read_log(path, "images_per_second")
    for step, speed in ((line["step"], line["images_per_second"]) for line in log):
        if speed < 0:
            raise ValueError(f"{path}: step {step} has images_per_second={speed}, so the card could not "
                             f"tell the hours of training. Try the speed of the step before it there.")
    return log


def check_name(name: str) -> None:
    """Raise ValueError for a name of a release that leads elsewhere, or that unfinished releases have."""
    check_plain_name(name, "--name")
    if name.endswith((PART, REPLACED)):
        raise ValueError(f"--name {name!r} ends as a folder that is being written or replaced, so the next "
                         f"release would remove it. Try --name={name.partition('.')[0]}.")


def release(out: Path, name: str = "", parent: Path = RELEASED) -> Path:
    """Write the folder parent/name from a run's newest checkpoint; returns it.

    out   the run's folder
    name  default: minimolmo-<preset>

    Raises ValueError if there is no checkpoint or no report, if the weights exceed TOTAL_BYTES, or if a
    folder of that name was not written by this program, or edited since.
    """
    folder = checkpoint.latest(out)
    if folder is None:
        raise ValueError(f"{out} holds no trained model, so there is nothing to release. Train one first.")
    config = checkpoint.load_config(folder)
    name = name or f"minimolmo-{config.name}"
    check_name(name)
    report, log = read_report(out / "report.json"), read_training_log(out / "log.jsonl")
    weights = to_bfloat16(checkpoint.read_weights(folder))
    if (size := sum(t.nbytes for t in weights.values())) > TOTAL_BYTES:
        raise ValueError(f"the weights have {size:,} bytes, and a repository should hold at most "
                         f"{TOTAL_BYTES:,}. Try a smaller preset.")
    files = {"config.json": json.dumps(to_dict(config), indent=1),  # with the present names of settings
             "tokenizer.json": (folder / "tokenizer.json").read_text(encoding="utf-8"),
             "README.md": model_card(name, config, weights, report, log)}
    with locked(parent):
        _write_release(parent / name, weights, files)
    return parent / name


def _write_release(finished: Path, weights: dict[str, Tensor], files: dict[str, str]) -> None:
    """Write the folder under a temporary name, then give it its own."""
    unfinished = finished.with_name(f"{finished.name}{PART}")
    check_absent_or_own(finished, KIND)
    check_unchanged(finished)
    remove_own(unfinished, KIND, UNFINISHED)
    unfinished.mkdir()
    write_manifest(unfinished, UNFINISHED)
    write_weights(unfinished, weights)
    for name, text in files.items():
        write_text(unfinished / name, text)
    write_manifest(unfinished, KIND)
    replace_own(unfinished, finished, KIND)


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = Parser(description="Publish a trained model: small files and a model card.")
    parser.add_argument("out", type=path_argument, help="the run's folder")
    parser.add_argument("--name", default="", help="default: minimolmo-PRESET, of the run's own")
    parser.add_argument("--place", type=path_argument, default=RELEASED, help="default: %(default)s")
    given = parser.parse_args(arguments)
    say(f"released: {release(given.out, given.name, given.place)}")


if __name__ == "__main__":
    run_command(main)
