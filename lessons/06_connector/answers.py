"""The answers to lesson 06: the library's own functions, and common mistakes. Try first."""
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from lessons.compare import compare
from minimolmo.config import ImageConfig
from minimolmo.image.tiler import window_patch_ids
from minimolmo.model.molmo import IM_PATCH, MiniMolmo
from minimolmo.model.pooling import AttentionPooling


def _random(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).round(2)


# window

def window(row, col, side):
    image = ImageConfig(crop_size=side, patch_size=1, margins=(0, 0))
    return window_patch_ids(image)[row * image.pooled_side + col].tolist()


def check_window(yours):
    windows = [(0, 0, 8), (0, 1, 8), (1, 0, 8), (3, 3, 8), (1, 1, 4), (11, 5, 24), (0, 1, 3), (1, 1, 3),
               (13, 13, 27)]
    compare(yours, window, [dict(row=row, col=col, side=side) for row, col, side in windows],
            because="Two neighbours, and the two below them, `side` patches further on; -1 beyond the edge.")


wrong_window = {
    "takes four patches in one row": lambda row, col, side: [
        (2 * row * side + 4 * col + n) % side ** 2 for n in range(4)],
    "swaps row and column": lambda row, col, side: window(col, row, side),
    "forgets that a window is two patches high": lambda row, col, side: [
        n - row * side if n >= 0 else n for n in window(row, col, side)],
    "takes a patch of the next row where there is none": lambda row, col, side: [
        (2 * row + y) * side + 2 * col + x for y in (0, 1) for x in (0, 1)],
}


# pool_window

def pool_window(features):
    width = features.shape[1]
    pooling = AttentionPooling(width, width, heads=1).double()
    with torch.no_grad():
        for layer in pooling.attention.children():
            nn.init.eye_(layer.weight)
            nn.init.zeros_(layer.bias)
        features = torch.tensor(features, dtype=torch.float64)
        return pooling(features, torch.arange(len(features))[None])[0].numpy()


def check_pool_window(yours):
    cases = [np.array([[5.0]]), np.array([[0.0], [0], [0], [4]]), np.array([[2.0], [2], [2], [2]]),
             np.array([[4.0, 0], [0, 0], [0, 0], [0, 2]]), _random(0, 4, 4), 3 * _random(1, 4, 8)]
    compare(yours, pool_window, [dict(features=case) for case in cases],
            because="The query is the mean; weights are the softmax of query . feature / square root of D.")


def _pool(features, query=None, scale=None):
    query = features.mean(axis=0) if query is None else query
    scores = np.exp(features @ query / (features.shape[1] ** 0.5 if scale is None else scale))
    return scores / scores.sum() @ features


def _pool_without_exp(features):
    scores = features @ features.mean(axis=0) / features.shape[1] ** 0.5
    return scores / (scores.sum() or 1) @ features


wrong_pool_window = {
    "takes the plain mean": lambda features: features.mean(axis=0),
    "does not divide by the square root of D": lambda features: _pool(features, scale=1.0),
    "divides by the number of patches": lambda features: _pool(features, scale=len(features)),
    "takes the first patch as the query and not the mean": lambda features: _pool(features, features[0]),
    "takes the scores as weights, without e to the power": _pool_without_exp,
}


# mark_padding

def mark_padding(features, patch_coverage, empty, partly):
    """The library's function, on a model whose ViT returns the features, whatever the patches."""
    model = SimpleNamespace(vit=lambda _patches: torch.tensor(features),
                            padding=torch.tensor(np.stack([empty, partly])))
    patches = torch.zeros(len(features), 3)
    return MiniMolmo.encode_crops(model, patches, torch.tensor(patch_coverage)).numpy()


