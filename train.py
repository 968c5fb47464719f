"""The recipe: grow the eye, learn captions, learn the mixture.

    python train.py                                   preset nano, about five minutes on two CPU cores
    python train.py --mixture.steps=20 --out=out/try  any number of config.py can be set
    python train.py --mix.mine=1                      with your own pictures from data/mine
    python train.py --resume                          go on where it stopped, to the same losses, if it ever began
    torchrun --nproc-per-node=2 train.py              two processes (or GPUs) share every batch

Writes OUT/step-*/ (checkpoints), OUT/log.jsonl (one line a step), OUT/loss.png and OUT/samples/.
"""
from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from tqdm import tqdm

from minimolmo import checkpoint, draw, optim
from minimolmo.batch.dataset import Dataset, check
from minimolmo.batch.loader import Loader, Recipe
from minimolmo.config import RunConfig, StageConfig, override, preset
from minimolmo.device import autocast, pick_device
from minimolmo.evaluate import RIGHT_IMAGE, answer_all, pick_questions, tile
from minimolmo.flow import Batch
from minimolmo.grow import Growth
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text.tokenizer import Tokenizer

STAGES = ("grow", "captions", "mixture")
SAVE_EVERY, LOOK_EVERY = 200, 400  # steps between checkpoints; between drawn samples
DATA = Path(__file__).resolve().parent / "data"  # --data=FOLDER names another


class Trainee(nn.Module):
    """The model and its scaffolding, as one module that turns a micro-batch into a loss."""

    def __init__(self, config: RunConfig, tokenizer: Tokenizer):
        super().__init__()
        self.config = config
        self.model = MiniMolmo(config.model)
        self.growth = Growth(self.model, tokenizer.encode("0123456789"))

    def forward(self, batch: Batch, stage: str, total_weight: float, pieces: int) -> tuple[Tensor, Tensor]:
        """(what to minimise, cross-entropy per answer token): shares of the whole global batch's.

        total_weight  of all answer tokens of the global batch, which this micro-batch is one of `pieces` of
        """
        features, visual = self.model.look(batch)
        settings = getattr(self.config, stage)
        loss = entropy = visual.new_zeros(())
        if stage != "grow":
            rates = dropout_rates(batch, stage, settings.dropout)
            loss, entropy = self.model.loss(batch, visual, rates, self.config.z_loss)
            loss, entropy = loss / total_weight, entropy / total_weight
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
    """Everything one process needs to train: where it reads and writes, what it trains, how far it has come."""

    def __init__(self, config: RunConfig, out: Path, data: Path, folder: Path | None):
        self.config, self.out, self.data = config, out, data
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.device = pick_device(int(os.environ.get("LOCAL_RANK", 0)))
        self.tokenizer = checkpoint.load_tokenizer(folder) if folder else find_tokenizer(config, data)
        torch.manual_seed(config.seed)
        self.trainee = Trainee(config, self.tokenizer).to(self.device)
        self.optimizer = optim.make_optimizer(self.trainee.parts(), config.weight_decay)
        self.step = self.load(folder) if folder else 0
        self.wrapped = self.trainee
        if self.world > 1:
            self.wrapped = nn.parallel.DistributedDataParallel(self.trainee, find_unused_parameters=True)
        self.stopping = False

    def load(self, folder: Path) -> int:
        """Take everything from a checkpoint; returns the step it stands at."""
        checkpoint.load_weights(folder, self.trainee.model)
        state, progress = checkpoint.load_training_state(folder)
        self.optimizer.load_state_dict(state)
        step = progress.pop("step")
        self.trainee.growth.load_state_dict(progress)
        return step

    def save(self) -> None:
        """Write a checkpoint at the present step; process 0 alone does."""
        if self.rank == 0:
            checkpoint.save_checkpoint(self.out, self.step, self.trainee.model.state_dict(), self.config,
                                       self.tokenizer, self.optimizer.state_dict(),
                                       {"step": self.step, **self.trainee.growth.state_dict()})


def find_tokenizer(config: RunConfig, data: Path) -> Tokenizer:
    """The words that mini-PixMo's level was given. Raises ValueError with the command that makes them."""
    path = data / "tokenizer" / f"{config.level}-{config.model.decoder.vocab}.json"
    if not path.exists():
        raise ValueError(f"{path} is missing, so there are no words to train on. Run \"make data LEVEL={config.level}"
                         f"\", or python -m data.tokenizer.prepare --level={config.level} "
                         f"--vocab={config.model.decoder.vocab}.")
    return Tokenizer.load(path)


