"""Says in words whether training fits a GPU, and which settings to change if it does not."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from minimolmo.config import STAGES, RunConfig
from minimolmo.presets import with_adapters
from minimolmo.weights.counts import GB
from minimolmo.weights.fit import Need, batch_sizes, training_need

RESERVE = GB    # of a GPU: the CUDA context and gaps between tensors
MOST_GPUS = 64


def describe(config: RunConfig, stage: str, need: Need) -> str:
    """What a run needs, in one line."""
    images, crops, _ = batch_sizes(config, stage)
    return (f"training {config.name} needs {need.peak / GB:.1f} GB ({need}) with {images} "
            f"image{'s'[:images > 1]} at once, of at most {crops // images} crops and {config.max_tokens} "
            f"tokens")


def for_each_process(config: RunConfig, world: int) -> RunConfig:
    """A run as one of `world` processes sees it, which gets that share of every micro-batch's images."""
    return replace(config, accumulate=config.accumulate * world)


def verdict(config: RunConfig, stage: str, gpu: float, world: int = 1, bfloat16: bool = True) -> str:
    """Whether a run fits GPUs of `gpu` bytes: what it needs, and if that is too much, what to change.

    world  the number of processes, each with a GPU
    """
    def measure(run: RunConfig, world: int) -> Need:
        shards = world if run.shard and not run.lora else 1  # adapters are small: each process holds all
        return training_need(for_each_process(run, world), stage, bfloat16, shards,
                             torch.bfloat16 if bfloat16 else torch.float32)
    need = measure(config, world)
    answer = describe(for_each_process(config, world), stage, need)
    spare = gpu - RESERVE - need.peak
    if spare >= 0:
        return f"{answer}. It fits {gpu / GB:.0f} GB, with {spare / GB:.1f} GB to spare."
    change = next(((names, needed) for names, changed in smaller_runs(config, stage, need, gpu, world)
                   if (needed := measure(changed, world).peak) + RESERVE <= gpu), None)
    if change:
        return (f"{answer}. It does not fit {gpu / GB:.0f} GB. Try {' '.join(change[0])}, which needs "
                f"{change[1] / GB:.1f} GB.")
    return f"{answer}. It does not fit {gpu / GB:.0f} GB. Try {_more_gpus(config, gpu, measure, world)}."


def smaller_runs(config: RunConfig, stage: str, need: Need, gpu: float,
                 world: int = 1) -> Iterator[tuple[list[str], RunConfig]]:
    """Runs that need less and less memory, each with all changes so far, written as for a command line.

    Activations shrink with the number of images at once, so the first tries as many as should fit.
    """
    names: list[str] = []
    pieces = [n for n in _divisors(config, world) if n > config.accumulate]
    static, moving = need.peak - need.activations, need.activations * config.accumulate
    guess = [n for n in pieces if static + moving / n < 0.9 * (gpu - RESERVE)]
    for n in (*guess[:1], *pieces[-1:]):
        names, config = [f"--accumulate={n}"], replace(config, accumulate=n)
        yield names, config
    if not config.recompute:
        names, config = [*names, "--recompute=true"], replace(config, recompute=True)
        yield names, config
    if not config.lora and not config.bootstrap.steps and not config.model.decoder.experts:
        changed = replace(with_adapters(config), lora=16)  # brings its other settings with it
        if pieces := _divisors(changed, world):
            names = ["--lora=16", f"--accumulate={pieces[-1]}"] if world > 1 else ["--lora=16"]
            config = replace(changed, accumulate=pieces[-1])
            yield names, config
    while config.max_tokens >= 1024:
        config = replace(config, max_tokens=config.max_tokens // 2)
        yield [*names, f"--max_tokens={config.max_tokens}"], config


def _divisors(config: RunConfig, world: int) -> list[int]:
    """The values of `accumulate` that divide the batches of all stages among so many processes."""
    sizes = [getattr(config, name).batch_size for name in STAGES if getattr(config, name).steps]
    most = min(sizes, default=0)
    return [n for n in range(1, most // world + 1) if config.divides(n * world)]


def _more_gpus(config: RunConfig, gpu: float, measure: Callable[[RunConfig, int], Need], world: int) -> str:
    """The number of GPUs that divide the weights, with few images at once, or a larger GPU."""
    gpus, optimizer = max(2, world), " --optimizer=adamw" if config.optimizer == "muon" else ""
    while gpus <= MOST_GPUS and not config.lora:
        if pieces := _divisors(config, gpus):
            changed = replace(config, shard=True, recompute=True, accumulate=pieces[-1], optimizer="adamw")
            if measure(changed, gpus).peak + RESERVE <= gpu:
                return (f"{gpus} GPUs: torchrun --nproc-per-node={gpus} (--nnodes, if one machine has fewer) "
                        f"train.py --shard=true --recompute=true --accumulate={pieces[-1]}{optimizer}")
        gpus *= 2
    return "a smaller model, or GPUs with more memory"
