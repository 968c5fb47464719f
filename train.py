"""The recipe: grow the eye, learn captions, learn the mixture.

    python train.py                                   preset nano, some minutes on two CPU cores
    python train.py --mixture.steps=20 --out=out/try  anything in config.py can be set
    python train.py --mix.mine=1 --out=out/mine       with your own pictures from data/mine
    python train.py --resume                          go on where it stopped (or begin): the same losses
    python train.py mini --minutes=9                  stop after nine minutes, at a checkpoint
    torchrun --nproc-per-node=2 train.py              two processes (or GPUs) share every batch
    python train.py --from=Molmo-7B-D-0924            fine-tune released weights, at the paper's rates

Writes OUT/step-*/ (checkpoints), OUT/log.jsonl (a line a step), OUT/loss.png and OUT/samples/.
"""
from __future__ import annotations

import argparse
import errno
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
from torch import Tensor
from tqdm import tqdm

from minimolmo import checkpoint, draw, official, optim, speed
from minimolmo.batch.dataset import check_own
from minimolmo.config import STAGES, RunConfig, override
from minimolmo.device import autocast
from minimolmo.evaluate import RIGHT_IMAGE, answer_all, pick_questions, tile
from minimolmo.flow import Batch
from minimolmo.log import open_log, plot_losses
from minimolmo.parallel import RANK, WORLD
from minimolmo.presets import preset
from minimolmo.run import Run, make_loader, open_mix

SAVE_EVERY, LOOK_EVERY = 400, 800  # steps between checkpoints; between drawn samples
DATA = Path(__file__).resolve().parent / "data"
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


def train_step(run: Run, stage: str, step: int, micro_batches: list[Batch]) -> dict:
    """One optimizer step from this process's micro-batches; returns what to log.

    Raises FloatingPointError, before anything is changed, if the loss or a gradient is no number.
    """
    torch.manual_seed(run.config.seed * 1_000_003 + run.step * WORLD + RANK)  # dropout: a draw a step
    told = torch.tensor([float(run.told_to_stop or time.monotonic() > run.deadline)], device=run.device)
    logged = over_all_processes(run, torch.cat([add_gradients(run, stage, micro_batches), told]))
    norms = optim.clip(run.optimizer, run.config.clip)
    loss, entropy, told = logged.tolist()
    refuse_nonsense(run, f"{stage} step {step + 1}", [loss, entropy, *norms], micro_batches)
    rates = optim.set_rates(run.optimizer, getattr(run.config, stage), step + 1)
    run.optimizer.step()
    run.optimizer.zero_grad()
    run.stopping = told > 0  # by any process; one told since then tells the others in the next step
    return {"stage": stage, "step": run.step + 1, "loss": loss if stage == "grow" else entropy, "total": loss,
            "rates": rates, "norms": [round(norm, 4) for norm in norms]}


def add_gradients(run: Run, stage: str, micro_batches: list[Batch]) -> Tensor:
    """Leave this process's share of the gradients in the weights; returns its shares of (loss, entropy)."""
    weight = float(over_all_processes(run, sum(batch.loss_weight.sum() for batch in micro_batches)))
    logged = torch.zeros(2, device=run.device)
    for number, batch in enumerate(micro_batches, start=1):
        with run.micro_batch(last=number == len(micro_batches)):
            with autocast(run.device):
                loss, entropy = run.wrapped(batch.to(run.device), stage, max(weight, 1.0),
                                            len(micro_batches) * WORLD)
            (loss * WORLD).backward()  # DDP takes the mean over processes; ours are shares of one sum
        logged += torch.stack([loss.detach(), entropy])
    return logged


def over_all_processes(run: Run, numbers: Tensor) -> Tensor:
    """The sum of what each process has, the same in all; all of them must call this."""
    if WORLD > 1:
        numbers = numbers.to(run.device)
        dist.all_reduce(numbers)
    return numbers


