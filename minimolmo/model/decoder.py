"""The decoder: reads visual tokens and words alike, and says the next word."""
from __future__ import annotations

import torch
from torch import Tensor, nn

from minimolmo.config import DecoderConfig
from minimolmo.model.attention import attend_fused, merge_heads, split_heads
from minimolmo.model.experts import Experts
from minimolmo.model.mlp import SwiGLU


class RMSNorm(nn.Module):
    """Divide a vector by its root mean square, then scale by a learned weight: (..., D) -> (..., D).

    The mean square is taken in float32, whatever comes in. Source: Zhang & Sennrich 2019, as in Qwen2.
    """

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(dim=-1, keepdim=True) + self.eps)
        return self.weight * wide.to(x.dtype)


def rotary_angles(position: Tensor, head_size: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles by which a token at each position is turned.

        position  (B, T) int
        returns   two of (B, 1, T, d) float32, the half table written twice (the "NeoX" layout)

    Source: RoFormer (Su et al. 2021), Section 3.2.
    """
    rates = theta ** (-torch.arange(0, head_size, 2, device=position.device).float() / head_size)   # (d/2,)
    angles = position[:, None, :, None].float() * rates                                # (B, 1, T, d/2)
    angles = torch.cat([angles, angles], dim=-1)                                       # (B, 1, T, d)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (x[i], x[i + d/2]) by its angle: q.k depends on the distance alone. (B, H, T, d)"""
    first, second = x.float().chunk(2, dim=-1)
    return (x * cos + torch.cat([-second, first], dim=-1) * sin).to(x.dtype)


def drop(x: Tensor, rate: Tensor | None) -> Tensor:
    """Dropout with a rate of its own for every token: rate (B, T) in 0..1, or None for no dropout."""
    if rate is None:
        return x
    keep = 1 - rate[..., None]                                                         # (B, T, 1)
    return x * (torch.rand_like(x) < keep) / keep


class KVCache:
    """Keys and values of all tokens read so far, layer by layer: the decoder need not read them again.

    They lie in memory set aside at once for `room` tokens, so that a new token costs a copy of itself alone.
    """

    def __init__(self, layers: int, room: int):
        self.room, self.lengths = room, [0] * layers
        self.pairs: list[tuple[Tensor, Tensor] | None] = [None] * layers

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append the new tokens' (B, G, T, d) and return those of all tokens so far."""
        if self.pairs[layer] is None:
            self.pairs[layer] = tuple(x.new_empty(*x.shape[:2], self.room, x.shape[3]) for x in (k, v))
        start, stop = self.lengths[layer], self.lengths[layer] + k.shape[2]
        assert stop <= self.room, f"{stop} tokens do not fit a cache for {self.room}"
        self.lengths[layer] = stop
        for kept, new in zip(self.pairs[layer], (k, v)):
            kept[:, :, start:stop] = new
        return tuple(kept[:, :, :stop] for kept in self.pairs[layer])


class GroupedQueryAttention(nn.Module):
    """Rotary attention in which several query heads share a key and value head. (B, T, D) -> (B, T, D)

    Source: Qwen2, with biases on q, k and v alone; OLMo and OLMoE, with a norm on q and k, over all heads.
    """

    def __init__(self, config: DecoderConfig):
        super().__init__()
        self.heads, self.kv_heads, size = config.heads, config.kv_heads, config.head_size
        self.widths = [config.width, self.kv_heads * size, self.kv_heads * size]
        self.qkv = nn.Linear(config.width, sum(self.widths), bias=config.qkv_bias)
        norms = [RMSNorm(width, config.eps) if config.qk_norm else nn.Identity() for width in self.widths[:2]]
        self.q_norm, self.k_norm = norms
        self.out = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x: Tensor, angles: tuple[Tensor, Tensor], visible: Tensor, layer: int,
                cache: KVCache | None) -> Tensor:
        q, k, v = self.qkv(x).split(self.widths, dim=-1)
        qk = split_heads(torch.cat([self.q_norm(q), self.k_norm(k)], dim=-1), self.heads + self.kv_heads)
        q, k = rotate(qk, *angles).split([self.heads, self.kv_heads], dim=1)     # (B, H, T, d), (B, G, T, d)
        v = split_heads(v, self.kv_heads)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        return self.out(merge_heads(attend_fused(q, k, v, visible)))


class DecoderBlock(nn.Module):
    """Look back, then think: two residual steps, each behind an RMSNorm. (B, T, D) -> (B, T, D)"""

    def __init__(self, config: DecoderConfig):
        super().__init__()
        self.attention_norm = RMSNorm(config.width, config.eps)
        self.attention = GroupedQueryAttention(config)
        self.mlp_norm = RMSNorm(config.width, config.eps)
        self.mlp = (Experts(config.width, config.mlp, config.experts, config.top_k) if config.experts else
                    SwiGLU(config.width, config.mlp, config.width))

    def forward(self, x: Tensor, angles, visible: Tensor, layer: int, cache, dropout) -> Tensor:
        x = x + drop(self.attention(self.attention_norm(x), angles, visible, layer, cache), dropout)
        return x + drop(self.mlp(self.mlp_norm(x)), dropout)


class PostNormBlock(DecoderBlock):
    """The same with each norm behind its step, not before it. Source: OLMo-7B-1024, under Molmo-7B-O."""

    def forward(self, x: Tensor, angles, visible: Tensor, layer: int, cache, dropout) -> Tensor:
        x = x + drop(self.attention_norm(self.attention(x, angles, visible, layer, cache)), dropout)
        return x + drop(self.mlp_norm(self.mlp(x)), dropout)


class Decoder(nn.Module):
    """A causal language model over embeddings; who sees whom is the caller's to say.

        x         (B, T, D)      embeddings, visual tokens already in place
        position  (B, T)         where each token stands
        visible   (B, 1, T, U)   which keys a query may see; U = T, or T + what the cache holds
        dropout   (B, T) or None, rate per token
        returns   (B, T, D)      normed, ready for `logits`
    """

    def __init__(self, config: DecoderConfig):
        super().__init__()
        self.config = config
        block = PostNormBlock if config.post_norm else DecoderBlock
        self.embedding = nn.Embedding(config.rows, config.width)
        self.blocks = nn.ModuleList(block(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.width, config.eps)
        self.head = nn.Linear(config.width, config.rows, bias=False)
        self.tie()

    def tie(self) -> None:
        """Make the head the embedding, if it is to be."""
        if self.config.tied:
            self.head.weight = self.embedding.weight

    def forward(self, x: Tensor, position: Tensor, visible: Tensor, dropout: Tensor | None = None,
                cache: KVCache | None = None) -> Tensor:
        angles = rotary_angles(position, self.config.head_size, self.config.theta)
        for layer, block in enumerate(self.blocks):
            x = block(x, angles, visible, layer, cache, dropout)
        return self.norm(x)

    def logits(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., N): a score for every row of the word table, not for those of the image
        tokens."""
        return self.head(x)

    def imbalance(self) -> Tensor | float:
        """How unevenly the experts were asked just now, mean over blocks: 1 = evenly; 0 if there are none."""
        missed = [block.mlp.imbalance for block in self.blocks if isinstance(block.mlp, Experts)]
        return torch.stack(missed).mean() if missed else 0.0
