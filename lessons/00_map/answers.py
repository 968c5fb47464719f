"""Answers to lesson 00: the library's own functions, and likely mistakes. Try first."""
import numpy as np
import torch

from lessons.compare import compare
from minimolmo.answer import sample_tokens
from minimolmo.batch.sequence import image_tokens
from minimolmo.config import ConnectorConfig, DecoderConfig, ImageConfig, MolmoConfig, VisionConfig
from minimolmo.image.tiler import tile_image
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text.tokenizer import Tokenizer

# num_image_tokens

def num_image_tokens(token_grids):
    return len(image_tokens(tuple(token_grids), Tokenizer([], vocab=257)))


def check_num_image_tokens(yours):
    compare(yours, num_image_tokens, [dict(token_grids=token_grids) for token_grids in (
        [(1, 1)], [(1, 2)], [(2, 1)], [(4, 4)], [(4, 4), (4, 8)], [(12, 12), (20, 28)])],
        because="Each grid has a start token and an end token, and a column token closes each row.")


wrong_num_image_tokens = {
    "counts the visual tokens alone": lambda token_grids: sum(r * c for r, c in token_grids),
    "closes each column and not each row": lambda token_grids: sum(2 + c * (r + 1) for r, c in token_grids),
    "counts one start and one end for the image and not for each grid":
        lambda token_grids: 2 + sum(r * (c + 1) for r, c in token_grids),
}


# shapes

@torch.no_grad()
def shapes(crop_size, patch_size, pool, vision_width, decoder_width):
    model = MiniMolmo(MolmoConfig(
        ImageConfig(crop_size=crop_size, patch_size=patch_size, margins=(0, 0), pool=pool),
        VisionConfig(width=vision_width, layers=2, heads=1, mlp=4), ConnectorConfig(width=4, heads=1, mlp=4),
        DecoderConfig(width=decoder_width, layers=1, heads=1, kv_heads=1, mlp=4, vocab=8)))
    crops = tile_image(np.zeros((crop_size, crop_size, 3), np.uint8), model.config.image, max_crops=0)
    features = model.encode_crops(torch.from_numpy(crops.patches), torch.from_numpy(crops.patch_coverage))[0]
    visual = model.projector(model.pooling(features, torch.tensor(crops.pool_idx)))
    return [crops.patches.shape[1:], tuple(features.shape), tuple(visual.shape)]


def check_shapes(yours):
    names = ("crop_size", "patch_size", "pool", "vision_width", "decoder_width")
    sizes = [(4, 2, 1, 4, 4), (4, 2, 2, 8, 4), (64, 8, 2, 96, 96), (6, 2, 2, 4, 6), (10, 2, 2, 4, 6),
             (42, 14, 2, 8, 12)]
    compare(yours, shapes, [dict(zip(names, size)) for size in sizes],
            because="Patches are flat squares of 3 colours, features two layers, visual tokens embeddings.")


def _one_layer(crop_size, patch_size, pool, vision_width, decoder_width):
    patches, _, visual = shapes(crop_size, patch_size, pool, vision_width, decoder_width)
    return [patches, (patches[0], vision_width), visual]


def _whole_windows(crop_size, patch_size, pool, vision_width, decoder_width):
    patches, features, _ = shapes(crop_size, patch_size, pool, vision_width, decoder_width)
    return [patches, features, ((crop_size // patch_size // pool) ** 2, decoder_width)]


def _no_colours(crop_size, patch_size, pool, vision_width, decoder_width):
    patches, features, visual = shapes(crop_size, patch_size, pool, vision_width, decoder_width)
    return [(patches[0], patch_size ** 2), features, visual]


wrong_shapes = {
    "forgets that two layers of the ViT are kept": _one_layer,
    "drops windows that reach beyond the crop's edge": _whole_windows,
    "forgets the three colours": _no_colours,
}


# generate

def generate(next_logits, eos, max_new_tokens):
    tokens = []
    while len(tokens) < max_new_tokens:
        logits = torch.tensor([next_logits(tokens)])
        token = int(sample_tokens(logits, temperature=0, generator=None))
        if token == eos:
            break
        tokens.append(token)
    return tokens


def _random_model(seed, vocab):
    """A model whose logits depend on all tokens so far."""
    class Model:
        def __call__(self, tokens):
            return np.random.default_rng([seed, *tokens]).permutation(vocab).astype(float).tolist()

        def __repr__(self):
            return f"a model with {vocab} tokens (seed {seed})"
    return Model()


class _FixedModel:
    """A model that predicts given tokens in turn, whatever came before."""
    def __init__(self, *tokens):
        self.tokens = tokens

    def __call__(self, tokens):
        return [float(token == self.tokens[len(tokens) % len(self.tokens)]) for token in range(4)]

    def __repr__(self):
        return f"a model that predicts {', '.join(map(str, self.tokens))}, and again from the start"


def check_generate(yours):
    models = [_FixedModel(*tokens) for tokens in ([3], [1, 3], [1, 2, 1, 3], [2, 0], [0, 1, 2])]
    cases = [dict(next_logits=model, eos=3, max_new_tokens=6) for model in models]
    cases += [dict(next_logits=_random_model(seed, 5), eos=3, max_new_tokens=30) for seed in range(8)]
    compare(yours, generate, cases,
            because="The best token is appended and read again, until the best is eos.")


def _generate(next_logits, eos, max_new_tokens, reread=True, keep_eos=False):
    tokens = []
    while len(tokens) < max_new_tokens:
        logits = next_logits(tokens if reread else tokens[-1:])
        tokens.append(logits.index(max(logits)))
        if tokens[-1] == eos:
            return tokens if keep_eos else tokens[:-1]
    return tokens


wrong_generate = {
    "keeps eos in the answer": lambda next_logits, eos, max_new_tokens: _generate(
        next_logits, eos, max_new_tokens, keep_eos=True),
    "gives the model the last token alone and not all tokens so far":
        lambda next_logits, eos, max_new_tokens: _generate(next_logits, eos, max_new_tokens, reread=False),
    "does not stop at eos": lambda next_logits, eos, max_new_tokens: _generate(
        next_logits, -1, max_new_tokens),
}


# the three steps of make hint

HINTS = {
    "num_image_tokens": (
        "Draw one grid of 2 rows and 3 columns on paper, and write down its tokens one after the other.",
        "Count what one grid costs, apart from the others. Then add up over the grids.",
        "a grid of r rows and c columns takes 2 + r * (c + 1) tokens.",
    ),
    "shapes": (
        "Go step by step: first how many patches stand in one line of the crop, then how many in all.",
        "A window of pool x pool patches needs a whole number of windows in a line: what happens to a "
        "rest?",
        "a line has crop_size // patch_size patches; its windows are that over pool, rounded up.",
    ),
    "generate": (
        "The loop of every language model: ask for logits, choose a token, append it, ask again.",
        "Two things end the loop: the number of tokens, and one special token. Test the second before "
        "you append.",
        "logits.index(max(logits)). `eos` itself is not part of the answer.",
    ),
}
