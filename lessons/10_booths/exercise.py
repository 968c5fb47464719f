"""Lesson 10: build the booths, set their clocks, weigh what is said, and look for holes.

`make start N=10` copies this file to mine/10_booths.py: write there. `make check N=10` says how you stand.
A branch is 0 for a token of the painting, 1, 2, ... for one of a booth, -1 for padding.
"""
import torch

BUILD = [  # `make blank N=10` empties these in mine/minimolmo, `make marks N=10` marks them
    "minimolmo/model/molmo.py:attention_mask",
    "minimolmo/model/molmo.py:MiniMolmo.read",
    "minimolmo/batch/sequence.py:build_sequence",
    "minimolmo/batch/sequence.py:_one_annotation",
]


def may_see(branch: list[int]) -> torch.Tensor:
    """Who may look at whom: bool (T, T), row = who asks, column = who is asked.

    >>> may_see([0, 1, 2]).int()
    tensor([[1, 0, 0],
            [1, 1, 0],
            [1, 0, 1]], dtype=torch.int32)

    Rule: for each asking and each asked: true if asked comes no later than asking, and either the asked one
          is of the painting (0), or both have the same branch. Padding (-1) is a branch like any other: it
          sees the painting and padding, and nobody else sees it.
    Hint: torch.ones(T, T, dtype=torch.bool).tril() is "no later"; branch[:, None] == branch[None] is "same".
    """
    raise NotImplementedError


def places(trunk: int, lengths: list[int]) -> tuple[list[int], list[int]]:
    """Positions and branches of a painting of `trunk` tokens and booths of these lengths.

    >>> places(trunk=5, lengths=[3, 2])
    ([0, 1, 2, 3, 4, 5, 6, 7, 5, 6], [0, 0, 0, 0, 0, 1, 1, 1, 2, 2])

    Rule: the painting stands at 0 ... trunk - 1; every booth begins at trunk, as if it were the only one.
          Booths are numbered from 1.
    Hint: a range for each booth, and all of them have the same beginning.
    """
    raise NotImplementedError


def loss_weights(trunk: int, talks: list[tuple[int, int]], root: bool) -> list[float]:
    """How much each token that is read counts: trunk tokens, then talks of (question, answer) tokens.

    >>> loss_weights(trunk=5, talks=[(3, 2)], root=False)
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]

    Rule: lay down a 0 for each token of the trunk and of a question, a weight for each token of an answer and
          for the end-of-text after it. The weight is 1, or sqrt(1 / number of talks) if `root`.
          Then shift: a token counts as what it is *asked for*, so it takes the weight of the next one.
          The very last token is only asked for, never read.
    Hint: the shift is weights[1:].
    """
    raise NotImplementedError


def leaks(visible: torch.Tensor, branch: list[int]) -> list[tuple[int, int]]:
    """Every hole in somebody's walls: (asking, asked) that see each other in `visible` (T, T) and must not.

    >>> leaks(torch.ones(3, 3, dtype=torch.bool).tril(), [0, 1, 2])
    [(2, 1)]

    Rule: row by row, and in a row column by column: report the pair if `visible` is true and `may_see`
          is not.
          A window that is walled up is a pity, but no leak.
    Hint: use your `may_see`; torch.nonzero gives the places of what is true, in this order.
    """
    raise NotImplementedError
