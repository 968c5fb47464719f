"""Lesson 10: the segment mask, position ids and loss weights of packed annotations, and a search for leaks.

`make start N=10` copies this file to mine/10_booths.py: write there. `make check N=10` says how you stand.
A segment id is 0 for a token of the image, 1, 2, ... for one of an annotation (a booth), -1 for padding.
`make hint N=10` gives hints, in three steps.
"""
import torch

BUILD = [  # `make blank N=10` empties these in mine/minimolmo, `make marks N=10` marks them
    "minimolmo/model/attention.py:attention_mask",
    "minimolmo/model/molmo.py:MiniMolmo.decode",
    "minimolmo/batch/sequence.py:build_sequence",
    "minimolmo/batch/sequence.py:_one_annotation",
]


def segment_mask(segments: list[int]) -> torch.Tensor:
    """Which keys each query may attend to: bool (T, T), row = query, column = key.

    >>> segment_mask([0, 1, 2]).int()
    tensor([[1, 0, 0],
            [1, 1, 0],
            [1, 0, 1]], dtype=torch.int32)

    Rule: for each query and each key: true if the key comes no later than the query, and the key is of the
          image (0), or both have the same segment id. Padding (-1) is a segment like any other: it attends
          to the image and to padding, and no other token attends to it.
    """
    raise NotImplementedError


def position_ids(num_image_tokens: int, lengths: list[int]) -> tuple[list[int], list[int]]:
    """Position ids and segment ids of an image and of annotations of these lengths.

    >>> position_ids(num_image_tokens=5, lengths=[3, 2])
    ([0, 1, 2, 3, 4, 5, 6, 7, 5, 6], [0, 0, 0, 0, 0, 1, 1, 1, 2, 2])

    Rule: the image has the positions 0 ... num_image_tokens - 1. Every annotation begins at
          num_image_tokens, as if it were the only one. Annotations are numbered from 1.
    """
    raise NotImplementedError


def loss_weights(num_image_tokens: int, annotations: list[tuple[int, int]], root: bool) -> list[float]:
    """The loss weight at each input token. An annotation is its numbers of (question, answer) tokens.

    >>> loss_weights(num_image_tokens=5, annotations=[(3, 2)], root=False)
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]

    Rule: write a 0 for each token of the image and of a question. Write a weight for each token of an answer
          and for the end-of-text after it: 1, or sqrt(1 / number of annotations) if `root`.
          Then shift: the target of a token is the next token, so it takes the next one's weight. The very
          last token is a target only, not an input.
    """
    raise NotImplementedError


def find_leaks(visible: torch.Tensor, segments: list[int]) -> list[tuple[int, int]]:
    """Every (query, key) that is true in a mask `visible` (T, T) and must be false.

    >>> find_leaks(torch.ones(3, 3, dtype=torch.bool).tril(), [0, 1, 2])
    [(2, 1)]

    Rule: go row by row, and in a row column by column. Report the pair if `visible` is true and
          `segment_mask` is not. The opposite, false where true is allowed, is no leak.
    """
    raise NotImplementedError
