"""The answers to lesson 17: the library's own functions, and slips that are easily made. Try first."""
import torch
import torch.nn.functional as F

from lessons.compare import compare
from minimolmo.config import DecoderConfig, MolmoConfig
from minimolmo.model.experts import Experts
from minimolmo.weights import sizes


def _decoder(**settings) -> MolmoConfig:
    return MolmoConfig(decoder=DecoderConfig(**settings))


# block_numbers

def block_numbers(width, heads, kv_heads, mlp, bias):
    return sizes.count_parameters(_decoder(width=width, layers=1, heads=heads, kv_heads=kv_heads, mlp=mlp,
                                           qkv_bias=bias))["one block"]


def check_block_numbers(yours):
    names = "width", "heads", "kv_heads", "mlp", "bias"
    blocks = [(2, 1, 1, 1, False), (2, 1, 1, 1, True), (4, 2, 2, 3, False), (4, 2, 1, 3, True),
              (96, 3, 3, 256, True), (3584, 28, 4, 18944, True), (8192, 64, 8, 29568, True)]
    compare(yours, block_numbers, [dict(zip(names, block)) for block in blocks],
            because="q, k, v (and perhaps their biases), out, gate, up, down, and two norms.")


wrong_block_numbers = {
    "forgets the norms": lambda **block: block_numbers(**block) - 2 * block["width"],
    "never counts the biases": lambda bias, **block: block_numbers(bias=False, **block),
    "gives every query head its own key and value": lambda kv_heads, heads, **block: block_numbers(
        heads=heads, kv_heads=heads, **block),
    "has two matrices in the SwiGLU": lambda **block: block_numbers(**block) - block["width"] * block["mlp"],
}


# split_up_gate

def split_up_gate(ff_proj):
    return ff_proj.chunk(2)


def check_split_up_gate(yours):
    crates = [torch.arange(4.).view(2, 2), torch.arange(12.).view(4, 3), torch.arange(60.).view(12, 5)]
    compare(yours, split_up_gate, [dict(ff_proj=crate) for crate in crates],
            because="The upper half of the rows is up, the lower half is gate.")


wrong_split_up_gate = {
    "takes gate for up": lambda ff_proj: ff_proj.chunk(2)[::-1],
    "takes every other row": lambda ff_proj: (ff_proj[0::2], ff_proj[1::2].flip(0)),
    "cuts the columns": lambda ff_proj: ff_proj.tensor_split(2, dim=1),
}


# mixture

def mixture(x, router, gate, up, down, top_k):
    experts, inner, width = gate.shape
    layer = Experts(width, inner, experts, top_k)
    for part, weight in zip((layer.router, layer.gate, layer.up, layer.down), (router, gate, up, down)):
        part.weight.data = weight
    with torch.no_grad():
        return layer(x)


def _crew(tokens, width, inner, experts, top_k):
    torch.manual_seed(experts + top_k)
    return dict(x=torch.randn(tokens, width), router=torch.randn(experts, width),
                gate=torch.randn(experts, inner, width), up=torch.randn(experts, inner, width),
                down=torch.randn(experts, inner, width), top_k=top_k)


def check_mixture(yours):
    one = torch.ones(1, 1, 1)
    small = [dict(x=torch.tensor([[2.0]]), router=torch.zeros(1, 1), gate=one, up=3 * one, down=one, top_k=1),
             dict(x=torch.tensor([[2.0]]), router=torch.tensor([[0.0], [1.0]]), gate=one.repeat(2, 1, 1),
                  up=torch.tensor([[[3.0]], [[5.0]]]), down=one.repeat(2, 1, 1), top_k=1)]
    compare(yours, mixture, small + [_crew(1, 2, 3, 4, 2), _crew(3, 4, 2, 4, 4), _crew(9, 6, 5, 8, 2)],
            because="Softmax over all experts; the top_k largest are asked; their shares stay as they are.",
            tolerance=1e-4)


def _renormalised(x, router, gate, up, down, top_k):
    chosen = (x @ router.T).softmax(-1).topk(top_k).values.sum(-1, keepdim=True)
    return mixture(x, router, gate, up, down, top_k) / chosen


wrong_mixture = {
    "shares out again what the others would have had": _renormalised,
    "asks everybody": lambda router, top_k, **rest: mixture(router=router, top_k=len(router), **rest),
    "bends up in place of gate": lambda x, router, gate, up, down, top_k: mixture(
        x, router, up, gate, down, top_k),
    "lets each answer count alike": lambda x, router, gate, up, down, top_k: torch.stack([
        sum((F.silu(gate[e] @ token) * (up[e] @ token)) @ down[e]
            for e in (router @ token).topk(top_k).indices.tolist()) / top_k for token in x]),
}


# cache_bytes

def cache_bytes(tokens, layers, heads, kv_heads, width):
    return sizes.cache_bytes(_decoder(width=width, layers=layers, heads=heads, kv_heads=kv_heads), tokens)


def check_cache_bytes(yours):
    names = "tokens", "layers", "heads", "kv_heads", "width"
    answers = [(1, 1, 1, 1, 2), (10, 1, 2, 1, 8), (10, 3, 2, 2, 8), (2304, 28, 28, 4, 3584),
               (2304, 32, 32, 32, 4096)]
    compare(yours, cache_bytes, [dict(zip(names, answer)) for answer in answers],
            because="Tokens x layers x key and value heads x head size, twice (key, value), two bytes each.")


wrong_cache_bytes = {
    "keeps keys alone": lambda **answer: cache_bytes(**answer) // 2,
    "counts numbers and not bytes": lambda **answer: cache_bytes(**answer) // 2,
    "keeps a pair for every query head": lambda heads, kv_heads, **answer: cache_bytes(
        heads=heads, kv_heads=heads, **answer),
    "forgets the layers": lambda layers, **answer: cache_bytes(layers=1, **answer),
}
