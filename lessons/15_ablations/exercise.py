"""Lesson 15: leave one thing out, and judge the difference.

`make start N=15` copies this file to mine/15_ablations.py: write there. `make check N=15` compares it.
`make hint N=15` gives hints, in three steps.
"""
import torch

BUILD = []  # nothing is emptied here: you build a variant of your own, as the page says


def gain_and_spread(base: list[float], variant: list[float]) -> tuple[float, float]:
    """The gain of a variant over the base, and the spread of the seeds. One score for each seed.

    >>> gain_and_spread(base=[0.5, 0.75], variant=[0.25, 0.5])
    (-0.25, 0.25)

    Rule: gain = the mean of variant less the mean of base; below 0 if the score fell.
          spread = the largest score less the smallest, of base and of variant each; the larger of the two.
    """
    raise NotImplementedError


def verdict(gained: float, spread: float, before: float, after: float) -> str:
    """Does our change have the direction of the paper's, from `before` to `after`? yes, no, too close.

    >>> verdict(gained=-0.10, spread=0.04, before=54.1, after=46.7)
    'yes'

    Rule: "too close" if the absolute value of gained is not larger than the spread;
          else "yes" if both rose or both fell;
          else "no".
    """
    raise NotImplementedError


def stack(features: torch.Tensor, pool_idx: torch.Tensor) -> torch.Tensor:
    """The patches of each window side by side: features (P, D), pool_idx (V, K) -> (V, K * D).

    >>> stack(torch.tensor([[1., 2.], [3., 4.], [5., 6.]]), torch.tensor([[2, 0], [1, -1]]))
    tensor([[5., 6., 1., 2.],
            [3., 4., 0., 0.]])

    Rule: for each window, for each of its K indices i in order: the D numbers of features[i];
          D zeros where i is -1, because there is no patch.
    """
    raise NotImplementedError
