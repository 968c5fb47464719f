"""One run: what is trained and by which loss, from which rows, and its checkpoint. train.py is its course."""
from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from minimolmo import checkpoint, flops, official, optim, parallel, speed
from minimolmo.batch.dataset import Dataset, holds_captions, holds_things
from minimolmo.batch.loader import Loader, Recipe
from minimolmo.config import STAGES, RunConfig
from minimolmo.device import pick_device
from minimolmo.flow import Batch
from minimolmo.grow import Growth
from minimolmo.model.molmo import MiniMolmo
from minimolmo.parallel import RANK, WORLD
from minimolmo.text.official_words import read_tokenizer
from minimolmo.text.tokenizer import Tokenizer

TEACHES = {  # stage: whether a dataset teaches something there, and in words; the mixture learns from all
    "grow": (holds_things, "knows what was drawn where"), "captions": (holds_captions, "holds captions")}


class Trainee(nn.Module):
    """The model and its scaffolding, as one module that turns a micro-batch into a loss."""

    def __init__(self, config: RunConfig, tokenizer: Tokenizer):
        super().__init__()
        self.config = config
        self.model = MiniMolmo(config.model)
        self.growth = Growth(self.model, tokenizer) if config.grows else nn.ModuleList()

    def forward(self, batch: Batch, stage: str, total_weight: float, pieces: int) -> tuple[Tensor, Tensor]:
        """(what to minimise, cross-entropy per answer token), both shares of the whole global batch's.

        total_weight  of all answer tokens of the global batch, which this micro-batch is one of `pieces` of.
        The growth losses, and the experts' imbalance, are means of each micro-batch: there, and there alone,
        pieces differ a little from the whole.
        """
        settings = getattr(self.config, stage)
        features, visual = self.model.look(batch)
        loss = entropy = visual.new_zeros(())
        if stage != "grow":
            rates = dropout_rates(batch, stage, settings.dropout)
            loss, entropy = self.model.loss(batch, visual, rates, self.config.z_loss)
            loss, entropy = loss / total_weight, entropy / total_weight
            loss = loss + self.config.balance * self.model.decoder.imbalance() / pieces
        if settings.growth:
            loss = loss + settings.growth * self.growth(self.model, batch, features, visual) / pieces
        return loss, entropy

    def parts(self) -> dict[str, list]:
        """The model's three parts; the scaffolding learns with the connector."""
        parts = self.model.parts()
        return {**parts, "connector": parts["connector"] + list(self.growth.parameters())}


def dropout_rates(batch: Batch, stage: str, rate: float) -> Tensor | None:
    """Rate per token (B, T). Captions: only where an answer is being said, so that the image is always read
    whole; mixture: everywhere. Source: paper, Section 2, "text-only dropout"."""
    if not rate:
        return None
    where = batch.loss_weight > 0 if stage == "captions" else torch.ones_like(batch.branch, dtype=torch.bool)
    return rate * where


