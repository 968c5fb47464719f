"""Which parts of an image an answer comes from: what its tokens attended to, and what they needed.

    sequence = build_sequence(crops, [[question_ids, answer_ids]], tokenizer)
    visual_attention(model, sequence)     # (layers, A, V): attention of A answer tokens to V visual tokens
    covered_losses(model, sequence, 8)    # (65, A): losses, uncovered and with each of 8 x 8 cells covered

Attention shows which positions values came from, not what they contain. Hiding a part (occlusion) shows
whether an answer changes without it. Source: Zeiler & Fergus 2014 for occlusion.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.batch.collate import collate
from minimolmo.config import ImageConfig
from minimolmo.flow import Batch, Crops, Sequence
from minimolmo.image.tiler import from_patches, to_patches
from minimolmo.model.attention import attention
from minimolmo.model.molmo import IM_PATCH, MiniMolmo
from minimolmo.viz.activations import queries_and_keys, record_attention_weights, written_mask

CROPS_AT_ONCE = 128  # in a batch of covered copies


@torch.inference_mode()
def visual_attention(model: MiniMolmo, sequence: Sequence) -> Tensor:
    """Attention of each answer token to each visual token, mean over heads: (layers, A, V) float32.

    Row a belongs to the token that predicts answer token a. It sums to less than 1: the rest goes to text.
    Only these rows and columns are computed.
    """
    rows = torch.from_numpy(np.flatnonzero(sequence.loss_weight))
    columns = torch.from_numpy(np.flatnonzero(sequence.ids == model.config.decoder.vocab + IM_PATCH))
    blocks = [block.attention for block in model.decoder.blocks]
    with record_attention_weights(blocks, _part_of_attention(rows, columns)) as recorded:
        batch = collate([sequence]).to(next(model.parameters()).device)
        model.decode(batch, model.encode_images(batch)[1])
    return torch.cat(recorded)


def _part_of_attention(rows: Tensor, columns: Tensor) -> Callable[..., Tensor]:
    """A function from the inputs of a GroupedQueryAttention to some of its weights: (1, rows, columns)."""
    def weights(module: nn.Module, x: Tensor, angles: tuple, visible: Tensor | None, *_: object) -> Tensor:
        q, k = queries_and_keys(module, x, angles)
        here, there = rows.to(x.device), columns.to(x.device)
        picked = F.one_hot(there, k.shape[2]).T.to(q.dtype)                               # (U, columns)
        values = picked.expand(len(k), 1, -1, -1)  # a mean of these is the weights of the columns
        seen = written_mask(visible, x).to(x.device)[:, :, here]
        return attention(q[:, :, here], k, values, seen).mean(dim=1)
    return weights


@torch.inference_mode()
def covered_losses(model: MiniMolmo, sequence: Sequence, side: int,
                   stopped: Callable[[], bool] = lambda: False) -> Tensor:
    """The cross-entropy of each answer token, as it is and with each cell of the image covered.

        side     the image is divided into side x side cells, row by row
        stopped  asked before each batch of copies; the rest is left out if it is true
        returns  (1 + side*side, A) float32; row 0 is the uncovered image

    The answer is given (teacher forcing), so all copies predict the same tokens.
    """
    copies = max(1, CROPS_AT_ONCE // len(sequence.crops.patches))
    losses, waiting = [], []
    for crops in covered_crops(sequence.crops, model.config.image, side):
        waiting.append(replace(sequence, crops=crops))
        if len(waiting) == copies or len(losses) * copies + len(waiting) > side * side:
            if stopped():
                break
            losses.append(answer_losses(model, collate(waiting).to(next(model.parameters()).device)))
            waiting = []
    return torch.cat(losses) if losses else torch.zeros(0, int((sequence.loss_weight > 0).sum()))


def answer_losses(model: MiniMolmo, batch: Batch) -> Tensor:
    """Cross-entropy of each answer token of sequences with the same text: (B, A) float32, on the CPU."""
    hidden = model.decode(batch, model.encode_images(batch)[1]).last
    rows = batch.loss_weight[0] > 0
    losses = [F.cross_entropy(model.decoder.logits(one).float(), batch.targets[0, rows], reduction="none")
              for one in hidden[:, rows]]  # one by one: logits of a large vocabulary take much memory
    return torch.stack(losses).cpu()


def covered_crops(crops: Crops, config: ImageConfig, side: int) -> Iterator[Crops]:
    """The crops, then for each cell of the image, row by row, the crops with that cell in the mean colour.

    A cell is covered in every crop that shows it.
    """
    yield crops
    pixels = from_patches(crops.patches, config)                                          # (C, size, size, 3)
    color = pixels[0][_cell(0, 0, 1, crops.crop_boxes[0], config.crop_size)].mean(axis=(0, 1))
    for row in range(side):
        for col in range(side):
            covered = pixels.copy()
            for canvas, box in zip(covered, crops.crop_boxes):
                canvas[_cell(row, col, side, box, config.crop_size)] = color
            yield replace(crops, patches=to_patches(covered, config))


def _cell(row: int, col: int, side: int, box: np.ndarray, size: int) -> tuple[slice, slice]:
    """The pixels of one crop that show a cell of the image; `box` is the crop's own, in percent."""
    return (_pixels(row * 100 / side, 100 / side, box[1], box[3], size),
            _pixels(col * 100 / side, 100 / side, box[0], box[2], size))


def _pixels(start: float, length: float, crop_start: float, crop_length: float, size: int) -> slice:
    """Along one axis: the pixels of a crop that a part of the image takes, cut pixels included."""
    first, last = ((float(end) - crop_start) / crop_length * size for end in (start, start + length))
    return slice(max(0, math.floor(round(first, 3))), max(0, math.ceil(round(last, 3))))
