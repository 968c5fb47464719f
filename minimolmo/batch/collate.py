"""Collate: several sequences become one batch. Tokens are padded, crops are concatenated."""
from __future__ import annotations

import numpy as np
import torch

from minimolmo.flow import PAD_SEGMENT, Batch, Sequence


def collate(sequences: list[Sequence], lengths: tuple[int, ...] = ()) -> Batch:
    """A Batch of B sequences, padded to the longest. Crops have no padding.

    lengths  pad to the first of these lengths that is large enough, so that a compiled model sees few lengths

    pool_idx is shifted to index the patches of the whole batch; -1 (no patch) stays -1.
    """
    longest = max(len(s.ids) for s in sequences)
    length = next((bucket for bucket in lengths if bucket >= longest), longest)
    crops = [s.crops for s in sequences]
    firsts = np.cumsum([0] + [c.patch_coverage.size for c in crops])
    pool_idx = [np.where(c.pool_idx < 0, -1, c.pool_idx + first) for c, first in zip(crops, firsts)]
    max_things = max(len(s.thing_boxes) for s in sequences)
    return Batch(
        ids=_pad([s.ids for s in sequences], length, 0),
        targets=_pad([s.targets for s in sequences], length, -1),
        loss_weight=_pad([s.loss_weight for s in sequences], length, 0.0),
        position=_pad([s.position for s in sequences], length, 0),
        segment_ids=_pad([s.segment_ids for s in sequences], length, PAD_SEGMENT),
        patches=torch.from_numpy(np.concatenate([c.patches for c in crops])),
        patch_coverage=torch.from_numpy(np.concatenate([c.patch_coverage for c in crops])),
        pool_idx=torch.from_numpy(np.concatenate(pool_idx)),
        crop_boxes=torch.from_numpy(np.concatenate([c.crop_boxes for c in crops])),
        crop_owner=torch.from_numpy(np.repeat(np.arange(len(crops)), [len(c.patch_coverage) for c in crops])),
        thing_boxes=_pad([s.thing_boxes for s in sequences], max_things, -1.0),
        thing_ids=_pad([s.thing_ids for s in sequences], max_things, -1),
        names=[s.name for s in sequences], num_cut=[s.num_cut for s in sequences])


def _pad(arrays: list[np.ndarray], length: int, value: float) -> torch.Tensor:
    """Stack arrays of different lengths, padded at the end: (B, length, ...)."""
    first = arrays[0]
    out = np.full((len(arrays), length, *first.shape[1:]), value, dtype=first.dtype)
    for row, array in zip(out, arrays):
        row[:len(array)] = array
    return torch.from_numpy(out)