def refuse_nonsense(run: Run, where: str, numbers: list[float], micro_batches: list[Batch]) -> None:
    """Raise FloatingPointError if a loss or a gradient norm is infinite or no number at all."""
    if not all(map(math.isfinite, numbers)):
        run.optimizer.zero_grad()
        rows = ", ".join(name for batch in micro_batches for name in batch.names)
        raise FloatingPointError(
            f"{where}: the loss is {numbers[0]:.3g}, the gradient norms are {numbers[2:]}: a step like that "
            f"would ruin the weights, so it was not taken. The batch: {rows}. The last checkpoint is "
            f"untouched: look at those rows, or go on with --resume and lower --STAGE.rates.")


def train_stage(run: Run, stage: str, start: int, bar: tqdm, log) -> None:
    """Steps `start` ... of one stage, with a checkpoint now and then and one at the end."""
    settings, run.stage = getattr(run.config, stage), stage
    meter, workers = run.meter, speed.count_workers(run.config, stage, run.device, WORLD)
    pin = run.device.type == "cuda"
    batches = iter(make_loader(run, stage).batches(start, settings.steps, workers, pin))
    for step in range(start, settings.steps):
        meter.start()
        micro_batches = next(batches)
        meter.feed()
        line = train_step(run, stage, step, micro_batches)
        line |= meter.read(stage, micro_batches, WORLD)
        run.step += 1
        log.write(json.dumps(line) + "\n")
        bar.set_postfix_str(f"{stage} loss {line['loss']:.3f}, {line['images_per_second']:.0f} images/s")
        bar.update()
        last = step + 1 == settings.steps
        if run.stopping or last or run.step % SAVE_EVERY == 0:
            run.save()
        if stage == "mixture" and RANK == 0 and (last or run.step % LOOK_EVERY == 0):
            show_progress(run)
        if run.stopping:
            if WORLD > 1:
                dist.barrier()  # process 0 may still be saving, and would be ended with the first to leave
            raise KeyboardInterrupt


def show_progress(run: Run) -> None:
    """The loss curve so far, and one held-out picture of each dataset with the model's answer."""
    plot_losses(run.out)
    number, asked = run.step // LOOK_EVERY, []
    for name, dataset in open_mix(run, "mixture", "val").items():
        asked += pick_questions(name, dataset, [number % len(dataset)], seed=number)[:1]
    if asked and not run.shared:  # one process cannot ask what several hold
        model = run.trainee.model.eval()
        answer_all(model, run.tokenizer, asked, RIGHT_IMAGE, run.config.mixture.view)
        model.train()
        picture = draw.contact_sheet([tile(a, asked) for a in asked], len(asked), f"step {run.step}")
        (run.out / "samples").mkdir(exist_ok=True)
        picture.save(run.out / "samples" / f"step-{run.step:06d}.png")


def train(config: RunConfig, out: Path, data: Path, folder: Path | None, released: Path | None = None,
          minutes: float = math.inf) -> None:
    """All stages, from the first or from where a checkpoint's folder stands, for so many minutes at the most.

    Raises KeyboardInterrupt when it was stopped, or the minutes were over; ValueError if a GPU is too small.
    """
    out.mkdir(parents=True, exist_ok=True)
    deadline, run, usual = time.monotonic() + 60 * minutes, None, signal.getsignal(signal.SIGINT)
    try:
        run = Run(config, out, data, folder, released, deadline)
        signal.signal(signal.SIGINT, lambda *_: stop(run))
        train_stages(run)
    except torch.OutOfMemoryError:
        stage = run.stage if run else None
        raise ValueError(speed.too_large(config, stage, WORLD, speed.gpu_memory())) from None
    finally:
        signal.signal(signal.SIGINT, usual)


def train_stages(run: Run) -> None:
    """What is left of the stages, one after another."""
    config = run.config
    steps = {stage: getattr(config, stage).steps for stage in STAGES}
    lines = open_log(run.out, run.step) if RANK == 0 else open(os.devnull, "w")
    with lines as log, tqdm(total=sum(steps.values()), initial=run.step, disable=RANK > 0,
                            dynamic_ncols=True) as bar:
        before = 0
        for stage in STAGES:
            if run.step < before + steps[stage]:
                train_stage(run, stage, run.step - before, bar, log)
            before += steps[stage]


def stop(run: Run) -> None:
    """First Ctrl-C: finish the step (told too late in it, one more) and save. Second: leave at once; the last
    checkpoint stays."""
    if run.told_to_stop:
        raise KeyboardInterrupt
    run.told_to_stop = True


