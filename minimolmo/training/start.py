"""What a run starts from: a preset, or the weights that --from names, which learn from new data.

    --from=out/nano                        a run of yours: its newest checkpoint
    --from=data/released/minimolmo-nano    a released nano, or the folder of one checkpoint
    --from=Molmo-7B-D-0924                 the official layout: Molmo itself, or an export of ours
    --from=start                           a Molmo from parts, which has both stages before it (parts.py)

Fine-tuning begins with an empty mix: the model learns from the datasets that are named. It forgets what it
no longer sees, so a fraction of the images is replayed from the drawn sets that it was trained on.
"""
from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

from minimolmo.checkpoint_folders import ANSWERING
from minimolmo.command import python_command, say
from minimolmo.config import RunConfig
from minimolmo.distributed import RANK
from minimolmo.model.molmo import MiniMolmo
from minimolmo.overrides import override
from minimolmo.presets import DRAWN, FINETUNED, PRESETS, TRAINED_HERE, finetuned, with_adapters
from minimolmo.text.hf_tokenizer import read_tokenizer
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.training.checks import drop_undrawn, has_rows
from minimolmo.weights import checkpoint, official, parts

MOVED = (" If it was moved, a run with adapters that began from it goes on without --from, with --resume and "
         "--base=FOLDER.")


def starting_config(folder: Path, memory: float = math.inf) -> RunConfig:
    """The settings for training the model in a folder further. Their mix is what it was trained on.

    memory  of the GPU, in bytes; infinite without a GPU

    Models that were trained here get the short schedule of `presets.finetuned`, Molmo the paper's, and an
    empty mix; a Molmo from parts gets both stages. Raises ValueError if the folder holds no model.
    """
    if parts.is_start(folder):
        return parts.training_config(folder, memory)
    if not official.is_official(folder):
        return continued(folder, checkpoint.load_config(checkpoint_folder(folder)))
    config = official.finetune_config(folder)
    if any(config.model == PRESETS[name].model for name in TRAINED_HERE):
        return finetuned(config)
    return replace(config, mix={})


def continued(folder: Path, config: RunConfig) -> RunConfig:
    """The settings for fine-tuning a run of ours: the short schedule, or the run's own if its parts were
    trained before. Raises ValueError for a run with adapters, whose weights are not whole.
    """
    if config.lora:
        merge = python_command("-m", "minimolmo.weights.adapters", str(folder), f"{folder}-merged")
        raise ValueError(f"{folder} holds adapters and not the weights below them, so it cannot be trained "
                         f"further as it is. Merge them first: {merge}")
    if config.name.removesuffix(FINETUNED) in TRAINED_HERE:
        return finetuned(config)
    done = {name: replace(getattr(config, name), steps=0) for name in ("bootstrap", "pretrain")}
    return replace(config, name=config.name.removesuffix(FINETUNED) + FINETUNED, **done)


def is_finetuning(folder: Path | None) -> bool:
    """Whether a run fine-tunes a trained model: --from is given, and names no Molmo from parts."""
    return folder is not None and not parts.is_start(folder)


def checkpoint_folder(folder: Path) -> Path:
    """The newest checkpoint of a run's folder; or the folder itself, if it is one checkpoint or a release.

    Raises ValueError if it holds no weights.
    """
    found = checkpoint.latest(folder, ANSWERING) or folder
    if not (found / "config.json").is_file():
        raise ValueError(f"{folder} holds no official weights and no checkpoint, so no model can be loaded "
                         f"from it. Try a run's folder, as --from=out/nano, or "
                         f"--from=data/released/minimolmo-nano.{'' if folder.exists() else MOVED}")
    return found


def load_start_tokenizer(folder: Path, config: RunConfig) -> Tokenizer:
    """The tokenizer of the model in a folder."""
    if official.is_official(folder):
        return read_tokenizer(folder, config.model.decoder.vocab)
    return checkpoint.load_tokenizer(checkpoint_folder(folder))


