"""The answers to lesson 17: the library's own functions, and plausible mistakes. Try first."""
import torch
import torch.nn.functional as F

from lessons.compare import compare
from minimolmo.config import DecoderConfig, MolmoConfig
from minimolmo.model.experts import Experts
from minimolmo.weights import sizes


def _decoder(**settings) -> MolmoConfig:
    return MolmoConfig(decoder=DecoderConfig(**settings))


# block_parameters

def block_parameters(width, heads, kv_heads, mlp, bias):
    return sizes.count_parameters(_decoder(width=width, layers=1, heads=heads, kv_heads=kv_heads, mlp=mlp,
                                           qkv_bias=bias))["one block"]


def check_block_parameters(yours):
    names = "width", "heads", "kv_heads", "mlp", "bias"
    blocks = [(2, 1, 1, 1, False), (2, 1, 1, 1, True), (4, 2, 2, 3, False), (4, 2, 1, 3, True),
              (96, 3, 3, 256, True), (3584, 28, 4, 18944, True), (8192, 64, 8, 29568, True)]
    compare(yours, block_parameters, [dict(zip(names, block)) for block in blocks],
            because="q, k, v (and perhaps their biases), out, gate, up, down, and two norms.")


wrong_block_parameters = {
    "forgets the norms": lambda **block: block_parameters(**block) - 2 * block["width"],
    "never counts the biases": lambda bias, **block: block_parameters(bias=False, **block),
    "gives every query head its own key and value head": lambda kv_heads, heads, **block: block_parameters(
        heads=heads, kv_heads=heads, **block),
    "has two matrices in the SwiGLU": lambda **block: (
        block_parameters(**block) - block["width"] * block["mlp"]),
}


# split_up_gate

def split_up_gate(ff_proj):
    return ff_proj.chunk(2)


def check_split_up_gate(yours):
    matrices = [torch.arange(4.).view(2, 2), torch.arange(12.).view(4, 3), torch.arange(60.).view(12, 5)]
    compare(yours, split_up_gate, [dict(ff_proj=matrix) for matrix in matrices],
            because="The upper half of the rows is up, the lower half is gate.")


wrong_split_up_gate = {
    "swaps gate and up": lambda ff_proj: ff_proj.chunk(2)[::-1],
    "takes every other row": lambda ff_proj: (ff_proj[0::2], ff_proj[1::2].flip(0)),
    "cuts the columns": lambda ff_proj: ff_proj.tensor_split(2, dim=1),
}


# mixture_of_experts

def mixture_of_experts(x, router, gate, up, down, top_k):
    experts, inner, width = gate.shape
    layer = Experts(width, inner, experts, top_k)
    for part, weight in zip((layer.router, layer.gate, layer.up, layer.down), (router, gate, up, down)):
        part.weight.data = weight
    with torch.no_grad():
        return layer(x)[0]


def _make_case(tokens, width, inner, experts, top_k):
    torch.manual_seed(experts + top_k)
    return dict(x=torch.randn(tokens, width), router=torch.randn(experts, width),
                gate=torch.randn(experts, inner, width), up=torch.randn(experts, inner, width),
                down=torch.randn(experts, inner, width), top_k=top_k)


def check_mixture_of_experts(yours):
    one = torch.ones(1, 1, 1)
    small = [dict(x=torch.tensor([[2.0]]), router=torch.zeros(1, 1), gate=one, up=3 * one, down=one, top_k=1),
             dict(x=torch.tensor([[2.0]]), router=torch.tensor([[0.0], [1.0]]), gate=one.repeat(2, 1, 1),
                  up=torch.tensor([[[3.0]], [[5.0]]]), down=one.repeat(2, 1, 1), top_k=1)]
    large = [_make_case(1, 2, 3, 4, 2), _make_case(3, 4, 2, 4, 4), _make_case(9, 6, 5, 8, 2)]
    compare(yours, mixture_of_experts, small + large, tolerance=1e-4,
            because="Softmax over all experts; the top_k largest count, and are not renormalised.")


def _renormalised(x, router, gate, up, down, top_k):
    total = (x @ router.T).softmax(-1).topk(top_k).values.sum(-1, keepdim=True)
    return mixture_of_experts(x, router, gate, up, down, top_k) / total


wrong_mixture_of_experts = {
    "renormalises the chosen weights": _renormalised,
    "chooses all experts": lambda router, top_k, **rest: mixture_of_experts(
        router=router, top_k=len(router), **rest),
    "swaps gate and up": lambda x, router, gate, up, down, top_k: mixture_of_experts(
        x, router, up, gate, down, top_k),
    "gives each chosen expert the same weight": lambda x, router, gate, up, down, top_k: torch.stack([
        sum((F.silu(gate[e] @ token) * (up[e] @ token)) @ down[e]
            for e in (router @ token).topk(top_k).indices.tolist()) / top_k for token in x]),
}


# cache_bytes

def cache_bytes(tokens, layers, heads, kv_heads, width):
    return sizes.cache_bytes(_decoder(width=width, layers=layers, heads=heads, kv_heads=kv_heads), tokens)


def check_cache_bytes(yours):
    names = "tokens", "layers", "heads", "kv_heads", "width"
    shapes = [(1, 1, 1, 1, 2), (10, 1, 2, 1, 8), (10, 3, 2, 2, 8), (2304, 28, 28, 4, 3584),
              (2304, 32, 32, 32, 4096)]
    compare(yours, cache_bytes, [dict(zip(names, shape)) for shape in shapes],
            because="Tokens x layers x key and value heads x head size, twice (key, value), two bytes each.")


wrong_cache_bytes = {
    "keeps only keys": lambda **shape: cache_bytes(**shape) // 2,
    "counts numbers and not bytes": lambda **shape: cache_bytes(**shape) // 2,
    "keeps a key and a value for every query head": lambda heads, kv_heads, **shape: cache_bytes(
        heads=heads, kv_heads=heads, **shape),
    "forgets the layers": lambda layers, **shape: cache_bytes(layers=1, **shape),
}


# the three steps of make hint

HINTS = {
    "block_parameters": (
        "List the seven matrices and the two norms, each with its sizes.",
        "k and v are narrower than q if heads share them. Only three matrices have a bias.",
        "a matrix from a numbers to b numbers has a * b parameters.",
    ),
    "split_up_gate": (
        "How many rows has the half?",
        "The order is the trap of this lesson: which one did the rule name first?",
        "rows are the first axis.",
    ),
    "mixture_of_experts": (
        "Solve one token and one expert first: that is a SwiGLU.",
        "The softmax is over all experts, before any is chosen.",
        "the weights of the other experts are lost. torch.topk gives values and indices.",
    ),
    "cache_bytes": (
        "What is stored for one token in one layer?",
        "Then multiply: tokens, layers, and the two bytes of a number.",
        "the head size is width // heads; the number of query heads does not matter otherwise.",
    ),
}
