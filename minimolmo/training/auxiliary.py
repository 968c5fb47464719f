"""Auxiliary losses that train the ViT, the connector and the decoder on exact object labels.

Molmo starts from CLIP, trained on 400 million captioned images, and from a trained language model. We start
from random weights. With cross-entropy on text alone, a small ViT stays on a plateau. Our drawn images have
exact labels, so six losses use them:

    patch     every patch: colour and kind of the object that covers it, or end-of-text for none
    center    every patch on an object: the object's centre in the crop, as Fourier features
    name      every visual token on an object: the first tokens of its colour's and kind's names, through the
              decoder's own norm and embedding, so visual tokens match the decoder's word embeddings
    position  the same visual token: tens and ones of the centre's x and y in the crop, and whether this token
              contains the centre (one token of each object does, so objects can be counted)
    referent  every text token that refers to exactly one object: tens and ones of its centre in the image
              ("circle" refers if there is one circle)
    placement every visual token of a crop that is not the whole image: its object's centre in the image. A
              crop's pixels do not reveal its position. The order of the tokens does, and only the decoder
              has that order

The first four train the ViT and the connector in stage bootstrap. The last two need the decoder: they stand
beside the words in the later stages, where the first four gain nothing (RUNS.md). Molmo has none of them.
"""
from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.flow import Batch
from minimolmo.model.molmo import IM_PATCH, MiniMolmo
from minimolmo.text.tokenizer import Tokenizer

DIGITS = ("x tens", "x ones", "y tens", "y ones")
IS_CENTER = "contains the centre"
PERIODS = (100, 50, 25, 10)  # of the Fourier features, in percent of the image
CENTER_WEIGHT = 4.0          # of the mean squared error, which is smaller than the cross-entropies


def patch_boxes(crop_boxes: Tensor, side: int) -> Tensor:
    """Left, top, right, bottom of every patch in percent of its image: (C, 4) -> (C, S, 4)."""
    steps = torch.arange(side, device=crop_boxes.device) / side
    top, left = torch.meshgrid(steps, steps, indexing="ij")                            # (side, side)
    corner = torch.stack([left, top], dim=-1).reshape(1, -1, 2)                        # (1, S, 2)
    start = crop_boxes[:, None, :2] + corner * crop_boxes[:, None, 2:]
    return torch.cat([start, start + crop_boxes[:, None, 2:] / side], dim=-1)


def token_boxes(boxes: Tensor, pool_idx: Tensor) -> Tensor:
    """The box around the patches of each visual token: (C, S, 4), (V, K) -> (V, 4)."""
    window = F.pad(boxes.flatten(0, 1), (0, 0, 0, 1))[pool_idx]                        # (V, K, 4)
    exists = (pool_idx >= 0)[..., None]
    low = window[..., :2].masked_fill(~exists, torch.inf).amin(dim=1)
    high = window[..., 2:].masked_fill(~exists, -torch.inf).amax(dim=1)
    return torch.cat([low, high], dim=-1)


def match_boxes(boxes: Tensor, thing_boxes: Tensor, min_overlap: float) -> Tensor:
    """Index of the object that overlaps each box most, or -1 for none.

        boxes        (..., 4)     left, top, right, bottom
        thing_boxes  (..., M, 4)  x, y, width, height of the objects in the same image; rows of -1 are padding
        min_overlap  the smallest overlap that counts, as a fraction of the smaller of box and object
        returns      (...) int
    """
    if not thing_boxes.shape[-2]:
        return torch.full(boxes.shape[:-1], -1, device=boxes.device)
    middle, half = thing_boxes[..., :2], thing_boxes[..., 2:].clamp(min=0) / 2
    low = torch.maximum(boxes[..., None, :2], middle - half)
    high = torch.minimum(boxes[..., None, 2:], middle + half)
    overlap = (high - low).clamp(min=0).prod(dim=-1)                                   # (..., M)
    area = (boxes[..., None, 2:] - boxes[..., None, :2]).prod(dim=-1)
    fraction = overlap / torch.minimum(area, (2 * half).prod(dim=-1)).clamp(min=1e-6)
    largest, index = fraction.max(dim=-1)
    return torch.where(largest >= min_overlap, index, -1)


def to_crop_coordinates(xy: Tensor, crop_boxes: Tensor) -> Tensor:
    """Points in percent of the image to percent of a crop: (C, M, 2), (C, 4) -> (C, M, 2).

    Outside 0..100 the point is not in the crop. In the overview of a square image nothing changes.
    """
    return (xy - crop_boxes[:, None, :2]) * (100 / crop_boxes[:, None, 2:])


def fourier_features(xy: Tensor) -> Tensor:
    """Sines and cosines of points, at four periods for each axis: (..., 2) percent -> (..., 16).

    The long period gives a rough position, the short one an exact one. No value jumps as a digit does from 19
    to 20, so the ViT learns this about three times as fast as the digits (RUNS.md).
    """
    phase = torch.cat([2 * math.pi * xy / period for period in PERIODS], dim=-1)       # (..., 8)
    return torch.cat([phase.sin(), phase.cos()], dim=-1)


