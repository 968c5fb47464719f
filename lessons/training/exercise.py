"""Training: gradients, steps, and the cross-entropy.

`make start N=training` copies this file to mine/training.py: write there. `make check N=training`
compares yours with the answers. `make hint N=training` gives hints, in three steps.
"""
from collections.abc import Callable

BUILD = []


def tried_gradient(loss: Callable[[float], float], weight: float, tiny: float) -> float:
    """The gradient of a loss at one weight, found by trying.

    >>> tried_gradient(lambda w: w * w, weight=3.0, tiny=0.5)
    6.0

    Rule: compute the loss at weight + tiny and at weight - tiny. The gradient is their difference, divided by
          the distance of the two weights.
    """
    raise NotImplementedError


def descend(gradient: Callable[[float], float], weight: float, rate: float, steps: int) -> list[float]:
    """The weight before the first step and after each of `steps` steps.

    >>> descend(lambda w: 2.0 * w, weight=8.0, rate=0.25, steps=3)
    [8.0, 4.0, 2.0, 1.0]

    Rule: each step subtracts rate times the gradient at the present weight.
    """
    raise NotImplementedError


def cross_entropy(scores: list[float], right: int) -> float:
    """The loss of one choice: minus the logarithm of the probability of the right one.

    >>> round(cross_entropy([0.0, 0.0, 0.0, 0.0], right=2), 4)
    1.3863

    Rule: the probability of choice i is e to the power of scores[i], divided by the sum of these over all
          choices. Scores may be large: subtract the largest from all of them first. That changes no
          probability.
    """
    raise NotImplementedError
