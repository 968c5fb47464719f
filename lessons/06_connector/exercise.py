"""Lesson 06: the patches that share a token, attention pooling, padding, and the splice.

`make start N=06` copies this file to mine/06_connector.py: write there. `make check N=06` says how you stand.
`make hint N=06` gives hints, in three steps.
"""
import numpy as np

BUILD = [  # `make blank N=06` empties these in mine/minimolmo, `make marks N=06` marks them
    "minimolmo/model/pooling.py:AttentionPooling.forward",
    "minimolmo/image/tiler.py:window_patch_ids",
    "minimolmo/model/molmo.py:MiniMolmo.encode_crops",
    "minimolmo/model/molmo.py:MiniMolmo.splice",
]


def window(row: int, col: int, side: int) -> list[int]:
    """The four patches of the 2 x 2 window (row, col) in a crop of side x side patches, row by row.

    >>> window(row=0, col=1, side=8)
    [2, 3, 10, 11]

    Rule: patches are numbered 0, 1, 2, ... along the first row, and on along the second.
          Window (row, col) begins at patch row 2 * row, patch column 2 * col.
          A patch beyond the crop's edge (side may be odd) is -1.
    """
    raise NotImplementedError


def pool_window(features: np.ndarray) -> np.ndarray:
    """Attention pooling of one window: (K, D) to (D,). Query, keys and values are the features; one head.

    >>> pool_window(np.array([[0.0], [0.0], [0.0], [4.0]])).round(2)
    array([3.79])

    Rule: query = mean of the K feature vectors
          score of a feature vector = sum of query * feature, divided by the square root of D
          weight = e to the score, divided by the sum of these over the K vectors
          result = sum of weight * feature
    """
    raise NotImplementedError


def mark_padding(features: np.ndarray, patch_coverage: np.ndarray, empty: np.ndarray,
                 partly: np.ndarray) -> np.ndarray:
    """Add a vector to patches of padding: features (S, D) and coverage (S,) to (S, D).

    >>> coverage = np.array([1.0, 0.5, 0.0])
    >>> mark_padding(np.zeros((3, 1)), coverage, empty=np.array([7]), partly=np.array([3]))
    array([[0.],
           [3.],
           [7.]])

    Rule: the coverage of a patch is the fraction of it that is image.
          Add `empty` (D,) where the coverage is 0, and `partly` (D,) where it is any other number below 1.
          (Official masks hold -1 as well: partly.) Leave a patch with coverage 1 unchanged.
    """
    raise NotImplementedError


def splice(ids: list[int], embeddings: np.ndarray, visual: np.ndarray, im_patch: int) -> np.ndarray:
    """Add the visual tokens (V, D) to the embeddings (T, D) of the im_patch tokens: (T, D).

    >>> embeddings = np.array([[1, 1], [5, 5], [3, 3]])
    >>> splice([1, 7, 3], embeddings, visual=np.array([[10, 20]]), im_patch=7)
    array([[ 1,  1],
           [15, 25],
           [ 3,  3]])

    Rule: go through the ids in order. Where one is im_patch, add the next visual token to its embedding.
          Leave all other embeddings unchanged.
    """
    raise NotImplementedError
