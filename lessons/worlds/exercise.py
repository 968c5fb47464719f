"""Clocks and documents: read the truth back from a picture, and guess without it.

`make start N=worlds` copies this file to mine/worlds.py: write there. `make check N=worlds`
compares yours with the answers. `make hint N=worlds` gives hints, in three steps.
"""
import numpy as np

BUILD = []


def time_of(short_hand: float, long_hand: float) -> tuple[int, int]:
    """The time that a clock shows: hour 1 to 12, minute 0 to 59.

        short_hand, long_hand  degrees clockwise from the twelve; measured, so a little off. May be negative

    >>> time_of(short_hand=110.0, long_hand=240.0), time_of(short_hand=1.0, long_hand=-1.0)
    ((3, 40), (12, 0))

    Rule: a minute is 6 degrees of the long hand. The short hand has 30 degrees an hour, and has moved on by
          half a degree for each minute. Round to the nearest minute, then to the nearest hour.
    """
    raise NotImplementedError


def bar_values(painted: np.ndarray, step: int) -> list[int]:
    """The values of standing bars, from left to right.

        painted  (rows, columns) bool: the pixels that belong to bars; two bars never touch
        step     pixels for each unit of the value

    >>> painted = np.array([[0, 0, 0, 1], [1, 1, 0, 1], [1, 1, 0, 1], [1, 1, 0, 1]], dtype=bool)
    >>> bar_values(painted, step=2)
    [2, 2]

    Rule: neighbouring columns with painted pixels are one bar. Its height is that of its highest column,
          divided by step and rounded.
    """
    raise NotImplementedError


def best_guess(train: list[tuple[str, str]], test: list[tuple[str, str]]) -> float:
    """The share of test answers that are right without the picture.

        train, test  (question, answer)

    >>> best_guess([("A?", "yes"), ("A?", "yes"), ("A?", "no"), ("B?", "no")],
    ...            [("A?", "yes"), ("A?", "no"), ("B?", "no"), ("C?", "no")])
    0.5

    Rule: a question gets the answer that it had most often in train. A question that train does not have is
          wrong. An empty test gives 0.0.
    """
    raise NotImplementedError
