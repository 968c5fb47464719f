"""The answers to lesson 03: the library's own functions, and slips that are easily made. Try first."""
import math

import torch

from lessons.compare import compare
from minimolmo.model import attention


def _random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# shares

def shares(query, keys):
    """Values that say nothing but whose they are turn the plate into the list of shares."""
    return attention.attend(query[None, None, None], keys[None, None],
                            torch.eye(len(keys))[None, None])[0, 0, 0]


def check_shares(yours):
    cases = [dict(query=torch.tensor([1.0]), keys=torch.tensor([[0.0], [math.log(3)]])),
             dict(query=torch.tensor([2.0, 0, 0, 0]), keys=torch.tensor([[0.0] * 4, [math.log(3), 0, 0, 0]])),
             dict(query=torch.tensor([1.0, -1.0]), keys=torch.tensor([[5.0, 5.0], [1.0, 0.0], [0.0, 1.0]]))]
    cases += [dict(query=_random(8, seed=n), keys=_random(5, 8, seed=n + 9)) for n in range(3)]
    compare(yours, shares, cases,
            because="Matches are divided by the root of d; then e to their power, over the sum.")


def _shares(scores):
    return scores.softmax(dim=-1)


wrong_shares = {
    "does not divide": lambda query, keys: _shares(keys @ query),
    "divides by d and not by its root": lambda query, keys: _shares(keys @ query / len(query)),
    "divides by the root of the number of keys": lambda query, keys: _shares(keys @ query / len(keys) ** 0.5),
    "forgets that shares add up to 1": lambda query, keys: (keys @ query / len(query) ** 0.5).exp(),
}


# heads_of

def heads_of(x, heads):
    return attention.split_heads(x, heads)


def check_heads_of(yours):
    sizes = [(1, 1, 4, 2), (1, 2, 4, 2), (1, 3, 4, 1), (2, 3, 6, 3), (2, 5, 12, 4)]
    compare(yours, heads_of, [dict(x=torch.arange(b * t * w).view(b, t, w), heads=h) for b, t, w, h in sizes],
            because="A head is a slice of neighbouring numbers of every vector: head 0 the first d of them.")


wrong_heads_of = {
    "reads on where the vector ends (a .view alone)": lambda x, heads: x.reshape(
        x.shape[0], heads, x.shape[1], -1),
    "deals the numbers out to the heads in turn, like cards": lambda x, heads: x.unflatten(
        -1, (-1, heads)).permute(0, 3, 1, 2),
    "forgets to bring the heads in front": lambda x, heads: x.unflatten(-1, (heads, -1)),
}


# attend

def attention(q, k, v, visible=None):
    return attention.attention(q, k, v, visible)


def _case(b, h, t, u, d, seed, visible=None):
    sizes = dict(q=(b, h, t, d), k=(b, h, u, d), v=(b, h, u, d))
    return {name: _random(*size, seed=seed + i) for i, (name, size) in enumerate(sizes.items())} | dict(
        visible=visible)


def check_attend(yours):
    one, two = torch.ones(1, 1, 1, 1), torch.tensor([0.0, math.log(3)]).view(1, 1, 2, 1)
    dishes, no_later = torch.tensor([0.0, 100.0]).view(1, 1, 2, 1), torch.ones(6, 6, dtype=torch.bool).tril()
    cases = [dict(q=one, k=two, v=dishes, visible=None),
             dict(q=one, k=two, v=dishes, visible=torch.tensor([True, False]).view(1, 1, 1, 2)),
             _case(1, 1, 2, 3, 4, 0), _case(1, 2, 3, 3, 4, 3, no_later[None, None, :3, :3]),
             _case(2, 3, 6, 6, 8, 6, no_later[None, None]), _case(2, 3, 2, 6, 8, 9, no_later[None, None, 4:])]
    compare(yours, attend, cases, because="A weighted mean of what is seen: shares add up to 1, and what "
                                          "is not seen has none.")


def _attend(q, k, v, visible, root, hide=float("-inf"), over=-1):
    scores = q @ k.transpose(-2, -1) / root
    return (scores if visible is None else scores.masked_fill(~visible, hide)).softmax(dim=over) @ v


def _masked_afterwards(q, k, v, visible=None):
    weights = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(dim=-1)
    return (weights if visible is None else weights * visible) @ v


wrong_attend = {
    "divides by the root of the whole width and not of one head": lambda q, k, v, visible=None: _attend(
        q, k, v, visible, (q.shape[1] * q.shape[-1]) ** 0.5),
    "takes the softmax over those who ask": lambda q, k, v, visible=None: _attend(
        q, k, v, visible, q.shape[-1] ** 0.5, over=-2),
    "sets hidden matches to 0, which still has a share": lambda q, k, v, visible=None: _attend(
        q, k, v, visible, q.shape[-1] ** 0.5, hide=0.0),
    "hides after the softmax, so that shares no longer add up to 1": _masked_afterwards,
    "forgets the mask": lambda q, k, v, visible=None: _attend(q, k, v, None, q.shape[-1] ** 0.5),
}
