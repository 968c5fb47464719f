"""Will it fit? The memory that training needs, computed from shapes: weights, optimizer, activations.

    python -m minimolmo.weights.fit --from=Molmo-7B-D-0924 --lora=16 --gpu=24

What a block keeps for its backward pass is counted with PyTorch's fake tensors, which have shapes and no memory: the
block's own code runs, so the count follows it.
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from minimolmo.config import MolmoConfig, RunConfig
from minimolmo.model import lora
from minimolmo.model.attention import attention_mask, rotary_angles
from minimolmo.model.molmo import MiniMolmo
from minimolmo.weights.sizes import meta_model

GB = 10 ** 9
FLOAT32 = 4
ANSWER_FRACTION = 0.5  # of a sequence's text; only answer tokens have logits


@dataclass(frozen=True)
class Need:
    """Bytes that training needs, by what they hold. `peak` is the largest sum at any moment."""
    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def peak(self) -> int:
        """All at once: gradients and moments are there while activations are."""
        return self.weights + self.gradients + self.optimizer + self.activations

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {value / GB:.2f}" for name, value in vars(self).items())
        return f"{self.peak / GB:.2f} GB at its peak ({parts})"


def training_need(config: RunConfig, stage: str = "finetune", reduced: bool = False) -> Need:
    """The memory of one process that trains a stage, without shards, at the longest sequences.

    reduced  activations in bfloat16 where autocast makes them so, as on a GPU
    """
    model = adapted_meta_model(config)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    matrices = {id(weight) for weight in model.matrices()} if config.optimizer == "muon" else set()
    moments = sum(weight.numel() * (1 if id(weight) in matrices else 2) for weight in trained)
    return Need(sum(weight.numel() * weight.element_size() for weight in model.parameters()),
                FLOAT32 * sum(weight.numel() for weight in trained), FLOAT32 * moments,
                activation_bytes(config, stage, reduced))


def adapted_meta_model(config: RunConfig) -> MiniMolmo:
    """The model of a run on device "meta", with its adapters if it has any."""
    model = meta_model(config.model)
    if config.lora:
        lora.adapt(model, config.lora, config.lora_vit)
    return model


def activation_bytes(config: RunConfig, stage: str, reduced: bool = False) -> int:
    """What the forward pass of one micro-batch keeps, and the largest piece of the backward pass.

    Each kind of block is run once, and counts as often as the model has it.
    """
    settings, image = getattr(config, stage), config.model.image
    images = max(1, settings.batch_size // config.accumulate)
    crops = images * (1 + image.max_crops(settings.view))
    with FakeTensorMode(), torch.autocast("cpu", torch.bfloat16, enabled=reduced):
        model = probe_model(config)
        vit = vit_bytes(model, config, crops)
        connector, num_visual = connector_bytes(model, config, crops)
        decoder = decoder_bytes(model, config, images)
        head = head_bytes(model, int(images * config.max_tokens * ANSWER_FRACTION))
    return vit + connector + decoder + head


def probe_model(config: RunConfig) -> MiniMolmo:
    """The run's model with one block of each kind, as fake tensors."""
    whole = config.model
    small = replace(whole, vision=replace(whole.vision, layers=1, feature_layers=(-1, -1)),
                    decoder=replace(whole.decoder, layers=1))
    model = MiniMolmo(small)
    if config.lora:
        lora.adapt(model, config.lora, config.lora_vit)
    return model


def saved_bytes(function: Callable[[], Tensor], model: nn.Module) -> int:
    """The bytes that a function's backward pass needs, without the model's own weights."""
    own = {weight.untyped_storage()._cdata for weight in model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
        return tensor
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = function()
    return sum(kept.values()) if output.requires_grad else 0


def vit_bytes(model: MiniMolmo, config: RunConfig, crops: int) -> int:
    """What the ViT keeps: nothing if it is frozen without adapters."""
    if not any(weight.requires_grad for weight in model.vit.parameters()):
        return 0
    length, layers = model.vit.embed.num_prefix + config.model.image.side ** 2, config.model.vision.layers
    x = torch.randn(crops, length, config.model.vision.width, requires_grad=True)
    block = saved_bytes(lambda: model.vit.blocks[0](x), model)
    return repeated(block, layers, x.numel() * FLOAT32, config.recompute)


def connector_bytes(model: MiniMolmo, config: RunConfig, crops: int) -> tuple[int, int]:
    """What pooling and projector keep, and the number of visual tokens."""
    side, window = config.model.image.side, config.model.image.pool
    num_visual = crops * (-(-side // window)) ** 2
    features = torch.randn(crops * side ** 2, 2 * config.model.vision.width, requires_grad=True)
    pool_idx = torch.zeros(num_visual, window ** 2, dtype=torch.long)
    return saved_bytes(lambda: model.projector(model.pooling(features, pool_idx)), model), num_visual


def decoder_bytes(model: MiniMolmo, config: RunConfig, images: int) -> int:
    """What the decoder's blocks keep for sequences of the longest length."""
    decoder, length = config.model.decoder, config.max_tokens
    x = torch.randn(images, length, decoder.width, requires_grad=True)
    position = torch.arange(length).expand(images, -1)
    visible = attention_mask(torch.zeros_like(position), torch.zeros_like(position))
    angles = rotary_angles(position, decoder.head_size, decoder.theta)
    block = saved_bytes(lambda: model.decoder.blocks[0](x, angles, visible, 0, None, None)[0], model)
    return repeated(block, decoder.layers, x.numel() * FLOAT32, config.recompute)


def head_bytes(model: MiniMolmo, num_tokens: int) -> int:
    """What the head and the loss keep for the answer tokens, and the gradient of the logits."""
    hidden = torch.randn(num_tokens, model.config.decoder.width, requires_grad=True)
    targets = torch.zeros(num_tokens, dtype=torch.long)

    def losses() -> Tensor:
        logits = model.decoder.logits(hidden).float()
        return nn.functional.cross_entropy(logits, targets) + (logits.logsumexp(dim=-1) ** 2).mean()
    return saved_bytes(losses, model) + num_tokens * model.config.decoder.rows * FLOAT32


def repeated(block: int, layers: int, input_bytes: int, recompute: bool) -> int:
    """What `layers` blocks keep: all of each, or the inputs of all and the whole of one."""
    return layers * input_bytes + block if recompute else layers * block
