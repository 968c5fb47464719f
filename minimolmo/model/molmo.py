"""The whole model: vision tower, pooling, projector, splice, decoder."""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minimolmo.config import MolmoConfig
from minimolmo.flow import Batch
from minimolmo.model.attention import KVCache, causal_mask
from minimolmo.model.decoder import Decoded, Decoder
from minimolmo.model.experts import StackedExpertWeight
from minimolmo.model.mlp import SwiGLU
from minimolmo.model.patch_embed import initial_positions, normalise_pixels
from minimolmo.model.pooling import AttentionPooling
from minimolmo.model.vit import VisionTransformer

IM_PATCH = 2  # the visual token's id is vocab + 2


class MiniMolmo(nn.Module):
    """The Molmo architecture at every size, from nano to Molmo-72B: only the config differs.

    Source: paper, Section 2 and its hyperparameter table.
    """

    def __init__(self, config: MolmoConfig):
        super().__init__()
        self.config = config
        vision, connector, decoder = config.vision, config.connector, config.decoder
        self.vit = VisionTransformer(config.image, vision)
        self.padding = nn.Parameter(torch.zeros(2, 2 * vision.width))  # for patches all or partly padding
        self.pooling = AttentionPooling(2 * vision.width, connector.width, connector.heads)
        self.projector = SwiGLU(connector.width, connector.mlp, decoder.width)
        self.extra_embedding = nn.Embedding(decoder.additional_vocab, decoder.width)  # special image tokens
        self.decoder = Decoder(decoder)
        init_weights(self)

    def encode_crops(self, patches: Tensor, patch_coverage: Tensor) -> Tensor:
        """Patch features, with learned vectors for padding: (C, S, 3*patch*patch), (C, S) -> (C, S, 2*D).

        Coverage 0 is all padding; below 1 is partly, and so is the -1 of official masks (`Crops`).
        """
        features = self.vit(normalise_pixels(patches))
        empty, partly = patch_coverage == 0, (patch_coverage != 0) & (patch_coverage < 1)
        return features + empty[..., None] * self.padding[0] + partly[..., None] * self.padding[1]

    def encode_images(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Patch features (C, S, 2*D) and visual tokens (V, D) of the batch's images."""
        features = self.encode_crops(batch.patches, batch.patch_coverage)
        return features, self.projector(self.pooling(features.flatten(0, 1), batch.pool_idx))

    def embed(self, ids: Tensor) -> Tensor:
        """Embeddings of token ids, (B, T) -> (B, T, D). Special image tokens have a separate matrix."""
        rows = self.config.decoder.rows
        text = self.decoder.embedding(ids.clamp(max=rows - 1))
        extra = self.extra_embedding((ids - rows).clamp(min=0))
        return torch.where((ids < rows)[..., None], text, extra)

    def splice(self, x: Tensor, ids: Tensor, visual: Tensor) -> Tensor:
        """Add the visual tokens, in reading order, to the embeddings of the im_patch tokens: (B, T, D)."""
        is_patch = ids == self.config.decoder.vocab + IM_PATCH                        # (B, T), V of them true
        return x.masked_scatter(is_patch[..., None], x[is_patch] + visual.to(x.dtype))

    def decode(self, batch: Batch, visual: Tensor, dropout: Tensor | None = None,
               cache: KVCache | None = None, keep: tuple[int, ...] = (),
               wanted: Tensor | None = None) -> Decoded:
        """Run the decoder over text and visual tokens, up to its output head. See `Decoder`."""
        x = self.splice(self.embed(batch.ids), batch.ids, visual)
        visible = causal_mask(batch.segment_ids)
        return self.decoder(x, batch.position, visible, dropout, cache, keep, wanted)

    def forward(self, batch: Batch) -> Tensor:
        """Logits of the next token at every position: (B, T, N)."""
        return self.decoder.logits(self.decode(batch, self.encode_images(batch)[1]).last)

    def loss(self, batch: Batch, hidden: Tensor, z_loss: float = 0.0) -> tuple[Tensor, Tensor]:
        """Weighted sums over the batch's answer tokens: (cross-entropy + z-loss, cross-entropy).

            hidden  (B, T, D), `Decoded.last`

        The caller divides by the weights of the *whole* global batch. That gives one mean over all answer
        tokens, not a mean of means (0.5-1 cap F1 better in the paper). Only answer tokens need the head.
        """
        is_answer = batch.loss_weight > 0                                             # (B, T)
        logits = self.decoder.logits(hidden[is_answer]).float()                       # (answer tokens, N)
        weight = batch.loss_weight[is_answer]
        cross_entropy = (weight * F.cross_entropy(logits, batch.targets[is_answer], reduction="none")).sum()
        z = (weight * logits.logsumexp(dim=-1) ** 2).sum()
        return cross_entropy + z_loss * z, cross_entropy.detach()

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Parameters of the three parts that have their own learning rates, without frozen ones (lora.py).

        The special image tokens' embeddings belong to the connector's parameters.
        """
        connector = [self.padding, *self.pooling.parameters(), *self.projector.parameters(),
                     *self.extra_embedding.parameters()]
        groups = {"vit": self.vit.parameters(), "connector": connector, "decoder": self.decoder.parameters()}
        return {name: [weight for weight in group if weight.requires_grad] for name, group in groups.items()}

    def matrices(self) -> dict[nn.Parameter, list[int]]:
        """The matrices of the blocks, the pooling and the projector, each with its pieces' numbers of rows.

        Queries, keys and values of the decoder are three pieces of one matrix.
        """
        parts = (self.vit.blocks, self.pooling, self.projector, self.decoder.blocks)
        weights = [module.weight for part in parts for module in part.modules()
                   if isinstance(module, nn.Linear)]
        fused = {block.attention.qkv.weight: block.attention.widths for block in self.decoder.blocks}
        return {weight: fused.get(weight, [len(weight)]) for weight in weights}


@torch.no_grad()
def init_weights(model: MiniMolmo) -> None:
    """Initialise a model's weights, in place, so that training works at any width.

    Matrices have standard deviation 1/sqrt(inputs), so activations keep their size. The last matrix of every
    residual branch is divided by sqrt(2*layers), so that the residual stream does not grow with depth. The
    usual constant 0.02 suits widths of some thousands. At width 96 it makes visual tokens of size 4e-5, whose
    squares are smaller than RMSNorm's eps, and the connector does not learn.
    """
    for module in model.modules():
        if isinstance(module, (nn.Linear, StackedExpertWeight)):
            module.weight.normal_(std=module.in_features ** -0.5)
            if module.bias is not None:
                module.bias.zero_()
    embed, decoder = model.vit.embed, model.decoder
    if embed.class_token is not None:
        embed.class_token.normal_(std=model.config.vision.width ** -0.5)
    embed.positions[embed.num_prefix:] = initial_positions(embed.position_grid, model.config.vision.width)
    for layer in (decoder.embedding, decoder.head, model.extra_embedding):
        layer.weight.normal_(std=model.config.decoder.width ** -0.5)
    decoder.norm.weight.fill_(0.2)  # about equal logits: the first loss is ln(vocabulary)
    for blocks in (model.vit.blocks, decoder.blocks):
        for block in blocks:
            block.attention.out.weight /= math.sqrt(2 * len(blocks))
            block.mlp.down.weight /= math.sqrt(2 * len(blocks))
