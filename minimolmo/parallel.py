"""Several processes, one model: each holds a copy of it, or each a share (FSDP2), and they train as one.

    torchrun --nproc-per-node=2 train.py                  copies: every process has all weights
    torchrun --nproc-per-node=8 train.py --shard=true     shares: a model too large for one GPU

A sharded weight is cut along its first axis like a cake by `torch.chunk`; before a block computes, its
weights are put together, and afterwards taken apart again. Source: torch.distributed.fsdp.fully_shard. """
from __future__ import annotations

import math
import os
from collections.abc import Iterable

import torch
from torch import Tensor, nn

RANK, WORLD = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))  # set by torchrun


def place(module: nn.Module, blocks: Iterable[nn.Module], device: torch.device, shard: bool) -> None:
    """Bring a module to its device: whole, or this process's share of it. In place.

    blocks  the parts that are put together one at a time; what lies outside them stays together while it
            computes

    A module made on the device "meta" gets memory, but no numbers yet.
    """
    empty = any(parameter.is_meta for parameter in module.parameters())
    if shard:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard
        mesh = init_device_mesh(device.type, (WORLD,))
        for part in (*blocks, module):
            fully_shard(part, mesh=mesh)
    if empty:
        module.to_empty(device=device)
    else:
        module.to(device)


def copies(module: nn.Module, shard: bool) -> nn.Module:
    """What to call in place of a module so that gradients are the mean over all processes."""
    if WORLD == 1 or shard:  # shares average theirs by themselves
        return module
    return nn.parallel.DistributedDataParallel(module, find_unused_parameters=True)


def is_share(value) -> bool:
    """Whether this is a weight of which this process holds a share, a DTensor: asked without its slow
    import."""
    return hasattr(value, "device_mesh")


def own_numbers(tensor: Tensor) -> tuple[Tensor, int]:
    """The numbers of a weight that this process holds, as one row, and which of the weight's is the first."""
    if not is_share(tensor):
        return tensor.detach().view(-1), 0
    first = RANK * -(-len(tensor) // WORLD)  # as torch.chunk cuts
    return tensor.detach().to_local().view(-1), min(first, len(tensor)) * math.prod(tensor.shape[1:])


def fill(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Give a module's weights the numbers of whole tensors of the same names; of a shared one each its
    share."""
    for name, weight in module.named_parameters():
        numbers, first = own_numbers(weight)
        numbers.copy_(tensors[name].view(-1)[first:first + len(numbers)])


def whole(tensors: dict) -> dict:
    """The same dictionary, its shares put together in process 0's memory. All processes must call this.

    One tensor at a time: no GPU ever holds more than one whole weight.
    """
    return {key: whole(value) if isinstance(value, dict) else _join(value) for key, value in tensors.items()}


def _join(value):
    if not is_share(value):
        return value
    together = value.detach().full_tensor()
    return together.cpu() if RANK == 0 else None


def share_out(state: dict, optimizer: torch.optim.Optimizer) -> dict:
    """An optimizer's saved state, each process its share: ready for `optimizer.load_state_dict`."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    shares = {number: {key: _cut(value, parameters[number]) for key, value in moments.items()}
              for number, moments in state["state"].items()}
    return {**state, "state": shares}


def _cut(value, like: Tensor):
    """A moment cut as its weight is; a step count stays whole."""
    if not is_share(like) or value.shape != like.shape:
        return value
    from torch.distributed.tensor import distribute_tensor
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
