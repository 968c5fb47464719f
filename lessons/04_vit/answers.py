"""The answers to lesson 04: the library's own functions, and common mistakes. Try first."""
import numpy as np
import torch
from torch import nn

from lessons.compare import compare
from minimolmo.config import ImageConfig, VisionConfig
from minimolmo.model.vit import VisionBlock, VisionTransformer
from minimolmo.training.auxiliary import match_boxes, patch_boxes


def _random(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).round(2)


# layer_norm

def layer_norm(x, eps=1e-5):
    x = torch.tensor(x, dtype=torch.float64)
    return nn.functional.layer_norm(x, x.shape[1:], eps=eps).numpy()


def check_layer_norm(yours):
    cases = [dict(x=np.array([[1.0, 1, 5, 5]])),
             dict(x=np.array([[1.0, 1, 5, 5], [80, 20, 20, 80]])),
             dict(x=np.array([[3.0, 3, 3, 3]])), dict(x=np.array([[0.001, 0.002]])),
             dict(x=_random(0, 3, 8)), dict(x=_random(1, 2, 4), eps=1.0)]
    compare(yours, layer_norm, cases,
            because="Each row alone: (row - mean) / square root of (variance + eps).")


def _norm(x, eps=1e-5, axis=1, ddof=0, power=0.5):
    variance = x.var(axis=axis, keepdims=True, ddof=ddof)
    return (x - x.mean(axis=axis, keepdims=True)) / (variance + eps) ** power


wrong_layer_norm = {
    "norms each column and not each row": lambda x, eps=1e-5: _norm(x, eps, axis=0),
    "divides by the variance and not by its square root": lambda x, eps=1e-5: _norm(x, eps, power=1),
    "divides by D - 1 in the variance": lambda x, eps=1e-5: _norm(x, eps, ddof=1),
    "does not subtract the mean": lambda x, eps=1e-5: x / (x.var(axis=1, keepdims=True) + eps) ** 0.5,
}


# vision_block

class _MatrixProduct(nn.Module):
    """Replaces a block's attention by left @ x, or its MLP by x @ right."""

    def __init__(self, left=None, right=None):
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x, _context=None):
        return x @ self.right if self.left is None else self.left @ x


def vision_block(x, weights, mlp):
    config = VisionConfig(width=x.shape[1], layers=1, heads=1, mlp=1, feature_layers=(-1, -1))
    block = VisionBlock(config).double()
    block.attention, block.mlp = (_MatrixProduct(left=torch.tensor(weights)),
                                  _MatrixProduct(right=torch.tensor(mlp)))
    with torch.no_grad():
        return block(torch.tensor(x, dtype=torch.float64)).numpy()


def check_vision_block(yours):
    row = np.array([[1.0, 1, 5, 5]])
    cases = [dict(x=row, weights=np.zeros((1, 1)), mlp=np.zeros((4, 4))),
             dict(x=row, weights=np.ones((1, 1)), mlp=np.zeros((4, 4))),
             dict(x=row, weights=np.zeros((1, 1)), mlp=np.eye(4)),
             dict(x=_random(0, 3, 4), weights=np.full((3, 3), 1 / 3), mlp=np.zeros((4, 4))),
             dict(x=_random(1, 3, 4), weights=_random(2, 3, 3), mlp=_random(3, 4, 4))]
    compare(yours, vision_block, cases,
            because="Norm, attention, add; then norm the new x, MLP, add.")


def _block(x, weights, mlp, keep=1.0, norm_new=True):
    attended = keep * x + weights @ layer_norm(x)
    return keep * attended + layer_norm(attended if norm_new else x) @ mlp


def _post_norm_block(x, weights, mlp):
    x = layer_norm(x + weights @ x)
    return layer_norm(x + x @ mlp)


wrong_vision_block = {
    "replaces x and does not add to it": lambda **case: _block(**case, keep=0.0),
    "gives the MLP the x before attention": lambda **case: _block(**case, norm_new=False),
    "norms after adding and not before attention and MLP": _post_norm_block,
}


# concat_layers

def concat_layers(outputs, layers):
    """The library's forward, on a ViT whose blocks return the given outputs."""
    rows, width = outputs[0].shape
    image = ImageConfig(crop_size=1, patch_size=1, margins=(0, 0), pool=1)
    config = VisionConfig(width=4, layers=len(outputs), heads=1, mlp=1, feature_layers=layers)
    vit = VisionTransformer(image, config)
    vit.embed = nn.Identity()
    vit.embed.num_prefix = 1  # the class token's row
    vit.blocks = nn.ModuleList(_Constant(torch.tensor(output)[None]) for output in outputs)
    return vit(torch.zeros(1, rows, width))[0].numpy()


class _Constant(nn.Module):
    """A block with the same output for every input."""

    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, _x):
        return self.output


