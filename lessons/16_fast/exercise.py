"""Lesson 16: count FLOPs, avoid padding, and divide losses and weights among processes.

`make start N=16` copies this file to mine/16_fast.py: write there. `make check N=16` compares it.
`make hint N=16` gives hints, in three steps.
"""

BUILD = [  # `make blank N=16` empties these in mine/minimolmo, `make marks N=16` tests them
    "minimolmo/training/flops.py:forward_flops",
    "minimolmo/training/flops.py:training_flops",
    "minimolmo/training/compiler.py:pad_crops",
    "minimolmo/batch/collate.py:collate",
]


def block_flops(tokens: int, width: int, heads: int, kv_heads: int, mlp: int) -> int:
    """FLOPs of one decoder block, forward, on one sequence of so many tokens.

    >>> block_flops(tokens=1, width=2, heads=1, kv_heads=1, mlp=3)
    76

    Rule: an (m, k) by (k, n) product is 2 * m * k * n. Every token goes through: q (width -> width); k and v
          (each width -> kv_heads * width / heads); out (width -> width); gate and up (each width -> mlp);
          down (mlp -> width). And every query meets every key, over `width` numbers in all: once for the
          scores, once for the weighted sums of the values.
    """
    raise NotImplementedError


def padded_lengths(lengths: list[int], batch_size: int, buckets: tuple[int, ...]) -> list[int]:
    """The length that each batch of `batch_size` sequences is padded to, batches in the order given.

    >>> padded_lengths(lengths=[3, 9, 5, 17], batch_size=2, buckets=(8, 16))
    [16, 17]

    Rule: cut the lengths into batches in their order. Take the longest of each. The result is the first of
          `buckets` that is at least as long; if none is, the longest itself.
    """
    raise NotImplementedError


def scaled_losses(losses: list[list[float]]) -> list[float]:
    """A value for each process, whose mean over the processes is the mean over all tokens.

    >>> scaled_losses([[8.0], [2.0, 2.0, 2.0]])
    [4.0, 3.0]

    Rule: the sum of a process's own losses, divided by the number of tokens of all processes together,
          times the number of processes. A process without a token gives 0.
    """
    raise NotImplementedError


def shard_rows(rows: int, rank: int, world: int) -> tuple[int, int]:
    """The rows of a weight that process `rank` of `world` keeps: (the first, how many).

    >>> shard_rows(rows=10, rank=3, world=4)
    (9, 1)

    Rule: a shard is rows / world, rounded up. Process 0 takes the first shard, process 1 the next ...;
          the last ones get the rest, which may be none: then (rows, 0).
    """
    raise NotImplementedError
