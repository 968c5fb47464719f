"""The answers to lesson 09: the library's own functions, and slips that are easily made. Try first."""
import torch
import torch.nn.functional as F

from lessons.compare import compare
from minimolmo.model.attention import apply_rotary, attention, repeat_kv, rotary_angles
from minimolmo.model.mlp import SwiGLU


def _random(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


# rotate

def rotate(x, position, theta):
    angles = rotary_angles(torch.tensor([[position]]), len(x), theta)
    return apply_rotary(x.view(1, 1, 1, -1), *angles).flatten()


def check_rotate(yours):
    small = [([1.0, 0.0], 1), ([0.0, 1.0], 1), ([1.0, 0.0, 0.0, 0.0], 1), ([0.0, 1.0, 0.0, 0.0], 100)]
    cases = [dict(x=torch.tensor(x), position=position, theta=10_000.0) for x, position in small]
    cases += [dict(x=_random(size, size)[0], position=position, theta=theta)
              for size, position, theta in [(8, 0, 100.0), (8, 7, 100.0), (16, 300, 10_000.0), (64, 9, 1e6)]]
    compare(yours, rotate, cases, tolerance=1e-4,
            because="Pair i is x[i] and x[i + d/2]; it rotates by theta ** (-2i/d) radians a position.")


def _neighbours(x, position, theta):
    mixed = rotate(torch.cat([x[0::2], x[1::2]]), position, theta)
    return torch.stack(mixed.chunk(2), dim=-1).flatten()


wrong_rotate = {
    "pairs each number with its neighbour": _neighbours,
    "rotates the other way": lambda x, position, theta: rotate(x, -position, theta),
    "takes i for 2i, so that the later pairs rotate too fast": lambda x, position, theta: rotate(
        x, position, theta ** 0.5),
}


# kv_head_of

def kv_head_of(heads, kv_heads):
    return repeat_kv(torch.arange(kv_heads).view(1, -1, 1, 1), heads).flatten().tolist()


def check_kv_head_of(yours):
    compare(yours, kv_head_of, [dict(heads=heads, kv_heads=kv_heads) for heads, kv_heads in
                              [(1, 1), (2, 1), (4, 2), (6, 2), (3, 3), (28, 4), (64, 8)]],
            because="Neighbours share: the first heads / kv_heads query heads all use head 0.")


wrong_kv_head_of = {
    "deals the key heads out in turn": lambda heads, kv_heads: [head % kv_heads for head in range(heads)],
    "divides by the number of key heads": lambda heads, kv_heads: [head // kv_heads for head in range(heads)],
}


# swiglu

@torch.no_grad()
def swiglu(x, gate, up, down):
    layer = SwiGLU(gate.shape[1], gate.shape[0], down.shape[0])
    for matrix, weight in ((layer.gate, gate), (layer.up, up), (layer.down, down)):
        matrix.weight.copy_(weight)
    return layer(x)


def check_swiglu(yours):
    one = torch.ones(1)
    cases = [dict(x=one, gate=a * one[None], up=b * one[None], down=c * one[None])
             for a, b, c in [(50, 3, 2), (-50, 3, 2), (2, 3, 10), (2, -3, 10)]]
    for seed, (width, inner, out) in enumerate([(2, 3, 2), (4, 8, 6)]):
        x, gate, up, down = _random(seed, (3, width), (inner, width), (inner, width), (out, inner))
        cases.append(dict(x=x, gate=gate, up=up, down=down))
    compare(yours, swiglu, cases, tolerance=1e-4,
            because="silu is applied to the gate only; its result is multiplied with up; down comes last.")


wrong_swiglu = {
    "applies silu to up and not to the gate": lambda x, gate, up, down: swiglu(x, up, gate, down),
    "adds where it should multiply": lambda x, gate, up, down: (F.silu(x @ gate.T) + x @ up.T) @ down.T,
    "applies a sigmoid": lambda x, gate, up, down: (torch.sigmoid(x @ gate.T) * (x @ up.T)) @ down.T,
}


# attend_with_cache

def attend_with_cache(q, k, v, keys, values):
    keys, values = torch.cat([keys, k[None]]), torch.cat([values, v[None]])
    return attention(q.view(1, 1, 1, -1), keys[None, None], values[None, None]).flatten(), keys, values


def check_attend_with_cache(yours):
    one = torch.tensor([1.0])
    cases = [dict(q=one, k=one, v=2 * one, keys=torch.zeros(0, 1), values=torch.zeros(0, 1)),
             dict(q=one, k=one, v=2 * one, keys=one[None], values=4 * one[None])]
    for length, size in [(1, 2), (3, 4), (9, 16)]:
        q, k, v, keys, values = _random(length, size, size, size, (length, size), (length, size))
        cases.append(dict(q=q, k=k, v=v, keys=keys, values=values))
    compare(yours, attend_with_cache, cases, tolerance=1e-4,
            because="Append first, as the new token attends to itself too; divide scores by sqrt(d).")


def _without_itself(q, k, v, keys, values):
    old = len(keys)
    _, new_keys, new_values = attend_with_cache(q, k, v, keys, values)
    weights = (new_keys[:old] @ q / len(q) ** 0.5).softmax(dim=0)
    return weights @ new_values[:old], new_keys, new_values


wrong_attend_with_cache = {
    "attends before it appends, so that it misses itself": _without_itself,
    "puts the new token in front": lambda q, k, v, keys, values: (
        attend_with_cache(q, k, v, keys, values)[0],
        torch.cat([k[None], keys]), torch.cat([v[None], values])),
    "forgets to divide by the root of the head size": lambda q, k, v, keys, values: attend_with_cache(
        q * len(q) ** 0.5, k, v, keys, values),
}


# the three steps of make hint

HINTS = {
    "rotate": (
        "It is the rotation of an arrow by an angle, once for each pair of numbers.",
        "Compute all d/2 angles at once, then work with the first half and the second half of x.",
        "torch.arange(0, d, 2) holds every 2 * i at once; x.chunk(2) gives both halves.",
    ),
    "kv_head_of": (
        "With 6 query heads and 2 key heads, three neighbours share one.",
        "How many query heads share one? Divide the head's index by that.",
        "integer division, head // (query heads that share one).",
    ),
    "swiglu": (
        "Three products of matrices, and one product number by number.",
        "Write silu first, as a function of its own or in one line.",
        "a matrix of shape (inner, in) is applied to the last axis by x @ matrix.T.",
    ),
    "attend_with_cache": (
        "The cache grows by one row, and the token attends to that row, too.",
        "After the append it is attention with one query: scores, softmax, weighted sum.",
        "the new token attends to itself too, so append first. An empty cache, T = 0, needs no case of "
        "its own.",
    ),
}
