"""Will it fit? The memory that training needs, found by running the model on tensors without memory.

    python -m minimolmo.weights.sizes --from=Molmo-7B-D-0924 --lora=16 --gpu=24

PyTorch's *fake tensors* have a shape and a dtype, but no values. One block of each kind runs on them, forward
and backward, while the bytes of all living tensors are summed. So the result follows the code and every
setting. Not counted: the auxiliary losses, the CUDA context (some 0.5 GB), and gaps between tensors.
"""
from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from minimolmo.config import ImageConfig, RunConfig
from minimolmo.image.tiler import stitch_ids
from minimolmo.model import lora
from minimolmo.model.attention import attention_mask, rotary_angles
from minimolmo.model.experts import Experts, Routing
from minimolmo.model.molmo import MiniMolmo
from minimolmo.model.recompute import recompute_blocks
from minimolmo.weights.counts import GB, meta_model

FLOAT32 = 4  # bytes; gradients and moments have this dtype


@dataclass(frozen=True)
class Need:
    """Bytes that training needs on one device at the moment of a step at which they are most."""
    weights: int
    optimizer: int    # its moments
    gradients: int
    activations: int  # with what is in work

    @property
    def peak(self) -> int:
        """All of them."""
        return sum(vars(self).values())

    def __str__(self) -> str:
        return ", ".join(f"{name} {value / GB:.1f}" for name, value in vars(self).items())


class Piece(NamedTuple):
    """The bytes of a part of the model: kept for its backward pass; alive in it, at most; left by it."""
    kept: int
    working: int
    gradients: int


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of tensors made under it: `now` of those alive, and `peak`, the most so far."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        outputs = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(outputs):
            if isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata not in self.known:
                self.add(tensor.untyped_storage())
        return outputs

    def add(self, storage: torch.UntypedStorage) -> None:
        """Count a storage until it is freed."""
        key, size = storage._cdata, storage.nbytes()
        self.known.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self.remove, key, size)

    def remove(self, key: int, size: int) -> None:
        """A storage was freed."""
        self.known.discard(key)
        self.now -= size


