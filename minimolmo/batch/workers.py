"""The number of data workers that prepare batches: limited by CPU cores, shared memory and open files."""
from __future__ import annotations

import math
import shutil
import warnings
from dataclasses import fields
from pathlib import Path

import torch

from minimolmo.batch.loader import GROUP_STEPS
from minimolmo.config import RunConfig
from minimolmo.device import cpu_cores
from minimolmo.flow import Batch

try:
    import resource
except ImportError:  # Windows, where shared memory needs no open files
    resource = None

TENSORS = sum(field.type == "Tensor" for field in fields(Batch))  # tensors of a batch


def count_workers(config: RunConfig, stage: str, device: torch.device, world: int) -> int:
    """The number of data workers.

    With a GPU: one per core, minus one; fewer if shared memory or the limit of open files is too small.
    A worker needs space for two groups of batches. Without a GPU: none, since training needs the cores.
    """
    if device.type != "cuda":
        return 0
    image, settings = config.model.image, getattr(config, stage)
    crops = 1 + image.max_crops(settings.view)
    group = GROUP_STEPS * settings.batch_size // world * crops * 3 * image.crop_size ** 2
    free = shutil.disk_usage("/dev/shm").free if Path("/dev/shm").is_dir() else math.inf
    files, limit = GROUP_STEPS * config.accumulate * TENSORS, raise_file_limit()
    workers = int(min(max(1, cpu_cores() // world - 1), free // (2 * group * world), limit // (2 * files)))
    if not workers:
        needed = 2 * group * world / 1e9
        warnings.warn(f"data workers are off, so the GPU will wait for batches: a worker needs {needed:.1f} "
                      f"GB of shared memory, where {free / 1e9:.1f} are free, and {2 * files} open files, "
                      f"where {limit} are allowed. Try docker run --shm-size=64g (as root, mount -o "
                      f"remount,size=64g /dev/shm), or ulimit -n {2 * files}.")
    return workers


def raise_file_limit() -> float:
    """Raise this process's limit of open files as far as the system allows; returns it.

    A tensor that a worker passes on is an open file in both processes. A shell's usual limit of 1,024 files
    is too low for 15 workers. PyTorch's other strategy, "file_system", needs no open files, but it leaves the
    tensors of a killed run in shared memory.
    """
    if resource is None:
        return math.inf
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
    return math.inf if highest == resource.RLIM_INFINITY else highest
