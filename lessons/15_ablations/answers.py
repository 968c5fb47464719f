"""The answers to lesson 15: what `tests/tools/ablate.py` does, and plausible mistakes. Try first."""
import sys

import torch

from lessons.compare import compare
from lessons.page import ROOT

sys.path.append(str(ROOT / "tests"))  # the folder of tools/, which is not part of the library
from tools import ablate  # noqa: E402

# gain_and_spread

def gain_and_spread(base, variant):
    """From the variant's line of the library's table."""
    runs = {name: [dict.fromkeys(ablate.SCORES, score) for score in scores]
            for name, scores in {"base": base, "no overlap": variant}.items()}
    line = ablate.summarise(runs)[1]
    return line["caption F1, gained"], line["caption F1, spread"]


def check_gain_and_spread(yours):
    cases = [([0.5], [0.75]), ([0.5, 0.75], [0.25, 0.5]), ([0.5, 0.5], [0.25, 0.75]),
             ([0.9, 0.1], [0.6, 0.5]), ([0.99, 0.90, 0.87], [0.97]), ([0.2, 0.3, 0.7], [0.8, 0.4])]
    compare(yours, gain_and_spread, [dict(base=base, variant=variant) for base, variant in cases],
            because="Means are subtracted; the spread is the distance of seeds of one and the same recipe.")


wrong_gain_and_spread = {
    "has the wrong sign": lambda base, variant: (
        -gain_and_spread(base, variant)[0], gain_and_spread(base, variant)[1]),
    "uses only the base's seeds": lambda base, variant: (
        gain_and_spread(base, variant)[0], max(base) - min(base)),
    "mixes base and variant in the spread": lambda base, variant: (
        gain_and_spread(base, variant)[0], max(base + variant) - min(base + variant)),
    "compares the best seeds": lambda base, variant: (
        max(variant) - max(base), gain_and_spread(base, variant)[1]),
}


# verdict

def verdict(gained, spread, before, after):
    line = {"caption F1, gained": gained, "caption F1, spread": spread}
    return ablate.compare_with_paper(ablate.Variant(paper=("caption F1", before, after)), line)["agrees"]


def check_verdict(yours):
    cases = [(0.5, 0.25, 50.0, 60.0), (0.5, 0.25, 60.0, 50.0), (0.25, 0.5, 50.0, 60.0),
             (-0.5, 0.25, 60.0, 50.0), (-0.25, 0.5, 60.0, 50.0), (-0.5, 0.25, 50.0, 60.0),
             (0.25, 0.25, 50.0, 60.0), (0.5, 0.25, 50.0, 50.0), (-0.5, 0.25, 50.0, 50.0),
             (-0.102, 0.04, 54.1, 46.7), (0.012, 0.03, 52.0, 54.1)]
    compare(yours, verdict, [dict(gained=g, spread=s, before=b, after=a) for g, s, b, a in cases],
            because="First: is the gain, up or down, larger than the spread? Only then its sign counts.")


def _only_direction(gained, spread, before, after):
    return "yes" if gained * (after - before) > 0 else "no"


wrong_verdict = {
    "never says too close": _only_direction,
    "calls every loss too close": lambda gained, spread, before, after: (
        "too close" if gained <= spread else _only_direction(gained, spread, before, after)),
    "compares with the paper's gain instead of the spread": lambda gained, spread, before, after: (
        "too close" if abs(gained) <= abs(after - before) else _only_direction(gained, 0, before, after)),
}


# stack

def stack(features, pool_idx):
    pooling = ablate.StackPooling(features.shape[1], 1, heads=1, window=pool_idx.shape[1])
    pooling.out = torch.nn.Identity()
    return pooling(features, pool_idx)


def _make_case(patches, width, windows, window_size, seed):
    generator = torch.Generator().manual_seed(seed)
    return dict(features=torch.randn(patches, width, generator=generator),
                pool_idx=torch.randint(-1, patches, (windows, window_size), generator=generator))


def check_stack(yours):
    small = [dict(features=torch.tensor([[1., 2.], [3., 4.]]), pool_idx=torch.tensor([[0, 1]])),
             dict(features=torch.tensor([[1., 2.], [3., 4.]]), pool_idx=torch.tensor([[1, 0], [0, 0]])),
             dict(features=torch.tensor([[1., 2.], [3., 4.]]), pool_idx=torch.tensor([[1, -1]]))]
    compare(yours, stack, small + [_make_case(5, 3, 4, 4, 0), _make_case(64, 8, 16, 4, 1)],
            because="A window's patches side by side, in its own order, and zeros where there is none.")


wrong_stack = {
    "takes the last patch for -1": lambda features, pool_idx: features[pool_idx].flatten(1),
    "sorts a window's patches": lambda features, pool_idx: stack(features, pool_idx.sort(dim=1).values),
    "puts number beside number and not patch beside patch": lambda features, pool_idx: (
        stack(features, pool_idx).unflatten(1, (pool_idx.shape[1], -1)).transpose(1, 2).flatten(1)),
}


# the three steps of make hint

HINTS = {
    "gain_and_spread": (
        "The gain needs two means: sum(scores) / len(scores) of variant, less that of base.",
        "The spread belongs to one recipe. You have two recipes, so two spreads.",
        "max(scores) - min(scores), once for base and once for variant; take the larger of the two.",
    ),
    "verdict": (
        "The three answers are tested in the order of the rule.",
        "For the direction only the signs of two differences matter.",
        "two numbers have the same direction if their product is above 0.",
    ),
    "stack": (
        "The result has one row for each window, K times as wide as a feature.",
        "If a row of zeros had a number, a missing patch could be looked up like any other.",
        "put a row of zeros at the end of features: index -1 then finds it by itself.",
    ),
}