def training_need(config: RunConfig, stage: str = "finetune", reduced: bool = False, shards: int = 1,
                  frozen: torch.dtype = torch.bfloat16) -> Need:
    """The memory of one process that trains a stage, at the longest sequences.

    reduced  arithmetic in bfloat16, as on a GPU; else in float32
    shards   processes that divide the weights, their gradients and the optimizer's state
    frozen   the dtype of weights beside adapters
    """
    model = meta_model(config.model)
    if config.lora:
        lora.adapt(model, config.lora, config.lora_vit, frozen)
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    gradients, activations = step_peak(pieces(config, stage, reduced, frozen), config.accumulate > 1)
    optimizer = moments_bytes(model, config.optimizer)
    return Need(weights // shards, optimizer // shards, gradients // shards, activations)


def step_peak(all_pieces: list[Piece], accumulates: bool) -> tuple[int, int]:
    """The bytes of (gradients, activations) when their sum is largest. Pieces in the forward pass's order.

    The backward pass goes from the last piece to the first: activations are freed, and gradients come. If the
    step accumulates several micro-batches, all gradients are there from the first on.
    """
    kept, gradients = sum(piece.kept for piece in all_pieces), 0
    total = sum(piece.gradients for piece in all_pieces)
    moments = [(total if accumulates else 0, kept)]
    for piece in reversed(all_pieces):
        moments.append((total if accumulates else gradients, kept - piece.kept + piece.working))
        kept, gradients = kept - piece.kept, gradients + piece.gradients
    return max([*moments, (total, 0)], key=sum)


def moments_bytes(model: MiniMolmo, optimizer: str) -> int:
    """The optimizer's moments: two of each trained weight with AdamW, one of each matrix with Muon."""
    matrices = model.matrices() if optimizer == "muon" else {}
    return FLOAT32 * sum(weight.numel() * (1 if weight in matrices else 2)
                         for weight in model.parameters() if weight.requires_grad)


def pieces(config: RunConfig, stage: str, reduced: bool, frozen: torch.dtype) -> list[Piece]:
    """What one micro-batch needs of each part of the model, in the order of the forward pass.

    The micro-batch has the most crops and the longest sequences, whose text is all answer.
    """
    image, vision, decoder = config.model.image, config.model.vision, config.model.decoder
    images, crops, num_visual = batch_sizes(config, stage)
    with FakeTensorMode(), LiveBytes() as live:
        model = fake_model(config, frozen)
        ids = torch.zeros(images, config.max_tokens, dtype=torch.long)
        trains_vit = any(weight.requires_grad for weight in model.vit.parameters())
        patches = torch.zeros(crops, image.side ** 2, 3 * image.patch_size ** 2, dtype=torch.uint8)
        features = torch.zeros(crops, image.side ** 2, 2 * vision.width, requires_grad=trains_vit)
        tower = torch.zeros(crops, image.side ** 2 + model.vit.embed.num_prefix, vision.width,
                            requires_grad=trains_vit)
        pool_idx = torch.zeros(images * num_visual, image.pool ** 2, dtype=torch.long)
        visual = torch.zeros(images, num_visual, decoder.width, requires_grad=True)
        x = torch.zeros(*ids.shape, decoder.width, requires_grad=True)
        block_inputs = decoder_inputs(model, ids, getattr(config, stage).dropout)

        def measure(function: Callable) -> Piece:
            return measure_piece(live, function, (features, tower, visual, x), reduced)
        head = measure(lambda: losses(model, x[:, num_visual:], config.z_loss))
        block = measure(lambda: model.decoder.blocks[0](x, *block_inputs)[0])
        text = measure(lambda: splice(model, ids, visual))
        connector = measure(lambda: model.projector(model.pooling(features.flatten(0, 1), pool_idx)))
        vit_block = measure(lambda: model.vit.blocks[0](tower))
        vit = measure(lambda: model.encode_crops(patches, torch.ones(patches.shape[:2])))
    run_blocks = vision.layers + max(vision.feature_layers) + 1
    return [vit, *[vit_block] * (run_blocks - 1), connector, text, *[block] * decoder.layers, head]


def batch_sizes(config: RunConfig, stage: str) -> tuple[int, int, int]:
    """Of one micro-batch, at most: images, crops, and visual tokens of an image."""
    settings, image = getattr(config, stage), config.model.image
    images, max_crops = max(1, settings.batch_size // config.accumulate), image.max_crops(settings.view)
    return images, images * (1 + max_crops), min(visual_tokens(image, max_crops), config.max_tokens - 1)


def measure_piece(live: LiveBytes, function: Callable[[], Tensor], inputs: tuple[Tensor, ...],
                  reduced: bool) -> Piece:
    """Run a part of the model forward and backward under `live`. A part that trains nothing keeps nothing.

    inputs  of any part; their gradients are handed on, so they count as working memory
    """
    gc.collect()  # what is left of the last part, if its graph has cycles
    before = live.now
    with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
        output = function()
    if not output.requires_grad:
        return Piece(0, 0, 0)
    kept, live.peak = live.now - before, live.now
    output.backward(torch.ones_like(output))
    working = live.peak - before
    del output
    for tensor in inputs:
        tensor.grad = None
    gc.collect()
    return Piece(kept, working, live.now - before)


def fake_model(config: RunConfig, frozen: torch.dtype) -> MiniMolmo:
    """The run's model in training, with one block of each kind. Call it under FakeTensorMode."""
    whole = config.model
    model = MiniMolmo(replace(whole, vision=replace(whole.vision, layers=1, feature_layers=(-1, -1)),
                              decoder=replace(whole.decoder, layers=1)))
    if config.lora:
        lora.adapt(model, config.lora, config.lora_vit, frozen)
    for block in model.decoder.blocks:
        if isinstance(block.mlp, Experts):
            block.mlp.forward = EvenRouting(block.mlp)
    if config.recompute:
        recompute_blocks(model)
    return model.train()


def decoder_inputs(model: MiniMolmo, ids: Tensor, dropout: float) -> tuple:
    """What every block of the decoder gets beside its x."""
    decoder = model.config.decoder
    rates = dropout * torch.ones(ids.shape) if dropout else None
    return rotary_angles(ids, decoder.head_size, decoder.theta), attention_mask(ids, ids), 0, None, rates


def splice(model: MiniMolmo, ids: Tensor, visual: Tensor) -> Tensor:
    """As `MiniMolmo.splice`, with the visual tokens (B, V, D) in front: no place depends on a value."""
    x, num_visual = model.embed(ids), visual.shape[1]
    return torch.cat([x[:, :num_visual] + visual.to(x.dtype), x[:, num_visual:]], dim=1)


def losses(model: MiniMolmo, x: Tensor, z_loss: float) -> Tensor:
    """As `MiniMolmo.loss`, of the last block's outputs at the answer tokens."""
    logits = model.decoder.logits(model.decoder.norm(x).flatten(0, 1)).float()
    targets = torch.zeros(len(logits), dtype=torch.long)
    cross_entropy = F.cross_entropy(logits, targets, reduction="none").sum()
    return cross_entropy + z_loss * (logits.logsumexp(dim=-1) ** 2).sum()


def visual_tokens(image: ImageConfig, max_crops: int) -> int:
    """The largest number of visual tokens of an image with at most `max_crops` crops and its overview.

    >>> visual_tokens(ImageConfig(), max_crops=4)
    56
    """
    grids = [(rows, max_crops // rows) for rows in range(1, max_crops + 1)]
    return image.pooled_side ** 2 + max((stitch_ids(grid, image).size for grid in grids), default=0)


class EvenRouting:
    """The forward pass of experts that get equally many tokens each, so that no shape depends on a value."""

    def __init__(self, experts: Experts):
        self.experts = experts

    def __call__(self, x: Tensor) -> tuple[Tensor, Routing]:
        experts, tokens = self.experts, x.flatten(0, -2)                                # (n, D)
        probabilities = experts.router(tokens).float().softmax(dim=-1)
        weight, output = probabilities.topk(experts.top_k, dim=-1)[0], torch.zeros_like(tokens)
        matrices = [layer.matrices() for layer in (experts.gate, experts.up, experts.down)]
        sent = torch.zeros(-(-len(tokens) * experts.top_k // len(matrices[0])), dtype=torch.long)
        for gate, up, down in zip(*matrices):
            routed = tokens[sent]
            update = (F.silu(routed @ gate.T) * (routed @ up.T)) @ down
            update = update * weight[sent, 0, None].to(x.dtype)
            output = output.index_add(0, sent, update.to(output.dtype))
        return output.view_as(x), Routing(sent, probabilities.mean())
