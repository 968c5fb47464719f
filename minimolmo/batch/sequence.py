"""Packing: one image and several annotations become one sequence, each annotation as its own segment.

    BOS <image>  | question 1, answer 1, EOS | question 2, answer 2, EOS | ...
    - segment 0 -  ------- segment 1 -------   ------- segment 2 -------
"""
from __future__ import annotations

import numpy as np

from minimolmo.flow import IMAGE_SEGMENT, Crops, Sequence
from minimolmo.text.tokenizer import Tokenizer


def image_tokens(token_grids: tuple[tuple[int, int], ...], tokenizer: Tokenizer) -> list[int]:
    """Token ids of an image. For each grid: start, each row of patches followed by a column token, end.

    Source: official behaviour. A 336 px image costs Molmo 316 tokens, of which 288 are visual.
    """
    ids = []
    for rows, cols in token_grids:
        row = [tokenizer.im_patch] * cols + [tokenizer.im_col]
        ids += [tokenizer.im_start] + row * rows + [tokenizer.im_end]
    return ids


def build_sequence(crops: Crops, annotations: list[list[list[int]]], tokenizer: Tokenizer,
                   max_tokens: int = 10 ** 9, root_weights: bool = False,
                   thing_boxes: np.ndarray | None = None, thing_ids: np.ndarray | None = None,
                   name: str = "") -> Sequence:
    """Pack an image and its annotations into one sequence; each token's target is the next token.

    annotations   for each one: its messages as ids, user and assistant in turn. EOS closes an assistant's
                  message, which carries loss. The last annotation may end with a user message, as a prompt.
    max_tokens    the sequence is cut to this length
    root_weights  weigh each answer token by sqrt(1/annotations), as Molmo does in fine-tuning only

    Each segment's position ids continue from the image's end. The very last token is a target only, so it is
    dropped, without annotations too. Only a prompt keeps it, with the target -1 and no loss. The last token
    that max_tokens leaves has its next token as the target all the same. `num_cut` counts the tokens that are
    cut off; the dropped one is not among them. Without thing_boxes, M = 0.
    Raises ValueError if the image alone takes max_tokens or more.
    Source: paper, Section 2; official token order.
    """
    image = [tokenizer.eos] + image_tokens(crops.token_grids, tokenizer)
    if len(image) >= max_tokens:
        raise ValueError(f"{name or 'the image'} takes {len(image)} tokens but max_tokens={max_tokens}, so "
                         f"no text would fit. Try a view with fewer crops, or "
                         f"--max_tokens={2 * len(image)}.")
    weight = (1 / len(annotations)) ** 0.5 if root_weights and annotations else 1.0
    ids, loss, segments = list(image), [0.0] * len(image), [IMAGE_SEGMENT] * len(image)
    position = list(range(len(image)))
    for segment, messages in enumerate(annotations, start=1):
        new_ids, weights = _one_annotation(messages, tokenizer.eos, weight)
        ids += new_ids
        loss += weights
        segments += [segment] * len(new_ids)
        position += range(len(image), len(image) + len(new_ids))
    # Each token predicts the next, so ids drop the last token and targets the first. A question without an
    # answer keeps its last token: the answer is generated from it.
    open_question = bool(annotations) and len(annotations[-1]) % 2 == 1
    keep = min(len(ids) - (not open_question), max_tokens)
    targets, loss = (ids[1:] + [-1])[:keep], (loss[1:] + [0.0])[:keep]
    return Sequence(np.array(ids[:keep]), np.array(targets), np.array(loss, dtype=np.float32),
                    np.array(position[:keep]), np.array(segments[:keep]), crops,
                    np.zeros((0, 4), np.float32) if thing_boxes is None else thing_boxes,
                    np.zeros((0, 2), np.int64) if thing_ids is None else thing_ids, name,
                    max(0, len(ids) - (not open_question) - max_tokens))


def _one_annotation(messages: list[list[int]], eos: int, weight: float) -> tuple[list[int], list[float]]:
    """Ids and loss weights of one annotation: EOS after each answer, weight on answers only."""
    ids, loss = [], []
    for turn, message in enumerate(messages):
        answer = turn % 2 == 1
        new_ids = message + [eos] if answer else message
        ids += new_ids
        loss += [weight if answer else 0.0] * len(new_ids)
    return ids, loss
