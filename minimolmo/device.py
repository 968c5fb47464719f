"""The one place where a device is chosen."""
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def pick_device() -> torch.device:
    """The best this machine has: a CUDA GPU, Apple's MPS, or the CPU. Under torchrun, this process's own."""
    rank, world = int(os.environ.get("LOCAL_RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if torch.cuda.is_available():
        device = torch.device("cuda", rank % torch.cuda.device_count())
        torch.cuda.set_device(device)
        torch.backends.cuda.enable_cudnn_sdp(False)  # it plans anew for each shape, and answers grow
        return device
    if torch.backends.mps.is_available() and world == 1:  # processes cannot exchange gradients over MPS
        return torch.device("mps")
    return torch.device("cpu")


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 arithmetic on CUDA; float32 elsewhere: on a CPU, bfloat16 attention learns 5 times slower."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


@contextmanager
def room_to_answer() -> Iterator[None]:
    """Around what answers: raises a ValueError that says what to try where a GPU's memory is full."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ValueError(f"the GPU's memory is full: the model and what it was asked do not fit ({error}). "
                         f"Try --view=bird, which looks at one crop a picture, or set CUDA_VISIBLE_DEVICES "
                         f"to nothing, to answer on the CPU.") from None
