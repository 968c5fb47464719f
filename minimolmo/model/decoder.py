"""The decoder: a causal language model over visual tokens and text tokens."""
from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from minimolmo.config import DecoderConfig
from minimolmo.model.attention import (
    KVCache,
    apply_rotary,
    fused_attention,
    merge_heads,
    rotary_angles,
    split_heads,
)
from minimolmo.model.experts import Experts, Routing
from minimolmo.model.mlp import SwiGLU


class RMSNorm(nn.Module):
    """Divide a vector by its root mean square, then scale by a learned weight: (..., D) -> (..., D).

    The mean square is taken in float32 for every dtype. Source: Zhang & Sennrich 2019, as in Qwen2.
    """

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(dim=-1, keepdim=True) + self.eps)
        return self.weight * wide.to(x.dtype)


def token_dropout(x: Tensor, rate: Tensor | None) -> Tensor:
    """Dropout with a separate rate for each token: rate (B, T) in 0..1, or None for no dropout."""
    if rate is None:
        return x
    keep = 1 - rate[..., None]                                                         # (B, T, 1)
    return x * (torch.rand_like(x) < keep) / keep


def select_tokens(x: Tensor, rate: Tensor | None, wanted: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The n wanted tokens and their dropout rates: (B, T, D), (B, T) -> (n, D), (n,). None wanted: all."""
    if wanted is None:
        return x, rate
    return x[wanted], None if rate is None else rate[wanted]


def spread_tokens(x: Tensor, wanted: Tensor | None) -> Tensor:
    """The wanted tokens at their places again, the others 0: (n, D) -> (B, T, D). None wanted: x itself."""
    return x if wanted is None else x.new_zeros(*wanted.shape, x.shape[-1]).index_put((wanted,), x)


class GroupedQueryAttention(nn.Module):
    """Rotary attention in which several query heads share a key and value head: (B, T, D) -> (B, T, D).

    Source: Qwen2, with biases on q, k and v only; OLMo and OLMoE, with a norm on q and k, over all heads.
    """

    def __init__(self, config: DecoderConfig):
        super().__init__()
        self.heads, self.kv_heads, size = config.heads, config.kv_heads, config.head_size
        self.widths = [config.width, self.kv_heads * size, self.kv_heads * size]
        self.qkv = nn.Linear(config.width, sum(self.widths), bias=config.qkv_bias)
        norms = [RMSNorm(width, config.eps) if config.qk_norm else nn.Identity() for width in self.widths[:2]]
        self.q_norm, self.k_norm = norms
        self.out = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x: Tensor, angles: tuple[Tensor, Tensor], visible: Tensor | None, layer: int,
                cache: KVCache | None) -> Tensor:
        q, k, v = self.qkv(x).split(self.widths, dim=-1)
        qk = split_heads(torch.cat([self.q_norm(q), self.k_norm(k)], dim=-1), self.heads + self.kv_heads)
        q, k = apply_rotary(qk, *angles).split([self.heads, self.kv_heads], dim=1)     # (B, H or G, T, d)
        v = split_heads(v, self.kv_heads)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        return self.out(merge_heads(fused_attention(q, k, v, visible, causal=visible is None)))


class DecoderBlock(nn.Module):
    """Attention, then an MLP or experts: two residual steps, each preceded by an RMSNorm (pre-norm).

    (B, T, D) -> the new (B, T, D), and the experts' Routing (None for a dense MLP).

    wanted  (B, T) bool: the n tokens that go on to the MLP, and the result is (n, D); None: all
    """

    def __init__(self, config: DecoderConfig):
        super().__init__()
        self.attention_norm = RMSNorm(config.width, config.eps)
        self.attention = GroupedQueryAttention(config)
        self.mlp_norm = RMSNorm(config.width, config.eps)
        self.mlp = (Experts(config.width, config.mlp, config.experts, config.top_k) if config.experts else
                    SwiGLU(config.width, config.mlp, config.width))

    def forward(self, x: Tensor, angles: tuple[Tensor, Tensor], visible: Tensor | None, layer: int,
                cache: KVCache | None, dropout: Tensor | None,
                wanted: Tensor | None = None) -> tuple[Tensor, Routing | None]:
        x = x + token_dropout(self.attention(self.attention_norm(x), angles, visible, layer, cache), dropout)
        x, dropout = select_tokens(x, dropout, wanted)
        update, routing = self.run_mlp(self.mlp_norm(x))
        return x + token_dropout(update, dropout), routing

    def run_mlp(self, x: Tensor) -> tuple[Tensor, Routing | None]:
        """The MLP's or the experts' output, and the experts' Routing."""
        return self.mlp(x) if isinstance(self.mlp, Experts) else (self.mlp(x), None)


class PostNormBlock(DecoderBlock):
    """A block with a norm after each sublayer (post-norm). Source: OLMo-7B-1024, the base of Molmo-7B-O."""

    def forward(self, x: Tensor, angles: tuple[Tensor, Tensor], visible: Tensor | None, layer: int,
                cache: KVCache | None, dropout: Tensor | None,
                wanted: Tensor | None = None) -> tuple[Tensor, Routing | None]:
        x = x + token_dropout(self.attention_norm(self.attention(x, angles, visible, layer, cache)), dropout)
        x, dropout = select_tokens(x, dropout, wanted)
        update, routing = self.run_mlp(x)
        return x + token_dropout(self.mlp_norm(update), dropout), routing


class Decoded(NamedTuple):
    """The output of a decoder.

    last     (B, T, D)           after the final norm, the input of `Decoder.logits`
    kept     {block: (B, T, D)}  outputs of the blocks in `keep`
    routing  of each block with experts, in order
    """
    last: Tensor
    kept: dict[int, Tensor]
    routing: list[Routing]

    def load_balancing_loss(self) -> Tensor | float:
        """Mean over blocks: 1 if all experts get equally many tokens; 0 for a dense decoder."""
        return torch.stack([r.load_balancing_loss for r in self.routing]).mean() if self.routing else 0.0


class Decoder(nn.Module):
    """A causal language model over embeddings. The caller passes the attention mask.

        x         (B, T, D)      embeddings, visual tokens already in place
        position  (B, T)         position ids
        visible   (B, 1, T, U)   which keys a query may attend to; U = T, or T + the cached tokens. None: all
                                 that come no later, of a whole sequence (T = U) or of a last token (T = 1)
        dropout   (B, T) or None, rate per token
        keep      indices of blocks whose outputs are returned as well
        wanted    (B, T) bool, the tokens whose outputs are needed; None: all. The others skip the last MLP
                  and are 0 in `last`. None skips if that block is in `keep`, or has experts: they count all
        returns   Decoded
    """

    def __init__(self, config: DecoderConfig):
        super().__init__()
        self.config = config
        block = PostNormBlock if config.post_norm else DecoderBlock
        self.embedding = nn.Embedding(config.rows, config.width)
        self.blocks = nn.ModuleList(block(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.width, config.eps)
        self.head = nn.Linear(config.width, config.rows, bias=False)
        self.skips = not config.experts  # unwanted tokens skip the last MLP
        self.tie()

    def tie(self) -> None:
        """Tie the output head to the embedding, if the config says so."""
        if self.config.tied:
            self.head.weight = self.embedding.weight

    def forward(self, x: Tensor, position: Tensor, visible: Tensor | None, dropout: Tensor | None = None,
                cache: KVCache | None = None, keep: tuple[int, ...] = (),
                wanted: Tensor | None = None) -> Decoded:
        angles = rotary_angles(position, self.config.head_size, self.config.theta)
        kept, routings, last = {}, [], len(self.blocks) - 1
        wanted = wanted if self.skips and last not in keep else None
        for layer, block in enumerate(self.blocks):
            x, routing = block(x, angles, visible, layer, cache, dropout, wanted if layer == last else None)
            kept |= {layer: x} if layer in keep else {}
            routings += [] if routing is None else [routing]
        return Decoded(spread_tokens(self.norm(x), wanted), kept, routings)

    def logits(self, x: Tensor) -> Tensor:
        """Logits over the vocabulary, without image tokens: (..., D) -> (..., N)."""
        return self.head(x)
