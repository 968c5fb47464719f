"""The answers to lesson 00: the library's own functions, and slips that are easily made. Try first."""
import numpy as np
import torch

from lessons.compare import compare
from minimolmo.answer import sample_tokens
from minimolmo.batch.sequence import image_tokens
from minimolmo.config import ConnectorConfig, DecoderConfig, ImageConfig, MolmoConfig, VisionConfig
from minimolmo.image.tiler import tile_image
from minimolmo.model.molmo import MiniMolmo
from minimolmo.text.tokenizer import Tokenizer

# places

def places(grids):
    return len(image_tokens(tuple(grids), Tokenizer([], vocab=257)))


def check_places(yours):
    compare(yours, places, [dict(grids=grids) for grids in (
        [(1, 1)], [(1, 2)], [(2, 1)], [(4, 4)], [(4, 4), (4, 8)], [(12, 12), (20, 28)])],
        because="Each view has a sign before and one behind it, and each row a sign that closes it.")


wrong_places = {
    "counts the visual tokens alone": lambda grids: sum(r * c for r, c in grids),
    "closes each column and not each row": lambda grids: sum(2 + c * (r + 1) for r, c in grids),
    "puts the signs before and behind the picture once and not around each view":
        lambda grids: 2 + sum(r * (c + 1) for r, c in grids),
}


# shapes

@torch.no_grad()
def shapes(crop, patch, pool, see, think):
    model = MiniMolmo(MolmoConfig(
        ImageConfig(crop_size=crop, patch_size=patch, margins=(0, 0), pool=pool),
        VisionConfig(width=see, layers=2, heads=1, mlp=4), ConnectorConfig(width=4, heads=1, mlp=4),
        DecoderConfig(width=think, layers=1, heads=1, kv_heads=1, mlp=4, vocab=8)))
    crops = tile_image(np.zeros((crop, crop, 3), np.uint8), model.config.image, max_crops=0)
    features = model.encode_crops(torch.from_numpy(crops.patches), torch.from_numpy(crops.patch_coverage))[0]
    visual = model.projector(model.pooling(features, torch.tensor(crops.pool_idx)))
    return [crops.patches.shape[1:], tuple(features.shape), tuple(visual.shape)]


def check_shapes(yours):
    sizes = [(4, 2, 1, 4, 4), (4, 2, 2, 8, 4), (64, 8, 2, 96, 96), (6, 2, 2, 4, 6), (42, 14, 2, 8, 12)]
    compare(yours, shapes, [dict(crop=c, patch=p, pool=k, see=s, think=t) for c, p, k, s, t in sizes],
            because="Patches are flat squares of 3 colours, features two layers, visual tokens words.")


wrong_shapes = {
    "forgets that two layers of the ViT are kept": lambda crop, patch, pool, see, think: [
        shapes(crop, patch, pool, see, think)[0], ((crop // patch) ** 2, see),
        shapes(crop, patch, pool, see, think)[2]],
    "drops windows that stick out over the edge": lambda crop, patch, pool, see, think: [
        *shapes(crop, patch, pool, see, think)[:2], ((crop // patch // pool) ** 2, think)],
    "forgets the three colours": lambda crop, patch, pool, see, think: [
        ((crop // patch) ** 2, patch ** 2), *shapes(crop, patch, pool, see, think)[1:]],
}


# write_on

def write_on(scores_after, eos, most):
    said = []
    while len(said) < most:
        token = int(sample_tokens(torch.tensor([scores_after(said)]), temperature=0, generator=None))
        if token == eos:
            break
        said.append(token)
    return said


def _writer(seed, vocab):
    """A writer whose scores depend on all that was said."""
    class Writer:
        def __call__(self, said):
            return np.random.default_rng([seed, *said]).permutation(vocab).astype(float).tolist()

        def __repr__(self):
            return f"a writer with {vocab} words (seed {seed})"
    return Writer()


class _Ready:
    """A writer who says given words, whatever was said."""
    def __init__(self, *words):
        self.words = words

    def __call__(self, said):
        return [float(word == self.words[len(said) % len(self.words)]) for word in range(4)]

    def __repr__(self):
        return f"a writer who would say {', '.join(map(str, self.words))}, and again from the start"


def check_write_on(yours):
    writers = [_Ready(3), _Ready(1, 3), _Ready(1, 2, 1, 3), _Ready(2, 0), _Ready(0, 1, 2)]
    cases = [dict(scores_after=writer, eos=3, most=6) for writer in writers]
    cases += [dict(scores_after=_writer(seed, 5), eos=3, most=30) for seed in range(8)]
    compare(yours, write_on, cases, because="The best token is said and read again, until the best is eos.")


def _write(scores_after, eos, most, reread=True, keep_eos=False):
    said = []
    while len(said) < most:
        scores = scores_after(said if reread else said[-1:])
        said.append(scores.index(max(scores)))
        if said[-1] == eos:
            return said if keep_eos else said[:-1]
    return said


wrong_write_on = {
    "says eos aloud": lambda scores_after, eos, most: _write(scores_after, eos, most, keep_eos=True),
    "shows the writer the last token alone and not all that was said":
        lambda scores_after, eos, most: _write(scores_after, eos, most, reread=False),
    "does not stop at eos": lambda scores_after, eos, most: _write(scores_after, -1, most),
}
