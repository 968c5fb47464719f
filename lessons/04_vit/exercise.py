"""Lesson 04: a block of the vision transformer, its feature layers, and the labels of its first training.

`make start N=04` copies this file to mine/04_vit.py: write there. `make check N=04` says how you stand.
`make hint N=04` gives hints, in three steps.
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


def layer_norm(x: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """LayerNorm without weights: (T, D) to (T, D), with mean 0 and standard deviation 1 in every row.

    >>> layer_norm(np.array([[1.0, 1, 5, 5], [8, 2, 2, 8]])).round(2)
    array([[-1., -1.,  1.,  1.],
           [ 1., -1., -1.,  1.]])

    Rule: take each row alone. Subtract the row's mean.
          Take the mean of the squares of what is left (the variance, divided by D and not by D - 1).
          Divide by the square root of (variance + eps).
    """
    raise NotImplementedError


def vision_block(x: np.ndarray, weights: np.ndarray, mlp: np.ndarray) -> np.ndarray:
    """One block of the ViT, with a matrix in place of attention and of the MLP: (T, D) to (T, D).

        weights  (T, T)  the attention weights: row t is query t, its columns are the keys
        mlp      (D, D)  the MLP of a row is row @ mlp

    >>> vision_block(np.array([[1.0, 1, 5, 5]]), weights=np.array([[1.0]]), mlp=np.zeros((4, 4))).round(2)
    array([[0., 0., 6., 6.]])

    Rule: x = x + weights @ layer_norm(x)
          then x = x + layer_norm(x) @ mlp, with the new x.
    """
    raise NotImplementedError


def concat_layers(outputs: list[np.ndarray], layers: tuple[int, int]) -> np.ndarray:
    """Two blocks' outputs side by side: a list of (1+S, D), class token in row 0, to (S, 2*D).

    >>> concat_layers([np.array([[0, 0], [1, 2]]), np.array([[9, 9], [3, 4]])], layers=(-1, -2))
    array([[3, 4, 1, 2]])

    Rule: outputs[0] is the output of block 1. A layer counts from the end, -1 is the last.
          Put the columns of the first layer left, those of the second right. Drop the class token's row.
    """
    raise NotImplementedError


def match_patches(side: int, boxes: list[tuple[float, float, float, float]],
                  min_overlap: float) -> np.ndarray:
    """For each patch of a crop, the index of the object that covers it, or -1: (side, side).

    An object's box is (x, y, width, height) in percent of the crop; x, y is its centre, y points down.

    >>> match_patches(side=2, boxes=[(75, 25, 50, 50)], min_overlap=0.5)
    array([[-1,  0],
           [-1, -1]])

    Rule: patch (row, column) spans column * step to (column + 1) * step in x, and row * step to
          (row + 1) * step in y, with step = 100 / side.
          An object's overlap = area of the intersection / the smaller of the patch's and the object's area.
          Take the object with the largest overlap, if that is at least `min_overlap`; else -1. On a tie, the
          first.
    """
    raise NotImplementedError
