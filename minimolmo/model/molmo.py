"""The whole of Molmo: see, pool, project, splice, decode."""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.config import MolmoConfig
from minimolmo.flow import TRUNK, Batch
from minimolmo.model.decoder import Decoder, KVCache
from minimolmo.model.experts import Stack
from minimolmo.model.mlp import SwiGLU
from minimolmo.model.patch_embed import as_numbers, waves
from minimolmo.model.pooling import AttentionPooling
from minimolmo.model.vit import VisionTransformer

IM_PATCH = 2  # offset of the visual token's id behind the ordinary vocabulary


class MiniMolmo(nn.Module):
    """One architecture at every size, from nano to Molmo-72B: only the numbers in `config` differ.

    Source: paper, Section 2 and its hyperparameter table.
    """

    def __init__(self, config: MolmoConfig):
        super().__init__()
        self.config = config
        see, connect, speak = config.vision, config.connector, config.decoder
        self.vit = VisionTransformer(config.image, see)
        self.padding = nn.Parameter(torch.zeros(2, 2 * see.width))       # added where all, where some is pad
        self.pooling = AttentionPooling(2 * see.width, connect.width, connect.heads)
        self.projector = SwiGLU(connect.width, connect.mlp, speak.width)
        self.extra_embedding = nn.Embedding(speak.extra, speak.width)    # the special image tokens' rows
        self.decoder = Decoder(speak)
        initialise(self)

    def see(self, patches: Tensor, real: Tensor) -> Tensor:
        """Crops to patch features, told what is padding: (C, S, 3*patch*patch), (C, S) -> (C, S, 2*D)."""
        features = self.vit(as_numbers(patches))
        nothing, partly = (real == 0)[..., None], ((real != 0) & (real < 1))[..., None]
        return features + nothing * self.padding[0] + partly * self.padding[1]

    def look(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The batch's images: patch features (C, S, 2*D), and visual tokens (V, D) to stand among words."""
        features = self.see(batch.patches, batch.real)
        return features, self.projector(self.pooling(features.flatten(0, 1), batch.pool_idx))

    def embed(self, ids: Tensor) -> Tensor:
        """Ids to vectors, (B, T) -> (B, T, D); ids beyond the word table have their rows in a second one."""
        rows = self.config.decoder.rows
        words = self.decoder.embedding(ids.clamp(max=rows - 1))
        extra = self.extra_embedding((ids - rows).clamp(min=0))
        return torch.where((ids < rows)[..., None], words, extra)

    def splice(self, x: Tensor, ids: Tensor, visual: Tensor) -> Tensor:
        """Add the visual tokens, in reading order, to the embeddings of the im_patch tokens. (B, T, D)"""
        here = ids == self.config.decoder.vocab + IM_PATCH                            # (B, T), V of them true
        return x.masked_scatter(here[..., None], x[here] + visual.to(x.dtype))

    def read(self, batch: Batch, visual: Tensor, dropout: Tensor | None = None,
             cache: KVCache | None = None) -> Tensor:
        """Words and visual tokens through the decoder, up to its head: (B, T, D). See `Decoder`."""
        x = self.splice(self.embed(batch.ids), batch.ids, visual)
        return self.decoder(x, batch.position, who_sees_whom(batch.branch, batch.branch), dropout, cache)

    def forward(self, batch: Batch) -> Tensor:
        """(B, T, N): at every position a score for each possible next word."""
        return self.decoder.logits(self.read(batch, self.look(batch)[1]))

    def loss(self, batch: Batch, visual: Tensor, dropout: Tensor | None = None,
             z_loss: float = 0.0) -> tuple[Tensor, Tensor]:
        """Weighted sums over the batch's answer tokens: (cross-entropy + z-loss, cross-entropy alone).

        Divide by the weights of the *whole* global batch: one mean over all answer tokens, never a mean of
        means (worth 0.5-1 cap F1 in the paper). Only answer positions go through the head, the widest layer.
        """
        said = batch.loss_weight > 0                                                  # (B, T)
        logits = self.decoder.logits(self.read(batch, visual, dropout)[said]).float()  # (answer tokens, N)
        weight = batch.loss_weight[said]
        entropy = (weight * F.cross_entropy(logits, batch.targets[said], reduction="none")).sum()
        scale = (weight * logits.logsumexp(dim=-1) ** 2).sum()
        return entropy + z_loss * scale, entropy.detach()

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parts that train at rates of their own; the image tokens' embeddings go with the connector."""
        connector = [self.padding, *self.pooling.parameters(), *self.projector.parameters(),
                     *self.extra_embedding.parameters()]
        return {"vit": list(self.vit.parameters()), "connector": connector,
                "decoder": list(self.decoder.parameters())}


def who_sees_whom(asking: Tensor, asked: Tensor) -> Tensor:
    """Soundproof booths, all facing the same painting: may query q see key k?

        asking (B, T), asked (B, U)   branches; the last T of the U keys are the queries themselves
        returns (B, 1, T, U) bool     k comes no later than q, and is the image's or of q's own annotation

    Source: paper, Section 2, "multi-annotation". A padded token sees padding and the image, so no row of
    the softmax is empty; nobody sees padding.
    """
    order = torch.arange(asked.shape[1], device=asked.device)                          # (U,)
    no_later = order <= order[-asking.shape[1]:, None]                                 # (T, U)
    mine = asking[:, :, None] == asked[:, None, :]                                     # (B, T, U)
    image = (asked == TRUNK)[:, None, :]
    return (no_later & (mine | image))[:, None]


@torch.no_grad()
def initialise(model: MiniMolmo) -> None:
    """Random weights that learn from scratch at any width.

    Matrices keep the size of what flows through them (standard deviation 1/sqrt(inputs)); the last matrix
    of every residual branch is divided by sqrt(2*layers), so that a deep stack starts as quiet as a shallow
    one. A constant 0.02 suits widths of some thousands alone: at width 96 it makes visual tokens of size
    4e-5, whose squares vanish beside RMSNorm's eps, and the connector never wakes.
    """
    for module in model.modules():
        if isinstance(module, (nn.Linear, Stack)):
            module.weight.normal_(std=module.in_features ** -0.5)
            if module.bias is not None:
                module.bias.zero_()
    see, decoder = model.vit.embed, model.decoder
    if see.class_token is not None:
        see.class_token.normal_(std=model.config.vision.width ** -0.5)
    see.positions[see.first:] = waves(see.table, model.config.vision.width)
    for words in (decoder.embedding, decoder.head, model.extra_embedding):
        words.weight.normal_(std=model.config.decoder.width ** -0.5)
    decoder.norm.weight.fill_(0.2)  # all words start equally likely: the first loss is ln(vocabulary)
    for stack in (model.vit.blocks, decoder.blocks):
        for block in stack:
            block.attention.out.weight /= math.sqrt(2 * len(stack))
            block.mlp.down.weight /= math.sqrt(2 * len(stack))
