"""The answers to lesson 06: the library's own functions, and slips that are easily made. Try first."""
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from lessons.compare import compare
from minimolmo.config import ImageConfig
from minimolmo.image.tiler import window_patches
from minimolmo.model.molmo import IM_PATCH, MiniMolmo
from minimolmo.model.pooling import AttentionPooling


def _random(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).round(2)


# window

def window(row, col, side):
    image = ImageConfig(crop_size=side, patch_size=1, margins=(0, 0))
    return window_patches(image)[row * image.pooled_side + col].tolist()


def check_window(yours):
    places = [(0, 0, 8), (0, 1, 8), (1, 0, 8), (3, 3, 8), (1, 1, 4), (11, 5, 24), (0, 1, 3), (1, 1, 3),
              (13, 13, 27)]
    compare(yours, window, [dict(row=row, col=col, side=side) for row, col, side in places],
            because="Two neighbours, and the two below them, `side` patches further on; -1 beyond the edge.")


wrong_window = {
    "takes four patches in one row": lambda row, col, side: [
        (2 * row * side + 4 * col + n) % side ** 2 for n in range(4)],
    "swaps row and column": lambda row, col, side: window(col, row, side),
    "forgets that a window is two patches high": lambda row, col, side: [
        n - row * side if n >= 0 else n for n in window(row, col, side)],
    "takes the patch over the edge from the next row": lambda row, col, side: [
        (2 * row + y) * side + 2 * col + x for y in (0, 1) for x in (0, 1)],
}


# pool_window

def pool_window(reports):
    width = reports.shape[1]
    pooling = AttentionPooling(width, width, heads=1).double()
    with torch.no_grad():
        for layer in pooling.attention.children():
            nn.init.eye_(layer.weight)
            nn.init.zeros_(layer.bias)
        features = torch.tensor(reports, dtype=torch.float64)
        return pooling(features, torch.arange(len(reports))[None])[0].numpy()


def check_pool_window(yours):
    cases = [np.array([[5.0]]), np.array([[0.0], [0], [0], [4]]), np.array([[2.0], [2], [2], [2]]),
             np.array([[4.0, 0], [0, 0], [0, 0], [0, 2]]), _random(0, 4, 4), 3 * _random(1, 4, 8)]
    compare(yours, pool_window, [dict(reports=case) for case in cases],
            because="The mean asks, softmax of question . report / root of D weighs, the reports are summed.")


def _pool(reports, question=None, scale=None):
    question = reports.mean(axis=0) if question is None else question
    scores = np.exp(reports @ question / (reports.shape[1] ** 0.5 if scale is None else scale))
    return scores / scores.sum() @ reports


wrong_pool_window = {
    "takes the plain mean": lambda reports: reports.mean(axis=0),
    "forgets the root of D": lambda reports: _pool(reports, scale=1.0),
    "divides by the number of reports": lambda reports: _pool(reports, scale=len(reports)),
    "asks with the first report and not with the mean": lambda reports: _pool(reports, reports[0]),
    "weighs by the scores without e": lambda reports: (lambda scores: scores / (scores.sum() or 1) @ reports)(
        reports @ reports.mean(axis=0) / reports.shape[1] ** 0.5),
}


# tell_padding

def tell_padding(features, real, nothing, partly):
    model = SimpleNamespace(vit=lambda patches: patches, padding=torch.tensor(np.stack([nothing, partly])))
    return MiniMolmo.encode_crops(model, torch.tensor(features), torch.tensor(real)).numpy()


def check_tell_padding(yours):
    each = dict(nothing=np.array([7.0]), partly=np.array([3.0]))
    cases = [dict(features=np.zeros((1, 1)), real=np.array([share]), **each) for share in (1.0, 0.0, 0.5)]
    cases += [dict(features=_random(0, 4, 2), real=np.array([1, 0.01, 0, 0.99]), nothing=_random(1, 2),
                   partly=_random(2, 2))]
    compare(yours, tell_padding, cases, because="Only a patch that is all picture is left as it is.")


wrong_tell_padding = {
    "swaps the two vectors": lambda features, real, nothing, partly: tell_padding(
        features, real, partly, nothing),
    "tells a patch without picture that it is partly padding too": lambda features, real, nothing, partly: (
        features + (real == 0)[:, None] * nothing + (real < 1)[:, None] * partly),
    "takes less than half a picture for none": lambda features, real, nothing, partly: tell_padding(
        features, real.round(), nothing, partly),
}


# splice

def splice(ids, words, visual, im_patch):
    decoder = SimpleNamespace(vocab=im_patch - IM_PATCH)
    model = SimpleNamespace(config=SimpleNamespace(decoder=decoder))
    words, ids, visual = torch.tensor(words)[None], torch.tensor([ids]), torch.tensor(visual)
    return MiniMolmo.splice(model, words, ids, visual)[0].numpy()


def check_splice(yours):
    toy = dict(words=np.array([[1, 1], [5, 5], [3, 3]]), visual=np.array([[10, 20]]), im_patch=7)
    cases = [dict(ids=[1, 7, 3], **toy),
             dict(ids=[7, 7, 3], words=toy["words"], visual=np.array([[10, 20], [30, 40]]), im_patch=7),
             dict(ids=[7, 1, 7, 7], words=_random(0, 4, 2), visual=_random(1, 3, 2), im_patch=7),
             dict(ids=[1, 2, 3], words=toy["words"], visual=np.zeros((0, 2), int), im_patch=7)]
    compare(yours, splice, cases,
            because="The k-th im_patch gets the k-th visual token, added to its vector.")


def _spliced(ids, words, visual, im_patch, keep=1, order=1, spread=False):
    words, here = words.copy(), [place for place, number in enumerate(ids) if number == im_patch]
    for place, token in zip(here, visual[::order]):
        words[place] = keep * words[place] + (visual[0] if spread else token)
    return words


wrong_splice = {
    "replaces the word's vector": lambda **case: _spliced(**case, keep=0),
    "puts the last visual token first": lambda **case: _spliced(**case, order=-1),
    "adds the first visual token everywhere": lambda **case: _spliced(**case, spread=True),
}
