"""Train a model in three stages: bootstrap on exact labels, pre-train on captions, fine-tune on the mix.

    python train.py                                    preset nano, 10 minutes on two CPU cores
    python train.py --finetune.steps=20 --out=out/try  anything in config.py can be set
    python train.py --mix.mine=1 --out=out/mine        with your own images from data/mine
    python train.py --resume                           continue from the last checkpoint, if any
    python train.py mini --minutes=9                   stop after nine minutes, with a checkpoint
    torchrun --nproc-per-node=2 train.py               two processes (or GPUs) divide every batch
    python train.py --from=out/nano --mix.mine=1       fine-tune a run, a release, or a Molmo on data/mine
    python train.py --from=Molmo-7B-D-0924 --lora=16   train adapters on one GPU of 24 GB
    python train.py --from=start                       both stages, from parts that weights/parts.py joined

Writes OUT/step-*/ (checkpoints), OUT/log.jsonl (one line per step), OUT/loss.png and OUT/samples/.
"""
from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TextIO

from minimolmo.command import (  # first: torch is slow
    SIGNALS, Interrupted, os_error_message, python_command, run_command, say)

import torch
import torch.distributed as dist
from torch import Tensor
from tqdm import tqdm

from minimolmo import draw
from minimolmo.batch.dataset import check_user_datasets
from minimolmo.batch.workers import count_workers
from minimolmo.config import STAGES, RunConfig
from minimolmo.device import autocast, keep_freed_memory, pick_device
from minimolmo.disk import write_image
from minimolmo.distributed import RANK, WORLD
from minimolmo.evaluate import RIGHT_IMAGE, answer_all, result_card, sample_questions
from minimolmo.flow import Batch
from minimolmo.locks import locked
from minimolmo.options import Parser, number_argument, path_argument
from minimolmo.overrides import check_forms
from minimolmo.presets import preset
from minimolmo.training.checks import StageCheck, check_mix, check_work
from minimolmo.training.log import open_log, plot_losses
from minimolmo.training.memory import note_memory, oom_message, total_gpu_memory
from minimolmo.training.optimizer import clip_gradients, set_learning_rates
from minimolmo.training.resume import advice, note_new_start, note_newer, resume_config
from minimolmo.training.run import Run, make_loader, open_datasets
from minimolmo.training.start import new_config, starting_config
from minimolmo.weights import checkpoint

SAVE_EVERY, SAMPLE_EVERY = 400, 800  # steps between checkpoints; between drawn samples
DATA = Path(__file__).resolve().parent / "data"
PARENT = os.getppid()


def train_step(run: Run, stage: str, step: int, micro_batches: list[Batch]) -> dict:
    """One optimizer step on this process's micro-batches; returns what to log.

    Raises FloatingPointError, before anything changes, if the loss or a gradient is not finite.
    """
    torch.manual_seed(run.config.seed * 1_000_003 + run.step * WORLD + RANK)  # dropout: a seed for each step
    stop = torch.tensor([float(is_over(run))], device=run.device)
    sums = all_reduce_sum(run, torch.cat([accumulate_gradients(run, stage, micro_batches), stop]))
    norms = clip_gradients(run.optimizer, run.config.max_grad_norm)
    loss, cross_entropy, stop = sums.tolist()
    check_finite(run, f"{stage} step {step + 1}", [loss, cross_entropy, *norms], micro_batches)
    rates = set_learning_rates(run.optimizer, getattr(run.config, stage), step + 1)
    run.optimizer.step()
    run.optimizer.zero_grad()
    run.should_stop = stop > 0  # requested in any process; a request since then counts in the next step
    text = {} if stage == "bootstrap" else {"cross_entropy": cross_entropy}
    return {"stage": stage, "step": run.step + 1, **text, "loss": loss, "learning_rates": rates,
            "grad_norms": [round(norm, 4) for norm in norms]}


def is_over(run: Run) -> bool:
    """Whether this process should stop: a signal asked for it, time is up, or its torchrun parent is gone."""
    orphaned = WORLD > 1 and os.getppid() != PARENT
    return run.stop_requested or orphaned or time.monotonic() > run.deadline


def accumulate_gradients(run: Run, stage: str, micro_batches: list[Batch]) -> Tensor:
    """Compute this process's gradients; returns its contribution to the global (loss, cross-entropy)."""
    weight = float(all_reduce_sum(run, sum(batch.loss_weight.sum() for batch in micro_batches)))
    sums = torch.zeros(2, device=run.device)
    for number, batch in enumerate(micro_batches, start=1):
        with run.maybe_no_sync(last=number == len(micro_batches)):
            with autocast(run.device):
                loss, cross_entropy = run.ddp_model(batch.to(run.device), stage, max(weight, 1.0),
                                                    len(micro_batches) * WORLD)
            (loss * WORLD).backward()  # DDP takes the mean over processes; we need the sum
        sums += torch.stack([loss.detach(), cross_entropy])
    return sums


