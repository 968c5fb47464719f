"""Lesson 12: rules of pre-training: length hint, batch loss, learning rate, clipping.

`make start N=12` copies this file to mine/12_captions.py: write there. `make check N=12` says how you stand.
`make hint N=12` gives hints, in three steps.
"""
import numpy as np
import torch
from torch import Tensor

BUILD = [  # `make blank N=12` empties these in mine/minimolmo, `make marks N=12` marks them
    "minimolmo/training/optimizer.py:learning_rate",
    "minimolmo/training/optimizer.py:set_learning_rates",
    "minimolmo/training/optimizer.py:clip_gradients",
    "minimolmo/text/prompts.py:length_hint",
    "minimolmo/text/prompts.py:caption_prompt",
    "minimolmo/model/molmo.py:MiniMolmo.loss",
]


def length_hint(characters: int, noise: float) -> int:
    """How many lines of 15 characters the prompt asks for.

    >>> length_hint(characters=1000, noise=-32.5)
    64

    Rule: round the noise toward zero to a whole number (-32.5 becomes -32), add it to the characters, and
          divide by 15, rounding down: -1 / 15 becomes -1. A hint may be negative.
    """
    raise NotImplementedError


def batch_loss(logits: Tensor, targets: Tensor, weight: Tensor, total: float) -> Tensor:
    """A micro-batch's summand of the loss of a whole batch: logits (B, T, N), targets and weight (B, T).

    >>> logits = torch.tensor([[[0.0, 0.0], [9.0, 0.0]]])
    >>> batch_loss(logits, targets=torch.tensor([[1, -1]]), weight=torch.tensor([[1.0, 0.0]]), total=2.0)
    tensor(0.3466)

    Rule: for each position whose weight is above 0, take the cross-entropy times the weight. The
          cross-entropy is minus the logarithm of the softmax of the logits at the target. Add all up, and
          divide by `total`, the sum of the weights of the *whole* batch. Where the weight is 0, the target
          is no token (-1).
    """
    raise NotImplementedError


def learning_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """The learning rate of one step, counted from 1.

    >>> learning_rate(step=55, steps=100, peak=1.0, warmup=10)
    0.55

    Rule: before step `warmup`: peak * step / warmup.
          From then on: progress = (step - warmup) / (steps - warmup) runs from 0 to 1, and the rate is
          0.1 peak + 0.9 peak * (1 + cos(pi * progress)) / 2.
    """
    raise NotImplementedError


def clip_gradients(gradients: list[np.ndarray], max_norm: float) -> list[np.ndarray]:
    """Each part's gradient, clipped separately to the norm `max_norm`.

    >>> clip_gradients([np.array([3.0, 4.0]), np.array([0.3, 0.4])], max_norm=1.0)
    [array([0.6, 0.8]), array([0.3, 0.4])]

    Rule: for each part: its norm is the root of the sum of its squares. If that is above `max_norm`, multiply
          the part by max_norm / norm; otherwise leave it as it is.
    """
    raise NotImplementedError
