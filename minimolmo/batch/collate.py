"""Several sequences become one batch: words padded to the longest, crops laid end to end without padding."""
from __future__ import annotations

import numpy as np
import torch

from minimolmo.flow import PADDING, Batch, Sequence


def collate(sequences: list[Sequence], lengths: tuple[int, ...] = ()) -> Batch:
    """A Batch of B sequences. An image with many crops costs what it costs; none pays for its neighbour's.

    lengths  fill up to the first of these that is enough: a compiled model likes to see few different lengths

    pool_idx is shifted so that it counts patches through the whole batch; -1 (no patch there) stays -1.
    """
    longest = max(len(s.ids) for s in sequences)
    length = next((enough for enough in lengths if enough >= longest), longest)
    crops = [s.crops for s in sequences]
    firsts = np.cumsum([0] + [c.real.size for c in crops])
    pool_idx = [np.where(c.pool_idx < 0, -1, c.pool_idx + first) for c, first in zip(crops, firsts)]
    most = max(len(s.things) for s in sequences)
    return Batch(
        ids=_pad([s.ids for s in sequences], length, 0),
        targets=_pad([s.targets for s in sequences], length, -1),
        loss_weight=_pad([s.loss_weight for s in sequences], length, 0.0),
        position=_pad([s.position for s in sequences], length, 0),
        branch=_pad([s.branch for s in sequences], length, PADDING),
        patches=torch.from_numpy(np.concatenate([c.patches for c in crops])),
        real=torch.from_numpy(np.concatenate([c.real for c in crops])),
        pool_idx=torch.from_numpy(np.concatenate(pool_idx)),
        places=torch.from_numpy(np.concatenate([c.places for c in crops])),
        owner=torch.from_numpy(np.repeat(np.arange(len(crops)), [len(c.real) for c in crops])),
        things=_pad([s.things for s in sequences], most, -1.0),
        names=[s.name for s in sequences])


def _pad(arrays: list[np.ndarray], length: int, value) -> torch.Tensor:
    """Stack arrays of different lengths, filled up at the end: (B, length, ...)."""
    first = arrays[0]
    out = np.full((len(arrays), length, *first.shape[1:]), value, dtype=first.dtype)
    for row, array in zip(out, arrays):
        row[:len(array)] = array
    return torch.from_numpy(out)
