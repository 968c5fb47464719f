"""Answers to the page on changing the world. Try first."""
import torch
import torch.nn.functional as F

from data.scenes.easy import COLORS
from lessons.compare import compare


# nearest_color

def nearest_color(color, colors):
    distances = {name: sum(abs(a - b) for a, b in zip(color, other)) for name, other in colors.items()}
    name = min(distances, key=distances.get)
    return name, distances[name]


def check_nearest_color(yours):
    two = {"black": (0, 0, 0), "white": (255, 255, 255)}
    cases = [dict(color=(10, 0, 0), colors=two), dict(color=(250, 250, 240), colors=two),
             dict(color=(20, 158, 158), colors=COLORS), dict(color=(240, 200, 30), colors=COLORS),
             dict(color=(1, 1, 1), colors={"b": (0, 1, 1), "a": (1, 0, 1)}),
             dict(color=(100, 0, 0), colors={"wide": (60, 40, 0), "far": (10, 0, 0)})]
    compare(yours, nearest_color, cases, because="The sum of the three differences, without their signs.")


def _nearest_signed(color, colors):
    distances = {name: sum(a - b for a, b in zip(color, other)) for name, other in colors.items()}
    name = min(distances, key=lambda each: abs(distances[each]))
    return name, abs(distances[name])


def _nearest_by_largest(color, colors):
    distances = {name: max(abs(a - b) for a, b in zip(color, other)) for name, other in colors.items()}
    name = min(distances, key=distances.get)
    return name, distances[name]


wrong_nearest_color = {
    "lets differences of other signs cancel": _nearest_signed,
    "takes the largest difference, not the sum": _nearest_by_largest,
    "gives the distance to the last colour": lambda color, colors: (
        nearest_color(color, colors)[0], nearest_color(color, dict([list(colors.items())[-1]]))[1]),
}


# split_of

def split_of(colors, held_out, checksum):
    if held_out & set(zip(colors, colors[1:])):
        return "novel"
    return "train" if checksum % 8 else "val"


def check_split_of(yours):
    pairs = {("red", "green"), ("blue", "yellow")}
    cases = [dict(colors=("red", "green", "blue"), held_out=pairs, checksum=5),
             dict(colors=("green", "red", "blue"), held_out=pairs, checksum=5),
             dict(colors=("red", "purple", "green"), held_out=pairs, checksum=8),
             dict(colors=("orange", "blue", "yellow"), held_out=pairs, checksum=8),
             dict(colors=("orange", "yellow", "blue"), held_out=pairs, checksum=7)]
    compare(yours, split_of, cases, because="Held-out pairs come first, then the checksum.")


def _split_unordered(colors, held_out, checksum):
    either_way = held_out | {(below, above) for above, below in held_out}
    return split_of(colors, either_way, checksum)


def _split_anywhere(colors, held_out, checksum):
    above = {(a, b) for i, a in enumerate(colors) for b in colors[i + 1:]}
    return "novel" if held_out & above else split_of(colors, set(), checksum)


wrong_split_of = {
    "holds out a pair upside down, too": _split_unordered,
    "takes pairs that do not touch": _split_anywhere,
    "asks the checksum first": lambda colors, held_out, checksum: (
        split_of(colors, held_out, checksum) if checksum % 8 else "val"),
}


# mean_pool

def mean_pool(features, pool_idx):
    return F.pad(features, (0, 0, 0, 1))[pool_idx].mean(dim=1)


def check_mean_pool(yours):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(6, 3, generator=generator)
    cases = [dict(features=torch.tensor([[2.0], [4.0], [6.0]]), pool_idx=torch.tensor([[0, 1], [2, 0]])),
             dict(features=torch.tensor([[2.0], [4.0], [6.0]]), pool_idx=torch.tensor([[0, 1], [1, -1]])),
             dict(features=features, pool_idx=torch.tensor([[0, 1, 3, 4], [2, -1, 5, -1]]))]
    compare(yours, mean_pool, cases, because="The mean over the window; -1 is a patch of zeros.")


def _mean_of_real(features, pool_idx):
    here = (pool_idx >= 0)[..., None]
    return (features[pool_idx.clamp(min=0)] * here).sum(dim=1) / here.sum(dim=1)


wrong_mean_pool = {
    "lets -1 mean the last patch": lambda features, pool_idx: features[pool_idx].mean(dim=1),
    "divides by the patches that are there": _mean_of_real,
    "adds and does not divide": lambda features, pool_idx: mean_pool(features, pool_idx) * pool_idx.shape[1],
}


# the three steps of make hint

HINTS = {
    "nearest_color": (
        "One number for each colour of the dictionary, then the smallest of them.",
        "min(distances, key=distances.get) is the name of the smallest; the first of equal ones.",
        "sum(abs(a - b) for a, b in zip(color, other)), for each other colour.",
    ),
    "split_of": (
        "Which stripes touch? zip(colors, colors[1:]) are the pairs of neighbours.",
        "Two sets have something in common if a & b is not empty.",
        'if held_out & set(zip(colors, colors[1:])): "novel"; then "train" if checksum % 8 else "val".',
    ),
    "mean_pool": (
        "features[pool_idx] has the shape (V, K, D). What does -1 select there?",
        "Put a row of zeros after the last patch: then -1 selects it.",
        "F.pad(features, (0, 0, 0, 1))[pool_idx].mean(dim=1).",
    ),
}
