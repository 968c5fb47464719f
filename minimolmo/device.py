"""Device selection: device, number format, CPU cores, freed memory; and the error for a full GPU."""
from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch

from minimolmo.command import say

MMAP_THRESHOLD, TRIM_THRESHOLD = (-3, 2 ** 25), (-1, 2 ** 30)  # parameters of mallopt(3), and bytes
AMPERE = (8, 0)  # the first compute capability whose tensor cores multiply in bfloat16


def pick_device() -> torch.device:
    """The best device available: a CUDA GPU (under torchrun, one per process), Apple's MPS, or the CPU."""
    rank, world = int(os.environ.get("LOCAL_RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if torch.cuda.is_available():
        device = torch.device("cuda", rank % torch.cuda.device_count())
        torch.cuda.set_device(device)
        torch.backends.cuda.enable_cudnn_sdp(False)  # it plans again for every length, which slows decoding
        return device
    if torch.backends.mps.is_available() and world == 1:  # one process: MPS has no all-reduce
        if _mps_attention_is_right():
            return torch.device("mps")
        _note_mps_is_not_used()
    return torch.device("cpu")


def _mps_attention_is_right() -> bool:
    """Whether torch is 2.13 or newer: before, MPS may compute attention wrongly with heads of 64 and more."""
    return tuple(int(number) for number in torch.__version__.split(".")[:2]) >= (2, 13)


@cache  # so that it is said once
def _note_mps_is_not_used() -> None:
    say(f"note: torch {torch.__version__} may compute attention wrongly on this Mac's GPU, so the CPU is "
        f"used. Try torch 2.13 or newer: pip install --upgrade torch", file=sys.stderr)


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies in bfloat16: a CPU, and a CUDA GPU from Ampere (2020) on; not MPS.

    A T4 or an RTX 2080 would emulate it, more slowly than float32. They have float16, which we do not use: it
    needs a gradient scaler in the training loop and in its checkpoints, and Qwen2's activations are known to
    exceed 65,504, float16's largest number. So they compute in float32.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= AMPERE
    return device.type == "cpu"


def trains_in_bfloat16(device: torch.device) -> bool:
    """Whether training computes in bfloat16. Not on a CPU, where its attention trains 5 times slower."""
    return device.type == "cuda" and has_bfloat16(device)


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 arithmetic on a GPU that has it, float32 elsewhere."""
    return torch.autocast(device.type, torch.bfloat16, enabled=trains_in_bfloat16(device))


def frozen_dtype(device: torch.device) -> torch.dtype:
    """The dtype of weights that are not trained, as in answering: bfloat16, half the memory, if it has it."""
    return torch.bfloat16 if has_bfloat16(device) else torch.float32


def cpu_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """The number of CPU cores that this process may use. A container often has fewer than its machine."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed, period = quota.read_text(encoding="utf-8").split() if quota.is_file() else ("max", "")
    return own if allowed == "max" else max(1, min(own, int(allowed) // int(period)))  # both in microseconds


def keep_freed_memory() -> None:
    """Let this process keep up to 1 GB of freed memory, of blocks below 32 MB, for its next blocks (Linux).

    Else glibc gives most of it back, and the system clears each page before it comes again: 10,000 pages and
    3 to 6 % of the time in one of nano's finetune steps on a CPU (RUNS.md).
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):  # musl has none
        libc.mallopt(*MMAP_THRESHOLD)
        libc.mallopt(*TRIM_THRESHOLD)


@contextmanager
def explain_out_of_memory() -> Iterator[None]:
    """A context manager for inference: if the GPU's memory is full, a ValueError says what to try."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ValueError(f"the GPU's memory is full: the model, the images and the questions do not fit "
                         f"({error}). Try --view=bird, which uses one crop an image, or set "
                         f"CUDA_VISIBLE_DEVICES to nothing, to answer on the CPU.") from None
