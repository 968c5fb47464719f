"""Device selection: device, number format, CPU cores; and the error for a full GPU."""
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch


def pick_device() -> torch.device:
    """The best device available: a CUDA GPU (under torchrun, one per process), Apple's MPS, or the CPU."""
    rank, world = int(os.environ.get("LOCAL_RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if torch.cuda.is_available():
        device = torch.device("cuda", rank % torch.cuda.device_count())
        torch.cuda.set_device(device)
        torch.backends.cuda.enable_cudnn_sdp(False)  # it plans again for every length, which slows decoding
        return device
    if torch.backends.mps.is_available() and world == 1 and _mps_attention_is_right():  # one: no all-reduce
        return torch.device("mps")
    return torch.device("cpu")


def _mps_attention_is_right() -> bool:
    """Whether torch is 2.13 or newer: before, MPS may compute attention wrongly with heads of 64 and more."""
    return tuple(int(number) for number in torch.__version__.split(".")[:2]) >= (2, 13)


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 arithmetic on CUDA, float32 elsewhere: on a CPU, bfloat16 attention trains 5 times slower."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def cpu_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """The number of CPU cores that this process may use. A container often has fewer than its machine."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed, period = quota.read_text(encoding="utf-8").split() if quota.is_file() else ("max", "")
    return own if allowed == "max" else max(1, min(own, int(allowed) // int(period)))  # both in microseconds


@contextmanager
def explain_out_of_memory() -> Iterator[None]:
    """A context manager for inference: if the GPU's memory is full, a ValueError says what to try."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ValueError(f"the GPU's memory is full: the model, the images and the questions do not fit "
                         f"({error}). Try --view=bird, which uses one crop an image, or set "
                         f"CUDA_VISIBLE_DEVICES to nothing, to answer on the CPU.") from None
