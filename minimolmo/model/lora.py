"""LoRA: a small trained change beside each frozen matrix, so that a large model is tuned on a small GPU.

    y = W x + SCALE * up (down x)      W (out, in) is frozen, down (rank, in) and up (out, rank) are trained

`up` starts at zero, so an adapted model begins as its base. Frozen matrices are kept in bfloat16, without
gradients or moments. The connector is trained whole. Source: Hu et al. 2021, "LoRA", Section 4.
"""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.model.molmo import MiniMolmo

SCALE = 2.0  # of the change: "alpha / rank" in the paper, with alpha twice the rank
PREFIX = "lora_"  # of the adapters' names


class FrozenLinear(nn.Linear):
    """A linear layer that is not trained, in its own dtype: (..., in) -> (..., out), in the input's dtype."""

    def __init__(self, layer: nn.Linear, dtype: torch.dtype):
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias = (None if p is None else frozen(p, dtype) for p in (layer.weight, layer.bias))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.to(self.weight.dtype), self.weight, self.bias).to(x.dtype)


class AdaptedLinear(FrozenLinear):
    """A frozen linear layer plus a trained change of low rank: (..., in) -> (..., out)."""

    def __init__(self, layer: nn.Linear, dtype: torch.dtype, rank: int):
        super().__init__(layer, dtype)
        device = layer.weight.device
        self.lora_down = nn.Parameter(torch.empty(rank, self.in_features, device=device))
        self.lora_up = nn.Parameter(torch.empty(self.out_features, rank, device=device))
        self.init_adapter()

    @torch.no_grad()
    def init_adapter(self) -> None:
        """Random directions, and no change yet."""
        self.lora_down.normal_(std=self.in_features ** -0.5)
        self.lora_up.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + SCALE * F.linear(F.linear(x, self.lora_down), self.lora_up)

    @torch.no_grad()
    def merged_weight(self) -> Tensor:
        """The one matrix (out, in) that gives the same, in float32."""
        return self.weight.float() + SCALE * self.lora_up @ self.lora_down


class FrozenEmbedding(nn.Embedding):
    """An embedding that is not trained, in its own dtype: ids (...) -> (..., D) float32."""

    def __init__(self, layer: nn.Embedding, dtype: torch.dtype):
        nn.Module.__init__(self)
        for name in ("num_embeddings", "embedding_dim", "padding_idx", "max_norm", "norm_type",
                     "scale_grad_by_freq", "sparse"):
            setattr(self, name, getattr(layer, name))
        self.weight = frozen(layer.weight, dtype)

    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids).float()


def frozen(parameter: nn.Parameter, dtype: torch.dtype) -> nn.Parameter:
    """A parameter in another dtype, which is not trained."""
    return nn.Parameter(parameter.detach().to(dtype), requires_grad=False)


def adapt(model: MiniMolmo, rank: int, vit: bool = False, dtype: torch.dtype = torch.bfloat16) -> None:
    """Freeze a model's ViT and decoder, in place, and put adapters on the matrices of their blocks.

    rank  of the adapters; 0: only the connector is trained
    vit   the ViT's blocks get adapters, too

    Raises ValueError for a decoder with experts, each of which would need adapters of its own.
    """
    if model.config.decoder.experts:
        raise ValueError(f"the decoder has {model.config.decoder.experts} experts, and adapters for experts "
                         f"are not built, so lora={rank} cannot be had. Try --lora=0 and more GPUs.")
    for part, own_rank in ((model.vit, rank * vit), (model.decoder, rank)):
        part.requires_grad_(False)
        for module in list(part.blocks.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, nn.Linear):
                    setattr(module, name, AdaptedLinear(child, dtype, own_rank) if own_rank else
                            FrozenLinear(child, dtype))
    model.decoder.embedding = FrozenEmbedding(model.decoder.embedding, dtype)
    model.decoder.head = FrozenLinear(model.decoder.head, dtype)
    model.decoder.tie()


def init_adapters(model: nn.Module) -> None:
    """Set all adapters of a model to "no change", after it got memory."""
    for module in model.modules():
        if isinstance(module, AdaptedLinear):
            module.init_adapter()


def is_adapter(name: str) -> bool:
    """Whether a parameter's name is an adapter's."""
    return name.rpartition(".")[2].startswith(PREFIX)


@torch.no_grad()
def merged_state(model: MiniMolmo) -> dict[str, Tensor]:
    """The weights of an ordinary model that equals this adapted one, by name; tied weights occur once."""
    weights = {name: weight.detach() for name, weight in model.named_parameters() if not is_adapter(name)}
    return weights | {f"{name}.weight": module.merged_weight() for name, module in model.named_modules()
                      if isinstance(module, AdaptedLinear)}