def check_concat_layers(yours):
    two = [np.array([[0, 0], [1, 2]]), np.array([[9, 9], [3, 4]])]
    many = [np.arange(6).reshape(3, 2) + 10 * n for n in range(1, 5)]
    cases = [dict(outputs=two, layers=(-1, -2)), dict(outputs=two, layers=(-2, -1)),
             dict(outputs=many, layers=(-1, -2)), dict(outputs=many, layers=(-2, -4)),
             dict(outputs=many, layers=(-2, -2))]
    compare(yours, concat_layers, cases,
            because="The first layer left, the second right; row 0, the class token, is dropped.")


def _concat(outputs, layers):
    return np.concatenate([outputs[layer] for layer in layers], axis=1)


wrong_concat_layers = {
    "swaps the two layers": lambda outputs, layers: concat_layers(outputs, layers[::-1]),
    "keeps the class token": _concat,
    "drops the last row and not the first": lambda outputs, layers: _concat(outputs, layers)[:-1],
    "counts one block too far from the end": lambda outputs, layers: concat_layers(
        outputs, [max(layer - 1, -len(outputs)) for layer in layers]),
    "adds the two outputs and does not concatenate them": lambda outputs, layers: (
        outputs[layers[0]] + outputs[layers[1]])[1:],
}


# match_patches

def match_patches(side, boxes, min_overlap):
    thing_boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    patches = patch_boxes(torch.tensor([[0.0, 0, 100, 100]]), side)[0]
    return match_boxes(patches, thing_boxes[None], min_overlap).reshape(side, side).numpy()


def check_match_patches(yours):
    cases = [dict(side=2, boxes=[(75, 25, 50, 50)], min_overlap=0.5),
             dict(side=2, boxes=[(25, 75, 50, 50)], min_overlap=0.5),
             dict(side=2, boxes=[(50, 25, 100, 40)], min_overlap=0.5),
             dict(side=2, boxes=[(50, 25, 50, 50)], min_overlap=0.5),
             dict(side=2, boxes=[(100, 25, 50, 50), (25, 100, 50, 50)], min_overlap=0.5),
             dict(side=2, boxes=[(25, 25, 50, 50), (25, 25, 50, 50)], min_overlap=0.5),
             dict(side=2, boxes=[(25, 25, 50, 50), (75, 75, 50, 50)], min_overlap=0.005),
             dict(side=4, boxes=[(50, 50, 50, 50)], min_overlap=0.5),
             dict(side=4, boxes=[(50, 50, 60, 60)], min_overlap=0.5),
             dict(side=4, boxes=[(12, 12, 4, 4)], min_overlap=0.5), dict(side=2, boxes=[], min_overlap=0.5),
             dict(side=2, boxes=[(20, 50, 30, 100), (40, 50, 20, 100)], min_overlap=0.25),
             dict(side=8, boxes=[(30.5, 41, 22, 22), (70, 61, 18, 18), (15.5, 80, 25, 25)], min_overlap=0.5)]
    compare(yours, match_patches, cases, draw=True,
            because="The object with the largest overlap, as a fraction of the smaller area, or -1.")


wrong_match_patches = {
    "swaps x and y": lambda side, boxes, min_overlap: match_patches(side, boxes, min_overlap).T,
    "takes x, y for the object's corner": lambda side, boxes, min_overlap: match_patches(
        side, [(x + w / 2, y + h / 2, w, h) for x, y, w, h in boxes], min_overlap),
    "takes width and height for half of them": lambda side, boxes, min_overlap: match_patches(
        side, [(x, y, 2 * w, 2 * h) for x, y, w, h in boxes], min_overlap),
    "takes every patch that an object touches": lambda side, boxes, min_overlap: match_patches(
        side, boxes, 1e-9),
}


# the three steps of make hint

HINTS = {
    "layer_norm": (
        "Work on one row with paper and pencil: what is subtracted, what is divided by?",
        "Mean and variance are one number for each row. Keep the axis, or they meet the wrong rows.",
        "x.mean(axis=1, keepdims=True) gives one number for each row, in the shape (T, 1).",
    ),
    "vision_block": (
        "There are two residual steps, and each normalises what it reads, not what it adds to.",
        "The second step reads the x that the first one wrote.",
        "two lines. Attention and the MLP get the normed x; their result is added to x itself.",
    ),
    "concat_layers": (
        "Python counts from the end just as the config does.",
        "Two things are done: columns side by side, and one row dropped. Mind which axis is which.",
        "np.concatenate([...], axis=1), then [1:].",
    ),
    "match_patches": (
        "Write down the rectangle of one patch, then of one object, in percent. How wide is their "
        "common part?",
        "The denominator is the smaller of the two areas, so a small object inside a patch counts as a "
        "whole overlap.",
        "an intersection is min(right edges) - max(left edges) wide; if that is negative, there is "
        "none.",
    ),
}
