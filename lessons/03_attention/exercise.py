"""Lesson 03: attention, from the weights of one query to many heads with a mask.

`make start N=03` copies this file to mine/03_attention.py: write there. `make check N=03` compares yours with
the library. Letters: B batch, H heads, T queries, U keys, d head size.
`make hint N=03` gives hints, in three steps.
"""
import torch

BUILD = [  # `make blank N=03` empties these in mine/minimolmo, `make marks N=03` marks them
    "minimolmo/model/attention.py:attention",
    "minimolmo/model/attention.py:repeat_kv",
    "minimolmo/model/attention.py:split_heads",
    "minimolmo/model/attention.py:merge_heads",
    "minimolmo/model/attention.py:MultiHeadAttention.forward",
]


def attention_weights(query: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """The weight of each key (U, d) for one query (d): U weights that add up to 1.

    >>> attention_weights(torch.tensor([0., 0.]), torch.tensor([[1., 2.], [3., 4.]]))
    tensor([0.5000, 0.5000])

    Rule: the score of key u is the sum of query[i] * keys[u, i] over all i, divided by the root of d.
          Its weight is e to the power of its score, divided by the sum of these over all keys.
          Scores of 200 occur, and e to the power of 200 is too large for a 32-bit number. The same number
          may be subtracted from all scores: no weight changes.
    """
    raise NotImplementedError


def split_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """Vectors (B, T, H*d) cut into heads, (B, H, T, d).

    >>> split_heads(torch.tensor([[[1, 2, 3, 4], [5, 6, 7, 8]]]), heads=2)
    tensor([[[[1, 2],
              [5, 6]],
    <BLANKLINE>
             [[3, 4],
              [7, 8]]]])

    Rule: entry i of head h of vector t is x[b, t, h * d + i].
    """
    raise NotImplementedError


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor,
              visible: torch.Tensor | None = None) -> torch.Tensor:
    """Attention: q (B, H, T, d), k and v (B, H, U, d) to (B, H, T, d).

    visible  (1, 1, T, U), true where query t may attend to key u; None = to every key

    >>> v = torch.tensor([[[[1.], [3.]]]])
    >>> attention(torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 2, 1), v)
    tensor([[[[2.]]]])

    Rule: for each b, h, t: the weights of q[b, h, t] over all keys u that it may attend to (the others have
          none); the result is the sum over u of weight[u] * v[b, h, u].
    """
    raise NotImplementedError
