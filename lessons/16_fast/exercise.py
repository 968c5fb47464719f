"""Lesson 16: count the work, avoid the air, and share what is left.

`make start N=16` copies this file to mine/16_fast.py: write there. `make check N=16` says how you stand.
"""

BUILD = [  # `make blank N=16` empties these in mine/minimolmo, `make marks N=16` marks them
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
          scores, once for the sums.
    Hint: the head size is width // heads. With heads = kv_heads, k and v are as wide as q.
    """
    raise NotImplementedError


def tin_sizes(lengths: list[int], batch: int, sizes: tuple[int, ...]) -> list[int]:
    """The length that each batch of `batch` sequences is filled up to, batches in the order given.

    >>> tin_sizes(lengths=[3, 9, 5, 17], batch_size=2, sizes=(8, 16))
    [16, 17]

    Rule: cut the lengths into batches as they stand. Of each take the longest; the first of `sizes` that is
          at least as long is the answer; if none is, the longest itself.
    Hint: next((size for size in sizes if ...), otherwise)
    """
    raise NotImplementedError


def shares_of_the_loss(losses: list[list[float]]) -> list[float]:
    """What each process must give, so that the mean over processes is the mean over all tokens.

    >>> shares_of_the_loss([[8.0], [2.0, 2.0, 2.0]])
    [4.0, 3.0]

    Rule: the sum of a process's own losses, divided by the number of tokens of all processes together,
          times the number of processes. A process without a token gives 0.
    Hint: count all tokens first; in train.py they are added up over the telephone.
    """
    raise NotImplementedError


def rows_of(rows: int, rank: int, world: int) -> tuple[int, int]:
    """Which rows of a weight process `rank` of `world` keeps: (the first, how many).

    >>> rows_of(rows=10, rank=3, world=4)
    (9, 1)

    Rule: a share is rows / world, rounded up. Process 0 takes the first share, process 1 the next ...;
          the last ones get what is left, and that may be none: then (rows, 0).
    Hint: -(-rows // world) rounds up. Neither the first row nor the end may lie beyond `rows`.
    """
    raise NotImplementedError
