"""Attention: written out once, and the fused kernel that computes the same.

The vision tower, the pooling and the decoder all call `attend_fused`; `tests/test_attention.py` holds
it against `attend`, which is the one to read.
"""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def attend(q: Tensor, k: Tensor, v: Tensor, visible: Tensor | None = None) -> Tensor:
    """Each query takes a weighted mean of the values, weighted by how well their keys match it.

        q        (B, H, T, d)
        k, v     (B, G, U, d)   G divides H: G < H means several query heads share one key and value head
        visible  (B or 1, 1, T, U) bool, which keys a query may see; None = all
        returns  (B, H, T, d)

    Source: "Attention is all you need", Section 3.2.1; grouped queries as in Qwen2.
    """
    k, v = share(k, q.shape[1]), share(v, q.shape[1])                                 # (B, H, U, d)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5                             # (B, H, T, U)
    if visible is not None:
        scores = scores.masked_fill(~visible, float("-inf"))
    return scores.softmax(dim=-1) @ v                                                 # (B, H, T, d)


def attend_fused(q: Tensor, k: Tensor, v: Tensor, visible: Tensor | None = None) -> Tensor:
    """`attend` by PyTorch's fused kernel: same arguments, same result, no (T, U) matrix kept for backward."""
    k, v = share(k, q.shape[1]), share(v, q.shape[1])
    if q.is_cuda and q.shape[2] == 1 and visible is None:
        return attend_once(q, k, v)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=visible)


def attend_once(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """`attend` for a single query, T = 1, as plain sums. A GPU's kernels fill up one query to 128 and take at
    most 65,535 batches; pooling asks once in each of some 30,000 windows."""
    weights = ((q * k).sum(dim=-1, keepdim=True) / q.shape[-1] ** 0.5).softmax(dim=-2)    # (B, H, U, 1)
    return (weights * v).sum(dim=-2, keepdim=True)                                        # (B, H, 1, d)


def share(x: Tensor, heads: int) -> Tensor:
    """Each key or value head serves several neighbouring query heads: (B, G, U, d) -> (B, H, U, d)."""
    return x.repeat_interleave(heads // x.shape[1], dim=1) if heads != x.shape[1] else x


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, T, H*d) -> (B, H, T, d)"""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """(B, H, T, d) -> (B, T, H*d)"""
    return x.transpose(1, 2).flatten(-2)


class MultiHeadAttention(nn.Module):
    """Attention without positions or mask, biases everywhere: the ViT's, and the pooling's.

        asking   (B, T, in_width)   who asks
        asked    (B, U, in_width)   who is asked; the same tensor in the ViT
        returns  (B, T, width)
    """

    def __init__(self, in_width: int, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(in_width, width)
        self.key = nn.Linear(in_width, width)
        self.value = nn.Linear(in_width, width)
        self.out = nn.Linear(width, width)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        q = split_heads(self.query(asking), self.heads)
        k = split_heads(self.key(asked), self.heads)
        v = split_heads(self.value(asked), self.heads)
        return self.out(merge_heads(attend_fused(q, k, v)))