def open_mix(run: Run, stage: str, split: str) -> dict[str, Dataset]:
    """The datasets of a stage: captions learn from `cap` alone. A learner's own folder is checked row by row."""
    mix = run.config.mix
    names = ["cap"] if stage == "captions" else [name for name, weight in mix.items() if weight]
    folders = {name: run.config.folder(run.data, name) for name in names}
    for folder in folders.values():
        if folder.is_dir() and not (folder / "manifest.json").exists():
            tqdm.write(check(folder, split))
    return {name: Dataset(folder, split) for name, folder in folders.items()}


def make_loader(run: Run, stage: str, split: str = "train") -> Loader:
    """The batches of one stage, this process's share."""
    config, settings = run.config, getattr(run.config, stage)
    datasets = open_mix(run, stage, split)
    recipe = Recipe(config.model.image, run.tokenizer, stage, config.model.image.budget(settings.view),
                    config.max_tokens)
    weights = [1.0 if stage == "captions" else config.mix[name] for name in datasets]
    return Loader(list(datasets.values()), weights, recipe, settings.batch, config.seed * 10 + STAGES.index(stage),
                  config.accumulate, run.rank, run.world)


def train_step(run: Run, stage: str, step: int, parts: list[Batch]) -> dict:
    """One optimizer step from this process's micro-batches; returns what to log.

    Raises FloatingPointError, before anything is changed, if the loss or a gradient is no number.
    """
    torch.manual_seed(run.config.seed * 1_000_003 + run.step * run.world + run.rank)  # dropout: a draw a step
    weight = sum(part.loss_weight.sum() for part in parts).double()
    if run.world > 1:
        weight = weight.to(run.device)
        dist.all_reduce(weight)
    logged = torch.zeros(2, device=run.device)
    for number, part in enumerate(parts, start=1):
        run.wrapped.require_backward_grad_sync = number == len(parts)
        with autocast(run.device):
            loss, entropy = run.wrapped(part.to(run.device), stage, max(float(weight), 1.0), len(parts) * run.world)
        (loss * run.world).backward()  # DDP takes the mean over processes; ours are shares of one sum
        logged += torch.stack([loss.detach(), entropy])
    if run.world > 1:
        dist.all_reduce(logged)
    norms = optim.clip(run.optimizer, run.config.clip)
    if not all(map(math.isfinite, [*logged.tolist(), *norms])):
        run.optimizer.zero_grad()
        raise FloatingPointError(
            f"{stage} step {step + 1}: the loss is {logged[0]:.3g} and the gradient norms are {norms}, so the weights "
            f"would be lost. The batch: {', '.join(name for part in parts for name in part.names)}. The last "
            f"checkpoint is untouched: look at those rows, or --resume with lower --{stage}.rates.")
    rates = optim.set_rates(run.optimizer, getattr(run.config, stage), step + 1)
    run.optimizer.step()
    run.optimizer.zero_grad()
    loss, entropy = logged.tolist()
    return {"stage": stage, "step": run.step + 1, "loss": entropy if stage != "grow" else loss, "total": loss,
            "rates": rates, "norms": [round(norm, 4) for norm in norms]}


def train_stage(run: Run, stage: str, start: int, bar: tqdm, log) -> None:
    """Steps `start` ... of one stage, with a checkpoint now and then and one at the end."""
    settings: StageConfig = getattr(run.config, stage)
    workers = 0 if run.device.type == "cpu" else 8
    batches = iter(make_loader(run, stage).batches(start, settings.steps, workers, pin=run.device.type == "cuda"))
    samples = open_mix(run, stage, "val") if run.rank == 0 else {}
    for step in range(start, settings.steps):
        began = time.perf_counter()
        parts = next(batches)
        waited = time.perf_counter() - began
        line = train_step(run, stage, step, parts)
        run.step += 1
        seconds = time.perf_counter() - began
        images = settings.batch / seconds
        line |= {"images_per_second": round(images, 1), "waited": round(waited / seconds, 4)}
        if run.rank == 0:
            log.write(json.dumps(line) + "\n")
        bar.set_postfix_str(f"{stage} loss {line['loss']:.3f}, {images:.0f} images/s")
        bar.update()
        last = step + 1 == settings.steps
        if run.stopping or last or run.step % SAVE_EVERY == 0:
            run.save()
        if run.rank == 0 and stage != "grow" and (last or run.step % LOOK_EVERY == 0):
            show_progress(run, samples)
        if run.stopping:
            raise KeyboardInterrupt


def show_progress(run: Run, samples: dict[str, Dataset]) -> None:
    """The loss curve so far, and one held-out picture of each dataset with the model's answer."""
    plot_losses(run.out)
    model, number = run.trainee.model.eval(), run.step // LOOK_EVERY
    asked = [pick_questions(name, dataset, [number % len(dataset)], seed=number)[0]
             for name, dataset in samples.items()]
    answer_all(model, run.tokenizer, asked, RIGHT_IMAGE, run.config.mixture.view)
    model.train()
    (run.out / "samples").mkdir(exist_ok=True)
    picture = draw.contact_sheet([tile(a) for a in asked], columns=len(asked), title=f"step {run.step}")
    picture.save(run.out / "samples" / f"step-{run.step:06d}.png")


