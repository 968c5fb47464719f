"""Attention: the plain formula, the fused kernel that equals it, rotary positions, the mask and the KV cache.

The vision tower, the pooling and the decoder all call `fused_attention`. `attention` is the one to read;
tests/test_attention.py proves that the two are equal.
"""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.flow import IMAGE_SEGMENT


def attention(q: Tensor, k: Tensor, v: Tensor, visible: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention: a mean of the values, weighted by how well the keys match the query.

        q        (B, H, T, d)
        k, v     (B, G, U, d)   G divides H: G < H means several query heads share one key and value head
        visible  (B or 1, 1, T, U) bool, which keys a query may attend to; None = all
        returns  (B, H, T, d)

    Source: "Attention is all you need", Section 3.2.1; grouped queries as in Qwen2.
    """
    k, v = repeat_kv(k, q.shape[1]), repeat_kv(v, q.shape[1])                         # (B, H, U, d)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5                             # (B, H, T, U)
    if visible is not None:
        scores = scores.masked_fill(~visible, float("-inf"))
    return scores.softmax(dim=-1) @ v                                                 # (B, H, T, d)


def fused_attention(q: Tensor, k: Tensor, v: Tensor, visible: Tensor | None = None,
                    causal: bool = False) -> Tensor:
    """`attention` with PyTorch's fused kernel, which stores no (T, U) matrix for the backward pass.

    causal  every query attends to the keys up to its own, without a mask that must be read
    """
    if q.shape[2] == 1 and k.shape[1] != q.shape[1]:
        return grouped_query_attention(q, k, v, visible)
    k, v = repeat_kv(k, q.shape[1]), repeat_kv(v, q.shape[1])
    if q.is_cuda and q.shape[2] == 1 and visible is None:
        return single_query_attention(q, k, v)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=visible, is_causal=causal and q.shape[2] > 1)


def grouped_query_attention(q: Tensor, k: Tensor, v: Tensor, visible: Tensor | None) -> Tensor:
    """`attention` for a single query, T = 1, whose heads share keys and values, without repeating those.

    Decoding would copy the whole cache for every token. Heads that share a key head attend to the same keys,
    as several queries of one head would: (B, H, 1, d) is seen as (B, G, H/G, d).
    """
    grouped = q.unflatten(1, (k.shape[1], -1)).squeeze(3)                             # (B, G, H/G, d)
    return F.scaled_dot_product_attention(grouped, k, v, attn_mask=visible).flatten(1, 2)[:, :, None]


def single_query_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """`attention` for a single query, T = 1, as plain sums.

    A GPU's kernels pad one query to 128 and take at most 65,535 batches. Pooling has one query for each of
    about 30,000 windows.
    """
    weights = ((q * k).sum(dim=-1, keepdim=True) / q.shape[-1] ** 0.5).softmax(dim=-2)    # (B, H, U, 1)
    return (weights * v).sum(dim=-2, keepdim=True)                                        # (B, H, 1, d)


def repeat_kv(x: Tensor, heads: int) -> Tensor:
    """Repeat each key or value head for the neighbouring query heads that share it.

        x        (B, G, U, d)
        returns  (B, H, U, d)
    """
    return x.repeat_interleave(heads // x.shape[1], dim=1) if heads != x.shape[1] else x


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Cut the width into heads: (B, T, H*d) -> (B, H, T, d)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Concatenate the heads again: (B, H, T, d) -> (B, T, H*d)."""
    return x.transpose(1, 2).flatten(-2)


class MultiHeadAttention(nn.Module):
    """Attention with biases, without positions or a mask; for the ViT and the pooling.

        x        (B, T, in_width)   makes the queries
        context  (B, U, in_width)   makes the keys and values; in the ViT the same tensor as x
        returns  (B, T, width)
    """

    def __init__(self, in_width: int, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(in_width, width)
        self.key = nn.Linear(in_width, width)
        self.value = nn.Linear(in_width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        q = split_heads(self.query(x), self.heads)
        k = split_heads(self.key(context), self.heads)
        v = split_heads(self.value(context), self.heads)
        return self.out(merge_heads(fused_attention(q, k, v)))


def attention_mask(query_segments: Tensor, key_segments: Tensor) -> Tensor:
    """The causal mask with segments: which keys may each query attend to?

        query_segments (B, T), key_segments (B, U)   the last T of the U keys are the queries themselves
        returns        (B, 1, T, U) bool             true if the key comes no later than the query, and
                                                     belongs to the image or to the query's own segment

    A padded token attends to padding and to the image, so no row of the softmax is empty. No other token
    attends to padding. Source: paper, Section 2, "multi-annotation".
    """
    order = torch.arange(key_segments.shape[1], device=key_segments.device)            # (U,)
    causal = order <= order[-query_segments.shape[1]:, None]                           # (T, U)
    same = query_segments[:, :, None] == key_segments[:, None, :]                      # (B, T, U)
    image = (key_segments == IMAGE_SEGMENT)[:, None, :]
    return (causal & (same | image))[:, None]


def causal_mask(segments: Tensor) -> Tensor | None:
    """`attention_mask` of whole sequences (B, T); None if it is the plain causal mask, which needs no tensor.

    It is plain if every sequence holds an image and one annotation, without padding.
    """
    plain = bool((segments >= IMAGE_SEGMENT).all() & (segments <= IMAGE_SEGMENT + 1).all())
    return None if plain else attention_mask(segments, segments)


def rotary_angles(position: Tensor, head_size: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary angles at each position.

        position  (B, T) int
        returns   two of (B, 1, T, d) float32: the d/2 angles twice (the "NeoX" layout)

    Source: RoFormer (Su et al. 2021), Section 3.2.
    """
    even = torch.arange(0, head_size, 2, device=position.device)                       # (d/2,)
    frequencies = theta ** (-even.float() / head_size)
    angles = position[:, None, :, None].float() * frequencies                          # (B, 1, T, d/2)
    angles = torch.cat([angles, angles], dim=-1)                                       # (B, 1, T, d)
    return angles.cos(), angles.sin()


def apply_rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate each pair (x[i], x[i + d/2]) by its angle: (B, H, T, d). Then q.k depends on distance only."""
    first, second = x.float().chunk(2, dim=-1)
    return (x * cos + torch.cat([-second, first], dim=-1) * sin).to(x.dtype)


class KVCache:
    """The keys and values of all tokens so far, for each layer: decoding computes only the new token's.

    Memory for `max_tokens` tokens is allocated once, so appending a token copies only that token.
    """

    def __init__(self, layers: int, max_tokens: int):
        self.max_tokens, self.lengths = max_tokens, [0] * layers
        self.pairs: list[tuple[Tensor, Tensor] | None] = [None] * layers

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append the new tokens' keys and values (B, G, T, d); returns those of all tokens so far."""
        if self.pairs[layer] is None:
            self.pairs[layer] = tuple(x.new_empty(*x.shape[:2], self.max_tokens, x.shape[3]) for x in (k, v))
        start, stop = self.lengths[layer], self.lengths[layer] + k.shape[2]
        assert stop <= self.max_tokens, f"{stop} tokens do not fit a cache for {self.max_tokens}"
        self.lengths[layer] = stop
        for cached, new in zip(self.pairs[layer], (k, v)):
            cached[:, :, start:stop] = new
        return tuple(cached[:, :, :stop] for cached in self.pairs[layer])
