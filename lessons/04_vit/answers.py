"""The answers to lesson 04: the library's own functions, and slips that are easily made. Try first."""
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

def layer_norm(drafts, eps=1e-5):
    drafts = torch.tensor(drafts, dtype=torch.float64)
    return nn.functional.layer_norm(drafts, drafts.shape[1:], eps=eps).numpy()


def check_layer_norm(yours):
    cases = [dict(drafts=np.array([[1.0, 1, 5, 5]])),
             dict(drafts=np.array([[1.0, 1, 5, 5], [80, 20, 20, 80]])),
             dict(drafts=np.array([[3.0, 3, 3, 3]])), dict(drafts=np.array([[0.001, 0.002]])),
             dict(drafts=_random(0, 3, 8)), dict(drafts=_random(1, 2, 4), eps=1.0)]
    compare(yours, layer_norm, cases, because="Each row by itself: (row - mean) / root of (variance + eps).")


def _norm(x, eps=1e-5, axis=1, ddof=0, power=0.5):
    variance = x.var(axis=axis, keepdims=True, ddof=ddof)
    return (x - x.mean(axis=axis, keepdims=True)) / (variance + eps) ** power


wrong_layer_norm = {
    "norms each column and not each row": lambda drafts, eps=1e-5: _norm(drafts, eps, axis=0),
    "divides by the variance and not by its root": lambda drafts, eps=1e-5: _norm(drafts, eps, power=1),
    "divides by D - 1 in the variance": lambda drafts, eps=1e-5: _norm(drafts, eps, ddof=1),
    "forgets to subtract the mean": lambda drafts, eps=1e-5: drafts / (
        drafts.var(axis=1, keepdims=True) + eps) ** 0.5,
}


# one_round

class _Times(nn.Module):
    """Stands where a block has its attention or its MLP, and multiplies by a matrix."""

    def __init__(self, left=None, right=None):
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x, _asked=None):
        return x @ self.right if self.left is None else self.left @ x


def one_round(drafts, listen, think):
    block = VisionBlock(VisionConfig(width=drafts.shape[1], layers=1, heads=1, mlp=1, feature_layers=(-1, -1))).double()
    block.attention, block.mlp = _Times(left=torch.tensor(listen)), _Times(right=torch.tensor(think))
    with torch.no_grad():
        return block(torch.tensor(drafts, dtype=torch.float64)).numpy()


def check_one_round(yours):
    draft = np.array([[1.0, 1, 5, 5]])
    cases = [dict(drafts=draft, listen=np.zeros((1, 1)), think=np.zeros((4, 4))),
             dict(drafts=draft, listen=np.ones((1, 1)), think=np.zeros((4, 4))),
             dict(drafts=draft, listen=np.zeros((1, 1)), think=np.eye(4)),
             dict(drafts=_random(0, 3, 4), listen=np.full((3, 3), 1 / 3), think=np.zeros((4, 4))),
             dict(drafts=_random(1, 3, 4), listen=_random(2, 3, 3), think=_random(3, 4, 4))]
    compare(yours, one_round, cases, because="Norm, listen, add; then norm what that gave, think, add.")


def _round(drafts, listen, think, keep=1.0, fresh=True):
    heard = keep * drafts + listen @ layer_norm(drafts)
    return keep * heard + layer_norm(heard if fresh else drafts) @ think


wrong_one_round = {
    "throws the old drafts away": lambda **case: _round(**case, keep=0.0),
    "thinks over the drafts as they were before listening": lambda **case: _round(**case, fresh=False),
    "norms after adding and not before listening and thinking": lambda drafts, listen, think: (
        lambda heard: layer_norm(heard + heard @ think))(layer_norm(drafts + listen @ drafts)),
}


# tap

def tap(outputs, taps):
    """The library's forward on a ViT whose embedding and blocks hand out what they are given."""
    rows, width = outputs[0].shape
    image = ImageConfig(crop_size=1, patch_size=1, margins=(0, 0), pool=1)
    config = VisionConfig(width=4, layers=len(outputs), heads=1, mlp=1, feature_layers=taps)
    vit = VisionTransformer(image, config)
    vit.embed = nn.Identity()
    vit.embed.first = 1  # the class token's row
    vit.blocks = nn.ModuleList(_Hands(torch.tensor(output)[None]) for output in outputs)
    return vit(torch.zeros(1, rows, width))[0].numpy()


class _Hands(nn.Module):
    """A block that puts out one thing, whatever comes in."""

    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, _x):
        return self.output


def check_tap(yours):
    two = [np.array([[0, 0], [1, 2]]), np.array([[9, 9], [3, 4]])]
    many = [np.arange(6).reshape(3, 2) + 10 * n for n in range(1, 5)]
    cases = [dict(outputs=two, taps=(-1, -2)), dict(outputs=two, taps=(-2, -1)),
             dict(outputs=many, taps=(-1, -2)), dict(outputs=many, taps=(-2, -4)),
             dict(outputs=many, taps=(-2, -2))]
    compare(yours, tap, cases,
            because="The first tap left, the second right; row 0, the class token, is dropped.")


wrong_tap = {
    "swaps the two taps": lambda outputs, taps: tap(outputs, taps[::-1]),
    "keeps the class token": lambda outputs, taps: np.concatenate([outputs[t] for t in taps], axis=1),
    "drops the last row and not the first": lambda outputs, taps: np.concatenate(
        [outputs[t] for t in taps], axis=1)[:-1],
    "counts one block too far from the end": lambda outputs, taps: tap(
        outputs, [max(t - 1, -len(outputs)) for t in taps]),
    "adds the two and does not lay them side by side": lambda outputs, taps: (
        outputs[taps[0]] + outputs[taps[1]])[1:],
}


# what_covers

def what_covers(side, things, least):
    things = torch.tensor([[*thing, 0, 0] for thing in things], dtype=torch.float32).reshape(-1, 6)
    boxes = patch_boxes(torch.tensor([[0.0, 0, 100, 100]]), side)[0]
    return match_boxes(boxes, things[None], least).reshape(side, side).numpy()


def check_what_covers(yours):
    cases = [dict(side=2, things=[(75, 25, 50, 50)], least=0.5),
             dict(side=2, things=[(25, 75, 50, 50)], least=0.5),
             dict(side=4, things=[(50, 50, 50, 50)], least=0.5),
             dict(side=4, things=[(50, 50, 60, 60)], least=0.5),
             dict(side=4, things=[(12, 12, 4, 4)], least=0.5), dict(side=2, things=[], least=0.5),
             dict(side=2, things=[(20, 50, 30, 100), (40, 50, 20, 100)], least=0.25),
             dict(side=8, things=[(30.5, 41, 22, 22), (70, 61, 18, 18), (15.5, 80, 25, 25)], least=0.5)]
    compare(yours, what_covers, cases, draw=True,
            because="The thing with the largest overlap, as a share of the smaller area, if that is enough.")


wrong_what_covers = {
    "swaps x and y": lambda side, things, least: what_covers(side, things, least).T,
    "takes x, y for the thing's corner": lambda side, things, least: what_covers(
        side, [(x + w / 2, y + h / 2, w, h) for x, y, w, h in things], least),
    "takes width and height for half of them": lambda side, things, least: what_covers(
        side, [(x, y, 2 * w, 2 * h) for x, y, w, h in things], least),
    "takes every patch that a thing touches": lambda side, things, least: what_covers(side, things, 1e-9),
}
