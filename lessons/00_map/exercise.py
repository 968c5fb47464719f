"""Lesson 00: the way from an image to an answer.

`make start N=00` copies this file to mine/00_map.py: write there. `make check N=00` compares yours with the
library.
`make hint N=00` gives hints, in three steps.
"""
from collections.abc import Callable

BUILD = [  # `make blank N=00` empties these in mine/minimolmo, `make marks N=00` marks them
    "minimolmo/model/molmo.py:MiniMolmo.forward",
    "minimolmo/answer.py:build_prompt",
]


def num_image_tokens(token_grids: list[tuple[int, int]]) -> int:
    """How many tokens an image takes in the sequence.

    token_grids  (rows, columns) of visual tokens: of the overview, then of the stitched crops

    >>> num_image_tokens([(4, 4)])
    22

    Rule: for each grid: one start token; for each of its rows, one token for each column and one column token
          that closes the row; one end token. Add up all grids.
    """
    raise NotImplementedError


def shapes(crop_size: int, patch_size: int, pool: int, vision_width: int,
           decoder_width: int) -> list[tuple[int, int]]:
    """The shapes of patches, features and visual tokens of one square crop.

    crop_size, patch_size        sides in pixels; patch_size divides crop_size
    pool                         side of a pooling window, in patches
    vision_width, decoder_width  numbers in a layer of the ViT; in an embedding of the decoder

    >>> shapes(crop_size=64, patch_size=8, pool=2, vision_width=96, decoder_width=96)
    [(64, 192), (64, 192), (16, 96)]

    Rule: patches: (number of patches, pixels in one times 3 colours).
          features: (number of patches, two layers of the ViT side by side).
          visual tokens: (windows, decoder_width). A window that reaches beyond the crop's edge counts.
    """
    raise NotImplementedError


def generate(next_logits: Callable[[list[int]], list[float]], eos: int, max_new_tokens: int) -> list[int]:
    """Generate an answer with any model: its tokens before `eos`, at most `max_new_tokens` of them.

    next_logits  given all tokens so far, a logit for each possible next token

    >>> generate(lambda tokens: [[0, 9, 1], [2, 0, 1], [1, 0, 5]][len(tokens)], eos=2, max_new_tokens=10)
    [1, 0]

    Rule: start with no tokens. While there are fewer than `max_new_tokens`: compute the logits; take the
          token with the highest (the first, if two are equal); if it is `eos`, stop; else append it.
    """
    raise NotImplementedError
