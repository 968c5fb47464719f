"""Change the world: choose a colour, split a new data set, pool another way.

`make start N=change` copies this file to mine/change.py: write there. `make check N=change`
compares yours with the answers. `make hint N=change` gives hints, in three steps.
"""
import torch

BUILD = []

Color = tuple[int, int, int]  # red, green, blue, 0 to 255 each


def nearest_color(color: Color, colors: dict[str, Color]) -> tuple[str, int]:
    """The name of the nearest colour, and how far away it is.

    >>> nearest_color((20, 158, 158), {"red": (206, 24, 40), "green": (28, 148, 60)})
    ('green', 116)

    Rule: the distance of two colours is the sum of the differences of their three channels, each without its
          sign. A new colour that is near an old one cannot be told from it. Of two that are equally near,
          take the first.
    """
    raise NotImplementedError


def split_of(colors: tuple[str, ...], held_out: set[tuple[str, str]], checksum: int) -> str:
    """The split of a flag: "novel", "val" or "train".

        colors    of the stripes, from top to bottom
        held_out  pairs (above, below) that training never shows
        checksum  of the colours: a number from 0

    >>> split_of(("red", "green", "blue"), {("red", "green")}, checksum=5)
    'novel'
    >>> split_of(("red", "blue", "green"), {("red", "green")}, checksum=16)
    'val'

    Rule: a flag that shows a held-out pair, one stripe right above the other, is novel. One in eight of the
          others is val: those whose checksum is a multiple of 8. The rest is train.
    """
    raise NotImplementedError


def mean_pool(features: torch.Tensor, pool_idx: torch.Tensor) -> torch.Tensor:
    """One vector for each window: the mean of its patches.

        features  (P, D)
        pool_idx  (V, K)  the K patches of window v; -1 = beyond the crop's edge, a patch of zeros
        returns   (V, D)

    >>> mean_pool(torch.tensor([[2.0], [4.0], [6.0]]), torch.tensor([[0, 1], [2, -1]])).tolist()
    [[3.0], [3.0]]

    Rule: a patch beyond the edge counts as zeros, as in `AttentionPooling`. So always divide by K.
    """
    raise NotImplementedError
