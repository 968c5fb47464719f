"""Lesson 00: the walk from a picture to an answer.

`make start N=00` copies this file to mine/00_map.py: write there. `make check N=00` says how you stand.
"""
from collections.abc import Callable

BUILD = [  # `make blank N=00` empties these in mine/minimolmo, `make marks N=00` marks them
    "minimolmo/model/molmo.py:MiniMolmo.forward",
    "minimolmo/answer.py:prompt",
]


def places(grids: list[tuple[int, int]]) -> int:
    """How many places a picture takes on the strip; its views have these (rows, columns) of visual tokens.

    >>> places([(4, 4)])
    22

    Rule: for each view: one sign before it; for each of its rows, one place for each column and one sign that
          closes the row; one sign behind the view. Add up all views.
    Hint: a view of r rows and c columns takes 2 + r * (c + 1) places.
    """
    raise NotImplementedError


def shapes(crop: int, patch: int, pool: int, see: int, think: int) -> list[tuple[int, int]]:
    """The walk in numbers: the shapes of patches, features and visual tokens of one square crop.

    crop, patch   sides in pixels; patch divides crop
    pool          side of a window, in patches
    see, think    numbers in a layer of the ViT; in a word of the decoder

    >>> shapes(crop=64, patch=8, pool=2, see=96, think=96)
    [(64, 192), (64, 192), (16, 96)]

    Rule: patches: (how many, pixels in one times 3 colours).
          features: (as many, two layers of the ViT side by side).
          visual tokens: (windows, numbers in a word). A window that sticks out over the edge still counts.
    Hint: there are crop // patch patches in a line; windows in a line are that over pool, rounded up.
    """
    raise NotImplementedError


def write_on(scores_after: Callable[[list[int]], list[float]], eos: int, most: int) -> list[int]:
    """Answer with any writer: the tokens it says until it says `eos`, at most `most` of them.

    scores_after  given all tokens said so far, a score for each possible next one

    >>> write_on(lambda said: [[0, 9, 1], [2, 0, 1], [1, 0, 5]][len(said)], eos=2, most=10)
    [1, 0]

    Rule: begin with nothing said. While fewer than `most` tokens are said: ask for the scores; take the token
          with the highest (the first, if two are equal); if it is `eos`, stop; else it is said.
    Hint: scores.index(max(scores)). `eos` itself is not part of the answer.
    """
    raise NotImplementedError
