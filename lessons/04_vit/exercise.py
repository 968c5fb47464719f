"""Lesson 04: one round of the vision transformer, its taps, and the labels that teach it.

`make start N=04` copies this file to mine/04_vit.py: write there. `make check N=04` says how you stand.
"""
import numpy as np

BUILD = [  # `make blank N=04` empties these in mine/minimolmo, `make marks N=04` marks them
    "minimolmo/model/vit.py:VisionBlock.forward",
    "minimolmo/model/vit.py:VisionTransformer.forward",
    "minimolmo/model/mlp.py:quick_gelu",
    "minimolmo/model/mlp.py:GeluMLP.forward",
    "minimolmo/training/auxiliary.py:patch_boxes",
    "minimolmo/training/auxiliary.py:match_boxes",
]


def layer_norm(drafts: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """Each row brought to one loudness: (T, D) to (T, D), mean 0 and spread 1 in every row.

    >>> layer_norm(np.array([[1.0, 1, 5, 5], [8, 2, 2, 8]])).round(2)
    array([[-1., -1.,  1.,  1.],
           [ 1., -1., -1.,  1.]])

    Rule: for each row by itself: subtract the row's mean;
          take the mean of the squares of what is left (the variance, divided by D and not by D - 1);
          divide by the root of (variance + eps).
    Hint: x.mean(axis=1, keepdims=True) gives one number a row that still lines up with the row.
    """
    raise NotImplementedError


def one_round(drafts: np.ndarray, listen: np.ndarray, think: np.ndarray) -> np.ndarray:
    """One block, with attention and MLP replaced by a matrix each: (T, D) to (T, D).

        listen  (T, T)  row t: how much reporter t listens to each of them
        think   (D, D)  what one reporter makes of his own draft: draft @ think

    >>> one_round(np.array([[1.0, 1, 5, 5]]), listen=np.array([[1.0]]), think=np.zeros((4, 4))).round(2)
    array([[0., 0., 6., 6.]])

    Rule: drafts = drafts + listen @ layer_norm(drafts)
          then drafts = drafts + layer_norm(drafts) @ think, with the drafts as they are by then.
    Hint: two lines. What is added is made from the normed drafts, what it is added to is not normed.
    """
    raise NotImplementedError


def tap(outputs: list[np.ndarray], taps: tuple[int, int]) -> np.ndarray:
    """Two blocks' outputs side by side: a list of (1+S, D), class token in row 0, to (S, 2*D).

    >>> tap([np.array([[0, 0], [1, 2]]), np.array([[9, 9], [3, 4]])], taps=(-1, -2))
    array([[3, 4, 1, 2]])

    Rule: outputs[0] is what block 1 put out; a tap counts from the end, -1 is the last.
          Put the columns of the first tap left, those of the second right, and drop the class token's row.
    Hint: np.concatenate([...], axis=1), then [1:].
    """
    raise NotImplementedError


def what_covers(side: int, things: list[tuple[float, float, float, float]], least: float) -> np.ndarray:
    """For each patch of a side x side picture, the number of the thing that covers it, or -1: (side, side).

    Things are (x, y, width, height) in percent of the picture; x, y is a thing's centre, y runs downwards.

    >>> what_covers(side=2, things=[(75, 25, 50, 50)], least=0.5)
    array([[-1,  0],
           [-1, -1]])

    Rule: patch (row, column) is the box from column * step to (column + 1) * step across, and from
          row * step to (row + 1) * step down, with step = 100 / side.
          A thing's share = area of the overlap / the smaller of the patch's area and the thing's area.
          Take the thing with the largest share, if that is at least `least`; else -1. On a tie, the first.
    Hint: an overlap is min(right edges) - max(left edges) wide; if that is negative, there is none.
    """
    raise NotImplementedError
