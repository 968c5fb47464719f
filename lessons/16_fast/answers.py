"""The answers to lesson 16: the library's own functions, and slips that are easily made. Try first."""
import numpy as np
import torch

from lessons.compare import compare
from minimolmo.batch.collate import collate
from minimolmo.config import DecoderConfig, MolmoConfig
from minimolmo.flow import Crops, Sequence
from minimolmo.training.flops import forward_flops

# block_flops

def block_flops(tokens, width, heads, kv_heads, mlp):
    decoder = DecoderConfig(width=width, layers=1, heads=heads, kv_heads=kv_heads, mlp=mlp)
    return forward_flops(MolmoConfig(decoder=decoder), 1, 1, sequences=1, length=tokens, said=0)["decoder"]


def check_block_flops(yours):
    shapes = [(1, 2, 1, 1, 3), (3, 4, 1, 1, 2), (3, 8, 4, 4, 2), (3, 8, 4, 2, 2), (256, 96, 3, 3, 256),
              (1000, 3584, 28, 4, 18944)]
    names = "tokens", "width", "heads", "kv_heads", "mlp"
    compare(yours, block_flops, [dict(zip(names, shape)) for shape in shapes],
            because="2 m k n for each of: q, k, v, scores, sums, out, gate, up, down.")


wrong_block_flops = {
    "forgets that each multiplication has its addition": lambda **shape: block_flops(**shape) // 2,
    "counts scores and not sums": lambda tokens, width, **rest: (
        block_flops(tokens, width, **rest) - 2 * tokens * tokens * width),
    "gives every query head its own key and value head": lambda heads, kv_heads, **rest: (
        block_flops(heads=heads, kv_heads=heads, **rest)),
    "has two matrices in the SwiGLU": lambda tokens, width, mlp, **rest: (
        block_flops(tokens, width, mlp=mlp, **rest) - 2 * tokens * width * mlp),
}


# tin_sizes

def _sequence(tokens: int) -> Sequence:
    """A sequence of so many tokens with the smallest of pictures."""
    crops = Crops(np.zeros((1, 1, 3), np.float32), np.ones((1, 1), np.float32), np.zeros((1, 1), int),
                  ((1, 1),), (0, 0), np.zeros((1, 4), np.float32))
    said = np.zeros(tokens, int)
    return Sequence(said, said, said.astype(np.float32), said, said, crops, np.zeros((0, 6), np.float32))


def tin_sizes(lengths, batch, sizes):
    batches = [lengths[first:first + batch] for first in range(0, len(lengths), batch)]
    return [collate([_sequence(length) for length in each], sizes).ids.shape[1] for each in batches]


def check_tin_sizes(yours):
    cases = [([3], 1, (8,)), ([8], 1, (8, 16)), ([9], 1, (8, 16)), ([3, 9], 2, (8, 16)),
             ([9, 3, 5, 6], 2, (8, 16)), ([3, 9, 5, 17], 2, (8, 16)),
             ([100, 300, 120, 60, 500], 2, (128, 256, 384))]
    compare(yours, tin_sizes, [dict(zip(("lengths", "batch", "sizes"), case)) for case in cases],
            because="The first size that holds the batch's longest; a batch longer than all stays as it is.")


wrong_tin_sizes = {
    "looks at the first sequence of a batch alone": lambda lengths, batch, sizes: tin_sizes(
        lengths[::batch], 1, sizes),
    "wants a size that is truly larger": lambda lengths, batch, sizes: [
        next((size for size in sizes if size > max(lengths[i:i + batch])), max(lengths[i:i + batch]))
        for i in range(0, len(lengths), batch)],
    "cuts off what does not fit": lambda lengths, batch, sizes: [
        min(length, sizes[-1]) for length in tin_sizes(lengths, batch, sizes)],
    "sorts before it cuts": lambda lengths, batch, sizes: tin_sizes(sorted(lengths), batch, sizes),
}


# shares_of_the_loss

def shares_of_the_loss(losses):
    tokens = sum(map(len, losses))
    return [sum(mine) / max(tokens, 1) * len(losses) for mine in losses]  # as `train_step` and DDP do


def check_shares_of_the_loss(yours):
    rng = np.random.default_rng(0)
    cases = [[[6.0]], [[4.0], [2.0]], [[4.0, 2.0], [2.0, 2.0]], [[8.0], [2.0, 2.0, 2.0]], [[3.0, 1.0], []],
             [rng.integers(1, 9, size).astype(float).tolist() for size in (3, 1, 5, 2)]]
    compare(yours, shares_of_the_loss, [dict(losses=losses) for losses in cases],
            because="DDP takes the mean over processes; that must be the mean over all their tokens.")


wrong_shares_of_the_loss = {
    "gives each process's own mean": lambda losses: [sum(mine) / max(len(mine), 1) for mine in losses],
    "forgets that DDP divides by the number of processes": lambda losses: [
        share / len(losses) for share in shares_of_the_loss(losses)],
    "gives the sum": lambda losses: [sum(mine) for mine in losses],
}


# rows_of

def rows_of(rows, rank, world):
    parts = torch.arange(rows).chunk(world)
    return (int(parts[rank][0]), len(parts[rank])) if rank < len(parts) else (rows, 0)


def check_rows_of(yours):
    cases = [(4, 0, 1), (4, 0, 2), (4, 1, 2), (5, 0, 2), (5, 1, 2), (10, 3, 4), (9, 3, 4), (3, 3, 4),
             (6, 3, 4), (152064, 7, 8)]
    compare(yours, rows_of, [dict(rows=rows, rank=rank, world=world) for rows, rank, world in cases],
            because="Shares are rounded up, so the last processes get less, or nothing.")


wrong_rows_of = {
    "rounds down": lambda rows, rank, world: (rank * (rows // world), rows // world),
    "spreads the rest over the first processes": lambda rows, rank, world: (
        rank * (rows // world) + min(rank, rows % world), rows // world + (rank < rows % world)),
    "gives the last process rows that are not there": lambda rows, rank, world: (
        rank * -(-rows // world), -(-rows // world)),
}