class Run:
    """Everything one process needs: where it reads and writes, what it trains, how far it has come."""

    def __init__(self, config: RunConfig, out: Path, data: Path, folder: Path | None,
                 released: Path | None = None, deadline: float = math.inf):
        self.config, self.out, self.data = config, out, data
        self.told_to_stop = self.stopping = False  # this process; all of them, who agree on it once a step
        self.device, self.deadline, self.stage = pick_device(), deadline, STAGES[0]
        self.shared = config.shard and WORLD > 1  # each process holds a share of the weights
        self.tokenizer = (checkpoint.load_tokenizer(folder) if folder else
                          read_tokenizer(released, config.model.decoder.vocab) if released else
                          find_tokenizer(config, data))
        self.trainee = self.build(hollow=folder or released)
        if released and not folder:
            official.load_weights(released, self.trainee.model)
        self.optimizer = optim.make_optimizer(self.trainee.parts(), config.weight_decay)
        self.step = self.load(folder) if folder else 0
        self.compiled = speed.is_worth_compiling(config, self.device, WORLD)
        if self.compiled:
            speed.compile_blocks(self.trainee.model)
        self.meter = flops.Meter(config, self.device)
        self.wrapped = parallel.copies(self.trainee, config.shard)

    def build(self, hollow) -> Trainee:
        """A trainee on its device, or this process's share. One that is to be filled from a folder need not
        be drawn by lot first, so no process ever holds more than its share."""
        torch.manual_seed(self.config.seed)
        hollow = hollow and not self.config.grows and not self.config.model.decoder.tied
        with torch.device("meta") if hollow else nullcontext():
            trainee = Trainee(self.config, self.tokenizer)
        blocks = [*trainee.model.vit.blocks, *trainee.model.decoder.blocks]
        parallel.place(trainee, blocks, self.device, self.shared)
        return trainee

    def load(self, folder: Path) -> int:
        """Take everything from a checkpoint; returns the step it stands at."""
        checkpoint.load_weights(folder, self.trainee.model)
        state, progress = checkpoint.load_training_state(folder)
        self.optimizer.load_state_dict(parallel.share_out(state, self.optimizer))
        parallel.fill(self.trainee.growth, progress)
        return progress["step"]

    def save(self) -> None:
        """Write a checkpoint at the present step. Process 0 does; the others hand it their shares."""
        weights = parallel.whole(dict(self.trainee.model.named_parameters()))
        state = parallel.whole(self.optimizer.state_dict())
        progress = {"step": self.step, **parallel.whole(self.trainee.growth.state_dict())}
        if RANK == 0:
            checkpoint.save_checkpoint(self.out, self.step, weights, self.config, self.tokenizer, state,
                                       progress)

    def micro_batch(self, last: bool):
        """Copies exchange gradients once a step, after the last micro-batch; shares after each."""
        return nullcontext() if last or self.wrapped is self.trainee else self.wrapped.no_sync()


def find_tokenizer(config: RunConfig, data: Path) -> Tokenizer:
    """The words that mini-PixMo's level was given. Raises ValueError with the command that makes them."""
    level, vocab = config.level, config.model.decoder.vocab
    path = data / "tokenizer" / f"{level}-{vocab}.json"
    if not path.exists():
        raise ValueError(f"{path} is missing, so there are no words to train on. Draw the data with \"make "
                         f"data\", then python -m data.tokenizer.prepare --level={level} --vocab={vocab}.")
    return Tokenizer.load(path)


def open_mix(run: Run, stage: str, split: str) -> dict[str, Dataset]:
    """The datasets of a stage: the mix; in grow and captions, those of it that teach something there. Raises
    ValueError if none does."""
    names = [name for name, weight in run.config.mix.items() if weight]
    datasets = {name: Dataset(run.config.folder(run.data, name), split) for name in names}
    if stage not in TEACHES:
        return datasets
    teaches, what = TEACHES[stage]
    datasets = {name: dataset for name, dataset in datasets.items() if teaches(dataset)}
    if not datasets:
        raise ValueError(f"no dataset of the mix {what}, so stage {stage} has nothing to learn. "
                         f"Try --{stage}.steps=0, or --mix.cap=1.")
    return datasets


def make_loader(run: Run, stage: str) -> Loader:
    """The batches of one stage, this process's share."""
    config, settings = run.config, getattr(run.config, stage)
    datasets = open_mix(run, stage, "train")
    budget = config.model.image.budget(settings.view)
    recipe = Recipe(config.model.image, run.tokenizer, stage, budget, config.max_tokens,
                    speed.lengths_up_to(config.max_tokens) if run.compiled else ())
    weights = [config.mix[name] for name in datasets]
    seed = config.seed * len(STAGES) + STAGES.index(stage)
    return Loader(list(datasets.values()), weights, recipe, settings.batch, seed, config.accumulate,
                  RANK, WORLD)
