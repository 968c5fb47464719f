"""The answers to lesson 16: the library's own functions, and plausible mistakes. Try first."""
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
    config = MolmoConfig(decoder=decoder)
    return forward_flops(config, crops=1, visual=1, sequences=1, length=tokens, answer_tokens=0)["decoder"]


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


# padded_lengths

def _make_sequence(tokens: int) -> Sequence:
    """A sequence of so many tokens with the smallest image."""
    crops = Crops(np.zeros((1, 1, 3), np.float32), np.ones((1, 1), np.float32), np.zeros((1, 1), int),
                  ((1, 1),), (0, 0), np.zeros((1, 4), np.float32))
    ids = np.zeros(tokens, int)
    return Sequence(ids, ids, ids.astype(np.float32), ids, ids, crops, np.zeros((0, 4), np.float32),
                    np.zeros((0, 2), np.int64))


def padded_lengths(lengths, batch_size, buckets):
    batches = [lengths[first:first + batch_size] for first in range(0, len(lengths), batch_size)]
    return [collate([_make_sequence(length) for length in batch], buckets).ids.shape[1] for batch in batches]


def check_padded_lengths(yours):
    cases = [([3], 1, (8,)), ([8], 1, (8, 16)), ([9], 1, (8, 16)), ([3, 9], 2, (8, 16)),
             ([9, 3, 5, 6], 2, (8, 16)), ([3, 9, 5, 17], 2, (8, 16)),
             ([100, 300, 120, 60, 500], 2, (128, 256, 384))]
    compare(yours, padded_lengths, [dict(zip(("lengths", "batch_size", "buckets"), case)) for case in cases],
            because="The first bucket that holds the batch's longest; a still longer batch is not padded.")


wrong_padded_lengths = {
    "uses only the first sequence of a batch": lambda lengths, batch_size, buckets: padded_lengths(
        lengths[::batch_size], 1, buckets),
    "takes only a bucket that is larger": lambda lengths, batch_size, buckets: [
        next((b for b in buckets if b > max(lengths[i:i + batch_size])), max(lengths[i:i + batch_size]))
        for i in range(0, len(lengths), batch_size)],
    "cuts off what does not fit": lambda lengths, batch_size, buckets: [
        min(length, buckets[-1]) for length in padded_lengths(lengths, batch_size, buckets)],
    "sorts before it cuts": lambda lengths, batch_size, buckets: padded_lengths(
        sorted(lengths), batch_size, buckets),
}


# scaled_losses

def scaled_losses(losses):
    tokens = sum(map(len, losses))
    return [sum(own) / max(tokens, 1) * len(losses) for own in losses]  # as `train_step` and DDP do


def check_scaled_losses(yours):
    rng = np.random.default_rng(0)
    cases = [[[6.0]], [[4.0], [2.0]], [[4.0, 2.0], [2.0, 2.0]], [[8.0], [2.0, 2.0, 2.0]], [[3.0, 1.0], []],
             [rng.integers(1, 9, size).astype(float).tolist() for size in (3, 1, 5, 2)]]
    compare(yours, scaled_losses, [dict(losses=losses) for losses in cases],
            because="DDP takes the mean over processes; that must be the mean over all their tokens.")


wrong_scaled_losses = {
    "gives each process's own mean": lambda losses: [sum(own) / max(len(own), 1) for own in losses],
    "forgets that DDP divides by the number of processes": lambda losses: [
        loss / len(losses) for loss in scaled_losses(losses)],
    "gives the sum": lambda losses: [sum(own) for own in losses],
}


# shard_rows

def shard_rows(rows, rank, world):
    shards = torch.arange(rows).chunk(world)
    return (int(shards[rank][0]), len(shards[rank])) if rank < len(shards) else (rows, 0)


def check_shard_rows(yours):
    cases = [(4, 0, 1), (4, 0, 2), (4, 1, 2), (5, 0, 2), (5, 1, 2), (10, 3, 4), (9, 3, 4), (3, 3, 4),
             (5, 3, 4), (6, 3, 4), (152064, 7, 8)]
    compare(yours, shard_rows, [dict(rows=rows, rank=rank, world=world) for rows, rank, world in cases],
            because="Shards are rounded up, so the last processes get less, or nothing.")


wrong_shard_rows = {
    "rounds down": lambda rows, rank, world: (rank * (rows // world), rows // world),
    "spreads the rest over the first processes": lambda rows, rank, world: (
        rank * (rows // world) + min(rank, rows % world), rows // world + (rank < rows % world)),
    "gives the last process rows that do not exist": lambda rows, rank, world: (
        rank * -(-rows // world), -(-rows // world)),
}


# the three steps of make hint

HINTS = {
    "block_flops": (
        "List the matrices of the block with their two sizes. Each costs the same formula for every "
        "token.",
        "Attention's two products depend on the square of the tokens, and are counted once for all "
        "heads.",
        "the head size is width // heads. With heads = kv_heads, k and v are as wide as q.",
    ),
    "padded_lengths": (
        "Three steps for each batch: its sequences, the longest, the bucket.",
        "A batch longer than all buckets keeps its own length.",
        "next((bucket for bucket in buckets if ...), otherwise)",
    ),
    "scaled_losses": (
        "Write down what the mean over the processes will do to your numbers. It must undo something.",
        "The count of tokens is that of all processes, the sum that of one.",
        "count all tokens first; train.py sums them over the processes.",
    ),
    "shard_rows": (
        "Cut 10 rows among 4 processes with paper: 3, 3, 3, 1. And 9 among 4?",
        "Where does a shard begin, and where does it end if there are rows enough? Then cap both.",
        "-(-rows // world) rounds up. Neither the first row nor the end may lie beyond `rows`.",
    ),
}