def load_start_weights(folder: Path, model: MiniMolmo) -> None:
    """Load the weights in a folder into a model. Raises ValueError if they do not fit."""
    if official.is_official(folder):
        return official.load_official(folder, model)
    checkpoint.load_weights(checkpoint_folder(folder), model)


def new_config(start: RunConfig, settings: list[str], data: Path, released: Path | None = None) -> RunConfig:
    """The settings of a new run: those of `start`, changed by the command line.

    released  the folder of --from. Fine-tuning begins with an empty mix; `start.mix` may be replayed

    Datasets that the level does not draw leave the mix, which is said. Raises ValueError for adapters
    without weights to adapt.
    """
    finetuning = is_finetuning(released)
    if any(setting.startswith("--base=") for setting in settings):
        raise ValueError("--base names the weights of a run with adapters that is resumed, and this run is "
                         "new. Try --from=FOLDER with --lora=16.")
    if override(start, settings).lora:
        start = adapted(start, settings, released)
    config, dropped = drop_undrawn(override(replace(start, mix={}) if finetuning else start, settings))
    if dropped:
        note(f"level {config.level} has no {', '.join(dropped)}: the mix goes without")
    asked = any(setting.startswith("--replay=") for setting in settings)
    return add_replay(config, start.mix, data, asked) if finetuning else config


def adapted(start: RunConfig, settings: list[str], released: Path | None) -> RunConfig:
    """The settings of a run that trains adapters (model/lora.py) beside the weights in the folder `released`.

    Raises ValueError if there are none, or if they are not in the official layout.
    """
    rank = override(start, settings).lora
    if released is None:
        raise ValueError(f"lora={rank} adapts trained weights, and none are named. Try --from=FOLDER with "
                         f"it, or --lora=0 to train all weights.")
    if not official.is_official(released):
        export = python_command("-m", "minimolmo.weights.official", str(released), f"{released}-official")
        raise ValueError(f"lora={rank} adapts weights in the official layout, and {released} has another. "
                         f"Export it first: {export}")
    return replace(with_adapters(start), base=str(released.resolve()))


def add_replay(config: RunConfig, trained: dict[str, float], data: Path, asked: bool) -> RunConfig:
    """The config with the drawn sets of the mix `trained` in its mix, if they are to be replayed.

    asked  the command line names --replay, so what cannot be done is an error. Without it, nothing is
           replayed if drawn sets are named in the mix, or if none is in the folder `data`, which is said.
    """
    named = {name for name, weight in config.mix.items() if weight}
    if not config.replay or asked and named & {*DRAWN}:
        return config
    if named <= {*DRAWN} or named & {*DRAWN}:
        return replace(config, replay=0.0)
    drawn = {name: weight for name, weight in trained.items()
             if weight and name in DRAWN and name not in config.mix}  # --mix.points=0 leaves points out
    found = {name: weight for name, weight in drawn.items() if has_rows(config.folder(data, name))}
    missing = ", ".join(drawn.keys() - found.keys())
    if found:
        if missing:
            note(f"{missing} cannot be replayed, because {data} does not have it: \"make data\" draws it")
        return replace(config, mix={**config.mix, **found})
    if asked:
        raise ValueError(no_replay(config, drawn, data))
    if drawn:
        note(f"no drawn dataset is in {data}, so none is replayed, and the model will forget what it learned "
             f"from them. \"make data\" draws them; with --replay=0 this note is not shown")
    return replace(config, replay=0.0)


def no_replay(config: RunConfig, drawn: dict[str, float], data: Path) -> str:
    """The message for --replay where there is nothing to replay."""
    if drawn:
        return (f"--replay={config.replay:g}: {data} has none of {', '.join(drawn)} at level {config.level}, "
                f"so there is nothing to replay. Draw them with \"make data\" first, or try --replay=0.")
    return (f"--replay={config.replay:g}: by its settings the model was not trained on drawn datasets, so "
            f"there is nothing to replay. Try --replay=0, or name datasets: --mix.points=1.")


def note(text: str) -> None:
    """Say something on stderr, in one process."""
    if RANK == 0:
        say(f"note: {text}", file=sys.stderr)
