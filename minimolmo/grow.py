"""What CLIP knew: the first stage, in which eye and connector are grown on exact labels.

Molmo starts from a ViT that has seen 400 million captioned pictures and a language model that has read
a good part of the web. We start from random numbers, and words alone leave a small eye on a plateau. Our
generator knows exactly what it drew and where, so six cheap losses ask for it directly:

    patch   every patch, after the ViT:          which colour and kind covers me, or nothing?
    hands   every patch on a thing:              where in my crop is its centre, if it is there? Told like
                                                 the time, by a slow hand and faster ones, each as its sine
                                                 and cosine
    name    every visual token on a thing:       its colour's word and its kind's word, read off it by the
                                                 decoder's own norm and word table, nothing between: so the
                                                 eye speaks the decoder's words before it speaks at all
    place   the same token, through five probes: the tens and ones of its thing's x and y in my crop, and
            whether the thing's centre is mine: one token of each thing says 1 (in crops one more), so that
            things can be counted
    mention every word, once there are words, that means one thing alone: that thing's place again. "circle"
            says it if there is one circle. CLIP's text tower and the language model knew words; ours would
            need three times the pictures to find out that a name is there to be looked for (RUNS.md)
    seat    every visual token whose crop is not the whole picture, once there are words: its thing's place
            in the picture. No eye can know that, as its crop is all it sees; where the crop hangs is told by
            the order of the tokens, which the decoder alone reads

This is scaffolding that the real Molmo does not have. README says so wherever a score is quoted.
"""
from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.flow import Batch
from minimolmo.model.molmo import IM_PATCH, MiniMolmo
from minimolmo.text.tokenizer import Tokenizer

DIGITS = ("x tens", "x ones", "y tens", "y ones")
HOME = "centre is mine"
HANDS = (100, 50, 25, 10)  # percent of the image that each hand needs for one turn
HANDS_WEIGHT = 4.0         # beside the cross-entropies, which are larger numbers


def patch_boxes(places: Tensor, side: int) -> Tensor:
    """Left, top, right, bottom of every patch in percent of its image: (C, 4) -> (C, S, 4)."""
    steps = torch.arange(side, device=places.device) / side
    top, left = torch.meshgrid(steps, steps, indexing="ij")                            # (side, side)
    corner = torch.stack([left, top], dim=-1).reshape(1, -1, 2)                        # (1, S, 2)
    first = places[:, None, :2] + corner * places[:, None, 2:]
    return torch.cat([first, first + places[:, None, 2:] / side], dim=-1)


def token_boxes(boxes: Tensor, pool_idx: Tensor) -> Tensor:
    """The box around the patches of each visual token: (C, S, 4), (V, K) -> (V, 4)."""
    window = F.pad(boxes.flatten(0, 1), (0, 0, 0, 1))[pool_idx]                        # (V, K, 4)
    there = (pool_idx >= 0)[..., None]
    low = window[..., :2].masked_fill(~there, torch.inf).amin(dim=1)
    high = window[..., 2:].masked_fill(~there, -torch.inf).amax(dim=1)
    return torch.cat([low, high], dim=-1)


def covering(boxes: Tensor, things: Tensor, least: float) -> Tensor:
    """Which thing covers each box? Index of the one that overlaps most, or -1.

        boxes   (..., 4)      left, top, right, bottom
        things  (..., M, 6)   x, y, width, height, ... of the things of the same image; rows of -1 are none
        least   an overlap counts from this share of the smaller of the two, box or thing
    """
    if not things.shape[-2]:
        return torch.full(boxes.shape[:-1], -1, device=boxes.device)
    middle, half = things[..., :2], things[..., 2:4].clamp(min=0) / 2
    low = torch.maximum(boxes[..., None, :2], middle - half)
    high = torch.minimum(boxes[..., None, 2:], middle + half)
    overlap = (high - low).clamp(min=0).prod(dim=-1)                                   # (..., M)
    area = (boxes[..., None, 2:] - boxes[..., None, :2]).prod(dim=-1)
    share = overlap / torch.minimum(area, (2 * half).prod(dim=-1)).clamp(min=1e-6)
    most, which = share.max(dim=-1)
    return torch.where(most >= least, which, -1)


def inside(things: Tensor, places: Tensor) -> Tensor:
    """Where things are in each crop, in percent of its own square: (C, M, 6), (C, 4) -> (C, M, 2).

    No crop knows where it hangs in the picture. Outside 0..100 it does not show the centre. An overview of a
    square picture shows the picture itself, so there nothing changes.
    """
    return (things[..., :2] - places[:, None, :2]) * (100 / places[:, None, 2:])


