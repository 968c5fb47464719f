"""The answers to lesson 02: the library's own functions, and slips that are easily made. Try first."""
import numpy as np
import torch

from lessons.compare import compare
from minimolmo.config import ImageConfig, VisionConfig
from minimolmo.image import resize, tiler
from minimolmo.model import patch_embed

# tear

def tear(image, size):
    config = ImageConfig(crop_size=len(image), patch_size=size, margins=(0, 0))
    return tiler.to_patches(image[None], config)[0]


def _toy(side):
    """A picture whose numbers say row, column, channel."""
    y, x, channel = np.indices((side, side, 3))
    return 100 * y + 10 * x + channel


def check_tear(yours):
    sizes = [(1, 1), (2, 2), (2, 1), (4, 2), (6, 3), (8, 2)]
    compare(yours, tear, [dict(image=_toy(side), size=size) for side, size in sizes],
            because="The digits of a number are its row, column and channel: patches row by row, and in a "
                    "patch (y, x, channel).")


def _pieces(image, size):
    side = len(image) // size
    return image.reshape(side, size, side, size, 3)


wrong_tear = {
    "puts all reds first, then greens, then blues": lambda image, size: tear(image, size).reshape(
        -1, size * size, 3).swapaxes(1, 2).reshape(-1, 3 * size * size),
    "reads the patches column by column": lambda image, size: _pieces(image, size).transpose(
        2, 0, 1, 3, 4).reshape(-1, 3 * size * size),
    "reads each patch column by column": lambda image, size: _pieces(image, size).transpose(
        0, 2, 3, 1, 4).reshape(-1, 3 * size * size),
    "cuts the flat picture into pieces and not the square": lambda image, size: image.reshape(
        -1, 3 * size * size),
}


# even_out

def even_out(pixels, mean, spread):
    """The library's `normalise` knows CLIP's mean and spread alone: bring others there and back."""
    as_clips = (pixels / 255 - mean) / spread * resize.STD + resize.MEAN
    return resize.normalise(as_clips)


def check_even_out(yours):
    half, quarter = np.full(3, 0.5), np.full(3, 0.25)
    mean, spread = np.array([0.5, 0.4, 0.0]), np.array([0.25, 0.2, 0.1])
    photo = np.random.default_rng(0).integers(0, 256, (4, 5, 3))
    cases = [dict(pixels=np.array([255, 0, 51]), mean=half, spread=quarter),
             dict(pixels=np.array([255, 0, 51]), mean=mean, spread=spread),
             dict(pixels=photo, mean=mean, spread=spread),
             dict(pixels=photo, mean=resize.MEAN.astype(float), spread=resize.STD.astype(float))]
    compare(yours, even_out, cases, because="(pixel / 255 - mean) / spread, for each colour on its own.")


wrong_even_out = {
    "forgets to divide by 255": lambda pixels, mean, spread: (pixels - mean) / spread,
    "multiplies by the spread": lambda pixels, mean, spread: (pixels / 255 - mean) * spread,
    "takes red's mean and spread for all colours": lambda pixels, mean, spread: (
        pixels / 255 - mean[0]) / spread[0],
}


# wave

def wave(column, row, width):
    side = max(column, row) + 1
    return patch_embed.sincos_positions(side, width)[row * side + column]


def check_wave(yours):
    cases = [dict(column=c, row=r, width=w) for c, r, w in
             [(0, 0, 4), (1, 0, 4), (2, 1, 4), (0, 3, 8), (5, 2, 8), (7, 6, 96)]]
    compare(yours, wave, cases, because="Sines of the column, then its cosines, then the same for the row.")


wrong_wave = {
    "swaps column and row": lambda column, row, width: wave(row, column, width),
    "puts each rate's sine and cosine side by side": lambda column, row, width: wave(
        column, row, width).reshape(2, 2, -1).transpose(1, 2).reshape(-1),
    "gives every hand the same rate": lambda column, row, width: torch.cat(
        [part[:1].expand(width // 4) for part in wave(column, row, width).reshape(4, -1)]),
}


# embed

@torch.no_grad()
def embed(patches, form, class_token, positions):
    image = ImageConfig(crop_size=1, patch_size=1, margins=(0, 0), pool=1)
    module = patch_embed.PatchEmbed(image, VisionConfig(width=4, layers=2, heads=1, mlp=1))
    module.project.weight.data, module.class_token.data, module.positions.data = form, class_token, positions
    module.norm = torch.nn.Identity()
    return module(patches[None])[0]


def _random(patches, numbers, width, seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = dict(patches=(patches, numbers), form=(width, numbers), class_token=(width,),
                  positions=(1 + patches, width))
    return {name: torch.randint(-3, 4, shape, generator=generator).float() for name, shape in shapes.items()}


def check_embed(yours):
    one = dict(patches=torch.tensor([[1.0, 2.0]]), form=torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]),
               class_token=torch.full((3,), 5.0), positions=torch.tensor([[0.5] * 3, [0.1] * 3]))
    cases = [one, _random(2, 3, 4, 0), _random(4, 3, 3, 1), _random(9, 12, 8, 2), _random(64, 192, 96, 3)]
    compare(yours, embed, cases, because="The class token is first, and every vector gets its own position.")


wrong_embed = {
    "puts the class token last": lambda patches, form, class_token, positions: torch.cat(
        [patches @ form.T, class_token[None]]) + positions,
    "gives the class token no position": lambda patches, form, class_token, positions: torch.cat(
        [class_token[None], patches @ form.T + positions[1:]]),
    "forgets the positions": lambda patches, form, class_token, positions: torch.cat(
        [class_token[None], patches @ form.T]),
    "gives each patch its neighbour's position": lambda patches, form, class_token, positions: torch.cat(
        [class_token[None] + positions[-1:], patches @ form.T + positions[:-1]]),
}
