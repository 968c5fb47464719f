"""A model's activations on one image: attention weights, pooling weights and logits.

    activations = record_activations(model, tokenizer, image, [("How many cups?", "There are 2.")])
    activations.attention[-1][:, 40, 5]      # how much token 40 attends to token 5 in the last block, by head

`forward` keeps no attention weights. Hooks record the inputs of the attention modules, and the weights are
computed again from queries and keys; tests/test_activations.py proves that they are the same.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from minimolmo.batch.collate import collate
from minimolmo.batch.sequence import build_sequence
from minimolmo.flow import IMAGE_SEGMENT, Crops, Sequence
from minimolmo.image.tiler import tile_image
from minimolmo.model.attention import apply_rotary, attention, attention_mask, split_heads
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text.prompts import question_prompt
from minimolmo.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Activations:
    """What a model computed on one image and several annotations, packed as in training.

    sequence   the model's input, with the image's crops
    tokens     the text of each of the T tokens; image tokens in brackets
    attention  attention weights of each decoder block, (H, T, T) float32: row t is query t's; rows sum to 1
    pooling    (V, H, K) float32: the weight of each of the K patches in visual token v
    logits     (T, N) float32, of the next token
    """
    sequence: Sequence
    tokens: list[str]
    attention: list[Tensor]
    pooling: Tensor
    logits: Tensor

    @property
    def crops(self) -> Crops:
        """The image's crops."""
        return self.sequence.crops

    def visual_positions(self) -> np.ndarray:
        """Indices of the V visual tokens in the sequence, in reading order."""
        is_patch = np.array(self.tokens) == "[patch]"
        return np.flatnonzero(is_patch & (self.sequence.segment_ids == IMAGE_SEGMENT))

    def overview_heat(self, block: int, token: int) -> np.ndarray:
        """Attention of one token to each patch of the overview, mean over heads: (side, side) float32.

        The attention to a visual token is divided among its patches by their pooling weights. It shows which
        positions the values come from, not what they contain: the ViT has mixed all patches before.
        """
        visual = self.attention[block].mean(dim=0)[token, self.visual_positions()]     # (V,)
        weights = self.pooling.mean(dim=1) * visual[:, None]                           # (V, K)
        patches = torch.zeros(self.crops.patch_coverage.size + 1)                      # -1 indexes the last
        index = torch.from_numpy(self.crops.pool_idx.flatten()) % len(patches)
        patches.index_add_(0, index, weights.flatten())
        side = round(self.crops.patch_coverage.shape[1] ** 0.5)
        return patches[:side * side].view(side, side).numpy()


@torch.no_grad()
def record_activations(model: MiniMolmo, tokenizer: Tokenizer, image: np.ndarray,
                       dialogues: list[tuple[str, str]], view: str = "bird") -> Activations:
    """Pack an image (H, W, 3) uint8 with (question, answer) pairs, run the model, record its activations."""
    crops = tile_image(image, model.config.image, model.config.image.max_crops(view))
    messages = [[tokenizer.encode(question_prompt(question)), tokenizer.encode(" " + answer)]
                for question, answer in dialogues]
    sequence = build_sequence(crops, messages, tokenizer, root_weights=True)
    batch = collate([sequence]).to(next(model.parameters()).device)
    pooling = [model.pooling.attention]
    blocks = [block.attention for block in model.decoder.blocks]
    with (record_attention_weights(pooling, pooling_attention_weights) as pooled,
          record_attention_weights(blocks, decoder_attention_weights) as attended):
        logits = model(batch)[0].float().cpu()
    tokens = [token_name(number, tokenizer) for number in sequence.ids.tolist()]
    return Activations(sequence, tokens, [weights[0] for weights in attended], pooled[0][:, :, 0], logits)


@contextmanager
def record_attention_weights(modules: list[nn.Module],
                             weights_of: Callable[..., Tensor]) -> Iterator[list[Tensor]]:
    """A list that fills with weights_of(module, *inputs), in the order in which the modules run."""
    recorded = []

    def hook(module: nn.Module, inputs: tuple, _output: Tensor) -> None:
        recorded.append(weights_of(module, *inputs).float().cpu())
    hooks = [module.register_forward_hook(hook) for module in modules]
    try:
        yield recorded
    finally:
        for handle in hooks:
            handle.remove()


def attention_weights(q: Tensor, k: Tensor, visible: Tensor | None = None) -> Tensor:
    """The attention weights of each query over the keys: (B, H, T, d), (B, G, U, d) -> (B, H, T, U).

    Attention is a weighted mean of values. If value u is row u of the identity, that mean is the weights.
    """
    identity = torch.eye(k.shape[2], dtype=q.dtype, device=q.device)
    return attention(q, k, identity.expand(len(k), 1, -1, -1), visible)


def decoder_attention_weights(module: nn.Module, x: Tensor, angles: tuple[Tensor, Tensor],
                              visible: Tensor | None, *_: object) -> Tensor:
    """Attention weights of a GroupedQueryAttention from its inputs: (B, H, T, T)."""
    return attention_weights(*queries_and_keys(module, x, angles), written_mask(visible, x))


def written_mask(visible: Tensor | None, x: Tensor) -> Tensor:
    """A decoder's mask as a tensor: None stands for the plain causal one, of all of x (B, T, D)."""
    length = x.shape[1]
    return torch.ones(1, 1, length, length, dtype=torch.bool).tril() if visible is None else visible


def queries_and_keys(module: nn.Module, x: Tensor, angles: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Rotated queries and keys of a GroupedQueryAttention: (B, T, D) -> (B, H, T, d), (B, G, T, d)."""
    q, k, _ = module.qkv(x).split(module.widths, dim=-1)
    q = apply_rotary(split_heads(module.q_norm(q), module.heads), *angles)
    k = apply_rotary(split_heads(module.k_norm(k), module.kv_heads), *angles)
    return q, k


def pooling_attention_weights(module: nn.Module, x: Tensor, context: Tensor) -> Tensor:
    """Attention weights of a MultiHeadAttention from its inputs: (B, H, T, U)."""
    return attention_weights(split_heads(module.query(x), module.heads),
                             split_heads(module.key(context), module.heads))


def token_name(number: int, tokenizer: Tokenizer) -> str:
    """The text of one token; for image tokens and end-of-text a name in brackets."""
    special = {tokenizer.im_start: "[start]", tokenizer.im_end: "[stop]", tokenizer.im_patch: "[patch]",
               tokenizer.im_col: "[row end]", tokenizer.eos: "[end]"}
    return special.get(number) or tokenizer.decode([number])


def segment_mask(sequence: Sequence) -> np.ndarray:
    """The attention mask with segments: (T, T) int, the segment of each visible key; -1 where masked."""
    segments = torch.from_numpy(sequence.segment_ids)[None]
    return np.where(attention_mask(segments, segments)[0, 0].numpy(), sequence.segment_ids, -1)