def hands(xy: Tensor) -> Tensor:
    """A place as the hands of a clock for each axis: (..., 2) percent -> (..., 16) sines and cosines.

    The slow hand tells roughly, the fast one exactly, and nothing jumps as digits do from 19 to 20: an eye
    learns this about three times as soon as the digits themselves (RUNS.md).
    """
    turns = torch.cat([2 * math.pi * xy / turn for turn in HANDS], dim=-1)             # (..., 8)
    return torch.cat([turns.sin(), turns.cos()], dim=-1)


def word_forms(tokenizer: Tokenizer, size: int) -> Tensor:
    """For each of `size` ids, the id of the word it is a form of: " circles" and "circle" give " circle".

    The forms are those of `facts.name`: with and without the space, plural in -s or -es. Every other id gives
    itself.
    """
    text = {number: tokenizer.decode([number]) for number in range(tokenizer.eos)}
    number_of = {word: number for number, word in text.items()}
    forms = torch.arange(size)
    for number, word in text.items():
        for ending in ("", "s", "es"):
            if word.endswith(ending):
                stem = word[:len(word) - len(ending)].strip()
                if stem:  # " s" alone is no form of " "
                    forms[number] = number_of.get(" " + stem, forms[number])
    return forms


def meant(words: Tensor, things: Tensor) -> Tensor:
    """The one thing that each word means in its picture, or -1: (B, T) ids, (B, M, 6) -> (B, T).

    A colour means the things of that colour. A kind means those of that kind; after a colour, those of both.
    """
    if not things.shape[1]:
        return torch.full_like(words, -1)
    colors, kinds = things[:, None, :, 4].long(), things[:, None, :, 5].long()         # (B, 1, M)
    before = F.pad(words, (1, 0), value=-1)[:, :-1]
    after_color = torch.isin(before, colors)[..., None]  # of any picture in the batch: nearly all there are
    words, before = words[..., None], before[..., None]
    names = (words == colors) | (words == kinds) & (~after_color | (before == colors))  # (B, T, M)
    return torch.where(names.sum(dim=-1) == 1, names.int().argmax(dim=-1), -1)