def read_arguments(arguments: list[str]) -> tuple[RunConfig, Path, Path, Path | None, Path | None, float]:
    """[preset] [--from=FOLDER] [--out=FOLDER] [--data=FOLDER] [--minutes=N] [--resume] [--setting=value ...]

    Returns the settings, where to write, where to read, the checkpoint to go on from, the released weights to
    begin with, and the minutes. Raises ValueError for anything unknown, an `out` that already holds a run,
    and a run resumed with other settings.
    """
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("preset", nargs="?", help="default: nano")
    begin.add_argument("--from", type=Path, dest="released", help="a released folder to fine-tune")
    parser.add_argument("--out", type=Path, help="where the run goes (default: out/PRESET)")
    parser.add_argument("--data", type=Path, default=DATA, help="where the datasets lie")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop then, at a checkpoint")
    given, settings = parser.parse_known_args(arguments)
    begun = official.run_config(given.released) if given.released else preset(given.preset or "nano")
    out = given.out or Path("out") / begun.name
    folder = checkpoint.latest(out)
    if folder and not given.resume:
        raise ValueError(f"{out} already holds a run, which would be overwritten. Try --resume to go on with "
                         f"it, --out=FOLDER for another place, or delete {out}.")
    named = begun.name if given.preset or given.released else None
    config = resumed(out, folder, named, settings) if folder else override(begun, settings)
    return config, out, given.data, folder, given.released, given.minutes


def resumed(out: Path, folder: Path, named: str | None, settings: list[str]) -> RunConfig:
    """The settings of the run in `out`, with those changed that may. Raises ValueError if it is of another
    preset than the one `named`, or if anything else would change."""
    saved = checkpoint.load_config(folder)
    if named not in (None, saved.name):
        raise ValueError(f"{out} holds a run of {saved.name}, not of {named}, so it cannot go on as one. "
                         f"Try --out=FOLDER for a run of its own.")
    config = override(saved, settings)
    if fixed(config) != fixed(saved):
        raise ValueError(f"{out} was trained with other settings than {' '.join(settings)}, so it cannot "
                         f"go on with these. Only --mixture.steps, --STAGE.rates, --accumulate and "
                         f"--shard may change: try --out=FOLDER for a run of its own.")
    return config


def fixed(config: RunConfig) -> RunConfig:
    """The settings that may not change when a run goes on: all but rates, the length of the last stage, into
    how many pieces a batch is cut, and whether processes share the weights."""
    stages = {stage: replace(getattr(config, stage), rates=(0.0, 0.0, 0.0)) for stage in STAGES}
    stages["mixture"] = replace(stages["mixture"], steps=0)
    return replace(config, shard=False, accumulate=1, **stages)


def main(arguments: list[str]) -> None:
    """Read the command line, train, and end with a word on what to do next."""
    began, minutes = time.monotonic(), math.inf
    try:
        config, out, data, folder, released, minutes = read_arguments(arguments)
        if RANK == 0:
            check_own(config.folder(data, name) for name, weight in config.mix.items() if weight)
        if WORLD > 1:
            a_gpu_each = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", WORLD))
            dist.init_process_group("nccl" if a_gpu_each else "gloo")
        train(config, out, data, folder, released, minutes)
        if WORLD > 1:
            dist.barrier()  # until process 0 has saved
            dist.destroy_process_group()
    except KeyboardInterrupt:
        if time.monotonic() > began + 60 * minutes:  # as asked: the next command of a script may follow
            return print("\nthe minutes are over; the same command with --resume goes on")
        sys.exit("\nstopped; what was saved stays: the same command with --resume goes on")
    except (ValueError, FloatingPointError) as error:
        sys.exit(f"\n{error}")
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        sys.exit(f"\n{error}: what was learned since the last checkpoint cannot be written, so training "
                 f"stopped. Make room: the same command with --resume goes on.")
    if RANK == 0:
        print(f"trained: {checkpoint.latest(out)}\nnext: python -m minimolmo.evaluate --weights={out}")


if __name__ == "__main__":
    main(sys.argv[1:])