def tens_and_ones_digits(xy: Tensor) -> Tensor:
    """Tens and ones of x and y, rounded as in an answer's text: (n, 2) -> (n, 4). 7.1 has 0 tens, 7 ones."""
    whole = (xy * 10).round().div(10).floor().clamp(0, 99).long()
    return torch.stack([whole // 10, whole % 10], dim=-1).flatten(1)


def is_inside(xy: Tensor) -> Tensor:
    """Whether a point in percent of a crop lies inside it: (..., 2) -> (...)."""
    return ((xy >= 0) & (xy < 100)).all(dim=-1)


def singular_token_ids(tokenizer: Tokenizer, size: int) -> Tensor:
    """For each of `size` token ids, the id of its singular: " circles" and "circle" become " circle".

    It maps words with or without a leading space, and plurals in -s or -es. Other ids map to themselves.
    """
    text = {number: tokenizer.decode([number]) for number in sorted(tokenizer.bytes_of)}
    id_of = {word: number for number, word in text.items()}
    stems = torch.arange(size)
    for number, word in text.items():
        for ending in ("", "s", "es"):
            if word.endswith(ending):
                stem = word[:len(word) - len(ending)].strip()
                if stem:  # " s" alone has no stem
                    stems[number] = id_of.get(" " + stem, stems[number])
    return stems


def resolve_referents(stems: Tensor, thing_ids: Tensor) -> Tensor:
    """Index of the one object that each text token refers to, or -1: (B, T) ids, (B, M, 2) -> (B, T).

    A colour refers to all objects of that colour. A kind refers to all objects of that kind, and after a
    colour only to those of both.
    """
    if not thing_ids.shape[1]:
        return torch.full_like(stems, -1)
    colors, kinds = thing_ids[:, None].unbind(dim=-1)                                  # two of (B, 1, M)
    before = F.pad(stems, (1, 0), value=-1)[:, :-1]
    after_color = torch.isin(before, colors)[..., None]  # colours of the whole batch, which has nearly all
    stems, before = stems[..., None], before[..., None]
    refers = (stems == colors) | (stems == kinds) & (~after_color | (before == colors))  # (B, T, M)
    return torch.where(refers.sum(dim=-1) == 1, refers.int().argmax(dim=-1), -1)


class ObjectLabels(NamedTuple):
    """Exact labels of objects, with any leading axes.

    box (..., 4), ids (..., 2), and the centre in percent of the crop, local (..., 2).
    """

    box: Tensor
    ids: Tensor
    local: Tensor

    def select(self, index: Tensor) -> ObjectLabels:
        """The labels at indices of the first axis, or where a mask is true."""
        return ObjectLabels(*(values[index] for values in self))

    def gather(self, index: Tensor) -> ObjectLabels:
        """Select one of M labels per index (...); index -1 gives the first."""
        return ObjectLabels(*(gather_rows(values, index) for values in self))


def gather_rows(values: Tensor, index: Tensor) -> Tensor:
    """The row of `values` (..., M, n) at each index (...); row 0 where it is -1. Returns (..., n)."""
    size = values.shape[-1]
    if not values.shape[-2]:
        return values.new_zeros(*index.shape, size)
    while values.dim() < index.dim() + 2:
        values = values[:, None].expand(*index.shape, *values.shape[-2:])
    return values.gather(-2, index.clamp(min=0)[..., None, None].expand(*index.shape, 1, size)).squeeze(-2)


class AuxiliaryHeads(nn.Module):
    """The heads of the auxiliary losses. They are dropped after training.

    They need the outputs of two decoder blocks, `keep`: the second-to-last for text tokens, so that later
    tokens can still attend to the result, and the one before it for visual tokens.
    """

    def __init__(self, model: MiniMolmo, tokenizer: Tokenizer):
        super().__init__()
        decoder = model.config.decoder
        width = decoder.width
        self.side = model.config.image.side
        self.register_buffer("digits", torch.tensor(tokenizer.encode("0123456789")), persistent=False)
        size = decoder.vocab + decoder.additional_vocab
        self.register_buffer("stems", singular_token_ids(tokenizer, size), persistent=False)
        self.patch = nn.Linear(2 * model.config.vision.width, 2 * width)
        self.center = nn.Linear(2 * model.config.vision.width, 4 * len(PERIODS))
        self.probes = nn.ModuleList(nn.Linear(width, width) for _ in (*DIGITS, IS_CENTER))
        self.referents = nn.ModuleList(nn.Linear(width, width) for _ in DIGITS)
        self.text_block, self.visual_block = max(0, decoder.layers - 2), max(0, decoder.layers - 3)
        self.keep = (self.text_block, self.visual_block)

    def forward(self, model: MiniMolmo, batch: Batch, features: Tensor, visual: Tensor,
                hidden: dict[int, Tensor]) -> Tensor:
        """Sum of the mean losses of this stage; 0 if no image has object labels.

            features  (C, S, 2*D)            visual  (V, D)
            hidden    {block: (B, T, D)} of the blocks in `keep`; empty in stage bootstrap, which does not
                      run the decoder: its losses are the first four. With them, the other two.
        """
        things = labels_by_crop(batch)                                                 # of (C, M)
        boxes = patch_boxes(batch.crop_boxes, self.side)                               # (C, S, 4)
        window, crop = token_boxes(boxes, batch.pool_idx), batch.pool_idx[:, 0] // boxes.shape[1]
        index = match_boxes(window, things.box[crop], min_overlap=0.25)                # (V,)
        thing, matched = things.select(crop).gather(index), index >= 0                 # of (V,)
        if not hidden:
            loss = self.patch_loss(model, features, boxes, things)
            return loss + self.token_loss(model, visual[matched], window[matched], thing.select(matched))
        loss = self.referent_loss(model, hidden[self.text_block], batch)
        token = hidden[self.visual_block][batch.ids == model.config.decoder.vocab + IM_PATCH]      # (V, D)
        is_part = matched & (thing.local != thing.box[:, :2]).any(dim=1)  # the crop is not the whole image
        return loss + self.position_loss(model, token[is_part], thing.box[is_part])

    def patch_loss(self, model: MiniMolmo, features: Tensor, boxes: Tensor, things: ObjectLabels) -> Tensor:
        """Losses `patch` and `center`, of patch features (C, S, 2*D)."""
        index = match_boxes(boxes, things.box[:, None], min_overlap=0.5)               # (C, S)
        thing, matched = things.gather(index), index >= 0                              # of (C, S)
        shown = matched & is_inside(thing.local)
        error = (self.center(features[shown]) - fourier_features(thing.local[shown])) ** 2     # (shown, 16)
        loss = error.mean() if len(error) else error.sum()
        labelled = (things.box[..., 2] > 0).any(dim=1, keepdim=True)                   # (C, 1)
        cover = self.cover_loss(model, features, thing.ids, matched, labelled & ~matched)
        return cover + CENTER_WEIGHT * loss

    def cover_loss(self, model: MiniMolmo, features: Tensor, ids: Tensor, matched: Tensor,
                   unmatched: Tensor) -> Tensor:
        """Loss `patch`: colour and kind at each patch, or end-of-text where no object is.

        Patches with and without an object weigh the same in sum. Images without object labels add no loss.
        """
        targets = torch.where(matched[..., None], ids, model.config.decoder.vocab - 1)
        states = self.patch(features).unflatten(-1, (2, -1))                           # (C, S, 2, D)
        weight = matched + unmatched * (matched.sum() / unmatched.sum().clamp(min=1))
        return self.vocab_loss(model, states, targets, weight[..., None].expand_as(targets))

    def token_loss(self, model: MiniMolmo, token: Tensor, window: Tensor, thing: ObjectLabels) -> Tensor:
        """Losses `name` and `position`, of visual tokens (n, D) whose windows (n, 4) overlap objects (n,)."""
        xy = thing.box[:, :2]
        is_center = ((window[:, :2] <= xy) & (xy < window[:, 2:])).all(dim=1)
        states = torch.stack([token, token, *(probe(token) for probe in self.probes)], dim=1)  # (n, 7, D)
        digits = torch.cat([tens_and_ones_digits(thing.local), is_center.long()[:, None]], dim=1)
        targets = torch.cat([thing.ids, self.digits[digits]], dim=1)
        weight = torch.ones_like(targets, dtype=torch.float)
        weight[:, 2:6] = is_inside(thing.local)[:, None]
        return self.vocab_loss(model, states, targets, weight)

    def referent_loss(self, model: MiniMolmo, hidden: Tensor, batch: Batch) -> Tensor:
        """Loss `referent`, of hidden states (B, T, D)."""
        index = resolve_referents(self.stems[batch.ids], batch.thing_ids)              # (B, T)
        refers = index >= 0
        return self.position_loss(model, hidden[refers], gather_rows(batch.thing_boxes, index)[refers])

    def position_loss(self, model: MiniMolmo, hidden: Tensor, box: Tensor) -> Tensor:
        """Loss of predicting the digits of an object's centre from hidden states: (n, D), boxes (n, 4)."""
        states = torch.stack([probe(hidden) for probe in self.referents], dim=1)       # (n, 4, D)
        targets = self.digits[tens_and_ones_digits(box[:, :2])]
        return self.vocab_loss(model, states, targets, torch.ones_like(targets, dtype=torch.float))

    def vocab_loss(self, model: MiniMolmo, states: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
        """Cross-entropy through the decoder's norm and embedding matrix, as a weighted mean."""
        logits = F.linear(model.decoder.norm(states), model.decoder.embedding.weight).float()
        loss = F.cross_entropy(logits.flatten(0, -2), targets.flatten(), reduction="none")
        return (loss * weight.flatten()).sum() / weight.sum().clamp(min=1e-6)


def labels_by_crop(batch: Batch) -> ObjectLabels:
    """The labels of the objects in each crop's image: box (C, M, 4), ids (C, M, 2), local (C, M, 2)."""
    box, ids = batch.thing_boxes[batch.crop_owner], batch.thing_ids[batch.crop_owner]
    return ObjectLabels(box, ids, to_crop_coordinates(box[..., :2], batch.crop_boxes))
