"""torch.compile for a GPU: compiled blocks, and padding so that few shapes occur.

`torch.compile` makes one program for each shape, which takes seconds. So only the blocks of the ViT and the
decoder are compiled (all blocks of a tower use the same programs), and the numbers of tokens and crops are
padded to a few sizes. The training result is the same: padding is masked out.
"""
from __future__ import annotations

import gc
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.config import RunConfig
from minimolmo.model.molmo import MiniMolmo

LENGTH_BUCKETS = (128, 256, 384, 512, 768, 1024, 1280, 1536, 2048)  # tokens that sequences are padded to
RECOMPILE_LIMIT = 64                                                # shapes of one block that may be compiled


def should_compile(config: RunConfig, device: torch.device, world: int) -> bool:
    """Whether compiling saves time: on a GPU, with unsharded weights, no experts, and activations kept.

    An expert's number of tokens differs in each step, so each step would need new programs.
    """
    sharded = config.shard and world > 1
    whole = not sharded and not config.recompute
    return device.type == "cuda" and whole and not config.model.decoder.experts


def length_buckets(max_tokens: int) -> tuple[int, ...]:
    """The lengths to which sequences are padded: LENGTH_BUCKETS up to `max_tokens`, then multiples of 2048.

    The last is `max_tokens` rounded up to a multiple of 8, which the fused kernel of masked attention needs.

    >>> length_buckets(320)
    (128, 256, 320)
    """
    steps = (*LENGTH_BUCKETS, *range(2 * LENGTH_BUCKETS[-1], max_tokens, LENGTH_BUCKETS[-1]))
    return (*(length for length in steps if length < max_tokens), -(-max_tokens // 8) * 8)


def compile_blocks(model: MiniMolmo, make: Callable = torch.compile) -> None:
    """Compile the forward method of all blocks for training, in place. Names of weights do not change.

    Decoding is not compiled: its shape changes with every token. Pooling, projector, head and losses are not
    compiled either: their sizes differ from batch to batch.
    """
    torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT
    model.decoder.skips = False  # the number of answer tokens differs in each step
    for block in (*model.vit.blocks, *model.decoder.blocks):
        block.forward = _while_training(block, block.forward, make(block.forward, dynamic=False))
    vit, plain = model.vit, model.vit.forward
    vit.forward = _while_training(vit, plain, lambda patches: plain(pad_crops(patches))[:len(patches)])


def reset_compiler() -> None:
    """Free compiled programs and unused weights.

    Compiled blocks are reference cycles, so only the garbage collector frees them.
    """
    torch.compiler.reset()
    gc.collect()
    torch.cuda.empty_cache()


def _while_training(module: nn.Module, plain: Callable, fast: Callable) -> Callable:
    """A forward method that calls `fast` in training and `plain` in evaluation."""
    return lambda *inputs: (fast if module.training else plain)(*inputs)


def pad_crops(patches: Tensor) -> Tensor:
    """Pad with empty crops to 16, 18, 20 ... 32, 36 ...: (C, S, ...) -> (C rounded up, S, ...).

    Eight sizes from each power of two to the next: few programs, and at most an eighth more crops.
    """
    step = 2 ** max(0, (len(patches) - 1).bit_length() - 4)  # keeps four binary digits, rounds up the rest
    return F.pad(patches, (0, 0, 0, 0, 0, -len(patches) % step))
