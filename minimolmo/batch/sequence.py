"""One image and several annotations become one sequence: a trunk, and a branch for each annotation.

    BOS <image> | question 1, answer 1, EOS | question 2, answer 2, EOS | ...
    --- trunk ---  -------- branch 1 -------   -------- branch 2 -------
"""
from __future__ import annotations

import numpy as np

from minimolmo.flow import TRUNK, Crops, Sequence
from minimolmo.text.tokenizer import Tokenizer


def image_tokens(token_grids: tuple[tuple[int, int], ...], tokenizer: Tokenizer) -> list[int]:
    """Start, rows of patches each closed by a column token, end; once for the overview, once for the crops.

    Source: official behaviour. A 336 px image costs Molmo 316 tokens, of which 288 are visual.
    """
    ids = []
    for rows, cols in token_grids:
        row = [tokenizer.im_patch] * cols + [tokenizer.im_col]
        ids += [tokenizer.im_start] + row * rows + [tokenizer.im_end]
    return ids


def build_sequence(crops: Crops, annotations: list[list[list[int]]], tokenizer: Tokenizer,
                   max_tokens: int = 10 ** 9, root_weights: bool = False,
                   things: np.ndarray | None = None, name: str = "") -> Sequence:
    """Lay the image and its annotations end to end, shifted by one: each token is asked for the next.

    annotations   for each: its messages as ids, user and assistant in turn; an assistant's message is closed
                  by EOS and carries loss. The last one may end with the user: its answer is yet to come.
    max_tokens    what goes beyond is cut off
    root_weights  weigh each answer token by sqrt(1/annotations), as Molmo does in fine-tuning alone

    Each branch's positions go on from the image's end, as if it were the only one. Raises ValueError when
    not even the image fits. Source: paper, Section 2; official token order.
    """
    trunk = [tokenizer.eos] + image_tokens(crops.token_grids, tokenizer)
    if len(trunk) >= max_tokens:
        raise ValueError(f"{name or 'the image'} takes {len(trunk)} tokens but max_tokens={max_tokens}, so "
                         f"no word would fit. Try a view with fewer crops, or --max_tokens={2 * len(trunk)}.")
    weight = (1 / len(annotations)) ** 0.5 if root_weights and annotations else 1.0
    ids, loss, branch = list(trunk), [0.0] * len(trunk), [TRUNK] * len(trunk)
    position = list(range(len(trunk)))
    for number, messages in enumerate(annotations, start=1):
        said, weights = _one_annotation(messages, tokenizer.eos, weight)
        ids += said
        loss += weights
        branch += [number] * len(said)
        position += range(len(trunk), len(trunk) + len(said))
    # A token is asked for the next one, so ids drop the last and targets the first; but a question that
    # still waits for its answer keeps its last token: that is the one that will speak.
    waiting = bool(annotations) and len(annotations[-1]) % 2 == 1
    keep = min(len(ids) - (not waiting), max_tokens)
    targets, loss = (ids[1:] + [-1])[:keep], (loss[1:] + [0.0])[:keep]
    return Sequence(np.array(ids[:keep]), np.array(targets), np.array(loss, dtype=np.float32),
                    np.array(position[:keep]), np.array(branch[:keep]), crops,
                    np.zeros((0, 6), np.float32) if things is None else things, name)


def _one_annotation(messages: list[list[int]], eos: int, weight: float) -> tuple[list[int], list[float]]:
    """Messages in turn, EOS after each answer; answers carry the weight, questions none."""
    ids, loss = [], []
    for turn, message in enumerate(messages):
        answer = turn % 2 == 1
        said = message + [eos] if answer else message
        ids += said
        loss += [weight if answer else 0.0] * len(said)
    return ids, loss
