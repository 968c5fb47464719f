"""Lesson 09: rotary positions, shared key and value heads, SwiGLU, and a KV cache.

`make start N=09` copies this file to mine/09_decoder.py: write there. `make check N=09` says how you stand.
`make hint N=09` gives hints, in three steps.
"""
import torch

BUILD = [  # `make blank N=09` empties these in mine/minimolmo, `make marks N=09` marks them
    "minimolmo/model/decoder.py:RMSNorm.forward",
    "minimolmo/model/attention.py:rotary_angles",
    "minimolmo/model/attention.py:apply_rotary",
    "minimolmo/model/attention.py:KVCache.extend",
    "minimolmo/model/decoder.py:GroupedQueryAttention.forward",
    "minimolmo/model/decoder.py:DecoderBlock.forward",
    "minimolmo/model/decoder.py:Decoder.forward",
    "minimolmo/model/mlp.py:SwiGLU.forward",
]


def rotate(x: torch.Tensor, position: int, theta: float) -> torch.Tensor:
    """One head's query or key (d,), rotated for its position.

    >>> rotate(torch.tensor([1.0, 2.0, 3.0, 4.0]), position=0, theta=10_000.0)
    tensor([1., 2., 3., 4.])

    Rule: for i = 0 ... d/2 - 1 the pair is a = x[i], b = x[i + d/2], and its angle is
          position * theta ** (-2 * i / d) radians; x[i] becomes a * cos - b * sin, x[i + d/2] becomes
          a * sin + b * cos.
    """
    raise NotImplementedError


def kv_head_of(heads: int, kv_heads: int) -> list[int]:
    """For each query head, the index of the key and value head that it uses.

    >>> kv_head_of(heads=6, kv_heads=2)
    [0, 0, 0, 1, 1, 1]

    Rule: kv_heads divides heads. The first heads / kv_heads query heads use 0, the next as many use 1,
          and so on.
    """
    raise NotImplementedError


def swiglu(x: torch.Tensor, gate: torch.Tensor, up: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """The gated MLP: x (..., in), gate and up (inner, in), down (out, inner), result (..., out).

    >>> one = torch.ones(1)
    >>> swiglu(one, 50 * one[None], 3 * one[None], 2 * one[None])
    tensor([300.])

    Rule: the flow in pipe j is the product of up's row j with x. Its valve is silu of the product of gate's
          row j with x, where silu(z) = z / (1 + exp(-z)). The result is down times (valve * flow).
    """
    raise NotImplementedError


def attend_with_cache(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, keys: torch.Tensor,
                      values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One new token attends to itself and the cache. One head: q, k, v (d,) are the token's; keys and values
    (T, d) are the cache's. Returns the output (d,), the new keys and the new values, each (T + 1, d).

    >>> one = torch.tensor([1.0])
    >>> attend_with_cache(one, one, 2 * one, keys=torch.ones(1, 1), values=4 * torch.ones(1, 1))
    (tensor([3.]), tensor([[1.],
            [1.]]), tensor([[4.],
            [2.]]))

    Rule: append k and v to the cache; the score of token t = (q times its key) / sqrt(d); weights = softmax
          of the scores over all T + 1 tokens; output = the sum of weight * value.
    """
    raise NotImplementedError
