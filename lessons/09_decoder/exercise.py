"""Lesson 09: clock hands, shared indexes, valves, and a log that is kept.

`make start N=09` copies this file to mine/09_decoder.py: write there. `make check N=09` says how you stand.
"""
import torch

BUILD = [  # `make blank N=09` empties these in mine/minimolmo, `make marks N=09` marks them
    "minimolmo/model/decoder.py:RMSNorm.forward",
    "minimolmo/model/decoder.py:rotary_angles",
    "minimolmo/model/decoder.py:rotate",
    "minimolmo/model/decoder.py:KVCache.extend",
    "minimolmo/model/decoder.py:GroupedQueryAttention.forward",
    "minimolmo/model/decoder.py:DecoderBlock.forward",
    "minimolmo/model/decoder.py:Decoder.forward",
    "minimolmo/model/mlp.py:SwiGLU.forward",
]


def turn(x: torch.Tensor, position: int, theta: float) -> torch.Tensor:
    """One head's vector (d,), turned as it stands at a position.

    >>> turn(torch.tensor([1.0, 2.0, 3.0, 4.0]), position=0, theta=10_000.0)
    tensor([1., 2., 3., 4.])

    Rule: for i = 0 ... d/2 - 1 the pair is a = x[i], b = x[i + d/2], and its angle is
          position * theta ** (-2 * i / d) radians; x[i] becomes a * cos - b * sin, x[i + d/2] becomes
          a * sin + b * cos.
    Hint: torch.arange(0, d, 2) holds every 2 * i at once; x.chunk(2) gives both halves.
    """
    raise NotImplementedError


def index_of(heads: int, kv_heads: int) -> list[int]:
    """For each query head, the number of the key and value head that it uses.

    >>> index_of(heads=6, kv_heads=2)
    [0, 0, 0, 1, 1, 1]

    Rule: kv_heads divides heads. The first heads / kv_heads query heads use 0, the next as many use 1,
          and so on.
    Hint: whole-number division, head // (how many share one).
    """
    raise NotImplementedError


def swiglu(x: torch.Tensor, gate: torch.Tensor, up: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """The gated MLP: x (..., in), gate and up (inner, in), down (out, inner), result (..., out).

    >>> one = torch.ones(1)
    >>> swiglu(one, 50 * one[None], 3 * one[None], 2 * one[None])
    tensor([300.])

    Rule: what flows in pipe j is the product of up's row j with x; its valve is silu of the product of
          gate's row j with x, where silu(z) = z / (1 + exp(-z)); what arrives is down times (valve * flow).
    Hint: a matrix of shape (inner, in) is applied to the last axis by x @ matrix.T.
    """
    raise NotImplementedError


def next_entry(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, keys: torch.Tensor,
               values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A new word looks back. One head: q, k, v (d,) are the new word's, keys and values (T, d) the log's.

    >>> one = torch.tensor([1.0])
    >>> next_entry(one, one, 2 * one, keys=torch.ones(1, 1), values=4 * torch.ones(1, 1))
    (tensor([3.]), tensor([[1.],
            [1.]]), tensor([[4.],
            [2.]]))

    Rule: write k and v behind the log; score of entry t = (q times its key) / sqrt(d); weights = softmax of
          the scores over all T + 1 entries; heard = the sum of weight * value. Give back heard (d,), the new
          keys, the new values, each (T + 1, d).
    Hint: the new word sees itself too, so write first and look back then. An empty log, T = 0, needs no case
          of its own.
    """
    raise NotImplementedError