def all_reduce_sum(run: Run, values: Tensor) -> Tensor:
    """The sum of a tensor over all processes. All of them must call this."""
    if WORLD > 1:
        values = values.to(run.device)
        dist.all_reduce(values)
    return values


def check_finite(run: Run, where: str, numbers: list[float], micro_batches: list[Batch]) -> None:
    """Raise FloatingPointError if the loss or a gradient norm is infinite or NaN."""
    if not all(map(math.isfinite, numbers)):
        run.optimizer.zero_grad()
        rows = ", ".join(name for batch in micro_batches for name in batch.names)
        raise FloatingPointError(
            f"{where}: the loss is {numbers[0]:.3g}, the gradient norms are {numbers[2:]}. Such a step would "
            f"ruin the weights, so it was not taken. The batch: {rows}. {advice(run.out)}")


def train_stage(run: Run, stage: str, start: int, bar: tqdm, log: TextIO) -> None:
    """Train one stage from step `start`, with regular checkpoints and one at its end."""
    settings, run.stage = getattr(run.config, stage), stage
    meter, workers = run.meter, count_workers(run.config, stage, run.device, WORLD)
    pin = run.device.type == "cuda"
    batches = iter(make_loader(run, stage).batches(start, settings.steps, workers, pin))
    check = StageCheck(stage, run.config.max_tokens, settings.steps)
    for step in range(start, settings.steps):
        meter.start()
        micro_batches = next(batches)
        meter.batch_ready()
        check.add(micro_batches, lambda counts: all_reduce_sum(run, counts))
        line = train_step(run, stage, step, micro_batches)
        line |= meter.log_line(stage, micro_batches, WORLD)
        if stage == "finetune" and step == start:
            line["mix"] = run.config.mix
        run.step += 1
        log.write(json.dumps(line) + "\n")
        shown = line.get("cross_entropy", line["loss"])
        bar.set_postfix_str(f"{stage} loss {shown:.3f}, {line['images_per_second']:.0f} images/s")
        bar.update()
        last = step + 1 == settings.steps
        if run.should_stop or last or run.step % SAVE_EVERY == 0:
            run.save()
        if stage == "finetune" and RANK == 0 and (last or run.step % SAMPLE_EVERY == 0):
            plot_losses(run.out)
            save_samples(run)
        if run.should_stop:
            if WORLD > 1:
                dist.barrier()  # process 0 may still be saving; torchrun ends it with the first that exits
            raise Interrupted(run.stop_signal)
    if RANK == 0 and check.summary():
        bar.write(check.summary(), file=sys.stderr)


def save_samples(run: Run) -> None:
    """Draw one held-out image of each dataset with the model's answer."""
    number, items = run.step // SAMPLE_EVERY, []
    for name, dataset in open_datasets(run, "finetune", "val").items():
        items += sample_questions(name, dataset, [number % len(dataset)], seed=number,
                                  untagged=run.config.untagged)[:1]
    if items and not run.sharded:  # one process cannot run a sharded model alone
        model = run.module.model.eval()
        items = answer_all(model, run.tokenizer, items, RIGHT_IMAGE, run.config.finetune.view)
        model.train()
        picture = draw.contact_sheet([result_card(item, items) for item in items], len(items),
                                     f"step {run.step}")
        (run.out / "samples").mkdir(exist_ok=True)
        write_image(run.out / "samples" / f"step-{run.step:06d}.png", picture)


def train(config: RunConfig, out: Path, data: Path, folder: Path | None, released: Path | None = None,
          minutes: float = math.inf) -> None:
    """Train all stages, from the start or from a checkpoint's folder, for at most `minutes`.

    Raises KeyboardInterrupt if stopped by Ctrl-C or by the time limit; ValueError if a GPU is too small.
    """
    deadline, run = time.monotonic() + 60 * minutes, None
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *SIGNALS)
                if signal.getsignal(number) != signal.SIG_IGN}  # ignored, as by nohup: stays so
    try:
        with locked(out) if RANK == 0 else nullcontext():
            run = Run(config, out, data, folder, released, deadline)
            for number in handlers:  # TERM and HUP, from docker or a cluster, save as Ctrl-C does
                signal.signal(number, lambda number, _: request_stop(run, number))
            train_stages(run)
    except torch.OutOfMemoryError:
        stage = run.stage if run else None
        raise ValueError(oom_message(config, stage, WORLD, total_gpu_memory())) from None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def train_stages(run: Run) -> None:
    """Train the remaining stages, one after another."""
    config = run.config
    steps = {stage: getattr(config, stage).steps for stage in STAGES}
    opened = open_log(run.out, run.step) if RANK == 0 else open(os.devnull, "w", encoding="utf-8")
    with opened as log, tqdm(total=sum(steps.values()), initial=run.step, disable=RANK > 0,
                             dynamic_ncols=True) as bar:
        before = 0
        for stage in STAGES:
            if run.step < before + steps[stage]:
                train_stage(run, stage, run.step - before, bar, log)
            before += steps[stage]


