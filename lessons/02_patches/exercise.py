"""Lesson 02: a picture becomes a list of vectors that know their place.

`make start N=02` copies this file to mine/02_patches.py: write there. `make check N=02` says how you stand.
"""
import numpy as np
import torch

BUILD = [  # `make blank N=02` empties these in mine/minimolmo, `make marks N=02` marks them
    "minimolmo/image/tiler.py:to_patches",
    "minimolmo/image/resize.py:normalise",
    "minimolmo/model/patch_embed.py:sincos_positions",
    "minimolmo/model/patch_embed.py:PatchEmbed.forward",
]


def tear(image: np.ndarray, size: int) -> np.ndarray:
    """A square picture (side, side, 3) to its patches, (patches, size*size*3).

    >>> tear(np.arange(12).reshape(2, 2, 3), size=1)
    array([[ 0,  1,  2],
           [ 3,  4,  5],
           [ 6,  7,  8],
           [ 9, 10, 11]])

    Rule: patches row by row, each row from left to right. In a patch: its rows from the top; in a row its
          pixels from the left; in a pixel red, green, blue.
    Hint: image[top:top + size, left:left + size] is a patch, .reshape(-1) flattens it in just this order.
    """
    raise NotImplementedError


def even_out(pixels: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Pixels of 0 to 255 (..., 3) to numbers around 0: as many spreads above the mean as they lie.

    >>> even_out(np.array([[255, 0, 51]]), mean=np.array([0.5, 0.5, 0.0]), spread=np.array([0.25, 0.25, 0.1]))
    array([[ 2., -2.,  2.]])

    Rule: divide by 255; then, for each colour on its own, subtract the mean and divide by the spread.
    Hint: numpy lines the last axis up with mean and spread by itself.
    """
    raise NotImplementedError


def wave(column: int, row: int, width: int) -> torch.Tensor:
    """The position of one place at the start, `width` numbers; width is a multiple of 4.

    >>> [round(value, 2) for value in wave(column=2, row=1, width=4).tolist()]
    [0.91, -0.42, 0.84, 0.54]

    Rule: there are width / 4 rates; rate number n (from 0) is 10 to the power of -n / (width / 4).
          Then, one after the other: sin(column * rate) for all rates; cos(column * rate) for all rates;
          sin(row * rate) for all rates; cos(row * rate) for all rates.
    Hint: 10.0 ** (-torch.arange(n) / n) are all n rates at once; torch.cat lays the four parts end to end.
    """
    raise NotImplementedError


def embed(patches: torch.Tensor, form: torch.Tensor, class_token: torch.Tensor,
          positions: torch.Tensor) -> torch.Tensor:
    """Patches (S, numbers) to vectors (1 + S, D), not yet normed.

    form (D, numbers), class_token (D), positions (1 + S, D)

    >>> embed(torch.tensor([[1., 2.]]), torch.tensor([[1., 0.], [0., 1.], [1., 1.]]), torch.zeros(3),
    ...       torch.tensor([[.5, .5, .5], [.1, .1, .1]]))
    tensor([[0.5000, 0.5000, 0.5000],
            [1.1000, 2.1000, 3.1000]])

    Rule: for each patch, number d of its vector is the sum of patch[i] * form[d, i] over all i.
          Put the class token in front. Add to each vector the position of its place: place 0 is the class
          token's.
    Hint: patches @ form.T; class_token[None] is a list of one vector.
    """
    raise NotImplementedError
