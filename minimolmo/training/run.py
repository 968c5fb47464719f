"""Training state: model, loss, data loader and checkpoint. train.py has the training loop."""
from __future__ import annotations

import math
import signal
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from minimolmo import distributed
from minimolmo.batch.dataset import Dataset, has_captions, has_things, is_empty
from minimolmo.batch.loader import Loader, Preprocessor, replay_weights
from minimolmo.command import python_command, say
from minimolmo.config import STAGES, RunConfig
from minimolmo.device import frozen_dtype, pick_device
from minimolmo.distributed import RANK, WORLD
from minimolmo.flow import Batch
from minimolmo.model import lora
from minimolmo.model.molmo import MiniMolmo
from minimolmo.model.recompute import recompute_blocks
from minimolmo.presets import DRAWN
from minimolmo.renamed import rename_auxiliary
from minimolmo.text.tokenizer import Tokenizer
from minimolmo.training import compiler, optimizer
from minimolmo.training.auxiliary import AuxiliaryHeads
from minimolmo.training.checks import data_digests, describe_changes
from minimolmo.training.flops import Meter
from minimolmo.training.start import load_start_tokenizer, load_start_weights
from minimolmo.weights import checkpoint
from minimolmo.weights.adapters import find_base

STAGE_NEEDS = {  # stage: a test that its datasets must pass, and its name in a message; finetune has none
    "bootstrap": (has_things, "has object labels"), "pretrain": (has_captions, "has captions")}


class TrainingModule(nn.Module):
    """The model and its auxiliary heads in one module, which turns a micro-batch into a loss."""

    def __init__(self, config: RunConfig, tokenizer: Tokenizer):
        super().__init__()
        self.config = config
        self.model = MiniMolmo(config.model)
        self.auxiliary = AuxiliaryHeads(self.model, tokenizer) if config.has_auxiliary else nn.ModuleList()

    def forward(self, batch: Batch, stage: str, total_weight: float, pieces: int) -> tuple[Tensor, Tensor]:
        """(loss, cross-entropy per answer token): this micro-batch's contribution to the global loss.

        total_weight  the sum of loss weights in the global batch
        pieces        the number of micro-batches in the global batch

        The auxiliary losses and the load-balancing loss are means over each micro-batch. So only
        these two depend a little on the number of pieces.
        """
        settings = getattr(self.config, stage)
        features, visual = self.model.encode_images(batch)
        loss = cross_entropy = visual.new_zeros(())
        hidden: dict[int, Tensor] = {}
        if stage != "bootstrap":
            rates = dropout_rates(batch, stage, settings.dropout)
            keep = self.auxiliary.keep if settings.auxiliary_weight else ()
            decoded = self.model.decode(batch, visual, rates, keep=keep, wanted=batch.loss_weight > 0)
            hidden = decoded.kept
            loss, cross_entropy = self.model.loss(batch, decoded.last, self.config.z_loss)
            loss, cross_entropy = loss / total_weight, cross_entropy / total_weight
            loss = loss + self.config.load_balance_weight * decoded.load_balancing_loss() / pieces
        if settings.auxiliary_weight:
            auxiliary = self.auxiliary(self.model, batch, features, visual, hidden)
            loss = loss + settings.auxiliary_weight * auxiliary / pieces
        return loss, cross_entropy

    def parameter_groups(self) -> dict[str, list]:
        """What is trained of the model's three parts. The auxiliary heads belong to the connector's."""
        groups = self.model.parameter_groups()
        groups["connector"] += self.auxiliary.parameters()
        return groups


def dropout_rates(batch: Batch, stage: str, rate: float) -> Tensor | None:
    """The dropout rate of each token (B, T), or None for no dropout.

    Pre-training has dropout at answer tokens only, so that the image is complete; fine-tuning at all tokens.
    Source: paper, Section 2, "text-only dropout".
    """
    if not rate:
        return None
    everywhere = torch.ones_like(batch.segment_ids, dtype=torch.bool)
    return rate * (batch.loss_weight > 0 if stage == "pretrain" else everywhere)


