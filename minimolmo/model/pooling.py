"""Attention pooling: four neighbouring patches become one visual token."""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.model.attention import MultiHeadAttention


class AttentionPooling(nn.Module):
    """Pool each window of neighbouring patches into one visual token, by attention with their mean as query.

        features  (P, in_width)   all patches of all crops laid end to end
        pool_idx  (V, K)          the K patches of visual token v; -1 = beyond the crop's edge
        returns   (V, width)

    Source: paper, Section 2. Molmo's window is 2x2, so K = 4; so is ours. A patch beyond the edge (in crops
    with an odd number of patches per side) is a vector of zeros and is not masked, as in Molmo.
    """

    def __init__(self, in_width: int, width: int, heads: int):
        super().__init__()
        self.attention = MultiHeadAttention(in_width, width, heads)

    def forward(self, features: Tensor, pool_idx: Tensor) -> Tensor:
        window = F.pad(features, (0, 0, 0, 1))[pool_idx]       # (V, K, in_width); -1 is the row of zeros
        query = window.mean(dim=1, keepdim=True)               # (V, 1, in_width)
        return self.attention(query, window).squeeze(1)        # (V, width)
