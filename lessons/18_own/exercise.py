"""Lesson 18: merge an adapter, count the memory of training, and move points along with a window.

`make start N=18` copies this file to mine/18_own.py: write there. `make check N=18` compares it.
`make hint N=18` gives hints, in three steps.
"""
import torch

BUILD = [  # `make blank N=18` empties these in mine/minimolmo, `make marks N=18` tests them
    "minimolmo/model/lora.py:AdaptedLinear.merged_weight",
    "minimolmo/model/lora.py:merged_state",
    "minimolmo/batch/augment.py:Variation.vary_points",
    "minimolmo/weights/parts.py:new_connector",
]


def merge_adapter(weight: torch.Tensor, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """The one matrix that equals a frozen one with its adapter.

        weight  (out, in), down (rank, in), up (out, rank)

    >>> merge_adapter(torch.tensor([[1., 2.]]), down=torch.tensor([[1., 0.]]), up=torch.tensor([[3.]]))
    tensor([[7., 2.]])

    Rule: the adapted layer gives weight x + 2 up (down x).
    """
    raise NotImplementedError


def training_bytes(rows: int, columns: int, rank: int | None) -> int:
    """Bytes that one matrix (rows, columns) takes in training, without activations.

    >>> training_bytes(10, 4, rank=None), training_bytes(10, 4, rank=1), training_bytes(10, 4, rank=0)
    (640, 304, 80)

    Rule: a trained number takes 16 bytes: itself, its gradient and two moments, in float32. A frozen number
          takes 2. Rank None: the matrix is trained whole. Else it is frozen, and beside it are trained a
          matrix (rank, columns) and one (rows, rank).
    """
    raise NotImplementedError


def points_in_window(points: list[tuple[float, float]], left: float, top: float, right: float,
                     bottom: float) -> list[tuple[float, float]]:
    """Points in percent of an image, as percent of a window of it. The window's edges are percent, too.

    >>> points_in_window([(45.0, 30.0)], left=20, top=0, right=70, bottom=100)
    [(50.0, 30.0)]

    Rule: the window's left top corner is (0, 0), its right bottom corner (100, 100). A point outside stays in
          the list, with a number below 0 or above 100.
    """
    raise NotImplementedError