def check_mark_padding(yours):
    vectors = dict(empty=np.array([7.0]), partly=np.array([3.0]))
    cases = [dict(features=np.zeros((1, 1)), patch_coverage=np.array([fraction]), **vectors)
             for fraction in (1.0, 0.0, 0.5, -1.0)]
    cases += [dict(features=_random(0, 4, 2), patch_coverage=np.array([1, 0.01, 0, 0.99]),
                   empty=_random(1, 2), partly=_random(2, 2))]
    compare(yours, mark_padding, cases, because="Only a patch with coverage 1 is left unchanged.")


wrong_mark_padding = {
    "swaps the two vectors": lambda features, patch_coverage, empty, partly: mark_padding(
        features, patch_coverage, partly, empty),
    "adds both vectors to a patch that is all padding": lambda features, patch_coverage, empty, partly: (
        features + (patch_coverage == 0)[:, None] * empty + (patch_coverage < 1)[:, None] * partly),
    "takes -1 for a whole patch": lambda features, patch_coverage, empty, partly: mark_padding(
        features, np.where(patch_coverage < 0, 1, patch_coverage), empty, partly),
    "rounds the coverage": lambda features, patch_coverage, empty, partly: mark_padding(
        features, patch_coverage.round(), empty, partly),
}


# splice

def splice(ids, embeddings, visual, im_patch):
    decoder = SimpleNamespace(vocab=im_patch - IM_PATCH)
    model = SimpleNamespace(config=SimpleNamespace(decoder=decoder))
    embeddings, ids, visual = torch.tensor(embeddings)[None], torch.tensor([ids]), torch.tensor(visual)
    return MiniMolmo.splice(model, embeddings, ids, visual)[0].numpy()


def check_splice(yours):
    toy = np.array([[1, 1], [5, 5], [3, 3]])
    cases = [dict(ids=[1, 7, 3], embeddings=toy, visual=np.array([[10, 20]]), im_patch=7),
             dict(ids=[7, 7, 3], embeddings=toy, visual=np.array([[10, 20], [30, 40]]), im_patch=7),
             dict(ids=[7, 1, 7, 7], embeddings=_random(0, 4, 2), visual=_random(1, 3, 2), im_patch=7),
             dict(ids=[1, 2, 3], embeddings=toy, visual=np.zeros((0, 2), int), im_patch=7)]
    compare(yours, splice, cases,
            because="The k-th visual token is added to the embedding of the k-th im_patch.")


def _spliced(ids, embeddings, visual, im_patch, keep=1, order=1, first_only=False):
    x, positions = embeddings.copy(), [position for position, token in enumerate(ids) if token == im_patch]
    for position, token in zip(positions, visual[::order]):
        x[position] = keep * x[position] + (visual[0] if first_only else token)
    return x


wrong_splice = {
    "replaces the embedding": lambda **case: _spliced(**case, keep=0),
    "puts the last visual token first": lambda **case: _spliced(**case, order=-1),
    "adds the first visual token everywhere": lambda **case: _spliced(**case, first_only=True),
}


# the three steps of make hint

HINTS = {
    "window": (
        "Number a crop of 5 x 5 patches on paper, and circle window (2, 2).",
        "Find the four pairs (y, x) first. Which of them lie beyond the edge?",
        "patch (y, x) has the number y * side + x, if both y and x are less than side.",
    ),
    "pool_window": (
        "It is attention with a single query, and you know where the query comes from.",
        "Four lines, one for each line of the rule. Scores have the shape (K,).",
        "features @ query gives all K scores at once, weights @ features the result.",
    ),
    "mark_padding": (
        "Three kinds of patches: all padding, partly, and not at all. Two of them get a vector.",
        "A condition on (S,) must meet a vector of (D,). Which axis is missing?",
        "(patch_coverage == 0)[:, None] * empty is (S, D).",
    ),
    "splice": (
        "Visual tokens are used up in order, one for each im_patch token.",
        "Change a copy: the embeddings that you were given belong to the caller.",
        "count the visual tokens used so far. Work on embeddings.copy().",
    ),
}
