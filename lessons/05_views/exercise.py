"""Lesson 05: cut an image into overlapping crops, and stitch it together again.

`make start N=05` copies this file to mine/05_views.py: write there. `make check N=05` says how you stand.
Lengths are in patches unless a line says pixels.
`make hint N=05` gives hints, in three steps.
"""
import numpy as np

BUILD = [  # `make blank N=05` empties these in mine/minimolmo, `make marks N=05` marks them
    "minimolmo/image/tiler.py:cut_crops",
    "minimolmo/image/tiler.py:kept_windows",
    "minimolmo/image/tiler.py:stitch_ids",
    "minimolmo/image/tiler.py:choose_grid",
]


def starts(count: int, side: int, overlap: int) -> list[int]:
    """The first patch of each of `count` crops in a line, when neighbours share `overlap` patches.

    >>> starts(count=3, side=8, overlap=4)
    [0, 4, 8]

    Rule: the first crop begins at 0. Each next crop begins at the last `overlap` patches of the one before.
    """
    raise NotImplementedError


def keep(count: int, side: int, left: int, right: int) -> list[tuple[int, int]]:
    """The range of its own patches that each of `count` crops in a line keeps: (first, one after the last).

    >>> keep(count=3, side=8, left=2, right=2)
    [(0, 6), (2, 6), (2, 8)]

    Rule: begin with all patches of a crop, 0 to side.
          If it has a neighbour on its left, drop `left` patches there.
          If it has a neighbour on its right, drop `right` patches there.
    """
    raise NotImplementedError


def stitch(crops: np.ndarray, grid: tuple[int, int], margin: int) -> np.ndarray:
    """The stitched image: crops (rows*cols, side, side), row by row, to one (height, width) array.

    >>> stitch(np.array([[[1, 2], [5, 6]], [[3, 4], [7, 8]]]), grid=(1, 2), margin=0)
    array([[1, 2, 3, 4],
           [5, 6, 7, 8]])

    Rule: crop (r, c) of the grid is crops[r * cols + c]. Keep the part of it that `keep` gives, down and
          across. Put the kept parts of one row of crops side by side, and the rows below each other.
    """
    raise NotImplementedError


def best_grid(height: int, width: int, step: int, overlap: int, max_crops: int) -> tuple[int, int]:
    """The grid (rows, columns) that resizes a height x width image least. All lengths are in pixels.

    >>> best_grid(height=240, width=498, step=32, overlap=32, max_crops=4)
    (1, 3)

    Rule: for each number of crops 1, 2, ... max_crops, and each grid of that many crops, few rows first:
          scale = the smaller of rows * step / (height - overlap) and columns * step / (width - overlap)
          If any scale is 1 or more, the smallest of those wins; else the largest of all. On a tie, the first.
          With max_crops = 0 there is no grid: raise a ValueError.
    """
    raise NotImplementedError
