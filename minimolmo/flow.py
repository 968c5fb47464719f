"""The data types on the way from an image to an answer.

    Annotation -> Example -> Crops -> Sequence -> Batch -> (model) -> Answer

Shape letters, used everywhere: B batch, C crops, S patches in one crop, P = C*S patches laid end to end,
K patches in a pooling window, V visual tokens, T sequence, H heads, D width, N vocabulary.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # image/ and text/ need no torch, so neither does this file
    import torch
    from torch import Tensor

Point = tuple[float, float]  # x, y in percent (0-100) of the original image, origin top-left

IMAGE_SEGMENT = 0  # segment of BOS and the image: every annotation attends to it
PAD_SEGMENT = -1   # segment of padding: only padding attends to it


@dataclass(frozen=True)
class Annotation:
    """One question or task about an image, as structured data. `text/prompts.py` turns it into text.

    style     the task: pointing, user_qa, ...; STYLES in batch/dataset.py lists all
    question  the question, used unchanged; or
    label     what to point at or count ("red circle"), for the styles that have templates
    answer    the answer; empty if the points are the answer
    points    percent of the image, in any order; in a pointing style, empty means "there are none"
    """
    style: str
    question: str = ""
    label: str = ""
    answer: str = ""
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Thing:
    """One drawn object with its exact labels, for the auxiliary losses and the metrics.

    x, y, width, height  its whole box, hidden parts included: percent of the image's width and height. x, y
                         is its centre, which is never hidden: the target of a point
    pattern              plain, striped or dotted
    word                 the text written on it
    visible              the fraction of it that is not hidden, 0..1
    """
    kind: str
    color: str
    x: float
    y: float
    width: float
    height: float
    pattern: str = "plain"
    word: str = ""
    visible: float = 1.0


@dataclass(frozen=True)
class Example:
    """One row of a dataset: an image and its annotations."""
    image: Path
    annotations: tuple[Annotation, ...]
    things: tuple[Thing, ...] = ()
    name: str = ""  # file and line it came from, for messages


@dataclass(frozen=True)
class Crops:
    """An image cut into crops. Crop 0 is the overview; high-res crops follow row by row.

    patches         (C, S, 3*patch*patch) uint8 in training, float32 elsewhere; pixels 0..255, not normalised;
                    one row is one patch, flattened as (y, x, channel)
    patch_coverage  (C, S) float32, the fraction of each patch that is image, not padding, 0..1. The official
                    weights were trained with masks shifted by one crop and -1 for the last crop
                    (`ImageConfig.shifted_masks`)
    pool_idx        (V, K) int64 into the C*S patches laid end to end, in the order of the visual tokens;
                    -1 = beyond the crop's edge, no patch
    token_grids     [(rows, cols) of the overview, (rows, cols) of the stitched crops], in visual tokens;
                    in bird view only the first
    grid            (rows, cols) of high-res crops; (0, 0) in bird view
    crop_boxes      (C, 4) float32: left, top, width, height of each crop in percent of the *original* image
                    (padding lies outside 0..100)
    """
    patches: np.ndarray
    patch_coverage: np.ndarray
    pool_idx: np.ndarray
    token_grids: tuple[tuple[int, int], ...]
    grid: tuple[int, int]
    crop_boxes: np.ndarray


@dataclass(frozen=True)
class Sequence:
    """One image and its annotations as tokens, ready for the model. The first five arrays are (T,).

    ids          input token at each position (int64)
    targets      the token to predict there (int64)
    loss_weight  weight of that prediction in the loss: 0 on images and questions (float32)
    position     position id: every annotation continues from the image's end (int64)
    segment_ids  IMAGE_SEGMENT for the image, 1, 2, ... for the annotations (int64)
    crops        the image
    thing_boxes  (M, 4) float32, for the auxiliary losses: x, y, width, height of each object in percent;
                 M = 0 if the data has no object labels
    thing_ids    (M, 2) int64: ids of the first token of its colour's name and of its kind's name
    """
    ids: np.ndarray
    targets: np.ndarray
    loss_weight: np.ndarray
    position: np.ndarray
    segment_ids: np.ndarray
    crops: Crops
    thing_boxes: np.ndarray
    thing_ids: np.ndarray
    name: str = ""
    num_cut: int = 0  # tokens beyond the length limit, which are lost


@dataclass
class Batch:
    """Several sequences, padded on the right. The crops of all images are concatenated, without padding.

    ids, targets, loss_weight, position, segment_ids  (B, T) tensors; padding: PAD_SEGMENT, weight 0
    patches (C, S, 3*patch*patch)                     C counts the crops of the whole batch
    patch_coverage (C, S)                             as in `Crops`
    pool_idx (V, K)                                   into the batch's C*S patches
    crop_boxes (C, 4), crop_owner (C,)                as in `Crops`; index of each crop's sequence
    thing_boxes (B, M, 4), thing_ids (B, M, 2)        as in `Sequence`; rows of -1 as padding
    names                                             where each sequence came from
    """
    ids: Tensor
    targets: Tensor
    loss_weight: Tensor
    position: Tensor
    segment_ids: Tensor
    patches: Tensor
    patch_coverage: Tensor
    pool_idx: Tensor
    crop_boxes: Tensor
    crop_owner: Tensor
    thing_boxes: Tensor
    thing_ids: Tensor
    names: list[str]
    num_cut: list[int]

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device. Copies from pinned memory are asynchronous."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=tensor.is_pinned()))

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory, from which copies to a GPU are asynchronous."""
        return self._map(lambda tensor: tensor.pin_memory())

    def _map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        return Batch(**{name: value if isinstance(value, list) else change(value)
                        for name, value in vars(self).items()})


@dataclass(frozen=True)
class Answer:
    """The model's answer: its text, the points in it (percent of the original image), and if it was cut."""
    text: str
    points: list[Point]
    cut: bool = False  # the token limit came before end-of-text
