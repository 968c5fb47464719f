"""Answers to lesson 02: the library's own functions, and likely mistakes. Try first."""
import numpy as np
import torch

from lessons.compare import compare
from minimolmo.config import PIXEL_MEAN, PIXEL_STD, ImageConfig, VisionConfig
from minimolmo.image import tiler
from minimolmo.model import patch_embed

# to_patches

def to_patches(image, patch_size):
    config = ImageConfig(crop_size=len(image), patch_size=patch_size, margins=(0, 0))
    return tiler.to_patches(image[None], config)[0]


def _numbered_image(side):
    """An image whose numbers name row, column and channel."""
    y, x, channel = np.indices((side, side, 3))
    return 100 * y + 10 * x + channel


def check_to_patches(yours):
    sizes = [(1, 1), (2, 2), (2, 1), (4, 2), (6, 3), (8, 2)]
    compare(yours, to_patches, [dict(image=_numbered_image(side), patch_size=size) for side, size in sizes],
            because="The digits of a number are its row, column and channel: patches row by row, and in a "
                    "patch (y, x, channel).")


def _split(image, size):
    side = len(image) // size
    return image.reshape(side, size, side, size, 3)


wrong_to_patches = {
    "puts all reds first, then greens, then blues": lambda image, patch_size: to_patches(
        image, patch_size).reshape(-1, patch_size ** 2, 3).swapaxes(1, 2).reshape(-1, 3 * patch_size ** 2),
    "reads the patches column by column": lambda image, patch_size: _split(image, patch_size).transpose(
        2, 0, 1, 3, 4).reshape(-1, 3 * patch_size ** 2),
    "reads each patch column by column": lambda image, patch_size: _split(image, patch_size).transpose(
        0, 2, 3, 1, 4).reshape(-1, 3 * patch_size ** 2),
    "cuts the flat image into pieces and not the square": lambda image, patch_size: image.reshape(
        -1, 3 * patch_size ** 2),
}


# normalise_pixels

def normalise_pixels(pixels, mean, std):
    """The library's function knows CLIP's mean and std only: convert to pixels that give the same there."""
    clip_pixels = ((pixels / 255 - mean) / std * np.array(PIXEL_STD) + np.array(PIXEL_MEAN)) * 255
    return patch_embed.normalise_pixels(torch.from_numpy(clip_pixels)).numpy().astype(float)


def check_normalise_pixels(yours):
    half, quarter = np.full(3, 0.5), np.full(3, 0.25)
    mean, std = np.array([0.5, 0.4, 0.0]), np.array([0.25, 0.2, 0.1])
    photo = np.random.default_rng(0).integers(0, 256, (4, 5, 3))
    cases = [dict(pixels=np.array([255, 0, 51]), mean=half, std=quarter),
             dict(pixels=np.array([255, 0, 51]), mean=mean, std=std),
             dict(pixels=photo, mean=mean, std=std),
             dict(pixels=photo, mean=np.array(PIXEL_MEAN), std=np.array(PIXEL_STD))]
    compare(yours, normalise_pixels, cases, because="(pixel / 255 - mean) / std, for each colour.")


wrong_normalise_pixels = {
    "forgets to divide by 255": lambda pixels, mean, std: (pixels - mean) / std,
    "multiplies by the standard deviation": lambda pixels, mean, std: (pixels / 255 - mean) * std,
    "takes red's mean and standard deviation for all colours": lambda pixels, mean, std: (
        pixels / 255 - mean[0]) / std[0],
}


# sincos_position

def sincos_position(column, row, width):
    side = max(column, row) + 1
    return patch_embed.initial_positions(side, width)[row * side + column]


def check_sincos_position(yours):
    cases = [dict(column=c, row=r, width=w) for c, r, w in
             [(0, 0, 4), (1, 0, 4), (2, 1, 4), (0, 3, 8), (5, 2, 8), (7, 6, 96)]]
    compare(yours, sincos_position, cases,
            because="Sines of the column, then its cosines, then the same for the row.")


wrong_sincos_position = {
    "swaps column and row": lambda column, row, width: sincos_position(row, column, width),
    "puts each frequency's sine and cosine side by side": lambda column, row, width: sincos_position(
        column, row, width).reshape(2, 2, -1).transpose(1, 2).reshape(-1),
    "takes the first frequency for all": lambda column, row, width: torch.cat(
        [part[:1].expand(width // 4) for part in sincos_position(column, row, width).reshape(4, -1)]),
}


# embed_patches

@torch.no_grad()
def embed_patches(patches, weight, class_token, positions):
    image = ImageConfig(crop_size=1, patch_size=1, margins=(0, 0), pool=1)
    module = patch_embed.PatchEmbed(image, VisionConfig(width=4, layers=2, heads=1, mlp=1))
    module.project.weight.data, module.class_token.data = weight, class_token
    module.positions.data = positions
    module.norm = torch.nn.Identity()
    return module(patches[None])[0]


def _random_case(num_patches, numbers, width, seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = dict(patches=(num_patches, numbers), weight=(width, numbers), class_token=(width,),
                  positions=(1 + num_patches, width))
    return {name: torch.randint(-3, 4, shape, generator=generator).float() for name, shape in shapes.items()}


def check_embed_patches(yours):
    one = dict(patches=torch.tensor([[1.0, 2.0]]), weight=torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]),
               class_token=torch.full((3,), 5.0), positions=torch.tensor([[0.5] * 3, [0.1] * 3]))
    sizes = [(2, 3, 4), (4, 3, 3), (9, 12, 8), (64, 192, 96)]
    cases = [one, *(_random_case(*size, seed) for seed, size in enumerate(sizes))]
    compare(yours, embed_patches, cases,
            because="The class token is first, and every vector gets its own position.")


wrong_embed_patches = {
    "puts the class token last": lambda patches, weight, class_token, positions: torch.cat(
        [patches @ weight.T, class_token[None]]) + positions,
    "gives the class token no position": lambda patches, weight, class_token, positions: torch.cat(
        [class_token[None], patches @ weight.T + positions[1:]]),
    "forgets the positions": lambda patches, weight, class_token, positions: torch.cat(
        [class_token[None], patches @ weight.T]),
    "gives each patch its neighbour's position": lambda patches, weight, class_token, positions: torch.cat(
        [class_token[None] + positions[-1:], patches @ weight.T + positions[:-1]]),
}


# the three steps of make hint

HINTS = {
    "to_patches": (
        "Two loops, over the rows and columns of patches, are enough; a formula without loops is for "
        "later.",
        "A step of patch_size in each loop gives the top left corner of every patch. What is sliced "
        "from there?",
        "image[top:top + patch_size, left:left + patch_size] is a patch, and .reshape(-1) flattens it "
        "in just this order.",
    ),
    "normalise_pixels": (
        "Take one pixel of one color by hand: what are the two steps from 255 to its number?",
        "All pixels of a color have the same mean. You need no loop over pixels or colors.",
        "numpy broadcasts mean and std over the last axis.",
    ),
    "sincos_position": (
        "Count first: there are four parts of width / 4 numbers each.",
        "Make all frequencies once. Each part is one function (sine or cosine) of one coordinate times "
        "all of them.",
        "10.0 ** (-torch.arange(n) / n) are all n frequencies at once; torch.cat joins the four parts.",
    ),
    "embed_patches": (
        "A linear layer for each patch is one product of two matrices for all of them.",
        "Three steps: product, class token in front, positions added. Look at the shape after each.",
        "patches @ weight.T; class_token[None] is a list of one vector.",
    ),
}