def plot_losses(out: Path) -> None:
    """OUT/loss.png from OUT/log.jsonl."""
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    series = {stage: [(line["step"], line["loss"]) for line in lines if line["stage"] == stage] for stage in STAGES}
    series = {stage: curve for stage, curve in series.items() if curve}
    marks = {curve[0][0]: stage for stage, curve in series.items()}
    draw.loss_curve(series, f"{out.name}: loss by step", marks).save(out / "loss.png")


def open_log(run: Run):
    """OUT/log.jsonl to append to, without the lines of steps that were lost and will be taken again."""
    path = run.out / "log.jsonl"
    lines = path.read_text().splitlines() if path.exists() and run.step else []
    kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= run.step]
    path.write_text("".join(line + "\n" for line in kept))
    return open(path, "a", buffering=1)


def train(config: RunConfig, out: Path, data: Path, folder: Path | None) -> None:
    """All stages, from the first or from where a checkpoint's folder stands."""
    out.mkdir(parents=True, exist_ok=True)
    run = Run(config, out, data, folder)
    steps = {stage: getattr(config, stage).steps for stage in STAGES}
    signal.signal(signal.SIGINT, lambda *_: stop(run))
    with open_log(run) as log, tqdm(total=sum(steps.values()), initial=run.step, disable=run.rank > 0,
                                    dynamic_ncols=True) as bar:
        before = 0
        for stage in STAGES:
            if run.step < before + steps[stage]:
                train_stage(run, stage, run.step - before, bar, log)
            before += steps[stage]


def stop(run: Run) -> None:
    """First Ctrl-C: finish the step and save. Second: leave at once."""
    if run.stopping:
        raise KeyboardInterrupt
    run.stopping = True


def read_arguments(arguments: list[str]) -> tuple[RunConfig, Path, Path, Path | None]:
    """[preset] [--out=FOLDER] [--data=FOLDER] [--resume] [--setting=value ...]

    Returns the settings, where to write, where to read, and the checkpoint to go on from. Raises ValueError for
    anything unknown, for an `out` that already holds a run, and for a resumed run with other settings than before.
    """
    names = [a for a in arguments if not a.startswith("--")]
    if len(names) > 1:
        raise ValueError(f"{' '.join(names)!r} are {len(names)} presets, but one run trains one. Try {names[0]} alone.")
    config = preset(names[0] if names else "nano")
    special = dict(a.removeprefix("--").split("=", 1) for a in arguments if a.startswith(("--out=", "--data=")))
    out, data = Path(special.get("out", f"out/{config.name}")), Path(special.get("data", DATA))
    settings = [a for a in arguments if a.startswith("--") and a != "--resume" and a[2:].split("=")[0] not in special]
    folder = checkpoint.latest(out)
    if folder and "--resume" not in arguments:
        raise ValueError(f"{out} already holds a run, which would be overwritten. Try --resume to go on with it, "
                         f"--out=FOLDER for another place, or delete {out}.")
    if folder is None:
        return override(config, settings), out, data, None
    saved = checkpoint.load_config(folder)
    config = override(saved, settings)
    if without_steps(config) != without_steps(saved):
        raise ValueError(f"{out} was trained with other settings than {' '.join(settings)}, so it cannot go on with "
                         f"these. Try --resume with --STAGE.steps alone, or --out=FOLDER for a run of its own.")
    return config, out, data, folder


def without_steps(config: RunConfig) -> RunConfig:
    """The settings that must not change when a run goes on: all but how long its stages are."""
    same = {stage: replace(getattr(config, stage), steps=0) for stage in STAGES}
    return replace(config, **same)


def main(arguments: list[str]) -> None:
    """Read the command line, train, and end with a word on what to do next."""
    try:
        config, out, data, folder = read_arguments(arguments)
        if int(os.environ.get("WORLD_SIZE", 1)) > 1:
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        train(config, out, data, folder)
    except KeyboardInterrupt:
        sys.exit(f"\nstopped; nothing is lost: python train.py --out={out} --resume")
    except (ValueError, FloatingPointError) as error:
        sys.exit(f"\n{error}")
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    if int(os.environ.get("RANK", 0)) == 0:
        print(f"trained: {checkpoint.latest(out)}\nnext: python -m minimolmo.evaluate --weights={out}")


if __name__ == "__main__":
    main(sys.argv[1:])
