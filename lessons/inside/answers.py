"""Answers to the page on looking inside: the library's own functions, and likely mistakes. Try first."""
import numpy as np
import torch

from lessons.compare import compare, expect_equal
from minimolmo.config import ImageConfig
from minimolmo.flow import Crops
from minimolmo.image.tiler import from_patches, to_patches
from minimolmo.viz.attribution import covered_crops


# cover

def cover(image, row, column, side):
    config = ImageConfig(crop_size=len(image), patch_size=1, margins=(0, 0), pool=1)
    patches = to_patches(image[None], config)
    whole = Crops(patches, np.ones(patches.shape[:2], np.float32), np.zeros((1, 1), int), ((1, 1),), (0, 0),
                  np.array([[0.0, 0.0, 100.0, 100.0]]))
    covered = list(covered_crops(whole, config, side))[1 + row * side + column]
    return from_patches(covered.patches, config)[0]


def check_cover(yours):
    rng = np.random.default_rng(0)
    small = np.array([[[0.0], [8.0]], [[8.0], [0.0]]], np.float32)
    large = rng.integers(0, 256, (8, 8, 3)).astype(np.float32)
    cases = [dict(image=small, row=row, column=column, side=2) for row, column in ((0, 0), (0, 1), (1, 0))]
    cases += [dict(image=large, row=row, column=column, side=side)
              for row, column, side in ((0, 0, 1), (1, 0, 2), (1, 3, 4), (7, 2, 8))]
    compare(yours, cover, cases, tolerance=1e-3,
            because="Rows run down, columns to the right; the colour is each channel's mean.")
    given = small.copy()
    yours(given, 0, 0, 2)
    expect_equal(given, small, "the image, looked at again", "The given image stays as it is: copy it first.")


def _painted(image, row, column, side, color):
    covered, size = image.copy(), len(image) // side
    covered[row * size:(row + 1) * size, column * size:(column + 1) * size] = color
    return covered


def _cell(image, row, column, side):
    return np.split(np.split(image, side)[row], side, axis=1)[column]


wrong_cover = {
    "covers with black": lambda image, row, column, side: _painted(image, row, column, side, 0.0),
    "takes one grey for all channels": lambda image, row, column, side: _painted(
        image, row, column, side, image.mean()),
    "exchanges row and column": lambda image, row, column, side: cover(image, column, row, side),
    "takes the mean of the cell": lambda image, row, column, side: _painted(
        image, row, column, side, _cell(image, row, column, side).mean(axis=(0, 1))),
}


# needed

def needed(losses):
    return (losses[1:] - losses[0]).clamp(min=0).T


def check_needed(yours):
    generator = torch.Generator().manual_seed(0)
    cases = [torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0, 2.0], [1.5, 1.0], [4.0, 2.0]]),
             4 * torch.rand(1 + 9, 5, generator=generator)]
    compare(yours, needed, [dict(losses=losses) for losses in cases], tolerance=1e-5,
            because="The covered loss less the uncovered one, at least 0; a row for each token.")


wrong_needed = {
    "forgets to turn rows and columns": lambda losses: (losses[1:] - losses[0]).clamp(min=0),
    "keeps losses that shrink": lambda losses: (losses[1:] - losses[0]).T,
    "takes the size of every change": lambda losses: (losses[1:] - losses[0]).abs().T,
    "does not subtract the uncovered loss": lambda losses: losses[1:].T,
}


# the three steps of make hint

HINTS = {
    "cover": (
        "Copy first. Then which rows of pixels does a row of cells have?",
        "A cell has H / side rows of pixels. Slice rows and columns, and set the slice at once.",
        "the colour is image.mean(axis=(0, 1)): one number for each channel.",
    ),
    "needed": (
        "What is the loss with the curtain, and what is it without?",
        "Subtract row 0 from all other rows; the result has one row for each cell.",
        "clamp(min=0), then .T, because a row is asked for each token.",
    ),
}
