"""Answers to lesson 03: the library's own functions, and likely mistakes. Try first."""
import math

import torch

from lessons.compare import compare
from minimolmo.model import attention as library


def _random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# attention_weights

def attention_weights(query, keys):
    """With one-hot values, the output of attention is the list of weights."""
    return library.attention(query[None, None, None], keys[None, None],
                             torch.eye(len(keys))[None, None])[0, 0, 0]


def check_attention_weights(yours):
    cases = [dict(query=torch.tensor([1.0]), keys=torch.tensor([[0.0], [math.log(3)]])),
             dict(query=torch.tensor([2.0, 0, 0, 0]), keys=torch.tensor([[0.0] * 4, [math.log(3), 0, 0, 0]])),
             dict(query=torch.tensor([200.0]), keys=torch.tensor([[1.0], [0.99], [0.0]])),
             dict(query=torch.tensor([1.0, -1.0]), keys=torch.tensor([[5.0, 5.0], [1.0, 0.0], [0.0, 1.0]]))]
    cases += [dict(query=_random(8, seed=n), keys=_random(5, 8, seed=n + 9)) for n in range(3)]
    compare(yours, attention_weights, cases,
            because="Scores are divided by the root of d; then e to their power, over the sum.")


wrong_attention_weights = {
    "does not divide": lambda query, keys: (keys @ query).softmax(dim=-1),
    "divides by d and not by its root": lambda query, keys: (keys @ query / len(query)).softmax(dim=-1),
    "divides by the root of the number of keys": lambda query, keys: (
        keys @ query / len(keys) ** 0.5).softmax(dim=-1),
    "takes e to the power of large scores, which is infinite": lambda query, keys: (
        lambda powers: powers / powers.sum())((keys @ query / len(query) ** 0.5).exp()),
    "forgets that weights add up to 1": lambda query, keys: (keys @ query / len(query) ** 0.5).exp(),
}


# split_heads

def split_heads(x, heads):
    return library.split_heads(x, heads)


def check_split_heads(yours):
    sizes = [(1, 1, 4, 2), (1, 2, 4, 2), (1, 3, 4, 1), (2, 3, 6, 3), (2, 5, 12, 4)]
    cases = [dict(x=torch.arange(b * t * w).view(b, t, w), heads=h) for b, t, w, h in sizes]
    compare(yours, split_heads, cases,
            because="A head is a slice of neighbouring numbers of every vector: head 0 the first d of them.")


wrong_split_heads = {
    "reads on where the vector ends (a .view alone)": lambda x, heads: x.reshape(
        x.shape[0], heads, x.shape[1], -1),
    "deals the numbers out to the heads in turn, like cards": lambda x, heads: x.unflatten(
        -1, (-1, heads)).permute(0, 3, 1, 2),
    "forgets to move the heads' axis before the queries'": lambda x, heads: x.unflatten(-1, (heads, -1)),
}


# attention

def attention(q, k, v, visible=None):
    return library.attention(q, k, v, visible)


def _case(b, h, t, u, d, seed, visible=None):
    sizes = dict(q=(b, h, t, d), k=(b, h, u, d), v=(b, h, u, d))
    return {name: _random(*size, seed=seed + i) for i, (name, size) in enumerate(sizes.items())} | dict(
        visible=visible)


def check_attention(yours):
    one, two = torch.ones(1, 1, 1, 1), torch.tensor([0.0, math.log(3)]).view(1, 1, 2, 1)
    values, causal = torch.tensor([0.0, 100.0]).view(1, 1, 2, 1), torch.ones(6, 6, dtype=torch.bool).tril()
    cases = [dict(q=one, k=two, v=values, visible=None),
             dict(q=one, k=two, v=values, visible=torch.tensor([True, False]).view(1, 1, 1, 2)),
             _case(1, 1, 2, 3, 4, 0), _case(1, 2, 3, 3, 4, 3, causal[None, None, :3, :3]),
             _case(2, 3, 6, 6, 8, 6, causal[None, None]), _case(2, 3, 2, 6, 8, 9, causal[None, None, 4:])]
    compare(yours, attention, cases,
            because="A weighted mean of values: weights add up to 1, and a masked key has weight 0.")


def _attention(q, k, v, visible, root, hidden_score=float("-inf"), softmax_dim=-1):
    scores = q @ k.transpose(-2, -1) / root
    if visible is not None:
        scores = scores.masked_fill(~visible, hidden_score)
    return scores.softmax(dim=softmax_dim) @ v


def _masked_after_softmax(q, k, v, visible=None):
    weights = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(dim=-1)
    return (weights if visible is None else weights * visible) @ v


wrong_attention = {
    "divides by the root of the whole width and not of one head": lambda q, k, v, visible=None: _attention(
        q, k, v, visible, (q.shape[1] * q.shape[-1]) ** 0.5),
    "takes the softmax over the queries": lambda q, k, v, visible=None: _attention(
        q, k, v, visible, q.shape[-1] ** 0.5, softmax_dim=-2),
    "sets masked scores to 0, which still have a weight": lambda q, k, v, visible=None: _attention(
        q, k, v, visible, q.shape[-1] ** 0.5, hidden_score=0.0),
    "masks after the softmax, so that weights no longer add up to 1": _masked_after_softmax,
    "forgets the mask": lambda q, k, v, visible=None: _attention(q, k, v, None, q.shape[-1] ** 0.5),
}


# the three steps of make hint

HINTS = {
    "attention_weights": (
        "Do it for one key first: a sum of products, divided by something that depends on d alone.",
        "The second half, from scores to weights, has a name and a function in torch.",
        "keys @ query are all sums at once; .softmax(dim=-1) does the rest.",
    ),
    "split_heads": (
        "Heads are slices of the width that lie side by side: head 0 has the first d numbers.",
        "Cutting an axis in two and exchanging two axes are two operations. Which comes first?",
        "cut the last axis into (heads, d) first, then swap two axes. A .view alone is not enough.",
    ),
    "attention": (
        "It is `attention_weights` for many queries, heads and sequences at once. The last two axes "
        "matter.",
        "Forbidden keys must get a weight of exactly 0. Which score gives e to the score = 0?",
        "scores = q @ k.transpose(-2, -1), divided; scores.masked_fill(~visible, -torch.inf); softmax; "
        "@ v.",
    ),
}
