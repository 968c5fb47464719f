"""What happens inside while a model reads: who looked where, and which words it held likely.

    inside = read(model, tokenizer, image, [("Point to the red circle.", '<point x="61.5" ...')])
    inside.attention[-1][:, 40, 5]      # how much token 40 looked at token 5 in the last block, head by head

`forward` keeps no such weights. Hooks stand beside the attention modules, take what goes in, and compute them
once more from queries and keys; tests/test_inside.py proves that they are those that were used.
"""
from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.flow import TRUNK, Crops, Sequence
from minimolmo.image.tiler import tile_image
from minimolmo.model.attention import attend, split_heads
from minimolmo.model.decoder import rotate
from minimolmo.model.molmo import MiniMolmo, who_sees_whom
from minimolmo.text.prompts import question_prompt
from minimolmo.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Inside:
    """One picture and several talks about it, packed as in training, and what the model did as it read them.

    sequence   ids, branches, loss weights, and the picture's crops
    words      the text of each of the T tokens; image tokens in brackets
    attention  for each block of the decoder (H, T, T) float32: row t, whom token t looked at; rows sum to 1
    pooling    (V, H, K) float32: how much each of its K patches gave to visual token v
    scores     (T, N) float32: what the model would have said next, before the softmax
    """
    sequence: Sequence
    words: list[str]
    attention: list[Tensor]
    pooling: Tensor
    scores: Tensor

    @property
    def crops(self) -> Crops:
        """The picture as it was cut."""
        return self.sequence.crops

    def visual(self) -> np.ndarray:
        """Where the V visual tokens stand in the sequence, in reading order."""
        return np.flatnonzero((np.array(self.words) == "[patch]") & (self.sequence.branch == TRUNK))

    def overview_heat(self, block: int, token: int) -> np.ndarray:
        """How much a token looked at each patch of the overview, mean over heads: (side, side), share of 1.

        A visual token passes on what it got to its patches, in the shares in which pooling blended them. This
        says where numbers came from, not why: what a patch tells was mixed by the ViT before.
        """
        looked = self.attention[block].mean(dim=0)[token, self.visual()]                # (V,)
        given = self.pooling.mean(dim=1) * looked[:, None]                             # (V, K)
        patches = torch.zeros(self.crops.real.size + 1)                                # -1 finds the last
        places = torch.from_numpy(self.crops.pool_idx.flatten()) % len(patches)
        patches.index_add_(0, places, given.flatten())
        side = round(self.crops.real.shape[1] ** 0.5)
        return patches[:side * side].view(side, side).numpy()


@torch.no_grad()
def read(model: MiniMolmo, tokenizer: Tokenizer, image: np.ndarray, talks: list[tuple[str, str]],
         view: str = "bird") -> Inside:
    """Lay an image (H, W, 3) uint8 and (question, answer) pairs into one sequence, and watch it be read."""
    crops = tile_image(image, model.config.image, model.config.image.budget(view))
    messages = [[tokenizer.encode(question_prompt(question)), tokenizer.encode(" " + answer)]
                for question, answer in talks]
    sequence = build_sequence(crops, messages, tokenizer, root_weights=True)
    batch = collate([sequence]).to(next(model.parameters()).device)
    pooling = [model.pooling.attention]
    blocks = [block.attention for block in model.decoder.blocks]
    with watched(pooling, pooling_weights) as pooled, watched(blocks, decoder_weights) as looked:
        scores = model(batch)[0].float().cpu()
    words = [name_of(number, tokenizer) for number in sequence.ids.tolist()]
    return Inside(sequence, words, [weights[0] for weights in looked], pooled[0][:, :, 0], scores)


@contextmanager
def watched(modules: list[nn.Module], weigh):
    """A list that fills with weigh(module, *what went in), in the order in which the modules are run."""
    seen = []

    def note(module, inputs, _output):
        seen.append(weigh(module, *inputs).float().cpu())
    hooks = [module.register_forward_hook(note) for module in modules]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def weights(q: Tensor, k: Tensor, visible: Tensor | None = None) -> Tensor:
    """How much each query looks at each key: (B, H, T, d), (B, G, U, d) -> (B, H, T, U).

    Attention is a weighted mean of values. If value u is the u-th row of the identity, the mean *is* the
    weights.
    """
    everyone = torch.eye(k.shape[2], dtype=q.dtype, device=q.device)
    return attend(q, k, everyone.expand(len(k), 1, -1, -1), visible)


def decoder_weights(module: nn.Module, x: Tensor, angles, visible: Tensor | None, *_) -> Tensor:
    """Of a GroupedQueryAttention, from what goes into it: (B, H, T, T)."""
    q, k, _ = module.qkv(x).split(module.widths, dim=-1)
    q = rotate(split_heads(module.q_norm(q), module.heads), *angles)
    k = rotate(split_heads(module.k_norm(k), module.kv_heads), *angles)
    return weights(q, k, visible)


def pooling_weights(module: nn.Module, asking: Tensor, asked: Tensor) -> Tensor:
    """Of a MultiHeadAttention, from what goes into it: (B, H, T, U)."""
    return weights(split_heads(module.query(asking), module.heads),
                   split_heads(module.key(asked), module.heads))


def name_of(number: int, tokenizer: Tokenizer) -> str:
    """The text of one token."""
    special = {tokenizer.im_start: "[start]", tokenizer.im_end: "[stop]", tokenizer.im_patch: "[patch]",
               tokenizer.im_col: "[row end]", tokenizer.eos: "[end]"}
    return special.get(number) or tokenizer.decode([number])


def booths(inside: Inside) -> np.ndarray:
    """Who may look at whom, and whose words those are: (T, T) int, the branch of the key, -1 = may not."""
    branch = torch.from_numpy(inside.sequence.branch)[None]
    return np.where(who_sees_whom(branch, branch)[0, 0].numpy(), inside.sequence.branch, -1)
