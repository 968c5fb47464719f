"""Lesson 06: which patches share a token, how four speak with one voice, and where the token goes.

`make start N=06` copies this file to mine/06_connector.py: write there. `make check N=06` says how you stand.
"""
import numpy as np

BUILD = [  # `make blank N=06` empties these in mine/minimolmo, `make marks N=06` marks them
    "minimolmo/model/pooling.py:AttentionPooling.forward",
    "minimolmo/image/tiler.py:window_patches",
    "minimolmo/model/molmo.py:MiniMolmo.encode_crops",
    "minimolmo/model/molmo.py:MiniMolmo.splice",
]


def window(row: int, col: int, side: int) -> list[int]:
    """The four patches of the 2 x 2 window (row, col) in a crop of side x side patches, line by line.

    >>> window(row=0, col=1, side=8)
    [2, 3, 10, 11]

    Rule: patches are numbered 0, 1, 2, ... along the first row, and on along the second.
          Window (row, col) begins at patch row 2 * row, patch column 2 * col.
          A patch beyond the crop's edge (side may be odd) is -1.
    Hint: patch (y, x) has the number y * side + x, if both y and x are less than side.
    """
    raise NotImplementedError


def pool_window(reports: np.ndarray) -> np.ndarray:
    """One voice for a window: (K, D) to (D,). Question, keys and values are the reports themselves; one head.

    >>> pool_window(np.array([[0.0], [0.0], [0.0], [4.0]])).round(2)
    array([3.79])

    Rule: question = mean of the K reports
          score of a report = sum of question * report, divided by the root of D
          weight = e to the score, divided by the sum of these over the K reports
          result = sum of weight * report
    Hint: reports @ question gives all K scores at once, weights @ reports the result.
    """
    raise NotImplementedError


def tell_padding(features: np.ndarray, real: np.ndarray, nothing: np.ndarray,
                 partly: np.ndarray) -> np.ndarray:
    """Tell each patch how much of it is picture: features (S, D) and shares (S,) to (S, D).

    >>> real = np.array([1.0, 0.5, 0.0])
    >>> tell_padding(np.zeros((3, 1)), real, nothing=np.array([7]), partly=np.array([3]))
    array([[0.],
           [3.],
           [7.]])

    Rule: add `nothing` (D,) to a patch of which 0 is real, `partly` (D,) where the share is between 0 and 1,
          and leave a patch alone that is all real.
    Hint: (real == 0)[:, None] * nothing is (S, D).
    """
    raise NotImplementedError


def splice(ids: list[int], words: np.ndarray, visual: np.ndarray, im_patch: int) -> np.ndarray:
    """Put the visual tokens (V, D) among the words' vectors (T, D): (T, D).

    >>> splice([1, 7, 3], words=np.array([[1, 1], [5, 5], [3, 3]]), visual=np.array([[10, 20]]), im_patch=7)
    array([[ 1,  1],
           [15, 25],
           [ 3,  3]])

    Rule: walk along the ids; where one is im_patch, add the next visual token to its vector; else leave it.
    Hint: keep a counter of the visual tokens used so far. Work on words.copy().
    """
    raise NotImplementedError
