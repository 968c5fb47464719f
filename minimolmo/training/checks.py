"""Checks of a run: batches have targets, what the length limit cuts, the mix, which data files changed."""
from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from minimolmo.batch.dataset import how_to_get
from minimolmo.config import STAGES, RunConfig
from minimolmo.disk import sha256_of
from minimolmo.flow import Batch
from minimolmo.presets import DRAWN, DRAWN_SMALL

CHECKED_STEPS = 8        # of a stage, after which the length limit must have left something to learn from
CHECKED_SEQUENCES = 512  # after which there must be something, unless less than 1 % of the data has it


class StageCheck:
    """Counts what a stage of `num_steps` learns from, so that a loss of 0 is not taken for success."""

    def __init__(self, stage: str, max_tokens: int, num_steps: int):
        self.stage, self.max_tokens, self.num_steps = stage, max_tokens, num_steps
        self.steps = self.sequences = self.targets = self.cut_sequences = self.cut_tokens = self.tokens = 0

    def add(self, micro_batches: list[Batch], all_sum: Callable[[Tensor], Tensor] = torch.clone) -> None:
        """Count one step's batches. Raises ValueError, in all processes, if none had anything to learn from.

        That is known after CHECKED_STEPS if the length limit cut tokens off, after CHECKED_SEQUENCES if it
        did not, and at the stage's last step, if the steps before it were counted too.

        all_sum  adds up counts over all processes
        """
        targets = self._count(micro_batches)
        if self.targets:  # in all processes alike, so none of them sums alone
            return
        counts = all_sum(torch.tensor([targets, self.cut_tokens, self.sequences]))
        self.targets, cut_tokens, sequences = counts.tolist()
        enough = self.steps >= CHECKED_STEPS and (cut_tokens or sequences >= CHECKED_SEQUENCES)
        if not self.targets and (enough or self.steps == self.num_steps):
            raise ValueError(self.nothing_to_learn())

    def _count(self, micro_batches: list[Batch]) -> int:
        """Count sequences and tokens of one step; returns its number of targets."""
        self.steps += 1
        targets = 0
        for batch in micro_batches:
            self.sequences += len(batch.ids)
            self.tokens += int((batch.segment_ids >= 0).sum())
            self.cut_sequences += sum(cut > 0 for cut in batch.num_cut)
            self.cut_tokens += sum(batch.num_cut)
            known = batch.thing_boxes[..., 2] if self.stage == "bootstrap" else batch.loss_weight
            targets += int((known > 0).sum())
        return targets

    def nothing_to_learn(self) -> str:
        """The message for a stage whose batches have no targets."""
        what = "object labels" if self.stage == "bootstrap" else "answer tokens"
        remedy = (f"--max_tokens={2 * self.max_tokens}, as {self.cut_tokens} tokens were cut off"
                  if self.cut_tokens else f"--{self.stage}.steps=0, or datasets with {what} in the mix")
        return (f"the first {self.steps} steps of stage {self.stage} ({self.sequences} images, {self.tokens} "
                f"tokens) have no {what}, so there is nothing to learn from. Try {remedy}.")

    def summary(self) -> str:
        """What the length limit cut off, in words; empty if nothing."""
        if not self.cut_tokens:
            return ""
        share = self.cut_tokens / (self.tokens + self.cut_tokens)
        return (f"note: in stage {self.stage}, {self.cut_sequences} of {self.sequences} sequences were "
                f"longer than max_tokens={self.max_tokens}; {share:.1%} of the tokens were cut off")


def drop_undrawn(config: RunConfig) -> tuple[RunConfig, list[str]]:
    """The config without the datasets of its mix that its level does not draw, and their names."""
    dropped = [name for name, weight in config.mix.items()
               if config.level == "small" and weight and name in DRAWN and name not in DRAWN_SMALL]
    return replace(config, mix={n: weight for n, weight in config.mix.items() if n not in dropped}), dropped


def check_mix(config: RunConfig, data: Path, names: Iterable[str]) -> None:
    """Raise ValueError for a name that is neither a drawn dataset's nor a dataset's in the folder `data`."""
    present = sorted(path.name for path in data.glob("*/") if has_rows(config.folder(data, path.name)))
    for name in names:
        folder = config.folder(data, name)
        if name in DRAWN or has_rows(folder):
            continue
        listed = ", ".join(present) or "none yet"
        close = difflib.get_close_matches(name, {*present, *DRAWN} - {name}, n=1)
        remedy = f"Did you mean --mix.{close[0]}?" if close else how_to_get(folder)
        raise ValueError(f"--mix.{name}: {folder / 'train.jsonl'} does not exist, so this dataset cannot be "
                         f"in the mix. Datasets in {data}: {listed}. {remedy}")


def check_work(config: RunConfig) -> None:
    """Raise ValueError if there is nothing to train on, nothing to do, or nothing but what is replayed."""
    names = {name for name, weight in config.mix.items() if weight}
    if not names:
        raise ValueError("the mix is empty, so there is nothing to train on: with --from it starts without "
                         "data. Try --mix.mine=1 for data/mine.")
    if not any(getattr(config, stage).steps for stage in STAGES):
        raise ValueError("all stages have 0 steps, so nothing would be trained. Try --finetune.steps=100.")
    if config.replay and (names <= {*DRAWN} or not names & {*DRAWN}):
        kind = "drawn datasets alone" if names <= {*DRAWN} else "no drawn dataset"
        raise ValueError(f"--replay={config.replay:g} is a fraction of drawn images beside others, and the "
                         f"mix has {kind} ({', '.join(sorted(names))}). Try --replay=0, or both kinds, as "
                         f"--mix.mine=1 --mix.points=1.")


def has_rows(folder: Path) -> bool:
    """Whether a folder has the training rows of a dataset."""
    return (folder / "train.jsonl").is_file()


def data_digests(config: RunConfig, data: Path) -> dict[str, str]:
    """The sha256 of each training file of the mix, to be kept in the checkpoints."""
    files = {name: config.folder(data, name) / "train.jsonl" for name, weight in config.mix.items() if weight}
    return {f"{name}/train.jsonl": sha256_of(path) for name, path in files.items() if path.is_file()}


def describe_changes(saved: dict[str, str], present: dict[str, str], step: int) -> list[str]:
    """What changed in the data since a checkpoint, a line for each file.

    >>> describe_changes({"points/train.jsonl": "ab"}, {"points/train.jsonl": "cd"}, 400)
    ['points/train.jsonl changed since step 400']
    """
    changes = {name: "changed" for name in saved.keys() & present.keys() if saved[name] != present[name]}
    changes |= {name: "is new" for name in present.keys() - saved.keys()}
    changes |= {name: "is gone" for name in saved.keys() - present.keys()}
    return [f"{name} {change} since step {step}" for name, change in sorted(changes.items())]
