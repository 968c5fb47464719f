"""Lesson 17: count a Molmo's parameters, split an official matrix, and write a mixture of experts.

`make start N=17` copies this file to mine/17_molmo.py: write there. `make check N=17` compares it.
`make hint N=17` gives hints, in three steps.
"""
import torch

BUILD = [  # `make blank N=17` empties these in mine/minimolmo, `make marks N=17` tests them
    "minimolmo/model/experts.py:Experts.forward",
    "minimolmo/model/experts.py:routing_stats",
    "minimolmo/weights/official.py:official_names",
    "minimolmo/weights/sizes.py:cache_bytes",
]


def block_parameters(width: int, heads: int, kv_heads: int, mlp: int, bias: bool) -> int:
    """The number of parameters of a decoder block.

    >>> block_parameters(width=4, heads=2, kv_heads=1, mlp=3, bias=True)
    100

    Rule: q is width -> width; k and v are width -> kv_heads * head size each, where the head size is
          width / heads; with `bias` these three have one number more for each output. out is width -> width;
          gate and up are width -> mlp, down is mlp -> width, all without bias. Two norms of width each.
    """
    raise NotImplementedError


def split_up_gate(ff_proj: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The official decoder's ff_proj (2 * mlp, width) as two matrices (mlp, width): up and gate.

    >>> split_up_gate(torch.tensor([[1., 2.], [3., 4.]]))
    (tensor([[1., 2.]]), tensor([[3., 4.]]))

    Rule: the upper half of its rows is up, the lower half is gate.
    """
    raise NotImplementedError


def mixture_of_experts(x: torch.Tensor, router: torch.Tensor, gate: torch.Tensor, up: torch.Tensor,
                       down: torch.Tensor, top_k: int) -> torch.Tensor:
    """The experts' output: x (n, D), router (E, D), gate, up and down (E, inner, D) -> (n, D).

    >>> one = torch.ones(2, 1, 1)
    >>> router = torch.tensor([[1.], [1.]])
    >>> mixture_of_experts(torch.tensor([[2.]]), router, one, 3 * one, one, top_k=1).round(decimals=2)
    tensor([[5.2800]])

    Rule: for each token: its weights are the softmax of router @ token, over all experts; the top_k experts
          with the largest weights are chosen; the output of expert e is
          (silu(gate[e] @ token) * (up[e] @ token)) @ down[e]; outputs are summed, each times its weight.
    """
    raise NotImplementedError


def cache_bytes(tokens: int, layers: int, heads: int, kv_heads: int, width: int) -> int:
    """Bytes of the KV cache of one sequence, in bfloat16 (two bytes a number).

    >>> cache_bytes(tokens=10, layers=1, heads=2, kv_heads=1, width=8)
    160

    Rule: for each token, in each layer, for each key and value head: one key and one value of head size.
    """
    raise NotImplementedError
