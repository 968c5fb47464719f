"""Resuming a run: which settings may change, and what is said when nothing, or not the newest, is resumed."""
from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from minimolmo.checkpoint_folders import newer_than
from minimolmo.command import say
from minimolmo.config import STAGES, RunConfig
from minimolmo.overrides import override
from minimolmo.weights import checkpoint


def resume_config(out: Path, folder: Path, name: str | None, settings: list[str]) -> RunConfig:
    """The config of the run in `out`, with the allowed changes from the command line.

    Raises ValueError if the run is of another preset than `name`, or if another setting would change.
    """
    saved = checkpoint.load_config(folder)
    if name not in (None, saved.name):
        raise ValueError(f"{out} holds a run of {saved.name}, not of {name}, so it cannot go on as one. "
                         f"Try --out=FOLDER for a run of its own.")
    config = override(saved, settings)
    if fixed_settings(config) != fixed_settings(saved):
        raise ValueError(f"{out} was trained with other settings than {' '.join(settings)}, so it cannot "
                         f"go on with these. Only --finetune.steps, --STAGE.learning_rates, the weights of "
                         f"the mix, --accumulate, --recompute, --base and --shard may change: try "
                         f"--out=FOLDER for another run.")
    return config


def fixed_settings(config: RunConfig) -> RunConfig:
    """The config with neutral values for all settings that may change in a resumed run.

    The mix keeps its datasets: their files are checked against the checkpoint.
    """
    stages = {stage: replace(getattr(config, stage), learning_rates=(1.0, 1.0, 1.0)) for stage in STAGES}
    stages["finetune"] = replace(stages["finetune"], steps=0)
    mix = {name: 1.0 for name, weight in config.mix.items() if weight}
    return replace(config, mix=mix, shard=False, accumulate=1, recompute=False, base="", **stages)


def note_new_start(out: Path) -> None:
    """Say on stderr that a run to be resumed starts anew: it ended before its first checkpoint."""
    log = out / "log.jsonl"
    if log.is_file() and log.stat().st_size:
        say(f"note: {out} has a log and no checkpoint, so training starts anew", sys.stderr)


def note_newer(folder: Path) -> None:
    """Say on stderr that a newer checkpoint is beside the one that training goes on from."""
    for name in newer_than(folder)[-1:]:
        say(f"note: {folder.parent / name} is newer than {folder.name} and stays, but `latest` does not name "
            f"it, so it is not used. To go on from it, make it the first line of {folder.parent}/latest.",
            sys.stderr)


def advice(out: Path) -> str:
    """What to try after a step that would ruin the weights."""
    if any(out.glob("step-*")):
        return ("The last checkpoint is unchanged: look at those rows, or go on with --resume and lower "
                "--STAGE.learning_rates.")
    return ("No checkpoint was saved yet: look at those rows, or start again with lower "
            "--STAGE.learning_rates.")