def request_stop(run: Run, number: int) -> None:
    """Handle Ctrl-C, TERM or HUP. The first finishes a step and saves; a Ctrl-C after it stops at once."""
    if run.stop_requested and number == signal.SIGINT:
        raise Interrupted(number)
    run.stop_requested, run.stop_signal = True, number


def read_arguments(arguments: list[str]) -> tuple[RunConfig, Path, Path, Path | None, Path | None, float]:
    """Parse [preset] [--from=DIR] [--out=DIR] [--data=DIR] [--minutes=N] [--resume] [--setting=value].

    Returns the config, the output folder, the data folder, the checkpoint to resume, the folder of weights
    to start from, and the minutes. Raises ValueError for an unknown setting, an `out` that already holds a
    run, and a run resumed with other settings.
    """
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("preset", nargs="?", help="default: nano")
    begin.add_argument("--from", type=path_argument, dest="released",
                       help="fine-tune a run, a release or a Molmo; or train what parts.py joined")
    parser.add_argument("--out", type=path_argument, help="the run's folder (default: out/PRESET)")
    parser.add_argument("--data", type=path_argument, default=DATA, help="the folder of the datasets")
    parser.add_argument("--resume", action="store_true", help="continue from the newest checkpoint")
    parser.add_argument("--minutes", type=number_argument(), default=math.inf,
                        help="stop after N, with a checkpoint")
    given, settings = parser.parse_known_args(arguments)
    check_forms(settings, given.preset or "", arguments)  # the 9 of --finetune.steps 9 is no preset
    start = (starting_config(given.released, total_gpu_memory()) if given.released else
             preset(given.preset or "nano"))
    out = given.out or Path("out") / start.name
    folder = checkpoint.latest(out)
    if folder and not given.resume:
        raise ValueError(f"{out} already holds a run, which would be overwritten. Try --resume to go on with "
                         f"it, --out=FOLDER for another folder, or delete {out}.")
    if given.resume and not folder and RANK == 0:
        note_new_start(out)
    if folder and RANK == 0:
        note_newer(folder)
    name = start.name if given.preset or given.released else None
    config = (resume_config(out, folder, name, settings) if folder else
              new_config(start, settings, given.data, given.released))
    config.check_batches(WORLD)
    check_work(config)
    return config, out, given.data, folder, given.released, given.minutes


def main(arguments: list[str]) -> None:
    """The command line: train, and print the next command."""
    keep_freed_memory()
    config, out, data, folder, released, minutes = read_arguments(arguments)
    began, steps = time.monotonic(), sum(getattr(config, stage).steps for stage in STAGES)
    if folder and (checkpoint.read_step(folder) or 0) >= steps:
        return say_finished(out, f"nothing left to train: all {steps:,} steps are done")
    check_mix(config, data, [name for name, weight in config.mix.items() if weight or not folder])
    try:
        if RANK == 0:
            check_user_datasets(config.folder(data, name) for name, weight in config.mix.items() if weight)
            note_memory(config, pick_device(), WORLD)
        if WORLD > 1:
            a_gpu_each = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", WORLD))
            dist.init_process_group("nccl" if a_gpu_each else "gloo")
        train(config, out, data, folder, released, minutes)
        if WORLD > 1:
            dist.barrier()  # until process 0 has saved
            dist.destroy_process_group()
    except KeyboardInterrupt as interrupt:
        if time.monotonic() > began + 60 * minutes:  # as planned, so exit status 0
            return say("\nthe minutes are over; the same command with --resume goes on")
        raise type(interrupt)(*interrupt.args[:1], "stopped; the same command with --resume goes on")
    except OSError as error:
        raise ValueError(f"{os_error_message(error)} Steps since the last checkpoint are not saved: the same "
                         f"command with --resume goes on.") from error
    say_finished(out, f"trained: {checkpoint.latest(out)}")


def say_finished(out: Path, text: str) -> None:
    """Print, in one process, that a run is at its end, and the next command."""
    if RANK == 0:
        say(f"{text}\nnext: {python_command('-m', 'minimolmo.evaluate', f'--weights={out}')}")


if __name__ == "__main__":
    run_command(main)
