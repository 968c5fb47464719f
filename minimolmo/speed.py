"""What makes a GPU fast: compiled blocks, shapes that repeat, batches ready; and what to say when it is full.

`torch.compile` makes one program for each shape it meets, and takes seconds to make one. So what is compiled
is one block of the ViT and one of the decoder (all blocks of a tower are the same program), and sequences and
crops are filled up to a few sizes. Nothing here changes what is learned: nobody looks at what was filled up.
"""
from __future__ import annotations

import gc
import math
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.batch.loader import GROUP
from minimolmo.config import RunConfig
from minimolmo.flow import Batch
from minimolmo.model.molmo import MiniMolmo
from minimolmo.sizes import TRAINING_BYTES, count

try:
    import resource
except ImportError:  # Windows shares memory without open files
    resource = None

LENGTHS = (128, 256, 384, 512, 768, 1024, 1280, 1536, 2048)  # tokens that sequences are filled up to
PROGRAMS = 64                                               # shapes of one block that may be compiled
TENSORS = len(fields(Batch)) - 1                            # of a batch; its names are none


def is_worth_compiling(config: RunConfig, device: torch.device, world: int) -> bool:
    """On a GPU, with whole weights and no experts: elsewhere it takes longer than it saves, and tokens come
    to an expert in numbers that never come again."""
    shared = config.shard and world > 1
    return device.type == "cuda" and not shared and not config.model.decoder.experts


def lengths_up_to(most: int) -> tuple[int, ...]:
    """LENGTHS, as far as sequences of at most `most` tokens need them; beyond them every 2048. The last is
    `most` itself, rounded up to a multiple of 8, which masked attention's fused kernel asks for.

    >>> lengths_up_to(320)
    (128, 256, 320)
    """
    steps = (*LENGTHS, *range(2 * LENGTHS[-1], most, LENGTHS[-1]))
    return (*(length for length in steps if length < most), -(-most // 8) * 8)


def count_workers(config: RunConfig, stage: str, device: torch.device, world: int) -> int:
    """How many processes prepare batches: on a GPU all cores but one, if what they prepare ahead, two groups
    of batches each, fits into shared memory and into the files that a process may hold open; without a GPU
    none, for training itself needs the cores."""
    if device.type != "cuda":
        return 0
    image, settings = config.model.image, getattr(config, stage)
    group = GROUP * settings.batch // world * (1 + image.budget(settings.view)) * 3 * image.crop_size ** 2
    room = shutil.disk_usage("/dev/shm").free if Path("/dev/shm").is_dir() else math.inf
    files, limit = GROUP * config.accumulate * TENSORS, raise_file_limit()
    workers = int(min(max(1, cores() // world - 1), room // (2 * group * world),
                      limit // (2 * files)))
    if not workers:
        needed = 2 * group * world / 1e9
        warnings.warn(f"nobody prepares batches ahead, so the GPU will wait: it takes {needed:.1f} GB "
                      f"of shared memory, where {room / 1e9:.1f} are free, and {2 * files} open files, where "
                      f"{limit} may be. Try docker run --shm-size=64g (as root, mount -o "
                      f"remount,size=64g /dev/shm), or ulimit -n {2 * files}.")
    return workers


def cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Cores that this process may use: in a container often far fewer than the machine has."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share, period = quota.read_text().split() if quota.is_file() else ("max", "")  # microseconds, or no bound
    return own if share == "max" else max(1, min(own, int(share) // int(period)))


def raise_file_limit() -> float:
    """Let this process and its workers hold as many files open as the system allows; returns how many.

    A tensor that a worker hands over is an open file on both sides, and a shell's usual limit is 1,024: fewer
    than 15 workers need. PyTorch's other way, "file_system", needs no open files, but leaves the tensors of a
    killed run in shared memory.
    """
    if resource is None:
        return math.inf
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return math.inf if most == resource.RLIM_INFINITY else most


def compile_blocks(model: MiniMolmo, make: Callable = torch.compile) -> None:
    """Compile the blocks in place, names of weights untouched: their forward, when they train. Answering has
    another shape at every word, so it stays as it is.

    Pooling, projector, the head and the losses stay as they are too: their sizes differ from batch to batch.
    """
    torch._dynamo.config.recompile_limit = PROGRAMS
    for block in (*model.vit.blocks, *model.decoder.blocks):
        block.forward = _while_training(block, block.forward, make(block.forward, dynamic=False))
    vit, whole = model.vit, model.vit.forward
    vit.forward = _while_training(vit, whole, lambda patches: whole(fill_up(patches))[:len(patches)])


def forget() -> None:
    """Let go of compiled programs, and of weights that nobody needs. Compiled blocks hold themselves in a
    circle, so the garbage collector alone finds them."""
    torch.compiler.reset()
    gc.collect()
    torch.cuda.empty_cache()


def _while_training(module: nn.Module, plain: Callable, fast: Callable) -> Callable:
    return lambda *inputs: (fast if module.training else plain)(*inputs)


def fill_up(patches: Tensor) -> Tensor:
    """Crops filled up with empty ones to 16, 18, 20 ... 32, 36 ...: (C, S, ...) -> (C rounded up, S, ...).

    Eight sizes from each power of two to the next: few programs, and less than an eighth more crops.
    """
    step = 2 ** max(0, (len(patches) - 1).bit_length() - 4)  # four binary digits count, the rest is rounded
    return F.pad(patches, (0, 0, 0, 0, 0, -len(patches) % step))


def gpu_memory() -> float:
    """Bytes of this process's GPU, those in use included; without a GPU no bound is known."""
    return torch.cuda.get_device_properties().total_memory if torch.cuda.is_available() else math.inf


def too_large(config: RunConfig, stage: str | None, world: int, memory: float) -> str:
    """What to say when a GPU's `memory` bytes are full: which setting to lower. Without a stage the model was
    only being built."""
    weights = count(config.model)["total"]
    if stage is None or TRAINING_BYTES * weights / (world if config.shard else 1) > memory:
        return _too_many_weights(config, weights, world, memory)
    settings, pieces = getattr(config, stage), config.accumulate * world
    more = next((n for n in range(config.accumulate + 1, settings.batch + 1)
                 if settings.batch % (n * world) == 0), None)
    same = (f"--resume --accumulate={more}, which cuts each batch into {more} pieces and learns the same; "
            f"or, " if more else "")
    return (f"the GPU's memory is full: stage {stage} puts {settings.batch // pieces} images at once through "
            f"the model. Try {same}in a run of its own, a view with fewer crops, --{stage}.view=bird, or "
            f"shorter sequences, --max_tokens={config.max_tokens // 2}.")


def _too_many_weights(config: RunConfig, weights: int, world: int, memory: float) -> str:
    """As many GPUs as leave half of each to what flows through; if one would do, somebody else is on it."""
    gpus = 1
    while TRAINING_BYTES * weights / gpus > memory / 2:
        gpus *= 2
    some = max(gpus, 2 * world)
    remedy = (f"{some} GPUs, of which each holds a share: torchrun --nproc-per-node={some} (--nnodes, if one "
              f"machine has fewer) train.py --shard=true with the rest of the command" if gpus > 1 else
              f"again when nothing else runs on this GPU; nvidia-smi lists what does")
    return (f"the GPU's memory is full: the {weights / 1e6:,.0f} million weights of {config.name}, their "
            f"gradients and AdamW's two moments take {TRAINING_BYTES * weights / 1e9:.1f} GB, and what flows "
            f"through them comes on top. Try {remedy}.")
