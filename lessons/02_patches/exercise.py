"""Lesson 02: an image becomes a list of vectors with positions.

`make start N=02` copies this file to mine/02_patches.py: write there. `make check N=02` compares yours with
the library.
`make hint N=02` gives hints, in three steps.
"""
import numpy as np
import torch

BUILD = [  # `make blank N=02` empties these in mine/minimolmo, `make marks N=02` marks them
    "minimolmo/image/tiler.py:to_patches",
    "minimolmo/model/patch_embed.py:normalise_pixels",
    "minimolmo/model/patch_embed.py:initial_positions",
    "minimolmo/model/patch_embed.py:PatchEmbed.forward",
]


def to_patches(image: np.ndarray, patch_size: int) -> np.ndarray:
    """Cut a square image (side, side, 3) into patches, (patches, patch_size*patch_size*3).

    >>> to_patches(np.arange(12).reshape(2, 2, 3), patch_size=1)
    array([[ 0,  1,  2],
           [ 3,  4,  5],
           [ 6,  7,  8],
           [ 9, 10, 11]])

    Rule: patches row by row, each row from left to right. In a patch: its rows from the top; in a row its
          pixels from the left; in a pixel red, green, blue.
    """
    raise NotImplementedError


def normalise_pixels(pixels: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Pixels of 0 to 255 (..., 3) to numbers around 0: their distance from the mean in standard deviations.

    >>> pixels, half, quarter = np.array([[255, 0, 51]]), np.full(3, 0.5), np.full(3, 0.25)
    >>> normalise_pixels(pixels, mean=half, std=quarter).round(2)
    array([[ 2. , -2. , -1.2]])

    Rule: divide by 255; then, for each colour, subtract its mean and divide by its standard deviation.
    """
    raise NotImplementedError


def sincos_position(column: int, row: int, width: int) -> torch.Tensor:
    """The initial position embedding of one patch, `width` numbers; width is a multiple of 4.

    >>> [round(value, 2) for value in sincos_position(column=2, row=1, width=4).tolist()]
    [0.91, -0.42, 0.84, 0.54]

    Rule: there are width / 4 frequencies; number n (from 0) is 10 to the power of -n / (width / 4).
          Then, one after the other: sin(column * f) for all frequencies f; cos(column * f) for all;
          sin(row * f) for all; cos(row * f) for all.
    """
    raise NotImplementedError


def embed_patches(patches: torch.Tensor, weight: torch.Tensor, class_token: torch.Tensor,
                  positions: torch.Tensor) -> torch.Tensor:
    """Patches (S, numbers) to vectors (1 + S, D), before the LayerNorm.

    weight (D, numbers), class_token (D), positions (1 + S, D)

    >>> embed_patches(torch.tensor([[1., 2.]]), torch.tensor([[1., 0.], [0., 1.], [1., 1.]]),
    ...               torch.zeros(3), torch.tensor([[.5, .5, .5], [.1, .1, .1]]))
    tensor([[0.5000, 0.5000, 0.5000],
            [1.1000, 2.1000, 3.1000]])

    Rule: for each patch, number d of its vector is the sum of patch[i] * weight[d, i] over all i.
          Put the class token in front. Add to each vector its position: position 0 is the class token's.
    """
    raise NotImplementedError