class Growth(nn.Module):
    """The probes that ask, and their loss. Thrown away after training: the model keeps what they taught.

    It listens to the decoder one block before the last, so that what a word finds out can still be asked for
    by the words after it; and one block earlier, where the word finds what the visual tokens have found out.
    """

    def __init__(self, model: MiniMolmo, tokenizer: Tokenizer):
        super().__init__()
        decoder = model.config.decoder
        width = decoder.width
        self.side = model.config.image.side
        self.register_buffer("digits", torch.tensor(tokenizer.encode("0123456789")), persistent=False)
        self.register_buffer("forms", word_forms(tokenizer, decoder.vocab + decoder.extra), persistent=False)
        self.patch = nn.Linear(2 * model.config.vision.width, 2 * width)
        self.hands = nn.Linear(2 * model.config.vision.width, 4 * len(HANDS))
        self.probes = nn.ModuleList(nn.Linear(width, width) for _ in (*DIGITS, HOME))
        self.mentions = nn.ModuleList(nn.Linear(width, width) for _ in DIGITS)
        self.heard: dict[str, Tensor] = {}
        for who, before_last in (("words", 1), ("seats", 2)):
            block = model.decoder.blocks[max(0, decoder.layers - 1 - before_last)]
            block.register_forward_hook(partial(self.hear, who))

    def hear(self, who: str, _block, _inputs, output: Tensor) -> None:
        """Keep what tokens are in the decoder's midst (B, T, D), while it trains, until `forward` asks."""
        if torch.is_grad_enabled():
            self.heard[who] = output

    def forward(self, model: MiniMolmo, batch: Batch, features: Tensor, visual: Tensor) -> Tensor:
        """What patches (C, S, 2*D), visual tokens (V, D) and the words just read get wrong on average; 0 if
        nothing is known."""
        things = batch.things[batch.owner]                                             # (C, M, 6)
        things = torch.cat([things, inside(things, batch.places)], dim=-1)             # (C, M, 8)
        boxes = patch_boxes(batch.places, self.side)                                   # (C, S, 4)
        window, crop = token_boxes(boxes, batch.pool_idx), batch.pool_idx[:, 0] // boxes.shape[1]
        which = covering(window, things[crop], least=0.25)                             # (V,)
        thing, on = _of(things[crop], which), which >= 0                               # (V, 8), (V,)
        missed = self.patch_loss(model, features, boxes, things)
        missed = missed + self.token_loss(model, visual[on], window[on], thing[on])
        heard, self.heard = self.heard, {}
        if not heard:
            return missed
        missed = missed + self.mention_loss(model, heard["words"], batch)
        token = heard["seats"][batch.ids == model.config.decoder.vocab + IM_PATCH]     # (V, D)
        on = on & (thing[:, 6:] != thing[:, :2]).any(dim=1)  # where the crop is not the picture itself
        return missed + self.place_loss(model, token[on], thing[on])

    def patch_loss(self, model, features: Tensor, boxes: Tensor, things: Tensor) -> Tensor:
        """What covers each patch, and where its centre is."""
        which = covering(boxes, things[:, None], least=0.5)                            # (C, S)
        thing, on = _of(things, which), which >= 0                                     # (C, S, 8)
        shown = on & _shown(thing[..., 6:])
        error = (self.hands(features[shown]) - hands(thing[shown][:, 6:])) ** 2        # (shown, 16)
        missed = error.mean() if len(error) else error.sum()
        known = (things[..., 2] > 0).any(dim=1, keepdim=True)                          # (C, 1)
        return self.cover_loss(model, features, thing, on, known & ~on) + HANDS_WEIGHT * missed

    def cover_loss(self, model, features: Tensor, thing: Tensor, on: Tensor, off: Tensor) -> Tensor:
        """Colour and kind of what covers each patch, or end-of-text where nothing does: both halves weigh the
        same in all. A picture whose things nobody knows says nothing."""
        targets = torch.where(on[..., None], thing[..., 4:6].long(), model.config.decoder.vocab - 1)
        said = self.patch(features).unflatten(-1, (2, -1))                             # (C, S, 2, D)
        weight = on + off * (on.sum() / off.sum().clamp(min=1))
        return self.say(model, said, targets, weight[..., None].expand_as(targets))

    def token_loss(self, model, token: Tensor, window: Tensor, thing: Tensor) -> Tensor:
        """What covers each visual token (n, D) in its window (n, 4), and the digits of its place (n, 8)."""
        home = ((window[:, :2] <= thing[:, :2]) & (thing[:, :2] < window[:, 2:])).all(dim=1)
        said = torch.stack([token, token, *(probe(token) for probe in self.probes)], dim=1)  # (n, 7, D)
        digits = torch.cat([_leading_digits(thing[:, 6:]), home.long()[:, None]], dim=1)
        targets = torch.cat([thing[:, 4:6].long(), self.digits[digits]], dim=1)
        weight = torch.ones_like(targets, dtype=torch.float)
        weight[:, 2:6] = _shown(thing[:, 6:])[:, None]
        return self.say(model, said, targets, weight)

    def mention_loss(self, model, heard: Tensor, batch: Batch) -> Tensor:
        """The digits of the place of the one thing that a word means, in the picture."""
        which = meant(self.forms[batch.ids], batch.things)                             # (B, T)
        on = which >= 0
        return self.place_loss(model, heard[on], _of(batch.things, which)[on])

    def place_loss(self, model, heard: Tensor, thing: Tensor) -> Tensor:
        """The digits of a thing's place in the picture, told by a token that knows it: (n, D), (n, 6)."""
        said = torch.stack([probe(heard) for probe in self.mentions], dim=1)           # (n, 4, D)
        targets = self.digits[_leading_digits(thing[:, :2])]
        return self.say(model, said, targets, torch.ones_like(targets, dtype=torch.float))

    def say(self, model, said: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
        """Cross-entropy through the decoder's norm and word table, as a weighted mean."""
        logits = F.linear(model.decoder.norm(said), model.decoder.embedding.weight).float()
        loss = F.cross_entropy(logits.flatten(0, -2), targets.flatten(), reduction="none")
        return (loss * weight.flatten()).sum() / weight.sum().clamp(min=1e-6)


def _of(things: Tensor, which: Tensor) -> Tensor:
    """The row of `things` (..., M, 6 or 8) that `which` (...) names; row 0 where it says -1."""
    facts = things.shape[-1]
    if not things.shape[-2]:
        return things.new_zeros(*which.shape, facts)
    while things.dim() < which.dim() + 2:
        things = things[:, None].expand(*which.shape, *things.shape[-2:])
    return things.gather(-2, which.clamp(min=0)[..., None, None].expand(*which.shape, 1, facts)).squeeze(-2)


def _shown(xy: Tensor) -> Tensor:
    """Whether a place in a crop's percent lies inside it: (..., 2) -> (...)."""
    return ((xy >= 0) & (xy < 100)).all(dim=-1)


def _leading_digits(xy: Tensor) -> Tensor:
    """Tens and ones of x and of y, rounded as in the answer's text: (n, 2) -> (n, 4); 7.1 has 0 tens."""
    whole = (xy * 10).round().div(10).floor().clamp(0, 99).long()
    return torch.stack([whole // 10, whole % 10], dim=-1).flatten(1)