class Run:
    """The training state of one process: settings, folders, module, optimizer and step."""

    def __init__(self, config: RunConfig, out: Path, data: Path, folder: Path | None,
                 released: Path | None = None, deadline: float = math.inf):
        self.config, self.out, self.data = config, out, data
        self.stop_requested = self.should_stop = False  # by this process; by any, known after each step
        self.stop_signal = signal.SIGINT
        self.folder = folder  # the newest checkpoint that is known to be whole
        self.device, self.deadline, self.stage = pick_device(), deadline, STAGES[0]
        # FSDP: each process holds a shard of the weights. With adapters each holds all, as they are small
        self.sharded = config.shard and WORLD > 1 and not config.lora
        if config.lora:
            resume = python_command("train.py", f"--out={out}", "--resume", "--base=FOLDER")
            released = find_base(config, out, f"{resume} goes on")
        self.tokenizer = (checkpoint.load_tokenizer(folder) if folder else
                          load_start_tokenizer(released, config) if released else
                          find_tokenizer(config, data))
        self.module = self.build(will_load=bool(folder or released))
        if released and (config.lora or not folder):
            load_start_weights(released, self.module.model)
        self.digests = data_digests(config, data) if RANK == 0 else {}
        matrices = self.module.model.matrices() if config.optimizer == "muon" else {}
        self.optimizer = optimizer.make_optimizer(self.module.parameter_groups(), config.weight_decay,
                                                  matrices)
        self.step = self.load(folder) if folder else 0
        if config.recompute:
            recompute_blocks(self.module.model)
        self.compiled = compiler.should_compile(config, self.device, WORLD)
        if self.compiled:
            compiler.compile_blocks(self.module.model)
        self.meter = Meter(config, self.device)
        self.ddp_model = distributed.wrap_ddp(self.module, self.sharded)

    def build(self, will_load: bool) -> TrainingModule:
        """The module on its device, or this process's shard of it.

        Random initialisation is skipped when weights will be loaded, so no process holds more than its shard.
        """
        torch.manual_seed(self.config.seed)
        config = self.config
        on_meta = will_load and not config.has_auxiliary and (config.lora or not config.model.decoder.tied)
        with torch.device("meta") if on_meta else nullcontext():
            module = TrainingModule(config, self.tokenizer)
        if config.lora:
            lora.adapt(module.model, config.lora, config.lora_vit, frozen_dtype(self.device))
        blocks = [*module.model.vit.blocks, *module.model.decoder.blocks]
        distributed.shard_or_move(module, blocks, self.device, self.sharded)
        if config.lora:
            module.model.decoder.tie()  # memory was taken for the head and the embedding apart
            lora.init_adapters(module.model)
        return module

    def load(self, folder: Path) -> int:
        """Restore weights, optimizer and auxiliary heads from a checkpoint; returns its step."""
        checkpoint.load_weights(folder, self.module.model)
        state, progress = checkpoint.load_training_state(folder)
        if state is None:
            raise ValueError(f"{folder} holds no state of the optimizer, so training cannot go on from it. "
                             f"Try an older checkpoint, or train from the start with another --out.")
        self.optimizer.load_state_dict(distributed.shard_optimizer_state(state, self.optimizer))
        distributed.load_full(self.module.auxiliary, rename_auxiliary(progress))
        if RANK == 0 and "digests" in progress:
            for change in describe_changes(progress["digests"], self.digests, progress["step"]):
                say(f"note: {change}, so from here on the losses are not those of an unbroken run",
                    file=sys.stderr)
        return progress["step"]

    def save(self) -> None:
        """Write a checkpoint of the current step. Process 0 writes it and receives the others' shards."""
        weights = distributed.gather_full(checkpoint.trained_weights(self.module.model))
        state = distributed.gather_full(self.optimizer.state_dict())
        auxiliary = distributed.gather_full(self.module.auxiliary.state_dict())
        progress = {"step": self.step, "digests": self.digests, **auxiliary}
        if RANK == 0:
            self.folder = checkpoint.save_checkpoint(self.out, self.step, weights, self.config,
                                                     self.tokenizer, state, progress, self.folder)

    def maybe_no_sync(self, last: bool) -> AbstractContextManager:
        """A context for one micro-batch: DDP averages gradients only after the last one, FSDP after each."""
        return nullcontext() if last or self.ddp_model is self.module else self.ddp_model.no_sync()


def find_tokenizer(config: RunConfig, data: Path) -> Tokenizer:
    """The tokenizer of mini-PixMo's level. Raises ValueError if it is missing."""
    level, vocab = config.level, config.model.decoder.vocab
    path = data / "tokenizer" / f"{level}-{vocab}.json"
    if not path.exists():
        prepare = python_command("-m", "data.tokenizer.prepare", f"--level={level}", f"--vocab={vocab}")
        raise ValueError(f"{path} is missing, so text cannot become token ids. Draw the data with \"make "
                         f"data\", then run {prepare}")
    return Tokenizer.load(path)


def open_datasets(run: Run, stage: str, split: str) -> dict[str, Dataset]:
    """The datasets of the mix that have what a stage needs. Raises ValueError if none has.

    A dataset may have no rows for val.
    """
    folders = {name: run.config.folder(run.data, name) for name, weight in run.config.mix.items() if weight}
    datasets = {name: Dataset(folder, split) for name, folder in folders.items()
                if split == "train" or not is_empty(folder, split)}
    if stage not in STAGE_NEEDS:
        return datasets
    is_usable, need = STAGE_NEEDS[stage]
    datasets = {name: dataset for name, dataset in datasets.items() if is_usable(dataset)}
    if not datasets:
        raise ValueError(f"no dataset of the mix {need}, so stage {stage} has nothing to learn from. "
                         f"Try --{stage}.steps=0, or --mix.cap=1.")
    return datasets


def make_loader(run: Run, stage: str) -> Loader:
    """The loader of one stage: this process's part of every batch."""
    config, settings = run.config, getattr(run.config, stage)
    datasets = open_datasets(run, stage, "train")
    preprocessor = Preprocessor(config.model.image, run.tokenizer, stage,
                                config.model.image.max_crops(settings.view), config.max_tokens,
                                compiler.length_buckets(config.max_tokens) if run.compiled else (),
                                config.untagged)
    weights = [config.mix[name] for name in datasets]
    if config.replay:
        weights = replay_weights([len(dataset) for dataset in datasets.values()], weights,
                                 [name in DRAWN for name in datasets], config.replay)
    seed = config.seed * len(STAGES) + STAGES.index(stage)
    return Loader(list(datasets.values()), weights, preprocessor, settings.batch_size, seed,
                  config.accumulate, RANK, WORLD,
                  [0.0 if name in DRAWN else config.augment for name in datasets])
