"""The one place where a device is chosen."""
from __future__ import annotations

import torch


def pick_device(rank: int = 0) -> torch.device:
    """The best this machine has: a CUDA GPU (number `rank`), Apple's MPS, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", rank % torch.cuda.device_count())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 arithmetic on CUDA; float32 elsewhere, where bfloat16 is slower (its attention 5 times on a CPU)."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
