"""Training in several processes: each holds a copy of the weights (DDP) or a shard of them (FSDP2).

    torchrun --nproc-per-node=2 train.py                  DDP: every process has all weights
    torchrun --nproc-per-node=8 train.py --shard=true     FSDP: for a model too large for one GPU

A sharded weight is cut along its first axis as by `torch.chunk`. Its block's weights are gathered before the
block computes, and freed afterwards. Source: torch.distributed.fsdp.fully_shard.
"""
from __future__ import annotations

import math
import os
from collections.abc import Iterable

import torch
from torch import Tensor, nn

RANK, WORLD = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))  # set by torchrun


def shard_or_move(module: nn.Module, blocks: Iterable[nn.Module], device: torch.device, shard: bool) -> None:
    """Move a module to its device, in place: the whole module, or this process's shard of it.

    blocks  the parts whose weights are gathered one at a time; all others stay gathered in a forward pass

    A module on the device "meta" gets memory without values.
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


def wrap_ddp(module: nn.Module, sharded: bool) -> nn.Module:
    """The module to call in training, so that gradients are averaged over all processes."""
    if WORLD == 1 or sharded:  # FSDP averages them itself
        return module
    return nn.parallel.DistributedDataParallel(module, find_unused_parameters=True)


def is_sharded(value: object) -> bool:
    """Whether a value is a sharded weight (a DTensor). Tested without importing DTensor, which is slow."""
    return hasattr(value, "device_mesh")


def local_shard(tensor: Tensor) -> tuple[Tensor, int]:
    """This process's values of a weight, flattened, and the index of the first one in the whole weight."""
    if not is_sharded(tensor):
        return tensor.detach().view(-1), 0
    first = RANK * -(-len(tensor) // WORLD)  # as torch.chunk cuts
    return tensor.detach().to_local().view(-1), min(first, len(tensor)) * math.prod(tensor.shape[1:])


def load_full(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Load whole tensors into a module's weights of the same names; each process takes its shard."""
    for name, weight in module.named_parameters():
        shard, first = local_shard(weight)
        shard.copy_(tensors[name].view(-1)[first:first + len(shard)])


def gather_full(tensors: dict) -> dict:
    """The same dictionary with whole tensors, in process 0's memory. All processes must call this.

    One tensor at a time, so no GPU ever holds more than one whole weight.
    """
    return {key: gather_full(value) if isinstance(value, dict) else _full(value)
            for key, value in tensors.items()}


def _full(value: object) -> object:
    if not is_sharded(value):
        return value
    full = value.detach().full_tensor()
    return full.cpu() if RANK == 0 else None


def shard_optimizer_state(state: dict, optimizer: torch.optim.Optimizer) -> dict:
    """This process's shard of an optimizer's saved state, ready for `optimizer.load_state_dict`."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    shards = {number: {key: _cut(value, parameters[number]) for key, value in moments.items()}
              for number, moments in state["state"].items()}
    return {**state, "state": shards}


def _cut(value: object, like: Tensor) -> object:
    """Shard an Adam moment like its weight; leave a step count as it is."""
    if not is_sharded(like) or value.shape != like.shape:
        return value
    from torch.distributed.tensor import distribute_tensor
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
