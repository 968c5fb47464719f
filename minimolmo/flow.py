"""What flows: the six kinds of thing that travel from a picture to an answer.

    Annotation -> Example -> Crops -> Sequence -> Batch -> (model) -> Answer

Shape letters, used everywhere: B batch, C crops, S patches in one crop, P = C*S patches laid end to end,
K patches in a pooling window, V visual tokens, T sequence, H heads, D width, N vocabulary.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # images and words need no torch, so neither does this file
    import torch
    from torch import Tensor

Point = tuple[float, float]  # x, y in percent (0-100) of the original image, origin top-left

TRUNK = 0      # branch of BOS and the image: every annotation sees it
PADDING = -1   # branch of a padded position: nobody sees it


@dataclass(frozen=True)
class Annotation:
    """One thing somebody said about an image: facts only, `text/prompts.py` finds the words.

    style     which task this is: pointing, user_qa, ...; STYLES in batch/dataset.py lists all
    question  what is asked, used as it stands; or
    label     what to point at or count ("red circle"), for the styles that have templates
    answer    what is answered; empty where the points are the answer
    points    percent of the image, in any order; empty in a pointing style means "there are none"
    """
    style: str
    question: str = ""
    label: str = ""
    answer: str = ""
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Thing:
    """One drawn object, known exactly because our own code drew it. `grow.py` and the scores look at it.

    x, y, width, height  its box, as if nothing stood before it: percent of the image's width and height; x, y
                         are its centre, which is never hidden: there a point must land
    pattern              plain, striped or dotted
    word                 what is written on it
    visible              share of it that nothing hides, 0..1
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
    """One row of a dataset: an image and all that was said about it."""
    image: Path
    annotations: tuple[Annotation, ...]
    things: tuple[Thing, ...] = ()
    name: str = ""  # file and line it came from, for messages


@dataclass(frozen=True)
class Crops:
    """An image, cut for the vision tower. Crop 0 is the overview; high-res crops follow row by row.

    patches      (C, S, 3*patch*patch) float32, normalised (in training uint8, not yet normalised); one row =
                 one patch as (y, x, channel)
    real         (C, S) float32, share of each patch that is picture and not padding, 0..1; official weights
                 were given each crop's a crop too early, and -1 for the last (`ImageConfig.early_masks`)
    pool_idx     (V, K) int64 into the C*S patches laid end to end, in the order the visual tokens are read;
                 -1 = beyond the crop's edge, no patch there
    token_grids  [(rows, cols) of the overview, (rows, cols) of the stitched crops], in visual tokens;
                 one entry alone in bird view
    grid         (rows, cols) of high-res crops; (0, 0) in bird view
    places       (C, 4) float32: left, top, width, height of each crop's square in percent of the *original*
                 image (padding lies outside 0..100); `grow.py` and `draw.py` find things by it
    """
    patches: np.ndarray
    real: np.ndarray
    pool_idx: np.ndarray
    token_grids: tuple[tuple[int, int], ...]
    grid: tuple[int, int]
    places: np.ndarray


@dataclass(frozen=True)
class Sequence:
    """One image and its annotations as tokens, ready for the model. Each array is (T,).

    ids          what the model reads at each position (int64)
    targets      what it should say next (int64)
    loss_weight  how much that counts: 0 on images and questions (float32)
    position     where the token stands: every annotation goes on from the image's end (int64)
    branch       TRUNK for the image, 1, 2, ... for the annotations (int64)
    crops        the image itself
    things       (M, 6) float32, for `grow.py`: x, y, width, height in percent, then the ids of the
                 first token of the colour's and of the kind's word; M = 0 where the data does not know
    """
    ids: np.ndarray
    targets: np.ndarray
    loss_weight: np.ndarray
    position: np.ndarray
    branch: np.ndarray
    crops: Crops
    things: np.ndarray
    name: str = ""


@dataclass
class Batch:
    """Several sequences, padded on the right; the crops of all images laid end to end, so no crop is padding.

    ids, targets, loss_weight, position, branch   (B, T) tensors; padding has branch PADDING, weight 0
    patches (C, S, 3*patch*patch), real (C, S)    C counts the crops of the whole batch; patches as in `Crops`
    pool_idx (V, K)                               into the batch's C*S patches; visual tokens in reading order
    places (C, 4), owner (C,)                     as in `Crops`; which sequence of the batch a crop belongs to
    things (B, M, 6)                              as in `Sequence`, rows of -1 where an image has fewer
    names                                         where each sequence came from
    """
    ids: Tensor
    targets: Tensor
    loss_weight: Tensor
    position: Tensor
    branch: Tensor
    patches: Tensor
    real: Tensor
    pool_idx: Tensor
    places: Tensor
    owner: Tensor
    things: Tensor
    names: list[str]

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device; from pinned memory the copy is asynchronous."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=tensor.is_pinned()))

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory, which a GPU reads by itself."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change) -> Batch:
        changed = {name: change(value) for name, value in vars(self).items() if name != "names"}
        return Batch(**changed, names=self.names)


@dataclass(frozen=True)
class Answer:
    """What the model said: the text, and the points it contains in percent of the original image."""
    text: str
    points: list[Point]
